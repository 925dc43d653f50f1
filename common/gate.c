#include "common/gate.h"

#include "common/busguard.h"
#include "common/log.h"
#include "common/store/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct gate {
    struct loop_bell bell; /* first: its handle's end is ours */
    struct bus *bus;
    gate_fn *fn;
    void *arg;

    struct store *store; /* the thread's, once there is one */
    uint64_t change;
    bool away;

    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    struct access_list *let_in; /* under the lock: as the bus has it */
    size_t revoked;             /* under the lock: that the loop has not been told of */

    /* Of the guard's thread, which rings while the loop's may wait for it with the other lock. */
    pthread_mutex_t bell_lock;
    pthread_cond_t rung;
    bool stopping, asked;
};

/* ── Reading ───────────────────────────────────────────────────────────── */

struct reading {
    struct access_list *list;
    wall_us now;
};

static int on_key(void *arg, const struct access_key *k)
{
    const struct reading *r = arg;
    return access_list_add(r->list, k, r->now);
}

static int read_keys(struct gate *g, struct access_list **ret, struct err *err)
{
    scoped(access_list) struct access_list *l = NULL;
    int r = access_list_new(&l);
    if (r < 0)
        return err_set(err, r, "no memory for the keys");
    struct reading reading = { .list = l, .now = clock_wall() };
    r = store_each_key(g->store, on_key, &reading, err);
    if (r == -ENOSPC)
        err_set(err, r, "there are more than %d keys: revoke some", ACCESS_MAX_KEYS);
    if (r == 0)
        *ret = moved(l);
    return r;
}

static int follow(struct gate *g, struct err *err)
{
    scoped(access_list) struct access_list *now = NULL, *copy = NULL;
    uint64_t change = 0;
    int r = store_keys_change(g->store, &change, err);
    if (r < 0 || (g->let_in && change == g->change && clock_wall() < access_list_end(g->let_in)))
        return r;
    r = read_keys(g, &now, err);
    if (r == 0)
        r = access_list_copy(&copy, now);
    if (r < 0)
        return r;
    bus_let_in(g->bus, moved(copy));
    g->change = change;

    pthread_mutex_lock(&g->lock);
    struct access_list *before = g->let_in;
    size_t lost = access_list_lost(now, before);
    g->let_in = moved(now);
    g->revoked += lost;
    pthread_mutex_unlock(&g->lock);
    access_list_free(before);
    if (lost > 0)
        loop_bell_ring(&g->bell);
    return 0;
}

/* ── The thread ────────────────────────────────────────────────────────── */

static void tell(struct gate *g, int r, const struct err *err)
{
    if (r < 0 && !g->away)
        log_warn("gate.store_away", "whoever was let in still is: %s", err->text);
    if (r == 0 && g->away)
        log_info("gate.store_back", "keys=%zu", access_list_count(g->let_in));
    g->away = r < 0;
}

/* Somebody wants in whose key is not known: it may have been made a moment ago. */
static void on_asked(void *arg)
{
    struct gate *g = arg;
    pthread_mutex_lock(&g->bell_lock);
    g->asked = true;
    pthread_cond_signal(&g->rung);
    pthread_mutex_unlock(&g->bell_lock);
}

/* Until it is time to read again, or there is a reason to. False: leave. */
static bool wait(struct gate *g)
{
    mono_ns until_ns = clock_mono() + GATE_EVERY_MS * NS_PER_MS;
    const struct timespec until = { .tv_sec = until_ns / NS_PER_S, .tv_nsec = until_ns % NS_PER_S };
    pthread_mutex_lock(&g->bell_lock);
    while (!g->stopping && !g->asked && pthread_cond_timedwait(&g->rung, &g->bell_lock, &until) != ETIMEDOUT)
        continue;
    bool goes_on = !g->stopping;
    g->asked = false;
    pthread_mutex_unlock(&g->bell_lock);
    return goes_on;
}

/* A pause between two readings, so that strangers cannot keep the store busy. */
static void *keep_up(void *arg)
{
    struct gate *g = arg;
    struct busguard *guard = bus_guard(g->bus);
    while (wait(g)) {
        struct err err = { 0 };
        uint64_t asked = busguard_asked(guard);
        tell(g, follow(g, &err), &err);
        busguard_settle(guard, asked); /* also when it could not be read: nobody knows better */
        usleep(GATE_PAUSE_MS * 1000);
    }
    return NULL;
}

static void on_bell(void *arg)
{
    struct gate *g = arg;
    pthread_mutex_lock(&g->lock);
    size_t revoked = g->revoked;
    g->revoked = 0;
    if (revoked > 0)
        g->fn(g->arg, g->let_in, revoked);
    pthread_mutex_unlock(&g->lock);
}

/* Signals are for the loops' threads. */
static int begin_thread(struct gate *g)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = -pthread_create(&g->thread, NULL, keep_up, g);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    g->running = r == 0;
    if (g->running)
        busguard_ask(bus_guard(g->bus), on_asked, g);
    return r;
}

/* ── Life ──────────────────────────────────────────────────────────────── */

static void on_closed(uv_handle_t *bell)
{
    free(bell);
}

int gate_new(struct gate **ret, struct loop *l, struct bus *b, const char *store_url, gate_fn *fn, void *arg,
             struct err *err)
{
    *ret = NULL;
    if (!bus_serves_keys(b))
        return 0;
    struct gate *g = calloc(1, sizeof *g);
    if (!g)
        return err_set(err, -ENOMEM, "no memory for the keys");
    *g = (struct gate){ .bus = b, .fn = fn, .arg = arg };
    int r = loop_bell_init(l, &g->bell, on_bell, g);
    if (r < 0) {
        free(g);
        return err_set(err, r, "cannot make a bell: %s", uv_strerror(r));
    }
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&g->rung, &clock);
    pthread_condattr_destroy(&clock);
    pthread_mutex_init(&g->lock, NULL);
    pthread_mutex_init(&g->bell_lock, NULL);

    r = store_open(&g->store, store_url, STORE_READ, err);
    if (r == 0)
        r = follow(g, err);
    size_t keys = access_list_count(g->let_in);
    if (r == 0 && (r = begin_thread(g)) < 0)
        err_set(err, r, "cannot start a thread: %s", strerror(-r));
    if (r < 0) {
        gate_free(g);
        return r;
    }
    log_info("gate.open", "keys=%zu", keys);
    *ret = g;
    return 0;
}

void gate_free(struct gate *g)
{
    if (!g)
        return;
    if (g->running) {
        busguard_ask(bus_guard(g->bus), NULL, NULL);
        pthread_mutex_lock(&g->bell_lock);
        g->stopping = true;
        pthread_cond_signal(&g->rung);
        pthread_mutex_unlock(&g->bell_lock);
        pthread_join(g->thread, NULL);
    }
    store_close(g->store);
    access_list_free(g->let_in);
    pthread_cond_destroy(&g->rung);
    pthread_mutex_destroy(&g->bell_lock);
    pthread_mutex_destroy(&g->lock);
    uv_close((uv_handle_t *)&g->bell.uv, on_closed);
}
