#include "worker/match.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *accepted;
    unsigned status;
    bool retry_after, filtered, keyword;
    enum verdict verdict;
    enum cause cause;
} answers[] = {
  /* the usual: 200 to 399 */
    {"",             200, 0, 0, 1, VERDICT_UP,   CAUSE_NONE           },
    { "",            204, 0, 0, 1, VERDICT_UP,   CAUSE_NONE           },
    { "",            304, 0, 0, 1, VERDICT_UP,   CAUSE_NONE           },
    { "",            399, 0, 0, 1, VERDICT_UP,   CAUSE_NONE           },
    { "",            400, 0, 0, 1, VERDICT_DOWN, CAUSE_HTTP_4XX       },
    { "",            404, 0, 0, 1, VERDICT_DOWN, CAUSE_HTTP_4XX       },
    { "",            499, 0, 0, 1, VERDICT_DOWN, CAUSE_HTTP_4XX       },
    { "",            500, 0, 0, 1, VERDICT_DOWN, CAUSE_HTTP_5XX       },
    { "",            599, 0, 0, 1, VERDICT_DOWN, CAUSE_HTTP_5XX       },
    { "",            599, 0, 0, 1, VERDICT_DOWN, CAUSE_HTTP_5XX       },
    { "",            600, 0, 0, 1, VERDICT_DOWN, CAUSE_HTTP_UNEXPECTED}, /* of no class, RFC 9110 section 15 */
    { "",            999, 0, 0, 1, VERDICT_DOWN, CAUSE_HTTP_UNEXPECTED},
    { "",            200, 0, 0, 0, VERDICT_DOWN, CAUSE_CONTENT        },
    { "",            500, 0, 0, 0, VERDICT_DOWN, CAUSE_HTTP_5XX       }, /* the status comes first */

  /* what they accept decides */
    { "200",         204, 0, 0, 1, VERDICT_DOWN, CAUSE_HTTP_UNEXPECTED},
    { "404",         404, 0, 0, 1, VERDICT_UP,   CAUSE_NONE           },
    { "404",         200, 0, 0, 1, VERDICT_DOWN, CAUSE_HTTP_UNEXPECTED},
    { "200-299,503", 503, 1, 0, 1, VERDICT_UP,   CAUSE_NONE           },
    { "200-299",     304, 0, 0, 1, VERDICT_DOWN, CAUSE_HTTP_UNEXPECTED},

 /* patience */
    { "",            429, 1, 0, 1, VERDICT_UP,   CAUSE_ASKS_PATIENCE  },
    { "",            429, 0, 0, 1, VERDICT_UP,   CAUSE_ASKS_PATIENCE  },
    { "",            429, 1, 0, 0, VERDICT_UP,   CAUSE_ASKS_PATIENCE  },
    { "429",         429, 1, 0, 1, VERDICT_UP,   CAUSE_NONE           },
    { "200,429",     429, 1, 0, 0, VERDICT_DOWN, CAUSE_CONTENT        },
    { "",            503, 1, 0, 1, VERDICT_DOWN, CAUSE_HTTP_5XX       },
    { "",            503, 0, 0, 1, VERDICT_DOWN, CAUSE_HTTP_5XX       },
    { "",            500, 1, 0, 1, VERDICT_DOWN, CAUSE_HTTP_5XX       },
    { "",            404, 1, 0, 1, VERDICT_DOWN, CAUSE_HTTP_4XX       },

 /* filters */
    { "",            403, 0, 1, 1, VERDICT_UP,   CAUSE_BLOCKED_WAF    },
    { "",            429, 0, 1, 1, VERDICT_UP,   CAUSE_BLOCKED_WAF    },
    { "",            429, 1, 1, 1, VERDICT_UP,   CAUSE_ASKS_PATIENCE  },
    { "",            403, 0, 1, 0, VERDICT_UP,   CAUSE_BLOCKED_WAF    },
    { "",            403, 0, 0, 1, VERDICT_DOWN, CAUSE_HTTP_4XX       },
    { "",            503, 0, 1, 1, VERDICT_DOWN, CAUSE_HTTP_5XX       },
    { "",            404, 0, 1, 1, VERDICT_DOWN, CAUSE_HTTP_4XX       },
    { "",            200, 0, 1, 1, VERDICT_UP,   CAUSE_NONE           },
};

static struct status_set set_of(const char *text)
{
    struct status_set set = { 0 };
    if (*text)
        assert_int_equal(status_set_parse(text, &set, NULL), 0);
    return set;
}

static void every_answer_has_its_judgement(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct status_set set = set_of(answers[i].accepted);
        struct answer a = { answers[i].status, answers[i].retry_after, answers[i].filtered,
                            answers[i].keyword };
        struct judgement j = match_answer(&set, &a);
        if (j.verdict != answers[i].verdict || j.cause != answers[i].cause)
            fail_msg("row %zu: %u is %s", i, a.status, cause_name(j.cause));
    }
}

/* No status without a verdict, and never unknown. */
static void all_statuses_are_judged(void **state)
{
    (void)state;
    struct status_set usual = { 0 };
    for (unsigned status = 100; status <= 999; status++) {
        struct answer a = { .status = status, .keyword = true };
        struct judgement j = match_answer(&usual, &a);
        bool up = (status >= 200 && status <= 399) || status == 429;
        assert_int_equal(j.verdict, up ? VERDICT_UP : VERDICT_DOWN);
        assert_int_equal(up, j.cause == CAUSE_NONE || j.cause == CAUSE_ASKS_PATIENCE);
    }
}

static void head_is_doubted_where_get_may_help(void **state)
{
    (void)state;
    static const enum cause doubted[] = { CAUSE_HTTP_4XX,    CAUSE_HTTP_5XX,      CAUSE_HTTP_UNEXPECTED,
                                          CAUSE_BLOCKED_WAF, CAUSE_RESET,         CAUSE_CLOSED,
                                          CAUSE_PROTOCOL,    CAUSE_REDIRECT_LOOP, CAUSE_REDIRECT_BAD };
    for (unsigned c = 0; c < CAUSE_END; c++) {
        bool expected = false;
        for (size_t i = 0; i < sizeof doubted / sizeof *doubted; i++)
            expected |= doubted[i] == c;
        if (cause_valid(c) &&
            match_head_needs_get((struct judgement){ VERDICT_DOWN, (enum cause)c }) != expected)
            fail_msg("%s", cause_name((enum cause)c));
    }
}

static void a_head_that_had_no_answer_in_time_hangs(void **state)
{
    (void)state;
    for (unsigned c = 0; c < CAUSE_END; c++) {
        struct judgement j = { VERDICT_DOWN, (enum cause)c };
        bool expected = c == CAUSE_TIMEOUT_WAIT || c == CAUSE_TIMEOUT_BODY;
        if (cause_valid(c) && match_head_hangs(j) != expected)
            fail_msg("%s", cause_name((enum cause)c));
        assert_false(match_head_hangs(j) && match_head_needs_get(j)); /* either now or the next time */
    }
}

static void filters_are_known_by_their_headers(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        bool filter;
    } headers[] = {
        {"cf-mitigated",  "challenge",   true },
        { "CF-Mitigated", "challenge",   true },
        { "Server",       "cloudflare",  true },
        { "server",       "AkamaiGHost", true },
        { "server",       "nginx",       false},
        { "server",       "cloudflared", false},
        { "server",       "cloud",       false},
        { "cf-ray",       "8f00-FRA",    false},
        { "x-datadome",   "protected",   true },
        { "serve",        "cloudflare",  false},
        { "x-server",     "cloudflare",  false},
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (match_header_is_filter(headers[i].name, strlen(headers[i].name), headers[i].value,
                                   strlen(headers[i].value)) != headers[i].filter)
            fail_msg("%s: %s", headers[i].name, headers[i].value);
}

static void redirects_are_followed_unless_wanted(void **state)
{
    (void)state;
    static const struct {
        const char *accepted;
        unsigned status;
        bool follows;
    } rows[] = {
        {"",         301, true },
        { "",        302, true },
        { "",        303, true },
        { "",        307, true },
        { "",        308, true },
        { "",        300, false},
        { "",        304, false},
        { "",        305, false},
        { "",        200, false},
        { "200-399", 301, true },
        { "200-299", 301, true },
        { "301",     301, false},
        { "301",     302, true },
        { "300-399", 308, false},
        { "204,301", 301, false},
        { "200,301", 301, true },
        { "404",     301, true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct status_set set = set_of(rows[i].accepted);
        if (match_follows(&set, rows[i].status) != rows[i].follows)
            fail_msg("'%s' and %u", rows[i].accepted, rows[i].status);
    }
}

static const struct {
    const char *value;
    bool readable;
    uint32_t seconds;
} waits[] = {
  /* at 2026-11-23 12:00:00 UTC */
    {"0",                               true,  0         },
    { "120",                            true,  120       },
    { "4294967296",                     true,  UINT32_MAX},
    { "99999999999999999999999",        true,  UINT32_MAX},
    { "Mon, 23 Nov 2026 12:00:30 GMT",  true,  30        },
    { "Monday, 23-Nov-26 12:01:00 GMT", true,  60        },
    { "Mon Nov 23 13:00:00 2026",       true,  3600      },
    { "Mon, 23 Nov 2026 11:59:59 GMT",  true,  0         },
    { "Sun, 06 Nov 1994 08:49:37 GMT",  true,  0         },
    { "",                               false, 0         },
    { "-5",                             false, 0         },
    { "1.5",                            false, 0         },
    { "120 ",                           false, 0         },
    { "soon",                           false, 0         },
    { "Tomorrow: never",                false, 0         },
    { "20261123",                       true,  20261123  },
};

static void a_retry_after_is_seconds_or_a_date(void **state)
{
    (void)state;
    const wall_us noon = INT64_C(1795435200) * US_PER_S;
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        uint32_t s = 0;
        if (match_retry_after(waits[i].value, noon, &s) != waits[i].readable || s != waits[i].seconds)
            fail_msg("'%s': %u", waits[i].value, s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_retry_after_is_seconds_or_a_date),
        cmocka_unit_test(every_answer_has_its_judgement),
        cmocka_unit_test(all_statuses_are_judged),
        cmocka_unit_test(head_is_doubted_where_get_may_help),
        cmocka_unit_test(a_head_that_had_no_answer_in_time_hangs),
        cmocka_unit_test(filters_are_known_by_their_headers),
        cmocka_unit_test(redirects_are_followed_unless_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
