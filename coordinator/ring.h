/* ring.h - the sites of one interval, in the order in which their slots come.
 *
 * On a grid a site keeps its place: its slots come once in each lap of the
 * interval, always at its phase. So nothing has to be sorted anew when one is
 * handed out. The ring has buckets, each for a stretch of phases and about one
 * site, and a hand that goes round with time; a bucket is put in order when the
 * hand comes to it. What a slot costs does not depend on how many sites there
 * are, and a site that is not due costs nothing.
 *
 * The hand passes each instant once. A site is met at the first of its slots at
 * or after its `next` that the hand has not passed. Whoever has a slot off the
 * grid, or behind the hand (ring_can_meet), must hang elsewhere. Pure.
 */
#ifndef COORDINATOR_RING_H
#define COORDINATOR_RING_H

#include "common/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring_seat { /* inside of whoever sits in a ring */
    uint64_t id;
    wall_us next;           /* its next slot, on its grid */
    struct ring_seat *peer; /* private: in its bucket */
};

struct ring_visit {
    wall_us slot;
    struct ring_seat *seat;
};

struct ring {
    int64_t every_us;
    size_t count;              /* who sits in it */
    wall_us passed;            /* the hand: no slot at or before this is met any more */
    struct ring_seat **bucket; /* private, as is the rest */
    unsigned bits;             /* 1 << bits buckets */
    wall_us seen;              /* up to here buckets have been put in order */
    struct ring_visit *ahead;  /* what was found there, by slot ... */
    size_t at, end, room;      /* ... from `at` to before `end` */
};

/* The hand begins at `passed`. -ENOMEM. */
int ring_init(struct ring *r, uint32_t every_ms, wall_us passed);
void ring_done(struct ring *r); /* who sits in it is not its own */

/* Whether a slot of a site's grid is one that the hand will meet in this lap. */
static inline bool ring_can_meet(const struct ring *r, wall_us slot)
{
    return slot > r->passed && slot <= r->passed + r->every_us;
}

/* One whose slot cannot be met is met at its next one that can be. */
void ring_add(struct ring *r, struct ring_seat *seat);
void ring_drop(struct ring *r, struct ring_seat *seat); /* who sits in it */

/* Who is met first, and when; seat NULL and WALL_NEVER for an empty ring. -ENOMEM. */
int ring_first(struct ring *r, struct ring_visit *ret);
/* The hand passes the first one, whose next the caller has moved on by a lap. */
void ring_pass(struct ring *r);
/* The hand is moved forward to `passed` without meeting anybody in between: they
 * are met at a later slot. */
void ring_leap(struct ring *r, wall_us passed);

#endif
