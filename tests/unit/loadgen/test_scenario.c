/* Options and files say the same things in the same words. */
#include "loadgen/scenario.h"

#include "common/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void a_file_has_the_options_names(void **state)
{
    static const char file[] = "sites: 1000000\n"
                               "https: 2.5%\n"
                               "latency: 80ms\n"
                               "latency_p99: 900ms\n"
                               "every: 5m\n"
                               "resume: no\n"
                               "ca_file: /tmp/x.pem\n"
                               "hang: 5%\n"
                               "rules:\n"
                               "  - 2% answer 503\n"
                               "  - sites 100-200 answer 503 from 30s until 60s\n";
    struct scenario s;
    struct err err = { 0 };
    (void)state;
    scenario_init(&s);
    if (scenario_load_bytes(&s, "r.yaml", file, strlen(file), &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(s.sites, 1000000);
    assert_int_equal(s.https_ppm, 25000);
    assert_int_equal(s.latency_us, 80 * US_PER_MS);
    assert_int_equal(s.latency_p99_us, 900 * US_PER_MS);
    assert_false(s.resume);
    assert_string_equal(s.ca_file, "/tmp/x.pem");
    assert_int_equal(s.rules.n, 3);
    assert_int_equal(s.rules.rule[0].deed, DEED_HANG);
    assert_int_equal(s.rules.rule[0].us, 20 * US_PER_S);
    assert_int_equal(s.rules.rule[2].last, 200);
}

static const struct {
    const char *file, *says;
} mistakes[] = {
    {"sites: 0",                "r.yaml:1: sites: sites: '0' is no whole number"},
    { "sites: -5",              "no whole number"                               },
    { "sites: many",            "no whole number"                               },
    { "\nsights: 5",            "r.yaml:2: sights: there is no setting"         },
    { "https: 10",              "no share"                                      },
    { "https: 110%",            "no share"                                      },
    { "latency: 5",             "not a duration"                                },
    { "latency: 20m",           "too short or too long"                         },
    { "resume: maybe",          "neither yes nor no"                            },
    { "sites: [1]",             "one value is wanted"                           },
    { "rules: 2% answer 503",   "a list of lines"                               },
    { "rules: [[x]]",           "one line of words"                             },
    { "rules:\n  - 2% explode", "r.yaml:2: rules: rule '2% explode'"            },
    { "- sites",                "settings are wanted"                           },
};

static void mistakes_are_named_with_their_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct scenario s;
        struct err err = { 0 };
        scenario_init(&s);
        int r = scenario_load_bytes(&s, "r.yaml", mistakes[i].file, strlen(mistakes[i].file), &err);
        if (r >= 0 || !strstr(err.text, mistakes[i].says))
            fail_msg("%s: %d %s", mistakes[i].file, r, err.text);
    }
}

static const struct {
    const char *name, *value;
    int code;
    uint32_t addresses;
} together[] = {
    {"sites",      "1000",            0,       11  }, /* one for each 100 */
    { "sites",     "50",              0,       1   },
    { "sites",     "1000000",         0,       4096},
    { "addresses", "77",              0,       77  },
    { "base",      "127.1.0.1",       0,       11  },
    { "base",      "10.0.0.1",        -EINVAL, 0   }, /* loopback only */
    { "base",      "127.255.0.1",     -EINVAL, 0   }, /* no room above */
    { "base",      "localhost",       -EINVAL, 0   },
    { "dns",       "127.0.0.1:0",     0,       11  },
    { "dns",       "127.0.0.1",       -EINVAL, 0   },
    { "dns",       "127.0.0.1:",      -EINVAL, 0   },
    { "dns",       "127.0.0.1:99999", -EINVAL, 0   },
    { "dns",       "192.0.2.1:53",    -EINVAL, 0   },
    { "every",     "10s",             -EINVAL, 0   }, /* shorter than the timeout */
};

static void what_only_holds_together(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof together / sizeof *together; i++) {
        struct scenario s;
        struct crowd c;
        struct sockaddr_in dns;
        struct err err = { 0 };
        scenario_init(&s);
        assert_int_equal(scenario_set(&s, together[i].name, together[i].value, &err), 0);
        int r = scenario_finish(&s, &c, &dns, &err);
        if (r != together[i].code || (r == 0 && c.addresses != together[i].addresses))
            fail_msg("%s %s: %d, %s", together[i].name, together[i].value, r, err.text);
    }
}

static void every_row_can_be_set_or_says_why_not(void **state)
{
    struct scenario_row row;
    unsigned n = 0;
    (void)state;
    for (; scenario_row(n, &row); n++) {
        struct scenario s;
        struct err err = { 0 };
        scenario_init(&s);
        assert_true(scenario_set(&s, row.name, "\x01", &err) != -ENOENT);
        assert_true(strlen(row.says) > 10);
    }
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_has_the_options_names),
        cmocka_unit_test(mistakes_are_named_with_their_line),
        cmocka_unit_test(what_only_holds_together),
        cmocka_unit_test(every_row_can_be_set_or_says_why_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
