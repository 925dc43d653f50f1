#include "collector/hearing.h"

#include <stdio.h>

enum { ACCUSED_FOR_MS = 5000 }; /* said again every second */

struct bench {
    struct hearing *hearing;
    struct jury *jury;
    struct witnesses *witnesses;
    struct episodes *episodes;
    struct instant now;
};

static void hear_lane(void *arg, const struct worker_vitals *lane)
{
    static const enum worker_word words[WORKER_HEALTH_COUNT] = {
        [WORKER_READY] = WORKER_FINE, [WORKER_SUSPECT] = WORKER_AWAY, [WORKER_DRAINING] = WORKER_FINE,
        [WORKER_DEAD] = WORKER_AWAY,  [WORKER_GONE] = WORKER_LEFT,
    };
    struct bench *b = arg;
    bool here = lane->health != WORKER_DEAD && lane->health != WORKER_GONE;
    if (here && lane->doubts)
        jury_excuse(b->jury, lane->worker, b->now.wall);
    witnesses_told(b->witnesses, lane);
    if (b->episodes)
        episodes_hear(b->episodes, lane->worker, here && lane->doubts ? WORKER_DOUBTED : words[lane->health],
                      lane->reason);
}

static void hear_jury(void *arg, const char *worker, const char *reason)
{
    struct bench *b = arg;
    struct hearing *h = b->hearing;
    if (b->episodes)
        episodes_hear(b->episodes, worker, WORKER_DOUBTED, reason);
    if (h->n == HEARING_MAX_ACCUSED)
        return;
    struct accused *to = &h->accused[h->n++];
    *to = (struct accused){ .for_ms = ACCUSED_FOR_MS };
    snprintf(to->worker, sizeof to->worker, "%s", worker);
}

void hearing_hold(struct hearing *ret, const struct fleet *fleet, const struct judge *judge,
                  struct episodes *episodes, struct instant now)
{
    struct jury *jury = judge->jury;
    struct bench b = { ret, jury, judge->witnesses, episodes, now };
    ret->n = 0;
    witnesses_begin(judge->witnesses);
    fleet_each(fleet, hear_lane, &b);
    const struct vitals *v = fleet_newest(fleet);
    if (episodes && v)
        episodes_hear_vacant(episodes, v->vacant, v->n_vacant);
    witnesses_end(judge->witnesses);
    jury_each(jury, now.mono, hear_jury, &b);
}
