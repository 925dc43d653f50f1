/* The network's side, over real sockets; the keeper's side is the test itself. */
#include "collector/ingest.h"
#include "collector/parcel.h"
#include "common/log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct net {
    char folder[40];
    struct config config;
    struct bus *bus;
    struct loop *loop;
    struct ingest *ingest;
    void *worker, *coordinator, *subscriber;
    struct wire_arena *arena;
    unsigned arrived;
};

static void on_arrived(void *arg)
{
    struct net *n = arg;
    n->arrived++;
}

static void open_net(struct net *n)
{
    *n = (struct net){ .folder = "/tmp/vedette-ingest-XXXXXX" };
    struct err err = { 0 };
    assert_non_null(mkdtemp(n->folder));
    config_init(&n->config);
    snprintf(n->config.endpoint.results, ENDPOINT_SIZE, "ipc://%s/results", n->folder);
    snprintf(n->config.endpoint.feed, ENDPOINT_SIZE, "ipc://%s/feed", n->folder);
    snprintf(n->config.endpoint.feedback, ENDPOINT_SIZE, "ipc://%s/feedback", n->folder);
    assert_int_equal(bus_new(&n->bus), 0);
    assert_int_equal(loop_new(&n->loop), 0);
    assert_int_equal(wire_arena_new(&n->arena), 0);
    if (ingest_new(&n->ingest, n->loop, n->bus, &n->config, on_arrived, n, &err) < 0 ||
        bus_open(n->bus, LANE_RESULTS, SIDE_FROM, n->config.endpoint.results, &n->worker, &err) < 0)
        fail_msg("%s", err.text);
}

static void close_net(struct net *n)
{
    static const char *const names[] = { "results", "feed", "feedback" };
    char path[64];
    bus_close(n->worker);
    bus_close(n->coordinator);
    bus_close(n->subscriber);
    ingest_free(n->ingest);
    loop_free(n->loop);
    bus_free(n->bus);
    wire_arena_free(n->arena);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", n->folder, names[i]);
        unlink(path);
    }
    rmdir(n->folder);
}

static void turns(struct net *n, int count)
{
    for (int i = 0; i < count; i++)
        loop_turn(n->loop, 5);
}

static struct result result(uint64_t job_id)
{
    struct result r = {
        .job_id = job_id,
        .run = {.site_id = 1, .slot_us = 1, .location = "local"},
        .span = 1,
        .verdict = VERDICT_UP,
        .at_us = 1,
        .worker = "w1"
    };
    return r;
}

/* As a worker does: try until it can be taken. False: never within a second. */
static bool send_result(struct net *n, uint64_t job_id, int tries)
{
    uint8_t buf[1024];
    struct result r = result(job_id);
    struct report report = { .kind = REPORT_RESULTS, .results = &r, .n_results = 1 };
    int len = wire_pack_report(&report, buf, sizeof buf);
    assert_true(len > 0);
    for (int i = 0; i < tries; i++) {
        if (bus_send(n->worker, buf, (size_t)len) == 0)
            return true;
        turns(n, 1);
    }
    return false;
}

static void test_reports_arrive_and_rubbish_does_not(void **state)
{
    (void)state;
    struct net n;
    open_net(&n);
    assert_true(send_result(&n, 7, 200));
    assert_int_equal(bus_send(n.worker, "\xff\xff rubbish", 10), 0);
    assert_int_equal(bus_send(n.worker, "", 0), 0);
    assert_true(send_result(&n, 8, 200));
    for (int i = 0; i < 200 && ingest_counts(n.ingest).reports < 2; i++)
        turns(&n, 1);
    struct ingest_counts c = ingest_counts(n.ingest);
    assert_int_equal(c.reports, 2);
    assert_int_equal(c.malformed, 2);
    assert_true(n.arrived > 0);
    for (uint64_t id = 7; id <= 8; id++) {
        struct parcel *p = ingest_take(n.ingest);
        assert_int_equal(p->n_results, 1);
        assert_int_equal(p->results[0].job_id, id);
        parcel_free(p);
    }
    assert_null(ingest_take(n.ingest));
    close_net(&n);
}

static void test_a_full_queue_stops_the_reading_and_loses_nothing(void **state)
{
    (void)state;
    struct net n;
    open_net(&n);
    enum { MANY = INGEST_MAX_PARCELS + 300 };
    for (uint64_t id = 1; id <= MANY; id++)
        assert_true(send_result(&n, id, 200));
    turns(&n, 50);
    assert_int_equal(ingest_counts(n.ingest).reports, INGEST_MAX_PARCELS); /* the others wait */
    uint64_t next = 1;
    for (int i = 0; i < 2000 && next <= MANY; i++) {
        struct parcel *p;
        while ((p = ingest_take(n.ingest))) {
            assert_int_equal(p->results[0].job_id, next++);
            parcel_free(p);
        }
        ingest_nudge(n.ingest);
        turns(&n, 1);
    }
    assert_int_equal(next, MANY + 1);
    close_net(&n);
}

static void test_a_late_coordinator_gets_its_feedback(void **state)
{
    (void)state;
    struct net n;
    struct err err = { 0 };
    open_net(&n);
    struct recorded one = {
        .job_id = 1, .worker = "w1", .run = {.site_id = 1, .location = "local"}
    };
    struct feedback f = { .recorded = &one, .n_recorded = 1 };
    for (one.job_id = 1; one.job_id <= INGEST_MAX_FEEDBACK + 10; one.job_id++) {
        ingest_feedback(n.ingest, &f);
        ingest_nudge(n.ingest);
        if (one.job_id % 100 == 0)
            turns(&n, 1);
    }
    turns(&n, 5);
    assert_false(ingest_is_flushed(n.ingest));
    assert_int_equal(ingest_counts(n.ingest).feedback_dropped, 10); /* the oldest */
    if (bus_open(n.bus, LANE_FEEDBACK, SIDE_TO, n.config.endpoint.feedback, &n.coordinator, &err) < 0)
        fail_msg("%s", err.text);
    uint64_t next = 11;
    for (int i = 0; i < 1000 && next <= INGEST_MAX_FEEDBACK + 10; i++) {
        struct bus_message m;
        while (bus_take(n.coordinator, &m) == 1) {
            assert_int_equal(wire_unpack_feedback(n.arena, m.bytes, m.len, &f, &err), 0);
            assert_int_equal(f.recorded[0].job_id, next++);
            bus_message_done(&m);
        }
        turns(&n, 1);
    }
    assert_int_equal(next, INGEST_MAX_FEEDBACK + 11);
    assert_true(ingest_is_flushed(n.ingest));
    close_net(&n);
}

/* Lists as full and names as long as they may be; `bad` has a name that nobody can have. */
static void test_feedback_is_sent_in_parts(void **state)
{
    (void)state;
    for (int bad = -1; bad <= WIRE_MAX_FEEDBACK; bad += 100) {
        static struct recorded recorded[WIRE_MAX_FEEDBACK];
        static struct look_again again[WIRE_MAX_FEEDBACK];
        struct feedback f = { .recorded = recorded,
                              .n_recorded = WIRE_MAX_FEEDBACK,
                              .again = again,
                              .n_again = WIRE_MAX_FEEDBACK };
        struct err err = { 0 };
        struct net n;
        open_net(&n);
        for (int i = 0; i < WIRE_MAX_FEEDBACK; i++) {
            struct run run = { .site_id = UINT64_MAX, .slot_us = i + 1, .look = 1 };
            memset(run.location, 'l', LOCATION_SIZE - 1);
            recorded[i] = (struct recorded){ .job_id = UINT64_MAX, .lane = 65535, .run = run };
            memset(recorded[i].worker, i == bad ? ' ' : 'w', WORKER_NAME_SIZE - 1);
            again[i] = (struct look_again){ .run = run, .within_ms = SITE_MAX_WITHIN_MS };
            memset(again[i].avoid, 'w', WORKER_NAME_SIZE - 1);
        }
        if (bus_open(n.bus, LANE_FEEDBACK, SIDE_TO, n.config.endpoint.feedback, &n.coordinator, &err) < 0)
            fail_msg("%s", err.text);
        ingest_feedback(n.ingest, &f);
        ingest_nudge(n.ingest);

        unsigned next = 1, next_again = 1; /* in order, each once */
        for (int t = 0; t < 1000 && (next <= WIRE_MAX_FEEDBACK || next_again <= WIRE_MAX_FEEDBACK); t++) {
            struct bus_message m;
            while (bus_take(n.coordinator, &m) == 1) {
                assert_int_equal(wire_unpack_feedback(n.arena, m.bytes, m.len, &f, &err), 0);
                for (size_t i = 0; i < f.n_recorded; i++, next++) {
                    next += (int)next == bad + 1;
                    assert_int_equal(f.recorded[i].run.slot_us, next);
                }
                for (size_t i = 0; i < f.n_again; i++)
                    assert_int_equal(f.again[i].run.slot_us, next_again++);
                bus_message_done(&m);
            }
            turns(&n, 1);
        }
        assert_int_equal(next, WIRE_MAX_FEEDBACK + 1);
        assert_int_equal(next_again, WIRE_MAX_FEEDBACK + 1);
        assert_int_equal(ingest_counts(n.ingest).feedback_dropped, bad >= 0);
        close_net(&n);
    }
}

static void test_the_feed(void **state)
{
    (void)state;
    struct net n;
    struct err err = { 0 };
    open_net(&n);
    if (bus_open(n.bus, LANE_FEED, SIDE_TO, n.config.endpoint.feed, &n.subscriber, &err) < 0)
        fail_msg("%s", err.text);
    struct event e = {
        .kind = EVENT_PULSE, .seq = 1, .at_us = 5, .site = "", .url = "", .channel = "", .text = ""
    };
    struct bus_message m;
    int got = 0;
    mono_ns until = clock_mono() + 10 * NS_PER_S;
    while (got != 1 && clock_mono() < until) { /* a subscriber hears from when it has joined */
        ingest_publish(n.ingest, &e);
        ingest_nudge(n.ingest);
        turns(&n, 2);
        got = bus_take(n.subscriber, &m);
    }
    assert_int_equal(got, 1);
    assert_string_equal(m.topic, "pulse");
    assert_int_equal(wire_unpack_event(n.arena, m.bytes, m.len, &e, &err), 0);
    assert_int_equal(e.seq, 1);
    bus_message_done(&m);
    close_net(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports_arrive_and_rubbish_does_not),
        cmocka_unit_test(test_a_full_queue_stops_the_reading_and_loses_nothing),
        cmocka_unit_test(test_a_late_coordinator_gets_its_feedback),
        cmocka_unit_test(test_feedback_is_sent_in_parts),
        cmocka_unit_test(test_the_feed),
    };
    log_setup("test", LOG_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
