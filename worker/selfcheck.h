/* selfcheck.h - is it us?
 *
 * A checker whose own network fails sees every site fail. Three kinds of
 * evidence, all of them only what this thread has seen itself:
 *
 *  - its loop was held up: what timed out meanwhile may have answered in time;
 *  - the host's wall clock was stepped: certificates seem expired or not yet valid;
 *  - within ten seconds, of the looks at sites that were up the last time, far
 *    more fail than usual, in many networks that have nothing in common; or
 *    this host ran out of descriptors, ports or memory several times.
 *
 * The last makes the thread doubt itself: it says so, and its failures count for
 * nothing until thirty seconds after the evidence has gone. Sites that fail in
 * one single network, a provider's outage, do not look like that.
 *
 * Not there yet: canaries, that is asking well-known places whether the network
 * is fine at all. They would come in through selfcheck_note_ours.
 *
 * Pure: times are arguments.
 */
#ifndef WORKER_SELFCHECK_H
#define WORKER_SELFCHECK_H

#include "common/clock.h"
#include "common/scope.h"

#include <stdbool.h>
#include <stdint.h>

#define SELFCHECK_LATE_NS (500 * NS_PER_MS) /* a loop held up longer than this judges no timeouts */

struct selfcheck;

int selfcheck_new(struct selfcheck **ret);
void selfcheck_free(struct selfcheck *s); /* NULL is fine */
DEFINE_SCOPED(selfcheck, struct selfcheck *, selfcheck_free)

/* Both clocks now, and how much later than asked for this call comes. To be
 * called a few times a second while looks are under way. */
void selfcheck_tick(struct selfcheck *s, mono_ns now, wall_us wall, mono_ns late);

/* Whether the loop was held up at any time since then. */
bool selfcheck_was_late_since(const struct selfcheck *s, mono_ns since);

/* Whether the wall clock was stepped during the last minute. */
bool selfcheck_clock_stepped(const struct selfcheck *s, mono_ns now);

/* Which way a look went, that is what its failing says something about. */
enum way { WAY_V4, WAY_V6, WAY_NAMES, WAY_COUNT };

/* How a look at a site that was up the last time ended. `place` is what it has
 * in common with others: its network, or for names the name. */
void selfcheck_note(struct selfcheck *s, mono_ns now, enum way way, uint64_t place, bool failed);

/* This host ran out of something. */
void selfcheck_note_ours(struct selfcheck *s, mono_ns now);

bool selfcheck_suspect(const struct selfcheck *s, mono_ns now);

#endif
