#include "common/complaint.h"

#include "common/log.h"

#include <errno.h>
#include <stdlib.h>

struct complaint {
    struct loop_timer timer; /* first: its handle's end is ours */
    struct loop *loop;
    const char *event;
    struct dropped *dropped;
};

static void say(const struct complaint *c, const struct dropped_line *l)
{
    log_warn(c->event, "peer=%s dropped=%llu total=%llu: %s", l->peer, (unsigned long long)l->n,
             (unsigned long long)l->total, l->why);
}

/* The minute of somebody is over. */
static void on_time(void *arg)
{
    struct complaint *c = arg;
    struct dropped_line line;
    while (dropped_step(c->dropped, loop_now(c->loop), &line))
        say(c, &line);
    loop_timer_at(&c->timer, dropped_next(c->dropped));
}

int complaint_new(struct complaint **ret, struct loop *l, const char *event)
{
    struct complaint *c = calloc(1, sizeof *c);
    int r = c ? dropped_new(&c->dropped) : 0;
    if (!c || r < 0) {
        free(c);
        return -ENOMEM;
    }
    c->loop = l;
    c->event = event;
    loop_timer_init(l, &c->timer, on_time, c);
    *ret = c;
    return 0;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer);
}

void complaint_free(struct complaint *c)
{
    if (!c)
        return;
    dropped_free(c->dropped);
    uv_close((uv_handle_t *)&c->timer.uv, on_closed);
}

void complaint_note(struct complaint *c, const char *peer, const char *why)
{
    struct dropped_line line;
    if (dropped_note(c->dropped, peer, why, loop_now(c->loop), &line)) {
        say(c, &line);
        loop_timer_at(&c->timer, dropped_next(c->dropped));
    }
}

uint64_t complaint_total(const struct complaint *c)
{
    return dropped_total(c->dropped);
}

void complaint_each(const struct complaint *c, dropped_fn *fn, void *arg)
{
    dropped_each(c->dropped, fn, arg);
}
