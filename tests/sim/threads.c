/* Threads of the world's processes: coroutines, one at a time.
 *
 * The daemons' threads wait in few places: in loop_run, for a condition, for a semaphore, for another
 * thread's end. There a coroutine is parked. In between, turns of loops are run by the world itself
 * (turns.c), so a coroutine is switched to at its beginning and its end and hardly ever otherwise.
 *
 * The linker puts the functions named __wrap_... in the place of the C library's (sim.mk). Who is killed does
 * not wait any more: every wait ends within a millisecond, so that it lets go of its memory.
 */
#include "tests/sim/world.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>

#define STACK_BYTES  (512 * 1024)
#define DEAD_WAIT_NS NS_PER_MS

struct thread {
    ucontext_t here;
    void *stack;
    struct proc *proc;
    void *(*fn)(void *);
    void *arg;
    struct happening wake;
    const void *waits; /* for what; NULL: for a time only */
    bool parked, called, ended;
    struct thread *next;
};

static struct thread *self;
static ucontext_t outside;
static struct thread *over; /* have ended, and are still in memory */
static void *spare[64];
static unsigned n_spare;

static void *stack_new(void)
{
    if (n_spare > 0)
        return spare[--n_spare];
    void *at =
        mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        abort();
    return at;
}

static void stack_free(void *at)
{
    if (n_spare < sizeof spare / sizeof *spare)
        spare[n_spare++] = at;
    else
        munmap(at, STACK_BYTES);
}

struct thread *thread_self(void)
{
    return self;
}

static void body(void)
{
    struct thread *t = self;
    t->fn(t->arg);
    t->ended = true;
    thread_call(t->proc, t);
    swapcontext(&t->here, &outside);
    abort(); /* nobody comes back to one that has ended */
}

static void unlist(struct thread *t)
{
    struct thread **at = &t->proc->threads;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    t->next = over;
    over = t;
}

static void switch_to(void *arg)
{
    struct thread *t = arg;
    if (t->proc->stopped)
        return; /* proc_continue wakes it */
    t->parked = false;
    self = t;
    world.self = t->proc;
    swapcontext(&outside, &t->here);
    self = NULL;
    if (t->ended)
        unlist(t);
}

static struct thread *thread_new(struct proc *p, void *(*fn)(void *), void *arg)
{
    struct thread *t = calloc(1, sizeof *t);
    if (!t)
        abort();
    t->proc = p;
    t->fn = fn;
    t->arg = arg;
    t->stack = stack_new();
    getcontext(&t->here);
    t->here.uc_stack.ss_sp = t->stack;
    t->here.uc_stack.ss_size = STACK_BYTES;
    makecontext(&t->here, body, 0);
    t->next = p->threads;
    p->threads = t;
    t->parked = true;
    happen_at(&t->wake, world_now(), switch_to, t);
    return t;
}

int thread_begin(struct proc *p, void *(*fn)(void *), void *arg)
{
    return thread_new(p, fn, arg) ? 0 : -ENOMEM;
}

/* Joined or not: whoever asks for its end finds it gone. */
void threads_reap(void)
{
    struct thread *t;
    while ((t = over)) {
        over = t->next;
        happen_never(&t->wake);
        stack_free(t->stack);
        free(t);
    }
}

bool threads_any(const struct proc *p)
{
    return p->threads != NULL;
}

bool thread_park(const void *what, mono_ns until)
{
    struct thread *t = self;
    if (t->proc->dead && until > world_now() + DEAD_WAIT_NS)
        until = world_now() + DEAD_WAIT_NS;
    t->waits = what;
    t->called = false;
    t->parked = true;
    if (until == MONO_NEVER)
        happen_never(&t->wake);
    else
        happen_at(&t->wake, until, switch_to, t);
    swapcontext(&t->here, &outside);
    t->waits = NULL;
    return t->called;
}

static void call(struct thread *t)
{
    t->called = true;
    happen_at(&t->wake, world_now(), switch_to, t);
}

void thread_call(const struct proc *p, const void *what)
{
    for (struct thread *t = p->threads; t; t = t->next)
        if (t->parked && t->waits == what && what)
            call(t);
}

void threads_wake_all(struct proc *p)
{
    for (struct thread *t = p->threads; t; t = t->next)
        if (t->parked)
            happen_at(&t->wake, world_now(), switch_to, t);
}

/* ── In the place of the C library's ───────────────────────────────────── */

int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);
int __wrap_pthread_join(pthread_t id, void **ret);
int __wrap_pthread_detach(pthread_t id);
int __wrap_pthread_setname_np(pthread_t id, const char *name);
int __wrap_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m);
int __wrap_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *at);
int __wrap_pthread_cond_broadcast(pthread_cond_t *c);
int __wrap_pthread_cond_signal(pthread_cond_t *c);
int __wrap_sem_wait(sem_t *s);
int __wrap_sem_post(sem_t *s);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);
ssize_t __wrap_getrandom(void *to, size_t n, unsigned flags);
uint32_t __wrap_randombytes_random(void);

static struct thread *find(const struct proc *p, const struct thread *which)
{
    struct thread *t = p->threads;
    while (t && t != which)
        t = t->next;
    return t;
}

int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
    (void)attr;
    struct thread *t = thread_new(world.self, fn, arg);
    *ret = (pthread_t)t;
    return 0;
}

int __wrap_pthread_join(pthread_t id, void **ret)
{
    const struct thread *t = (const struct thread *)id;
    const struct proc *p = world.self;
    (void)ret;
    while (find(p, t))
        thread_park(t, MONO_NEVER);
    return 0;
}

int __wrap_pthread_detach(pthread_t id)
{
    (void)id;
    return 0;
}

int __wrap_pthread_setname_np(pthread_t id, const char *name)
{
    (void)id;
    (void)name;
    return 0;
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *at)
{
    const struct host *h = world.self->host;
    mono_ns until = at ? world_from_mono(h, at->tv_sec * NS_PER_S + at->tv_nsec) : MONO_NEVER;
    pthread_mutex_unlock(m);
    bool called = thread_park(c, until);
    pthread_mutex_lock(m);
    return called || world_now() < until ? 0 : ETIMEDOUT;
}

int __wrap_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
    return __wrap_pthread_cond_timedwait(c, m, NULL);
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *c)
{
    thread_call(world.self, c);
    return 0;
}

int __wrap_pthread_cond_signal(pthread_cond_t *c)
{
    return __wrap_pthread_cond_broadcast(c);
}

int __wrap_sem_wait(sem_t *s)
{
    while (sem_trywait(s) < 0)
        thread_park(s, MONO_NEVER);
    return 0;
}

int __real_sem_post(sem_t *s);
int __wrap_sem_post(sem_t *s)
{
    thread_call(world.self, s);
    return __real_sem_post(s);
}

/* Time stands still for who is not in a world: the beginning and the end of the program. */
int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
    int64_t ns = 0;
    if (world.self)
        ns = id == CLOCK_REALTIME ? world_wall(world.self->host) * NS_PER_US : world_mono(world.self->host);
    *ret = (struct timespec){ ns / NS_PER_S, ns % NS_PER_S };
    return 0;
}

ssize_t __wrap_getrandom(void *to, size_t n, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)to)[i] = (uint8_t)chance_next(&world.self->chance);
    return (ssize_t)n;
}

uint32_t __wrap_randombytes_random(void)
{
    return (uint32_t)chance_next(&world.self->chance);
}
