#include "tests/unit/proto/pieces.h"

#include "common/owner.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct wire_arena *arena;
static uint8_t buf[WIRE_MAX_BYTES];
static char text[8192];

static int begin(void **state)
{
    (void)state;
    return wire_arena_new(&arena);
}

static int end(void **state)
{
    (void)state;
    wire_arena_free(arena);
    return 0;
}

/* Every member set: what a kind does not have must not come over. */
static struct event usual(enum event_kind kind)
{
    return (struct event){
        .kind = kind,
        .seq = 4711,
        .at_us = 1772357400000000,
        .site_id = 77,
        .site = "shop \xc3\xa4",
        .url = "https://shop.example.com/health",
        .result = { .job_id = 12345,
                    .run = { .site_id = 77, .slot_us = 1772357400000000, .look = 2, .location = "oslo" },
                    .span = 1,
                    .verdict = VERDICT_DOWN,
                    .cause = CAUSE_CONNECT_REFUSED,
                    .worker = "w1",
                    .lane = 3,
                    .detail = "refused" },
        .health_from = HEALTH_SUSPECTED,
        .health_to = HEALTH_DOWN,
        .incident_id = 9,
        .began_us = 1772357390000000,
        .ended_us = 1772357399000000,
        .end = INCIDENT_RECOVERED,
        .notice = NOTICE_BACK,
        .notice_state = NOTICE_FAILED,
        .channel = "mailto:shop@example.com",
        .text = "451 try again later",
        .worker = { .worker = "w1", .lane = 3, .location = "oslo", .health = WORKER_DEAD, .done = 99 },
        .pulse = { .up = 1,
                   .down = 2,
                   .unknown = 3,
                   .suspected = 4,
                   .fresh = 5,
                   .paused = 6,
                   .incidents_open = 7,
                   .notices_pending = 8,
                   .results = VITALS_MAX_COUNT,
                   .scheduled = 10,
                   .concluded = 11,
                   .missed = 12,
                   .in_flight = 13,
                   .late_p50_us = 14,
                   .late_p99_us = UINT32_MAX,
                   .workers_ready = 16,
                   .workers_all = 17,
                   .store_away_s = 77,
                   .shard = 4,
                   .shards = 5 },
    };
}

enum { SITE = 1, LOOK = 2, CHANGE = 4, INCIDENT = 8, NOTICE = 16, WORKER = 32, PULSE = 64 };

static const struct {
    enum event_kind kind;
    unsigned has;
} kinds[] = {
    { EVENT_RESULT, SITE | LOOK },
    { EVENT_HEALTH, SITE | LOOK | CHANGE },
    { EVENT_INCIDENT, SITE | LOOK | CHANGE | INCIDENT },
    { EVENT_NOTICE, SITE | INCIDENT | NOTICE },
    { EVENT_WORKER, WORKER },
    { EVENT_PULSE, PULSE },
    { EVENT_VIEW, SITE | LOOK | CHANGE },
};

static void assert_event(const struct event *got, const struct event *e, unsigned has)
{
    static const struct pulse no_pulse;
    assert_int_equal(got->kind, e->kind);
    assert_int_equal(got->seq, e->seq);
    assert_int_equal(got->at_us, e->at_us);
    assert_string_equal(got->text, e->text);
    assert_int_equal(got->site_id, has & SITE ? e->site_id : 0);
    assert_string_equal(got->site, has & SITE ? e->site : "");
    assert_string_equal(got->url, has & SITE ? e->url : "");
    assert_int_equal(got->result.job_id, has & LOOK ? e->result.job_id : 0);
    assert_int_equal(got->result.run.look, has & LOOK ? e->result.run.look : 0);
    assert_int_equal(got->result.cause, has & LOOK ? e->result.cause : 0);
    assert_string_equal(got->result.worker, has & LOOK ? e->result.worker : "");
    assert_int_equal(got->result.lane, has & LOOK ? e->result.lane : 0);
    assert_string_equal(got->result.run.location, has & LOOK ? e->result.run.location : "");
    assert_string_equal(got->result.detail, has & LOOK ? e->result.detail : "");
    assert_int_equal(got->health_from, has & CHANGE ? e->health_from : 0);
    assert_int_equal(got->health_to, has & CHANGE ? e->health_to : 0);
    assert_int_equal(got->incident_id, has & INCIDENT ? e->incident_id : 0);
    assert_int_equal(got->began_us, has & INCIDENT ? e->began_us : 0);
    assert_int_equal(got->ended_us, has & INCIDENT ? e->ended_us : 0);
    assert_int_equal(got->end, has & INCIDENT ? e->end : 0);
    assert_int_equal(got->notice, has & NOTICE ? e->notice : 0);
    assert_int_equal(got->notice_state, has & NOTICE ? e->notice_state : 0);
    assert_string_equal(got->channel, has & NOTICE ? e->channel : "");
    assert_string_equal(got->worker.worker, has & WORKER ? e->worker.worker : "");
    assert_int_equal(got->worker.health, has & WORKER ? e->worker.health : 0);
    assert_int_equal(got->worker.done, has & WORKER ? e->worker.done : 0);
    assert_memory_equal(&got->pulse, has & PULSE ? &e->pulse : &no_pulse, sizeof got->pulse);
}

static void assert_comes_back(const struct event *e, unsigned has)
{
    struct event got;
    struct err err = { 0 };
    int len = wire_pack_event(e, buf, sizeof buf);
    assert_true(len > 0);
    if (wire_unpack_event(arena, buf, (size_t)len, &got, &err) < 0)
        fail_msg("%s", err.text);
    assert_event(&got, e, has);
}

static void each_kind_comes_back_with_what_it_has(void **state)
{
    (void)state;
    assert_int_equal(sizeof kinds / sizeof *kinds, EVENT_KIND_END - 1);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct event e = usual(kinds[i].kind);
        assert_comes_back(&e, kinds[i].has);
    }
}

static void strings_are_never_null(void **state)
{
    (void)state;
    struct event e = usual(EVENT_NOTICE), got;
    e.site = e.url = e.channel = e.text = NULL;
    int len = wire_pack_event(&e, buf, sizeof buf);
    assert_true(len > 0);
    assert_int_equal(wire_unpack_event(arena, buf, (size_t)len, &got, NULL), 0);
    assert_string_equal(got.site, "");
    assert_string_equal(got.url, "");
    assert_string_equal(got.channel, "");
    assert_string_equal(got.text, "");
}

/* A site that was removed: its incident ends without a look. */
static void an_incident_may_have_no_look_behind_it(void **state)
{
    (void)state;
    struct event e = usual(EVENT_INCIDENT);
    e.end = INCIDENT_WITHDRAWN;
    e.result = (struct result){ 0 };
    assert_comes_back(&e, SITE | CHANGE | INCIDENT);
    e.kind = EVENT_RESULT; /* but the news of a look has one */
    assert_int_equal(wire_pack_event(&e, buf, sizeof buf), -EINVAL);
}

static void the_largest_event_fits(void **state)
{
    (void)state;
    static char name[SITE_MAX_NAME + 1], url[SITE_MAX_URL + 1], channel[CHANNEL_MAX_TEXT + 1], words[1025];
    struct event e = usual(EVENT_NOTICE);
    e.site = long_text(name, sizeof name, "", '\xf1', SITE_MAX_NAME);
    e.url = long_text(url, sizeof url, "http://", 'u', SITE_MAX_URL);
    e.channel = long_text(channel, sizeof channel, "webhook:", 'c', CHANNEL_MAX_TEXT);
    e.text = long_text(words, sizeof words, "", 't', 1024);
    assert_comes_back(&e, SITE | INCIDENT | NOTICE);
    int len = wire_pack_event(&e, buf, sizeof buf);
    for (int room = 0; room < len; room += 97)
        assert_int_equal(wire_pack_event(&e, buf, (size_t)room), -EMSGSIZE);
}

static void words_for_people_are_calmed(void **state)
{
    (void)state;
    struct event e = usual(EVENT_NOTICE), got;
    e.site = "a\nb";
    e.channel = "exec:/bin/\x1b";
    e.text = "line 1\r\nline 2";
    int len = wire_pack_event(&e, buf, sizeof buf);
    assert_int_equal(wire_unpack_event(arena, buf, (size_t)len, &got, NULL), 0);
    assert_string_equal(got.site, "a?b");
    assert_string_equal(got.channel, "exec:/bin/?");
    assert_string_equal(got.text, "line 1??line 2");
}

#define REFUSED(of_kind, change)                                         \
    do {                                                                 \
        struct event e = usual(of_kind);                                 \
        change;                                                          \
        assert_int_equal(wire_pack_event(&e, buf, sizeof buf), -EINVAL); \
    } while (0)

static void what_the_receiver_refuses_is_not_packed(void **state)
{
    (void)state;
    REFUSED((enum event_kind)0, (void)e);
    REFUSED(EVENT_KIND_END, (void)e);
    REFUSED(EVENT_PULSE, e.at_us = -1);
    REFUSED(EVENT_RESULT, e.site_id = 0);
    REFUSED(EVENT_RESULT, e.url = "gopher://x");
    REFUSED(EVENT_RESULT, e.site = long_text(text, sizeof text, "", 's', SITE_MAX_NAME + 1));
    REFUSED(EVENT_RESULT, e.result.worker[0] = '\0');
    REFUSED(EVENT_RESULT, e.result.verdict = VERDICT_UP);
    REFUSED(EVENT_HEALTH, e.result.span = 0);
    REFUSED(EVENT_HEALTH, e.health_from = HEALTH_COUNT);
    REFUSED(EVENT_HEALTH, e.health_to = HEALTH_COUNT);
    REFUSED(EVENT_INCIDENT, e.incident_id = 0);
    REFUSED(EVENT_INCIDENT, e.began_us = -1);
    REFUSED(EVENT_INCIDENT, e.ended_us = -1);
    REFUSED(EVENT_INCIDENT, e.end = INCIDENT_END_COUNT);
    REFUSED(EVENT_NOTICE, e.notice = NOTICE_KIND_COUNT);
    REFUSED(EVENT_NOTICE, e.notice_state = NOTICE_STATE_COUNT);
    REFUSED(EVENT_NOTICE, e.channel = long_text(text, sizeof text, "", 'c', CHANNEL_MAX_TEXT + 1));
    REFUSED(EVENT_NOTICE, e.text = long_text(text, sizeof text, "", 't', 1025));
    REFUSED(EVENT_WORKER, e.worker.worker[0] = '\0');
    REFUSED(EVENT_WORKER, e.worker.location[0] = '\0');
    REFUSED(EVENT_WORKER, e.worker.health = WORKER_HEALTH_COUNT);
}

/* --- what others send --- */

static void tell_look(struct piece *p, const struct instead *story)
{
    static struct piece run;
    tell_run(&run, story);
    p->len = 0;
    tell_number(p, story, "job_id", 1, 5);
    tell_inner(p, story, "run", 2, &run);
    tell_number(p, story, "verdict", 3, VERDICT_DOWN);
    tell_number(p, story, "cause", 4, CAUSE_RESET);
    tell_text(p, story, "look.worker", 18, "w1");
}

static void tell_event(struct piece *p, enum event_kind kind, const struct instead *story)
{
    static struct piece look, worker, pulse;
    tell_look(&look, story);
    worker.len = pulse.len = 0;
    tell_text(&worker, story, "w.worker", 1, "w1");
    tell_text(&worker, story, "w.location", 3, "oslo");
    tell_number(&pulse, story, "up", 1, 10);
    tell_number(&pulse, story, "shard", 19, 1);
    tell_number(&pulse, story, "shards", 20, 2);

    tell_version(p, story);
    tell_number(p, story, "kind", 3, kind);
    tell_number(p, story, "seq", 4, 4711);
    tell_number(p, story, "at_us", 5, 1772357400000000);
    tell_number(p, story, "event.site_id", 6, 77);
    tell_text(p, story, "site", 7, "shop");
    tell_text(p, story, "url", 8, "https://shop.example.com/");
    tell_inner(p, story, "look_", 9, &look);
    tell_number(p, story, "from", 10, HEALTH_UP);
    tell_number(p, story, "to", 11, HEALTH_SUSPECTED);
    tell_number(p, story, "incident_id", 12, 9);
    tell_number(p, story, "end", 15, INCIDENT_OPEN);
    tell_number(p, story, "notice", 16, NOTICE_BACK);
    tell_number(p, story, "notice_state", 17, NOTICE_SENT);
    tell_text(p, story, "channel", 18, "console:");
    tell_text(p, story, "text", 19, "");
    tell_inner(p, story, "worker", 20, &worker);
    tell_inner(p, story, "pulse", 21, &pulse);
}

static const struct {
    enum event_kind kind;
    struct instead what;
    int code;
    const char *says;
} stories[] = {
    { EVENT_RESULT, AS_USUAL, 0, "" },
    { EVENT_HEALTH, AS_USUAL, 0, "" },
    { EVENT_HEALTH, WITHOUT("look_"), 0, "" },
    { EVENT_INCIDENT, WITHOUT("site"), 0, "" },
    { EVENT_NOTICE, TEXT("look_", ""), 0, "" },
    { EVENT_WORKER, WITHOUT("event.site_id"), 0, "" },
    { EVENT_PULSE, TEXT("pulse", ""), 0, "" },
    { EVENT_PULSE, WITHOUT("major"), -EBADMSG, "without a version" },
    { EVENT_PULSE, NUMBER("major", 2), -EPROTO, "upgrade it" },
    { EVENT_PULSE, NUMBER("major", UINT32_MAX), -EPROTO, "version 4294967295" },
    { EVENT_PULSE, WITHOUT("kind"), -EBADMSG, "0 is no kind" },
    { EVENT_PULSE, NUMBER("kind", EVENT_KIND_END), -EBADMSG, "8 is no kind" },
    { EVENT_PULSE, NUMBER("kind", UINT64_MAX), -EBADMSG, "no kind" },
    { EVENT_PULSE, WITHOUT("pulse"), -EBADMSG, "pulse itself is missing" },
    { EVENT_PULSE, NUMBER("shards", 1), -EBADMSG, "no part 1 of 1" },
    { EVENT_PULSE, NUMBER("shards", 65), -EBADMSG, "no part 1 of 65" },
    { EVENT_WORKER, WITHOUT("worker"), -EBADMSG, "worker itself is missing" },
    { EVENT_WORKER, WITHOUT("w.worker"), -EBADMSG, "worker: a worker's name" },
    { EVENT_RESULT, WITHOUT("look_"), -EBADMSG, "result itself is missing" },
    { EVENT_RESULT, TEXT("look_", ""), -EBADMSG, "run is missing" },
    { EVENT_RESULT, WITHOUT("look.worker"), -EBADMSG, "worker's name" },
    { EVENT_HEALTH, WITHOUT("look.worker"), -EBADMSG, "worker's name" },
    { EVENT_HEALTH, TEXT("look_", ""), -EBADMSG, "run is missing" },
    { EVENT_RESULT, NUMBER("at_us", UINT64_MAX), -EBADMSG, "before 1970" },
    { EVENT_RESULT, WITHOUT("event.site_id"), -EBADMSG, "result: the site's id is 0" },
    { EVENT_RESULT, TEXT("url", "shop.example.com"), -EBADMSG, "URL" },
    { EVENT_RESULT, BYTES("url", "http://a\0b", 10), -EBADMSG, "NUL" },
    { EVENT_RESULT, BYTES("site", "a\0b", 3), -EBADMSG, "NUL" },
    { EVENT_HEALTH, NUMBER("from", HEALTH_COUNT), -EBADMSG, "health: 5 or 2 is no health" },
    { EVENT_HEALTH, NUMBER("to", UINT64_MAX), -EBADMSG, "no health" },
    { EVENT_INCIDENT, WITHOUT("incident_id"), -EBADMSG, "incident: the incident's id is 0" },
    { EVENT_INCIDENT, NUMBER("end", 3), -EBADMSG, "3 is no end" },
    { EVENT_NOTICE, NUMBER("notice", 6), -EBADMSG, "6 or 1" },
    { EVENT_NOTICE, NUMBER("notice_state", 4), -EBADMSG, "1 or 4" },
    { EVENT_NOTICE, BYTES("channel", "\0", 1), -EBADMSG, "channel" },
};

static void bytes_made_by_hand_are_understood_or_refused(void **state)
{
    (void)state;
    static struct piece p;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct event got = { .seq = 1 };
        struct err err = { 0 };
        tell_event(&p, stories[i].kind, &stories[i].what);
        int r = wire_unpack_event(arena, p.bytes, p.len, &got, &err);
        if (r != stories[i].code || !strstr(err.text, stories[i].says))
            fail_msg("%s: %d, '%s' instead of %d, '%s'", stories[i].what.member, r, err.text, stories[i].code,
                     stories[i].says);
        assert_int_equal(got.seq, r < 0 ? 1 : 4711);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_comes_back_with_what_it_has),
        cmocka_unit_test(strings_are_never_null),
        cmocka_unit_test(an_incident_may_have_no_look_behind_it),
        cmocka_unit_test(the_largest_event_fits),
        cmocka_unit_test(words_for_people_are_calmed),
        cmocka_unit_test(what_the_receiver_refuses_is_not_packed),
        cmocka_unit_test(bytes_made_by_hand_are_understood_or_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
