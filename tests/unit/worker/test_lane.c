/* A lane and several coordinators, on real sockets. The coordinators and collectors are
 * played here; sites are two ports of ours, one that nobody listens at and one where
 * nobody answers. */
#include "common/log.h"
#include "proto/wire.h"
#include "worker/lane.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { OFFICES = 3, MOST = 64 };
#define WAIT_NS (20 * NS_PER_S)

/* A coordinator and its collector. */
struct office {
    void *control, *jobs, *results;
    char at[3][ENDPOINT_SIZE];
    uint32_t epoch;
    uint16_t shard, shards;
    enum control_kind answer; /* to a hello: welcome, standby or refused */
    uint8_t peer[64];
    size_t peer_len;
    /* heard */
    unsigned hellos, beats, goodbyes;
    uint32_t free_slots, unrecorded;
    uint64_t listed[MOST], taken[MOST], busy[MOST], seen[MOST];
    size_t n_listed, n_taken, n_busy, n_seen;
};

struct world {
    char folder[64];
    struct config config;
    struct bus *bus;
    struct wire_arena *arena;
    struct thread_lane *lane;
    struct loop *loop; /* for the bell only */
    struct loop_bell ended;
    struct office office[OFFICES];
    int silent; /* a port that takes connections and says nothing */
    uint16_t silent_port;
};

static void on_ended(void *arg)
{
    (void)arg;
}

static void name_office(struct world *w, unsigned i)
{
    static const char *const what[] = { "control", "jobs", "results" };
    for (unsigned k = 0; k < 3; k++)
        snprintf(w->office[i].at[k], ENDPOINT_SIZE, "ipc://%s/%s%u", w->folder, what[k], i);
}

static void open_office(struct world *w, unsigned i, uint16_t shard, uint16_t shards, uint32_t epoch)
{
    struct office *o = &w->office[i];
    struct err err = { 0 };
    int r = bus_open(w->bus, LANE_CONTROL, SIDE_TO, o->at[0], &o->control, &err);
    if (r == 0)
        r = bus_open(w->bus, LANE_JOBS, SIDE_FROM, o->at[1], &o->jobs, &err);
    if (r == 0)
        r = bus_open(w->bus, LANE_RESULTS, SIDE_TO, o->at[2], &o->results, &err);
    if (r < 0)
        fail_msg("%s", err.text);
    o->answer = CONTROL_WELCOME;
    o->shard = shard;
    o->shards = shards;
    o->epoch = epoch;
}

static void close_office(struct office *o)
{
    void **const all[] = { &o->control, &o->jobs, &o->results };
    for (unsigned i = 0; i < 3; i++) {
        bus_close(*all[i]);
        *all[i] = NULL;
    }
}

static int listen_silently(uint16_t *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    snprintf(w->folder, sizeof w->folder, "/tmp/vedette-lane-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    config_init(&w->config);
    w->config.worker.slots = 32;
    strcpy(w->config.worker.location, "local");
    strcpy(w->config.worker.allow, "127.0.0.0/8");
    strcpy(w->config.worker.canaries, "");
    assert_int_equal(bus_new(&w->bus), 0);
    assert_int_equal(wire_arena_new(&w->arena), 0);
    assert_int_equal(loop_new(&w->loop), 0);
    assert_int_equal(loop_bell_init(w->loop, &w->ended, on_ended, w), 0);
    w->silent = listen_silently(&w->silent_port);
    for (unsigned i = 0; i < OFFICES; i++)
        name_office(w, i);
    *state = w;
    return 0;
}

static void start(struct world *w, unsigned coordinators)
{
    struct lane_setup setup = {
        .config = &w->config, .bus = w->bus, .worker = "w1", .nonce = 5, .ended = &w->ended
    };
    struct err err = { 0 };
    size_t len = 0;
    for (unsigned i = 0; i < coordinators; i++)
        len +=
            (size_t)snprintf(w->config.worker.coordinators + len, sizeof w->config.worker.coordinators - len,
                             "%s%s", i ? ", " : "", w->office[i].at[0]);
    if (lane_start(&w->lane, &setup, &err) < 0)
        fail_msg("%s", err.text);
}

static void turn(struct world *w);

static int end(void **state)
{
    struct world *w = *state;
    char path[ENDPOINT_SIZE];
    if (w->lane) {
        lane_drain(w->lane);
        lane_drain(w->lane);
        lane_join(w->lane, NULL);
    }
    for (int i = 0; i < 25; i++) /* else what is on its way would linger */
        turn(w);
    for (unsigned i = 0; i < OFFICES; i++) {
        close_office(&w->office[i]);
        for (unsigned k = 0; k < 3; k++)
            unlink(w->office[i].at[k] + strlen("ipc://"));
    }
    close(w->silent);
    loop_bell_done(&w->ended);
    loop_free(w->loop);
    bus_free(w->bus);
    wire_arena_free(w->arena);
    snprintf(path, sizeof path, "%s", w->folder);
    rmdir(path);
    free(w);
    return 0;
}

/* ── What an office hears and says ─────────────────────────────────────── */

static void say(struct world *w, struct office *o, struct control *c)
{
    uint8_t bytes[1024];
    (void)w;
    c->nonce = o->epoch + 1000;
    c->epoch = o->epoch;
    int len = wire_pack_control(c, bytes, sizeof bytes);
    assert_true(len > 0);
    assert_int_equal(bus_send_to(o->control, o->peer, o->peer_len, bytes, (size_t)len), 0);
}

static void answer_hello(struct world *w, struct office *o)
{
    struct control c = { .kind = o->answer, .shard = o->shard, .shards = o->shards };
    if (o->answer == CONTROL_WELCOME) {
        memcpy(c.jobs, o->at[1], sizeof c.jobs);
        memcpy(c.results, o->at[2], sizeof c.results);
    }
    o->hellos++;
    say(w, o, &c);
}

static void note(uint64_t *to, size_t *n, const struct control *c)
{
    for (size_t i = 0; i < c->n_ids && *n < MOST; i++)
        to[(*n)++] = c->ids[i];
}

static void hear_beat(struct world *w, struct office *o, const struct control *c)
{
    struct control beat = { .kind = CONTROL_BEAT, .lanes = 1 };
    o->beats++;
    o->free_slots = c->free_slots;
    o->unrecorded = c->unrecorded;
    if (c->all_ids) {
        o->n_listed = 0;
        note(o->listed, &o->n_listed, c);
    }
    say(w, o, &beat);
}

static void hear(struct world *w, struct office *o, const struct control *c)
{
    if (c->kind == CONTROL_HELLO)
        answer_hello(w, o);
    else if (c->kind == CONTROL_HEARTBEAT && o->answer == CONTROL_WELCOME)
        hear_beat(w, o, c);
    else if (c->kind == CONTROL_HEARTBEAT)
        answer_hello(w, o);
    else if (c->kind == CONTROL_TAKEN)
        note(o->taken, &o->n_taken, c);
    else if (c->kind == CONTROL_BUSY)
        note(o->busy, &o->n_busy, c);
    else if (c->kind == CONTROL_GOODBYE)
        o->goodbyes++;
}

static void attend(struct world *w, struct office *o)
{
    struct bus_message m;
    while (o->control && bus_take(o->control, &m) == 1) {
        struct control c;
        memcpy(o->peer, m.peer, m.peer_len);
        o->peer_len = m.peer_len;
        assert_int_equal(wire_unpack_control(w->arena, m.bytes, m.len, &c, NULL), 0);
        hear(w, o, &c);
        bus_message_done(&m);
    }
    while (o->results && bus_take(o->results, &m) == 1) {
        struct report report;
        assert_int_equal(wire_unpack_report(w->arena, m.bytes, m.len, &report, NULL), 0);
        for (size_t i = 0; i < report.n_results && o->n_seen < MOST; i++)
            o->seen[o->n_seen++] = report.results[i].job_id;
        bus_message_done(&m);
    }
}

static void turn(struct world *w)
{
    for (unsigned i = 0; i < OFFICES; i++)
        attend(w, &w->office[i]);
    usleep(2000);
}

#define UNTIL(condition)                                                                 \
    do {                                                                                 \
        mono_ns until_ = clock_mono() + WAIT_NS;                                         \
        while (!(condition)) {                                                           \
            if (clock_mono() > until_)                                                   \
                fail_msg("line %d: it does not come to that: %s", __LINE__, #condition); \
            turn(w);                                                                     \
        }                                                                                \
    } while (0)

static void recorded(struct world *w, struct office *o, uint64_t id)
{
    struct control c = { .kind = CONTROL_RECORDED, .ids = &id, .n_ids = 1 };
    say(w, o, &c);
}

static bool has(const uint64_t *ids, size_t n, uint64_t id)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == id)
            return true;
    return false;
}

/* A job at a port; the lane must have connected. */
static void give(struct world *w, struct office *o, uint32_t epoch, uint64_t counter, uint16_t port)
{
    static uint8_t bytes[WIRE_MAX_BYTES];
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
    struct job j = {
        .id = job_id_make(epoch, counter),
        .run = {.site_id = counter, .slot_us = 1700000000000000, .location = "local"},
        .attempt = 1,
        .url = url,
        .timeout_ms = 1500,
        .start_by_ms = 60000
    };
    struct job_batch b = { .epoch = epoch, .stamp_ms = clock_mono() / NS_PER_MS, .jobs = &j, .n_jobs = 1 };
    int len = wire_pack_jobs(&b, bytes, sizeof bytes);
    assert_true(len > 0);
    UNTIL(bus_send(o->jobs, bytes, (size_t)len) == 0);
}

enum { NOBODY = 1 }; /* a port */

/* ── Stories ───────────────────────────────────────────────────────────── */

static void each_shard_has_its_own(void **state)
{
    struct world *w = *state;
    struct office *a = &w->office[0], *b = &w->office[1];
    open_office(w, 0, 0, 2, 7);
    open_office(w, 1, 1, 2, 8);
    start(w, 2);
    UNTIL(a->beats > 0 && b->beats > 0);
    give(w, a, 7, 1, NOBODY);
    give(w, b, 8, 2, NOBODY);
    UNTIL(a->n_seen == 1 && b->n_seen == 1);
    assert_int_equal(a->seen[0], job_id_make(7, 1));
    assert_int_equal(b->seen[0], job_id_make(8, 2));
    UNTIL(a->n_taken == 1 && b->n_taken == 1);
    assert_int_equal(a->taken[0], a->seen[0]);
    assert_int_equal(b->taken[0], b->seen[0]);
    /* What one records the other does not know of. */
    recorded(w, a, a->seen[0]);
    recorded(w, a, b->seen[0]);
    a->unrecorded = b->unrecorded = 99;
    UNTIL(a->unrecorded == 0 && b->unrecorded == 1);
    recorded(w, b, b->seen[0]);
    /* Both are taken leave of. */
    lane_drain(w->lane);
    UNTIL(a->goodbyes == 1 && b->goodbyes == 1);
    assert_int_equal(lane_join(w->lane, NULL), 0);
    w->lane = NULL;
}

/* All slots are taken, at a site that does not answer; nobody is promised what the other has. */
static void slots_are_promised_once(void **state)
{
    struct world *w = *state;
    struct office *a = &w->office[0], *b = &w->office[1];
    open_office(w, 0, 0, 2, 7);
    open_office(w, 1, 1, 2, 8);
    start(w, 2);
    UNTIL(a->beats > 1 && b->beats > 1);
    UNTIL(a->free_slots + b->free_slots == 32 && a->free_slots == 16);
    for (uint64_t i = 1; i <= 20; i++)
        give(w, a, 7, i, w->silent_port);
    UNTIL(a->n_taken + a->n_busy == 20);
    assert_in_range(a->n_taken, 16, 20); /* its quota, or more when it was divided anew meanwhile */
    give(w, b, 8, 100, w->silent_port);
    UNTIL(b->n_taken == 1);
    assert_int_equal(b->n_busy, 0);
    UNTIL(a->n_seen == a->n_taken && b->n_seen == 1);
}

static void one_that_is_away_is_taken_up(void **state)
{
    struct world *w = *state;
    struct office *a = &w->office[0], *b = &w->office[1];
    open_office(w, 0, 0, 2, 7);
    start(w, 2);
    UNTIL(a->beats > 5); /* so long that a growing pause would have grown */
    give(w, a, 7, 1, NOBODY);
    UNTIL(a->n_seen == 1);
    mono_ns there = clock_mono();
    open_office(w, 1, 1, 2, 9);
    UNTIL(b->hellos > 0);
    assert_true(clock_mono() - there < 5 * NS_PER_S / 2); /* 1 s, and this host may be busy */
    give(w, b, 9, 2, NOBODY);
    UNTIL(b->n_seen == 1);
    /* It dies; looks of the other go on. */
    close_office(b);
    give(w, a, 7, 3, w->silent_port);
    UNTIL(a->n_seen == 2);
    open_office(w, 1, 1, 2, 10);
    UNTIL(has(b->listed, b->n_listed, job_id_make(9, 2))); /* not recorded by the one before */
}

/* The second acts for the same shard later: it is told of all, and gets what was not recorded. */
static void results_outlive_their_coordinator(void **state)
{
    struct world *w = *state;
    struct office *a = &w->office[0], *b = &w->office[1];
    open_office(w, 0, 0, 1, 7);
    open_office(w, 1, 0, 1, 0);
    b->answer = CONTROL_STANDBY;
    start(w, 2);
    UNTIL(a->beats > 0 && b->hellos > 1);
    give(w, a, 7, 1, NOBODY);
    give(w, a, 7, 2, w->silent_port);
    UNTIL(a->n_seen == 1 && a->n_taken == 2);
    a->answer = CONTROL_STANDBY;
    b->answer = CONTROL_WELCOME;
    b->epoch = 8;
    UNTIL(b->beats > 0);
    UNTIL(has(b->listed, b->n_listed, job_id_make(7, 1)));
    UNTIL(has(b->seen, b->n_seen, job_id_make(7, 1)));
    UNTIL(has(b->seen, b->n_seen, job_id_make(7, 2))); /* was under way */
    assert_int_equal(a->n_seen, 1);
    recorded(w, b, job_id_make(7, 1));
    recorded(w, b, job_id_make(7, 2));
    UNTIL(b->unrecorded == 0);
    /* The one before wakes up and does not know better. */
    unsigned hellos = a->hellos;
    a->answer = CONTROL_WELCOME;
    UNTIL(a->hellos > hellos + 1); /* it is asked on, and not believed */
    give(w, b, 8, 5, NOBODY);
    UNTIL(has(b->seen, b->n_seen, job_id_make(8, 5)));
    assert_int_equal(a->n_taken, 2);
    assert_int_equal(a->n_seen, 1);
}

static void one_that_refuses_is_not_all(void **state)
{
    struct world *w = *state;
    struct office *a = &w->office[0], *b = &w->office[1];
    struct err err = { 0 };
    open_office(w, 0, 0, 2, 7);
    open_office(w, 1, 1, 2, 8);
    b->answer = CONTROL_REFUSED;
    start(w, 2);
    UNTIL(a->beats > 1 && b->hellos == 1);
    give(w, a, 7, 1, NOBODY);
    UNTIL(a->n_seen == 1);
    assert_int_equal(b->hellos, 1);
    assert_false(lane_has_ended(w->lane));
    /* When nobody wants it, it ends. */
    struct control no = { .kind = CONTROL_REFUSED };
    strcpy(no.text, "go home");
    say(w, a, &no);
    UNTIL(lane_has_ended(w->lane));
    assert_int_equal(lane_join(w->lane, &err), -ECONNREFUSED);
    assert_non_null(strstr(err.text, "go home"));
    w->lane = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_shard_has_its_own, begin, end),
        cmocka_unit_test_setup_teardown(slots_are_promised_once, begin, end),
        cmocka_unit_test_setup_teardown(one_that_is_away_is_taken_up, begin, end),
        cmocka_unit_test_setup_teardown(results_outlive_their_coordinator, begin, end),
        cmocka_unit_test_setup_teardown(one_that_refuses_is_not_all, begin, end),
    };
    log_setup("test", LOG_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
