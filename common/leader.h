/* leader.h - whether we may act in a part that only one process has at a time.
 *
 *   waiting ──▶ leading ◀──▶ lapsed ──▶ deposed
 *                  └───────────────────────▲
 *
 * Who has the part is for the database to say, by a lease. It is renewed every second, and we act until it
 * ends and not longer, by our own clock, counted from before the question was sent: whoever answers late
 * cannot make it longer, and a process that was stopped finds it ended before it has done anything. We give
 * up a tenth of it, for clocks that do not run alike. So two never act at once: nobody else is let in while
 * the lease holds.
 *
 *   leading   it holds
 *   lapsed    it has ended, and nobody knows whether anybody else has come: the database cannot be asked. The
 *             next answer tells
 *   deposed   somebody else has come. For good: such a process ends, and another one begins anew
 *
 * Pure.
 */
#ifndef COMMON_LEADER_H
#define COMMON_LEADER_H

#include "common/clock.h"

#include <stdbool.h>

#define LEADER_ASK_NS   (200 * NS_PER_MS) /* how often whoever waits asks, and whoever got no answer */
#define LEADER_RENEW_NS NS_PER_S          /* how often the lease is renewed, or ten times in its length */

enum leader_state { LEADER_WAITING, LEADER_LEADING, LEADER_LAPSED, LEADER_DEPOSED };
const char *leader_state_name(enum leader_state s); /* "waiting" */

/* What came of asking for the part, or for it to be kept. */
enum leader_answer {
    LEADER_OURS,
    LEADER_ANOTHERS,
    LEADER_NOBODY_KNOWS, /* the database is away */
};

struct leader {
    enum leader_state state;
    mono_ns lease; /* 0: has no end */
    mono_ns until; /* leading: when it ends; MONO_NEVER */
    mono_ns ask;   /* when to ask next; MONO_NEVER */
};

void leader_init(struct leader *l, mono_ns lease, mono_ns now);

/* An answer came now to what was asked then. */
void leader_hear(struct leader *l, enum leader_answer answer, mono_ns asked, mono_ns now);

/* How it is now: a lease ends by itself. */
enum leader_state leader_now(const struct leader *l, mono_ns now);

#endif
