/* pulses.h - the newest pulse of each part that the sites are cut in, and all of them together.
 *
 * Each part's collector tells of its own sites; workers are seen by all of them. Pure.
 */
#ifndef CLI_PULSES_H
#define CLI_PULSES_H

#include "common/clock.h"
#include "common/control.h"
#include "common/event.h"

#include <stdbool.h>

struct pulses { /* all zero at first; private */
    struct pulse newest[CONTROL_MAX_SHARDS];
    wall_us at_us[CONTROL_MAX_SHARDS]; /* 0: none has come */
    unsigned parts;                    /* as the last one said; 0: none has come */
};

void pulses_hear(struct pulses *p, const struct pulse *pulse, wall_us at_us);

unsigned pulses_parts(const struct pulses *p); /* that there are; 0 before anything was heard */
unsigned pulses_heard(const struct pulses *p); /* of these */
static inline bool pulses_whole(const struct pulses *p)
{
    return p->parts > 0 && pulses_heard(p) == p->parts;
}

/* Counts are added up; lateness, workers and the time without a store are the worst, or most, of any part.
 * Returns the time of the oldest; 0 when nothing was heard. */
wall_us pulses_sum(const struct pulses *p, struct pulse *ret);

#endif
