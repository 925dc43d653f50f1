/* selfcheck.h - is it us?
 *
 * A checker whose own network fails sees every site fail. Evidence of that, all
 * of it only what this thread has seen itself:
 *
 *  - late: its loop was held up. What timed out meanwhile may have answered in
 *    time; three such times within ten seconds are evidence.
 *  - clock: the host's wall clock was stepped. Certificates seem expired or not
 *    yet valid, and looks are dated wrongly.
 *  - shortage: this host ran out of descriptors, ports or memory, or its own
 *    firewall forbade something: five times within ten seconds.
 *  - share: of the looks at sites that were up the last time, far more fail than
 *    usual, in many networks that have nothing in common. Looked at over ten
 *    seconds, or over two minutes where ten seconds have too few looks. Sites that
 *    fail in one single network, a provider's outage, do not look like that.
 *  - canary: those whom we ask for nothing but an answer do not answer (canary.h).
 *
 * The last two are kept for each way (IPv4, IPv6, names): where IPv6 is broken, IPv4
 * may be well. The others are about all ways, and so is doubt of names: a resolver
 * that is silent may be the first that is seen of a network that goes.
 *
 * Doubt lasts until some time after the newest evidence of its kind, thirty
 * seconds unless told otherwise. Where it comes back soon it lasts twice as long as
 * before, up to sixteen times: evidence may be missing only because nobody gives
 * work to a worker in doubt.
 *
 * Pure: times are arguments.
 */
#ifndef WORKER_SELFCHECK_H
#define WORKER_SELFCHECK_H

#include "common/clock.h"
#include "common/control.h"
#include "common/scope.h"

#include <stdbool.h>
#include <stdint.h>

#define SELFCHECK_LATE_NS (500 * NS_PER_MS) /* a loop held up longer than this judges no timeouts */

struct selfcheck;

/* `hold` is how long doubt lasts after the evidence. -ENOMEM. */
int selfcheck_new(struct selfcheck **ret, mono_ns hold);
void selfcheck_free(struct selfcheck *s); /* NULL is fine */
DEFINE_SCOPED(selfcheck, struct selfcheck *, selfcheck_free)

/* Both clocks now, and how much later than asked for this call comes. To be
 * called a few times a second while looks are under way or there is doubt. */
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

/* The canaries of this way do not answer; `silent` of `all`. */
void selfcheck_note_canaries(struct selfcheck *s, mono_ns now, enum way way, unsigned silent, unsigned all);

/* Whether there is doubt of any kind, and whether it bears on looks of that way. */
bool selfcheck_suspect(const struct selfcheck *s, mono_ns now);
bool selfcheck_doubts(const struct selfcheck *s, enum way way, mono_ns now);

/* Why, for people: the first kind of evidence that there is, as it was when this
 * doubt began. "" without doubt; borrowed until the next call that changes anything. */
const char *selfcheck_reason(const struct selfcheck *s, mono_ns now);

#endif
