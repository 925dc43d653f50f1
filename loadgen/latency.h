/* latency.h - how long a site takes to answer: log-normal, by median and 99th percentile.
 *
 * Answers of web servers are spread like that: half of them within the median,
 * a long tail behind. Held as a table of quantiles, so that a draw is a look
 * into it. Pure.
 */
#ifndef LOADGEN_LATENCY_H
#define LOADGEN_LATENCY_H

#include <stdint.h>

#define LATENCY_STEPS 1000

struct latency {
    int64_t at_us[LATENCY_STEPS + 1]; /* quantile i / LATENCY_STEPS; the last one is that of 0.9999 */
};

/* A 99th percentile at or below the median: every answer takes the median. */
void latency_init(struct latency *l, int64_t median_us, int64_t p99_us);

/* For a draw from 0 to 999,999 (crowd.h: PPM - 1). */
int64_t latency_us(const struct latency *l, uint32_t draw_ppm);

#endif
