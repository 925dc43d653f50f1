/* ledger.h - what happened in a simulated world, written down as it happens, and the promises that it must
 * keep.
 *
 * Who calls what: looks.c tells of looks, shelf.c of what is committed, receivers.c of what is delivered. A
 * promise is judged as soon as it can be, and the rest at the end (ledger_judge). README.md lists them.
 */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "common/job.h"
#include "tests/sim/shelf.h"

void ledger_begin(void);
void ledger_end(void);

void ledger_look(const struct job *job, const struct proc *who, unsigned place); /* one begins */
void ledger_saw(const struct result *r, const struct proc *who, mono_ns began, bool lies);

/* In a transaction, which is there in full: before anything of it, each part, after all of it. */
void ledger_writes(const struct proc *who, enum store_role role, uint64_t epoch);
void ledger_commit(const struct record *x);
void ledger_line(const struct shelf_line *l);
void ledger_state(const struct site_state *before, const struct site_state *after);
void ledger_incident(const struct incident *before, const struct incident *after);
void ledger_committed(const struct record *x);

void ledger_delivered(const struct notice *n);

void ledger_judge(void); /* at the end */

struct ledger_numbers {
    uint64_t looks, lines, unknown, incidents, notices;
};
struct ledger_numbers ledger_numbers(void);

#endif
