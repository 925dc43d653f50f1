/* housekeeping.h - roll-ups, packing and forgetting, in slices small enough that
 * no result waits long for them.
 *
 * Lines become part of their hour's roll-up five minutes after their slot, when
 * nearly all that will come has come (the store adds what comes later). Half an
 * hour after its end an hour's lines are packed. Lines and roll-ups older than the
 * settings say are forgotten.
 */
#ifndef COLLECTOR_HOUSEKEEPING_H
#define COLLECTOR_HOUSEKEEPING_H

#include "collector/judge.h"
#include "common/config.h"
#include "common/store/store.h"

#define HOUSEKEEPING_SETTLED_US (5 * 60 * US_PER_S)
#define HOUSEKEEPING_PACKED_US  (30 * 60 * US_PER_S)
#define HOUSEKEEPING_LINES      10000 /* forgotten in one slice */

struct housekeeping { /* private; start with housekeeping_init */
    mono_ns next;
    unsigned turn; /* whose it is */
    bool more;     /* somebody in this round of turns has more to do */
};

void housekeeping_init(struct housekeeping *h, struct instant now);
/* One slice when it is time. A failure of the store is returned; try later. */
int housekeeping_turn(struct housekeeping *h, struct store *s, const struct config *c, struct instant now,
                      struct err *err);
mono_ns housekeeping_next(const struct housekeeping *h);

#endif
