#include "tests/fuzz/fake_inside.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>

enum { MAX_TIMERS = 4096, MAX_HOOKS = 8, MAX_BELLS = 64, MOST_TURNS = 200000 };

/* Timers of all loops, whether made by loop_timer_init or by libuv's own uv_timer_init. */
static struct timer {
    uv_timer_t *uv;
    uv_timer_cb cb;
    mono_ns at;
} timers[MAX_TIMERS];
static size_t n_timers;

struct loop {
    struct watch {
        void *socket;
        loop_fn *fn;
        void *arg;
        bool paused;
    } watch[LOOP_MAX_WATCHES];
    unsigned n_watches, n_hooks, n_bells;
    struct {
        loop_fn *fn;
        void *arg;
    } hook[MAX_HOOKS];
    struct loop_bell *bell[MAX_BELLS];
    bool rung[MAX_BELLS];
    mono_ns now;
    wall_us wall;
    bool stopping;
    int status;
};

static uv_loop_t uv;
static bool uv_made;
static mono_ns now_ns;
static int64_t wall_off;
static unsigned n_loops;
static fake_driver_fn *driver;
static void *driver_arg;

/* ── Time ──────────────────────────────────────────────────────────────── */

void fake_loop_begin(void)
{
    if (!uv_made && uv_loop_init(&uv) < 0)
        abort();
    uv_made = true;
    now_ns = FAKE_BEGIN_MONO;
    wall_off = FAKE_BEGIN_WALL - FAKE_BEGIN_MONO / NS_PER_US;
    driver = NULL;
}

void fake_loop_end(void)
{
    must(n_loops == 0);
    uv_run(&uv, UV_RUN_DEFAULT); /* what was closed lets go of its memory */
    must(n_timers == 0);
}

mono_ns fake_now(void)
{
    return now_ns;
}

void fake_step_wall(int64_t us)
{
    wall_off += us;
}

void fake_sleep(mono_ns ns)
{
    now_ns += ns;
}

mono_ns __wrap_clock_mono(void);
mono_ns __wrap_clock_mono(void)
{
    return now_ns;
}

wall_us __wrap_clock_wall(void);
wall_us __wrap_clock_wall(void)
{
    return now_ns / NS_PER_US + wall_off;
}

/* ── libuv's timers ────────────────────────────────────────────────────── */

static struct timer *find_timer(const uv_timer_t *t)
{
    for (size_t i = 0; i < n_timers; i++)
        if (timers[i].uv == t)
            return &timers[i];
    return NULL;
}

static void drop_timer(const uv_timer_t *t)
{
    struct timer *x = find_timer(t);
    if (x)
        *x = timers[--n_timers];
}

static void set_timer(uv_timer_t *t, uv_timer_cb cb, mono_ns at)
{
    struct timer *x = find_timer(t);
    must(x);
    x->cb = cb;
    x->at = at;
}

int __real_uv_timer_init(uv_loop_t *l, uv_timer_t *t);
int __wrap_uv_timer_init(uv_loop_t *l, uv_timer_t *t);
int __wrap_uv_timer_init(uv_loop_t *l, uv_timer_t *t)
{
    must(n_timers < MAX_TIMERS && !find_timer(t));
    timers[n_timers++] = (struct timer){ .uv = t, .at = MONO_NEVER };
    return __real_uv_timer_init(l, t);
}

int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t wait_ms, uint64_t repeat_ms);
int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t wait_ms, uint64_t repeat_ms)
{
    must(repeat_ms == 0);
    set_timer(t, cb, now_ns + (mono_ns)wait_ms * NS_PER_MS);
    return 0;
}

int __wrap_uv_timer_stop(uv_timer_t *t);
int __wrap_uv_timer_stop(uv_timer_t *t)
{
    set_timer(t, NULL, MONO_NEVER);
    return 0;
}

uint64_t __wrap_uv_now(const uv_loop_t *l);
uint64_t __wrap_uv_now(const uv_loop_t *l)
{
    (void)l;
    return (uint64_t)(now_ns / NS_PER_MS);
}

void __real_uv_close(uv_handle_t *h, uv_close_cb cb);
void __wrap_uv_close(uv_handle_t *h, uv_close_cb cb);
void __wrap_uv_close(uv_handle_t *h, uv_close_cb cb)
{
    drop_timer((const uv_timer_t *)h);
    __real_uv_close(h, cb);
}

/* ── The loop, as loop.h has it ────────────────────────────────────────── */

int loop_new(struct loop **ret)
{
    struct loop *l = calloc(1, sizeof *l);
    if (!l)
        return -ENOMEM;
    l->now = now_ns;
    l->wall = __wrap_clock_wall();
    n_loops++;
    *ret = l;
    return 0;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    must(l->n_watches == 0);
    uv_run(&uv, UV_RUN_NOWAIT);
    n_loops--;
    free(l);
}

uv_loop_t *loop_uv(struct loop *l)
{
    (void)l;
    return &uv;
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
    (void)l;
    return (struct loop_load){ .turns = 1 };
}

void loop_stop(struct loop *l, int status)
{
    l->stopping = true;
    l->status = status;
}

static struct watch *find_watch(struct loop *l, const void *socket)
{
    for (unsigned i = 0; i < l->n_watches; i++)
        if (l->watch[i].socket == socket)
            return &l->watch[i];
    return NULL;
}

int loop_watch(struct loop *l, void *socket, loop_fn *fn, void *arg)
{
    must(socket && !find_watch(l, socket));
    if (l->n_watches == LOOP_MAX_WATCHES)
        return -ENOSPC;
    l->watch[l->n_watches++] = (struct watch){ .socket = socket, .fn = fn, .arg = arg };
    return 0;
}

void loop_unwatch(struct loop *l, void *socket)
{
    struct watch *w = find_watch(l, socket);
    if (w)
        *w = l->watch[--l->n_watches];
}

void loop_pause(struct loop *l, void *socket, bool off)
{
    struct watch *w = find_watch(l, socket);
    if (w)
        w->paused = off;
}

int loop_watch_fd(struct loop *l, int fd, loop_fn *fn, void *arg)
{
    (void)l, (void)fd, (void)fn, (void)arg;
    return -ENOSPC;
}

void loop_unwatch_fd(struct loop *l, int fd)
{
    (void)l, (void)fd;
}

int loop_after_turn(struct loop *l, loop_fn *fn, void *arg)
{
    if (l->n_hooks == MAX_HOOKS)
        return -ENOSPC;
    l->hook[l->n_hooks].fn = fn;
    l->hook[l->n_hooks++].arg = arg;
    return 0;
}

static void on_timer(uv_timer_t *t)
{
    const struct loop_timer *x = t->data;
    x->fn(x->arg);
}

void loop_timer_init(struct loop *l, struct loop_timer *t, loop_fn *fn, void *arg)
{
    t->loop = l;
    t->fn = fn;
    t->arg = arg;
    __wrap_uv_timer_init(&uv, &t->uv);
    t->uv.data = t;
}

void loop_timer_at(struct loop_timer *t, mono_ns at)
{
    mono_ns up = at > INT64_MAX - NS_PER_MS ? MONO_NEVER : (at + NS_PER_MS - 1) / NS_PER_MS * NS_PER_MS;
    set_timer(&t->uv, on_timer, up);
}

void loop_timer_done(struct loop_timer *t)
{
    __wrap_uv_close((uv_handle_t *)&t->uv, NULL);
}

int loop_bell_init(struct loop *l, struct loop_bell *b, loop_fn *fn, void *arg)
{
    must(l->n_bells < MAX_BELLS);
    b->fn = fn;
    b->arg = arg;
    b->uv.data = l;
    l->rung[l->n_bells] = false;
    l->bell[l->n_bells++] = b;
    return 0;
}

void loop_bell_ring(struct loop_bell *b)
{
    struct loop *l = b->uv.data;
    for (unsigned i = 0; i < l->n_bells; i++)
        if (l->bell[i] == b)
            l->rung[i] = true;
}

void loop_bell_done(struct loop_bell *b)
{
    struct loop *l = b->uv.data;
    for (unsigned i = 0; i < l->n_bells; i++)
        if (l->bell[i] == b) {
            l->n_bells--;
            l->bell[i] = l->bell[l->n_bells];
            l->rung[i] = l->rung[l->n_bells];
        }
}

/* ── Turning ───────────────────────────────────────────────────────────── */

static mono_ns next_timer(void)
{
    mono_ns next = MONO_NEVER;
    for (size_t i = 0; i < n_timers; i++)
        next = timers[i].at < next ? timers[i].at : next;
    return next;
}

static bool has_news(const struct loop *l)
{
    for (unsigned i = 0; i < l->n_watches; i++)
        if (!l->watch[i].paused && fake_readable(l->watch[i].socket))
            return true;
    for (unsigned i = 0; i < l->n_bells; i++)
        if (l->rung[i])
            return true;
    return next_timer() <= now_ns;
}

/* A handler may unwatch any socket, and make others. */
static void call_watches(struct loop *l)
{
    struct watch were[LOOP_MAX_WATCHES];
    unsigned n = l->n_watches;
    memcpy(were, l->watch, sizeof were);
    for (unsigned i = 0; i < n; i++) {
        const struct watch *w = find_watch(l, were[i].socket);
        if (w && !w->paused && fake_readable(w->socket))
            w->fn(w->arg);
    }
}

/* Each that was due when this began, once; a handler may stop or close others. */
static void call_timers(void)
{
    uv_timer_t *due[MAX_TIMERS];
    size_t n = 0;
    for (size_t i = 0; i < n_timers; i++)
        if (timers[i].at <= now_ns)
            due[n++] = timers[i].uv;
    for (size_t i = 0; i < n; i++) {
        struct timer *t = find_timer(due[i]);
        if (!t || t->at > now_ns)
            continue;
        uv_timer_cb cb = t->cb;
        t->at = MONO_NEVER;
        cb(due[i]);
    }
}

static void call_bells(struct loop *l)
{
    for (unsigned i = 0; i < l->n_bells; i++) {
        struct loop_bell *b = l->bell[i];
        bool rung = l->rung[i];
        l->rung[i] = false;
        if (rung)
            b->fn(b->arg);
    }
}

int loop_turn(struct loop *l, int wait_ms)
{
    mono_ns next = next_timer(), until = now_ns + wait_ms * NS_PER_MS;
    if (!has_news(l) && wait_ms > 0)
        now_ns = next < until ? next : until;
    l->now = now_ns;
    l->wall = __wrap_clock_wall();
    call_watches(l);
    call_timers();
    call_bells(l);
    uv_run(&uv, UV_RUN_NOWAIT);
    for (unsigned i = 0; i < l->n_hooks; i++)
        l->hook[i].fn(l->hook[i].arg);
    return 0;
}

void fake_pass(struct loop *l, mono_ns ns)
{
    mono_ns end = now_ns + ns, at = now_ns;
    for (unsigned turns = 0; !l->stopping; turns++) {
        must(turns < MOST_TURNS);
        if (!has_news(l)) {
            mono_ns next = next_timer();
            if (next > end)
                break;
            now_ns = next;
        }
        if (now_ns != at)
            turns = 0;
        at = now_ns;
        loop_turn(l, 0);
    }
    now_ns = now_ns < end ? end : now_ns;
}

void fake_drive(fake_driver_fn *fn, void *arg)
{
    driver = fn;
    driver_arg = arg;
}

/* The day of a loop has an end, also when nobody stops it. */
int loop_run(struct loop *l)
{
    mono_ns end = now_ns + 3600 * NS_PER_S;
    while (!l->stopping && now_ns < end) {
        mono_ns ns = driver ? driver(driver_arg, l) : 0, next = next_timer();
        if (ns == 0 && !has_news(l))
            ns = next < end ? next - now_ns : end - now_ns;
        fake_pass(l, ns);
    }
    must(l->stopping);
    return l->status;
}
