/* world.h - a keeper with a real store in memory, a clock of our own, and ears
 * for all that it says: what the keeper's tests are told with.
 *
 * Time begins at an arbitrary day and moves only when the test says so. Sites
 * are looked at on a grid of ten seconds; slot n is the n-th one.
 */
#ifndef TESTS_UNIT_COLLECTOR_WORLD_H
#define TESTS_UNIT_COLLECTOR_WORLD_H

#include "collector/keeper.h"
#include "collector/notices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORLD_START_US (INT64_C(1772366400) * US_PER_S)
#define WORLD_EVERY_MS 10000

struct world {
    struct store *store;
    struct keeper *keeper;
    struct config config;
    wall_us wall;
    mono_ns mono;
    uint64_t job;
    /* heard */
    char news[4096]; /* one word each: "up" is a health, "open", "ended", "down->sent", ... */
    unsigned n_recorded, n_asked, n_delivered, n_events, n_accused;
    char accused[WORKER_NAME_SIZE];   /* the last one */
    unsigned told[NOTICE_KIND_COUNT]; /* notices delivered, by kind */
    struct look_again asked[256];
    struct notice *delivered[512]; /* owned */
    uint64_t seq;
    bool places;                                                    /* say from where looks are asked for */
    void (*on_recorded)(struct world *w, const struct recorded *r); /* NULL: nobody listens */
    void (*on_asked)(struct world *w, const struct look_again *a);
};

static inline struct instant world_now(const struct world *w)
{
    return (struct instant){ w->mono, w->wall };
}

__attribute__((format(printf, 2, 3))) static inline void world_hear(struct world *w, const char *fmt, ...)
{
    size_t len = strlen(w->news);
    va_list ap;
    va_start(ap, fmt);
    if (len >= sizeof w->news - 64)
        return; /* a long story is not listened to word by word */
    if (len > 0)
        w->news[len++] = ' ';
    vsnprintf(w->news + len, sizeof w->news - len, fmt, ap);
    va_end(ap);
}

static inline void world_feedback(void *arg, const struct feedback *f)
{
    struct world *w = arg;
    assert_true(f->n_recorded <= WIRE_MAX_FEEDBACK && f->n_again <= WIRE_MAX_FEEDBACK);
    w->n_recorded += (unsigned)f->n_recorded;
    for (size_t i = 0; w->on_recorded && i < f->n_recorded; i++)
        w->on_recorded(w, &f->recorded[i]);
    for (size_t i = 0; i < f->n_accused; i++)
        snprintf(w->accused, sizeof w->accused, "%s", f->accused[i].worker);
    w->n_accused += (unsigned)f->n_accused;
    for (size_t i = 0; i < f->n_again; i++) {
        w->asked[w->n_asked++ % 256] = f->again[i];
        if (strcmp(f->again[i].run.location, "local") == 0 && !w->places)
            world_hear(w, "ask%u", f->again[i].run.look);
        else
            world_hear(w, "ask%u@%s", f->again[i].run.look, f->again[i].run.location);
        if (w->on_asked)
            w->on_asked(w, &f->again[i]);
    }
}

static inline void world_publish(void *arg, const struct event *e)
{
    struct world *w = arg;
    static uint8_t buf[WIRE_MAX_BYTES];
    assert_int_equal(e->seq, ++w->seq); /* no gaps */
    assert_true(wire_pack_event(e, buf, sizeof buf) > 0);
    w->n_events++;
    if (e->kind == EVENT_HEALTH)
        world_hear(w, "%s", health_name(e->health_to));
    else if (e->kind == EVENT_VIEW)
        world_hear(w, "%s=%s", e->result.run.location, health_name(e->health_to));
    else if (e->kind == EVENT_INCIDENT)
        world_hear(w, "%s", incident_end_name(e->end));
    else if (e->kind == EVENT_NOTICE)
        world_hear(w, "%s=%s", notice_kind_name(e->notice), notice_state_name(e->notice_state));
    else if (e->kind == EVENT_WORKER)
        world_hear(w, "%s/%u:%s", e->worker.worker, e->worker.lane, worker_health_name(e->worker.health));
}

static inline int world_deliver(void *arg, struct notice *take)
{
    struct world *w = arg;
    w->told[take->kind]++;
    world_hear(w, "tell:%s", notice_kind_name(take->kind));
    if (w->n_delivered < 512)
        w->delivered[w->n_delivered++] = take;
    else
        notice_free(take);
    return 0;
}

static inline void world_turn(struct world *w)
{
    struct err err = { 0 };
    if (keeper_turn(w->keeper, world_now(w), &err) < 0)
        fail_msg("the keeper failed: %s", err.text);
}

/* Let time pass, turning whenever the keeper asks for it. */
static inline void world_pass(struct world *w, int64_t ms)
{
    mono_ns until = w->mono + ms * NS_PER_MS;
    for (;;) {
        world_turn(w);
        mono_ns next = keeper_next(w->keeper);
        if (next > until)
            next = until;
        if (w->mono == until)
            break;
        if (next <= w->mono)
            next = w->mono + NS_PER_MS;
        w->wall += (next - w->mono) / NS_PER_US;
        w->mono = next;
    }
}

static inline void world_start(struct world *w)
{
    struct err err = { 0 };
    const struct keeper_ports ports = { w, world_feedback, world_publish, world_deliver, NULL };
    w->seq = 0;
    if (keeper_new(&w->keeper, w->store, &w->config, &ports, world_now(w), &err) < 0)
        fail_msg("no keeper: %s", err.text);
}

/* As kill -9 and a start: what was not committed is gone. */
static inline void world_crash(struct world *w)
{
    keeper_free(w->keeper);
    w->keeper = NULL;
    world_hear(w, "crash");
    world_start(w);
}

static inline uint64_t world_add_owner(struct world *w, const char *name, uint32_t remind_s,
                                       unsigned n_channels)
{
    struct err err = { 0 };
    uint64_t id = 0;
    struct owner o = {
        .name = name,
        .channel = {"console:", "mailto:a@example.com", "exec:/bin/true"},
        .n_channels = n_channels,
        .remind_s = remind_s
    };
    if (store_edit_begin(w->store, w->wall, &err) < 0 || store_edit_owner(w->store, &o, &id, &err) < 0 ||
        store_edit_commit(w->store, &err) < 0)
        fail_msg("no owner: %s", err.text);
    return id;
}

static inline struct site world_site(const char *name, const char *url, uint64_t owner_id, unsigned looks)
{
    return (struct site){
        .name = name,
        .url = url,
        .tags = "",
        .contains = "",
        .owner_id = owner_id,
        .every_ms = WORLD_EVERY_MS,
        .timeout_ms = 2000,
        .confirm = {(uint8_t)looks, 6000},
    };
}

static inline uint64_t world_edit_site(struct world *w, const struct site *s)
{
    struct err err = { 0 };
    uint64_t id = 0;
    if (store_edit_begin(w->store, w->wall, &err) < 0 || store_edit_site(w->store, s, &id, &err) < 0 ||
        store_edit_commit(w->store, &err) < 0)
        fail_msg("no site: %s", err.text);
    return id;
}

static inline void world_remove_site(struct world *w, uint64_t id)
{
    struct err err = { 0 };
    if (store_edit_begin(w->store, w->wall, &err) < 0 || store_edit_remove_site(w->store, id, &err) < 0 ||
        store_edit_commit(w->store, &err) < 0)
        fail_msg("not removed: %s", err.text);
}

static inline void world_init(struct world *w)
{
    struct err err = { 0 };
    memset(w, 0, sizeof *w);
    config_init(&w->config);
    w->config.collector.feed_results = false;
    w->wall = WORLD_START_US;
    w->mono = 5000 * NS_PER_S;
    if (store_open(&w->store, "sqlite::memory:", STORE_CREATE, &err) < 0)
        fail_msg("no store: %s", err.text);
}

static inline void world_forget(struct world *w)
{
    for (unsigned i = 0; i < w->n_delivered; i++)
        notice_free(w->delivered[i]);
    w->n_delivered = w->n_recorded = w->n_asked = 0;
    memset(w->told, 0, sizeof w->told);
    w->news[0] = '\0';
}

static inline void world_done(struct world *w)
{
    keeper_free(w->keeper);
    store_close(w->store);
    world_forget(w);
}

static inline wall_us world_slot(uint64_t site_id, int n)
{
    return site_next_slot(site_id, WORLD_EVERY_MS, WORLD_START_US) + n * (int64_t)WORLD_EVERY_MS * US_PER_MS;
}

/* A result as a worker would bring it: '+', '-', '~' (unknown), 's' (down, and in
 * doubt of itself), 'S' (up, and in doubt of itself). */
static inline struct result world_result(struct world *w, uint64_t site_id, int slot, unsigned look, char saw,
                                         const char *worker)
{
    struct result r = {
        .job_id = ++w->job,
        .run = {.site_id = site_id,
                .slot_us = world_slot(site_id, slot),
                .look = (uint16_t)look,
                .location = "local"},
        .span = 1,
        .at_us = w->wall,
        .took_us = 5000,
        .status = saw == '+' || saw == 'S' ? 200 : 503,
        .suspect = saw == 's' || saw == 'S',
        .verdict = saw == '+' || saw == 'S' ? VERDICT_UP
                   : saw == '~'             ? VERDICT_UNKNOWN
                                            : VERDICT_DOWN,
        .cause = saw == '+' || saw == 'S' ? CAUSE_NONE
                 : saw == '~'             ? CAUSE_LOST
                                          : CAUSE_HTTP_5XX,
        .method = METHOD_HEAD,
        .address = "127.0.0.1",
    };
    snprintf(r.worker, sizeof r.worker, "%s", worker);
    return r;
}

static inline void world_give(struct world *w, const struct result *r)
{
    struct report report = { .kind = REPORT_RESULTS, .results = r, .n_results = 1 };
    struct parcel *p = parcel_make(&report);
    assert_true(keeper_has_room(w->keeper));
    keeper_take(w->keeper, p, world_now(w));
    parcel_free(p);
}

static inline void world_saw(struct world *w, uint64_t site_id, int slot, unsigned look, char saw,
                             const char *worker)
{
    struct result r = world_result(w, site_id, slot, look, saw, worker);
    world_give(w, &r);
    world_pass(w, 100);
}

/* The notifier's word for the i-th notice that it was given. */
static inline void world_tell(struct world *w, unsigned i, enum notice_state state)
{
    const struct notice *n = w->delivered[i];
    struct told t = { .notice_id = n->id,
                      .incident_id = n->incident_id,
                      .site_id = n->site_id,
                      .kind = n->kind,
                      .state = state,
                      .attempts = 1,
                      .channel = "console:",
                      .sent_us = state == NOTICE_SENT ? w->wall : 0,
                      .next_try_us = state == NOTICE_PENDING ? w->wall + US_PER_S : 0 };
    keeper_told(w->keeper, &t, world_now(w));
    world_pass(w, 100);
}

static inline int world_keep_state(void *arg, const struct site_state *s)
{
    *(struct site_state *)arg = *s;
    return 0;
}

static inline struct site_state world_state(struct world *w, uint64_t site_id)
{
    struct site_state s = { 0 };
    assert_int_equal(store_each_state(w->store, site_id, world_keep_state, &s, NULL), 0);
    return s;
}

static inline int world_count_incident(void *arg, const struct incident *i)
{
    (void)i;
    ++*(unsigned *)arg;
    return 0;
}

static inline unsigned world_incidents(struct world *w, bool open_only)
{
    unsigned n = 0;
    struct incident_filter f = { .open_only = open_only };
    assert_int_equal(store_each_incident(w->store, &f, world_count_incident, &n, NULL), 0);
    return n;
}

static inline int world_count_notice(void *arg, const struct notice *n)
{
    (void)n;
    ++*(unsigned *)arg;
    return 0;
}

static inline unsigned world_notices(struct world *w, bool pending_only)
{
    unsigned n = 0;
    struct notice_filter f = { .pending_only = pending_only };
    assert_int_equal(store_each_notice(w->store, &f, world_count_notice, &n, NULL), 0);
    return n;
}

#endif
