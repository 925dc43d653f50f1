#include "worker/lane.h"

#include "common/desk.h"
#include "common/log.h"
#include "worker/dockets.h"
#include "worker/line.h"
#include "worker/machine.h"
#include "worker/outbox.h"
#include "worker/probe.h"
#include "worker/wakeup.h"
#include "worker/worker_metrics.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A lane's day
 *
 * Jobs come in over its lines (line.h), one to each coordinator; each job gets a word
 * at once (intake.h) and, when it is taken, a look. A look's result goes into the
 * outbox of its shard's docket and from there to that shard's collector until it is
 * recorded. All words and results of a turn are sent together at its end.
 *
 * Slots are one pool. Each docket has a quota of them, divided anew every second
 * (shares.h), so that what one coordinator is promised no other fills.
 *
 * Leaving: no new jobs, a short while for looks that are nearly done, a word for
 * those that are not, a while for results to be recorded, goodbye.
 */

#define FINISH_LOOKS_NS (2 * NS_PER_S)
#define FINISH_ALL_NS   (6 * NS_PER_S)

struct thread_lane {
    struct lane_setup setup;
    pthread_t thread;
    sem_t started;
    _Atomic bool ended;
    _Atomic mono_ns turned;
    struct err no_start; /* why it did not start; the thread's until `started`, then its starter's */
    struct err err;      /* why it ended by itself; code 0: it did not */

    struct loop *loop;
    struct loop_bell bell;
    _Atomic unsigned asked_to_drain;
    struct probes *probes;
    struct line *line[CONFIG_MAX_COORDINATORS];
    char where[CONFIG_MAX_COORDINATORS][ENDPOINT_SIZE];
    unsigned n_lines;
    struct dockets dockets;
    struct wakeup *leaving;
    mono_ns drain_since; /* 0: not draining */
    bool handed_back;
    bool suspect; /* as was logged last */
    struct machine_count descriptors;
    struct lane_counts counts;
    struct log_gate behind_gate;
    struct desk *desk;
};

static void end_with(struct thread_lane *l, int code, const char *why)
{
    err_set(&l->err, code, "%s", why);
    loop_stop(l->loop, 0);
}

/* ── Looks ─────────────────────────────────────────────────────────────── */

static void on_looked(void *arg, const struct result *seen)
{
    struct order *o = arg;
    struct docket *d = docket_of(o);
    struct thread_lane *l = d->owner;
    struct result r = *seen;

    snprintf(r.worker, sizeof r.worker, "%s", l->setup.worker);
    r.lane = l->setup.number;
    docket_drop(o);
    lane_counts_look(&l->counts, &r);
    /* There is room: it was counted before the job was taken. Without memory the
     * result is lost, and the run goes out again when its time is over. */
    if (!l->handed_back && !dockets_outdated(&l->dockets, r.job_id))
        (void)shipment_add(d->shipment, &r);
}

static int begin_look(struct thread_lane *l, struct docket *d, const struct job *j)
{
    struct order *o = docket_take(d, j->id);
    if (!o)
        return -ENOMEM;
    int r = probe_begin(l->probes, j, on_looked, o);
    if (r < 0)
        docket_drop(o);
    return r;
}

/* ── Room ──────────────────────────────────────────────────────────────── */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t slots_left(const struct thread_lane *l, const struct docket *d)
{
    return smaller(probes_room(l->probes), share_room(&d->share));
}

static enum intake_word on_job(void *arg, struct docket *d, const struct job *j, int64_t age_ms)
{
    struct thread_lane *l = arg;
    const struct intake_lane lane = {
        .name = l->setup.worker,
        .draining = l->drain_since != 0 || line_state(d->acting) == LINE_RESTS,
        .known = docket_has(d, j->id),
        .free_slots = slots_left(l, d),
        .outbox_room = dockets_outbox_left(&l->dockets, d),
        .key = rollcall_key(line_rollcall(d->acting)),
    };
    enum intake_word word = intake_decide(j, age_ms, &lane);
    d->share.wanted |= word == INTAKE_BUSY && lane.free_slots == 0;
    if (word == INTAKE_TAKEN && !lane.known && begin_look(l, d, j) < 0)
        word = INTAKE_BUSY;
    l->counts.jobs[word]++;
    return word;
}

/* ── Who gives jobs ────────────────────────────────────────────────────── */

static bool is_behind(struct thread_lane *l, const struct line *line, const struct docket *d,
                      const struct control *c)
{
    uint64_t held;
    bool another = d->acting && d->acting != line;
    if (c->epoch > d->epoch || (c->epoch == d->epoch && !another))
        return false;
    if (log_gate_open(&l->behind_gate, loop_now(l->loop), &held))
        log_warn("lane.behind",
                 "lane=%u coordinator=%s shard=%u epoch=%u: it is not heeded, since one of epoch %u acts%s",
                 l->setup.number, line_where(line), c->shard, c->epoch, d->epoch,
                 c->epoch == d->epoch ? ", the same by another address" : "");
    return true;
}

static struct docket *on_welcomed(void *arg, struct line *line, const struct control *c)
{
    struct thread_lane *l = arg;
    struct err err = { 0 };
    struct docket *d = dockets_find(&l->dockets, c->shard, &err);
    if (!d)
        end_with(l, err.code, err.text);
    if (!d || is_behind(l, line, d, c))
        return NULL;
    dockets_heed_cut(&l->dockets, c->shards, c->epoch);
    if (d->acting && d->acting != line)
        line_set_aside(d->acting);
    dockets_leave(&l->dockets, line); /* it may have spoken for another shard before */
    d->acting = line;
    d->epoch = c->epoch;
    dockets_divide(&l->dockets);
    int r = shipment_connect(d->shipment, c->results, &err);
    if (r < 0)
        end_with(l, r, err.text);
    return d;
}

/* Its docket goes on with what it holds. */
static void on_left(void *arg, struct line *line)
{
    struct thread_lane *l = arg;
    dockets_leave(&l->dockets, line);
    dockets_divide(&l->dockets);
}

static void begin_draining(void *arg)
{
    struct thread_lane *l = arg;
    if (l->drain_since != 0)
        return;
    l->drain_since = loop_now(l->loop);
    for (unsigned i = 0; i < l->n_lines; i++)
        rollcall_draining(line_rollcall(l->line[i]));
    wakeup_at(l->leaving, 0);
}

/* A worker that nobody wants ends; one that others want goes on with them. */
static void on_refused(void *arg, struct line *line, const char *why)
{
    struct thread_lane *l = arg;
    char text[240];
    unsigned refused = 0;
    for (unsigned i = 0; i < l->n_lines; i++)
        refused += line_state(l->line[i]) == LINE_REFUSED;
    if (refused == l->n_lines) {
        snprintf(text, sizeof text, "the coordinator refuses this worker: %s", why);
        end_with(l, -ECONNREFUSED, text);
    } else {
        log_error("lane.refused", "lane=%u coordinator=%s: %s", l->setup.number, line_where(line), why);
    }
}

/* The coordinators count the same lanes; who came to them first may know of fewer. */
static void on_beaten(void *arg)
{
    struct thread_lane *l = arg;
    uint32_t most = 0;
    for (unsigned i = 0; i < l->n_lines; i++)
        most = line_lanes(l->line[i]) > most ? line_lanes(l->line[i]) : most;
    if (most > 0)
        probes_share(l->probes, most);
}

static void on_beat(void *arg, struct docket *d, struct control *c)
{
    struct thread_lane *l = arg;
    const char *reason = probes_reason(l->probes);
    bool suspect = *reason;

    dockets_divide_again(&l->dockets);
    if (suspect != l->suspect)
        log_warn("lane.suspect", "lane=%u suspect=%d: %s", l->setup.number, suspect,
                 suspect ? reason : "no doubts any more");
    l->suspect = suspect;
    snprintf(c->text, sizeof c->text, "%s", reason);
    c->free_slots =
        l->drain_since ? 0 : (uint32_t)smaller(slots_left(l, d), dockets_outbox_left(&l->dockets, d));
    c->unrecorded = (uint32_t)docket_unrecorded(d);
    c->descriptors = machine_descriptors(&l->descriptors, loop_now(l->loop));
    c->descriptors_most = l->setup.descriptors_most;
    int64_t lag_us = loop_lag(l->loop) / NS_PER_US;
    c->lag_us = lag_us < CONTROL_MAX_LAG_US ? (uint32_t)lag_us : CONTROL_MAX_LAG_US;
    c->suspect = suspect;
}

static void on_failed(void *arg, int code, const char *why)
{
    end_with(arg, code, why);
}

static const struct line_events line_events = {
    .welcomed = on_welcomed,
    .left = on_left,
    .job = on_job,
    .refused = on_refused,
    .drain = begin_draining,
    .beaten = on_beaten,
    .beat = on_beat,
    .failed = on_failed,
};

/* ── Leaving ───────────────────────────────────────────────────────────── */

static void say_busy(void *arg, uint64_t job_id)
{
    rollcall_busy(arg, job_id);
}

/* Looks that are not done by now: others may have them. */
static void hand_back(struct thread_lane *l)
{
    l->handed_back = true;
    for (unsigned i = 0; i < l->dockets.n; i++)
        if (l->dockets.at[i]->acting)
            docket_each(l->dockets.at[i], say_busy, line_rollcall(l->dockets.at[i]->acting));
}

static void on_leaving(void *arg)
{
    struct thread_lane *l = arg;
    mono_ns now = loop_now(l->loop), since = now - l->drain_since;
    size_t in_hand = dockets_in_hand(&l->dockets), unrecorded = dockets_unrecorded(&l->dockets);
    if (since >= FINISH_LOOKS_NS && !l->handed_back && in_hand > 0)
        hand_back(l);
    if (((l->handed_back || in_hand == 0) && unrecorded == 0) || since >= FINISH_ALL_NS) {
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
    const struct lane_view view = { .counts = &l->counts,
                                    .draining = l->drain_since != 0,
                                    .unrecorded = dockets_unrecorded(&l->dockets),
                                    .outbox_left = dockets_outbox_left_all(&l->dockets),
                                    .probes = l->probes,
                                    .line = l->line,
                                    .n_lines = l->n_lines };
    return worker_metrics_lane(&view, sheet, why_not, DESK_WHY_SIZE);
}

/* ── The thread ────────────────────────────────────────────────────────── */

static void flush(struct thread_lane *l, bool all)
{
    for (unsigned i = 0; i < l->n_lines; i++)
        rollcall_flush(line_rollcall(l->line[i]));
    dockets_flush(&l->dockets, all);
}

static void on_turned(void *arg)
{
    struct thread_lane *l = arg;
    flush(l, false);
    atomic_store_explicit(&l->turned, loop_now(l->loop), memory_order_relaxed);
}

static int make_lines(struct thread_lane *l, struct err *err)
{
    const struct lane_setup *s = &l->setup;
    unsigned n = config_coordinators(s->config);
    int r = 0;
    for (unsigned i = 0; r == 0 && i < n; i++) {
        config_coordinator(s->config, i, l->where[i]);
        const struct line_setup line = {
            .loop = l->loop,
            .bus = s->bus,
            .self = {.config = s->config,
                     .where = l->where[i],
                     .worker = s->worker,
                     .lane = s->number,
                     .nonce = s->nonce},
            .alone = n == 1,
        };
        r = line_new(&l->line[i], &line, &line_events, l, err);
        l->n_lines += r == 0;
    }
    return r;
}

static int make_parts(struct thread_lane *l, struct err *err)
{
    const struct lane_setup *s = &l->setup;
    l->dockets = (struct dockets){
        .owner = l, .loop = l->loop, .bus = s->bus, .config = s->config, .lane = s->number
    };
    int r = probes_new(&l->probes, l->loop, s->config, err);
    if (r == 0)
        r = probes_keep_canaries(l->probes, s->config, err);
    if (r == 0)
        r = make_lines(l, err);
    if (r < 0)
        return r;
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
    probes_free(l->probes);
    for (unsigned i = 0; i < l->n_lines; i++)
        line_free(l->line[i]);
    dockets_done(&l->dockets);
    wakeup_free(l->leaving);
}

static void work(struct thread_lane *l)
{
    int r = loop_run(l->loop);
    if (r < 0)
        err_set(&l->err, r, "the loop of lane %u: %s", l->setup.number, strerror(-r));
    flush(l, true);
    for (unsigned i = 0; i < l->n_lines; i++)
        rollcall_goodbye(line_rollcall(l->line[i]), l->err.code ? l->err.text : "leaving");
}

static void *run(void *arg)
{
    struct thread_lane *l = arg;
    int r = make_parts(l, &l->no_start);
    if (r < 0)
        l->no_start.code = r;
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
    if (l->no_start.code < 0) {
        if (err)
            *err = l->no_start;
        r = l->no_start.code;
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
