#include "coordinator/slots.h"

enum { GROUP = 32 };

void slots_missed(struct parts *p, uint64_t site_id, uint32_t every_ms, wall_us first, uint32_t count,
                  unsigned location)
{
    struct account line = {
        .site_id = site_id,
        .slot_us = first,
        .span = count,
        .every_ms = every_ms,
        .location = (uint16_t)location,
        .cause = CAUSE_MISSED,
    };
    if (count > 0)
        parts_unseen(p, &line);
}

static void start_run(struct parts *p, const struct lease_run *run, mono_ns now)
{
    if (lease_due(p->lease, run, now) == 0)
        return;
    turns_over(p->turns, run->site_id, run->slot_us, run->location, now);
    slots_missed(p, run->site_id, run->every_ms, run->slot_us, 1, run->location);
}

/* Its site's next slot has come before its domain's turn. */
static void held_back(struct parts *p, const struct lease_run *run)
{
    struct account line = {
        .site_id = run->site_id,
        .slot_us = run->slot_us,
        .span = 1,
        .every_ms = run->every_ms,
        .location = (uint16_t)run->location,
        .cause = CAUSE_HELD_BACK,
        .job_id = lease_next_job_id(p->lease),
        .at_us = loop_wall(p->loop),
    };
    parts_unseen(p, &line);
}

/* Without memory for the turn it goes at once: to look is what we are for. */
static bool waits_its_turn(struct parts *p, const struct watched *site, const struct lease_run *run,
                           mono_ns now)
{
    struct lease_run held;
    if (!turns_matter(p->turns))
        return false;
    int r = turns_ask(p->turns, catalog_domain(site, p->domains), run, now, &held);
    if (held.site_id)
        held_back(p, &held);
    return r == 0;
}

static void begin_run(struct parts *p, const struct watched *site, const struct schedule_due *due,
                      unsigned location, mono_ns now)
{
    struct lease_run run = {
        .site_id = site->id,
        .slot_us = due->slot_us,
        .location = location,
        .timeout_ms = site->manner->timeout_ms,
        .every_ms = due->every_ms,
        .until = grid_reaches(&p->grid, due->next_us),
    };
    p->scheduled += 1 + (uint64_t)due->missed;
    slots_missed(p, site->id, due->every_ms, due->missed_us, due->missed, location);
    if (!waits_its_turn(p, site, &run, now))
        start_run(p, &run, now);
}

/* From each of its locations at the same time: each has a view of its own, and when one of them
 * sees it fail, the others have looked as well. */
static void begin_slot(struct parts *p, const struct schedule_due *due, mono_ns now)
{
    const struct watched *site = catalog_find(p->catalog, due->site_id);
    if (!site)
        return; /* cannot be: what is not watched is not scheduled */
    uint32_t places = parts_places(p, site->manner->locations);
    p->asked |= places;
    for (; places; places &= places - 1)
        begin_run(p, site, due, (unsigned)__builtin_ctz(places), now);
}

/* With a million sites each one lies somewhere else in memory: those of a group are
 * fetched at the same time instead of one after the other. */
static unsigned begin_group(struct parts *p, unsigned most, mono_ns now)
{
    struct schedule_due due[GROUP];
    unsigned n = 0;
    while (n < GROUP && n < most && schedule_take(p->schedule, p->grid.at, &due[n]))
        catalog_fetch(p->catalog, due[n++].site_id, 0);
    for (unsigned i = 0; i < n; i++)
        catalog_fetch(p->catalog, due[i].site_id, 1);
    for (unsigned i = 0; i < n; i++)
        begin_slot(p, &due[i], now);
    return n;
}

bool slots_begin(struct parts *p, unsigned most, mono_ns now)
{
    unsigned n = 0, got;
    do {
        got = begin_group(p, most - n, now);
        n += got;
    } while (got == GROUP && n < most);
    return n == most;
}

bool slots_turns(struct parts *p, unsigned most, mono_ns now)
{
    struct lease_run run;
    unsigned n = 0;
    while (n < most && turns_take(p->turns, now, &run)) {
        start_run(p, &run, now);
        n++;
    }
    return n == most;
}

void slots_end(struct parts *p)
{
    struct lease_end end;
    while (lease_take_end(p->lease, &end)) {
        struct account line = {
            .site_id = end.run.site_id,
            .slot_us = end.run.slot_us,
            .span = 1,
            .every_ms = end.run.every_ms,
            .look = end.run.look,
            .location = (uint16_t)end.run.location,
            .cause = end.cause,
            .job_id = end.cause == CAUSE_MISSED ? 0
                      : end.job_id              ? end.job_id
                                                : lease_next_job_id(p->lease),
            .attempts = end.attempts,
            .at_us = loop_wall(p->loop),
        };
        parts_unseen(p, &line);
        if (end.run.look == 0)
            turns_over(p->turns, end.run.site_id, end.run.slot_us, end.run.location, loop_now(p->loop));
    }
}
