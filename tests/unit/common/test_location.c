/* Names of locations, and lists of them. (What is a name: test_job.c.) */
#include "common/location.h"
#include "common/site.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NAME31 "a123456789012345678901234567890"

static void lists_are_walked(void **state)
{
    static const struct {
        const char *list, *names;
        unsigned count;
        int eu; /* its place */
    } rows[] = {
        {"",               "",               0, -ENOENT},
        { "eu",            "eu|",            1, 0      },
        { "ap,eu",         "ap|eu|",         2, 1      },
        { "ap,eu-west,us", "ap|eu-west|us|", 3, -ENOENT},
        { ",ap,,eu,",      "ap|eu|",         2, 1      },
        { NAME31 ",eu",    NAME31 "|eu|",    2, 1      },
        { NAME31 "x,eu",   "eu|",            1, 0      },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *rest = rows[i].list;
        char name[LOCATION_SIZE], names[100] = "";
        while (location_next(&rest, name)) {
            strcat(names, name);
            strcat(names, "|");
        }
        assert_string_equal(names, rows[i].names);
        assert_int_equal(location_count(rows[i].list), rows[i].count);
        assert_int_equal(location_place(rows[i].list, "eu"), rows[i].eu);
    }
}

static void how_many_must_agree(void **state)
{
    static const struct {
        uint8_t from;
        unsigned locations, must;
    } rows[] = {
        {0,  0, 1},
        { 0, 1, 1},
        { 0, 2, 2},
        { 0, 5, 2},
        { 1, 5, 1},
        { 3, 5, 3},
        { 3, 2, 2},
        { 9, 0, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(site_needs(rows[i].from, rows[i].locations), rows[i].must);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_walked),
        cmocka_unit_test(how_many_must_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
