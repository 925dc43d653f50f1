/* lease.h - the runs that are under way, from due to concluded.
 *
 *   due ──▶ waiting ──▶ sent ──▶ taken ──▶ recorded: concluded
 *              ▲          │        │
 *              └── again ─┴────────┘   not taken in time, answered busy, its
 *              │                       result overdue, its worker gone
 *              └──▶ lost (attempts used up, or too late), missed (never sent
 *                   before the next slot came)
 *
 * A job is a lease: it is given out, and taken back when its holder is silent.
 * What this module promises:
 *
 *   - every run that was begun ends exactly once: concluded (lease_recorded says
 *     so), lost or missed (lease_take_end hands it out), or forgotten on request
 *   - one scheduled look per site and location is under way at a time. The slot
 *     that comes meanwhile waits as its heir; one that comes after that takes
 *     the heir's place, and the older one is missed
 *   - a look is over when its timeout has passed since a worker took it. What is
 *     missing then is only its record: the run retires, which leaves its place to
 *     the next slot, and goes on waiting for that. So the sites are looked at
 *     also while the collector is away, and results gather in the workers
 *   - a run is given out at most `attempts` times, beyond answers of busy, which
 *     are bounded by LEASE_MAX_BOUNCES, or by more for those that are choosier
 *   - repeats are at most `again_percent` of what is sent, apart from a small
 *     burst, so that a single lost job is always repeated and a thousand lost
 *     ones are no storm
 *   - when results in general do not arrive (the collector is away), runs that a
 *     worker has taken are not given out again: see lease_breaker_open
 *
 * Confirming looks (look 1 and up) are runs of their own: several may be under
 * way for a site, each once. They go out before anything else, and are lost
 * when they were not begun in time.
 *
 * Pure: time is an argument, lanes are numbers (see roster.h), sites are ids.
 * Whoever uses it sends what lease_take hands out and tells it what happens.
 * Memory is about 300 bytes for each run under way.
 */
#ifndef COORDINATOR_LEASE_H
#define COORDINATOR_LEASE_H

#include "common/clock.h"
#include "common/config.h"
#include "common/result.h"
#include "common/scope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEASE_CHOOSY         8   /* answers of busy before anybody is better than nobody ... */
#define LEASE_MOST_CHOOSY    200 /* ... and where that was asked for */
#define LEASE_MORE_BOUNCES   4   /* from then on, until the run is lost */
#define LEASE_MAX_BOUNCES    (LEASE_CHOOSY + LEASE_MORE_BOUNCES)
#define LEASE_BURST          16                 /* repeats at once, however little is sent otherwise */
#define LEASE_MAX_CONFIRMING 65536              /* confirming runs under way; more are refused */
#define LEASE_HEARTBEAT_NS   (NS_PER_S * 3 / 2) /* a lane's full list may lack what it took that recently */
#define LEASE_SETTLE_NS      NS_PER_S           /* results of a lane that went may still be on their way */

struct lease_rules {
    mono_ns taken_within; /* from sending to the worker's word; stretched to 4 times the measured p99 */
    mono_ns grace;        /* beyond a look's timeout, before its result is overdue */
    mono_ns breaker;      /* nothing recorded for that long is what a silent collector looks like */
    uint32_t attempts;
    uint32_t again_percent;
};

struct lease;

/* Job ids are made of the epoch and a counter from 1. */
int lease_new(struct lease **ret, const struct lease_rules *rules, uint32_t epoch, mono_ns now);
void lease_free(struct lease *l); /* NULL is fine */
DEFINE_SCOPED(lease, struct lease *, lease_free)

/* ── Runs begin ────────────────────────────────────────────────────────── */

struct lease_run {
    uint64_t site_id;
    wall_us slot_us;
    uint16_t look;
    unsigned location; /* its place in the configured list, below CONFIG_MAX_LOCATIONS */
    uint32_t timeout_ms;
    uint32_t every_ms; /* handed back when it ends; look 0 */
    mono_ns until;     /* look 0: when the next slot comes; others: when it must have begun */
};

/* A slot has come. Whatever it displaces is among the ends. -ENOMEM. */
int lease_due(struct lease *l, const struct lease_run *run, mono_ns now);

/* A confirming look is asked for. `avoid` names the worker that should not have
 * it; "" any. -EALREADY when that run is under way, -ENOSPC when there are
 * LEASE_MAX_CONFIRMING, -ENOMEM. */
int lease_confirm(struct lease *l, const struct lease_run *run, const char *avoid, mono_ns now);

/* The site is no longer watched: what waits is dropped without a trace, what is
 * out is not given out again and ends in silence. */
void lease_forget(struct lease *l, uint64_t site_id);

/* It is looked at from these locations only (a bit for each): the same for its scheduled looks
 * at others. */
void lease_only(struct lease *l, uint64_t site_id, uint32_t locations);

/* ── Jobs go out ───────────────────────────────────────────────────────── */

/* How many could be taken now for that location. */
size_t lease_ready(struct lease *l, unsigned location, mono_ns now);

struct lease_order {
    uint64_t job_id;
    struct lease_run run;
    uint8_t attempt;   /* 1 for the first */
    bool anybody;      /* the last one, or bounced a lot: do not be choosy about the worker */
    const char *avoid; /* as asked for, or ""; borrowed until the next call */
    int avoid_lane;    /* the lane that had it last and did not bring it back; -1 none */
};
/* The next job to send: confirming looks first, then repeats, then what is due. */
bool lease_take(struct lease *l, unsigned location, mono_ns now, struct lease_order *ret);
/* The job names somebody who must not have it: a busy says nothing of room. `choosy`: so often it
 * may come to such ones before they are better than none; LEASE_CHOOSY to LEASE_MOST_CHOOSY. */
void lease_mark_avoiding(struct lease *l, uint64_t job_id, unsigned choosy);
void lease_unsend(struct lease *l, uint64_t job_id); /* it could not be sent now: as if not taken */
void lease_refuse(struct lease *l, uint64_t job_id); /* it can never be sent: lost */

/* ── Workers speak ─────────────────────────────────────────────────────── */

/* Job ids are easily guessed, so a worker is heeded only where it may have the job: one for its
 * location, and in no other lane's hand. Lanes that were not told of may be anywhere. */
void lease_lane_at(struct lease *l, int lane, unsigned location);
bool lease_heeds(const struct lease *l, uint64_t job_id, int lane);

/* False when one of these jobs is out at another location than the lane's. */
bool lease_may_speak(const struct lease *l, int lane, const uint64_t *ids, size_t n);
/* True when the lane took a run from `sent`, which *ret then describes; false
 * for jobs that are not known, are another location's, were taken already, or have been replaced. */
bool lease_taken(struct lease *l, uint64_t job_id, int lane, mono_ns now, struct lease_run *ret);

/* A worker that is heeded received the job and will not look. */
enum lease_bounce {
    LEASE_NOT_OUT, /* not a job that is out */
    LEASE_AVOIDED, /* the job named a worker that must not have it */
    LEASE_FULL,
};
enum lease_bounce lease_busy(struct lease *l, uint64_t job_id, mono_ns now);

/* The full list of what a lane has in hand. Jobs that it has and that count as
 * sent are taken; jobs that count as taken by it, for longer than a heartbeat,
 * and that it has not, are given out again. */
void lease_holds(struct lease *l, int lane, const uint64_t *ids, size_t n, mono_ns now);

/* All that the lane had in hand will not come, but for what is on its way. */
void lease_lane_lost(struct lease *l, int lane, mono_ns now);

/* A worker's result of the run is in the store. True when that concludes a run
 * under way. */
bool lease_recorded(struct lease *l, uint64_t site_id, wall_us slot_us, uint16_t look, unsigned location,
                    mono_ns now);

/* ── Time passes ───────────────────────────────────────────────────────── */

void lease_step(struct lease *l, mono_ns now);   /* deal with what is overdue */
mono_ns lease_next(const struct lease *l);       /* when something next will be */
void lease_excuse(struct lease *l, mono_ns gap); /* we were away that long: every deadline moves */

struct lease_end {
    struct lease_run run;
    uint64_t job_id;  /* of the last job; 0 when none was ever sent */
    enum cause cause; /* CAUSE_LOST or CAUSE_MISSED */
    uint8_t attempts;
};
bool lease_take_end(struct lease *l, struct lease_end *ret);

/* ── Numbers ───────────────────────────────────────────────────────────── */

struct lease_numbers {
    size_t runs;            /* under way, heirs not counted */
    size_t confirming_runs; /* of these, confirming looks */
    size_t in_flight;       /* sent or taken */
    size_t waiting;         /* due, or to be repeated, and not out */
    size_t retired;         /* of these, looked at, and a later slot has their place */
    size_t heirs;           /* waiting for an earlier run of their site */
    size_t overdue;         /* taken, and the result late */
    uint64_t again;         /* jobs sent a second time and later because they did not come back, ever */
    uint64_t sent_on;       /* jobs that a worker did not take and that went to another, ever */
    uint64_t confirming;    /* confirming looks sent, ever */
};
struct lease_numbers lease_numbers(const struct lease *l);
/* The oldest slot of the scheduled looks under way, heirs and ends that nobody took included; WALL_NEVER.
 * Goes through all of them. */
wall_us lease_oldest_slot(const struct lease *l);
uint32_t lease_untaken(const struct lease *l, unsigned location); /* sent and not taken */
uint32_t lease_in_hand(const struct lease *l, int lane);          /* taken by it and not recorded */
/* Jobs that are on their way at the measured rate and latency, times two. */
uint32_t lease_pipeline(const struct lease *l, unsigned location);
mono_ns lease_taken_within(const struct lease *l); /* the rule, or 4 times the measured p99 */
uint64_t lease_next_job_id(struct lease *l);       /* for a report about a run that had no job */

/* Several results are overdue and nothing was recorded for rules.breaker: the
 * collector is away rather than the workers. */
bool lease_breaker_open(const struct lease *l, mono_ns now);

#endif
