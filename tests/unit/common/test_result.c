/* Verdicts and causes: their names, and whose fault they are. */
#include "common/result.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_verdicts(void **state)
{
    (void)state;
    for (unsigned v = 0; v < VERDICT_COUNT; v++) {
        enum verdict back = VERDICT_COUNT;
        assert_int_equal(verdict_parse(verdict_name((enum verdict)v), &back), 0);
        assert_int_equal(back, v);
    }
    assert_string_equal(verdict_name(VERDICT_UP), "up");
    assert_string_equal(verdict_name(VERDICT_DOWN), "down");
    assert_string_equal(verdict_name(VERDICT_UNKNOWN), "unknown");
    assert_string_equal(verdict_name(VERDICT_COUNT), "?");
    assert_string_equal(verdict_name((enum verdict) - 1), "?");

    enum verdict v = VERDICT_DOWN;
    static const char *const none[] = { "", "UP", "up ", "?", "dow" };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(verdict_parse(none[i], &v), -EINVAL);
    assert_int_equal(v, VERDICT_DOWN);
}

/* Numbers are in databases and on the wire: these never change. */
static void test_numbers_of_causes(void **state)
{
    (void)state;
    static const struct {
        unsigned number;
        const char *name;
    } rows[] = {
        {0,   "none"               },
        { 1,  "dns_nxdomain"       },
        { 2,  "dns_nodata"         },
        { 3,  "dns_servfail"       },
        { 4,  "dns_timeout"        },
        { 5,  "connect_refused"    },
        { 6,  "connect_timeout"    },
        { 7,  "connect_unreachable"},
        { 8,  "tls_handshake"      },
        { 9,  "tls_timeout"        },
        { 10, "cert_expired"       },
        { 11, "cert_not_yet_valid" },
        { 12, "cert_name"          },
        { 13, "cert_untrusted"     },
        { 14, "cert_other"         },
        { 15, "timeout_wait"       },
        { 16, "timeout_body"       },
        { 17, "reset"              },
        { 18, "closed"             },
        { 19, "protocol"           },
        { 20, "redirect_loop"      },
        { 21, "redirect_bad"       },
        { 22, "http_4xx"           },
        { 23, "http_5xx"           },
        { 24, "http_unexpected"    },
        { 25, "blocked_waf"        },
        { 26, "asks_patience"      },
        { 27, "content"            },
        { 64, "policy"             },
        { 65, "worker_error"       },
        { 66, "worker_suspect"     },
        { 67, "dns_closed"         },
        { 68, "dns_ours"           },
        { 69, "no_route"           },
        { 70, "lost"               },
        { 71, "missed"             },
        { 72, "internal"           },
        { 73, "held_back"          },
    };
    unsigned known = 0;
    for (unsigned c = 0; c < 300; c++)
        known += cause_valid(c);
    assert_int_equal(known, sizeof rows / sizeof *rows); /* a new cause wants its row */

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum cause cause = (enum cause)rows[i].number, back = CAUSE_END;
        assert_string_equal(cause_name(cause), rows[i].name);
        assert_int_equal(cause_parse(rows[i].name, &back), 0);
        assert_int_equal(back, cause);
        assert_int_equal(cause_is_ours(cause), rows[i].number >= 64);
        assert_true(strlen(cause_words(cause)) > 5);
        assert_null(strchr(cause_words(cause), '.'));
    }
}

static void test_numbers_that_are_none(void **state)
{
    (void)state;
    static const unsigned none[] = { 28, 63, CAUSE_END, CAUSE_END + 1, 1000, UINT32_MAX };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_false(cause_valid(none[i]));
        assert_string_equal(cause_name((enum cause)none[i]), "?");
        assert_string_equal(cause_words((enum cause)none[i]), "for a reason that this version does not know");
    }
    enum cause c = CAUSE_LOST;
    assert_int_equal(cause_parse("?", &c), -EINVAL);
    assert_int_equal(cause_parse("", &c), -EINVAL);
    assert_int_equal(c, CAUSE_LOST);
}

/* Slot 1000, looked at from 1010 to 1030, arrived at 1040; each clock is wrong in turn. */
static void test_when_it_began_by_the_middle_clock(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        wall_us slot, at, arrived, want;
    } rows[] = {
        {"all are right",                      1000,    1010,    1040,    1010},
        { "the worker's is an hour ahead",     1000,    3601010, 1040,    1020},
        { "the worker's is behind",            1000,    -5000,   1040,    1000},
        { "the collector's is ahead",          1000,    1010,    3601040, 1010},
        { "the collector's is behind",         1000,    1010,    -7000,   1000},
        { "the grid is ahead of its clock",    9000,    1010,    1040,    1020},
        { "the grid is far behind",            -500000, 1010,    1040,    1010},
        { "kept in an outbox for a long time", 1000,    1010,    9999999, 1010},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct result r = { .run.slot_us = rows[i].slot, .at_us = rows[i].at, .took_us = 20 };
        if (result_began(&r, rows[i].arrived) != rows[i].want)
            fail_msg("%s: %lld", rows[i].what, (long long)result_began(&r, rows[i].arrived));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_numbers_of_causes),
        cmocka_unit_test(test_numbers_that_are_none),
        cmocka_unit_test(test_when_it_began_by_the_middle_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
