/* What somebody meant. */
#include "common/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const words[] = { "check", "apply", "status", "sites", "explain", "up", "watch" };

static void finds_the_nearest(void **state)
{
    static const struct {
        const char *word, *meant;
    } rows[] = {
        {"check",         "check"  },
        { "chekc",        "check"  },
        { "chek",         "check"  },
        { "Check",        "check"  },
        { "stauts",       "status" },
        { "statsu",       "status" },
        { "site",         "sites"  },
        { "ap",           "up"     },
        { "explian",      "explain"},
        { "wacth",        "watch"  },
        { "sitse",        "sites"  },
        { "",             NULL     },
        { "z",            NULL     },
        { "xyz",          NULL     },
        { "incidents",    NULL     },
        { "chuck norris", NULL     },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *got = nearest_word(rows[i].word, words, sizeof words / sizeof *words);
        if (!rows[i].meant)
            assert_null(got);
        else {
            assert_non_null(got);
            assert_string_equal(got, rows[i].meant);
        }
    }
}

static void measures(void **state)
{
    static const struct {
        const char *a, *b;
        size_t steps;
    } rows[] = {
        {"",        "",        0},
        { "a",      "",        1},
        { "",       "abc",     3},
        { "abc",    "abc",     0},
        { "abc",    "ABC",     0},
        { "abc",    "acb",     1},
        { "kitten", "sitting", 3},
        { "ab",     "ba",      1},
        { "every",  "evry",    1},
    };
    char longest[80];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(nearest_distance(rows[i].a, rows[i].b), rows[i].steps);
        assert_int_equal(nearest_distance(rows[i].b, rows[i].a), rows[i].steps);
    }
    for (size_t i = 0; i < 79; i++)
        longest[i] = 'a';
    longest[79] = '\0';
    assert_true(nearest_distance(longest, "a") == SIZE_MAX);
    longest[63] = '\0';
    assert_int_equal(nearest_distance(longest, ""), 63);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(finds_the_nearest), cmocka_unit_test(measures) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
