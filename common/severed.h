/* severed.h - was a connection ended by us, for what its peer sent?
 *
 * libzmq 4.3 ends the connection of a peer whose message is above ZMQ_MAXMSGSIZE,
 * or is no ZMTP, and says neither so nor why: the event is the same as when the
 * peer leaves. What the connection looks like afterwards tells them apart:
 *
 *   still open at our end     the look came too early, or is at another one
 *   bytes that nobody read    ended in the midst of what came
 *   closed by the peer        it left, and all that it said was read before
 *   open, data a moment ago   ended for these data; every other reason to end an
 *                             open connection is a silence of seconds
 *
 * Pure: connections.c looks, this judges.
 */
#ifndef COMMON_SEVERED_H
#define COMMON_SEVERED_H

#include <stdbool.h>
#include <stddef.h>

struct severed_facts {
    bool refused;  /* libzmq says that its handshake was none */
    bool ours;     /* libzmq has not closed its descriptor (yet) */
    bool closed;   /* the peer closed it, or it broke */
    size_t unread; /* bytes */
    int quiet_ms;  /* since data came last; -1: not known (ipc://) */
    bool last;     /* there will be no other look */
};

enum severed { SEVERED_NO, SEVERED_YES, SEVERED_LATER /* look again in a moment */ };

#define SEVERED_QUIET_MS 1500 /* half of the shortest silence that ends a connection, see bus.c */

enum severed severed_judge(const struct severed_facts *f);
/* For the log. `most`: the largest message that is let in. */
void severed_words(const struct severed_facts *f, size_t most, char *buf, size_t size);

#endif
