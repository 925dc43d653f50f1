#include "collector/state.h"

#include <string.h>

struct move {
    enum health to;
    enum change change;
};

/* Every situation in one table. What cannot happen (a quorum about a site that
 * nobody suspects) leaves things as they are. */
#define STAY(health)                 \
    {                                \
        HEALTH_##health, CHANGE_NONE \
    }
static const struct move moves[HEALTH_COUNT][STEP_COUNT] = {
    [HEALTH_NEW] = {
        [STEP_UP] = { HEALTH_UP, CHANGE_HEALTH },
        [STEP_FAILED] = { HEALTH_SUSPECTED, CHANGE_SUSPECTED },
        [STEP_UNKNOWN] = { HEALTH_UNKNOWN, CHANGE_HEALTH },
        [STEP_CONFIRMED] = STAY(NEW),
        [STEP_REJECTED] = STAY(NEW),
        [STEP_UNDECIDED] = STAY(NEW),
        [STEP_WITHDRAWN] = STAY(NEW),
    },
    [HEALTH_UP] = {
        [STEP_UP] = STAY(UP),
        [STEP_FAILED] = { HEALTH_SUSPECTED, CHANGE_SUSPECTED },
        [STEP_UNKNOWN] = { HEALTH_UNKNOWN, CHANGE_HEALTH },
        [STEP_CONFIRMED] = STAY(UP),
        [STEP_REJECTED] = STAY(UP),
        [STEP_UNDECIDED] = STAY(UP),
        [STEP_WITHDRAWN] = { HEALTH_NEW, CHANGE_HEALTH },
    },
    [HEALTH_SUSPECTED] = {
        [STEP_UP] = { HEALTH_UP, CHANGE_BLIP },
        [STEP_FAILED] = STAY(SUSPECTED), /* the round that is open goes on */
        [STEP_UNKNOWN] = STAY(SUSPECTED),
        [STEP_CONFIRMED] = { HEALTH_DOWN, CHANGE_WENT_DOWN },
        [STEP_REJECTED] = { HEALTH_UP, CHANGE_BLIP },
        [STEP_UNDECIDED] = { HEALTH_UNKNOWN, CHANGE_HEALTH },
        [STEP_WITHDRAWN] = { HEALTH_NEW, CHANGE_HEALTH },
    },
    [HEALTH_DOWN] = {
        [STEP_UP] = { HEALTH_UP, CHANGE_CAME_BACK },
        [STEP_FAILED] = STAY(DOWN), /* told already */
        [STEP_UNKNOWN] = STAY(DOWN), /* not knowing ends no outage */
        [STEP_CONFIRMED] = STAY(DOWN),
        [STEP_REJECTED] = STAY(DOWN),
        [STEP_UNDECIDED] = STAY(DOWN),
        [STEP_WITHDRAWN] = { HEALTH_NEW, CHANGE_WITHDRAWN },
    },
    [HEALTH_UNKNOWN] = {
        [STEP_UP] = { HEALTH_UP, CHANGE_HEALTH },
        [STEP_FAILED] = { HEALTH_SUSPECTED, CHANGE_SUSPECTED },
        [STEP_UNKNOWN] = STAY(UNKNOWN),
        [STEP_CONFIRMED] = STAY(UNKNOWN),
        [STEP_REJECTED] = STAY(UNKNOWN),
        [STEP_UNDECIDED] = STAY(UNKNOWN),
        [STEP_WITHDRAWN] = { HEALTH_NEW, CHANGE_HEALTH },
    },
};

enum change state_step(struct site_state *s, enum step step, wall_us at)
{
    struct move m = moves[s->health][step];
    if (m.to != s->health && m.change != CHANGE_WENT_DOWN)
        s->since_us = at;
    if (m.change == CHANGE_BLIP)
        s->blips++;
    s->health = m.to;
    return m.change;
}

void state_note(struct site_state *s, const struct result *r, const char *worker)
{
    s->last_at_us = r->at_us;
    s->last_verdict = r->verdict;
    s->last_cause = r->cause;
    s->last_status = r->status;
    s->last_took_us = r->took_us;
    if (r->tls_expires_us)
        s->tls_expires_us = r->tls_expires_us;
    s->last_worker = worker;
}
