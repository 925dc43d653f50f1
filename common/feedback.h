/* feedback.h - what the collector tells the coordinator: which jobs' results
 * are in the store, where to look again, and which workers not to count on.
 *
 * Losing either is harmless: the worker sends an unrecorded result again after
 * a while, and the collector asks again for a confirming look that brought no
 * vote in time.
 */
#ifndef COMMON_FEEDBACK_H
#define COMMON_FEEDBACK_H

#include "common/job.h"

/* The result of this job is in the store (or was there already). */
struct recorded {
    uint64_t job_id;
    char worker[WORKER_NAME_SIZE]; /* who waits for it: "coordinator" for its own */
    uint16_t lane;
    uint32_t patience_s; /* what the result said, see result.h */
    bool held_back;      /* CAUSE_HELD_BACK: it concludes its run, and nobody has looked */
    struct run run;      /* the run it concludes, for a coordinator that has forgotten the job */
};

/* Please have one more look, now. */
struct look_again {
    struct run run;               /* look is 1 or more */
    char avoid[WORKER_NAME_SIZE]; /* has looked at it in this round: another one, if there is one; "" any */
    uint32_t within_ms;           /* worth nothing if it is not begun within that time */
};

/* Others contradict this worker (collector/jury.h): give it no work while there are
 * others. Said every second for as long as that is so. */
struct accused {
    char worker[WORKER_NAME_SIZE];
    uint32_t for_ms; /* it counts for that long */
};
#define ACCUSED_MAX_MS 60000

#endif
