#include "coordinator/herald.h"

#include "common/clock.h"
#include "common/store/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEAVE_S 2

/* The thread's; it outlives the herald where a server keeps it waiting. */
struct crier {
    char *store_url;
    int64_t every_us;
    struct store *store; /* the thread's alone; NULL: not open */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping, ended, left_behind; /* under the lock, as all that follows */
    struct loop_bell *bell;            /* NULL: nobody is there to hear it */
    bool asked;                        /* there has been an answer */
    uint64_t newest;
    bool news;      /* that the loop has not been told of */
    struct err why; /* why it cannot be asked; code 0: it can */
};

struct herald {
    struct loop_bell bell; /* first: its handle's end is ours */
    struct crier *crier;
    pthread_t thread;
    herald_fn *fn;
    void *arg;
    bool away; /* told so */
};

/* ── The thread ────────────────────────────────────────────────────────── */

static void crier_free(struct crier *c)
{
    store_close(c->store);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c->store_url);
    free(c);
}

static int ask(struct crier *c, uint64_t *ret, struct err *err)
{
    int r = c->store ? 0 : store_open(&c->store, c->store_url, STORE_READ, err);
    return r < 0 ? r : store_newest_change(c->store, ret, err);
}

/* What the answer was, where the loop finds it. Under the lock. */
static void take(struct crier *c, int r, uint64_t newest, const struct err *why)
{
    bool was_away = c->why.code != 0, is_away = r < 0;
    bool news = r == 0 && (!c->asked || newest != c->newest);
    if (news) {
        c->asked = c->news = true;
        c->newest = newest;
    }
    c->why = is_away ? *why : (struct err){ 0 };
    if (c->bell && (news || was_away != is_away))
        loop_bell_ring(c->bell);
}

/* Under the lock. */
static void rest(struct crier *c)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + c->every_us * NS_PER_US;
    until.tv_sec += ns / NS_PER_S;
    until.tv_nsec = ns % NS_PER_S;
    for (int r = 0; r == 0 && !c->stopping;)
        r = pthread_cond_timedwait(&c->changed, &c->lock, &until);
}

static void *cry(void *arg)
{
    struct crier *c = arg;
    pthread_mutex_lock(&c->lock);
    while (!c->stopping) {
        struct err err = { 0 };
        uint64_t newest = 0;
        pthread_mutex_unlock(&c->lock);
        int r = ask(c, &newest, &err);
        pthread_mutex_lock(&c->lock);
        take(c, r, newest, &err);
        rest(c);
    }
    c->ended = true;
    bool alone = c->left_behind;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
    if (alone)
        crier_free(c);
    return NULL;
}

/* ── The loop ──────────────────────────────────────────────────────────── */

static void on_bell(void *arg)
{
    struct herald *h = arg;
    struct crier *c = h->crier;
    pthread_mutex_lock(&c->lock);
    bool news = c->news;
    struct err why = c->why;
    c->news = false;
    pthread_mutex_unlock(&c->lock);
    bool away = why.code != 0;
    if (news || away != h->away)
        h->fn(h->arg, away ? &why : NULL);
    h->away = away;
}

/* Signals are for the loops' threads. */
static int begin_thread(struct herald *h)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = -pthread_create(&h->thread, NULL, cry, h->crier);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

static int crier_new(struct crier **ret, const char *store_url, int64_t every_us)
{
    struct crier *c = calloc(1, sizeof *c);
    pthread_condattr_t monotonic;
    if (!c || !(c->store_url = strdup(store_url))) {
        free(c);
        return -ENOMEM;
    }
    c->every_us = every_us;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&c->lock, NULL);
    *ret = c;
    return 0;
}

static void on_closed(uv_handle_t *bell)
{
    free(bell);
}

int herald_new(struct herald **ret, struct loop *l, const char *store_url, int64_t every_us, herald_fn *fn,
               void *arg, struct err *err)
{
    struct herald *h = calloc(1, sizeof *h);
    int r = h ? crier_new(&h->crier, store_url, every_us) : -ENOMEM;
    if (r == 0)
        r = loop_bell_init(l, &h->bell, on_bell, h);
    if (r < 0) {
        if (h && h->crier)
            crier_free(h->crier);
        free(h);
        return err_set(err, r, "nobody can ask the store for edits: %s", strerror(-r));
    }
    h->fn = fn;
    h->arg = arg;
    h->crier->bell = &h->bell;
    r = begin_thread(h);
    if (r < 0) {
        crier_free(h->crier);
        uv_close((uv_handle_t *)&h->bell.uv, on_closed);
        return err_set(err, r, "cannot start a thread: %s", strerror(-r));
    }
    *ret = h;
    return 0;
}

void herald_free(struct herald *h)
{
    if (!h)
        return;
    struct crier *c = h->crier;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LEAVE_S;
    pthread_mutex_lock(&c->lock);
    c->bell = NULL;
    c->stopping = true;
    pthread_cond_signal(&c->changed);
    for (int r = 0; r == 0 && !c->ended;)
        r = pthread_cond_timedwait(&c->changed, &c->lock, &until);
    bool ended = c->ended;
    c->left_behind = !ended;
    pthread_mutex_unlock(&c->lock);
    if (ended) {
        pthread_join(h->thread, NULL);
        crier_free(c);
    } else
        pthread_detach(h->thread);
    uv_close((uv_handle_t *)&h->bell.uv, on_closed);
}
