#include "coordinator/lateness.h"

void lateness_init(struct lateness *l, mono_ns now)
{
    for (unsigned i = 0; i < LATENESS_SLICES; i++)
        histogram_clear(&l->slice[i]);
    l->newest = now / LATENESS_SLICE_NS;
}

static void forget(struct lateness *l, mono_ns now)
{
    int64_t slice = now / LATENESS_SLICE_NS;
    if (slice - l->newest > LATENESS_SLICES)
        l->newest = slice - LATENESS_SLICES;
    while (l->newest < slice)
        histogram_clear(&l->slice[++l->newest % LATENESS_SLICES]);
}

void lateness_add(struct lateness *l, mono_ns now, int64_t late_us)
{
    forget(l, now);
    histogram_add(&l->slice[l->newest % LATENESS_SLICES], late_us);
}

static uint32_t narrow(uint64_t us)
{
    return us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

struct lateness_summary lateness_summary(struct lateness *l, mono_ns now)
{
    struct histogram all;
    histogram_clear(&all);
    forget(l, now);
    for (unsigned i = 0; i < LATENESS_SLICES; i++)
        histogram_merge(&all, &l->slice[i]);
    return (struct lateness_summary){
        .count = all.count,
        .p50_us = narrow(histogram_quantile(&all, 0.5)),
        .p99_us = narrow(histogram_quantile(&all, 0.99)),
        .max_us = narrow(all.max_us),
    };
}
