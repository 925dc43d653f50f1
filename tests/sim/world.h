/* world.h - one simulated world: its time, its chance, its hosts and processes, and what happens next.
 *
 * There is one at a time. Everything in it that is random comes from one seed, and nothing else of the real
 * world gets in: no clock, no thread, no socket, no file. So the same seed is the same world to the last
 * message.
 *
 * A process is the real daemons' code on the world's loops (turns.c), threads (threads.c), sockets (net.h)
 * and store (shelf.h). Its host has clocks of its own: a monotonic one that begins somewhere, and a wall
 * clock that may be stepped.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "common/clock.h"
#include "common/heap.h"
#include "common/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ── Chance ────────────────────────────────────────────────────────────── */

struct chance { /* independent streams, so that one more question here changes nothing there */
    uint64_t state;
};
uint64_t chance_next(struct chance *c);
uint64_t chance_below(struct chance *c, uint64_t n); /* 0 to n - 1; 0 of 0 */
int64_t chance_between(struct chance *c, int64_t least, int64_t most);
bool chance_of(struct chance *c, unsigned percent);

/* ── What happens next ─────────────────────────────────────────────────── */

typedef void happening_fn(void *arg);
struct happening { /* in place inside somebody else; all zero at first */
    struct heap_node node;
    happening_fn *fn;
    void *arg;
};
void happen_at(struct happening *h, mono_ns at, happening_fn *fn, void *arg); /* moves it */
void happen_never(struct happening *h);
mono_ns happening_when(const struct happening *h); /* MONO_NEVER */

/* ── Hosts and processes ───────────────────────────────────────────────── */

#define WORLD_BEGAN_US INT64_C(1800000000000000) /* the true wall clock at time 0 */

struct host {
    char name[16];
    unsigned number; /* its place in net.h's tables */
    mono_ns mono_ahead;
    int64_t wall_ahead_us;
    struct host *next;
};

enum part { PART_COORDINATOR, PART_COLLECTOR, PART_WORKER };

struct thread;
struct socket;

struct proc {
    char name[24];
    enum part part;
    struct host *host;
    struct chance chance;
    bool dead;    /* killed: what is left of it only lets go of memory */
    bool stopped; /* SIGSTOP */
    bool leaving; /* asked to end in good order */
    int status;   /* that it ended with */
    struct thread *threads;
    struct loop *loops, *main_loop;
    struct socket *sockets;
    struct happening wake;
    void *own; /* daemons.c's */
    struct proc *next;
};

struct world {
    uint64_t seed;
    mono_ns now;
    mono_ns ahead; /* within a turn: for so long a call has blocked the process whose turn it is */
    struct heap next;
    struct host *hosts;
    struct proc *procs;
    struct proc *self; /* whose code runs */
    uint64_t happenings, turns, messages;
    bool trace;
    uint64_t trace_bytes;
    struct chance net, faults, looks;
    char broken[512]; /* the first promise that was broken; "" */
    mono_ns broken_at;
};
extern struct world world;

void world_begin(uint64_t seed, bool trace);
void world_run(mono_ns until); /* or until a promise is broken */
void world_end(void);

static inline mono_ns world_now(void)
{
    return world.now + world.ahead;
}
wall_us world_true_wall(mono_ns at);                       /* by a clock that is right */
mono_ns world_from_mono(const struct host *h, mono_ns at); /* of a host's monotonic clock */
mono_ns world_mono(const struct host *h);
wall_us world_wall(const struct host *h);

struct host *host_new(const char *name);
struct proc *proc_new(const char *name, enum part part, struct host *host, void *(*body)(void *), void *arg);
void proc_kill(struct proc *p);
void proc_stop(struct proc *p);
void proc_continue(struct proc *p);
void proc_leave(struct proc *p); /* SIGTERM */
bool proc_is_over(const struct proc *p);
/* The code that runs waits for so long: a call of the store. False when its process was killed meanwhile. */
bool proc_block(mono_ns ns);

/* ── Promises ──────────────────────────────────────────────────────────── */

/* The first one is kept, and ends the run. */
void broken(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ── Between the files of this folder ──────────────────────────────────── */

void loop_poke(struct loop *l); /* something is there for it */
void loops_resume(struct proc *p);
void threads_wake_all(struct proc *p);
void threads_reap(void);
bool threads_any(const struct proc *p);
int thread_begin(struct proc *p, void *(*fn)(void *), void *arg);
struct thread *thread_self(void);
/* The thread that runs stays here until `what` is called out, or until then (world time). False: it was time.
 */
bool thread_park(const void *what, mono_ns until);
void thread_call(const struct proc *p, const void *what);
void sockets_cut(struct proc *p);
bool socket_readable(const struct socket *s);
void socket_set_loop(struct socket *s, struct loop *l);

#endif
