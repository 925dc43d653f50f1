/* canary.h - what the silence of canaries means.
 *
 * A canary is asked for nothing but an answer. Each is asked every five seconds;
 * where one of its way is silent, or looks fail, every second. One that gave no
 * answer twice in a row is silent, until it answers. When half or more of a way's
 * canaries are silent, that way is in doubt: that is quorum and hysteresis; how
 * long doubt lasts after that is selfcheck.h's affair.
 *
 * One that is taken for granted everywhere, such as the root's name servers, may be
 * out of reach for good: on a machine without internet its silence is no trouble.
 * Such a one counts from its first answer on.
 *
 * A question is given up after three seconds. Pure: times are arguments, asking is
 * canaries.h.
 */
#ifndef WORKER_CANARY_H
#define WORKER_CANARY_H

#include "common/canaryspec.h"
#include "worker/selfcheck.h"

#define CANARY_EVERY_NS   (5 * NS_PER_S)
#define CANARY_HURRIED_NS NS_PER_S
#define CANARY_PATIENCE   (3 * NS_PER_S)

/* Private; in place inside somebody else. */
struct canary_flock {
    unsigned n;
    mono_ns hurry_until;
    struct canary {
        enum way way;
        bool asking, counts;
        mono_ns asked_at; /* last; before the first time: one interval before it is due */
        unsigned silences;
    } at[CANARY_MAX];
};

void flock_init(struct canary_flock *f);

/* One more, due at once; its index, or -ENOSPC. One that is not certain to be there
 * counts from its first answer on. */
int flock_add(struct canary_flock *f, enum way way, bool certain, mono_ns now);

/* One that is to be asked now, and is taken to be; -1 when none is. */
int flock_take(struct canary_flock *f, mono_ns now);

/* It answered, or did not. Not being asked: nothing. */
void flock_answered(struct canary_flock *f, unsigned i, bool answered);

/* Nobody could be asked, for reasons of ours that say nothing of the network. */
void flock_void(struct canary_flock *f, unsigned i);

/* One whose question is to be given up now, which counts as no answer; -1 none. */
int flock_give_up(struct canary_flock *f, mono_ns now);

/* Looks fail: ask soon. */
void flock_hurry(struct canary_flock *f, mono_ns now);

/* Whether a way is in doubt, and how many of how many are silent. */
bool flock_doubts(const struct canary_flock *f, enum way way, unsigned *ret_silent, unsigned *ret_all);

mono_ns flock_next(const struct canary_flock *f); /* when something is due; MONO_NEVER without canaries */

#endif
