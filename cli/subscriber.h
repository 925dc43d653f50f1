/* subscriber.h - the collectors' feeds, event by event.
 *
 * A subscriber hears what is told from the moment it is connected: by the collector, or by each of several
 * (setting operator.feeds); those that stand by are silent. A feed counts its events without gaps, so it
 * also hears how many of them it missed.
 */
#ifndef CLI_SUBSCRIBER_H
#define CLI_SUBSCRIBER_H

#include "common/config.h"
#include "common/err.h"
#include "common/event.h"
#include "common/loop.h"
#include "common/scope.h"

struct subscriber;

struct subscriber_hooks {
    void (*event)(void *arg, const struct event *e); /* borrowed for the call */
    void (*missed)(void *arg, uint64_t events);      /* that many did not arrive */
    void (*again)(void *arg);                        /* the feed counts anew: another collector */
    void (*bad)(void *arg, const struct err *err);   /* something arrived that is no event */
};

/* Listens to operator.feeds, or endpoint.feed, with the key that the settings name. The hooks are copied;
 * those that are NULL are not called. It keeps trying while nobody is there. */
int subscriber_new(struct subscriber **ret, struct loop *l, const struct config *c,
                   const struct subscriber_hooks *hooks, void *arg, struct err *err);
void subscriber_free(struct subscriber *s); /* NULL is fine */
DEFINE_SCOPED(subscriber, struct subscriber *, subscriber_free)

/* Where it listens, for people: "tcp://a:7713", "tcp://a:7713 and 1 more". */
#define SUBSCRIBER_WHERE_SIZE (ENDPOINT_SIZE + 32)
char *subscriber_where(const struct config *c, char buf[SUBSCRIBER_WHERE_SIZE]);

/* What a sequence of numbers says (pure). `last` 0: nothing was heard yet. */
enum feed_step { FEED_FIRST, FEED_NEXT, FEED_GAP, FEED_AGAIN };
enum feed_step feed_step(uint64_t last, uint64_t seq, uint64_t *ret_missed);

#endif
