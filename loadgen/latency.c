#include "loadgen/latency.h"

#include <math.h>

#define Z99 2.3263478740408408 /* the standard normal distribution's 99th percentile */

/* The standard normal distribution's quantile, by halving: there is time at the start. */
static double z_of(double share)
{
    double low = -8, high = 8;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (0.5 * erfc(-middle / M_SQRT2) < share)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void latency_init(struct latency *l, int64_t median_us, int64_t p99_us)
{
    double sigma = median_us > 0 && p99_us > median_us ? log((double)p99_us / (double)median_us) / Z99 : 0;
    for (int i = 0; i <= LATENCY_STEPS; i++) {
        double share = fmin(fmax((double)i / LATENCY_STEPS, 0.0001), 0.9999);
        l->at_us[i] = (int64_t)llround((double)median_us * exp(sigma * z_of(share)));
    }
}

int64_t latency_us(const struct latency *l, uint32_t draw_ppm)
{
    enum { PER_STEP = 1000000 / LATENCY_STEPS };
    uint32_t i = draw_ppm / PER_STEP, rest = draw_ppm % PER_STEP;
    if (i >= LATENCY_STEPS)
        return l->at_us[LATENCY_STEPS];
    return l->at_us[i] + (l->at_us[i + 1] - l->at_us[i]) * rest / PER_STEP;
}
