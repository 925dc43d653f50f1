/* route.h - whether this host has a way to an address at all.
 *
 * Asked of the kernel's routing table, by connecting a UDP socket, which sends
 * nothing. A site that only has addresses of a family without a route cannot be
 * looked at from here, and is not down for that.
 */
#ifndef WORKER_ROUTE_H
#define WORKER_ROUTE_H

#include "worker/address.h"

/* True also when it cannot be found out (no descriptor left). */
bool route_to(const struct address *a);

/* Which families have a route to the internet. */
struct routes {
    uint32_t v4, v6; /* as configured: 0 no, 1 yes, 2 find out */
    bool found_v4, found_v6;
    mono_ns look_again;
    bool unplugged;      /* some interface that is meant to be up has no carrier ... */
    mono_ns links_until; /* ... which is believed until then */
};
void routes_init(struct routes *r, uint32_t v4, uint32_t v6);

/* Finds out anew once a minute. */
bool routes_have(struct routes *r, int family, mono_ns now);

/* Whether an address may be tried: its family is not switched off, and there is
 * a route, or it is one of the special-purpose addresses that need none. */
bool routes_usable(struct routes *r, const struct address *a, mono_ns now);

/* Whether there is no way to an address at this moment: no route, or the interface
 * that the route leads through has lost its carrier, a cable that was pulled. For
 * looks that have failed; false when it cannot be found out. */
bool routes_lost(struct routes *r, const struct address *a, mono_ns now);

#endif
