/* Golden texts: what owners read. */
#include "collector/message.h"
#include "collector/notices.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOON (INT64_C(1772373731) * US_PER_S + 125000) /* 2026-03-01T14:02:11.125Z */

static const struct site_kept shop = {
    .id = 7, .name = "shop", .url = "https://shop.example.com/", .tags = "prod"
};
static const struct owner team = { .id = 3, .name = "shop-team", .channel = { "console:" }, .n_channels = 1 };

static struct incident outage(enum incident_end end)
{
    struct incident i = { .id = 12,
                          .site_id = 7,
                          .began_us = NOON,
                          .confirmed_us = NOON + 6 * US_PER_S,
                          .end = end,
                          .cause = CAUSE_HTTP_5XX,
                          .status = 503,
                          .detail = "Service Unavailable" };
    if (end != INCIDENT_OPEN)
        i.ended_us = NOON + 200 * US_PER_S;
    return i;
}

static struct result look(unsigned number, const char *worker, bool down)
{
    struct result r = {
        .run = {.site_id = 7, .look = (uint16_t)number, .location = "local"},
        .span = 1,
        .at_us = NOON + number * 5 * US_PER_S,
        .took_us = 12300,
        .address = "203.0.113.7",
        .verdict = down ? VERDICT_DOWN : VERDICT_UP,
        .cause = down ? CAUSE_HTTP_5XX : CAUSE_NONE,
        .status = down ? 503 : 200
    };
    strcpy(r.worker, worker);
    return r;
}

static struct notice *make(enum notice_kind kind, const struct site_kept *site)
{
    struct result looks[] = { look(0, "w1", true), look(1, "w2", true), look(2, "w1", true) };
    struct result up[] = { look(40, "w2", false) };
    struct incident i = outage(kind == NOTICE_BACK        ? INCIDENT_RECOVERED
                               : kind == NOTICE_WITHDRAWN ? INCIDENT_WITHDRAWN
                                                          : INCIDENT_OPEN);
    struct notice_facts f = { .kind = kind,
                              .number = kind == NOTICE_STILL_DOWN ? 2 : 0,
                              .incident = &i,
                              .site = site,
                              .owner = &team,
                              .now = NOON + 7200 * US_PER_S,
                              .reason = kind == NOTICE_WITHDRAWN ? "the site was paused" : "" };
    if (kind == NOTICE_DOWN) {
        f.looks = looks;
        f.n_looks = 3;
    } else if (kind == NOTICE_BACK) {
        f.looks = up;
        f.n_looks = 1;
    }
    return notice_make(1, &f, "console:");
}

static const struct {
    enum notice_kind kind;
    const char *subject, *line, *body;
} golden[] = {
    {NOTICE_DOWN,        "[down] shop: HTTP 503",
     "DOWN  shop  https://shop.example.com/ since 14:02:11 UTC: HTTP 503 (seen first by w1 and confirmed by "
      "2 looks from w2, w1)",                                                                                           "shop is down since 2026-03-01 14:02:11 UTC: HTTP 503.\n"
      "This was seen first by w1 and confirmed by 2 looks from w2, w1.\n"
      "\n"
      "  https://shop.example.com/\n"
      "  Service Unavailable\n"
      "\n"
      "What was seen:\n"
      "  14:02:11 UTC  w1 from local: HTTP 503, at 203.0.113.7, 12 ms\n"
      "  14:02:16 UTC  w2 from local: HTTP 503, at 203.0.113.7, 12 ms\n"
      "  14:02:21 UTC  w1 from local: HTTP 503, at 203.0.113.7, 12 ms\n"
      "\n"
      "Incident 12, told to shop-team. All about it: vedette explain shop\n"                                         },
    { NOTICE_BACK,       "[back] shop after 3m 20s",              "BACK  shop  https://shop.example.com/ after 3m 20s",
     "shop is back since 2026-03-01 14:05:31 UTC.\n"
      "It was down for 3m 20s, from 2026-03-01 14:02:11 UTC: HTTP 503.\n"
      "\n"
      "  https://shop.example.com/\n"
      "\n"
      "Seen up again:\n"
      "  14:05:31 UTC  w2 from local: HTTP 200, at 203.0.113.7, 12 ms\n"
      "\n"
      "Incident 12, told to shop-team. All about it: vedette explain shop\n"                                                                      },
    { NOTICE_STILL_DOWN, "[still down] shop for 2h 0m: HTTP 503",
     "STILL shop  https://shop.example.com/ down for 2h 0m: HTTP 503",                                                  "shop is still down, for 2h 0m now, since 2026-03-01 14:02:11 UTC: HTTP 503.\n"
      "This is reminder 2.\n"
      "\n"
      "  https://shop.example.com/\n"
      "  Service Unavailable\n"
      "\n"
      "Incident 12, told to shop-team. All about it: vedette explain shop\n"},
    { NOTICE_WITHDRAWN,  "[closed] shop: the site was paused",
     "CLOSED shop  https://shop.example.com/: the site was paused",                                                     "The outage of shop that began at 2026-03-01 14:02:11 UTC is closed without having been seen to end: "
      "the site was paused.\n"
      "\n"
      "  https://shop.example.com/\n"
      "  Service Unavailable\n"
      "\n"
      "Incident 12, told to shop-team. All about it: vedette explain shop\n"   },
};

static void test_golden_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        char subject[MESSAGE_SUBJECT_SIZE], line[MESSAGE_LINE_SIZE];
        scoped(text) struct text body = TEXT_UP_TO(16384);
        struct notice *n = make(golden[i].kind, &shop);
        assert_int_equal(message_subject(n->payload, subject, sizeof subject, NULL), 0);
        assert_int_equal(message_line(n->payload, line, sizeof line, NULL), 0);
        assert_int_equal(message_body(n->payload, &body, NULL), 0);
        assert_string_equal(subject, golden[i].subject);
        assert_string_equal(line, golden[i].line);
        assert_string_equal(text_str(&body), golden[i].body);
        notice_free(n);
    }
}

static void test_a_name_that_is_the_url_is_said_once(void **state)
{
    (void)state;
    const struct site_kept bare = {
        .id = 7, .name = "http://x.example/", .url = "http://x.example/", .tags = ""
    };
    struct notice *n = make(NOTICE_BACK, &bare);
    char line[MESSAGE_LINE_SIZE];
    assert_int_equal(message_line(n->payload, line, sizeof line, NULL), 0);
    assert_string_equal(line, "BACK  http://x.example/ after 3m 20s");
    notice_free(n);
}

static void test_one_line_stays_one_line(void **state)
{
    (void)state;
    char name[1500];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    memcpy(name, "a\nb\rc\x7f", 6);
    const struct site_kept odd = { .id = 7, .name = name, .url = "http://x.example/", .tags = "" };
    for (unsigned k = 0; k < NOTICE_KIND_COUNT; k++) {
        struct notice *n = make((enum notice_kind)k, &odd);
        char subject[MESSAGE_SUBJECT_SIZE], line[MESSAGE_LINE_SIZE];
        assert_int_equal(message_subject(n->payload, subject, sizeof subject, NULL), 0);
        assert_int_equal(message_line(n->payload, line, sizeof line, NULL), 0);
        assert_null(strpbrk(subject, "\r\n\x7f"));
        assert_null(strpbrk(line, "\r\n\x7f"));
        assert_non_null(strstr(subject, "a?b?c?"));
        assert_true(strlen(line) < MESSAGE_LINE_SIZE - 1);
        notice_free(n);
    }
}

/* The last line is for pasting into a shell. */
static void test_what_is_pasted_is_one_word(void **state)
{
    (void)state;
    static const struct {
        const char *name, *ends_with;
    } rows[] = {
        {"shop",                   "vedette explain shop\n"                 },
        { "https://a.example/x-1", "vedette explain https://a.example/x-1\n"},
        { "my shop; rm -rf ~",     "vedette explain 'my shop; rm -rf ~'\n"  },
        { "it's $HOME",            "vedette explain 'it'\\''s $HOME'\n"     },
        { "http://a/?x=1&y=2",     "vedette explain 'http://a/?x=1&y=2'\n"  },
        { "-v",                    "vedette explain -- -v\n"                },
        { "läden",                "vedette explain 'läden'\n"             },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct site_kept site = {
            .id = 7, .name = rows[i].name, .url = "http://x.example/", .tags = ""
        };
        scoped(text) struct text body = TEXT_UP_TO(16384);
        struct notice *n = make(NOTICE_DOWN, &site);
        assert_int_equal(message_body(n->payload, &body, NULL), 0);
        const char *line = strstr(text_str(&body), "vedette explain");
        assert_non_null(line);
        assert_string_equal(line, rows[i].ends_with);
        notice_free(n);
    }
}

static void test_what_is_not_a_payload_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "x", "[]", "{}", "{\"kind\":\"down\"}", "null" };
    char buf[MESSAGE_LINE_SIZE];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = { 0 };
        assert_int_equal(message_subject(bad[i], buf, sizeof buf, &err), -EBADMSG);
        assert_true(err.text[0]);
        assert_int_equal(message_line(bad[i], buf, sizeof buf, NULL), -EBADMSG);
        scoped(text) struct text body = TEXT_UP_TO(100);
        assert_int_equal(message_body(bad[i], &body, NULL), -EBADMSG);
    }
}

static void test_a_text_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct notice *n = make(NOTICE_DOWN, &shop);
    scoped(text) struct text body = TEXT_UP_TO(100);
    assert_int_equal(message_body(n->payload, &body, NULL), -EMSGSIZE);
    notice_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_texts),
        cmocka_unit_test(test_a_name_that_is_the_url_is_said_once),
        cmocka_unit_test(test_one_line_stays_one_line),
        cmocka_unit_test(test_what_is_pasted_is_one_word),
        cmocka_unit_test(test_what_is_not_a_payload_is_refused),
        cmocka_unit_test(test_a_text_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
