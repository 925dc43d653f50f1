/* Events as lines, for people and for programs. */
#include "cli/feedline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct event event_of(enum event_kind kind)
{
    return (struct event){
        .kind = kind,
        .seq = 7,
        .at_us = 1772357400125000,
        .site_id = 3,
        .site = "shop",
        .url = "http://shop.test/",
        .channel = "mailto:us@example.com",
        .text = "",
        .incident_id = 4,
        .began_us = 1772357399000000,
        .result = {.status = 503,
                   .cause = CAUSE_HTTP_5XX,
                   .verdict = VERDICT_DOWN,
                   .took_us = 12000,
                   .at_us = 1772357400000000,
                   .span = 1,
                   .worker = "w1",
                   .run = { .location = "main" }}
    };
}

/* Behind the time, which is local. */
static const char *said(const struct event *e, struct text *t)
{
    text_clear(t);
    feedline_write(t, e);
    assert_true(strlen(text_str(t)) > 14);
    return text_str(t) + 14;
}

static void people_read(void **state)
{
    scoped(text) struct text t = TEXT_UP_TO(4096);
    (void)state;
    struct event e = event_of(EVENT_RESULT);
    assert_string_equal(said(&e, &t), "result    shop  down, HTTP 503 in 12 ms (w1)");
    e.result.run.look = 2;
    assert_string_equal(said(&e, &t), "result    shop  down, HTTP 503 in 12 ms, confirming look 2 (w1)");

    e = event_of(EVENT_HEALTH);
    e.health_from = HEALTH_UP;
    e.health_to = HEALTH_SUSPECTED;
    assert_string_equal(said(&e, &t), "health    shop  up -> suspected, HTTP 503 in 12 ms");
    e.health_to = HEALTH_NEW;
    e.result.at_us = 0;
    assert_string_equal(said(&e, &t), "health    shop  was up; it is looked at anew");
    e.text = "the site was paused";
    assert_string_equal(said(&e, &t), "health    shop  was up; the site was paused");

    e = event_of(EVENT_INCIDENT);
    assert_non_null(strstr(said(&e, &t), "incident  shop  is DOWN: HTTP 503 in 12 ms; since "));
    e.end = INCIDENT_RECOVERED;
    e.ended_us = e.began_us + 63 * US_PER_S;
    assert_string_equal(said(&e, &t), "incident  shop  is BACK after 1m 3s, incident 4");

    e = event_of(EVENT_NOTICE);
    e.notice_state = NOTICE_SENT;
    assert_string_equal(said(&e, &t), "notice    shop  down to mailto:us@example.com: sent");
    e.notice_state = NOTICE_PENDING;
    e.text = "451 later";
    assert_string_equal(
        said(&e, &t),
        "notice    shop  down to mailto:us@example.com: not yet, will be tried again (451 later)");

    e = event_of(EVENT_WORKER);
    e.worker = (struct worker_vitals){ .worker = "w1", .lane = 1, .location = "main", .slots = 200 };
    assert_string_equal(said(&e, &t), "worker    w1/1  ready, location main, 200 slots");
}

static void nothing_from_outside_steers_the_terminal(void **state)
{
    scoped(text) struct text t = TEXT_UP_TO(4096);
    (void)state;
    struct event e = event_of(EVENT_NOTICE);
    e.site = "a\033[2Jb";
    e.text = "x\ny";
    said(&e, &t);
    assert_null(strchr(text_str(&t), '\033'));
    assert_null(strchr(text_str(&t), '\n'));
    assert_non_null(strstr(text_str(&t), "a?[2Jb"));
}

static void coverage_is_never_flattered(void **state)
{
    static const struct {
        uint64_t concluded, missed;
        const char *text;
    } rows[] = {
        {0,        0, "-"      },
        { 10,      0, "100 %"  },
        { 99,      1, "99.00 %"},
        { 0,       5, "0.00 %" },
        { 1000000, 1, "99.99 %"},
        { 2,       1, "66.67 %"},
    };
    char buf[24];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(feedline_coverage(buf, sizeof buf, rows[i].concluded, rows[i].missed),
                            rows[i].text);
}

static void a_pulse_is_one_line(void **state)
{
    const struct pulse p = { .up = 29,
                             .down = 1,
                             .unknown = 3,
                             .concluded = 500,
                             .late_p99_us = 4200,
                             .workers_ready = 2,
                             .workers_all = 2 };
    const struct pulse more = { .up = 1200,
                                .suspected = 1,
                                .fresh = 2,
                                .paused = 3,
                                .concluded = 1,
                                .missed = 1,
                                .workers_ready = 1,
                                .workers_all = 2,
                                .notices_pending = 1,
                                .late_p99_us = 20000 };
    char buf[300];
    (void)state;
    assert_string_equal(
        feedline_pulse(buf, sizeof buf, &p, 12.3),
        "33 sites: 29 up 1 down 3 unknown | 2 workers | 12 looks/s | coverage 100 % | late p99 4.2 ms");
    assert_string_equal(
        feedline_pulse(buf, sizeof buf, &more, -1),
        "1,206 sites: 1,200 up 0 down 1 suspected 2 new 3 paused | 1 worker of 2 | 1 notice pending "
        "| coverage 50.00 % | late p99 20 ms");
    const struct pulse early = { .up = 1,
                                 .fresh = 2,
                                 .results = 1 }; /* the coordinator has said nothing yet */
    assert_string_equal(feedline_pulse(buf, sizeof buf, &early, -1), "3 sites: 1 up 0 down 2 new");
    const struct pulse away = {
        .up = 1, .scheduled = 1, .workers_ready = 2, .workers_all = 2, .store_away_s = 75
    };
    assert_string_equal(feedline_pulse(buf, sizeof buf, &away, -1),
                        "1 site: 1 up 0 down | THE STORE CANNOT BE WRITTEN for 1m 15s | 2 workers");
    const struct pulse alone = { .up = 1, .scheduled = 1 };
    assert_string_equal(feedline_pulse(buf, sizeof buf, &alone, -1), "1 site: 1 up 0 down | 0 workers");
}

static void programs_read(void **state)
{
    static const char *const keys[EVENT_KIND_END] = {
        [EVENT_RESULT] = "site url result",
        [EVENT_HEALTH] = "site from to look",
        [EVENT_INCIDENT] = "site incident state began look",
        [EVENT_NOTICE] = "site incident notice state channel",
        [EVENT_WORKER] = "worker lane location health",
        [EVENT_PULSE] = "up down missed late_p99_ms workers",
        [EVENT_VIEW] = "site location from to look",
    };
    (void)state;
    for (int k = 1; k < EVENT_KIND_END; k++) {
        struct event e = event_of((enum event_kind)k);
        json_t *o = feedline_json(&e);
        assert_non_null(o);
        assert_string_equal(json_string_value(json_object_get(o, "event")),
                            event_kind_name((enum event_kind)k));
        assert_int_equal(json_integer_value(json_object_get(o, "seq")), 7);
        assert_string_equal(json_string_value(json_object_get(o, "at")), "2026-03-01T09:30:00.125Z");
        for (const char *at = keys[k]; *at; at += strspn(at, " ")) {
            char key[32];
            snprintf(key, sizeof key, "%.*s", (int)strcspn(at, " "), at);
            if (!json_object_get(o, key))
                fail_msg("%s has no %s", event_kind_name((enum event_kind)k), key);
            at += strcspn(at, " ");
        }
        json_decref(o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_read),
        cmocka_unit_test(nothing_from_outside_steers_the_terminal),
        cmocka_unit_test(coverage_is_never_flattered),
        cmocka_unit_test(a_pulse_is_one_line),
        cmocka_unit_test(programs_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
