/* intake.h - what becomes of a job that arrives: taken, busy, or dropped.
 *
 * A lane always drains its socket, so every job gets a word at once: taken, or
 * busy, upon which the coordinator gives it to another. Only what is stale gets
 * none, because by then the job has gone to another anyway: jobs of a coordinator
 * before the present one, and jobs that lay around for longer than they may.
 *
 * How long that was is known without comparing clocks of two hosts: a batch is
 * stamped with the coordinator's monotonic clock, the difference to ours is
 * smallest for the batch that travelled fastest, and what another one has on top
 * of that is how long it lay. (A worker that was stopped finds batches in its
 * socket that are many seconds old.) Welcomes and beats have such a stamp, too: with
 * batches alone the first one of an epoch would be young whatever its age.
 *
 * Pure: the time is an argument.
 */
#ifndef WORKER_INTAKE_H
#define WORKER_INTAKE_H

#include "common/job.h"

#include <stdbool.h>
#include <stddef.h>

struct intake {
    uint32_t epoch; /* highest seen */
    bool measured;
    int64_t difference_ms[2]; /* smallest in the period before and in this one */
    mono_ns period_ends;      /* clocks drift apart: old periods are forgotten */
};

/* How long this batch, or other word with a stamp, has lain, in milliseconds; -1 when it is of an older
 * epoch and all of it is to be dropped. A newer epoch begins the measuring anew. */
int64_t intake_age_ms(struct intake *i, uint32_t epoch, int64_t stamp_ms, mono_ns now);

enum intake_word { INTAKE_TAKEN, INTAKE_BUSY, INTAKE_STALE };

/* The lane as it is now. */
struct intake_lane {
    const char *name; /* of its worker */
    bool draining;
    bool known; /* this very job is in hand, or its result waits to be recorded */
    size_t free_slots;
    size_t outbox_room; /* for results, those of jobs in hand not counted */
    uint64_t key;       /* by which it was welcomed; 0: none */
};

enum intake_word intake_decide(const struct job *j, int64_t age_ms, const struct intake_lane *l);

#endif
