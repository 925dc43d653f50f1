/* Rules as people write them, and whom they befall. */
#include "loadgen/rule.h"

#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct crowd crowd = { .sites = 100000, .per_domain = 4, .addresses = 1, .seed = 1 };

static const struct {
    const char *text, *mistake; /* NULL: none */
} lines[] = {
    {"2% answer 503",                                NULL                        },
    { "0.125% of sites hang",                        NULL                        },
    { "5% hang 20s",                                 NULL                        },
    { "1% of requests reset",                        NULL                        },
    { "all slow 2s from 10m until 12m",              NULL                        },
    { "sites 100-200 answer 503 from 30s until 60s", NULL                        },
    { "site 7 refuse",                               NULL                        },
    { "site 7 show expired until 5s",                NULL                        },
    { "  site   7   show   wrong-name ",             NULL                        },
    { "site 7 show untrusted",                       NULL                        },
    { "site 7 nxdomain",                             NULL                        },
    { "site 7 servfail",                             NULL                        },
    { "site 7 mute",                                 NULL                        },
    { "site 7 close",                                NULL                        },
    { "",                                            "empty"                     },
    { "everybody hangs",                             "begin with all"            },
    { "2 answer 503",                                "begin with all"            },
    { "0% answer 503",                               "begin with all"            },
    { "101% answer 503",                             "begin with all"            },
    { "-1% answer 503",                              "begin with all"            },
    { "2% of users answer 503",                      "not of 'users'"            },
    { "sites 200-100 hang",                          "no site's number"          },
    { "sites 0-100 hang",                            "no site's number"          },
    { "site x hang",                                 "no site's number"          },
    { "sites 5- hang",                               "no site's number"          },
    { "site 7",                                      "nothing that a site can do"},
    { "site 7 explode",                              "nothing that a site can do"},
    { "site 7 show",                                 "nothing that a site can do"},
    { "site 7 answer",                               "no status"                 },
    { "site 7 answer 99",                            "no status"                 },
    { "site 7 answer 0503",                          "no status"                 },
    { "site 7 answer 600",                           "no status"                 },
    { "site 7 slow",                                 "not a duration"            },
    { "site 7 slow 5",                               "not a duration"            },
    { "site 7 hang 20",                              "not a duration"            },
    { "site 7 hang from 60s until 30s",              "ends before it begins"     },
    { "site 7 hang until 30s from 10s",              "one word too many"         },
    { "site 7 hang from",                            "not a duration"            },
    { "site 7 hang soon",                            "one word too many"         },
    { "1% of requests refuse",                       "befalls sites"             },
    { "1% of requests show expired",                 "befalls sites"             },
    { "a b c d e f g h i j k l m",                   "more than 12 words"        },
};

static void every_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct rules r = { 0 };
        struct err err = { 0 };
        int code = rules_add(&r, lines[i].text, &err);
        if ((code == 0) != (lines[i].mistake == NULL) || (code == 0) != (r.n == 1))
            fail_msg("'%s': %d %s", lines[i].text, code, err.text);
        if (code < 0 && !strstr(err.text, lines[i].mistake))
            fail_msg("'%s': %s", lines[i].text, err.text);
    }
}

static struct rules rules_of(const char *const *texts)
{
    struct rules r = { 0 };
    struct err err = { 0 };
    for (; *texts; texts++)
        if (rules_add(&r, *texts, &err) < 0)
            fail_msg("%s", err.text);
    return r;
}
#define RULES(...) rules_of((const char *const[]){ __VA_ARGS__, NULL })
#define S(x)       ((int64_t)(x)*US_PER_S)

static void the_first_that_fits_in_its_time(void **state)
{
    static const struct {
        uint32_t site;
        int64_t at_us;
        int rule;
    } moments[] = {
        {99,   S(45),     -1},
        { 100, S(0),      -1},
        { 100, S(30) - 1, -1},
        { 100, S(30),     0 },
        { 200, S(60) - 1, 0 },
        { 200, S(60),     -1},
        { 201, S(45),     -1},
        { 150, S(0),      1 },
        { 150, S(45),     0 },
        { 150, S(9999),   1 },
    };
    struct rules r = RULES("sites 100-200 answer 503 from 30s until 60s", "site 150 hang");
    (void)state;
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++)
        if (rules_find(&r, &crowd, moments[i].site, moments[i].at_us, RULES_NO_REQUEST) != moments[i].rule)
            fail_msg("row %zu", i);
}

static void shares_do_not_overlap_and_are_kept(void **state)
{
    struct rules r = RULES("2% answer 503", "5% hang 20s", "0.5% refuse");
    uint32_t n[3] = { 0 }, none = 0;
    (void)state;
    for (uint32_t site = 1; site <= crowd.sites; site++) {
        int i = rules_find(&r, &crowd, site, 0, RULES_NO_REQUEST);
        assert_int_equal(i, rules_find(&r, &crowd, site, S(1000), 5));
        if (i < 0)
            none++;
        else
            n[i]++;
    }
    assert_in_range(n[0], 1900, 2100);
    assert_in_range(n[1], 4800, 5200);
    assert_in_range(n[2], 430, 570);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(n[i], rule_sites(&r.rule[i], &crowd));
    assert_int_equal(none + n[0] + n[1] + n[2], crowd.sites);
}

static void luck_is_the_requests_own(void **state)
{
    struct rules r = RULES("10% of requests reset", "20% of requests answer 500");
    (void)state;
    assert_int_equal(rules_find(&r, &crowd, 1, 0, 0), 0);
    assert_int_equal(rules_find(&r, &crowd, 2, 0, 99999), 0);
    assert_int_equal(rules_find(&r, &crowd, 1, 0, 100000), 1);
    assert_int_equal(rules_find(&r, &crowd, 1, 0, 299999), 1);
    assert_int_equal(rules_find(&r, &crowd, 1, 0, 300000), -1);
    assert_int_equal(rules_find(&r, &crowd, 1, 0, RULES_NO_REQUEST), -1);
    assert_int_equal(rule_sites(&r.rule[0], &crowd), 0);
}

static void more_than_all_is_too_much(void **state)
{
    struct rules r = RULES("60% hang", "40% refuse");
    struct err err = { 0 };
    (void)state;
    assert_true(rules_add(&r, "0.1% close", &err) < 0);
    assert_non_null(strstr(err.text, "more than 100%"));
    assert_int_equal(r.n, 2);
    assert_int_equal(rules_add(&r, "100% of requests close", &err), 0);
    while (r.n < RULES_MAX)
        assert_int_equal(rules_add(&r, "site 1 hang", &err), 0);
    assert_true(rules_add(&r, "site 1 hang", &err) < 0);
}

static void a_range_ends_with_the_crowd(void **state)
{
    struct rules r = RULES("all hang", "sites 99999-200000 hang", "sites 200000-300000 hang");
    (void)state;
    assert_int_equal(rule_sites(&r.rule[0], &crowd), 100000);
    assert_int_equal(rule_sites(&r.rule[1], &crowd), 2);
    assert_int_equal(rule_sites(&r.rule[2], &crowd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line),
        cmocka_unit_test(the_first_that_fits_in_its_time),
        cmocka_unit_test(shares_do_not_overlap_and_are_kept),
        cmocka_unit_test(luck_is_the_requests_own),
        cmocka_unit_test(more_than_all_is_too_much),
        cmocka_unit_test(a_range_ends_with_the_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
