/* leases.h - what the tests of the lease share: events said in one line each.
 * One site unless a story says otherwise. */
#ifndef TESTS_UNIT_COORDINATOR_LEASES_H
#define TESTS_UNIT_COORDINATOR_LEASES_H

#include "coordinator/lease.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S     NS_PER_S
#define MS    NS_PER_MS
#define EPOCH 3

static const struct lease_rules rules = {
    .taken_within = 2 * S, .grace = 5 * S, .breaker = 10 * S, .attempts = 3, .again_percent = 10
};

enum { TIMEOUT_MS = 20000 };

static inline struct lease *fresh(void)
{
    struct lease *l = NULL;
    assert_int_equal(lease_new(&l, &rules, EPOCH, 0), 0);
    return l;
}

static inline struct lease_run run_of(uint64_t site, wall_us slot, uint16_t look, mono_ns until)
{
    return (struct lease_run){ .site_id = site,
                               .slot_us = slot,
                               .look = look,
                               .timeout_ms = TIMEOUT_MS,
                               .every_ms = 300000,
                               .until = until };
}

static inline void due(struct lease *l, uint64_t site, wall_us slot, mono_ns until, mono_ns now)
{
    struct lease_run run = run_of(site, slot, 0, until);
    assert_int_equal(lease_due(l, &run, now), 0);
}

static inline uint64_t take(struct lease *l, uint64_t site, wall_us slot, uint8_t attempt, mono_ns now)
{
    struct lease_order o;
    assert_true(lease_take(l, 0, now, &o));
    assert_int_equal(o.run.site_id, site);
    assert_int_equal(o.run.slot_us, slot);
    assert_int_equal(o.attempt, attempt);
    assert_int_equal(job_id_epoch(o.job_id), EPOCH);
    return o.job_id;
}

static inline void nothing_to_take(struct lease *l, mono_ns now)
{
    struct lease_order o;
    assert_int_equal(lease_ready(l, 0, now), 0);
    assert_false(lease_take(l, 0, now, &o));
}

static inline void taken(struct lease *l, uint64_t job, int lane, mono_ns now)
{
    struct lease_run run;
    assert_true(lease_taken(l, job, lane, now, &run));
}

static inline bool recorded(struct lease *l, uint64_t site, wall_us slot, mono_ns now)
{
    return lease_recorded(l, site, slot, 0, 0, now);
}

static inline void ended(struct lease *l, uint64_t site, wall_us slot, enum cause cause)
{
    struct lease_end e;
    assert_true(lease_take_end(l, &e));
    assert_int_equal(e.run.site_id, site);
    assert_int_equal(e.run.slot_us, slot);
    assert_string_equal(cause_name(e.cause), cause_name(cause));
}

static inline void nothing_ended(struct lease *l)
{
    struct lease_end e;
    assert_false(lease_take_end(l, &e));
}

/* Time passes in steps of a tenth of a second, as if nothing else happened. */
static inline void pass(struct lease *l, mono_ns from, mono_ns to)
{
    for (mono_ns now = from; now <= to; now += 100 * MS)
        lease_step(l, now);
}

static inline void over(struct lease *l)
{
    nothing_ended(l);
    struct lease_numbers n = lease_numbers(l);
    assert_int_equal(n.runs, 0);
    assert_int_equal(n.in_flight, 0);
    assert_int_equal(n.waiting, 0);
    assert_int_equal(n.heirs, 0);
    assert_int_equal(n.overdue, 0);
    assert_int_equal(n.confirming_runs, 0);
    assert_int_equal(lease_untaken(l, 0), 0);
    assert_int_equal(lease_next(l), MONO_NEVER);
    lease_free(l);
}

#endif
