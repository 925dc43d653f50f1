/* Lists of networks. */
#include "common/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static bool has(const struct network_list *list, const char *address)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        return network_list_has(list, (struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
    return network_list_has(list, (struct sockaddr *)&v6);
}

static const struct {
    const char *list, *address;
    bool inside;
} rows[] = {
    {"",                               "127.0.0.1",        false},
    { "   ",                           "127.0.0.1",        false},
    { "127.0.0.0/8",                   "127.0.0.1",        true },
    { "127.0.0.0/8",                   "127.255.255.255",  true },
    { "127.0.0.0/8",                   "126.255.255.255",  false},
    { "127.0.0.0/8",                   "128.0.0.0",        false},
    { "127.0.0.0/8",                   "::1",              false},
    { "127.0.0.0/8, ::1/128",          "::1",              true },
    { "127.0.0.0/8,::1/128",           "::2",              false},
    { " 10.0.0.0/8 , 192.168.0.0/16 ", "192.168.255.1",    true },
    { "172.16.0.0/12",                 "172.31.255.255",   true },
    { "172.16.0.0/12",                 "172.32.0.0",       false},
    { "192.0.2.7",                     "192.0.2.7",        true },
    { "192.0.2.7",                     "192.0.2.6",        false},
    { "192.0.2.6/31",                  "192.0.2.7",        true },
    { "192.0.2.6/31",                  "192.0.2.8",        false},
    { "0.0.0.0/0",                     "203.0.113.9",      true },
    { "0.0.0.0/0",                     "2001:db8::1",      false},
    { "::/0",                          "2001:db8::1",      true },
    { "2001:db8::/33",                 "2001:db8:7fff::1", true },
    { "2001:db8::/33",                 "2001:db8:8000::1", false},
    { "2001:db8::1",                   "2001:db8::1",      true },
    { "2001:db8::1",                   "2001:db8::2",      false},
 /* wrapped IPv4 is IPv4 */
    { "127.0.0.0/8",                   "::ffff:127.0.0.1", true },
    { "::/0",                          "::ffff:127.0.0.1", false},
};

static void test_inside(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct network_list list;
        struct err err = { 0 };
        if (network_list_parse(rows[i].list, &list, &err) != 0)
            fail_msg("'%s': %s", rows[i].list, err.text);
        if (has(&list, rows[i].address) != rows[i].inside)
            fail_msg("%s in '%s': not %d", rows[i].address, rows[i].list, rows[i].inside);
    }
}

static void test_other_families_are_in_none(void **state)
{
    (void)state;
    struct network_list list;
    struct sockaddr_un local = { .sun_family = AF_UNIX };
    assert_int_equal(network_list_parse("0.0.0.0/0, ::/0", &list, NULL), 0);
    assert_false(network_list_has(&list, (struct sockaddr *)&local));
}

static const struct {
    const char *text, *why;
} refused[] = {
    {"localhost",                                                                  "'localhost' is not a network"                },
    { "10.0.0/8",                                                                  "'10.0.0' is not a network"                   },
    { "10.0.0.256/8",                                                              "is not a network"                            },
    { "10.0.0.0/",                                                                 "is not a prefix of 0 to 32"                  },
    { "10.0.0.0/33",                                                               "is not a prefix of 0 to 32"                  },
    { "10.0.0.0/-1",                                                               "is not a prefix"                             },
    { "10.0.0.0/8x",                                                               "is not a prefix"                             },
    { "10.0.0.0/0008",                                                             "is not a prefix"                             },
    { "10.0.0.0/8/8",                                                              "is not a prefix"                             },
    { "::1/129",                                                                   "is not a prefix of 0 to 128"                 },
    { "10.1.0.0/8",                                                                "has bits beyond its prefix: write 10.0.0.0/8"},
    { "::1/64",                                                                    "has bits beyond its prefix: write ::/64"     },
    { "1.2.3.4/0",                                                                 "write 0.0.0.0/0"                             },
    { "10.0.0.0/8,",                                                               "missing behind the last comma"               },
    { ",10.0.0.0/8",                                                               "is not a network"                            },
    { "10.0.0.0/8,,::1",                                                           "is not a network"                            },
    { "10.0.0.0/8 ::1",                                                            "is not a prefix"                             },
    { "2001:db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", "is not a network"                            },
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct network_list list = { .count = 7 };
        struct err err = { 0 };
        int r = network_list_parse(refused[i].text, &list, &err);
        if (r != -EINVAL || !strstr(err.text, refused[i].why))
            fail_msg("'%s': %d, '%s', not '%s'", refused[i].text, r, err.text, refused[i].why);
        assert_int_equal(list.count, 7);
    }
}

static void test_ceiling(void **state)
{
    (void)state;
    char text[16 * (NETWORK_LIST_MAX + 1)] = "10.0.0.0/8";
    for (int i = 1; i < NETWORK_LIST_MAX; i++)
        strcat(text, ",10.0.0.0/8");
    struct network_list list;
    struct err err;
    assert_int_equal(network_list_parse(text, &list, &err), 0);
    assert_int_equal(list.count, NETWORK_LIST_MAX);
    strcat(text, ",10.0.0.0/8");
    assert_int_equal(network_list_parse(text, &list, &err), -EINVAL);
    assert_string_equal(err.text, "more than 64 networks");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inside),
        cmocka_unit_test(test_other_families_are_in_none),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
