#include "worker/lane.h"

#include "common/desk.h"
#include "common/log.h"
#include "common/pool.h"
#include "worker/inlet.h"
#include "worker/intake.h"
#include "worker/machine.h"
#include "worker/outbox.h"
#include "worker/probe.h"
#include "worker/rollcall.h"
#include "worker/shipment.h"
#include "worker/wakeup.h"
#include "worker/worker_metrics.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* A lane's day
 *
 * Jobs come in on the jobs lane; each gets a word at once (intake.h) and, when it
 * is taken, a look. A look's result goes into the outbox and from there to the
 * collector until it is recorded. All words and results of a turn are sent
 * together at its end.
 *
 * Resting: while it is in doubt of itself and others are there, the coordinator
 * tells it to rest. A lane that rests has no connection for jobs, so that none is
 * sent to it; what it has in hand it ends as usual.
 *
 * Leaving: no new jobs, a short while for looks that are nearly done, a word for
 * those that are not, a while for results to be recorded, goodbye.
 */

#define FINISH_LOOKS_NS (2 * NS_PER_S)
#define FINISH_ALL_NS   (6 * NS_PER_S)

struct order { /* a job in hand */
    uint64_t job_id;
    struct thread_lane *lane;
    UT_hash_handle hh;
};

struct thread_lane {
    struct lane_setup setup;
    pthread_t thread;
    sem_t started;
    _Atomic bool ended;
    _Atomic mono_ns turned;
    struct err err; /* why it did not start, or ended by itself; code 0: neither */

    struct loop *loop;
    struct loop_bell bell;
    _Atomic unsigned asked_to_drain;
    struct probes *probes;
    struct rollcall *rollcall;
    struct shipment *shipment;
    struct wire_arena *arena;
    struct inlet *inlet;              /* of jobs; closed before the first welcome and while it rests */
    char jobs_welcome[ENDPOINT_SIZE]; /* where it was told to connect to; "" before */
    struct intake intake;
    struct order *orders;
    struct pool spare_orders;
    struct wakeup *leaving;
    mono_ns drain_since; /* 0: not draining */
    bool handed_back;
    bool resting;
    bool suspect; /* as was logged last */
    struct machine_count descriptors;
    struct lane_counts counts;
    struct log_gate stale_gate;
    struct desk *desk;
};

/* ── Looks ─────────────────────────────────────────────────────────────── */

static struct order *find_order(const struct thread_lane *l, uint64_t job_id)
{
    struct order *o = NULL;
    HASH_FIND(hh, l->orders, &job_id, sizeof job_id, o);
    return o;
}

static void drop_order(struct thread_lane *l, struct order *o)
{
    HASH_DEL(l->orders, o);
    pool_give(&l->spare_orders, o);
}

static void on_looked(void *arg, const struct result *seen)
{
    struct order *o = arg;
    struct thread_lane *l = o->lane;
    struct result r = *seen;

    snprintf(r.worker, sizeof r.worker, "%s", l->setup.worker);
    r.lane = l->setup.number;
    drop_order(l, o);
    lane_counts_look(&l->counts, &r);
    /* There is room: it was counted before the job was taken. Without memory the
     * result is lost, and the run goes out again when its time is over. */
    if (!l->handed_back)
        (void)shipment_add(l->shipment, &r);
}

static int begin_look(struct thread_lane *l, const struct job *j)
{
    struct order *o = pool_take(&l->spare_orders);
    if (!o)
        return -ENOMEM;
    o->job_id = j->id;
    o->lane = l;
    HASH_ADD(hh, l->orders, job_id, sizeof o->job_id, o);
    if (!o->hh.tbl) {
        pool_give(&l->spare_orders, o);
        return -ENOMEM;
    }
    int r = probe_begin(l->probes, j, on_looked, o);
    if (r < 0)
        drop_order(l, o);
    return r;
}

/* ── Jobs ──────────────────────────────────────────────────────────────── */

static size_t outbox_left(const struct thread_lane *l)
{
    size_t room = outbox_room(shipment_outbox(l->shipment)), in_hand = HASH_COUNT(l->orders);
    return room > in_hand ? room - in_hand : 0;
}

static void deal_with_job(struct thread_lane *l, const struct job *j, int64_t age_ms)
{
    bool in_hand = find_order(l, j->id) != NULL;
    const struct intake_lane lane = {
        .name = l->setup.worker,
        .draining = l->drain_since != 0 || l->resting,
        .known = in_hand || outbox_has(shipment_outbox(l->shipment), j->id),
        .free_slots = probes_room(l->probes),
        .outbox_room = outbox_left(l),
        .key = rollcall_key(l->rollcall),
    };
    enum intake_word word = intake_decide(j, age_ms, &lane);
    if (word == INTAKE_TAKEN && !lane.known && begin_look(l, j) < 0)
        word = INTAKE_BUSY;
    if (word != INTAKE_STALE)
        (word == INTAKE_TAKEN ? rollcall_taken : rollcall_busy)(l->rollcall, j->id);
    l->counts.jobs[word]++;
}

static int on_jobs(void *arg, const struct bus_message *m, struct err *err)
{
    struct thread_lane *l = arg;
    struct job_batch b;
    uint64_t held;

    int r = wire_unpack_jobs(l->arena, m->bytes, m->len, &b, err);
    if (r < 0)
        return r;
    const uint64_t *stale = &l->counts.jobs[INTAKE_STALE], before = *stale;
    int64_t age_ms = intake_age_ms(&l->intake, b.epoch, b.stamp_ms, loop_now(l->loop));
    for (size_t i = 0; i < b.n_jobs; i++)
        deal_with_job(l, &b.jobs[i], age_ms);
    if (*stale != before && log_gate_open(&l->stale_gate, loop_now(l->loop), &held))
        log_warn("jobs.stale", "lane=%u dropped=%llu age_ms=%lld: they came too late to be begun",
                 l->setup.number, (unsigned long long)*stale, (long long)age_ms);
    return 0;
}

/* ── What the coordinator says ─────────────────────────────────────────── */

static void end_with(struct thread_lane *l, int code, const char *why)
{
    err_set(&l->err, code, "%s", why);
    loop_stop(l->loop, 0);
}

static void on_welcomed(void *arg, const struct control *c)
{
    struct thread_lane *l = arg;
    struct err err = { 0 };
    bool first = !inlet_is_open(l->inlet) && !l->resting;
    snprintf(l->jobs_welcome, sizeof l->jobs_welcome, "%s", c->jobs);
    int r = shipment_connect(l->shipment, c->results, &err);
    if (r == 0 && !l->resting)
        r = inlet_open(l->inlet, c->jobs, &err);
    if (r < 0)
        end_with(l, r, err.text);
    else if (first)
        log_info("lane.welcomed", "lane=%u jobs=%s results=%s", l->setup.number, c->jobs, c->results);
}

static void on_recorded(void *arg, const uint64_t *ids, size_t n)
{
    struct thread_lane *l = arg;
    shipment_recorded(l->shipment, ids, n);
}

/* Jobs that are here already go back; one that is still on its way is missed by
 * the coordinator after a while and goes out again. */
static void begin_resting(struct thread_lane *l)
{
    l->resting = true;
    inlet_drain(l->inlet);
    inlet_close(l->inlet);
    log_info("lane.rests", "lane=%u: others do its work", l->setup.number);
}

static void on_beaten(void *arg, const struct control *beat)
{
    struct thread_lane *l = arg;
    struct err err = { 0 };
    bool rest = beat->rest;
    if (beat->lanes > 0)
        probes_share(l->probes, beat->lanes);
    if (rest == l->resting || !l->jobs_welcome[0])
        return;
    if (rest) {
        begin_resting(l);
        return;
    }
    l->resting = false;
    log_info("lane.works", "lane=%u: has rested", l->setup.number);
    int r = inlet_open(l->inlet, l->jobs_welcome, &err);
    if (r < 0)
        end_with(l, r, err.text);
}

static void begin_draining(void *arg)
{
    struct thread_lane *l = arg;
    if (l->drain_since != 0)
        return;
    l->drain_since = loop_now(l->loop);
    rollcall_draining(l->rollcall);
    wakeup_at(l->leaving, 0);
}

static void on_refused(void *arg, const char *why)
{
    char text[240];
    snprintf(text, sizeof text, "the coordinator refuses this worker: %s", why);
    end_with(arg, -ECONNREFUSED, text);
}

/* Results need no coordinator, only a collector: that way is made anew at once. */
static void on_reconnect(void *arg)
{
    struct thread_lane *l = arg;
    struct err err = { 0 };
    log_warn("lane.silence", "lane=%u unrecorded=%zu: the coordinator is silent, connecting anew",
             l->setup.number, outbox_count(shipment_outbox(l->shipment)));
    l->resting = false; /* whoever welcomes us next will say */
    inlet_close(l->inlet);
    if (shipment_reconnect(l->shipment, &err) < 0)
        log_warn("lane.results", "lane=%u: %s", l->setup.number, err.text);
}

static void on_turned_away(void *arg, const char *where)
{
    struct thread_lane *l = arg;
    log_warn(
        "lane.turned_away",
        "lane=%u unrecorded=%zu: the coordinator at %s does not let this worker's key in: it was revoked, or "
        "is another cluster's",
        l->setup.number, outbox_count(shipment_outbox(l->shipment)), where);
    l->resting = false;
    inlet_close(l->inlet);
    shipment_disconnect(l->shipment);
}

static size_t on_list(void *arg, uint64_t *ids, size_t max)
{
    const struct thread_lane *l = arg;
    size_t n = HASH_COUNT(l->orders) + outbox_count(shipment_outbox(l->shipment)), i = 0;
    if (n > max)
        return n;
    for (const struct order *o = l->orders; o; o = o->hh.next)
        ids[i++] = o->job_id;
    return i + outbox_ids(shipment_outbox(l->shipment), ids + i, max - i);
}

static void on_beat(void *arg, struct control *c)
{
    struct thread_lane *l = arg;
    size_t room = probes_room(l->probes), left = outbox_left(l);
    const char *reason = probes_reason(l->probes);
    bool suspect = *reason;

    if (suspect != l->suspect)
        log_warn("lane.suspect", "lane=%u suspect=%d: %s", l->setup.number, suspect,
                 suspect ? reason : "no doubts any more");
    l->suspect = suspect;
    snprintf(c->text, sizeof c->text, "%s", reason);
    c->free_slots = l->drain_since ? 0 : (uint32_t)(room < left ? room : left);
    c->unrecorded = (uint32_t)outbox_count(shipment_outbox(l->shipment));
    c->descriptors = machine_descriptors(&l->descriptors, loop_now(l->loop));
    c->descriptors_most = l->setup.descriptors_most;
    int64_t lag_us = loop_lag(l->loop) / NS_PER_US;
    c->lag_us = lag_us < CONTROL_MAX_LAG_US ? (uint32_t)lag_us : CONTROL_MAX_LAG_US;
    c->suspect = suspect;
}

static const struct rollcall_events rollcall_events = {
    .welcomed = on_welcomed,
    .recorded = on_recorded,
    .drain = begin_draining,
    .refused = on_refused,
    .beaten = on_beaten,
    .turned_away = on_turned_away,
    .reconnect = on_reconnect,
    .beat = on_beat,
    .list = on_list,
};

/* ── Leaving ───────────────────────────────────────────────────────────── */

/* Looks that are not done by now: others may have them. */
static void hand_back(struct thread_lane *l)
{
    struct order *o, *next;
    l->handed_back = true;
    HASH_ITER (hh, l->orders, o, next)
        rollcall_busy(l->rollcall, o->job_id);
}

static void on_leaving(void *arg)
{
    struct thread_lane *l = arg;
    mono_ns now = loop_now(l->loop), since = now - l->drain_since;

    if (since >= FINISH_LOOKS_NS && !l->handed_back && l->orders)
        hand_back(l);
    bool looked = l->handed_back || !l->orders;
    bool told = outbox_count(shipment_outbox(l->shipment)) == 0;
    if ((looked && told) || since >= FINISH_ALL_NS) {
        loop_stop(l->loop, 0);
        return;
    }
    wakeup_at(l->leaving, now + 20 * NS_PER_MS);
}

static void on_bell(void *arg)
{
    struct thread_lane *l = arg;
    if (atomic_load(&l->asked_to_drain) > 1)
        loop_stop(l->loop, 0);
    else
        begin_draining(l);
}

/* ── For whoever watches ───────────────────────────────────────────────── */

static enum board_word on_desk(void *arg, struct sheet *sheet, char why_not[DESK_WHY_SIZE])
{
    const struct thread_lane *l = arg;
    const struct lane_view view = {
        &l->counts,  l->resting, l->drain_since != 0, outbox_left(l), l->probes, shipment_outbox(l->shipment),
        l->rollcall, l->inlet,
    };
    return worker_metrics_lane(&view, sheet, why_not, DESK_WHY_SIZE);
}

/* ── The thread ────────────────────────────────────────────────────────── */

static void on_turned(void *arg)
{
    struct thread_lane *l = arg;
    rollcall_flush(l->rollcall);
    shipment_flush(l->shipment, false);
    atomic_store_explicit(&l->turned, loop_now(l->loop), memory_order_relaxed);
}

static int make_parts(struct thread_lane *l, struct err *err)
{
    const struct lane_setup *s = &l->setup;
    const struct rollcall_self self = {
        .config = s->config, .worker = s->worker, .lane = s->number, .nonce = s->nonce
    };
    int r = probes_new(&l->probes, l->loop, s->config, err);
    if (r == 0)
        r = probes_keep_canaries(l->probes, s->config, err);
    if (r == 0)
        r = shipment_new(&l->shipment, l->loop, s->bus, s->config->worker.outbox, err);
    if (r == 0)
        r = rollcall_new(&l->rollcall, l->loop, s->bus, &self, &rollcall_events, l, err);
    if (r < 0)
        return r;
    r = wire_arena_new(&l->arena);
    if (r == 0)
        r = inlet_new(&l->inlet, l->loop, s->bus, on_jobs, l);
    if (r == 0)
        r = wakeup_new(&l->leaving, l->loop, on_leaving, l);
    if (r == 0)
        r = loop_after_turn(l->loop, on_turned, l);
    if (r == 0)
        r = desk_open(&l->desk, s->board, l->loop, lane_name(s->number, (char[16]){ 0 }), on_desk, l);
    return r < 0 ? err_set(err, r, "no memory for a lane") : 0;
}

static void drop_parts(struct thread_lane *l)
{
    desk_close(l->desk);
    inlet_free(l->inlet);
    probes_free(l->probes);
    while (l->orders)
        drop_order(l, l->orders);
    pool_done(&l->spare_orders);
    rollcall_free(l->rollcall);
    shipment_free(l->shipment);
    wire_arena_free(l->arena);
    wakeup_free(l->leaving);
}

static void work(struct thread_lane *l)
{
    int r = loop_run(l->loop);
    if (r < 0)
        err_set(&l->err, r, "the loop of lane %u: %s", l->setup.number, strerror(-r));
    rollcall_flush(l->rollcall);
    shipment_flush(l->shipment, true);
    rollcall_goodbye(l->rollcall, l->err.code ? l->err.text : "leaving");
}

static void *run(void *arg)
{
    struct thread_lane *l = arg;
    int r = make_parts(l, &l->err);
    if (r < 0)
        l->err.code = r;
    atomic_store(&l->turned, clock_mono());
    sem_post(&l->started);
    if (r == 0)
        work(l);
    drop_parts(l);
    atomic_store(&l->ended, true);
    if (r == 0)
        loop_bell_ring(l->setup.ended);
    return NULL;
}

/* ── From other threads ────────────────────────────────────────────────── */

static void lane_free(struct thread_lane *l)
{
    if (l->loop) {
        loop_bell_done(&l->bell);
        loop_free(l->loop);
    }
    sem_destroy(&l->started);
    free(l);
}

int lane_start(struct thread_lane **ret, const struct lane_setup *setup, struct err *err)
{
    struct thread_lane *l = calloc(1, sizeof *l);
    if (!l)
        return err_set(err, -ENOMEM, "no memory for a lane");
    l->setup = *setup;
    pool_init(&l->spare_orders, sizeof(struct order));
    sem_init(&l->started, 0, 0);
    int r = loop_new(&l->loop);
    if (r == 0)
        r = loop_bell_init(l->loop, &l->bell, on_bell, l);
    if (r == 0)
        r = -pthread_create(&l->thread, NULL, run, l);
    if (r < 0) {
        lane_free(l);
        return err_set(err, r, "cannot start a thread: %s", strerror(-r));
    }
    while (sem_wait(&l->started) < 0)
        continue;
    if (l->err.code < 0) {
        if (err)
            *err = l->err;
        r = l->err.code;
        pthread_join(l->thread, NULL);
        lane_free(l);
        return r;
    }
    *ret = l;
    return 0;
}

void lane_drain(struct thread_lane *l)
{
    atomic_fetch_add(&l->asked_to_drain, 1);
    loop_bell_ring(&l->bell);
}

bool lane_has_ended(const struct thread_lane *l)
{
    return atomic_load(&l->ended);
}

mono_ns lane_turned(const struct thread_lane *l)
{
    return atomic_load_explicit(&l->turned, memory_order_relaxed);
}

int lane_join(struct thread_lane *l, struct err *err)
{
    if (!l)
        return 0;
    pthread_join(l->thread, NULL);
    int r = l->err.code;
    if (r < 0 && err)
        *err = l->err;
    lane_free(l);
    return r;
}
