/* Places to listen at: how they are written, and what is taken when some are not free. */
#include "common/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void good_places(void **state)
{
    static const struct {
        const char *text;
        int family;
        unsigned first, last;
    } rows[] = {
        {"127.0.0.1:7715",       AF_INET,  7715,  7715 },
        { "0.0.0.0:0",           AF_INET,  0,     0    },
        { "localhost:65535",     AF_INET,  65535, 65535},
        { "127.0.0.1:7717-7719", AF_INET,  7717,  7719 },
        { "[::1]:7715",          AF_INET6, 7715,  7715 },
        { "[::]:1-256",          AF_INET6, 1,     256  },
        { "127.0.0.1:5-5",       AF_INET,  5,     5    },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct listen_place p;
        struct err err = { 0 };
        if (listen_parse(rows[i].text, &p, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(p.at.ss_family, rows[i].family);
        assert_int_equal(p.first, rows[i].first);
        assert_int_equal(p.last, rows[i].last);
        assert_int_equal(listen_check(rows[i].text, NULL), 0);
    }
    assert_int_equal(listen_check("", NULL), 0);
}

static void bad_places(void **state)
{
    static const char *const rows[] = {
        "7715",
        "127.0.0.1",
        "127.0.0.1:",
        ":7715",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:77 15",
        "127.0.0.1:7719-7717",
        "127.0.0.1:7717-",
        "127.0.0.1:0-5",
        "127.0.0.1:1-257",
        "::1:7715",
        "[::1]",
        "[127.0.0.1]:7715",
        "example.test:7715",
        "127.0.0.1.1:80",
        "[::1:80",
        "127.0.0.1:123456",
        "127.0.0.1:7x",
        "[]:80",
        "127.0.0.1:7717-7719-7720",
        "*:80",
        "127.0.0.1000000000000000000000000000000000000000000000000000000000000000000000000000:80",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct listen_place p;
        struct err err = { 0 };
        if (listen_parse(rows[i], &p, &err) != -EINVAL || !strstr(err.text, "not a place to listen at"))
            fail_msg("'%s' is taken for a place: '%s'", rows[i], err.text);
    }
    assert_int_equal(listen_check("nowhere", NULL), -EINVAL);
}

static int open_at(const char *text, int *fd, char where[LISTEN_SIZE], struct err *err)
{
    struct listen_place p;
    assert_int_equal(listen_parse(text, &p, NULL), 0);
    return listen_open(&p, 8, fd, where, err);
}

static unsigned port_of(const char *where)
{
    return (unsigned)atoi(strrchr(where, ':') + 1);
}

static void the_first_that_is_free_is_taken(void **state)
{
    char where[LISTEN_SIZE], next[LISTEN_SIZE], text[LISTEN_SIZE];
    struct err err = { 0 };
    int first = -1, second = -1, third = -1;
    (void)state;
    assert_int_equal(open_at("127.0.0.1:0", &first, where, &err), 0);
    unsigned port = port_of(where);
    assert_true(port > 0 && strncmp(where, "127.0.0.1:", 10) == 0);

    snprintf(text, sizeof text, "127.0.0.1:%u", port);
    assert_int_equal(open_at(text, &third, next, &err), -EADDRINUSE);
    assert_non_null(strstr(err.text, "is taken"));
    if (port > 65000)
        skip();
    snprintf(text, sizeof text, "127.0.0.1:%u-%u", port, port + 200);
    assert_int_equal(open_at(text, &second, next, &err), 0);
    assert_in_range(port_of(next), port + 1, port + 200);
    close(first);
    assert_int_equal(open_at(text, &third, next, &err), 0);
    assert_int_equal(port_of(next), port);
    close(second);
    close(third);
}

static void addresses_that_are_not_ours(void **state)
{
    char where[LISTEN_SIZE];
    struct err err = { 0 };
    int fd = -1;
    (void)state;
    assert_int_equal(open_at("192.0.2.1:0", &fd, where, &err), -EADDRNOTAVAIL);
    assert_non_null(strstr(err.text, "cannot listen there"));
    assert_int_equal(fd, -1);
}

static void ipv6(void **state)
{
    char where[LISTEN_SIZE];
    int fd = -1;
    (void)state;
    if (open_at("[::1]:0", &fd, where, NULL) < 0)
        skip();
    assert_int_equal(strncmp(where, "[::1]:", 6), 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_places),
        cmocka_unit_test(bad_places),
        cmocka_unit_test(the_first_that_is_free_is_taken),
        cmocka_unit_test(addresses_that_are_not_ours),
        cmocka_unit_test(ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
