/* net.h - the network of a simulated world: what ZeroMQ and TCP do between processes, and what can go wrong.
 *
 * Behind bus.h, which the daemons know. A connection is a pipe with two directions. What was measured of
 * libzmq 4.3 holds here too:
 *
 *   - a PUSH that binds has a pipe for each peer, and jobs go round; with the peer all that is in its pipe is
 * lost
 *   - of who is killed, what had left its memory arrives, a part of it; what was on its way to it is lost
 *   - a process that is stopped goes on receiving: its jobs are read, stale, when it goes on
 *   - heartbeats (jobs and control) end a connection after some seconds of silence, of either side; results
 * have none, and live through a silence of up to half a minute
 *   - results push back: a full pipe takes no more
 *   - a ROUTER knows its peers by connection, and cannot reach one that is gone
 *   - who connects tries again for ever, with pauses
 *
 * A direction between two hosts may be cut, slow, or lossy for connections: see below.
 */
#ifndef SIM_NET_H
#define SIM_NET_H

#include "tests/sim/world.h"

#define NET_MOST_HOSTS 32

/* One direction. What is on its way stays in the pipe, and arrives when it is mended, if the pipe lives. */
void net_cut(const struct host *from, const struct host *to, bool cut);
bool net_is_cut(const struct host *from, const struct host *to);
void net_slow(const struct host *from, const struct host *to, mono_ns more); /* latency on top; 0: none */
void net_break_all(const struct host *a, const struct host *b); /* every connection between them */
void net_repeat(unsigned per_mille); /* so many messages arrive twice; an assumption more than ZeroMQ needs */

void net_begin(void);
void net_end(void);

#endif
