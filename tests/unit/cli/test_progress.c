/* How far along, how fast, how long still. */
#include "cli/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void writes_the_line(void **state)
{
    static const struct {
        uint64_t done, total;
        int64_t took_ms;
        unsigned width;
        const char *line;
    } rows[] = {
        {0,     1000,    0,     80, "[                              ]  0/1,000  0%"                        },
        { 0,    1000,    5000,  80, "[                              ]  0/1,000  0%"                        },
        { 10,   1000,    100,   80, "[                              ]  10/1,000  1%"                       }, /* too early for a rate */
        { 480,  1000,    4000,  80, "[==============                ]  480/1,000  48%  120/s  5s left"     },
        { 5,    10,      2000,  80, "[===============               ]  5/10  50%  2.5/s  2s left"          },
        { 999,  1000,    10000, 80, "[============================= ]  999/1,000  99%  100/s  1s left"     },
        { 1000, 1000,    10000, 80, "[==============================]  1,000/1,000  100%  100/s"           },
        { 100,  1000000, 10000, 80, "[                              ]  100/1,000,000  0%  10/s  1d 3h left"},
        { 480,  1000,    4000,  50, "[=======         ]  480/1,000  48%  120/s  5s left"                   },
        { 480,  1000,    4000,  40, "[==    ]  480/1,000  48%  120/s  5s left"                             },
        { 480,  1000,    4000,  20, "480/1,000  48%  120/"                                                 },
        { 0,    0,       4000,  60, "[==============================]  0/0  100%"                          },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char buf[120];
        struct progress p = { .done = rows[i].done, .total = rows[i].total, .began = 1000 };
        progress_line(buf, sizeof buf, &p, 1000 + rows[i].took_ms * NS_PER_MS, rows[i].width);
        if (strlen(buf) > rows[i].width)
            fail_msg("row %zu is %zu wide: %s", i, strlen(buf), buf);
        if (strncmp(buf, rows[i].line, 20) != 0 || strcmp(buf, rows[i].line) != 0)
            fail_msg("row %zu:\n  expected '%s'\n  got      '%s'", i, rows[i].line, buf);
    }
}

static void fits_any_buffer(void **state)
{
    struct progress p = { .done = 480, .total = 1000 };
    (void)state;
    for (size_t size = 2; size < 100; size++) {
        char *buf = malloc(size);
        progress_line(buf, size, &p, 4 * NS_PER_S, 80);
        assert_true(strlen(buf) < size);
        free(buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(writes_the_line),
                                        cmocka_unit_test(fits_any_buffer) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
