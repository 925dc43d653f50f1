#include "common/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

/* How a turn fits together
 *
 * libuv's backend descriptor is one more thing to wait for, beside the ZeroMQ
 * sockets. libuv registers descriptors with its epoll only inside uv_run, so
 * what a handler or hook has started is not yet waited for when the next turn
 * begins. uv_backend_timeout knows that (libuv 1.42 and later): it answers 0
 * while registrations are pending, the wait is then none, and uv_run makes them.
 * It answers 0 for whatever else libuv has to do, too: a timer that is due, a
 * handle that is closing. When it does not, and nothing that libuv waits for has
 * come, a turn needs no uv_run, which would be another system call.
 */

enum { MAX_HOOKS = 8 };

struct watch {
    void *socket; /* NULL: fd */
    int fd;
    loop_fn *fn;
    void *arg;
    bool paused;
};

struct hook {
    loop_fn *fn;
    void *arg;
};

struct loop {
    uv_loop_t uv;
    bool uv_ready;
    mono_ns now;
    wall_us wall;
    mono_ns worst; /* longest turn since loop_lag was asked */
    struct loop_load load;
    bool stopping;
    int status;
    unsigned n_watches, n_hooks;
    struct watch watch[LOOP_MAX_WATCHES];
    struct hook hook[MAX_HOOKS];
};

static void read_clocks(struct loop *l)
{
    l->now = clock_mono();
    l->wall = clock_wall();
}

int loop_new(struct loop **ret)
{
    scoped(loop) struct loop *l = calloc(1, sizeof *l);
    if (!l)
        return -ENOMEM;
    int r = uv_loop_init(&l->uv);
    if (r < 0)
        return r;
    l->uv_ready = true;
    read_clocks(l);
    *ret = moved(l);
    return 0;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    if (l->uv_ready) {
        /* Closing handles need turns to finish; anything still open is a
         * mistake of its owner, which uv_loop_close would answer with EBUSY. */
        for (int i = 0; i < 64 && uv_loop_close(&l->uv) == UV_EBUSY; i++)
            uv_run(&l->uv, UV_RUN_NOWAIT);
    }
    free(l);
}

uv_loop_t *loop_uv(struct loop *l)
{
    return &l->uv;
}

mono_ns loop_now(const struct loop *l)
{
    return l->now;
}

wall_us loop_wall(const struct loop *l)
{
    return l->wall;
}

mono_ns loop_lag(struct loop *l)
{
    mono_ns worst = l->worst;
    l->worst = 0;
    return worst;
}

struct loop_load loop_load(struct loop *l)
{
    struct loop_load load = l->load;
    l->load.longest = 0;
    return load;
}

/* ── Watches and hooks ─────────────────────────────────────────────────── */

static struct watch *find(struct loop *l, const void *socket, int fd)
{
    for (unsigned i = 0; i < l->n_watches; i++)
        if (l->watch[i].socket == socket && (socket || l->watch[i].fd == fd))
            return &l->watch[i];
    return NULL;
}

static int watch(struct loop *l, const struct watch *new)
{
    struct watch *w = find(l, new->socket, new->fd);
    if (!w) {
        if (l->n_watches == LOOP_MAX_WATCHES)
            return -ENOSPC;
        w = &l->watch[l->n_watches++];
    }
    *w = *new;
    return 0;
}

static void unwatch(struct loop *l, struct watch *w)
{
    if (!w)
        return;
    l->n_watches--;
    memmove(w, w + 1, (size_t)(&l->watch[l->n_watches] - w) * sizeof *w);
}

int loop_watch(struct loop *l, void *socket, loop_fn *fn, void *arg)
{
    return watch(l, &(struct watch){ .socket = socket, .fn = fn, .arg = arg });
}

void loop_unwatch(struct loop *l, void *socket)
{
    unwatch(l, find(l, socket, 0));
}

int loop_watch_fd(struct loop *l, int fd, loop_fn *fn, void *arg)
{
    return watch(l, &(struct watch){ .fd = fd, .fn = fn, .arg = arg });
}

void loop_unwatch_fd(struct loop *l, int fd)
{
    unwatch(l, find(l, NULL, fd));
}

void loop_pause(struct loop *l, void *socket, bool off)
{
    struct watch *w = find(l, socket, 0);
    if (w)
        w->paused = off;
}

int loop_after_turn(struct loop *l, loop_fn *fn, void *arg)
{
    if (l->n_hooks == MAX_HOOKS)
        return -ENOSPC;
    l->hook[l->n_hooks++] = (struct hook){ .fn = fn, .arg = arg };
    return 0;
}

/* ── Turning ───────────────────────────────────────────────────────────── */

/* The smaller of two waits in milliseconds, of which -1 is for ever. */
static int shorter(int a, int b)
{
    if (a < 0)
        return b;
    return b < 0 || a < b ? a : b;
}

static int wait_for_news(struct loop *l, int wait_ms, zmq_pollitem_t *item, unsigned *ret_n)
{
    unsigned n = 0;
    for (unsigned i = 0; i < l->n_watches; i++)
        if (!l->watch[i].paused)
            item[n++] = (zmq_pollitem_t){ l->watch[i].socket, l->watch[i].fd, ZMQ_POLLIN, 0 };
    item[n] = (zmq_pollitem_t){ .fd = uv_backend_fd(&l->uv), .events = ZMQ_POLLIN };
    *ret_n = n;

    uv_update_time(&l->uv);
    int wait = shorter(wait_ms, uv_backend_timeout(&l->uv));
    if (!uv_loop_alive(&l->uv))
        wait = wait_ms;
    int r = zmq_poll(item, (int)n + 1, wait);
    return r < 0 && errno != EINTR ? -errno : 0;
}

/* Handlers may unwatch or pause any socket, also ones whose turn has not come. */
static void call_handlers(struct loop *l, const zmq_pollitem_t *item, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!(item[i].revents & ZMQ_POLLIN))
            continue;
        struct watch *w = find(l, item[i].socket, item[i].fd);
        if (w && !w->paused)
            w->fn(w->arg);
    }
}

static void run_libuv(struct loop *l, bool readable)
{
    uv_update_time(&l->uv); /* else the timers that came due while we waited are not due yet */
    if (readable || uv_backend_timeout(&l->uv) == 0)
        uv_run(&l->uv, UV_RUN_NOWAIT);
}

int loop_turn(struct loop *l, int wait_ms)
{
    zmq_pollitem_t item[LOOP_MAX_WATCHES + 1] = { 0 };
    unsigned n = 0;

    int r = wait_for_news(l, wait_ms, item, &n);
    if (r < 0)
        return r;
    read_clocks(l);

    call_handlers(l, item, n);
    run_libuv(l, item[n].revents & ZMQ_POLLIN);
    for (unsigned i = 0; i < l->n_hooks; i++)
        l->hook[i].fn(l->hook[i].arg);

    mono_ns took = clock_mono() - l->now;
    if (took > l->worst)
        l->worst = took;
    if (took > l->load.longest)
        l->load.longest = took;
    l->load.turns++;
    l->load.busy += took;
    return 0;
}

int loop_run(struct loop *l)
{
    l->stopping = false;
    while (!l->stopping) {
        int r = loop_turn(l, -1);
        if (r < 0)
            return r;
    }
    return l->status;
}

void loop_stop(struct loop *l, int status)
{
    l->stopping = true;
    l->status = status;
}

/* ── Timers and bells ──────────────────────────────────────────────────── */

static void on_timer(uv_timer_t *uv)
{
    struct loop_timer *t = uv->data;
    t->fn(t->arg);
}

void loop_timer_init(struct loop *l, struct loop_timer *t, loop_fn *fn, void *arg)
{
    *t = (struct loop_timer){ .loop = l, .fn = fn, .arg = arg };
    uv_timer_init(&l->uv, &t->uv);
    t->uv.data = t;
}

void loop_timer_at(struct loop_timer *t, mono_ns at)
{
    if (at == MONO_NEVER) {
        uv_timer_stop(&t->uv);
        return;
    }
    /* Rounded up: waking a moment late is a wait, a moment early is a busy
     * loop. libuv counts in whole milliseconds of the same clock as ours.
     *
     * Always ahead of libuv's present time, and that time is left alone: libuv
     * 1.44 runs timers until none is due, so one whose handler arms it again for
     * a moment that has passed would be called for ever within one turn, while
     * our clock stands still. */
    uint64_t due_ms = at <= 0 ? 0 : (uint64_t)((at + NS_PER_MS - 1) / NS_PER_MS);
    uint64_t now_ms = uv_now(&t->loop->uv);
    uint64_t ms = due_ms > now_ms ? due_ms - now_ms : 1;
    uv_timer_start(&t->uv, on_timer, ms, 0);
}

void loop_timer_done(struct loop_timer *t)
{
    if (t->loop && !uv_is_closing((uv_handle_t *)&t->uv))
        uv_close((uv_handle_t *)&t->uv, NULL);
}

static void on_bell(uv_async_t *uv)
{
    struct loop_bell *b = uv->data;
    b->fn(b->arg);
}

int loop_bell_init(struct loop *l, struct loop_bell *b, loop_fn *fn, void *arg)
{
    b->fn = fn;
    b->arg = arg;
    int r = uv_async_init(&l->uv, &b->uv, on_bell);
    b->uv.data = b;
    return r;
}

void loop_bell_ring(struct loop_bell *b)
{
    uv_async_send(&b->uv);
}

void loop_bell_done(struct loop_bell *b)
{
    if (!uv_is_closing((uv_handle_t *)&b->uv))
        uv_close((uv_handle_t *)&b->uv, NULL);
}
