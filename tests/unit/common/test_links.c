/* Which program needs which key, and what a token changes. */
#include "common/links.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void set(struct config *c, const char *assignment)
{
    struct err err = { 0 };
    if (config_set(c, assignment, &err) < 0)
        fail_msg("%s", err.text);
}

static void keys_are_asked_for_where_links_leave_the_host(void **state)
{
    (void)state;
    static const struct {
        const char *set[4];
        const char *words; /* NULL: fine */
    } rows[] = {
        {{ NULL },                                                    NULL              },
        { { "endpoint.control=ipc:///run/x" },                        NULL              },
        { { "endpoint.control=tcp://0.0.0.0:7711" },
         "endpoint.control: 'tcp://0.0.0.0:7711' is not on a loopback"                  },
        { { "endpoint.feed=tcp://[::]:7713" },                        "vedette keygen"  },
        { { "endpoint.jobs=tcp://192.0.2.1:7720" },                   "keys.server_file"},
        { { "endpoint.control=tcp://*:7711", "keys.server_file=/k" }, NULL              },
        { { "keys.loopback=true" },                                   "keys.loopback"   },
        { { "keys.loopback=true", "keys.server_file=/k" },            NULL              },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config c;
        struct err err = { 0 };
        config_init(&c);
        for (size_t k = 0; k < 4 && rows[i].set[k]; k++)
            set(&c, rows[i].set[k]);
        int r = config_check(&c, &err);
        if (rows[i].words ? r != -EINVAL || !strstr(err.text, rows[i].words) : r != 0)
            fail_msg("row %zu: %d (%s)", i, r, err.text);
    }
}

/* Somebody who may not read the key's file can watch a feed that needs none. */
static void the_file_is_read_only_when_it_is_needed(void **state)
{
    (void)state;
    static const struct {
        const char *set;
        int want[3]; /* cluster, worker, operator */
    } rows[] = {
        {"log.level=off",                     { 0, 0, 0 }                  },
        { "endpoint.control=tcp://0.0.0.0:1", { -ENOENT, -ENOENT, 0 }      },
        { "endpoint.feed=tcp://0.0.0.0:1",    { -ENOENT, 0, -ENOENT }      },
        { "endpoint.jobs=tcp://0.0.0.0:1",    { -ENOENT, 0, 0 }            },
        { "keys.loopback=true",               { -ENOENT, -ENOENT, -ENOENT }},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (enum links_as as = LINKS_CLUSTER; as <= LINKS_OPERATOR; as++) {
            scoped(bus) struct bus *b = NULL;
            struct config c;
            struct err err = { 0 };
            config_init(&c);
            set(&c, "keys.server_file=/tmp/there-is/no-such.key");
            set(&c, rows[i].set);
            if (links_new(&b, &c, as, &err) != rows[i].want[as])
                fail_msg("%s as %d: %s", rows[i].set, (int)as, err.text);
            if (rows[i].want[as] < 0)
                assert_non_null(strstr(err.text, "keys.server_file: there is no file"));
        }
}

static void make_token(char text[TOKEN_SIZE], enum access_role role)
{
    struct token t = {
        .role = role, .n_addresses = 1, .address = { "203.0.113.9:7711" }, .expires_us = 1780000000000000
    };
    struct key_pair k;
    assert_int_equal(key_pair_make(&k, NULL), 0);
    strcpy(t.server, k.public);
    strcpy(t.secret, k.secret);
    strcpy(t.location, role == ACCESS_WORKER ? "eu-west" : "");
    assert_int_equal(token_write(&t, text, NULL), 0);
}

static void a_token_says_where_and_who(void **state)
{
    (void)state;
    char text[TOKEN_SIZE], assignment[TOKEN_SIZE + 32];
    scoped(bus) struct bus *b = NULL;
    struct config c;
    struct err err = { 0 };
    make_token(text, ACCESS_WORKER);
    snprintf(assignment, sizeof assignment, "worker.join=%s", text);
    config_init(&c);
    set(&c, assignment);
    assert_int_equal(config_check(&c, &err), 0); /* its location need not be among ours */
    assert_int_equal(links_join(&c, LINKS_OPERATOR, &err), 0);
    assert_string_equal(c.endpoint.feed, "tcp://127.0.0.1:7713");
    assert_int_equal(links_join(&c, LINKS_WORKER, &err), 0);
    assert_string_equal(c.endpoint.control, "tcp://203.0.113.9:7711");
    assert_string_equal(c.worker.location, "eu-west");
    assert_int_equal(c.worker.join_ends_us, 1780000000000000);
    if (links_new(&b, &c, LINKS_WORKER, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(bus_is_keyed(b, "tcp://127.0.0.1:7711")); /* through a tunnel, say */
    assert_false(bus_serves_keys(b));
}

static void a_token_is_for_one_role(void **state)
{
    (void)state;
    char text[TOKEN_SIZE], assignment[TOKEN_SIZE + 32];
    struct config c;
    struct err err = { 0 };
    make_token(text, ACCESS_READ);
    config_init(&c);
    snprintf(assignment, sizeof assignment, "worker.join=%s", text);
    set(&c, assignment);
    assert_int_equal(links_join(&c, LINKS_WORKER, &err), -EINVAL);
    assert_non_null(strstr(err.text, "worker.join: this token is for the role 'operator-read'"));

    make_token(text, ACCESS_WORKER);
    config_init(&c);
    snprintf(assignment, sizeof assignment, "operator.join=%s", text);
    set(&c, assignment);
    assert_int_equal(links_join(&c, LINKS_OPERATOR, &err), -EINVAL);
    text[20] ^= 1;
    snprintf(assignment, sizeof assignment, "worker.join=%s", text);
    assert_int_equal(config_set(&c, assignment, &err), -EINVAL);
    assert_null(strstr(err.text, text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_asked_for_where_links_leave_the_host),
        cmocka_unit_test(the_file_is_read_only_when_it_is_needed),
        cmocka_unit_test(a_token_says_where_and_who),
        cmocka_unit_test(a_token_is_for_one_role),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
