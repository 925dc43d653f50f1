/* Two clocks, and durations as people write them. */
#include "common/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define MINUTE   (60 * US_PER_S)

static const struct {
    const char *text;
    int64_t us;       /* -1: refused */
    const char *back; /* what duration_format makes of it */
} durations[] = {
    {"0s",                     0,                 "0s"                                              },
    { "0ms",                   0,                 "0s"                                              },
    { "1ms",                   US_PER_MS,         "1ms"                                             },
    { "250ms",                 250 * US_PER_MS,   "250ms"                                           },
    { "1000ms",                US_PER_S,          "1s"                                              },
    { "1500ms",                1500 * US_PER_MS,  "1500ms"                                          },
    { "30s",                   30 * US_PER_S,     "30s"                                             },
    { "90s",                   90 * US_PER_S,     "90s"                                             },
    { "120s",                  2 * MINUTE,        "2m"                                              },
    { "5m",                    5 * MINUTE,        "5m"                                              },
    { "60m",                   US_PER_HOUR,       "1h"                                              },
    { "6h",                    6 * US_PER_HOUR,   "6h"                                              },
    { "24h",                   US_PER_DAY,        "1d"                                              },
    { "14d",                   14 * US_PER_DAY,   "14d"                                             },
    { "05m",                   5 * MINUTE,        "5m"                                              },
    { "3660d",                 3660 * US_PER_DAY, "3660d"                                           },
    { "3661d",                 -1,                "is longer than ten years"                        },
    { "87841h",                -1,                "is longer than ten years"                        },
    { "9223372036854775807ms", -1,                "is longer than ten years"                        },
    { "99999999999999999999s", -1,                "is not a duration"                               },
    { "",                      -1,                "is not a duration like 250ms, 30s, 5m, 6h or 14d"},
    { "5",                     -1,                "'5' is not a duration"                           },
    { "s",                     -1,                "is not a duration"                               },
    { "5 s",                   -1,                "is not a duration"                               },
    { " 5s",                   -1,                "is not a duration"                               },
    { "5s ",                   -1,                "is not a duration"                               },
    { "+5s",                   -1,                "is not a duration"                               },
    { "-5s",                   -1,                "is not a duration"                               },
    { "1.5s",                  -1,                "is not a duration"                               },
    { "0x5s",                  -1,                "is not a duration"                               },
    { "5S",                    -1,                "is not a duration"                               },
    { "5us",                   -1,                "is not a duration"                               },
    { "5w",                    -1,                "is not a duration"                               },
    { "1h30m",                 -1,                "is not a duration"                               },
};

static void test_durations(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(durations); i++) {
        int64_t us = 77;
        char back[32];
        struct err err = { 0 };
        int r = duration_parse(durations[i].text, &us, &err);
        if (durations[i].us < 0) {
            if (r != -EINVAL || !strstr(err.text, durations[i].back) || us != 77)
                fail_msg("'%s': %d '%s'", durations[i].text, r, err.text);
            continue;
        }
        if (r != 0 || us != durations[i].us)
            fail_msg("'%s': %d, %lld us", durations[i].text, r, (long long)us);
        assert_ptr_equal(duration_format(back, sizeof back, us), back);
        assert_string_equal(back, durations[i].back);
    }
    char buf[32];
    assert_string_equal(duration_format(buf, sizeof buf, 1234567), "1234ms"); /* rounded down */
}

static void test_what_is_formatted_is_read_back(void **state)
{
    (void)state;
    for (int64_t ms = 1; ms < 3660LL * 86400 * 1000; ms = ms * 9 / 8 + 1) {
        char text[32];
        int64_t us = 0;
        assert_int_equal(duration_parse(duration_format(text, sizeof text, ms * US_PER_MS), &us, NULL), 0);
        assert_int_equal(us, ms * US_PER_MS);
    }
}

static void test_words(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        const char *words;
    } rows[] = {
        {0,                                               "0.0s"   },
        { 50 * US_PER_MS,                                 "0.0s"   },
        { 4250 * US_PER_MS,                               "4.2s"   },
        { 9999 * US_PER_MS,                               "9.9s"   },
        { 10 * US_PER_S,                                  "10s"    },
        { 59 * US_PER_S + 999999,                         "59s"    },
        { MINUTE,                                         "1m 0s"  },
        { 200 * US_PER_S,                                 "3m 20s" },
        { 59 * MINUTE + 59 * US_PER_S,                    "59m 59s"},
        { US_PER_HOUR,                                    "1h 0m"  },
        { 2 * US_PER_HOUR + 5 * MINUTE,                   "2h 5m"  },
        { 3 * US_PER_DAY + 4 * US_PER_HOUR + 59 * MINUTE, "3d 4h"  },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char buf[32];
        assert_string_equal(duration_words(buf, sizeof buf, rows[i].us), rows[i].words);
    }
}

static void test_times_for_people(void **state)
{
    (void)state;
    static const struct {
        wall_us at;
        const char *text;
    } rows[] = {
        {0,                          "-"                       },
        { -5,                        "-"                       },
        { WALL_NEVER,                "-"                       },
        { 1,                         "1970-01-01T00:00:00.000Z"},
        { INT64_C(1772357400125999), "2026-03-01T09:30:00.125Z"},
        { INT64_C(951782400000000),  "2000-02-29T00:00:00.000Z"},
        { INT64_C(4102444799999000), "2099-12-31T23:59:59.999Z"},
    };
    setenv("TZ", "Asia/Tokyo", 1); /* UTC all the same */
    tzset();
    for (size_t i = 0; i < COUNT(rows); i++) {
        char buf[32];
        assert_string_equal(wall_format(buf, sizeof buf, rows[i].at), rows[i].text);
    }
}

static void test_the_clocks_run(void **state)
{
    (void)state;
    mono_ns a = clock_mono();
    struct timespec five_ms = { .tv_nsec = 5000000 };
    nanosleep(&five_ms, NULL);
    mono_ns b = clock_mono();
    assert_true(b - a >= 5 * NS_PER_MS);
    assert_true(b - a < 60 * NS_PER_S);

    wall_us wall = clock_wall();
    time_t now = time(NULL);
    assert_true(llabs(wall / US_PER_S - (long long)now) <= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),      cmocka_unit_test(test_what_is_formatted_is_read_back),
        cmocka_unit_test(test_words),          cmocka_unit_test(test_times_for_people),
        cmocka_unit_test(test_the_clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
