#include "common/spread.h"

#define MS(n) ((int64_t)((n)*1000))
#define S(n)  ((int64_t)((n)*1000000))

const int64_t spread_bound_us[SPREAD_BOUNDS] = {
    MS(1), MS(2.5), MS(5), MS(10), MS(25), MS(50), MS(100), MS(250), MS(500),
    S(1),  S(2.5),  S(5),  S(10),  S(20),  S(30),  S(60),   S(120),  S(300),
};

void spread_add(struct spread *s, int64_t us)
{
    unsigned i = 0;
    if (us < 0)
        us = 0;
    while (i < SPREAD_BOUNDS && us > spread_bound_us[i])
        i++;
    s->bucket[i]++;
    s->sum_us += (uint64_t)us;
}

void spread_merge(struct spread *to, const struct spread *from)
{
    for (unsigned i = 0; i <= SPREAD_BOUNDS; i++)
        to->bucket[i] += from->bucket[i];
    to->sum_us += from->sum_us;
}

uint64_t spread_count(const struct spread *s)
{
    uint64_t n = 0;
    for (unsigned i = 0; i <= SPREAD_BOUNDS; i++)
        n += s->bucket[i];
    return n;
}
