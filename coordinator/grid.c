#include "coordinator/grid.h"

/* One part in PAY of the time that passes is used to let the wall clock catch up. */
#define PAY 4

void grid_start(struct grid *g, mono_ns mono, wall_us wall, wall_us least)
{
    wall_us at = wall > least ? wall : least;
    *g = (struct grid){ .at = at, .mono = mono, .wall = wall, .lead_us = at - wall };
}

int64_t grid_step(struct grid *g, mono_ns mono, wall_us wall)
{
    int64_t passed = (mono - g->mono) / NS_PER_US;
    int64_t stepped = wall - g->wall - passed;
    wall_us ran = g->at + passed;
    int64_t lead = ran - wall;

    if (lead <= 0) {
        g->at = wall;
        g->lead_us = 0;
    } else {
        int64_t pay = lead < passed / PAY ? lead : passed / PAY;
        g->at = ran - pay;
        g->lead_us = lead - pay;
    }
    g->wall = wall;
    g->mono += passed * NS_PER_US; /* what is less than a microsecond is kept for the next call */
    return stepped >= GRID_STEP_US || stepped <= -GRID_STEP_US ? stepped : 0;
}

mono_ns grid_reaches(const struct grid *g, wall_us at)
{
    if (at == WALL_NEVER)
        return MONO_NEVER;
    int64_t ahead = at - g->at;
    if (ahead <= 0)
        return g->mono;
    if (ahead > 365 * US_PER_DAY) /* so that nothing below overflows */
        ahead = 365 * US_PER_DAY;
    if (g->lead_us > 0) {
        /* Slow until the lead is paid, at full pace after that. */
        int64_t slow = g->lead_us * (PAY - 1);
        ahead = ahead <= slow ? ahead + ahead / (PAY - 1) + 1 : ahead + g->lead_us;
    }
    return g->mono + ahead * NS_PER_US;
}
