/* grid.h - the clock that due times are read on: wall time that never goes back.
 *
 * Slots are instants of wall time, and a slot that was handed out must never be
 * handed out again. So when the wall clock is set back, this clock does not
 * follow at once: it goes on from where it was, at three quarters of the pace,
 * until the wall clock has caught up. Sites are then looked at a third less
 * often for a while, instead of not at all for as long as the clock was set
 * back. A step forward is followed at once; the slots in between are missed.
 *
 * Pure: both clocks are arguments. Waiting is done on the monotonic clock, see
 * grid_reaches.
 */
#ifndef COORDINATOR_GRID_H
#define COORDINATOR_GRID_H

#include "common/clock.h"

#define GRID_STEP_US (500 * US_PER_MS) /* a change of the clocks' distance that is called a step */

struct grid {
    wall_us at;      /* the time on this clock */
    mono_ns mono;    /* private: when that was */
    wall_us wall;    /* private: what the wall clock said then */
    int64_t lead_us; /* how far this clock is ahead of the wall clock; 0 in ordinary times */
};

/* `least` is the newest slot that was ever handed out, by whomever (0: none):
 * this clock starts no earlier. */
void grid_start(struct grid *g, mono_ns mono, wall_us wall, wall_us least);

/* Move on to now. Returns by how much the wall clock was stepped since the last
 * call, in microseconds, 0 for less than GRID_STEP_US. */
int64_t grid_step(struct grid *g, mono_ns mono, wall_us wall);

/* When this clock will say `at`, on the monotonic one, if nobody sets the wall
 * clock meanwhile; now, when it does already; MONO_NEVER for WALL_NEVER. */
mono_ns grid_reaches(const struct grid *g, wall_us at);

#endif
