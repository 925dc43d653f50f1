/* limits.h - how many checks a second this host lets a worker hold, and what to raise when that is too few.
 *
 * A look holds a slot and a descriptor for as long as it lasts, an entry of
 * connection tracking (where the kernel does that) for two minutes longer, and
 * a local port towards one address for a minute longer, unless the kernel may
 * use it again. What runs out first is not seen as such: connections fail as if
 * sites did. So it is reckoned at the start, and said.
 *
 * How long looks last is assumed: of a hundred, LIMITS_HANG_PERCENT last until
 * their timeout, the others LIMITS_LOOK_US. Pure; machine.h asks the host.
 */
#ifndef WORKER_LIMITS_H
#define WORKER_LIMITS_H

#include "common/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMITS_HANG_PERCENT 2
#define LIMITS_LOOK_US      (300 * US_PER_MS)

/* What the host gives. */
struct limits_host {
    uint64_t descriptors;   /* of this process, RLIMIT_NOFILE; UINT64_MAX: any number */
    uint32_t ports;         /* net.ipv4.ip_local_port_range: how many; 0: not known */
    bool ports_again;       /* net.ipv4.tcp_tw_reuse is 1: after a second instead of a minute */
    uint64_t conntrack_max; /* net.netfilter.nf_conntrack_max; 0: it does not track */
    uint32_t conntrack_tcp_s, conntrack_udp_s; /* how long what has ended is remembered */
};

/* What is configured. */
struct limits_wish {
    uint32_t lanes, slots;  /* slots of each lane */
    uint32_t address_per_s; /* looks at one address a second (polite.address_per_s); 0: no ceiling */
    int64_t timeout_us;     /* of a look that hangs */
};

enum limit {
    LIMIT_SLOTS, /* as configured: what the others are measured by */
    LIMIT_DESCRIPTORS,
    LIMIT_CONNTRACK,
    LIMIT_PORTS, /* towards one address: as many as politeness lets go there */
    LIMIT_COUNT,
};

#define LIMITS_NONE UINT32_MAX

struct limits {
    uint32_t per_s[LIMIT_COUNT]; /* checks a second that each allows; LIMITS_NONE: any number. That of
                                  * ports is for one address */
    uint32_t holds_per_s;        /* the least of those that are about all checks */
    uint32_t hung_per_s;         /* ... if every look hung until its timeout */
    uint32_t slots;      /* of each lane that descriptors suffice for: as configured, or fewer; at least 1 */
    enum limit tightest; /* LIMIT_SLOTS: the host gives all that is configured */
};

void limits_reckon(const struct limits_host *h, const struct limits_wish *w, struct limits *ret);

/* Which setting to raise, and to what, as one sentence: about the i-th limit that
 * falls short of what is configured, from 0. False when there are no more. */
bool limits_advise(const struct limits *l, const struct limits_host *h, const struct limits_wish *w,
                   unsigned i, char *buf, size_t size);

/* Local ports that TCP connections hold, those in TIME_WAIT included, as the texts of /proc/net/sockstat and
 * sockstat6 tell: all of the host, or of its network namespace. A port that listens counts as well. Towards
 * different addresses the kernel may use one port several times, so this is the most that are held. */
uint32_t limits_ports_held(const char *sockstat, const char *sockstat6);

/* Descriptors that so many lanes with so many slots can come to need. */
uint64_t limits_descriptors(uint32_t lanes, uint32_t slots);

#endif
