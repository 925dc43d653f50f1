/* connections.h - the connections of one ZeroMQ socket, each held by a second
 * descriptor, so that it can be looked at once more when libzmq has ended it.
 *
 * Ours is closed as soon as the judgement (severed.h) is made: at once or, where
 * a look came too early, within CONNECTIONS_DOUBT_NS. At most CONNECTIONS_MAX are
 * held, and none with a descriptor in the last quarter of what the process may
 * open, which is left to its work; the ends of others are not judged.
 *
 * Not shared between threads.
 */
#ifndef COMMON_CONNECTIONS_H
#define COMMON_CONNECTIONS_H

#include "common/clock.h"
#include "common/dropped.h"
#include "common/scope.h"

#include <stdbool.h>
#include <stdint.h>

#define CONNECTIONS_MAX      1024
#define CONNECTIONS_LOOKS    5
#define CONNECTIONS_PAUSE_NS (40 * NS_PER_MS)
#define CONNECTIONS_DOUBT_NS ((CONNECTIONS_LOOKS - 1) * CONNECTIONS_PAUSE_NS)

struct connections;

/* `most`: the largest message that is let in, for the words. */
int connections_new(struct connections **ret, size_t most);
void connections_free(struct connections *c); /* NULL is fine; closes all of ours */
DEFINE_SCOPED(connections, struct connections *, connections_free)

void connections_begin(struct connections *c, int fd); /* libzmq has opened it */
/* How many bytes came from its peer, as far as we hold it and can tell (TCP); 0. */
int64_t connections_heard(struct connections *c, int fd);
/* libzmq ends it, and closes fd in a moment. `refused`: its handshake was none. */
void connections_end(struct connections *c, int fd, bool refused, mono_ns now);

void connections_let_go(struct connections *c); /* of all: libzmq ends them without a word */

struct connections_cut {
    char peer[DROPPED_PEER_SIZE]; /* "127.0.0.1"; "ipc:" and a process id; "": not known */
    char why[DROPPED_WHY_SIZE];
};
/* One that was ended for what its peer sent; false: none (left). */
bool connections_step(struct connections *c, mono_ns now, struct connections_cut *ret);
mono_ns connections_next(const struct connections *c); /* when to step again; MONO_NEVER */

#endif
