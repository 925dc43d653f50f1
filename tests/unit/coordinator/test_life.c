/* Schedule, roster and lease together, with workers that lose things.
 *
 * A seeded model: lanes crash, hang and come back, every message may be lost or
 * be late, the collector goes away and returns, sites are paused and resumed.
 * Whatever happens:
 *
 *   - every slot that came ends exactly once: concluded, lost, missed, or
 *     withdrawn with its site
 *   - of the scheduled runs of a site at most one is out
 *   - no run is sent more often than its attempts and bounces allow
 *   - repeats are within their share
 *   - once the faults are over, everything is looked at again, on time
 *
 * VEDETTE_TEST_SEEDS=n runs more of them.
 */
#include "common/site.h"
#include "coordinator/heap.h"
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

static uint64_t chance(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

static bool one_in(uint64_t n)
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
    char worker[8];
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

static uint32_t every_ms_of(uint64_t site)
{
    static const uint32_t intervals[] = { 2000, 5000, 10000, 30000, 60000 };
    return intervals[site % (sizeof intervals / sizeof *intervals)];
}

static uint32_t timeout_ms_of(uint64_t site)
{
    return every_ms_of(site) < 5000 ? every_ms_of(site) / 2 : 5000;
}

static wall_us wall_now(void)
{
    return WALL + w.now / NS_PER_US;
}

static struct tale *tale_of(uint64_t site, wall_us slot, uint64_t look)
{
    struct tale_key key = { site, slot, look };
    struct tale *t;
    HASH_FIND(hh, w.tales, &key, sizeof key, t);
    return t;
}

static void slot_came(uint64_t site, wall_us slot, uint64_t look)
{
    assert_null(tale_of(site, slot, look)); /* never a slot twice */
    struct tale *t = calloc(1, sizeof *t);
    t->key = (struct tale_key){ site, slot, look };
    t->came = w.now;
    HASH_ADD(hh, w.tales, key, sizeof t->key, t);
    w.fates[OPEN]++;
}

static void slot_ended(uint64_t site, wall_us slot, uint64_t look, enum fate fate)
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

static struct event *post(enum kind kind, int lane)
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

static void post_job_word(enum kind kind, int lane, uint64_t job_id, const struct lease_run *run)
{
    struct event *e = post(kind, lane);
    if (!e)
        return;
    e->job_id = job_id;
    e->run = *run;
}

/* ── Lanes ─────────────────────────────────────────────────────────────── */

static size_t busy_slots(const struct model_lane *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        n += m->held[i].again == MONO_NEVER;
    return n;
}

static void lane_gets_job(int lane, const struct event *e)
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
    post_job_word(TAKEN, lane, e->job_id, &e->run);
}

static void lane_forgets(int lane, uint64_t job_id)
{
    struct model_lane *m = &w.lane[lane];
    for (size_t i = 0; i < m->n; i++)
        if (m->held[i].job_id == job_id) {
            m->held[i] = m->held[--m->n];
            return;
        }
}

static void lane_beats(int lane)
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

static void lane_step(int lane)
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

static void mischief(void)
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

/* ── The coordinator's side ────────────────────────────────────────────── */

static void hello(int lane)
{
    struct model_lane *m = &w.lane[lane];
    struct control c = { .kind = CONTROL_HELLO, .lane = m->number, .nonce = m->nonce, .slots = SLOTS };
    enum roster_welcome how;
    strcpy(c.worker, m->worker);
    m->index = roster_hello(w.roster, &c, 0, w.now, wall_now(), &how);
    assert_true(m->index >= 0);
    if (how != ROSTER_AGAIN)
        lease_lane_lost(w.lease, m->index, w.now);
}

static void hears(struct event *e)
{
    struct model_lane *m = &w.lane[e->lane];
    struct control c = { .free_slots = e->free_slots, .unrecorded = e->unrecorded };
    struct lease_run run;
    if (e->kind == BEAT && (m->index < 0 || roster_lane(w.roster, m->index)->nonce != e->nonce) &&
        e->nonce == m->nonce)
        hello(e->lane);
    if (m->index < 0 ||
        !roster_heard(w.roster, m->index, e->nonce, (const uint8_t *)"p", 1, w.now, wall_now()))
        return;
    if (e->kind == TAKEN && lease_taken(w.lease, e->job_id, m->index, w.now, &run))
        roster_taken(w.roster, m->index);
    if (e->kind == BUSY && lease_busy(w.lease, e->job_id, w.now) == LEASE_FULL)
        roster_busy(w.roster, m->index);
    if (e->kind != BEAT)
        return;
    roster_heartbeat(w.roster, m->index, &c);
    if (e->full_list)
        lease_holds(w.lease, m->index, e->ids, e->n_ids, w.now);
}

static void is_told(struct event *e)
{
    bool concluded = lease_recorded(w.lease, e->run.site_id, e->run.slot_us, e->run.look, 0, w.now);
    if (w.lane[e->lane].index >= 0)
        roster_recorded(w.roster, w.lane[e->lane].index);
    if (concluded)
        slot_ended(e->run.site_id, e->run.slot_us, e->run.look, CONCLUDED);
    post_job_word(FORWARD, e->lane, e->job_id, &e->run);
    /* as when a look failed: another one is asked for */
    if (e->run.look == 0 && w.watched[e->run.site_id] && one_in(15)) {
        struct lease_run run = e->run;
        run.look = 1;
        run.until = w.now + 15 * S;
        struct tale *t = tale_of(run.site_id, run.slot_us, 1);
        if (!t && lease_confirm(w.lease, &run, w.lane[e->lane].worker, w.now) == 0)
            slot_came(run.site_id, run.slot_us, 1);
    }
}

static void happens(struct event *e)
{
    struct model_lane *m = &w.lane[e->lane];
    bool awake = m->up && w.now >= m->hung_until && m->nonce == e->nonce;
    switch (e->kind) {
    case JOB:
        if (m->up && m->nonce == e->nonce && w.now < m->hung_until) /* waits in its socket */
            heap_set(&w.events, &e->node, m->hung_until);
        else if (awake)
            lane_gets_job(e->lane, e);
        break;
    case TAKEN:
    case BUSY:
    case BEAT: hears(e); break;
    case RESULT:
        if (w.now >= w.collector_down_until)
            post_job_word(RECORDED, e->lane, e->job_id, &e->run);
        break;
    case RECORDED: is_told(e); break;
    case FORWARD:
        if (awake)
            lane_forgets(e->lane, e->job_id);
        break;
    }
}

static void deliver(void)
{
    while (heap_first_key(&w.events) <= w.now) {
        struct event *e = heap_owner(heap_first(&w.events), struct event, node);
        heap_drop(&w.events, &e->node);
        happens(e);
        if (heap_has(&e->node))
            continue;
        free(e->ids);
        free(e);
    }
}

static void begin_runs(bool new_slots)
{
    struct schedule_due d;
    while (new_slots && schedule_take(w.schedule, wall_now(), &d)) {
        for (uint32_t i = 0; i < d.missed; i++) {
            slot_came(d.site_id, d.missed_us + (int64_t)i * d.every_ms * US_PER_MS, 0);
            slot_ended(d.site_id, d.missed_us + (int64_t)i * d.every_ms * US_PER_MS, 0, MISSED);
        }
        slot_came(d.site_id, d.slot_us, 0);
        struct lease_run run = {
            .site_id = d.site_id,
            .slot_us = d.slot_us,
            .timeout_ms = timeout_ms_of(d.site_id),
            .every_ms = d.every_ms,
            .until = w.now + (d.next_us - wall_now()) * NS_PER_US,
        };
        assert_int_equal(lease_due(w.lease, &run, w.now), 0);
    }
}

static void send_order(const struct lease_order *o)
{
    struct tale *t = tale_of(o->run.site_id, o->run.slot_us, o->run.look);
    assert_non_null(t);
    assert_int_equal(t->fate, OPEN);
    assert_true(++t->sent <= (int)lease_rules.attempts + LEASE_MAX_BOUNCES);
    w.sent++;
    w.again += t->sent > 1 && o->attempt > 1;
    /* An earlier scheduled run of the site has ended before this one goes out. */
    if (o->run.look == 0)
        for (int i = 1; i <= 40; i++) {
            struct tale *before =
                tale_of(o->run.site_id, o->run.slot_us - (int64_t)i * o->run.every_ms * US_PER_MS, 0);
            if (before && before->fate == OPEN)
                fail_msg("site %d has two scheduled runs out at %d ms: of slots %lld (came %d ms) and %lld",
                         (int)o->run.site_id, (int)(w.now / MS), (long long)before->key.slot - WALL,
                         (int)(before->came / MS), (long long)o->run.slot_us - WALL);
        }
    /* To the lanes in turn, whoever is connected. */
    for (int i = 0; i < LANES; i++) {
        w.next_lane = (w.next_lane + 1) % LANES;
        if (w.lane[w.next_lane].up)
            break;
    }
    post_job_word(JOB, w.next_lane, o->job_id, &o->run);
}

static void end_runs(void)
{
    struct lease_end e;
    while (lease_take_end(w.lease, &e))
        slot_ended(e.run.site_id, e.run.slot_us, e.run.look, e.cause == CAUSE_LOST ? LOST : MISSED);
}

static void coordinator_turn(bool new_slots)
{
    struct roster_change x;
    struct lease_order o;
    while (roster_take_change(w.roster, w.now, &x))
        if (x.to == WORKER_DEAD || x.to == WORKER_GONE)
            lease_lane_lost(w.lease, x.lane, w.now);
    lease_step(w.lease, w.now);
    assert_true(lease_next(w.lease) > w.now);
    begin_runs(new_slots);
    end_runs();
    uint32_t window = roster_window(w.roster, 0, lease_untaken(w.lease, 0), lease_pipeline(w.lease, 0));
    while (window-- > 0 && lease_take(w.lease, 0, w.now, &o))
        send_order(&o);
}

/* ── A life ────────────────────────────────────────────────────────────── */

static void begin(uint64_t number)
{
    memset(&w, 0, sizeof w);
    seed = number * UINT64_C(0x9e3779b97f4a7c15) + 1;
    w.loss = number % 4 == 0 ? 0 : 20 << (number % 4);
    w.faults = true;
    heap_init(&w.events);
    assert_int_equal(schedule_new(&w.schedule), 0);
    assert_int_equal(lease_new(&w.lease, &lease_rules, (uint32_t)number, 0), 0);
    assert_int_equal(roster_new(&w.roster, &roster_rules), 0);
    for (uint64_t site = 1; site <= SITES; site++) {
        w.watched[site] = true;
        schedule_set(w.schedule, site, every_ms_of(site), WALL);
    }
    for (int i = 0; i < LANES; i++) {
        struct model_lane *m = &w.lane[i];
        m->index = -1;
        m->number = (uint16_t)(i % 2);
        snprintf(m->worker, sizeof m->worker, "w%d", i / 2);
    }
}

static void end(void)
{
    while (heap_first(&w.events)) {
        struct event *e = heap_owner(heap_first(&w.events), struct event, node);
        heap_drop(&w.events, &e->node);
        free(e->ids);
        free(e);
    }
    struct tale *t, *tmp;
    HASH_ITER (hh, w.tales, t, tmp) {
        HASH_DEL(w.tales, t);
        free(t);
    }
    heap_done(&w.events);
    schedule_free(w.schedule);
    lease_free(w.lease);
    roster_free(w.roster);
}

static void live(mono_ns until, bool new_slots)
{
    for (; w.now < until; w.now += STEP_MS * MS) {
        if (w.faults)
            mischief();
        deliver();
        for (int i = 0; i < LANES; i++)
            lane_step(i);
        coordinator_turn(new_slots);
    }
}

/* Of the slots that came in the second half of the calm, how many were not looked at. */
static unsigned unseen_in_calm(void)
{
    unsigned n = 0;
    struct tale *t, *tmp;
    HASH_ITER (hh, w.tales, t, tmp) {
        bool unseen = t->came >= (FAULTS_S + CALM_S / 2) * S && t->fate != CONCLUDED;
        if (unseen)
            print_message("site %d, look %d, came at %d s, fate %d, sent %d times\n", (int)t->key.site_id,
                          (int)t->key.look, (int)(t->came / S), t->fate, t->sent);
        n += unseen;
    }
    return n;
}

static void one_life(uint64_t number)
{
    begin(number);
    live(FAULTS_S * S, true);
    w.faults = false;
    w.collector_down_until = 0;
    for (int i = 0; i < LANES; i++)
        w.lane[i].hung_until = w.lane[i].down_until = w.now;
    live((FAULTS_S + CALM_S) * S, true);
    live((FAULTS_S + CALM_S + DRAIN_S) * S, false);

    struct lease_numbers n = lease_numbers(w.lease);
    assert_int_equal(n.runs, 0);
    assert_int_equal(n.in_flight + n.waiting + n.heirs + n.overdue + n.confirming_runs, 0);
    assert_int_equal(lease_untaken(w.lease, 0), 0);
    assert_int_equal(w.fates[OPEN], 0);
    assert_true(w.fates[CONCLUDED] > 1000);
    assert_int_equal(unseen_in_calm(), 0);
    uint64_t seconds = FAULTS_S + CALM_S + DRAIN_S;
    if (w.again > LEASE_BURST + seconds + w.sent / 10)
        fail_msg("%d of %d were repeats", (int)w.again, (int)w.sent);
    print_message("life %2d: %5d concluded, %4d lost, %5d missed, %4d withdrawn; %d sent, %d repeats\n",
                  (int)number, (int)w.fates[CONCLUDED], (int)w.fates[LOST], (int)w.fates[MISSED],
                  (int)w.fates[WITHDRAWN], (int)w.sent, (int)w.again);
    end();
}

static void test_lives(void **state)
{
    (void)state;
    const char *wanted = getenv("VEDETTE_TEST_SEEDS");
    uint64_t seeds = wanted ? strtoull(wanted, NULL, 10) : 12;
    for (uint64_t number = 1; number <= seeds; number++)
        one_life(number);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_lives) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
