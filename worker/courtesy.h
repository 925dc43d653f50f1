/* courtesy.h - how often this thread looks at one address.
 *
 * A thousand sites may live at one address, and whoever hosts them should not
 * notice us. So a look needs a turn at the address that it is about to connect
 * to, and keeps it until it leaves: at most so many have one at a time, and turns
 * begin with a distance, one behind the other. Who has none waits, in order of
 * arrival, confirming looks first; who has waited for too long is sent away, and
 * who would have to wait for longer than that anyway is so at once.
 *
 * A turn counts for its first COURTESY_COUNTS_NS only. What is not answered by then
 * hangs, and costs its host a half-open or an idle connection. If it counted for as
 * long as it hangs, a host that is dead would be the one that we hardly look at: its
 * few turns would always be taken until their timeouts, all others would be sent
 * away, and whoever has a site there would be told late or never. So at a host
 * that does not answer, `at_once` begin in each COURTESY_COUNTS_NS, and those of a
 * whole timeout hang there. Confirming looks may wait no longer than others: going
 * first, they wait for each other only, and no round waits for a word that comes
 * later still.
 *
 * A place is an IPv4 address, or 64 bits of an IPv6 one, since that is what one
 * host is given. This host itself (loopback) is not a place: nobody else is
 * bothered. Ceilings are those of a cluster, divided among all threads of all workers,
 * which share nothing; a thread has one turn at least. So what one address sees of a
 * cluster is `per_s` looks that begin in a second, and `at_once` under way, or one of
 * each thread where there are more threads than that.
 *
 * Pure: the time is an argument. Memory is that of looks in hand, and of places
 * left less than a turn's distance ago.
 */
#ifndef WORKER_COURTESY_H
#define WORKER_COURTESY_H

#include "common/clock.h"
#include "common/scope.h"
#include "worker/address.h"

#include <stddef.h>

/* Longer than a healthy answer takes, even after one lost packet (1 s until a SYN is
 * sent again, RFC 6298), and much less than a timeout. */
#define COURTESY_COUNTS_NS (2 * NS_PER_S)

struct courtesy_rules {
    uint32_t at_once; /* turns that count at one place, of all threads together; 0: no ceiling */
    uint32_t per_s;   /* turns that begin in a second; 0: no ceiling */
    uint32_t threads; /* of this process, that share them at least; 0 counts as 1 */
    mono_ns wait;     /* who has waited for that long is sent away */
};

struct courtesy;

int courtesy_new(struct courtesy **ret, const struct courtesy_rules *rules);
void courtesy_free(struct courtesy *c); /* NULL is fine; turns end without a word */
DEFINE_SCOPED(courtesy, struct courtesy *, courtesy_free)

/* Of now on so many threads share, of this process and others; fewer than this process
 * has are not believed. Turns in hand go on. Ask courtesy_next again. */
void courtesy_share(struct courtesy *c, uint32_t threads);

/* Equal for addresses that share a ceiling; 0 for those that have none. */
uint64_t courtesy_place(const struct address *a);

/* Somebody with a turn, or who waits for one: in place inside somebody else, all
 * zero to begin with. Private. */
struct courtesy_turn {
    struct place *at; /* NULL: neither */
    bool waits, counts;
    uint8_t queue;
    mono_ns since; /* it waits, or has its turn */
    void *owner;
    struct courtesy_turn *prev, *next; /* among those who wait, or count, there */
};

enum courtesy_word { COURTESY_GO, COURTESY_WAIT, COURTESY_AWAY };

/* Ask for a turn at the place. Whoever has it already has it still, counted or not; a
 * turn at another place is left first. `urgent` goes before those who are not. Without
 * memory it is COURTESY_GO. */
enum courtesy_word courtesy_ask(struct courtesy *c, uint64_t place, bool urgent, struct courtesy_turn *t,
                                void *owner, mono_ns now);

/* Give the turn back, or wait no longer. Neither: nothing. */
void courtesy_leave(struct courtesy *c, struct courtesy_turn *t, mono_ns now);

/* The owner of the next who waits no longer: it has its turn (*ret COURTESY_GO),
 * or waited in vain (COURTESY_AWAY). NULL when all others wait on. */
void *courtesy_take(struct courtesy *c, mono_ns now, enum courtesy_word *ret);

/* When courtesy_take has something to say next; MONO_NEVER while nobody waits. The
 * cost of this and of all else does not grow with who waits where, but for the
 * logarithm of the places. */
mono_ns courtesy_next(const struct courtesy *c);

size_t courtesy_places(const struct courtesy *c); /* remembered now */

#endif
