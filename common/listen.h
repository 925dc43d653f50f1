/* listen.h - a place for whoever connects over TCP: written as "127.0.0.1:7715", "[::1]:7715", or with
 * several ports, "127.0.0.1:7717-7719", of which the first that is free is taken. Port 0 is any free one.
 */
#ifndef COMMON_LISTEN_H
#define COMMON_LISTEN_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define LISTEN_SIZE      64  /* of a place's text */
#define LISTEN_MAX_PORTS 256 /* in one range */

struct listen_place {
    struct sockaddr_storage at; /* its port is not set */
    socklen_t len;
    uint16_t first, last;
};

/* An address of IPv4, one of IPv6 in brackets, or "localhost" for 127.0.0.1; no other names. -EINVAL. */
int listen_parse(const char *text, struct listen_place *ret, struct err *err);
/* Whether it is one, or empty. */
int listen_check(const char *text, struct err *err);

/* A socket that listens, with SOCK_CLOEXEC and as many waiting as `backlog`. `where` gets the place that it
 * has become, LISTEN_SIZE bytes. -EADDRINUSE when none of the ports is free, or another -errno, with a
 * sentence. */
int listen_open(const struct listen_place *place, int backlog, int *ret_fd, char where[LISTEN_SIZE],
                struct err *err);

#endif
