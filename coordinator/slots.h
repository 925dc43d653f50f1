/* slots.h - slots that come become runs, and runs that nobody looked at become lines
 * of our own report. Between the schedule, the lease and the accounts. */
#ifndef COORDINATOR_SLOTS_H
#define COORDINATOR_SLOTS_H

#include "coordinator/parts.h"

/* A run for each slot that has come by the grid's clock and each of its site's locations, or a place among
 * those who wait for their domain's turn; at most `most` slots. True when there may be more. */
bool slots_begin(struct parts *p, unsigned most, mono_ns now);
/* A run for each whose turn has come. */
bool slots_turns(struct parts *p, unsigned most, mono_ns now);

/* Nobody looked at these slots, or will. 0 of them: nothing. */
void slots_missed(struct parts *p, uint64_t site_id, uint32_t every_ms, wall_us first, uint32_t count,
                  unsigned location);

/* Report the runs that the lease has given up. */
void slots_end(struct parts *p);

#endif
