/* candidates.h - which addresses of a host a look may try, and in which order.
 *
 * Pure: nothing here asks for a name or looks at the network.
 */
#ifndef WORKER_CANDIDATES_H
#define WORKER_CANDIDATES_H

#include "worker/address.h"
#include "worker/dnscache.h"

/* What is known of a host without asking a name server: an address, given as such
 * (`numeric`), and this machine, whose name no server is asked for (RFC 6761, section
 * 6.3). False for any other. */
bool candidates_known(const char *host, bool numeric, struct dns_answer *ret);

struct candidates {
    unsigned n; /* 0: nothing may be tried, and `refused` is one of what would have been */
    struct address at[2 * DNS_MAX_ADDRESSES];
    struct address refused;
    bool wrong_port; /* it would be allowed at another port */
};

/* Every second address is of the other family, beginning with IPv4, so that one
 * family that is broken costs one attempt; the addresses of each begin with number
 * `turn`, so that a look which confirms can begin elsewhere. Left out is what the
 * policy forbids, or forbids at that port. */
void candidates_choose(struct candidates *c, const struct dns_answer *from, unsigned turn,
                       const struct address_policy *policy, uint16_t port);

#endif
