#include "cli/subscriber.h"

#include "common/links.h"
#include "proto/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_PER_TURN 256 /* then the terminal and the signals have their turn */

struct source { /* a collector's feed */
    struct subscriber *owner;
    void *socket;
    uint64_t last;
};

struct subscriber {
    struct loop *loop;
    struct bus *bus;
    struct source source[CONFIG_MAX_FEEDS];
    unsigned n;
    struct wire_arena *arena;
    struct subscriber_hooks hooks;
    void *arg;
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

static void hear(struct source *from, const struct event *e)
{
    const struct subscriber *s = from->owner;
    uint64_t missed;
    switch (feed_step(from->last, e->seq, &missed)) {
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
    from->last = e->seq;
    if (s->hooks.event)
        s->hooks.event(s->arg, e);
}

static void on_readable(void *arg)
{
    struct source *from = arg;
    struct subscriber *s = from->owner;
    for (int i = 0; i < EVENTS_PER_TURN; i++) {
        struct bus_message m;
        struct event e;
        struct err err = { 0 };
        int r = bus_take(from->socket, &m);
        if (r == -EBADMSG)
            continue;
        if (r <= 0)
            return;
        r = wire_unpack_event(s->arena, m.bytes, m.len, &e, &err);
        if (r == 0)
            hear(from, &e);
        else if (s->hooks.bad)
            s->hooks.bad(s->arg, &err);
        bus_message_done(&m);
    }
}

static int listen_to(struct subscriber *s, const char *feed, struct err *err)
{
    struct source *to = &s->source[s->n];
    to->owner = s;
    int r = bus_open(s->bus, LANE_FEED, SIDE_TO, feed, &to->socket, err);
    if (r < 0)
        return r;
    s->n++;
    return loop_watch(s->loop, to->socket, on_readable, to);
}

int subscriber_new(struct subscriber **ret, struct loop *l, const struct config *c,
                   const struct subscriber_hooks *hooks, void *arg, struct err *err)
{
    char feed[ENDPOINT_SIZE];
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
    for (unsigned i = 0, n = config_feeds(c); r == 0 && i < n; i++) {
        config_feed(c, i, feed);
        r = listen_to(s, feed, err);
    }
    if (r < 0)
        return r;
    *ret = moved(s);
    return 0;
}

char *subscriber_where(const struct config *c, char buf[SUBSCRIBER_WHERE_SIZE])
{
    char first[ENDPOINT_SIZE];
    unsigned n = config_feeds(c);
    config_feed(c, 0, first);
    if (n > 1)
        snprintf(buf, SUBSCRIBER_WHERE_SIZE, "%s and %u more", first, n - 1);
    else
        snprintf(buf, SUBSCRIBER_WHERE_SIZE, "%s", first);
    return buf;
}

void subscriber_free(struct subscriber *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < s->n; i++) {
        loop_unwatch(s->loop, s->source[i].socket);
        bus_close(s->source[i].socket);
    }
    bus_free(s->bus);
    wire_arena_free(s->arena);
    free(s);
}
