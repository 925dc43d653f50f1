#include "worker/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    OF_A_LANE = 64,    /* loops, ZeroMQ, name servers, canaries */
    OF_A_PROCESS = 64, /* ... and what is not a lane's */
    HELD_S = 60,       /* TIME_WAIT, fixed in the kernel (TCP_TIMEWAIT_LEN) */
    HELD_AGAIN_S = 1,  /* with tcp_tw_reuse, see ip-sysctl of the kernel */
};

uint64_t limits_descriptors(uint32_t lanes, uint32_t slots)
{
    return (uint64_t)lanes * ((uint64_t)slots + OF_A_LANE) + OF_A_PROCESS;
}

static uint32_t clip(uint64_t n)
{
    return n < LIMITS_NONE ? (uint32_t)n : LIMITS_NONE - 1;
}

/* How long a look lasts, on average. */
static uint64_t mean_us(const struct limits_wish *w)
{
    return (uint64_t)(w->timeout_us * LIMITS_HANG_PERCENT + LIMITS_LOOK_US * (100 - LIMITS_HANG_PERCENT)) /
           100;
}

static uint32_t rate(uint64_t at_once, uint64_t each_us)
{
    return clip(at_once * US_PER_S / (each_us ? each_us : 1));
}

static uint32_t slots_that_fit(const struct limits_host *h, const struct limits_wish *w)
{
    if (limits_descriptors(w->lanes, w->slots) <= h->descriptors)
        return w->slots;
    uint64_t fixed = limits_descriptors(w->lanes, 0);
    uint64_t fit = h->descriptors > fixed ? (h->descriptors - fixed) / w->lanes : 0;
    return fit ? (uint32_t)fit : 1;
}

/* A connection's entry outlives it; the question for its name has one of its own. */
static uint64_t tracked_us(const struct limits_host *h, const struct limits_wish *w)
{
    return mean_us(w) + ((uint64_t)h->conntrack_tcp_s + h->conntrack_udp_s) * US_PER_S;
}

static uint32_t held_s(const struct limits_host *h)
{
    return h->ports_again ? HELD_AGAIN_S : HELD_S;
}

void limits_reckon(const struct limits_host *h, const struct limits_wish *w, struct limits *ret)
{
    uint32_t slots = slots_that_fit(h, w);
    uint64_t wanted = (uint64_t)w->lanes * w->slots, held = (uint64_t)w->lanes * slots;
    struct limits l = { .slots = slots, .tightest = LIMIT_SLOTS };

    l.per_s[LIMIT_SLOTS] = rate(wanted, mean_us(w));
    l.per_s[LIMIT_DESCRIPTORS] = slots < w->slots ? rate(held, mean_us(w)) : LIMITS_NONE;
    l.per_s[LIMIT_CONNTRACK] = h->conntrack_max ? rate(h->conntrack_max, tracked_us(h, w)) : LIMITS_NONE;
    l.per_s[LIMIT_PORTS] = h->ports ? h->ports / held_s(h) : LIMITS_NONE;
    for (unsigned i = LIMIT_SLOTS; i <= LIMIT_CONNTRACK; i++)
        if (l.per_s[i] < l.per_s[l.tightest])
            l.tightest = (enum limit)i;
    l.holds_per_s = l.per_s[l.tightest];
    l.hung_per_s = rate(held, (uint64_t)w->timeout_us);
    *ret = l;
}

static bool falls_short(const struct limits *l, const struct limits_wish *w, enum limit which)
{
    if (which == LIMIT_PORTS)
        return l->per_s[LIMIT_PORTS] < (w->address_per_s ? w->address_per_s : l->per_s[LIMIT_SLOTS]);
    return which != LIMIT_SLOTS && l->per_s[which] < l->per_s[LIMIT_SLOTS];
}

static void advise(const struct limits *l, const struct limits_host *h, const struct limits_wish *w,
                   enum limit which, char *buf, size_t size)
{
    uint32_t wanted = l->per_s[LIMIT_SLOTS];
    if (which == LIMIT_DESCRIPTORS)
        snprintf(buf, size,
                 "%" PRIu64 " descriptors are enough for %" PRIu32 " of %" PRIu32
                 " slots in each thread: raise LimitNOFILE= of the unit (or ulimit -n) to %" PRIu64,
                 h->descriptors, l->slots, w->slots, limits_descriptors(w->lanes, w->slots));
    else if (which == LIMIT_CONNTRACK)
        snprintf(buf, size,
                 "connection tracking is full at %" PRIu32
                 " checks/s: raise net.netfilter.nf_conntrack_max to %" PRIu64
                 ", or do not track this host's own connections",
                 l->per_s[which], (uint64_t)wanted * tracked_us(h, w) / US_PER_S);
    else
        snprintf(buf, size,
                 "ports are enough for %" PRIu32
                 " checks/s of one address: widen net.ipv4.ip_local_port_range%s",
                 l->per_s[which], h->ports_again ? "" : ", or set net.ipv4.tcp_tw_reuse to 1");
}

bool limits_advise(const struct limits *l, const struct limits_host *h, const struct limits_wish *w,
                   unsigned i, char *buf, size_t size)
{
    for (unsigned which = 0; which < LIMIT_COUNT; which++)
        if (falls_short(l, w, (enum limit)which) && i-- == 0) {
            advise(l, h, w, (enum limit)which, buf, size);
            return true;
        }
    return false;
}

/* "TCP: inuse 9 orphan 0 tw 2 ...": the number behind a word, in the line of a protocol. */
static uint32_t number_of(const char *text, const char *protocol, const char *word)
{
    const char *line = strstr(text, protocol);
    const char *end = line ? strchr(line, '\n') : NULL;
    const char *at = line ? strstr(line, word) : NULL;
    unsigned n = 0;
    if (!at || (end && at > end))
        return 0;
    return sscanf(at + strlen(word), "%u", &n) == 1 ? n : 0;
}

uint32_t limits_ports_held(const char *sockstat, const char *sockstat6)
{
    return number_of(sockstat, "TCP:", " inuse ") + number_of(sockstat, "TCP:", " tw ") +
           number_of(sockstat6, "TCP6:", " inuse ");
}
