#include "worker/dnscache.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S NS_PER_S

static const struct {
    const char *name;
    enum name_status status;
    enum root_status root;
    uint32_t ttl_s;
    mono_ns believed;
} rows[] = {
    {"its own time",                     NAME_OK,          0,            60,    60 * S },
    { "at least the least",              NAME_OK,          0,            0,     5 * S  },
    { "at most the most",                NAME_OK,          0,            86400, 300 * S},
    { "no name",                         NAME_NXDOMAIN,    ROOT_KNOWN,   0,     5 * S  },
    { "no data",                         NAME_NODATA,      ROOT_KNOWN,   0,     5 * S  },
    { "no name, from a closed resolver", NAME_NXDOMAIN,    ROOT_DENIED,  0,     0      },
    { "no name, from nobody knows whom", NAME_NXDOMAIN,    ROOT_UNKNOWN, 0,     0      },
    { "a failure",                       NAME_SERVFAIL,    ROOT_KNOWN,   0,     2 * S  },
    { "silence",                         NAME_TIMEOUT,     ROOT_KNOWN,   0,     2 * S  },
    { "silence of our own resolver",     NAME_TIMEOUT,     ROOT_SILENT,  0,     0      },
    { "refused",                         NAME_REFUSED,     ROOT_KNOWN,   0,     0      },
    { "no resolver",                     NAME_UNREACHABLE, ROOT_SILENT,  0,     0      },
    { "no memory",                       NAME_NO_MEMORY,   ROOT_KNOWN,   0,     0      },
};

static void answers_are_believed_for_their_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dnscache *c = NULL;
        struct dns_answer a = { .status = rows[i].status, .root = rows[i].root, .ttl_s = rows[i].ttl_s };
        assert_int_equal(dnscache_new(&c, 4, 5 * S, 300 * S), 0);
        if (dnscache_believed(c, &a) != rows[i].believed)
            fail_msg("%s", rows[i].name);
        dnscache_put(c, "a.test", &a, 1000 * S);
        if (rows[i].believed) {
            const struct dns_answer *known = dnscache_get(c, "a.test", 1000 * S + rows[i].believed - 1);
            assert_non_null(known);
            assert_int_equal(known->status, rows[i].status);
            assert_int_equal(known->root, rows[i].root);
        }
        assert_null(dnscache_get(c, "a.test", 1000 * S + rows[i].believed));
        assert_int_equal(dnscache_count(c), 0);
        dnscache_free(c);
    }
}

static void addresses_come_back_as_they_were(void **state)
{
    (void)state;
    struct dnscache *c = NULL;
    struct dns_answer a = { .ttl_s = 60, .n_v4 = 2, .n_v6 = DNS_MAX_ADDRESSES };
    char text[ADDRESS_SIZE];
    assert_int_equal(dnscache_new(&c, 4, 5 * S, 300 * S), 0);
    address_parse("1.2.3.4", &a.v4[0]);
    address_parse("5.6.7.8", &a.v4[1]);
    for (int i = 0; i < DNS_MAX_ADDRESSES; i++) {
        snprintf(text, sizeof text, "2a00::%d", i + 1);
        address_parse(text, &a.v6[i]);
    }
    dnscache_put(c, "a.test", &a, 0);
    const struct dns_answer *known = dnscache_get(c, "a.test", 1);
    assert_int_equal(known->n_v4, 2);
    assert_int_equal(known->n_v6, DNS_MAX_ADDRESSES);
    assert_memory_equal(known->v4, a.v4, 2 * sizeof *a.v4);
    assert_memory_equal(known->v6, a.v6, sizeof a.v6);

    a.n_v4 = 1; /* a newer answer takes the place of the older one */
    dnscache_put(c, "a.test", &a, 2);
    assert_int_equal(dnscache_get(c, "a.test", 3)->n_v4, 1);
    assert_int_equal(dnscache_count(c), 1);
    a.status = NAME_REFUSED; /* and one that is not believed at least removes it */
    dnscache_put(c, "a.test", &a, 4);
    assert_null(dnscache_get(c, "a.test", 5));
    dnscache_free(c);
}

static void the_one_unused_for_longest_makes_room(void **state)
{
    (void)state;
    struct dnscache *c = NULL;
    struct dns_answer a = { .ttl_s = 60 };
    assert_int_equal(dnscache_new(&c, 3, 5 * S, 300 * S), 0);
    dnscache_put(c, "a.test", &a, 0);
    dnscache_put(c, "b.test", &a, 0);
    dnscache_put(c, "c.test", &a, 0);
    assert_non_null(dnscache_get(c, "a.test", 1));
    dnscache_put(c, "d.test", &a, 2);
    assert_int_equal(dnscache_count(c), 3);
    assert_null(dnscache_get(c, "b.test", 3));
    assert_non_null(dnscache_get(c, "a.test", 3));
    assert_non_null(dnscache_get(c, "c.test", 3));
    assert_non_null(dnscache_get(c, "d.test", 3));
    dnscache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_believed_for_their_time),
        cmocka_unit_test(addresses_come_back_as_they_were),
        cmocka_unit_test(the_one_unused_for_longest_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
