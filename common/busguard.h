/* busguard.h - tells which peers' connections libzmq ended for what they sent: a
 * message above ZMQ_MAXMSGSIZE, or none that ZeroMQ knows. See severed.h.
 *
 * One thread per bus that has sockets under guard. It hears from libzmq when
 * their connections begin and end, and it is what ZAP (ZeroMQ's RFC 27) asks
 * whether a peer may come in. Where no key is needed it says yes to all, elsewhere to
 * those that are let in (zap.h); but not before it holds the
 * connection: so no message can come, and no connection be ended for one, that
 * it does not know. No loop waits for it, and it waits for no loop.
 *
 * Whoever never was let in may escape it: a stranger who says nonsense, or all of
 * a handshake and more, in the same moment as it connects, may be gone before the
 * connection is held. None of that is a message yet, and a mere visit looks alike.
 *
 * A socket under guard also refuses peers of ZMTP 1.0 and 2.0 (ZeroMQ before 4.0).
 */
#ifndef COMMON_BUSGUARD_H
#define COMMON_BUSGUARD_H

#include "common/access.h"
#include "common/loop.h"
#include "common/porter.h"
#include "common/scope.h"

#include <stddef.h>

#define BUSGUARD_MAX_SOCKETS 1024

struct busguard;

/* `context`: a zmq_ctx. `own`: the public key of who listens, "" for none. */
int busguard_new(struct busguard **ret, void *context, const char *own);
void busguard_free(struct busguard *g); /* NULL is fine; all guarded sockets freed before */
DEFINE_SCOPED(busguard, struct busguard *, busguard_free)

/* Who is let in from now on, besides who has the own key; taken. From any thread. */
void busguard_let_in(struct busguard *g, struct access_list *list);

/* Who has an unknown key is not refused before somebody has looked whether it is known by
 * now: `ask` is called, in the guard's thread, and only rings a bell; with what is known
 * then, the answers that waited are given when busguard_settle says that they can be, or
 * after a second. NULL: nobody looks. */
void busguard_ask(struct busguard *g, porter_ask_fn *ask, void *arg);
/* How many have asked so far; and: up to that many, what busguard_let_in said holds. */
uint64_t busguard_asked(struct busguard *g);
void busguard_settle(struct busguard *g, uint64_t asked);

struct guarded; /* one socket */

/* A message of `peer` was dropped together with its connection, or it was not let in
 * for its key; in the loop's thread. */
typedef void guarded_fn(void *arg, const char *peer, const char *why);

/* Before the socket binds or connects. `most`: its ZMQ_MAXMSGSIZE. */
int guarded_new(struct guarded **ret, struct busguard *g, void *socket, size_t most, struct loop *l,
                guarded_fn *fn, void *arg);
/* How many peers are connected now; from any thread. */
size_t guarded_peers(const struct guarded *w);

/* Of a side that connects: how often in a row the other end said something and did not
 * let it in, which is what a key gets that is not known there. */
unsigned guarded_turned_away(const struct guarded *w);
/* ... and whether it was, the last time, because it has another key than we connect to. */
bool guarded_met_stranger(const struct guarded *w);
/* After the socket's endpoint was unbound: libzmq ends its connections and says nothing
 * of it, and as long as we held them they would not end for their peers. */
void guarded_let_go(struct guarded *w);
/* Before the socket is closed, in its thread; fn is not called any more. NULL is
 * fine. Its memory goes when the loop has turned once more or is freed. */
void guarded_free(struct guarded *w);
DEFINE_SCOPED(guarded, struct guarded *, guarded_free)

#endif
