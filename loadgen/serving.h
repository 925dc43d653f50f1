/* serving.h - what all threads serve by: read by all, changed by none, but for the moment of the first
 * request. */
#ifndef LOADGEN_SERVING_H
#define LOADGEN_SERVING_H

#include "common/clock.h"
#include "loadgen/forge.h"
#include "loadgen/latency.h"
#include "loadgen/rule.h"

struct serving {
    const struct crowd *crowd;
    const struct rules *rules;
    const struct latency *latency;
    struct forge *forge;
    SSL_CTX *tls;
    uint32_t ttl_s;
    mono_ns begun; /* the first request, whoever got it; 0: there was none. Atomic. */
};

/* Times in rules are counted from the first request. */
static inline int64_t serving_since_us(const struct serving *s, mono_ns now)
{
    mono_ns begun = __atomic_load_n(&s->begun, __ATOMIC_RELAXED);
    return begun == 0 || now < begun ? 0 : (now - begun) / NS_PER_US;
}

static inline void serving_began(struct serving *s, mono_ns now)
{
    mono_ns none = 0;
    if (__atomic_load_n(&s->begun, __ATOMIC_RELAXED) == 0)
        __atomic_compare_exchange_n(&s->begun, &none, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

#endif
