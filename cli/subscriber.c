#include "cli/subscriber.h"

#include "common/links.h"
#include "proto/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_PER_TURN 256 /* then the terminal and the signals have their turn */

struct subscriber {
    struct loop *loop;
    struct bus *bus;
    void *socket;
    struct wire_arena *arena;
    struct subscriber_hooks hooks;
    void *arg;
    uint64_t last;
};

/* A smaller number than the last is not a late one, since a feed keeps its
 * order: whoever tells it has begun anew. */
enum feed_step feed_step(uint64_t last, uint64_t seq, uint64_t *ret_missed)
{
    *ret_missed = 0;
    if (last == 0)
        return FEED_FIRST;
    if (seq <= last)
        return FEED_AGAIN;
    *ret_missed = seq - last - 1;
    return *ret_missed ? FEED_GAP : FEED_NEXT;
}

static void hear(struct subscriber *s, const struct event *e)
{
    uint64_t missed;
    switch (feed_step(s->last, e->seq, &missed)) {
    case FEED_GAP:
        if (s->hooks.missed)
            s->hooks.missed(s->arg, missed);
        break;
    case FEED_AGAIN:
        if (s->hooks.again)
            s->hooks.again(s->arg);
        break;
    case FEED_FIRST:
    case FEED_NEXT: break;
    }
    s->last = e->seq;
    if (s->hooks.event)
        s->hooks.event(s->arg, e);
}

static void on_readable(void *arg)
{
    struct subscriber *s = arg;
    for (int i = 0; i < EVENTS_PER_TURN; i++) {
        struct bus_message m;
        struct event e;
        struct err err = { 0 };
        int r = bus_take(s->socket, &m);
        if (r == -EBADMSG)
            continue;
        if (r <= 0)
            return;
        r = wire_unpack_event(s->arena, m.bytes, m.len, &e, &err);
        if (r == 0)
            hear(s, &e);
        else if (s->hooks.bad)
            s->hooks.bad(s->arg, &err);
        bus_message_done(&m);
    }
}

int subscriber_new(struct subscriber **ret, struct loop *l, const struct config *c,
                   const struct subscriber_hooks *hooks, void *arg, struct err *err)
{
    scoped(subscriber) struct subscriber *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(err, -ENOMEM, "out of memory");
    s->loop = l;
    s->hooks = *hooks;
    s->arg = arg;
    int r = wire_arena_new(&s->arena);
    if (r < 0)
        return err_set(err, r, "cannot listen to the feed: %s", strerror(-r));
    r = links_new(&s->bus, c, LINKS_OPERATOR, err);
    if (r == 0)
        r = bus_open(s->bus, LANE_FEED, SIDE_TO, c->endpoint.feed, &s->socket, err);
    if (r == 0)
        r = loop_watch(l, s->socket, on_readable, s);
    if (r < 0)
        return r;
    *ret = moved(s);
    return 0;
}

void subscriber_free(struct subscriber *s)
{
    if (!s)
        return;
    if (s->socket)
        loop_unwatch(s->loop, s->socket);
    bus_close(s->socket);
    bus_free(s->bus);
    wire_arena_free(s->arena);
    free(s);
}
