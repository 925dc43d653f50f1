/* fleet.h - how the coordinator and the workers are, by the newest vitals.
 *
 * Vitals come once a second, in parts when there are many lanes; the newest of
 * each part is kept, put into the store at most as often as the owner asks, and
 * lanes whose health has changed since are news. Belongs to one thread.
 */
#ifndef COLLECTOR_FLEET_H
#define COLLECTOR_FLEET_H

#include "common/event.h"
#include "common/store/store.h"

#define FLEET_MAX_PARTS 64
#define FLEET_MAX_LANES (FLEET_MAX_PARTS * VITALS_MAX_WORKERS)
#define FLEET_FORGET_US US_PER_HOUR /* lanes that are not named for that long */

struct fleet;

int fleet_new(struct fleet **ret);
void fleet_free(struct fleet *f); /* NULL is fine */
DEFINE_SCOPED(fleet, struct fleet *, fleet_free)

/* A copy is kept; older vitals than the ones there are dropped, and so is a
 * part beyond FLEET_MAX_PARTS. -ENOMEM. */
int fleet_take(struct fleet *f, const struct vitals *v);

/* Messages that the collector itself dropped so far: added to what the coordinator says. */
void fleet_dropped(struct fleet *f, uint64_t messages);
/* Put what is new into the store, and then tell the lanes whose health changed. */
typedef void fleet_news_fn(void *arg, const struct event *e);
int fleet_put(struct fleet *f, struct store *s, wall_us now, fleet_news_fn *news, void *arg, struct err *err);

/* Every lane that is known, in no order. */
typedef void fleet_lane_fn(void *arg, const struct worker_vitals *lane);
void fleet_each(const struct fleet *f, fleet_lane_fn *fn, void *arg);

/* The coordinator's newest numbers, without workers; NULL when it was not heard yet. */
const struct vitals *fleet_newest(const struct fleet *f);

/* The pulse's members about runs and workers. Workers, not lanes: one is ready
 * when any of its lanes is; those that said goodbye are not counted. */
void fleet_count(const struct fleet *f, struct pulse *ret);

#endif
