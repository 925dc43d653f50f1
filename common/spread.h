/* spread.h - how durations are spread, in buckets with fixed bounds, for as long as the process lives: what
 * Prometheus calls a histogram, from which whoever watches computes quantiles over any stretch of time.
 *
 * histogram.h is for quantiles that we compute ourselves: finer, and forgetting. Adding to this one costs
 * some nanoseconds. Not for several threads at once. Pure.
 */
#ifndef COMMON_SPREAD_H
#define COMMON_SPREAD_H

#include <stdint.h>

#define SPREAD_BOUNDS 18
extern const int64_t spread_bound_us[SPREAD_BOUNDS]; /* from 1 ms to 5 min, rising */

struct spread {
    uint64_t bucket[SPREAD_BOUNDS + 1]; /* those up to each bound and above the one before; longer ones */
    uint64_t sum_us;
};

void spread_add(struct spread *s, int64_t us); /* below 0 counts as 0 */
void spread_merge(struct spread *to, const struct spread *from);
uint64_t spread_count(const struct spread *s);

#endif
