/* schedule.h - which site is due, and when.
 *
 * A schedule keeps every site's next slot in order of time. Slots lie on the
 * site's grid (site_next_slot), so that a restart, or another coordinator,
 * continues the same grid. It never looks at a clock and never sends anything:
 * the caller says what time it is (on the clock of grid.h) and does what has
 * fallen due. Rules:
 *
 *   - a slot is handed out at most once, whatever the clock does
 *   - who asks late gets the newest slot that has come, and is told which ones
 *     before it were missed; nothing is queued up
 *   - a site that was never looked at has its first slot early: within
 *     SCHEDULE_SOON_US, spread by phase; from then on its grid. Of many newcomers
 *     at once about SCHEDULE_SOON_RATE a second are, beside the grid's looks; who would
 *     wait for that a quarter of its interval or more has its grid instead
 *
 * About 80 bytes per site, and handing one out costs the same for ten thousand
 * and for five million of them.
 */
#ifndef COORDINATOR_SCHEDULE_H
#define COORDINATOR_SCHEDULE_H

#include "common/clock.h"
#include "common/scope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHEDULE_SOON_US   (5 * US_PER_S)
#define SCHEDULE_SOON_RATE 500

struct schedule;

int schedule_new(struct schedule **ret);
void schedule_free(struct schedule *s); /* NULL is fine */
DEFINE_SCOPED(schedule, struct schedule *, schedule_free)

/* Watch a site, or change how often. Its next slot is the first one on its grid
 * at or after `from` and after every slot that was handed out. -ENOMEM. */
int schedule_set(struct schedule *s, uint64_t id, uint32_t every_ms, wall_us from);

/* Watch a site that was never looked at. */
int schedule_set_new(struct schedule *s, uint64_t id, uint32_t every_ms, wall_us now);

/* Hand out this earlier slot too, which nobody looked at before we were there.
 * False, and nothing happens, when the site is not watched or a slot at or
 * after it was handed out. */
bool schedule_recall(struct schedule *s, uint64_t id, wall_us slot);

void schedule_drop(struct schedule *s, uint64_t id); /* not there: nothing */

/* When something next falls due; WALL_NEVER when nothing is scheduled. */
wall_us schedule_next(struct schedule *s);

/* Take one slot that has come. */
struct schedule_due {
    uint64_t site_id;
    uint32_t every_ms;
    wall_us slot_us;
    wall_us next_us;   /* the site's slot after this one */
    wall_us missed_us; /* the first of those that came before it and that nobody asked for */
    uint32_t missed;   /* how many; 0 in ordinary times */
};
bool schedule_take(struct schedule *s, wall_us now, struct schedule_due *ret);

size_t schedule_count(const struct schedule *s);

/* For a site that is not looked at since `after`: the slots after it and at or
 * before `now`. Returns how many, at most UINT32_MAX; *ret_first is the first. */
uint32_t schedule_overdue(uint64_t id, uint32_t every_ms, wall_us after, wall_us now, wall_us *ret_first);

#endif
