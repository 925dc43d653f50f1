/* stage.h - a coordinator on a real store and real sockets, and the test as its
 * workers and its collector. turn() moves all of them; until() turns until
 * something is so. */
#ifndef TESTS_UNIT_COORDINATOR_STAGE_H
#define TESTS_UNIT_COORDINATOR_STAGE_H

#include "common/bus.h"
#include "common/site.h"
#include "coordinator/coordinator.h"
#include "proto/wire.h"
#include "tests/unit/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST = 64, PATIENCE_MS = 30000 };

struct thread { /* one lane of a worker */
    void *control, *jobs;
    char worker[WORKER_NAME_SIZE];
    uint16_t number;
    uint64_t nonce;
    struct control last[CONTROL_KIND_END]; /* the last of each kind that it was told */
    unsigned told[CONTROL_KIND_END];
    uint64_t recorded[MOST];
    size_t n_recorded;
    struct job job[MOST]; /* strings are gone, but for avoid */
    char avoid[MOST][WORKER_NAME_SIZE];
    size_t n_jobs, n_looked;
    uint32_t epoch;
    bool silent; /* says nothing by itself: no heartbeats */
    bool looks;  /* takes what it gets, and the collector records it at once */
    mono_ns beat_at;
};

struct world {
    char folder[64], url[128];
    struct config config;
    struct loop *loop;
    struct bus *bus;
    struct store *store, *editor;
    struct board *board; /* a test that wants one makes it */
    struct coordinator *coordinator;
    struct wire_arena *arena;
    struct thread lane[2];
    void *results, *feedback;
    struct result result[MOST];
    size_t n_results;
    struct vitals vitals;
    unsigned n_vitals;
    unsigned starts;
    wall_us edited_us; /* when edits are said to have been made; 0: now */
};

/* ── Making the world ──────────────────────────────────────────────────── */

static inline void set(struct world *w, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static inline void set(struct world *w, const char *name, const char *fmt, ...)
{
    char value[128], text[200];
    struct err err = { 0 };
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(value, sizeof value, fmt, ap);
    va_end(ap);
    snprintf(text, sizeof text, "%s=%s", name, value);
    if (config_set(&w->config, text, &err) < 0)
        fail_msg("%s", err.text);
}

/* Every start has endpoints of its own: the files of the last one's sockets are
 * taken away some time after it has ended. */
static inline void start(struct world *w)
{
    static const char *const lanes[] = { "control", "results", "feedback", "jobs" };
    struct err err = { 0 };
    uint32_t epoch = 0;
    w->starts++;
    for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++) {
        char name[32];
        snprintf(name, sizeof name, "endpoint.%s", lanes[i]);
        set(w, name, "ipc://%s/%s%u", w->folder, lanes[i], w->starts);
    }
    assert_int_equal(loop_new(&w->loop), 0);
    assert_int_equal(store_next_epoch(w->editor, &epoch, NULL), 0);
    assert_int_equal(store_open(&w->store, w->url, STORE_READ, NULL), 0);
    assert_int_equal(bus_open(w->bus, LANE_RESULTS, SIDE_TO, w->config.endpoint.results, &w->results, &err),
                     0);
    if (coordinator_new(&w->coordinator, &w->config, w->loop, w->bus, w->store, w->board, NULL, epoch, &err) <
        0)
        fail_msg("%s", err.text);
    assert_int_equal(
        bus_open(w->bus, LANE_FEEDBACK, SIDE_FROM, w->config.endpoint.feedback, &w->feedback, &err), 0);
}

static inline void stop(struct world *w)
{
    coordinator_leave(w->coordinator);
    coordinator_free(w->coordinator);
    store_close(w->store);
    loop_free(w->loop);
    bus_close(w->results);
    bus_close(w->feedback);
    w->coordinator = NULL;
}

static inline int begin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    folder_make(w->folder, sizeof w->folder, "coordinator");
    snprintf(w->url, sizeof w->url, "sqlite:%s/store.db", w->folder);
    config_init(&w->config);
    set(w, "log.level", "off");
    set(w, "store", "%s", w->url);
    set(w, "coordinator.catalog_every", "50ms");
    set(w, "coordinator.suspect_after", "400ms");
    set(w, "coordinator.dead_after", "1s");
    set(w, "coordinator.taken_within", "500ms");
    set(w, "coordinator.grace", "500ms");
    assert_int_equal(store_open(&w->editor, w->url, STORE_CREATE, NULL), 0);
    assert_int_equal(bus_new(&w->bus), 0);
    assert_int_equal(wire_arena_new(&w->arena), 0);
    log_setup("test", LOG_OFF);
    *state = w;
    return 0;
}

static inline void leave(struct thread *l)
{
    bus_close(l->control);
    bus_close(l->jobs);
    l->control = l->jobs = NULL;
}

static inline int end(void **state)
{
    struct world *w = *state;
    char command[128];
    leave(&w->lane[0]);
    leave(&w->lane[1]);
    stop(w);
    bus_free(w->bus);
    store_close(w->editor);
    wire_arena_free(w->arena);
    snprintf(command, sizeof command, "rm -r %s", w->folder);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

/* An interval in ms for a site that is looked at once in a story: the slot on its grid is not
 * to come meanwhile, beside its first, early one. Sites have the ids 1, 2, ... */
static inline uint32_t rarely(uint64_t id)
{
    wall_us now = clock_wall();
    uint32_t every_ms = 300000;
    while (site_next_slot(id, every_ms, now) < now + 120 * US_PER_S)
        every_ms += 7000;
    return every_ms;
}

static inline struct site site_of(const char *name, uint32_t every_ms, uint32_t timeout_ms)
{
    return (struct site){
        .name = name,
        .url = "http://shop.example.com/",
        .tags = "",
        .every_ms = every_ms,
        .timeout_ms = timeout_ms,
        .contains = "",
        .confirm = {2, 15000},
    };
}

static inline uint64_t edit(struct world *w, const struct site *site)
{
    uint64_t id = 0;
    struct err err = { 0 };
    assert_int_equal(store_edit_begin(w->editor, w->edited_us ? w->edited_us : clock_wall(), NULL), 0);
    if (store_edit_site(w->editor, site, &id, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(store_edit_commit(w->editor, NULL), 0);
    return id;
}

/* ── Turning it ────────────────────────────────────────────────────────── */

static inline void lane_told(struct world *w, struct thread *l, const struct bus_message *m)
{
    struct control c;
    assert_int_equal(wire_unpack_control(w->arena, m->bytes, m->len, &c, NULL), 0);
    for (size_t i = 0; c.kind == CONTROL_RECORDED && i < c.n_ids && l->n_recorded < MOST; i++)
        l->recorded[l->n_recorded++] = c.ids[i];
    l->last[c.kind] = c;
    l->told[c.kind]++;
}

static inline void lane_gets(struct world *w, struct thread *l, const struct bus_message *m)
{
    struct job_batch b;
    assert_int_equal(wire_unpack_jobs(w->arena, m->bytes, m->len, &b, NULL), 0);
    l->epoch = b.epoch;
    assert_true(b.stamp_ms <= clock_mono() / NS_PER_MS);
    for (size_t i = 0; i < b.n_jobs && l->n_jobs < MOST; i++) {
        strcpy(l->avoid[l->n_jobs], b.jobs[i].avoid);
        l->job[l->n_jobs++] = b.jobs[i];
    }
}

static inline void collector_gets(struct world *w, const struct bus_message *m)
{
    struct report r;
    assert_int_equal(wire_unpack_report(w->arena, m->bytes, m->len, &r, NULL), 0);
    if (r.kind == REPORT_VITALS) {
        w->vitals = r.vitals;
        w->n_vitals++;
    }
    for (size_t i = 0; r.kind == REPORT_RESULTS && i < r.n_results && w->n_results < MOST; i++)
        w->result[w->n_results++] = r.results[i];
}

static inline void beats(struct world *w, struct thread *l, const uint64_t *ids, size_t n);
static inline void look(struct world *w, struct thread *l, size_t i);

static inline void live(struct world *w, struct thread *l)
{
    if (l->jobs && !l->silent && clock_mono() >= l->beat_at) {
        l->beat_at = clock_mono() + 100 * NS_PER_MS;
        beats(w, l, NULL, 0);
    }
    for (; l->looks && l->n_looked < l->n_jobs; l->n_looked++)
        look(w, l, l->n_looked);
}

static inline void turn(struct world *w)
{
    struct bus_message m;
    assert_int_equal(loop_turn(w->loop, 10), 0);
    for (int i = 0; i < 2; i++) {
        struct thread *l = &w->lane[i];
        while (l->control && bus_take(l->control, &m) > 0) {
            lane_told(w, l, &m);
            bus_message_done(&m);
        }
        while (l->jobs && bus_take(l->jobs, &m) > 0) {
            lane_gets(w, l, &m);
            bus_message_done(&m);
        }
        live(w, l);
    }
    while (bus_take(w->results, &m) > 0) {
        collector_gets(w, &m);
        bus_message_done(&m);
    }
}

#define until(w, what)                                                       \
    do {                                                                     \
        mono_ns end_ = clock_mono() + PATIENCE_MS * NS_PER_MS;               \
        while (!(what)) {                                                    \
            turn(w);                                                         \
            if (clock_mono() > end_)                                         \
                fail_msg("line %d: waited in vain for %s", __LINE__, #what); \
        }                                                                    \
    } while (0)

static inline void pass(struct world *w, int ms)
{
    for (mono_ns end_ = clock_mono() + ms * NS_PER_MS; clock_mono() < end_;)
        turn(w);
}

/* ── Speaking as a worker, and as the collector ────────────────────────── */

static inline void say_as(struct world *w, struct thread *l, struct control *c)
{
    static uint8_t bytes[WIRE_MAX_BYTES];
    (void)w;
    strcpy(c->worker, l->worker);
    c->lane = l->number;
    c->nonce = l->nonce;
    int len = wire_pack_control(c, bytes, sizeof bytes);
    assert_true(len > 0);
    assert_int_equal(bus_send(l->control, bytes, (size_t)len), 0);
}

static inline void say(struct world *w, struct thread *l, enum control_kind kind, const uint64_t *ids,
                       size_t n)
{
    struct control c = { .kind = kind, .ids = ids, .n_ids = n, .free_slots = 100 };
    c.all_ids = kind == CONTROL_HEARTBEAT && ids;
    say_as(w, l, &c);
}

static inline void say_hello(struct world *w, struct thread *l, const char *worker, const char *location)
{
    struct control c = { .kind = CONTROL_HELLO, .slots = 100 };
    struct err err = { 0 };
    strcpy(c.location, location);
    strcpy(l->worker, worker);
    l->nonce = l->nonce ? l->nonce : 1 + (uint64_t)(l - w->lane);
    if (!l->control)
        assert_int_equal(
            bus_open(w->bus, LANE_CONTROL, SIDE_FROM, w->config.endpoint.control, &l->control, &err), 0);
    say_as(w, l, &c);
}

static inline void join(struct world *w, struct thread *l, const char *worker)
{
    struct err err = { 0 };
    say_hello(w, l, worker, "local");
    until(w, l->told[CONTROL_WELCOME] > 0);
    l->told[CONTROL_WELCOME] = 0;
    const struct control *c = &l->last[CONTROL_WELCOME];
    assert_string_equal(c->results, w->config.endpoint.results);
    assert_int_equal(bus_open(w->bus, LANE_JOBS, SIDE_TO, c->jobs, &l->jobs, &err), 0);
}

static inline void beats(struct world *w, struct thread *l, const uint64_t *ids, size_t n)
{
    say(w, l, CONTROL_HEARTBEAT, ids, n);
}

static inline void feed_back(struct world *w, const struct feedback *f)
{
    static uint8_t bytes[WIRE_MAX_BYTES];
    int len = wire_pack_feedback(f, bytes, sizeof bytes), r = -1;
    assert_true(len > 0);
    for (int i = 0; i < 100 && r < 0; i++) { /* the link may not be there yet */
        r = bus_send(w->feedback, bytes, (size_t)len);
        if (r < 0)
            turn(w);
    }
    assert_int_equal(r, 0);
}

static inline void record(struct world *w, uint64_t job_id, const struct run *run, const char *worker,
                          uint16_t lane)
{
    struct recorded x = { .job_id = job_id, .lane = lane, .run = *run };
    strcpy(x.worker, worker);
    feed_back(w, &(struct feedback){ .recorded = &x, .n_recorded = 1 });
}

/* Take a job and have its result recorded. */
static inline void look(struct world *w, struct thread *l, size_t i)
{
    say(w, l, CONTROL_TAKEN, &l->job[i].id, 1);
    record(w, l->job[i].id, &l->job[i].run, l->worker, l->number);
}

#endif
