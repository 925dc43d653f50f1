#include "tests/sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world world;

/* ── Chance ────────────────────────────────────────────────────────────── */

/* splitmix64, by Sebastiano Vigna (public domain). */
uint64_t chance_next(struct chance *c)
{
    uint64_t z = (c->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t chance_below(struct chance *c, uint64_t n)
{
    return n ? chance_next(c) % n : 0;
}

int64_t chance_between(struct chance *c, int64_t least, int64_t most)
{
    return least + (int64_t)chance_below(c, (uint64_t)(most - least + 1));
}

bool chance_of(struct chance *c, unsigned percent)
{
    return chance_below(c, 100) < percent;
}

/* ── What happens next ─────────────────────────────────────────────────── */

void happen_at(struct happening *h, mono_ns at, happening_fn *fn, void *arg)
{
    h->fn = fn;
    h->arg = arg;
    if (heap_set(&world.next, &h->node, at < world.now ? world.now : at) < 0)
        abort(); /* no memory for a world */
}

void happen_never(struct happening *h)
{
    heap_drop(&world.next, &h->node);
}

mono_ns happening_when(const struct happening *h)
{
    return heap_has(&h->node) ? heap_key(&world.next, &h->node) : MONO_NEVER;
}

void world_run(mono_ns until)
{
    struct heap_node *n;
    while (!world.broken[0] && (n = heap_first(&world.next)) && heap_first_key(&world.next) <= until) {
        struct happening *h = heap_owner(n, struct happening, node);
        world.now = heap_first_key(&world.next);
        heap_drop(&world.next, n);
        world.happenings++;
        h->fn(h->arg);
        world.self = NULL;
        world.ahead = 0;
        threads_reap();
    }
    if (!world.broken[0] && world.now < until)
        world.now = until;
}

/* ── Time ──────────────────────────────────────────────────────────────── */

wall_us world_true_wall(mono_ns at)
{
    return WORLD_BEGAN_US + at / NS_PER_US;
}

mono_ns world_mono(const struct host *h)
{
    return world_now() + h->mono_ahead;
}

mono_ns world_from_mono(const struct host *h, mono_ns at)
{
    return at == MONO_NEVER ? MONO_NEVER : at - h->mono_ahead;
}

wall_us world_wall(const struct host *h)
{
    return world_true_wall(world_now()) + h->wall_ahead_us;
}

/* ── Hosts and processes ───────────────────────────────────────────────── */

struct host *host_new(const char *name)
{
    struct host *h = calloc(1, sizeof *h);
    struct host **last = &world.hosts;
    unsigned number = 0;
    if (!h)
        abort();
    for (; *last; last = &(*last)->next)
        number++;
    snprintf(h->name, sizeof h->name, "%s", name);
    h->number = number;
    h->mono_ahead = chance_between(&world.faults, 10, 1000000) * NS_PER_S;
    h->wall_ahead_us = chance_between(&world.faults, -20, 20) * US_PER_MS;
    *last = h;
    return h;
}

struct proc *proc_new(const char *name, enum part part, struct host *host, void *(*body)(void *), void *arg)
{
    struct proc *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    snprintf(p->name, sizeof p->name, "%s", name);
    p->part = part;
    p->host = host;
    p->own = arg;
    p->chance.state = chance_next(&world.faults);
    p->next = world.procs;
    world.procs = p;
    trace("%s begins", p->name);
    if (thread_begin(p, body, arg) < 0)
        abort();
    return p;
}

void proc_kill(struct proc *p)
{
    if (p->dead || proc_is_over(p))
        return;
    trace("%s is killed", p->name);
    p->dead = true;
    p->stopped = false;
    sockets_cut(p);
    threads_wake_all(p);
}

void proc_stop(struct proc *p)
{
    if (p->dead || p->stopped)
        return;
    trace("%s is stopped", p->name);
    p->stopped = true;
}

void proc_continue(struct proc *p)
{
    if (!p->stopped)
        return;
    trace("%s goes on", p->name);
    p->stopped = false;
    loops_resume(p);
    threads_wake_all(p);
}

void proc_leave(struct proc *p)
{
    if (p->dead || p->leaving)
        return;
    trace("%s is asked to leave", p->name);
    p->leaving = true;
    if (p->main_loop)
        loop_stop(p->main_loop, 0);
}

bool proc_is_over(const struct proc *p)
{
    return !threads_any(p);
}

bool proc_block(mono_ns ns)
{
    struct proc *p = world.self;
    if (p->dead || ns <= 0)
        return !p->dead;
    if (!thread_self()) {
        world.ahead += ns;
        return true;
    }
    mono_ns until = world_now() + ns;
    while (!p->dead && world_now() < until)
        thread_park(NULL, until);
    return !p->dead;
}

static void drop_procs(void)
{
    struct proc *p;
    while ((p = world.procs)) {
        world.procs = p->next;
        free(p);
    }
}

void world_begin(uint64_t seed, bool tracing)
{
    struct chance c = { seed * UINT64_C(0x2545f4914f6cdd1d) + 1 };
    world = (struct world){ .seed = seed, .trace = tracing };
    heap_init(&world.next);
    world.net.state = chance_next(&c);
    world.faults.state = chance_next(&c);
    world.looks.state = chance_next(&c);
}

/* Everybody is killed, and lets go of what it has. */
void world_end(void)
{
    char was[sizeof world.broken];
    memcpy(was, world.broken, sizeof was);
    world.broken[0] = '\0';
    world.trace = false;
    for (struct proc *p = world.procs; p; p = p->next)
        proc_kill(p);
    world_run(world.now + 10 * NS_PER_S);
    for (struct proc *p = world.procs; p; p = p->next)
        if (!proc_is_over(p)) {
            fprintf(stderr, "seed %llu: %s does not end\n", (unsigned long long)world.seed, p->name);
            abort();
        }
    drop_procs();
    struct host *h;
    while ((h = world.hosts)) {
        world.hosts = h->next;
        free(h);
    }
    heap_done(&world.next);
    memcpy(world.broken, was, sizeof was);
}

/* ── Promises ──────────────────────────────────────────────────────────── */

void broken(const char *fmt, ...)
{
    va_list args;
    if (world.broken[0])
        return;
    va_start(args, fmt);
    vsnprintf(world.broken, sizeof world.broken, fmt, args);
    va_end(args);
    world.broken_at = world.now;
    trace("BROKEN: %s", world.broken);
}

void trace(const char *fmt, ...)
{
    va_list args;
    if (!world.trace)
        return;
    printf("%10.4f  ", (double)world_now() / 1e9);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}
