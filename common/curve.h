/* curve.h - a ZeroMQ socket's keys: who listens with which, and who connects with
 * which. Before it binds or connects. 0 or -errno. */
#ifndef COMMON_CURVE_H
#define COMMON_CURVE_H

#include "common/keys.h"

/* Peers prove that they have a key, and busguard.h decides whether it may go through
 * that door (access.h). */
int curve_listen(void *socket, const char *secret, const char *door);

/* `server`: the public key that the other end must have. */
int curve_connect(void *socket, const struct key_pair *own, const char *server);

#endif
