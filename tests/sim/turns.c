/* The loops of the world's processes: loop.h and wakeup.h of the daemons, on the world's time.
 *
 * A loop turns when something is there for it: a message, a timer, a bell. The world runs the turn, a little
 * later than it could have, as a real host does. A call that blocks (proc_block) makes the turn last that
 * long: what is sent after it leaves later, and the next turn waits.
 */
#include "tests/sim/world.h"
#include "worker/wakeup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_HOOKS = 8 };

struct timer {
    struct heap_node node;
    loop_fn *fn;
    void *arg;
    struct loop *loop;
};
_Static_assert(sizeof(struct timer) <= sizeof(uv_timer_t), "a timer has room where libuv's would be");

struct bell {
    struct loop_bell *next; /* that were rung */
    struct loop *loop;
    bool rung;
};
_Static_assert(sizeof(struct bell) <= sizeof(uv_async_t), "a bell has room where libuv's would be");

struct loop {
    struct proc *proc;
    struct loop *next;
    mono_ns now;
    wall_us wall;
    struct {
        struct socket *socket;
        loop_fn *fn;
        void *arg;
        bool paused;
    } watch[LOOP_MAX_WATCHES];
    unsigned n_watches; /* places that were ever taken */
    struct {
        loop_fn *fn;
        void *arg;
    } hook[MOST_HOOKS];
    unsigned n_hooks;
    struct heap timers;
    struct loop_bell *rung;
    bool running, stops, turning;
    int status;
    mono_ns busy_until; /* world time */
    struct happening turn;
    uint64_t turns;
};

/* ── Turns ─────────────────────────────────────────────────────────────── */

static bool anything_readable(const struct loop *l)
{
    for (unsigned i = 0; i < l->n_watches; i++)
        if (l->watch[i].socket && !l->watch[i].paused && socket_readable(l->watch[i].socket))
            return true;
    return false;
}

static void read_clocks(struct loop *l)
{
    l->now = world_mono(l->proc->host);
    l->wall = world_wall(l->proc->host);
}

static void read_sockets(struct loop *l)
{
    for (unsigned i = 0; i < l->n_watches; i++)
        if (l->watch[i].socket && !l->watch[i].paused && socket_readable(l->watch[i].socket))
            l->watch[i].fn(l->watch[i].arg);
}

/* Those that are due at the beginning: one that sets itself for a moment that has passed rings in the next
 * turn. */
static void run_timers(struct loop *l)
{
    while (heap_first_key(&l->timers) <= l->now) {
        struct timer *t = heap_owner(heap_first(&l->timers), struct timer, node);
        heap_drop(&l->timers, &t->node);
        t->fn(t->arg); /* which may free it */
    }
}

static void ring_bells(struct loop *l)
{
    struct loop_bell *b;
    for (int n = 0; n < 64 && (b = l->rung); n++) {
        struct bell *inside = (struct bell *)&b->uv;
        l->rung = inside->next;
        inside->rung = false;
        b->fn(b->arg);
    }
}

static void set_next(struct loop *l);

static void turn(struct loop *l)
{
    l->turning = true;
    l->turns++;
    world.turns++;
    read_clocks(l);
    read_sockets(l);
    run_timers(l);
    ring_bells(l);
    for (unsigned i = 0; i < l->n_hooks; i++)
        l->hook[i].fn(l->hook[i].arg);
    l->turning = false;
    l->busy_until = world_now();
    set_next(l);
    if (l->stops)
        thread_call(l->proc, l);
}

static void on_turn(void *arg)
{
    struct loop *l = arg;
    if (l->proc->stopped || l->proc->dead || !l->running || l->stops)
        return;
    world.self = l->proc;
    turn(l);
}

/* A loop wakes some tens of microseconds after it could. */
static void turn_at(struct loop *l, mono_ns at)
{
    if (!l->running || l->stops || l->proc->dead || l->turning)
        return;
    if (at < world_now())
        at = world_now();
    if (at < l->busy_until)
        at = l->busy_until;
    at += chance_between(&world.net, 5, 80) * NS_PER_US;
    if (at < happening_when(&l->turn))
        happen_at(&l->turn, at, on_turn, l);
}

static void set_next(struct loop *l)
{
    mono_ns at = heap_first_key(&l->timers);
    at = world_from_mono(l->proc->host, at);
    if (l->rung || anything_readable(l))
        at = world_now();
    if (at != MONO_NEVER)
        turn_at(l, at);
}

void loop_poke(struct loop *l)
{
    if (l)
        turn_at(l, world_now());
}

void loops_resume(struct proc *p)
{
    for (struct loop *l = p->loops; l; l = l->next)
        set_next(l);
}

/* ── loop.h ────────────────────────────────────────────────────────────── */

int loop_new(struct loop **ret)
{
    struct loop *l = calloc(1, sizeof *l);
    if (!l)
        return -ENOMEM;
    l->proc = world.self;
    heap_init(&l->timers);
    read_clocks(l);
    l->next = l->proc->loops;
    l->proc->loops = l;
    *ret = l;
    return 0;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    struct loop **at = &l->proc->loops;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    if (l->proc->main_loop == l)
        l->proc->main_loop = NULL;
    happen_never(&l->turn);
    heap_done(&l->timers);
    free(l);
}

int loop_run(struct loop *l)
{
    l->running = true;
    l->stops = false;
    l->status = 0;
    loop_poke(l);
    while (!l->stops && !l->proc->dead)
        thread_park(l, MONO_NEVER);
    l->running = false;
    happen_never(&l->turn);
    read_clocks(l);
    return l->status;
}

void loop_stop(struct loop *l, int status)
{
    l->stops = true;
    l->status = status;
    if (!l->turning)
        thread_call(l->proc, l);
}

/* Only where somebody leaves. */
int loop_turn(struct loop *l, int wait_ms)
{
    if (l->proc->dead) {
        if (thread_self() && wait_ms > 0)
            thread_park(NULL, MONO_NEVER); /* for others that let go */
        return 0;
    }
    if (wait_ms > 0 && thread_self() && !anything_readable(l) && !l->rung) {
        mono_ns until = world_now() + wait_ms * NS_PER_MS;
        mono_ns timer = world_from_mono(l->proc->host, heap_first_key(&l->timers));
        thread_park(NULL, timer < until ? timer : until);
    }
    if (!l->proc->dead)
        turn(l);
    return 0;
}

uv_loop_t *loop_uv(struct loop *l)
{
    return (uv_loop_t *)l;
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
    (void)l;
    return 0;
}

struct loop_load loop_load(struct loop *l)
{
    return (struct loop_load){ .turns = l->turns };
}

int loop_watch(struct loop *l, void *socket, loop_fn *fn, void *arg)
{
    unsigned i = 0;
    while (i < l->n_watches && l->watch[i].socket)
        i++;
    if (i == LOOP_MAX_WATCHES)
        return -ENOSPC;
    if (i == l->n_watches)
        l->n_watches++;
    l->watch[i].socket = socket;
    l->watch[i].fn = fn;
    l->watch[i].arg = arg;
    l->watch[i].paused = false;
    socket_set_loop(socket, l);
    if (socket_readable(socket))
        loop_poke(l);
    return 0;
}

void loop_unwatch(struct loop *l, void *socket)
{
    for (unsigned i = 0; i < l->n_watches; i++)
        if (l->watch[i].socket == socket) {
            l->watch[i].socket = NULL;
            socket_set_loop(socket, NULL);
        }
}

void loop_pause(struct loop *l, void *socket, bool off)
{
    for (unsigned i = 0; i < l->n_watches; i++)
        if (l->watch[i].socket == socket)
            l->watch[i].paused = off;
    if (!off)
        loop_poke(l);
}

int loop_after_turn(struct loop *l, loop_fn *fn, void *arg)
{
    if (l->n_hooks == MOST_HOOKS)
        return -ENOSPC;
    l->hook[l->n_hooks].fn = fn;
    l->hook[l->n_hooks++].arg = arg;
    return 0;
}

/* ── Timers ────────────────────────────────────────────────────────────── */

static void timer_set(struct timer *t, mono_ns at)
{
    struct loop *l = t->loop;
    if (at == MONO_NEVER) {
        heap_drop(&l->timers, &t->node);
        return;
    }
    /* libuv counts whole milliseconds. */
    at = at <= 0 ? 0 : (at + NS_PER_MS - 1) / NS_PER_MS * NS_PER_MS;
    if (at <= l->now && l->turning)
        at = l->now + 1;
    if (heap_set(&l->timers, &t->node, at) < 0)
        abort();
    turn_at(l, world_from_mono(l->proc->host, at));
}

void loop_timer_init(struct loop *l, struct loop_timer *t, loop_fn *fn, void *arg)
{
    t->loop = l;
    t->fn = fn;
    t->arg = arg;
    *(struct timer *)&t->uv = (struct timer){ .fn = fn, .arg = arg, .loop = l };
}

void loop_timer_at(struct loop_timer *t, mono_ns at)
{
    timer_set((struct timer *)&t->uv, at);
}

void loop_timer_done(struct loop_timer *t)
{
    loop_timer_at(t, MONO_NEVER);
}

struct wakeup {
    struct timer timer;
};

int wakeup_new(struct wakeup **ret, struct loop *l, loop_fn *fn, void *arg)
{
    struct wakeup *w = calloc(1, sizeof *w);
    if (!w)
        return -ENOMEM;
    w->timer = (struct timer){ .fn = fn, .arg = arg, .loop = l };
    *ret = w;
    return 0;
}

void wakeup_free(struct wakeup *w)
{
    if (w)
        timer_set(&w->timer, MONO_NEVER);
    free(w);
}

void wakeup_at(struct wakeup *w, mono_ns at)
{
    timer_set(&w->timer, at);
}

/* ── Bells ─────────────────────────────────────────────────────────────── */

int loop_bell_init(struct loop *l, struct loop_bell *b, loop_fn *fn, void *arg)
{
    b->fn = fn;
    b->arg = arg;
    *(struct bell *)&b->uv = (struct bell){ .loop = l };
    return 0;
}

void loop_bell_ring(struct loop_bell *b)
{
    struct bell *inside = (struct bell *)&b->uv;
    struct loop *l = inside->loop;
    if (inside->rung)
        return;
    inside->rung = true;
    inside->next = l->rung;
    l->rung = b;
    loop_poke(l);
}

void loop_bell_done(struct loop_bell *b)
{
    struct bell *inside = (struct bell *)&b->uv;
    struct loop_bell **at = &inside->loop->rung;
    while (*at && *at != b)
        at = &((struct bell *)&(*at)->uv)->next;
    if (*at)
        *at = inside->next;
    inside->rung = false;
}

/* ── libuv, where it is asked beside loop.h ────────────────────────────── */

int uv_run(uv_loop_t *l, uv_run_mode mode)
{
    (void)l;
    (void)mode;
    return 0;
}

/* Of a bell: nothing else is closed this way here. */
void uv_close(uv_handle_t *h, uv_close_cb closed)
{
    loop_bell_done((struct loop_bell *)((char *)h - offsetof(struct loop_bell, uv)));
    if (closed)
        closed(h);
}
