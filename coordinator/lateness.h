/* lateness.h - how late looks were begun, over the last minute.
 *
 * From a slot's due time to the moment a worker took its job. Kept as a ring of
 * histograms, each for five seconds, so that what is older than a minute is
 * forgotten in steps of five seconds. Fixed memory, no clock inside.
 */
#ifndef COORDINATOR_LATENESS_H
#define COORDINATOR_LATENESS_H

#include "common/clock.h"
#include "common/histogram.h"

#define LATENESS_SLICES   12
#define LATENESS_SLICE_NS (5 * NS_PER_S)

struct lateness { /* private */
    struct histogram slice[LATENESS_SLICES];
    int64_t newest; /* number of the slice that now falls into, since the monotonic clock's zero */
};

void lateness_init(struct lateness *l, mono_ns now);
void lateness_add(struct lateness *l, mono_ns now, int64_t late_us);

struct lateness_summary {
    uint64_t count;
    uint32_t p50_us, p99_us, max_us;
};
struct lateness_summary lateness_summary(struct lateness *l, mono_ns now);

#endif
