/* address.h - which addresses, names and ports this worker may look at.
 *
 * Whoever can write a site list can make a worker send requests. So that this
 * is no way into networks behind the worker (server-side request forgery),
 * only addresses of the global internet may be looked at, beside the networks
 * that the operator named. The lists are the special-purpose registries of
 * IANA (RFC 6890). An IPv6 address that carries an IPv4 one (mapped, compatible,
 * NAT64, 6to4, Teredo, ISATAP) is none of a site, and refused. Where the operator
 * opened such a network, what is carried inside is judged as well: to open NAT64
 * opens no private network behind it. (Of Teredo and of a NAT64 of one's own,
 * RFC 8215, the inside is not known.)
 *
 * Asked twice for every connection: when a name has been resolved, and again
 * with the very address that the socket is about to connect to.
 *
 * Pure: nothing here looks at the network.
 */
#ifndef WORKER_ADDRESS_H
#define WORKER_ADDRESS_H

#include "common/network.h"
#include "common/result.h"

#include <netinet/in.h>
#include <stdbool.h>

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
};

/* A numeric address without brackets; -EINVAL for anything else. The port is 0. */
int address_parse(const char *text, struct address *ret);
char *address_format(char buf[ADDRESS_SIZE], const struct address *a); /* returns buf */

/* From what a socket call has; -EAFNOSUPPORT for other families, -EINVAL when cut short. */
int address_from(const struct sockaddr *sa, size_t len, struct address *ret);

static inline int address_family(const struct address *a)
{
    return a->any.sa_family;
}

/* Of the global internet: unicast, and in no registry of special purposes. */
bool address_global(const struct address *a);

/* The network that usually belongs to one operator: the first 16 bits of an IPv4
 * address, 32 of an IPv6 one. For telling whether failures have one common place. */
uint64_t address_place(const struct address *a);

struct address_policy {
    struct network_list allow;
    bool all; /* 0.0.0.0/0 and ::/0 are both allowed: whoever said so wants no refusals */
};

/* From the setting worker.allow; -EINVAL with a sentence. */
int address_policy_parse(const char *text, struct address_policy *ret, struct err *err);
bool address_allowed(const struct address_policy *p, const struct address *a);

/* Names that no public resolver can know: of one label, and those reserved for
 * other uses (RFC 6761, RFC 6762, RFC 7686). `localhost` is not among them: it
 * is known without asking anybody, see address_localhost. */
bool address_name_allowed(const struct address_policy *p, const char *host);
bool address_localhost(const char *host);

/* Ports on which a request might be taken for something else, a mail for
 * example: the list that browsers keep (WHATWG Fetch, "bad port"). Looked at
 * only where the operator named the network: what is there is the operator's. */
bool address_port_reserved(uint16_t port);
bool address_port_allowed(const struct address_policy *p, const struct address *a, uint16_t port);

#endif
