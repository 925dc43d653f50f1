/* episode.h - one time that a worker was in doubt, or that nobody was at a location: the trouble is ours,
 * and no site's. The operator is told when it begins and when it is over.
 *
 * A worker is in doubt when one of its lanes says so, or when the collector finds
 * that its failures are not those of the other workers. A location stands in a worker's place with a mark
 * before it that no worker's name has.
 */
#ifndef COMMON_EPISODE_H
#define COMMON_EPISODE_H

#include "common/clock.h"
#include "common/control.h"

enum episode_end {
    EPISODE_OPEN,
    EPISODE_TRUSTED,   /* no doubt for a while */
    EPISODE_LEFT,      /* the worker is gone */
    EPISODE_END_COUNT, /* last */
};
const char *episode_end_name(enum episode_end e); /* "open", "trusted", "left" */

struct episode {
    uint64_t id;                   /* 1 and up, never reused */
    char worker[WORKER_NAME_SIZE]; /* or "@eu" */
    wall_us began_us;
    wall_us ended_us; /* 0 while open; when there was doubt for the last time */
    enum episode_end end;
    char reason[DOUBT_SIZE]; /* of its beginning, for people */
};

#define EPISODE_LOCATION '@'
_Static_assert(LOCATION_SIZE < WORKER_NAME_SIZE, "with its mark it has room there");

/* The location that it is about; NULL: it is about a worker. */
static inline const char *episode_location(const char worker[WORKER_NAME_SIZE])
{
    return worker[0] == EPISODE_LOCATION ? worker + 1 : NULL;
}

#endif
