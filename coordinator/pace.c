#include "coordinator/pace.h"

void pace_init(struct pace *p, mono_ns now)
{
    *p = (struct pace){ .began = now };
}

static void turn_over(struct pace *p, mono_ns now)
{
    mono_ns passed = now - p->began;
    if (passed < PACE_PERIOD_NS)
        return;
    p->rate = (double)p->sent * (double)NS_PER_S / (double)passed;
    p->p99 = p->latency.count < PACE_LEAST ? 0 : (mono_ns)histogram_quantile(&p->latency, 0.99) * NS_PER_US;
    p->sent = 0;
    p->began = now;
    histogram_clear(&p->latency);
}

void pace_sent(struct pace *p, mono_ns now)
{
    turn_over(p, now);
    p->sent++;
}

void pace_taken(struct pace *p, mono_ns latency, mono_ns now)
{
    turn_over(p, now);
    histogram_add(&p->latency, latency / NS_PER_US);
}

#define PURSE_MOST 256.0 /* or a worker that held thousands would be a storm when it goes */

void purse_init(struct purse *p, uint32_t percent, uint32_t burst, mono_ns now)
{
    *p = (struct purse){ .tokens = burst, .share = percent / 100.0, .burst = burst, .filled = now };
}

void purse_earn(struct purse *p)
{
    if (p->tokens < PURSE_MOST)
        p->tokens += p->share;
}

uint32_t purse_count(struct purse *p, mono_ns now)
{
    double seconds = (double)(now - p->filled) / (double)NS_PER_S;
    p->filled = now;
    if (p->tokens < p->burst && seconds > 0)
        p->tokens = p->tokens + seconds < p->burst ? p->tokens + seconds : p->burst;
    return (uint32_t)p->tokens;
}

bool purse_pay(struct purse *p, mono_ns now)
{
    if (purse_count(p, now) == 0)
        return false;
    p->tokens -= 1;
    return true;
}

void purse_refund(struct purse *p)
{
    p->tokens += 1;
}
