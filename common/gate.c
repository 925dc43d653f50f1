#include "common/gate.h"

#include "common/log.h"
#include "common/store/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    pthread_cond_t wake;
    bool stopping;              /* under the lock, as all that follows */
    struct access_list *let_in; /* as the bus has it */
    size_t revoked;             /* that the loop has not been told of */
};

/* ── Reading ───────────────────────────────────────────────────────────── */

static int on_key(void *arg, const struct access_key *k)
{
    return access_list_add(arg, k);
}

static int read_keys(struct gate *g, struct access_list **ret, struct err *err)
{
    scoped(access_list) struct access_list *l = NULL;
    int r = access_list_new(&l);
    if (r < 0)
        return err_set(err, r, "no memory for the keys");
    r = store_each_key(g->store, on_key, l, err);
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
    if (r < 0 || (g->let_in && change == g->change))
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

static void *keep_up(void *arg)
{
    struct gate *g = arg;
    pthread_mutex_lock(&g->lock);
    while (!g->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += GATE_EVERY_MS * NS_PER_MS;
        until.tv_sec += until.tv_nsec / NS_PER_S;
        until.tv_nsec %= NS_PER_S;
        if (pthread_cond_timedwait(&g->wake, &g->lock, &until) == 0)
            continue; /* woken: only to leave */
        pthread_mutex_unlock(&g->lock);
        struct err err = { 0 };
        tell(g, follow(g, &err), &err);
        pthread_mutex_lock(&g->lock);
    }
    pthread_mutex_unlock(&g->lock);
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
    pthread_cond_init(&g->wake, &clock);
    pthread_condattr_destroy(&clock);
    pthread_mutex_init(&g->lock, NULL);

    r = store_open(&g->store, store_url, STORE_READ, err);
    if (r == 0)
        r = follow(g, err);
    if (r == 0 && (r = begin_thread(g)) < 0)
        err_set(err, r, "cannot start a thread: %s", strerror(-r));
    if (r < 0) {
        gate_free(g);
        return r;
    }
    log_info("gate.open", "keys=%zu", access_list_count(g->let_in));
    *ret = g;
    return 0;
}

void gate_free(struct gate *g)
{
    if (!g)
        return;
    if (g->running) {
        pthread_mutex_lock(&g->lock);
        g->stopping = true;
        pthread_cond_signal(&g->wake);
        pthread_mutex_unlock(&g->lock);
        pthread_join(g->thread, NULL);
    }
    store_close(g->store);
    access_list_free(g->let_in);
    pthread_cond_destroy(&g->wake);
    pthread_mutex_destroy(&g->lock);
    uv_close((uv_handle_t *)&g->bell.uv, on_closed);
}
