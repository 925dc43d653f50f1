/* What a host gives, against what is configured. */
#include "worker/limits.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TWO_LANES                  \
    {                              \
        2, 2048, 50, 20 * US_PER_S \
    }
#define DEBIAN 524288, 28232, false, 0, 120, 30

static const struct {
    const char *name;
    struct limits_host host;
    struct limits_wish wish;
    enum limit tightest;
    uint32_t holds_per_s, hung_per_s, slots;
    const char *advice[3]; /* words of each, in order */
} hosts[] = {
    {"a usual host",                       { DEBIAN }, TWO_LANES, LIMIT_SLOTS,       5902, 204, 2048, { NULL }                                                    },
    { "few descriptors",
     { 1024, 28232, false, 0, 120, 30 },
     TWO_LANES,                                                   LIMIT_DESCRIPTORS,
     1198,                                                                                 41,
     416,                                                                                             { "raise LimitNOFILE= of the unit (or ulimit -n) to 4288" } },
    { "just enough descriptors",
     { 4288, 28232, false, 0, 120, 30 },
     TWO_LANES,                                                   LIMIT_SLOTS,
     5902,                                                                                 204,
     2048,                                                                                            { NULL }                                                    },
    { "one too few",
     { 4287, 28232, false, 0, 120, 30 },
     TWO_LANES,                                                   LIMIT_DESCRIPTORS,
     5899,                                                                                 204,
     2047,                                                                                            { "descriptors" }                                           },
    { "hardly any at all",
     { 20, 28232, false, 0, 120, 30 },
     TWO_LANES,                                                   LIMIT_DESCRIPTORS,
     2,                                                                                    0,
     1,                                                                                               { "to 4288" }                                               },
    { "as many as one likes",
     { UINT64_MAX, 28232, false, 0, 120, 30 },
     TWO_LANES,                                                   LIMIT_SLOTS,
     5902,                                                                                 204,
     2048,                                                                                            { NULL }                                                    },
    { "connection tracking",
     { 524288, 28232, false, 262144, 120, 30 },
     TWO_LANES,                                                   LIMIT_CONNTRACK,
     1739,                                                                                 204,
     2048,                                                                                            { "nf_conntrack_max to 889395" }                            },
    { "connection tracking with room",
     { 524288, 28232, false, 1048576, 120, 30 },
     TWO_LANES,                                                   LIMIT_SLOTS,
     5902,                                                                                 204,
     2048,                                                                                            { NULL }                                                    },
    { "few ports for many at one address",
     { 524288, 28232, false, 0, 120, 30 },
     { 2, 2048, 1000, 20 * US_PER_S },
     LIMIT_SLOTS,                                                                    5902,
     204,                                                                                       2048,
     { "or set net.ipv4.tcp_tw_reuse to 1" }                                                                                                                      },
    { "ports used again",
     { 524288, 28232, true, 0, 120, 30 },
     { 2, 2048, 1000, 20 * US_PER_S },
     LIMIT_SLOTS,                                                                    5902,
     204,                                                                                       2048,
     { NULL }                                                                                                                                                     },
    { "a handful of ports used again",
     { 524288, 100, true, 0, 120, 30 },
     { 2, 2048, 1000, 20 * US_PER_S },
     LIMIT_SLOTS,                                                                    5902,
     204,                                                                                       2048,
     { "widen net.ipv4.ip_local_port_range" }                                                                                                                     },
    { "nobody is polite",
     { 524288, 28232, false, 0, 120, 30 },
     { 2, 2048, 0, 20 * US_PER_S },
     LIMIT_SLOTS,                                                                    5902,
     204,                                                                                       2048,
     { "for 470 checks/s of one address" }                                                                                                                        },
    { "ports not known",
     { 524288, 0, false, 0, 120, 30 },
     { 2, 2048, 0, 20 * US_PER_S },
     LIMIT_SLOTS,                                                                    5902,
     204,                                                                                       2048,
     { NULL }                                                                                                                                                     },
    { "all of it",
     { 1024, 100, false, 65536, 120, 30 },
     TWO_LANES,                                                   LIMIT_CONNTRACK,
     434,                                                                                  41,
     416,                                                                                             { "LimitNOFILE", "nf_conntrack_max", "ip_local_port_range" }},
};

static void what_each_host_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        struct limits l;
        char buf[300];
        unsigned k = 0;
        limits_reckon(&hosts[i].host, &hosts[i].wish, &l);
        if (l.tightest != hosts[i].tightest || l.holds_per_s != hosts[i].holds_per_s ||
            l.hung_per_s != hosts[i].hung_per_s || l.slots != hosts[i].slots)
            fail_msg("%s: tightest %d, holds %u, hung %u, slots %u", hosts[i].name, l.tightest, l.holds_per_s,
                     l.hung_per_s, l.slots);
        for (; limits_advise(&l, &hosts[i].host, &hosts[i].wish, k, buf, sizeof buf); k++)
            if (k == 3 || !hosts[i].advice[k] || !strstr(buf, hosts[i].advice[k]))
                fail_msg("%s: %s", hosts[i].name, buf);
        if (k < 3 && hosts[i].advice[k])
            fail_msg("%s: nothing about %s", hosts[i].name, hosts[i].advice[k]);
    }
}

/* What the advice says, once followed, is enough. */
static void advice_helps(void **state)
{
    const struct limits_wish wish = TWO_LANES;
    struct limits_host host = { 1024, 2000, false, 65536, 120, 30 };
    struct limits l;
    char buf[300];
    (void)state;
    limits_reckon(&host, &wish, &l);
    assert_true(limits_advise(&l, &host, &wish, 2, buf, sizeof buf));
    host.descriptors = limits_descriptors(wish.lanes, wish.slots);
    host.ports_again = true;
    assert_true(limits_advise(&l, &host, &wish, 1, buf, sizeof buf));
    unsigned long long entries = 0;
    assert_int_equal(sscanf(strstr(buf, "nf_conntrack_max to"), "nf_conntrack_max to %llu", &entries), 1);
    host.conntrack_max = entries + 150; /* rounded down by less than a check's share */
    limits_reckon(&host, &wish, &l);
    assert_int_equal(l.tightest, LIMIT_SLOTS);
    assert_false(limits_advise(&l, &host, &wish, 0, buf, sizeof buf));
}

/* The largest numbers that settings allow do not run over. */
static void nothing_runs_over(void **state)
{
    const struct limits_wish wish = { 256, 65536, 0, 50 * US_PER_MS };
    const struct limits_host host = { UINT64_MAX, 1, true, UINT64_MAX / 2000000, 0, 0 };
    struct limits l;
    (void)state;
    limits_reckon(&host, &wish, &l);
    assert_int_equal(l.slots, 65536);
    assert_int_equal(l.holds_per_s, 256ull * 65536 * US_PER_S / 295000);
    assert_int_equal(l.hung_per_s, 256ull * 65536 * 20);
}

static void ports_that_are_held(void **state)
{
    static const char v4[] = "sockets: used 214\n"
                             "TCP: inuse 41 orphan 3 tw 1200 alloc 60 mem 7\n"
                             "UDP: inuse 900 mem 48\nRAW: inuse 5\n";
    static const char v6[] = "TCP6: inuse 6\nUDP6: inuse 70\n";
    (void)state;
    assert_int_equal(limits_ports_held(v4, v6), 41 + 1200 + 6);
    assert_int_equal(limits_ports_held(v4, ""), 41 + 1200);
    assert_int_equal(limits_ports_held("", ""), 0);
    assert_int_equal(limits_ports_held("UDP: inuse 3 tw 5\n", "UDP6: inuse 3\n"), 0);
    assert_int_equal(limits_ports_held("TCP: inuse 4\nUDP: inuse 3 tw 5\n", ""), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_each_host_holds),
        cmocka_unit_test(advice_helps),
        cmocka_unit_test(nothing_runs_over),
        cmocka_unit_test(ports_that_are_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
