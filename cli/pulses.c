#include "cli/pulses.h"

static unsigned parts_of(const struct pulse *p)
{
    return p->shards > 1 ? p->shards : 1;
}

void pulses_hear(struct pulses *p, const struct pulse *pulse, wall_us at_us)
{
    unsigned parts = parts_of(pulse);
    if (parts > CONTROL_MAX_SHARDS || pulse->shard >= parts)
        return;
    if (p->parts != parts) /* they are cut otherwise now */
        *p = (struct pulses){ .parts = parts };
    p->newest[pulse->shard] = *pulse;
    p->at_us[pulse->shard] = at_us;
}

unsigned pulses_parts(const struct pulses *p)
{
    return p->parts;
}

unsigned pulses_heard(const struct pulses *p)
{
    unsigned n = 0;
    for (unsigned i = 0; i < p->parts; i++)
        n += p->at_us[i] != 0;
    return n;
}

static void most(uint32_t *to, uint32_t n)
{
    *to = n > *to ? n : *to;
}

static void add(struct pulse *to, const struct pulse *p)
{
    to->up += p->up;
    to->down += p->down;
    to->unknown += p->unknown;
    to->suspected += p->suspected;
    to->fresh += p->fresh;
    to->paused += p->paused;
    to->incidents_open += p->incidents_open;
    to->notices_pending += p->notices_pending;
    to->results += p->results;
    to->scheduled += p->scheduled;
    to->concluded += p->concluded;
    to->missed += p->missed;
    to->in_flight += p->in_flight;
    to->store_away_s = p->store_away_s > to->store_away_s ? p->store_away_s : to->store_away_s;
    most(&to->late_p50_us, p->late_p50_us);
    most(&to->late_p99_us, p->late_p99_us);
    most(&to->workers_ready, p->workers_ready);
    most(&to->workers_all, p->workers_all);
}

wall_us pulses_sum(const struct pulses *p, struct pulse *ret)
{
    wall_us oldest = 0;
    *ret = (struct pulse){ .shards = p->parts };
    for (unsigned i = 0; i < p->parts; i++) {
        if (p->at_us[i] == 0)
            continue;
        add(ret, &p->newest[i]);
        oldest = oldest == 0 || p->at_us[i] < oldest ? p->at_us[i] : oldest;
    }
    return oldest;
}
