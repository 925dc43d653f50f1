/* network.h - a list of networks, as settings write it: "127.0.0.0/8, ::1/128".
 *
 * Says whether an address is in any of them. An IPv4 address that comes wrapped
 * in IPv6 (::ffff:127.0.0.1, RFC 4291 section 2.5.5.2) is looked up as the IPv4
 * address that it is, so that the wrapping never opens or closes a door.
 */
#ifndef COMMON_NETWORK_H
#define COMMON_NETWORK_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define NETWORK_LIST_MAX 64

struct network {
    int family;        /* AF_INET or AF_INET6 */
    uint8_t bits;      /* length of the prefix */
    uint8_t bytes[16]; /* network byte order; 4 of them for AF_INET */
};

struct network_list {
    unsigned count;
    struct network network[NETWORK_LIST_MAX];
};

/* Comma-separated networks in CIDR notation (RFC 4632); an address without "/"
 * is a network of one. "" is the empty list. -EINVAL with a sentence for
 * anything else, also for an address with bits beyond its prefix ("10.1.0.0/8"),
 * which is a slip more often than it is meant. *ret is written on success only. */
int network_list_parse(const char *text, struct network_list *ret, struct err *err);

/* Whether the address (AF_INET or AF_INET6; others never) is in one of them. */
bool network_list_has(const struct network_list *list, const struct sockaddr *address);

/* Whether a host as URLs and endpoints write it is this machine beyond doubt:
 * "localhost", "[::1]", or in 127.0.0.0/8. Of other names nothing is asked. */
bool network_is_loopback(const char *host);

#endif
