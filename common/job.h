/* job.h - a run, and one order to look.
 *
 * A run is one look that must end as up, down or unknown: the line in the
 * ledger. It has a name, and everything is keyed by it: the site, the slot (the
 * due time on the site's grid), the location, and which look of that round it
 * is: 0 is the scheduled one, 1 and up are the confirming looks that the
 * collector asked for. All looks with the same site and slot are one round.
 *
 * A job is one attempt at a run, handed to one worker. Its id is never reused:
 * the coordinator's epoch (drawn from the store at each start) in the upper 24
 * bits and a counter in the lower 40. Several jobs of one run may exist when
 * earlier ones were lost; at most one result of the run is committed.
 */
#ifndef COMMON_JOB_H
#define COMMON_JOB_H

#include "common/clock.h"
#include "common/expect.h"
#include "common/location.h"
#include "common/site.h"

#define WORKER_NAME_SIZE 64 /* with terminator; [A-Za-z0-9._-] */

#define JOB_MAX_ATTEMPTS 3

struct run {
    uint64_t site_id;
    wall_us slot_us;
    uint16_t look;
    char location[LOCATION_SIZE];
};

static inline uint64_t job_id_make(uint32_t epoch, uint64_t counter)
{
    return (uint64_t)epoch << 40 | (counter & ((UINT64_C(1) << 40) - 1));
}

static inline uint32_t job_id_epoch(uint64_t id)
{
    return (uint32_t)(id >> 40);
}

struct job {
    uint64_t id;
    uint64_t seal; /* to be brought back with the result, see seal.h; 0: it has none */
    struct run run;
    uint8_t attempt; /* 1 for the first job of the run */
    const char *url; /* whose strings these are, the function says that hands out the job */
    enum method method;
    uint32_t timeout_ms;  /* budget of the whole look */
    uint32_t start_by_ms; /* drop it when it is not begun that long after the batch was stamped */
    struct status_set status;
    const char *contains; /* "" for none */
    uint32_t patience_s;  /* the site asked to be left alone for that much longer: conclude without a look */
    bool full_handshake;  /* resume no TLS session; confirming looks never do */
    const char *avoid;    /* name of the worker that must not take it (it answers busy); "" for none */
    uint64_t avoid_key;   /* likewise whoever came in by that key: 1 and its id; 0 for none */
};

/* A worker's name as it may appear in configuration, on the wire and in the store. */
bool worker_name_valid(const char *name);

#endif
