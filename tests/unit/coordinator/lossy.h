/* lossy.h - a model of workers that lose things: lanes that crash, hang and come
 * back, messages that are late or lost, results that are sent until they are
 * recorded, a collector that goes away. Driven by one seed; nothing is real. */
#ifndef TESTS_UNIT_COORDINATOR_LOSSY_H
#define TESTS_UNIT_COORDINATOR_LOSSY_H

#include "common/heap.h"
#include "common/site.h"
#include "coordinator/lease.h"
#include "coordinator/roster.h"
#include "coordinator/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uthash.h>

#define S    NS_PER_S
#define MS   NS_PER_MS
#define WALL (1700000000 * US_PER_S)

enum {
    SITES = 120,
    LANES = 6, /* two for each of three workers */
    SLOTS = 40,
    FAULTS_S = 240, /* with faults */
    CALM_S = 150,   /* without */
    DRAIN_S = 130,  /* and without new slots */
    STEP_MS = 20,
    OUTBOX = 4000,
};

static const struct lease_rules lease_rules = {
    .taken_within = 2 * S, .grace = 5 * S, .breaker = 10 * S, .attempts = 3, .again_percent = 10
};
static const struct roster_rules roster_rules = { .suspect_after = 3 * S,
                                                  .dead_after = 10 * S,
                                                  .window = 16 };

/* ── Chance ────────────────────────────────────────────────────────────── */

static uint64_t seed;

static inline uint64_t chance(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

static inline bool one_in(uint64_t n)
{
    return n > 0 && chance(n) == 0;
}

/* ── What every slot came to ───────────────────────────────────────────── */

enum fate { OPEN, CONCLUDED, LOST, MISSED, WITHDRAWN, FATES };

struct tale_key {
    uint64_t site_id;
    wall_us slot;
    uint64_t look;
};

struct tale {
    struct tale_key key;
    enum fate fate;
    int sent;
    mono_ns came;
    uint64_t job;   /* the newest one */
    mono_ns looked; /* when a lane began to look for that job; 0 not yet */
    UT_hash_handle hh;
};

/* ── The world ─────────────────────────────────────────────────────────── */

struct held { /* a job in a lane's hand, or its result in the outbox */
    uint64_t job_id;
    struct lease_run run;
    mono_ns done;  /* when the look ends */
    mono_ns again; /* when the result is sent (again); MONO_NEVER until it is there */
};

struct model_lane {
    bool up;
    uint64_t nonce;
    mono_ns down_until, hung_until, beat_at;
    unsigned beats;
    struct held held[OUTBOX];
    size_t n;
    int index; /* in the roster; -1 unknown */
    char worker[16];
    uint16_t number;
};

enum kind { JOB, TAKEN, BUSY, BEAT, RESULT, RECORDED, FORWARD };

struct event {
    struct heap_node node;
    enum kind kind;
    int lane;
    uint64_t nonce, job_id;
    struct lease_run run;
    uint32_t free_slots, unrecorded;
    bool full_list;
    size_t n_ids;
    uint64_t *ids;
};

static struct world {
    struct schedule *schedule;
    struct lease *lease;
    struct roster *roster;
    struct heap events;
    struct model_lane lane[LANES];
    struct tale *tales;
    mono_ns now;
    bool faults;
    uint64_t loss; /* one in so many messages */
    mono_ns collector_down_until;
    bool watched[SITES + 1];
    uint64_t sent, again, concluded_late;
    uint64_t fates[FATES];
    int next_lane;
} w;

static inline uint32_t every_ms_of(uint64_t site)
{
    static const uint32_t intervals[] = { 2000, 5000, 10000, 30000, 60000 };
    return intervals[site % (sizeof intervals / sizeof *intervals)];
}

static inline uint32_t timeout_ms_of(uint64_t site)
{
    return every_ms_of(site) < 5000 ? every_ms_of(site) / 2 : 5000;
}

static inline wall_us wall_now(void)
{
    return WALL + w.now / NS_PER_US;
}

static inline struct tale *tale_of(uint64_t site, wall_us slot, uint64_t look)
{
    struct tale_key key = { site, slot, look };
    struct tale *t;
    HASH_FIND(hh, w.tales, &key, sizeof key, t);
    return t;
}

static inline void slot_came(uint64_t site, wall_us slot, uint64_t look)
{
    assert_null(tale_of(site, slot, look)); /* never a slot twice */
    struct tale *t = calloc(1, sizeof *t);
    t->key = (struct tale_key){ site, slot, look };
    t->came = w.now;
    HASH_ADD(hh, w.tales, key, sizeof t->key, t);
    w.fates[OPEN]++;
}

static inline void slot_ended(uint64_t site, wall_us slot, uint64_t look, enum fate fate)
{
    struct tale *t = tale_of(site, slot, look);
    assert_non_null(t);
    if (t->fate != OPEN)
        fail_msg("site %d slot %lld look %d ended twice: %d, now %d", (int)site, (long long)slot, (int)look,
                 t->fate, fate);
    t->fate = fate;
    w.fates[OPEN]--;
    w.fates[fate]++;
}

/* ── Messages ──────────────────────────────────────────────────────────── */

static inline struct event *post(enum kind kind, int lane)
{
    if (w.faults && one_in(w.loss))
        return NULL;
    struct event *e = calloc(1, sizeof *e);
    e->kind = kind;
    e->lane = lane;
    e->nonce = w.lane[lane].nonce;
    mono_ns delay = MS + (mono_ns)chance(4) * MS;
    if (w.faults && one_in(100))
        delay += (mono_ns)chance(4000) * MS;
    heap_set(&w.events, &e->node, w.now + delay);
    return e;
}

static inline void post_job_word(enum kind kind, int lane, uint64_t job_id, const struct lease_run *run)
{
    struct event *e = post(kind, lane);
    if (!e)
        return;
    e->job_id = job_id;
    e->run = *run;
}

/* ── Lanes ─────────────────────────────────────────────────────────────── */

static inline size_t busy_slots(const struct model_lane *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        n += m->held[i].again == MONO_NEVER;
    return n;
}

static inline void lane_gets_job(int lane, const struct event *e)
{
    struct model_lane *m = &w.lane[lane];
    for (size_t i = 0; i < m->n; i++)
        if (m->held[i].job_id == e->job_id)
            return;
    if (busy_slots(m) >= SLOTS || m->n >= OUTBOX) {
        post_job_word(BUSY, lane, e->job_id, &e->run);
        return;
    }
    uint64_t longest = e->run.timeout_ms;
    mono_ns took = one_in(20) ? (mono_ns)longest * MS : (mono_ns)chance(200) * MS;
    m->held[m->n++] = (struct held){ e->job_id, e->run, w.now + took, MONO_NEVER };
    struct tale *t = tale_of(e->run.site_id, e->run.slot_us, e->run.look);
    if (t && t->job == e->job_id)
        t->looked = w.now;
    post_job_word(TAKEN, lane, e->job_id, &e->run);
}

static inline void lane_forgets(int lane, uint64_t job_id)
{
    struct model_lane *m = &w.lane[lane];
    for (size_t i = 0; i < m->n; i++)
        if (m->held[i].job_id == job_id) {
            m->held[i] = m->held[--m->n];
            return;
        }
}

static inline void lane_beats(int lane)
{
    struct model_lane *m = &w.lane[lane];
    struct event *e = post(BEAT, lane);
    m->beat_at = w.now + S;
    bool full = m->beats++ % 5 == 0;
    if (!e)
        return;
    e->free_slots = SLOTS - (uint32_t)busy_slots(m);
    e->unrecorded = (uint32_t)(m->n - busy_slots(m));
    e->full_list = full;
    if (full) {
        e->ids = calloc(m->n + 1, sizeof *e->ids);
        for (size_t i = 0; i < m->n; i++)
            e->ids[e->n_ids++] = m->held[i].job_id;
    }
}

static inline void lane_step(int lane)
{
    struct model_lane *m = &w.lane[lane];
    if (!m->up && w.now >= m->down_until) {
        m->up = true;
        m->nonce++;
        m->beats = 0;
        m->beat_at = w.now;
    }
    if (!m->up || w.now < m->hung_until)
        return;
    for (size_t i = 0; i < m->n; i++) {
        struct held *h = &m->held[i];
        if (h->again == MONO_NEVER && w.now >= h->done)
            h->again = w.now;
        if (h->again > w.now)
            continue;
        post_job_word(RESULT, lane, h->job_id, &h->run);
        h->again = w.now + 10 * S;
    }
    if (w.now >= m->beat_at)
        lane_beats(lane);
}

static inline void mischief(void)
{
    int lane = (int)chance(LANES);
    struct model_lane *m = &w.lane[lane];
    if (w.now % S != 0)
        return;
    if (one_in(12)) {
        m->up = false; /* a crash: what it had in hand is gone */
        m->n = 0;
        m->down_until = w.now + (mono_ns)chance(15000) * MS;
    } else if (one_in(8)) {
        m->hung_until = w.now + (mono_ns)chance(14000) * MS;
    }
    if (one_in(50))
        w.collector_down_until = w.now + (mono_ns)chance(40000) * MS;
    if (one_in(4)) {
        uint64_t site = 1 + chance(SITES);
        w.watched[site] = !w.watched[site];
        if (w.watched[site])
            schedule_set(w.schedule, site, every_ms_of(site), wall_now() + 1);
        else
            schedule_drop(w.schedule, site);
        if (!w.watched[site]) {
            struct tale *t, *tmp;
            lease_forget(w.lease, site);
            HASH_ITER (hh, w.tales, t, tmp)
                if (t->key.site_id == site && t->fate == OPEN)
                    slot_ended(site, t->key.slot, t->key.look, WITHDRAWN);
        }
    }
}

#endif
