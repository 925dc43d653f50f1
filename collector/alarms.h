/* alarms.h - things that fall due, the earliest first.
 *
 * Whoever has something timed keeps a struct alarm inside it. The heap only
 * knows times and where each alarm lies; it never looks at a clock, owns
 * nothing, and what the numbers mean (mono_ns, wall_us) is the caller's affair.
 */
#ifndef COLLECTOR_ALARMS_H
#define COLLECTOR_ALARMS_H

#include <stddef.h>
#include <stdint.h>

#define ALARM_NEVER INT64_MAX

struct alarm { /* start with { 0 } */
    int64_t due;
    size_t place; /* private: index in the heap and one; 0: not in it */
};

struct alarms { /* start with { 0 } */
    struct alarm **heap;
    size_t count, room;
};

void alarms_done(struct alarms *a); /* the alarms themselves are left alone */

/* Have it fall due at that time, whether it was set before or not;
 * ALARM_NEVER is alarms_drop. -ENOMEM. */
int alarms_set(struct alarms *a, struct alarm *alarm, int64_t due);
void alarms_drop(struct alarms *a, struct alarm *alarm); /* not set: nothing */

int64_t alarms_next(const struct alarms *a); /* ALARM_NEVER when there is none */

/* Takes one that is due at `now` out of the heap; NULL when none is. */
struct alarm *alarms_take(struct alarms *a, int64_t now);

#endif
