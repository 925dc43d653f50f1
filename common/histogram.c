#include "common/histogram.h"

#include <math.h>
#include <string.h>

/* Which bucket
 *
 * Values below 16 have a bucket each. Above, a value's highest bit picks the
 * doubling and the four bits behind it one of that doubling's 16 buckets: a
 * bucket is never wider than a sixteenth of its values. 480 buckets reach to
 * 2^33 us, more than two hours; what is longer is in the last one, whose upper
 * end is the longest value seen.
 */
enum { STEPS = 16, STEP_BITS = 4 };

static unsigned bucket_of(uint64_t us)
{
    if (us < STEPS)
        return (unsigned)us;
    unsigned high = 63 - (unsigned)__builtin_clzll(us);
    unsigned i = (high - STEP_BITS + 1) * STEPS + (unsigned)(us >> (high - STEP_BITS) & (STEPS - 1));
    return i < HISTOGRAM_BUCKETS ? i : HISTOGRAM_BUCKETS - 1;
}

/* The largest value that belongs into a bucket. */
static uint64_t upper_end(unsigned i)
{
    if (i < STEPS)
        return i;
    if (i == HISTOGRAM_BUCKETS - 1)
        return UINT64_MAX;
    unsigned shift = i / STEPS - 1;
    return ((uint64_t)(STEPS + i % STEPS + 1) << shift) - 1;
}

static void count_up(uint32_t *bucket, uint32_t by)
{
    *bucket = *bucket > UINT32_MAX - by ? UINT32_MAX : *bucket + by;
}

void histogram_add(struct histogram *h, int64_t us)
{
    uint64_t v = us < 0 ? 0 : (uint64_t)us;
    h->count++;
    if (v > h->max_us)
        h->max_us = v;
    count_up(&h->bucket[bucket_of(v)], 1);
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
    to->count += from->count;
    if (from->max_us > to->max_us)
        to->max_us = from->max_us;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        count_up(&to->bucket[i], from->bucket[i]);
}

uint64_t histogram_quantile(const struct histogram *h, double share)
{
    double rank = ceil(share * (double)h->count);
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->bucket[i];
        if (seen > 0 && (double)seen >= rank) {
            uint64_t end = upper_end(i);
            return end < h->max_us ? end : h->max_us;
        }
    }
    return h->max_us;
}

void histogram_clear(struct histogram *h)
{
    memset(h, 0, sizeof *h);
}
