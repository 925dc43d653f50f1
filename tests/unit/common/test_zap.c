/* May this peer come in? Every question that libzmq can ask. */
#include "common/zap.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void who_may_come_in(void **state)
{
    (void)state;
    static const struct access_key keys[] = {
        {.id = 7,              .public = "worker-eu", .role = ACCESS_WORKER, .location = "eu"},
        {                         .id = 8, .public = "watcher",   .role = ACCESS_READ                    },
        {             .id = 9,    .public = "revoked",          .role = ACCESS_WORKER,                              .location = "eu",           .revoked_us = 5 },
        { .id = 10,    .public = "expired",         .role = ACCESS_WORKER,                             .location = "eu",.expires_us = 50 },
    };
    static const struct {
        const char *what;
        struct zap_request q;
        const char *own, *status, *user;
    } rows[] = {
        {"a link of this host",         { "vedette", "NULL", "" },            "own", "200", ""                },
        { "... that claims a key",      { "vedette", "CURVE", "own" },        "own", "300", ""                },
        { "no key where one is needed", { "control", "NULL", "" },            "own", "300", ""                },
        { "a password",                 { "control", "PLAIN", "" },           "own", "300", ""                },
        { "the cluster's own",          { "control", "CURVE", "own" },        "own", "200", "self/0/"         },
        { "... anywhere",               { "jobs/us", "CURVE", "own" },        "own", "200", "self/0/"         },
        { "... where there is none",    { "control", "CURVE", "" },           "",    "300", ""                },
        { "a worker",                   { "control", "CURVE", "worker-eu" },  "own", "200", "worker/7/eu"     },
        { "its jobs",                   { "jobs/eu", "CURVE", "worker-eu" },  "own", "200", "worker/7/eu"     },
        { "others' jobs",               { "jobs/us", "CURVE", "worker-eu" },  "own", "300", ""                },
        { "the collector's answers",    { "feedback", "CURVE", "worker-eu" }, "own", "300", ""                },
        { "the news",                   { "feed", "CURVE", "worker-eu" },     "own", "300", ""                },
        { "who watches",                { "feed", "CURVE", "watcher" },       "own", "200", "operator-read/8/"},
        { "... and no more",            { "results", "CURVE", "watcher" },    "own", "300", ""                },
        { "a revoked one",              { "control", "CURVE", "revoked" },    "own", "300", ""                },
        { "an expired one",             { "control", "CURVE", "expired" },    "own", "300", ""                },
        { "a stranger",                 { "control", "CURVE", "who?" },       "own", "300", ""                },
        { "a door that is none",        { "cellar", "CURVE", "own" },         "own", "300", ""                },
        { "nothing at all",             { "", "", "" },                       "own", "300", ""                },
    };
    scoped(access_list) struct access_list *l = NULL;
    assert_int_equal(access_list_new(&l), 0);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_int_equal(access_list_add(l, &keys[i], 100), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct zap_answer a;
        zap_decide(&rows[i].q, rows[i].own, l, &a);
        if (strcmp(a.status, rows[i].status) != 0 || strcmp(a.user, rows[i].user) != 0)
            fail_msg("%s: %s '%s' (%s)", rows[i].what, a.status, a.user, a.text);
        assert_true(strlen(a.text) > 0 && strlen(a.text) < 256); /* RFC 27 */
        assert_int_equal(a.unknown, strcmp(a.text, "this key is not known") == 0);
    }
    struct zap_answer a;
    zap_decide(&rows[7].q, "own", NULL, &a); /* before the list is there */
    assert_string_equal(a.status, "300");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(who_may_come_in) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
