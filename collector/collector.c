#include "collector/collector.h"
#include "collector/collector_metrics.h"
#include "collector/ingest.h"
#include "collector/keeper.h"
#include "collector/notices.h"
#include "collector/notifier.h"
#include "common/desk.h"
#include "common/gate.h"
#include "common/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Who talks to whom
 *
 *            parcels               notices
 *   network ─────────▶ keeper ─────────────────▶ notifier
 *           ◀─────────        ◀─────────────────
 *       feedback, feed           what became of them
 *
 * Each arrow is a queue, and whoever puts rings the taker's bell. At the end the
 * orders go round by one number, `phase`, and each thread answers by its own.
 */

enum {
    TOLDS_MAX = 4096,      /* outcomes between the threads */
    STORE_PATIENCE_S = 60, /* a call of the store may take that long, and the process is healthy */
    DRAIN_KEEPER_S = 5,    /* for a store that is away while we want to leave */
    DRAIN_NOTIFIER_S = 3,
    DRAIN_TOLDS_MS = 1000,
    DRAIN_FEEDBACK_MS = 500,
    TAKE_PER_TURN = 64,
};

enum phase { RUNNING, DRAIN_RESULTS, DRAIN_NOTICES, LEAVE };

struct collector {
    struct tenure *tenure; /* NULL: nobody else is there */
    struct loop *net;
    struct ingest *ingest;
    struct gate *gate;
    struct loop_bell failed_bell; /* on net: the keeper gave up, or a phase is done */
    bool failed_bell_made;
    atomic_int phase;
    atomic_int status; /* to end the process with */
    struct desk *desk;

    struct { /* the keeper's thread */
        pthread_t thread;
        bool running;
        struct loop *loop;
        struct loop_bell bell;
        struct loop_timer timer;
        bool made;
        struct keeper *keeper;
        struct desk *desk;
        atomic_bool drained, left;
        atomic_size_t unrecorded; /* results, while it drains ... */
        atomic_int why;           /* ... and the store's failure */
    } k;

    struct { /* the notifier's thread */
        pthread_t thread;
        bool running;
        struct loop *loop;
        struct loop_bell bell;
        struct loop_timer timer;
        bool made;
        struct notifier *notifier;
        struct desk *desk;
        struct queue *notices, *tolds;
        atomic_bool drained, left;
    } n;
};

static struct instant instant(const struct loop *l)
{
    return (struct instant){ loop_now(l), loop_wall(l) };
}

/* ── The keeper's ports, called in its thread ──────────────────────────── */

static void on_feedback(void *arg, const struct feedback *f)
{
    struct collector *c = arg;
    ingest_feedback(c->ingest, f);
}

static void on_publish(void *arg, const struct event *e)
{
    struct collector *c = arg;
    ingest_publish(c->ingest, e);
}

static int on_deliver(void *arg, struct notice *take)
{
    struct collector *c = arg;
    int r = queue_put(c->n.notices, take);
    if (r == 0 && c->n.running)
        loop_bell_ring(&c->n.bell);
    return r;
}

static uint64_t on_asked_for_dropped(void *arg)
{
    struct collector *c = arg;
    return ingest_dropped(c->ingest);
}

/* ── The keeper's thread ───────────────────────────────────────────────── */

static void keeper_fail(struct collector *c, int r, const struct err *err)
{
    int expected = 0;
    if (r != -ESTALE || !c->tenure) { /* that one says it, and ends us */
        log_error("keeper.failed", "code=%d: %s", r, err->text);
        atomic_compare_exchange_strong(&c->status, &expected, store_exit_code(r));
    }
    atomic_store(&c->k.drained, true);
    loop_stop(c->k.loop, 0);
    loop_bell_ring(&c->failed_bell);
}

static void take_what_came(struct collector *c, struct instant now)
{
    struct keeper *k = c->k.keeper;
    struct parcel *p;
    struct told *t;
    while (keeper_has_room(k) && (t = queue_take(c->n.tolds))) {
        keeper_told(k, t, now);
        free(t);
    }
    for (int i = 0; i < TAKE_PER_TURN && keeper_has_room(k) && (p = ingest_take(c->ingest)); i++) {
        keeper_take(k, p, now);
        parcel_free(p);
    }
}

/* Nothing is left to be taken, and what was taken is in the store. */
static bool keeper_is_drained(struct collector *c, struct instant now, int *ret_failure, struct err *err)
{
    *ret_failure = 0;
    if (!keeper_has_room(c->k.keeper))
        return false;
    struct parcel *p = ingest_take(c->ingest);
    if (p) {
        keeper_take(c->k.keeper, p, now);
        parcel_free(p);
        return false;
    }
    return queue_count(c->n.tolds) == 0 && keeper_flush(c->k.keeper, now, ret_failure, err);
}

static void keeper_work(void *arg)
{
    struct collector *c = arg;
    struct instant now = instant(c->k.loop);
    struct err err = { 0 };
    int phase = atomic_load(&c->phase), failure = 0;

    take_what_came(c, now);
    int r = keeper_turn(c->k.keeper, now, &err);
    bool drained = r == 0 && phase >= DRAIN_RESULTS && keeper_is_drained(c, now, &failure, &err);
    r = r ? r : failure;
    int why = 0;
    atomic_store(&c->k.unrecorded, keeper_unrecorded(c->k.keeper, &why));
    atomic_store(&c->k.why, why);
    ingest_nudge(c->ingest);
    if (r < 0) {
        keeper_fail(c, r, &err);
        return;
    }
    if (drained && !atomic_exchange(&c->k.drained, true))
        loop_bell_ring(&c->failed_bell);
    if (phase == LEAVE) {
        loop_stop(c->k.loop, 0);
        return;
    }
    /* More has been waiting than one turn takes: go on at once. */
    bool more = keeper_has_room(c->k.keeper) && ingest_has_parcels(c->ingest);
    loop_timer_at(&c->k.timer, more || (phase >= DRAIN_RESULTS && !drained) ? now.mono + NS_PER_MS
                                                                            : keeper_next(c->k.keeper));
}

static void *keeper_thread(void *arg)
{
    struct collector *c = arg;
    pthread_setname_np(pthread_self(), "keeper");
    loop_timer_at(&c->k.timer, 0);
    loop_run(c->k.loop);
    atomic_store(&c->k.left, true);
    loop_bell_ring(&c->failed_bell);
    return NULL;
}

static void on_arrived(void *arg)
{
    struct collector *c = arg;
    loop_bell_ring(&c->k.bell);
}

/* ── The notifier's thread ─────────────────────────────────────────────── */

static bool on_told(void *arg, const struct told *t)
{
    struct collector *c = arg;
    struct told *copy = malloc(sizeof *copy);
    if (!copy)
        return false;
    *copy = *t;
    if (queue_put(c->n.tolds, copy) < 0) {
        free(copy);
        return false;
    }
    loop_bell_ring(&c->k.bell);
    return true;
}

static void notifier_work(void *arg)
{
    struct collector *c = arg;
    struct notice *n;
    int phase = atomic_load(&c->phase);
    while (phase < LEAVE && (n = queue_take(c->n.notices)))
        notifier_take(c->n.notifier, n);
    notifier_offer(c->n.notifier);
    if (phase >= DRAIN_NOTICES) {
        notifier_stop(c->n.notifier);
        if (notifier_under_way(c->n.notifier) == 0 && notifier_untold(c->n.notifier) == 0 &&
            !atomic_exchange(&c->n.drained, true))
            loop_bell_ring(&c->failed_bell);
    }
    if (phase == LEAVE)
        loop_stop(c->n.loop, 0);
    /* Ends of deliveries ring no bell of ours; untold ones wait for room. */
    bool watch = phase >= DRAIN_NOTICES || notifier_untold(c->n.notifier) > 0;
    loop_timer_at(&c->n.timer, watch ? loop_now(c->n.loop) + 20 * NS_PER_MS : MONO_NEVER);
}

static void *notifier_thread(void *arg)
{
    struct collector *c = arg;
    pthread_setname_np(pthread_self(), "notifier");
    loop_timer_at(&c->n.timer, 0); /* what was put before we ran */
    loop_run(c->n.loop);
    atomic_store(&c->n.left, true);
    loop_bell_ring(&c->failed_bell);
    return NULL;
}

/* ── For whoever watches ───────────────────────────────────────────────── */

static enum board_word on_network_desk(void *arg, struct sheet *sheet, char why_not[DESK_WHY_SIZE])
{
    struct collector *c = arg;
    enum board_word word = BOARD_CAN;
    if (c->tenure)
        word = tenure_put(c->tenure, sheet, why_not);
    enum board_word reads =
        collector_metrics_network(c->ingest, loop_now(c->net), sheet, why_not, DESK_WHY_SIZE);
    return word == BOARD_CAN ? reads : word;
}

static enum board_word on_keeper_desk(void *arg, struct sheet *sheet, char why_not[DESK_WHY_SIZE])
{
    struct collector *c = arg;
    return collector_metrics_keeper(c->k.keeper, loop_now(c->k.loop), sheet, why_not, DESK_WHY_SIZE);
}

static enum board_word on_notifier_desk(void *arg, struct sheet *sheet, char why_not[DESK_WHY_SIZE])
{
    struct collector *c = arg;
    (void)why_not;
    return collector_metrics_notifier(c->n.notifier, loop_wall(c->n.loop), sheet);
}

static int open_desks(struct collector *c, struct board *board, struct err *err)
{
    int r = desk_open(&c->desk, board, c->net, "network", on_network_desk, c);
    if (r == 0)
        r = desk_open_patient(&c->k.desk, board, c->k.loop, "keeper", STORE_PATIENCE_S * NS_PER_S,
                              on_keeper_desk, c);
    if (r == 0)
        r = desk_open(&c->n.desk, board, c->n.loop, "notifier", on_notifier_desk, c);
    return r < 0 ? err_set(err, r, "cannot show its numbers: %s", strerror(-r)) : 0;
}

/* ── Starting ──────────────────────────────────────────────────────────── */

/* Signals are for the network's thread, which has asked for them. */
static int start_thread(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int r = -pthread_create(thread, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

static void on_failed(void *arg)
{
    struct collector *c = arg;
    int status = atomic_load(&c->status);
    if (status && atomic_load(&c->phase) == RUNNING)
        loop_stop(c->net, status);
}

static int make_loops(struct collector *c, struct err *err)
{
    int r = loop_new(&c->k.loop);
    if (r == 0)
        r = loop_new(&c->n.loop);
    if (r == 0)
        r = loop_bell_init(c->net, &c->failed_bell, on_failed, c);
    c->failed_bell_made = r == 0;
    if (r == 0)
        r = loop_bell_init(c->k.loop, &c->k.bell, keeper_work, c);
    if (r == 0) {
        loop_timer_init(c->k.loop, &c->k.timer, keeper_work, c);
        c->k.made = true;
        r = loop_bell_init(c->n.loop, &c->n.bell, notifier_work, c);
    }
    if (r == 0) {
        loop_timer_init(c->n.loop, &c->n.timer, notifier_work, c);
        c->n.made = true;
        r = queue_new(&c->n.notices, POSTBOX_MAX);
    }
    if (r == 0)
        r = queue_new(&c->n.tolds, TOLDS_MAX);
    return r < 0 ? err_set(err, r, "cannot make a thread's loop: %s", strerror(-r)) : 0;
}

static int start_threads(struct collector *c, struct err *err)
{
    int r = start_thread(&c->n.thread, notifier_thread, c);
    c->n.running = r == 0;
    if (r == 0)
        r = start_thread(&c->k.thread, keeper_thread, c);
    c->k.running = r == 0;
    return r < 0 ? err_set(err, r, "cannot start a thread: %s", strerror(-r)) : 0;
}

/* Of the collector's two doors a deaf one is worth ending for. */
static void on_revoked(void *arg, const struct access_list *let_in, size_t revoked)
{
    struct collector *c = arg;
    struct err err = { 0 };
    log_warn("keys.revoked", "keys=%zu left=%zu: their sessions end", revoked, access_list_count(let_in));
    int r = ingest_revoke(c->ingest, let_in, &err);
    if (r == 0)
        return;
    log_error("keys.deaf", "code=%d: %s", r, err.text);
    loop_stop(c->net, 1);
}

int collector_new(struct collector **ret, struct loop *l, struct bus *b, struct store *store,
                  const struct config *config, struct board *board, struct tenure *tenure, struct err *err)
{
    scoped(collector) struct collector *c = calloc(1, sizeof *c);
    if (!c)
        return err_set(err, -ENOMEM, "out of memory");
    c->tenure = tenure;
    c->net = l;
    const struct keeper_ports ports = { c, on_feedback, on_publish, on_deliver, on_asked_for_dropped };

    int r = make_loops(c, err);
    if (r == 0)
        r = notifier_new(&c->n.notifier, c->n.loop, config, on_told, c, err);
    if (r == 0)
        notifier_set_gate(c->n.notifier, tenure);
    if (r == 0)
        r = keeper_new(&c->k.keeper, store, config, &ports, instant(l), err);
    if (r == 0)
        r = gate_new(&c->gate, l, b, config->store, on_revoked, c, err);
    if (r == 0)
        r = ingest_new(&c->ingest, l, b, config, on_arrived, c, err);
    if (r == 0)
        r = open_desks(c, board, err);
    if (r == 0)
        r = start_threads(c, err);
    if (r < 0)
        return r;
    *ret = moved(c);
    return 0;
}

void collector_meet(void *collector, const char *doors)
{
    struct collector *c = collector;
    struct err err = { 0 };
    if (ingest_meet(c->ingest, doors, &err) < 0)
        log_error("coordinator.unreachable", "%s", err.text);
}

/* ── Leaving ───────────────────────────────────────────────────────────── */

static void set_phase(struct collector *c, enum phase phase)
{
    atomic_store(&c->phase, phase);
    if (c->k.made)
        loop_bell_ring(&c->k.bell);
    if (c->n.made)
        loop_bell_ring(&c->n.bell);
}

/* The network goes on turning meanwhile: what is committed is acknowledged. */
static bool wait_for(struct collector *c, atomic_bool *done, int64_t patience_ms)
{
    mono_ns until = clock_mono() + patience_ms * NS_PER_MS;
    while (!atomic_load(done) && clock_mono() < until)
        loop_turn(c->net, 20);
    return atomic_load(done);
}

/* What is lost with us is said, and told by the status that we end with: workers
 * that live on send their results again, others that ended before us do not. */
static int give_up_results(struct collector *c)
{
    int why = atomic_load(&c->k.why);
    log_error("collector.left_behind",
              "results=%zu messages=%zu: the store did not take them within %d s; they are not recorded, "
              "unless their workers live on and send them again",
              atomic_load(&c->k.unrecorded), ingest_unread(c->ingest), DRAIN_KEEPER_S);
    return why ? store_exit_code(why) : 1;
}

int collector_drain(struct collector *c)
{
    int status = 0;
    ingest_stop_reading(c->ingest);
    set_phase(c, DRAIN_RESULTS);
    if (!wait_for(c, &c->k.drained, DRAIN_KEEPER_S * 1000))
        status = give_up_results(c);
    set_phase(c, DRAIN_NOTICES);
    if (!wait_for(c, &c->n.drained, DRAIN_NOTIFIER_S * 1000))
        log_warn("collector.left_behind",
                 "deliveries under way did not end in time; their notices stay pending");
    /* What became of them is recorded as well. */
    atomic_store(&c->k.drained, atomic_load(&c->k.left));
    set_phase(c, DRAIN_NOTICES);
    wait_for(c, &c->k.drained, DRAIN_TOLDS_MS);

    mono_ns until = clock_mono() + DRAIN_FEEDBACK_MS * NS_PER_MS;
    while (!ingest_is_flushed(c->ingest) && clock_mono() < until)
        loop_turn(c->net, 20);
    return status;
}

static void stop_threads(struct collector *c)
{
    set_phase(c, LEAVE);
    if (c->k.running)
        pthread_join(c->k.thread, NULL);
    if (c->n.running)
        pthread_join(c->n.thread, NULL);
}

static void release_notice(void *notice)
{
    notice_free(notice);
}

void collector_free(struct collector *c)
{
    if (!c)
        return;
    gate_free(c->gate);
    stop_threads(c);
    desk_close(c->desk);
    desk_close(c->k.desk);
    desk_close(c->n.desk);
    notifier_free(c->n.notifier);
    keeper_free(c->k.keeper);
    ingest_free(c->ingest);
    if (c->k.made) {
        loop_bell_done(&c->k.bell);
        loop_timer_done(&c->k.timer);
    }
    if (c->n.made) {
        loop_bell_done(&c->n.bell);
        loop_timer_done(&c->n.timer);
    }
    if (c->failed_bell_made) {
        loop_bell_done(&c->failed_bell);
        loop_turn(c->net, 0); /* the bell is part of us */
    }
    loop_free(c->k.loop);
    loop_free(c->n.loop);
    if (c->n.notices)
        queue_free(c->n.notices, release_notice);
    if (c->n.tolds)
        queue_free(c->n.tolds, free);
    free(c);
}
