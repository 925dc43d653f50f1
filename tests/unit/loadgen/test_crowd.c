/* The formula: every program that knows it agrees about every site. */
#include "loadgen/crowd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct crowd crowd = { .sites = 1000,
                                    .per_domain = 4,
                                    .https_ppm = 250000,
                                    .base = 0x7f400001,
                                    .addresses = 7,
                                    .port = 7780,
                                    .seed = 1 };

static const struct {
    const char *name;
    uint32_t site;
} spellings[] = {
    {"s1.d1.test",                     1   },
    { "s4.d1.test",                    4   },
    { "s5.d2.test",                    5   },
    { "s17.d5.test",                   17  },
    { "S17.D5.TEST",                   17  },
    { "s17.d5.test.",                  17  },
    { "s17.d5.test:7780",              17  },
    { "s17.d5.test.:7780",             17  },
    { "s1000.d250.test",               1000},
    { "s1001.d251.test",               0   }, /* beyond the crowd */
    { "s17.d4.test",                   0   }, /* another one's domain */
    { "s0.d1.test",                    0   },
    { "s01.d1.test",                   0   },
    { "s.d1.test",                     0   },
    { "x17.d5.test",                   0   },
    { "s17.d5.tests",                  0   },
    { "s17.d5.tes",                    0   },
    { "s17.d5.test:77x",               0   },
    { "s17.d5",                        0   },
    { "d5.test",                       0   },
    { "test",                          0   },
    { "",                              0   },
    { "s99999999999999999999.d1.test", 0   },
};

static void every_spelling_of_a_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
        if (crowd_find(&crowd, spellings[i].name, strlen(spellings[i].name)) != spellings[i].site)
            fail_msg("%s", spellings[i].name);
}

static void what_is_written_is_found(void **state)
{
    char name[CROWD_NAME_SIZE], url[CROWD_URL_SIZE], expected[CROWD_URL_SIZE];
    struct crowd big = crowd;
    (void)state;
    big.sites = CROWD_MAX_SITES;
    big.per_domain = 1;
    for (uint64_t site = 1; site <= CROWD_MAX_SITES; site = site * 3 + 1) {
        int len = crowd_name(&big, (uint32_t)site, name, sizeof name);
        assert_in_range(len, 1, CROWD_NAME_SIZE - 1);
        assert_int_equal(crowd_find(&big, name, (size_t)len), site);
        assert_in_range(crowd_url(&big, (uint32_t)site, url, sizeof url), 1, CROWD_URL_SIZE - 1);
        snprintf(expected, sizeof expected, "http%s://%s:7780/", crowd_https(&big, (uint32_t)site) ? "s" : "",
                 name);
        assert_string_equal(url, expected);
    }
    assert_int_equal(crowd_name(&big, CROWD_MAX_SITES, name, sizeof name),
                     strlen("s100000000.d100000000.test"));
}

static void shares_are_what_they_say_and_stay(void **state)
{
    unsigned https = 0, same = 0;
    struct crowd other = crowd;
    (void)state;
    other.seed = 2;
    other.sites = 100000;
    for (uint32_t site = 1; site <= other.sites; site++) {
        https += crowd_https(&crowd, site);
        same += crowd_https(&crowd, site) == crowd_https(&other, site);
        assert_int_equal(crowd_https(&crowd, site), crowd_https(&crowd, site));
        assert_in_range(crowd_draw(&crowd, site, 1), 0, PPM - 1);
    }
    assert_in_range(https, 24500, 25500);
    assert_in_range(same, 61500, 63500); /* 1/4 * 1/4 + 3/4 * 3/4 of them: another seed is another crowd */
}

static void neighbours_share_an_address_and_none_is_left_out(void **state)
{
    unsigned used[7] = { 0 };
    (void)state;
    for (uint32_t site = 1; site <= crowd.sites; site++) {
        uint32_t at = crowd_address(&crowd, site);
        assert_in_range(at, crowd.base, crowd.base + 6);
        assert_int_equal(at, crowd_address(&crowd, (site - 1) / 4 * 4 + 1));
        used[at - crowd.base]++;
        assert_true(crowd_closed_address(&crowd, site) > crowd.base + 6);
    }
    for (unsigned i = 0; i < 7; i++)
        assert_in_range(used[i], 140, 148);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_of_a_name),
        cmocka_unit_test(what_is_written_is_found),
        cmocka_unit_test(shares_are_what_they_say_and_stay),
        cmocka_unit_test(neighbours_share_an_address_and_none_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
