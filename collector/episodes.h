/* episodes.h - the times that workers are in doubt, or that nobody is at a location: opening, closing,
 * telling the operator once when one begins and once when it is over.
 *
 * Each second it is said how every worker is, then one step makes of that what is
 * to be recorded into the caller's batch: the episode, and a notice for each of the
 * operator's channels. Doubt that comes back before a worker has been without it
 * for `settled` belongs to the same episode. Of a worker that is silent nothing is
 * concluded; one that said goodbye, or is not heard of for an hour, has left.
 *
 * No clock, no store: belongs to the thread that judges.
 */
#ifndef COLLECTOR_EPISODES_H
#define COLLECTOR_EPISODES_H

#include "collector/incidents.h"
#include "common/episode.h"

struct episodes;

/* Channels as in the setting operator.notify. -EINVAL, -ENOMEM. */
int episodes_new(struct episodes **ret, const char *channels, int64_t settled_us, struct err *err);
void episodes_free(struct episodes *s); /* NULL is fine */
DEFINE_SCOPED(episodes, struct episodes *, episodes_free)

/* One that the store has, in any order, when starting: those that are open go on,
 * ids are counted on from the highest. -ENOMEM. */
int episodes_load(struct episodes *s, const struct episode *e, wall_us now);

/* How a worker, or one lane of it, is. The worst of what is said before a step counts. */
enum worker_word {
    WORKER_LEFT,
    WORKER_AWAY, /* silent: nobody knows */
    WORKER_FINE,
    WORKER_DOUBTED,
};
void episodes_hear(struct episodes *s, const char *worker, enum worker_word word, const char *reason);

/* The locations where nobody is, all of them, as the coordinator says: those that it does not name any more
 * are well. */
void episodes_hear_vacant(struct episodes *s, const char vacant[][LOCATION_SIZE], unsigned n);

/* Ids of notices are counted on in `numbers`. */
void episodes_step(struct episodes *s, struct batch *b, struct incidents *numbers, wall_us now);

/* Whether an episode of that worker is open. */
bool episodes_open(const struct episodes *s, const char *worker);

#endif
