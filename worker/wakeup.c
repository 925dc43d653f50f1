#include "worker/wakeup.h"

#include <errno.h>
#include <stdlib.h>

struct wakeup {
    uv_timer_t uv;
    loop_fn *fn;
    void *arg;
    bool ringing;
};

int wakeup_new(struct wakeup **ret, struct loop *l, loop_fn *fn, void *arg)
{
    struct wakeup *w = malloc(sizeof *w);
    if (!w)
        return -ENOMEM;
    *w = (struct wakeup){ .fn = fn, .arg = arg };
    uv_timer_init(loop_uv(l), &w->uv);
    *ret = w;
    return 0;
}

static void on_closed(uv_handle_t *uv)
{
    free(uv); /* the handle is the first member */
}

void wakeup_free(struct wakeup *w)
{
    if (w)
        uv_close((uv_handle_t *)&w->uv, on_closed);
}

static void on_ring(uv_timer_t *uv)
{
    struct wakeup *w = (struct wakeup *)uv;
    w->ringing = true;
    w->fn(w->arg);
    w->ringing = false; /* also when it was freed: libuv gives its memory back later in the turn */
}

void wakeup_at(struct wakeup *w, mono_ns at)
{
    if (at == MONO_NEVER) {
        uv_timer_stop(&w->uv);
        return;
    }
    /* libuv counts whole milliseconds of the same clock as ours, from the
     * instant that it last looked; the difference to that instant is exact,
     * however long ago it was. */
    uint64_t due_ms = at <= 0 ? 0 : (uint64_t)((at + NS_PER_MS - 1) / NS_PER_MS);
    uint64_t seen_ms = uv_now(w->uv.loop);
    uint64_t wait_ms = due_ms > seen_ms ? due_ms - seen_ms : 0;
    /* libuv runs timers until none is due: one that sets itself for a moment that
     * has passed would ring for ever within one turn. */
    if (wait_ms == 0 && w->ringing)
        wait_ms = 1;
    uv_timer_start(&w->uv, on_ring, wait_ms, 0);
}
