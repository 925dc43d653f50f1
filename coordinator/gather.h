/* gather.h - lanes' full lists that come in parts (common/control.h), put together.
 *
 * Parts count only when they come one after the other, from 0 on, of one list: what
 * is incomplete is never taken for all that a lane has, since the jobs that it lacks
 * would be given out again. A new part 0 starts over. One lane may have
 * CONTROL_MAX_PARTS times CONTROL_MAX_IDS ids, all lanes together GATHER_MAX_IDS at a
 * time; beyond that, or without memory, a list is as if it had not been sent, and
 * the next one comes in some seconds.
 *
 * Pure: time is an argument, lanes are numbers (see roster.h).
 */
#ifndef COORDINATOR_GATHER_H
#define COORDINATOR_GATHER_H

#include "common/clock.h"
#include "common/control.h"
#include "common/scope.h"

#define GATHER_MAX_IDS   (1 << 22)      /* 32 MB */
#define GATHER_WITHIN_NS (3 * NS_PER_S) /* from the first part to the last; lists come every five seconds */

struct gather;

int gather_new(struct gather **ret, size_t lanes); /* -ENOMEM */
void gather_free(struct gather *g);                /* NULL is fine */
DEFINE_SCOPED(gather, struct gather *, gather_free)

/* A heartbeat of that lane. True when it makes a full list complete, which *ids then
 * is: borrowed from the heartbeat or until the next call. */
bool gather_heard(struct gather *g, int lane, const struct control *c, mono_ns now, const uint64_t **ids,
                  size_t *n);
void gather_forget(struct gather *g, int lane); /* it has gone, or begins anew */

size_t gather_count(const struct gather *g); /* ids that room is kept for, in lists that are not complete */

#endif
