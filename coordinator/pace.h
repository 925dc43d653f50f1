/* pace.h - how fast jobs are sent and how long it is until a worker says that
 * it has them; and the purse out of which repeats are paid.
 *
 * Both are measured over PACE_PERIOD_NS at a time, so that what they say is at
 * most two periods old. Pure; fixed memory.
 */
#ifndef COORDINATOR_PACE_H
#define COORDINATOR_PACE_H

#include "common/clock.h"
#include "common/histogram.h"

#include <stdbool.h>
#include <stdint.h>

#define PACE_PERIOD_NS (10 * NS_PER_S)
#define PACE_LEAST     20 /* measurements before a quantile means anything */

struct pace {
    mono_ns p99;   /* of the last whole period; 0 when it had too few */
    double rate;   /* sent per second, in the last whole period */
    mono_ns began; /* private, as is the rest */
    uint64_t sent;
    struct histogram latency;
};

void pace_init(struct pace *p, mono_ns now);
void pace_sent(struct pace *p, mono_ns now);
void pace_taken(struct pace *p, mono_ns latency, mono_ns now);

/* Tokens: whoever sends a job for the first time earns a share of one, a repeat
 * costs a whole one. One a second comes for nothing until `burst` are there, and
 * that many are there at the start. */
struct purse {
    double tokens; /* private */
    double share, burst;
    mono_ns filled;
};
void purse_init(struct purse *p, uint32_t percent, uint32_t burst, mono_ns now);
void purse_earn(struct purse *p);
uint32_t purse_count(struct purse *p, mono_ns now); /* whole tokens */
bool purse_pay(struct purse *p, mono_ns now);
void purse_refund(struct purse *p);

#endif
