/* arrears.h - slots that came while no coordinator was there, and what is to
 * become of them.
 *
 * After a start there are, for each site, the slots since the newest one that
 * the store knows. Some of these were looked at: the previous coordinator had
 * sent them, a worker has the job in hand or its result in the outbox. From a
 * worker's list only the job's id is seen, and which run that is nobody knows
 * any more; the collector says so when it records it. So:
 *
 *   - while workers have jobs of an earlier epoch in hand, or have not yet said
 *     whether they have, no slot of the past is sent out; as soon as none has, or
 *     when our patience of ARREARS_MOST_NS is used up, the youngest one of each
 *     site is looked at after all
 *   - the older ones, and the youngest where its time is over, are missed; they
 *     are reported when results can no longer be on their way, but no earlier
 *     than `grace` after the start
 *   - a slot that is recorded meanwhile is struck off
 *
 * Sites do not wait for this: their next slots are looked at as always. Whoever
 * asks arrears_take does so no faster than there is room beside these.
 * Pure: time is an argument.
 */
#ifndef COORDINATOR_ARREARS_H
#define COORDINATOR_ARREARS_H

#include "common/clock.h"
#include "common/scope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARREARS_LISTEN_NS (1200 * NS_PER_MS) /* after one lane said what it has in hand: for the others */
#define ARREARS_MOST_NS   (90 * NS_PER_S)    /* an outbox repeats its results at least every 60 s */
#define ARREARS_MAX_JOBS  (1 << 20)          /* of earlier epochs that are remembered */

struct arrears;

int arrears_new(struct arrears **ret, uint32_t epoch, mono_ns now, mono_ns grace);
void arrears_free(struct arrears *a); /* NULL is fine */
DEFINE_SCOPED(arrears, struct arrears *, arrears_free)

/* `count` slots of the site's grid from `first` on have come and are not known
 * to have been looked at. Once for each site. -ENOMEM. */
int arrears_add(struct arrears *a, uint64_t site_id, uint32_t every_ms, wall_us first, uint32_t count);
void arrears_forget(struct arrears *a, uint64_t site_id); /* no longer watched */

/* A lane's full list; ids of our own epoch are passed over. -ENOMEM. */
int arrears_in_hand(struct arrears *a, int lane, const uint64_t *ids, size_t n, mono_ns now);
void arrears_lane_lost(struct arrears *a, int lane); /* its jobs will not come */

/* A job's result is in the store, and will not come any more. */
void arrears_brought(struct arrears *a, uint64_t job_id);
/* The same, and the slot is one that was looked at. True when the slot was in arrears, and is no more. */
bool arrears_recorded(struct arrears *a, uint64_t job_id, uint64_t site_id, wall_us slot);

/* What is to be done now, one step a call. */
struct arrears_due {
    enum arrears_what {
        ARREARS_NOTHING,
        ARREARS_LOOK,   /* look at `first` after all; it is no longer in arrears */
        ARREARS_MISSED, /* report `count` slots from `first` on */
    } what;
    uint64_t site_id;
    uint32_t every_ms;
    wall_us first;
    uint32_t count;
};
struct arrears_due arrears_take(struct arrears *a, mono_ns now, wall_us wall);
mono_ns arrears_next(const struct arrears *a, mono_ns now); /* MONO_NEVER when nothing is left */

size_t arrears_slots(const struct arrears *a);        /* slots in arrears */
wall_us arrears_oldest_slot(const struct arrears *a); /* no later than the oldest of them; WALL_NEVER: none */
size_t arrears_jobs(const struct arrears *a);         /* of earlier epochs in workers' hands */

#endif
