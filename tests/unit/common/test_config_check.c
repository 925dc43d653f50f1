/* What only holds when settings are seen together. */
#include "common/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ── Locations ─────────────────────────────────────────────────────────── */
static void test_locations(void **state)
{
    (void)state;
    static const struct {
        const char *locations, *jobs;
        unsigned i;
        const char *name, *endpoint; /* NULL: there is none */
    } rows[] = {
        {"local",    "tcp://127.0.0.1:7720", 0, "local", "tcp://127.0.0.1:7720"},
        { "local",   "tcp://127.0.0.1:7720", 1, NULL,    NULL                  },
        { "",        "tcp://127.0.0.1:7720", 0, NULL,    NULL                  },
        { "  ",      "tcp://127.0.0.1:7720", 0, NULL,    NULL                  },
        { "a,b",     "tcp://127.0.0.1:7720", 1, "b",     "tcp://127.0.0.1:7721"},
        { " a , b ", "tcp://127.0.0.1:7720", 0, "a",     "tcp://127.0.0.1:7720"},
        { " a , b ", "tcp://127.0.0.1:7720", 1, "b",     "tcp://127.0.0.1:7721"},
        { "a,b,c",   "tcp://[::1]:65533",    2, "c",     "tcp://[::1]:65535"   },
        { "a,b,c",   "tcp://[::1]:65534",    2, "c",     NULL                  },
        { "a,b",     "tcp://127.0.0.1:*",    1, "b",     "tcp://127.0.0.1:*"   },
        { "a,b",     "ipc:///run/jobs",      0, "a",     "ipc:///run/jobs"     },
        { "a,b",     "ipc:///run/jobs",      1, "b",     "ipc:///run/jobs.b"   },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config c;
        struct err err = { 0 };
        char name[LOCATION_SIZE] = "", endpoint[ENDPOINT_SIZE] = "";
        config_init(&c);
        strcpy(c.locations, rows[i].locations);
        strcpy(c.endpoint.jobs, rows[i].jobs);
        bool there = config_location(&c, rows[i].i, name, sizeof name);
        int r = config_jobs_endpoint(&c, rows[i].i, endpoint, sizeof endpoint, &err);
        if (there != !!rows[i].name || (there && strcmp(name, rows[i].name) != 0))
            fail_msg("'%s', %u: '%s'", rows[i].locations, rows[i].i, name);
        if ((r == 0) != !!rows[i].endpoint || (r == 0 && strcmp(endpoint, rows[i].endpoint) != 0))
            fail_msg("'%s', %u: %d '%s' '%s'", rows[i].jobs, rows[i].i, r, endpoint, err.text);
        if (r < 0)
            assert_int_equal(r == -EPROTONOSUPPORT ? -EINVAL : r,
                             there ? -EINVAL : -ENOENT); /* the former: the store */
    }
    struct config c;
    char small[8];
    config_init(&c);
    assert_int_equal(config_jobs_endpoint(&c, 0, small, sizeof small, NULL), -ENAMETOOLONG);
}

/* What a program set by itself is asked as well. */
static void test_check_asks_every_value_again(void **state)
{
    (void)state;
    struct config c;
    struct err err = { 0 };
    config_init(&c);
    strcpy(c.endpoint.results, "tcp://203.0.113.1:7712");
    assert_int_equal(config_check(&c, &err), -EINVAL);
    assert_non_null(strstr(err.text, "endpoint.results: 'tcp://203.0.113.1:7712' is not on a loopback"));

    config_init(&c);
    strcpy(c.worker.name, "no name");
    assert_int_equal(config_check(&c, &err), -EINVAL);
    assert_non_null(strstr(err.text, "worker.name: 'no name'"));
}

static void test_when_mail_needs_tls(void **state)
{
    (void)state;
    static const struct {
        const char *server, *tls, *user;
        bool needs;
    } rows[] = {
        {"smtp://mail.example.com:587",  "opportunistic", "",  false},
        { "smtp://mail.example.com:587", "opportunistic", "u", true },
        { "smtp://mail.example.com",     "opportunistic", "u", true },
        { "smtp://mail.example.com:587", "never",         "u", false},
        { "smtp://mail.example.com:587", "required",      "",  true },
        { "smtp://127.0.0.1:25",         "opportunistic", "u", false},
        { "smtp://localhost:25",         "opportunistic", "u", false},
        { "smtp://[::1]:25",             "opportunistic", "u", false},
        { "smtp://[2001:db8::1]:25",     "opportunistic", "u", true },
        { "smtp://127.0.0.1.example:25", "opportunistic", "u", true },
        { "smtp://127.0.0.1:25",         "required",      "",  true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config c;
        config_init(&c);
        strcpy(c.mail.server, rows[i].server);
        strcpy(c.mail.tls, rows[i].tls);
        strcpy(c.mail.user, rows[i].user);
        if (config_mail_needs_tls(&c) != rows[i].needs)
            fail_msg("%s %s '%s'", rows[i].server, rows[i].tls, rows[i].user);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_locations),
        cmocka_unit_test(test_check_asks_every_value_again),
        cmocka_unit_test(test_when_mail_needs_tls),
    };
    return cmocka_run_group_tests_name("config: seen together", tests, NULL, NULL);
}
