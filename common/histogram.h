/* histogram.h - how long things took, in buckets whose width grows with the
 * value: quantiles within 7 % for any duration from 1 us to an hour, in fixed
 * memory. Not for several threads at once.
 */
#ifndef COMMON_HISTOGRAM_H
#define COMMON_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BUCKETS 480 /* 16 per doubling, 30 doublings */

struct histogram {
    uint64_t count;
    uint64_t max_us;
    uint32_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, int64_t us); /* below 0 counts as 0 */
void histogram_merge(struct histogram *to, const struct histogram *from);
/* The value that `share` (0 to 1) of all are not above; 0 when empty. */
uint64_t histogram_quantile(const struct histogram *h, double share);
void histogram_clear(struct histogram *h);

#endif
