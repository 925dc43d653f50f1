/* presence.h - when a lane speaks to a coordinator, and when it gives up on
 * the connection: hello until welcomed, a heartbeat every second, everything it
 * has in hand every five; after ten seconds of silence new sockets and hello.
 * One that only stands by is asked again every second, for as long as it does.
 *
 * Silence may also be a connection that ZeroMQ never makes again, after a
 * protocol error for example; only new sockets end that.
 *
 * Pure: says what is to be done; the lane does it.
 */
#ifndef WORKER_PRESENCE_H
#define WORKER_PRESENCE_H

#include "common/clock.h"

#include <stdbool.h>

struct presence {
    bool welcomed;
    bool stands_by;       /* said last that another one acts */
    uint64_t coordinator; /* nonce of the one that welcomed us */
    mono_ns heard;        /* its last message, or when we began to wait for one */
    mono_ns next_hello, next_beat, next_full;
};

void presence_init(struct presence *p, mono_ns now);

/* A message of the coordinator with this nonce came. One that is not the one
 * that welcomed us does not know us: hello again. */
void presence_heard(struct presence *p, uint64_t nonce, mono_ns now);
void presence_welcomed(struct presence *p, uint64_t nonce, mono_ns now);
/* It stands by, or is not believed although it welcomed us: ask again later. The next
 * that is heard of it is news, and hello is said at once. */
void presence_standby(struct presence *p, mono_ns now);

enum presence_act {
    PRESENCE_HELLO = 1 << 0,
    PRESENCE_BEAT = 1 << 1,
    PRESENCE_FULL_BEAT = 1 << 2, /* a heartbeat with all ids */
    PRESENCE_RECONNECT = 1 << 3, /* new sockets, before anything else that is asked for */
};

/* What is due now, as a set of acts. */
unsigned presence_step(struct presence *p, mono_ns now);
mono_ns presence_next(const struct presence *p); /* when something will be */

#endif
