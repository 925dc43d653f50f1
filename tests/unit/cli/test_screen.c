/* What a narrow terminal shows of the status line. */
#include "cli/screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_status_line_is_cut_between_its_parts(void **state)
{
    static const struct {
        const char *line;
        int width, cut;
    } rows[] = {
        {"3 sites: 3 up | 2 workers",                80, 80},
        { "3 sites: 3 up | 2 workers",               25, 25},
        { "3 sites: 3 up | 2 workers",               24, 13},
        { "3 sites: 3 up | 2 workers | 1.5 looks/s", 26, 25},
        { "3 sites: 3 up | 2 workers",               13, 13},
        { "3 sites: 3 up | 2 workers",               12, 12}, /* nowhere to cut: within the first part */
        { "",                                        10, 10},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(screen_cut(rows[i].line, rows[i].width), rows[i].cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_status_line_is_cut_between_its_parts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
