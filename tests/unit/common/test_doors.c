/* Where a daemon listens, as others find it. */
#include "common/doors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_from_outside(void **state)
{
    (void)state;
    static const struct {
        const char *endpoint, *advertise, *outside; /* NULL: cannot be found */
    } rows[] = {
        {"tcp://192.0.2.7:7712",    "",              "tcp://192.0.2.7:7712"    },
        { "tcp://192.0.2.7:7712",   "v.example.com", "tcp://192.0.2.7:7712"    },
        { "tcp://0.0.0.0:7712",     "v.example.com", "tcp://v.example.com:7712"},
        { "tcp://*:7712",           "192.0.2.8",     "tcp://192.0.2.8:7712"    },
        { "tcp://[::]:7712",        "[2001:db8::1]", "tcp://[2001:db8::1]:7712"},
        { "tcp://0.0.0.0:7712",     "",              NULL                      },
        { "tcp://127.0.0.1:*",      "",              NULL                      },
        { "ipc:///run/v/results",   "v.example.com", "ipc:///run/v/results"    },
        { "ipc:///run/two words/r", "",              NULL                      },
        { "",                       "",              NULL                      },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char at[ENDPOINT_SIZE] = "unchanged";
        bool found = doors_outside(rows[i].endpoint, rows[i].advertise, at);
        assert_int_equal(found, rows[i].outside != NULL);
        assert_string_equal(at, rows[i].outside ? rows[i].outside : "unchanged");
    }
}

static void test_written_and_found(void **state)
{
    (void)state;
    char doors[120] = "", at[ENDPOINT_SIZE] = "unchanged", small[20] = "";
    doors_add(doors, sizeof doors, "results", "tcp://192.0.2.7:7712", "");
    doors_add(doors, sizeof doors, "jobs", "tcp://0.0.0.0:7720", "");
    doors_add(doors, sizeof doors, "feed", "tcp://*:7713", "v.example.com");
    assert_string_equal(doors, "results=tcp://192.0.2.7:7712 feed=tcp://v.example.com:7713");
    doors_add(small, sizeof small, "results", "tcp://192.0.2.7:7712", "");
    assert_string_equal(small, "");

    assert_true(doors_find(doors, "feed", at));
    assert_string_equal(at, "tcp://v.example.com:7713");
    assert_true(doors_find(doors, "results", at));
    assert_string_equal(at, "tcp://192.0.2.7:7712");

    static const char *const others[] = { "", "fee", "feedback", "jobs" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(doors_find(doors, others[i], at));
    assert_false(doors_find("feed= results=", "feed", at));
    assert_false(doors_find("", "feed", at));

    char giant[ENDPOINT_SIZE + 40] = "feed=";
    memset(giant + 5, 'x', ENDPOINT_SIZE);
    assert_false(doors_find(giant, "feed", at));
    assert_string_equal(at, "tcp://192.0.2.7:7712");
}

/* What the settings call it, when it is the same place. */
static void test_found_from_a_place(void **state)
{
    (void)state;
    static const struct {
        const char *doors, *endpoint, *advertise, *at;
    } rows[] = {
        {"results=tcp://a.example:7712",  "tcp://*:7712",         "a.example", "tcp://*:7712"        },
        { "results=tcp://b.example:7712", "tcp://*:7712",         "a.example", "tcp://b.example:7712"},
        { "results=tcp://b.example:7712", "tcp://127.0.0.1:7712", "",          "tcp://b.example:7712"},
        { "feed=tcp://b.example:7713",    "tcp://127.0.0.1:7712", "",          NULL                  },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char at[ENDPOINT_SIZE] = "";
        bool found = doors_find_from(rows[i].doors, "results", rows[i].endpoint, rows[i].advertise, at);
        assert_int_equal(found, rows[i].at != NULL);
        assert_string_equal(at, rows[i].at ? rows[i].at : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_outside),
        cmocka_unit_test(test_written_and_found),
        cmocka_unit_test(test_found_from_a_place),
    };
    return cmocka_run_group_tests_name("doors", tests, NULL, NULL);
}
