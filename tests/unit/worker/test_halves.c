/* What the two questions of one name come to. */
#include "worker/halves.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { A = 1, AAAA = 28, NOT_ASKED = -2, OPEN = -1 };

static void begin(struct halves *h, int v4, int v6)
{
    halves_init(h, A, AAAA, NULL);
    struct half *half[] = { &h->v4, &h->v6 };
    int came[] = { v4, v6 };
    for (int i = 0; i < 2; i++) {
        half[i]->asked = came[i] != NOT_ASKED;
        half[i]->answered = came[i] >= 0;
        if (half[i]->answered)
            half[i]->status = (enum name_status)came[i];
    }
}

static void both_come_to_one(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int v4, v6;
        enum name_status status;
        bool complete;
    } rows[] = {
        {"nobody was asked",                            NOT_ASKED,       NOT_ASKED,     NAME_NODATA,     true },
        { "nothing came yet",                           OPEN,            OPEN,          NAME_NODATA,     false},
        { "both have addresses",                        NAME_OK,         NAME_OK,       NAME_OK,         true },
        { "one has, the other is open",                 NAME_OK,         OPEN,          NAME_OK,         false},
        { "one has, the other was not asked for",       NAME_OK,         NOT_ASKED,     NAME_OK,         true },
        { "one has, the other failed",                  NAME_SERVFAIL,   NAME_OK,       NAME_OK,         true },
        { "one has, the other is silent",               NAME_OK,         NAME_TIMEOUT,  NAME_OK,         true },
        { "one has, the other has none",                NAME_NODATA,     NAME_OK,       NAME_OK,         true },
        { "neither has",                                NAME_NODATA,     NAME_NODATA,   NAME_NODATA,     true },
        { "no such name, for whatever was asked",       NAME_NXDOMAIN,   OPEN,          NAME_NXDOMAIN,   false},
        { "... beside a failure",                       NAME_SERVFAIL,   NAME_NXDOMAIN, NAME_NXDOMAIN,   true },
        { "no name at all",                             NAME_IMPOSSIBLE, NOT_ASKED,     NAME_IMPOSSIBLE, true },
        { "a failure beside a denial: it may be there", NAME_NODATA,     NAME_SERVFAIL, NAME_SERVFAIL,   true },
        { "... the other way round",                    NAME_TIMEOUT,    NAME_NODATA,   NAME_TIMEOUT,    true },
        { "... refused",                                NAME_REFUSED,    NAME_NODATA,   NAME_REFUSED,    true },
        { "... garbled",                                NAME_NODATA,     NAME_GARBLED,  NAME_GARBLED,    true },
        { "two failures: the later question's",         NAME_SERVFAIL,   NAME_TIMEOUT,  NAME_TIMEOUT,    true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct halves h;
        begin(&h, rows[i].v4, rows[i].v6);
        if (halves_status(&h) != rows[i].status || halves_complete(&h) != rows[i].complete)
            fail_msg("%s: %d, %s", rows[i].name, (int)halves_status(&h),
                     halves_complete(&h) ? "complete" : "open");
    }
}

static void addresses_of_both_are_told(void **state)
{
    (void)state;
    struct halves h;
    struct dns_answer a;
    begin(&h, NAME_OK, NAME_OK);
    assert_int_equal(h.v4.type, A);
    assert_int_equal(h.v6.type, AAAA);
    h.v4.n = 2;
    h.v6.n = 1;
    h.ttl_s = 30;
    assert_int_equal(address_parse("192.0.2.1", &h.v4.address[0]), 0);
    assert_int_equal(address_parse("192.0.2.2", &h.v4.address[1]), 0);
    assert_int_equal(address_parse("2001:db8::1", &h.v6.address[0]), 0);
    halves_join(&h, NAME_OK, ROOT_KNOWN, &a);
    assert_int_equal(a.status, NAME_OK);
    assert_int_equal(a.root, ROOT_KNOWN);
    assert_int_equal(a.ttl_s, 30);
    assert_int_equal(a.n_v4, 2);
    assert_int_equal(a.n_v6, 1);
    assert_memory_equal(&a.v4[1], &h.v4.address[1], sizeof a.v4[1]);
    assert_memory_equal(&a.v6[0], &h.v6.address[0], sizeof a.v6[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_come_to_one),
        cmocka_unit_test(addresses_of_both_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
