/* state.h - one step of a site's health (pure).
 *
 * The state so far and what happened go in; the new state and what has changed
 * come out. Nothing else happens here: who opens incidents, asks for confirming
 * looks and tells people is judge.c. What a failed look needs before it becomes
 * an outage is quorum.h's affair; here it arrives as one step.
 */
#ifndef COLLECTOR_STATE_H
#define COLLECTOR_STATE_H

#include "common/health.h"

enum step {
    STEP_UP,        /* a scheduled look found it up */
    STEP_FAILED,    /* a scheduled look found it down; nothing is confirmed yet */
    STEP_UNKNOWN,   /* a scheduled look said nothing, or nobody has looked for too long */
    STEP_CONFIRMED, /* the quorum: it is down */
    STEP_REJECTED,  /* the quorum: it is not */
    STEP_UNDECIDED, /* the quorum never came about */
    STEP_WITHDRAWN, /* paused, removed, or another URL: what we knew is void */
    STEP_COUNT,     /* last */
};

enum change {
    CHANGE_NONE,
    CHANGE_HEALTH,    /* another health, and no news for its owner */
    CHANGE_SUSPECTED, /* confirming looks are needed */
    CHANGE_WENT_DOWN, /* an outage begins */
    CHANGE_CAME_BACK, /* it ends */
    CHANGE_BLIP,      /* the failure was rejected: nobody is told */
    CHANGE_WITHDRAWN, /* an outage ends without having been seen to */
};

/* `at` is when the look behind the step began, and becomes since_us when the
 * health changes; an outage keeps the time of the suspicion it began with. */
enum change state_step(struct site_state *s, enum step step, wall_us at);

/* Keep the newest counted look, for people. `worker` is r's worker in a string
 * that lives as long as the state. */
void state_note(struct site_state *s, const struct result *r, const char *worker);

#endif
