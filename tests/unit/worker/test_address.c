#include "worker/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *address;
    bool global;
} addresses[] = {
    {"1.1.1.1",               true },
    { "8.8.8.8",              true },
    { "9.255.255.255",        true },
    { "11.0.0.0",             true },
    { "100.63.255.255",       true },
    { "100.128.0.0",          true },
    { "126.255.255.255",      true },
    { "168.63.129.15",        true },
    { "128.0.0.0",            true },
    { "169.253.255.255",      true },
    { "172.15.255.255",       true },
    { "172.32.0.0",           true },
    { "192.0.1.0",            true },
    { "192.169.0.0",          true },
    { "198.17.255.255",       true },
    { "198.20.0.0",           true },
    { "223.255.255.255",      true },

    { "0.0.0.0",              false},
    { "0.1.2.3",              false},
    { "10.0.0.1",             false},
    { "10.255.255.255",       false},
    { "100.64.0.1",           false},
    { "100.127.255.255",      false},
    { "127.0.0.1",            false},
    { "127.255.255.255",      false},
    { "168.63.129.16",        false},
    { "169.254.169.254",      false},
    { "172.16.0.1",           false},
    { "172.31.255.255",       false},
    { "192.0.0.8",            false},
    { "192.0.2.1",            false},
    { "192.31.196.1",         false},
    { "192.52.193.1",         false},
    { "192.88.99.1",          false},
    { "192.168.1.1",          false},
    { "192.175.48.1",         false},
    { "198.18.0.1",           false},
    { "198.19.255.255",       false},
    { "198.51.100.1",         false},
    { "203.0.113.1",          false},
    { "224.0.0.1",            false},
    { "239.255.255.255",      false},
    { "240.0.0.1",            false},
    { "255.255.255.255",      false},

    { "2606:4700::1111",      true },
    { "2001:4860:4860::8888", true },
    { "2a00::1",              true },
    { "2001:503:ba3e::2:30",  true },
    { "::",                   false},
    { "::1",                  false},
    { "fe80::1",              false},
    { "fc00::1",              false},
    { "fd12:3456::1",         false},
    { "ff02::1",              false},
    { "2001:db8::1",          false},
    { "2001::1",              false},
    { "2001:2::1",            false},
    { "2001:10::1",           false},
    { "2001:20::1",           false},
    { "2002:7f00:1::",        false},
    { "3fff::1",              false},
    { "4000::1",              false},
    { "2001:1::1",            false},
    { "2001:30::1",           false},
    { "2001:1ff::1",          false},
    { "2001:200::1",          true },
    { "2620:4f:8000::1",      false},
    { "fec0::1",              false},
    { "5f00::1",              false},
    { "100::1",               false},
    { "1::1",                 false},

 /* IPv4 inside */
    { "::ffff:8.8.8.8",       false},
    { "::ffff:127.0.0.1",     false},
    { "::ffff:10.0.0.1",      false},
    { "::ffff:0:10.0.0.1",    false},
    { "64:ff9b::808:808",     false},
    { "64:ff9b::7f00:1",      false},
    { "64:ff9b::a9fe:a9fe",   false},
    { "64:ff9b:1::808:808",   false},
    { "::8.8.8.8",            false},
    { "::127.0.0.1",          false},
    { "2002:808:808::1",      false},
    { "2606::5efe:a00:1",     false},
    { "2606::200:5efe:a00:1", false},
    { "2606::100:5efe:a00:1", true },
};

static void only_the_internet_is_global(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct address a;
        assert_int_equal(address_parse(addresses[i].address, &a), 0);
        if (address_global(&a) != addresses[i].global)
            fail_msg("%s", addresses[i].address);
    }
}

static const struct {
    const char *networks, *address;
    bool allowed;
} allowances[] = {
    {"",                          "127.0.0.1",        false},
    { "",                         "8.8.8.8",          true },
    { "127.0.0.0/8",              "127.0.0.1",        true },
    { "127.0.0.0/8",              "10.0.0.1",         false},
    { "127.0.0.0/8",              "::1",              false},
    { "127.0.0.0/8",              "::ffff:127.0.0.1", true },
    { "127.0.0.0/8",              "64:ff9b::7f00:1",  false},
    { "64:ff9b::/96",             "64:ff9b::808:808", true },
    { "64:ff9b::/96",             "64:ff9b::7f00:1",  false},
    { "64:ff9b::/96",             "64:ff9b::a00:1",   false},
    { "64:ff9b::/96, 10.0.0.0/8", "64:ff9b::a00:1",   true },
    { "2002::/16",                "2002:808:808::1",  true },
    { "2002::/16",                "2002:a00:1::1",    false},
    { "2001::/32",                "2001::1",          true },
    { "::/96",                    "::127.0.0.1",      true },
    { "::/0",                     "fd00::1",          true },
    { "8.8.8.0/24",               "::ffff:8.8.8.8",   true },
    { "::1/128",                  "::1",              true },
    { "::1/128",                  "::2",              false},
    { "::1/128",                  "127.0.0.1",        false},
    { "0.0.0.0/0",                "10.0.0.1",         true },
    { "0.0.0.0/0",                "fe80::1",          false},
    { "0.0.0.0/0, ::/0",          "fe80::1",          true },
};

static void the_operator_may_open_networks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof allowances / sizeof *allowances; i++) {
        struct address_policy p;
        struct address a;
        assert_int_equal(address_policy_parse(allowances[i].networks, &p, NULL), 0);
        assert_int_equal(address_parse(allowances[i].address, &a), 0);
        if (address_allowed(&p, &a) != allowances[i].allowed)
            fail_msg("'%s' and %s", allowances[i].networks, allowances[i].address);
    }
}

static const struct {
    const char *host;
    bool allowed, localhost;
} names[] = {
    {"example.com",               true,  false},
    { "example.com.",             true,  false},
    { "a.b.test",                 true,  false},
    { "intranet",                 false, false},
    { "intranet.",                false, false},
    { "printer.local",            false, false},
    { "PRINTER.LOCAL",            false, false},
    { "x.onion",                  false, false},
    { "metadata.google.internal", false, false},
    { "1.0.0.127.in-addr.arpa",   false, false},
    { "notlocal.com",             true,  false},
    { "local.example.com",        true,  false},
    { "mylocal.de",               true,  false},
    { "localhost",                true,  true },
    { "LOCALHOST.",               true,  true },
    { "a.localhost",              true,  true },
    { "notlocalhost.com",         true,  false},
    { "mylocalhost",              false, false},
};

static void names_that_nobody_can_know(void **state)
{
    (void)state;
    struct address_policy closed, open;
    assert_int_equal(address_policy_parse("", &closed, NULL), 0);
    assert_int_equal(address_policy_parse("0.0.0.0/0, ::/0", &open, NULL), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (address_name_allowed(&closed, names[i].host) != names[i].allowed ||
            address_localhost(names[i].host) != names[i].localhost)
            fail_msg("%s", names[i].host);
        assert_true(address_name_allowed(&open, names[i].host));
    }
}

static void ports_of_other_protocols(void **state)
{
    (void)state;
    static const uint16_t good[] = { 80, 443, 8080, 8443, 3000, 32768, 65535 };
    static const uint16_t bad[] = { 0, 22, 25, 110, 465, 587, 6000, 6667 };
    struct address_policy closed, open;
    struct address site, ours, tunnelled;
    assert_int_equal(address_parse("64:ff9b::808:808", &tunnelled), 0);
    assert_int_equal(address_parse("8.8.8.8", &site), 0);
    assert_int_equal(address_parse("127.0.0.1", &ours), 0);
    assert_int_equal(address_policy_parse("127.0.0.0/8, 64:ff9b::/96", &closed, NULL), 0);
    assert_int_equal(address_policy_parse("::/0,0.0.0.0/0", &open, NULL), 0);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(address_port_allowed(&closed, &site, good[i]) && !address_port_reserved(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(address_port_allowed(&closed, &site, bad[i]));
        assert_false(address_port_allowed(&closed, &tunnelled, bad[i]));
        /* What the operator opened is the operator's. */
        assert_int_equal(address_port_allowed(&closed, &ours, bad[i]), bad[i] != 0);
        assert_int_equal(address_port_allowed(&open, &site, bad[i]), bad[i] != 0);
    }
}

static void addresses_go_there_and_back(void **state)
{
    (void)state;
    static const char *const texts[] = { "203.0.113.7", "2001:db8::1", "::ffff:1.2.3.4" };
    static const char *const wrong[] = { "", "1.2.3", "1.2.3.4.5", "[::1]", "fe80::1%lo", "a.test" };
    char buf[ADDRESS_SIZE];
    struct address a, b;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(address_parse(texts[i], &a), 0);
        assert_string_equal(address_format(buf, &a), texts[i]);
        socklen_t len = address_family(&a) == AF_INET ? sizeof a.v4 : sizeof a.v6;
        assert_int_equal(address_from(&a.any, len, &b), 0);
        assert_memory_equal(&a, &b, sizeof a);
        assert_int_equal(address_from(&a.any, len - 1, &b), -22);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(address_parse(wrong[i], &a), -22);
    struct sockaddr unix_socket = { .sa_family = AF_UNIX };
    assert_true(address_from(&unix_socket, sizeof unix_socket, &b) < 0);
}

static void places_are_networks(void **state)
{
    (void)state;
    struct address a, b, c, d;
    address_parse("1.2.3.4", &a);
    address_parse("1.2.200.9", &b);
    address_parse("1.3.3.4", &c);
    address_parse("::ffff:1.2.9.9", &d);
    assert_int_equal(address_place(&a), address_place(&b));
    assert_int_equal(address_place(&a), address_place(&d));
    assert_true(address_place(&a) != address_place(&c));
    address_parse("2a00:1::1", &a);
    address_parse("2a00:1:ffff::1", &b);
    address_parse("2a00:2::1", &c);
    assert_true(address_place(&a) == address_place(&b) && address_place(&a) != address_place(&c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_internet_is_global), cmocka_unit_test(the_operator_may_open_networks),
        cmocka_unit_test(names_that_nobody_can_know),  cmocka_unit_test(ports_of_other_protocols),
        cmocka_unit_test(addresses_go_there_and_back), cmocka_unit_test(places_are_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
