#include "worker/candidates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Addresses in and out as words with spaces between. */
static void read_answer(const char *words, struct dns_answer *ret)
{
    char copy[400], *rest = NULL;
    *ret = (struct dns_answer){ .status = NAME_OK };
    snprintf(copy, sizeof copy, "%s", words);
    for (char *one = strtok_r(copy, " ", &rest); one; one = strtok_r(NULL, " ", &rest)) {
        struct address a;
        assert_int_equal(address_parse(one, &a), 0);
        if (address_family(&a) == AF_INET)
            ret->v4[ret->n_v4++] = a;
        else
            ret->v6[ret->n_v6++] = a;
    }
}

static const char *in_words(const struct candidates *c, char *buf, size_t size)
{
    char text[ADDRESS_SIZE];
    size_t len = 0;
    buf[0] = '\0';
    for (unsigned i = 0; i < c->n; i++)
        len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? " " : "", address_format(text, &c->at[i]));
    return buf;
}

static void the_order_and_what_is_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *allow;
        unsigned turn;
        uint16_t port;
        const char *from, *come, *refused;
        bool wrong_port;
    } rows[] = {
        {"",            0, 80, "1.1.1.1",                              "1.1.1.1",                              NULL,        false},
        { "",           0, 80, "2606:4700::1 2606:4700::2 1.1.1.1",    "1.1.1.1 2606:4700::1 2606:4700::2",    NULL,        false},
        { "",           0, 80, "1.1.1.1 1.1.1.2 1.1.1.3 2606:4700::1", "1.1.1.1 2606:4700::1 1.1.1.2 1.1.1.3", NULL,
         false                                                                                                                   },
        { "",           1, 80, "1.1.1.1 1.1.1.2 1.1.1.3 2606:4700::1", "1.1.1.2 2606:4700::1 1.1.1.3 1.1.1.1", NULL,
         false                                                                                                                   },
        { "",           2, 80, "1.1.1.1 1.1.1.2 2606:4700::1",         "1.1.1.1 2606:4700::1 1.1.1.2",         NULL,        false},
        { "",           0, 80, "10.0.0.1 1.1.1.1 ::1",                 "1.1.1.1",                              NULL,        false},
        { "",           0, 80, "10.0.0.1 127.0.0.1",                   "",                                     "10.0.0.1",  false},
        { "",           1, 80, "10.0.0.1 127.0.0.1",                   "",                                     "127.0.0.1", false},
        { "10.0.0.0/8", 0, 80, "10.0.0.1 127.0.0.1",                   "10.0.0.1",                             NULL,        false},
        { "",           0, 25, "1.1.1.1",                              "",                                     "1.1.1.1",   true },
        { "",           0, 25, "127.0.0.1 1.1.1.1 1.1.1.2",            "",                                     "1.1.1.1",   true },
        { "10.0.0.0/8", 0, 25, "10.0.0.1 1.1.1.1",                     "10.0.0.1",                             NULL,        true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct address_policy policy;
        struct dns_answer from;
        struct candidates c;
        char buf[800], text[ADDRESS_SIZE];
        assert_int_equal(address_policy_parse(rows[i].allow, &policy, NULL), 0);
        read_answer(rows[i].from, &from);
        candidates_choose(&c, &from, rows[i].turn, &policy, rows[i].port);
        if (strcmp(in_words(&c, buf, sizeof buf), rows[i].come) != 0)
            fail_msg("row %zu: %s", i, buf);
        assert_int_equal(c.wrong_port, rows[i].wrong_port);
        if (rows[i].refused)
            assert_string_equal(address_format(text, &c.refused), rows[i].refused);
    }
}

static void hosts_that_nobody_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool numeric;
        bool known;
        unsigned n_v4, n_v6;
    } rows[] = {
        {"192.0.2.1",       true,  true,  1, 0},
        { "2001:db8::1",    true,  true,  0, 1},
        { "localhost",      false, true,  1, 1},
        { "a.localhost",    false, true,  1, 1},
        { "localhost.org",  false, false, 0, 0},
        { "example.com",    false, false, 0, 0},
        { "not an address", true,  false, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dns_answer a;
        assert_int_equal(candidates_known(rows[i].host, rows[i].numeric, &a), rows[i].known);
        assert_int_equal(a.n_v4, rows[i].n_v4);
        assert_int_equal(a.n_v6, rows[i].n_v6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_and_what_is_left_out),
        cmocka_unit_test(hosts_that_nobody_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
