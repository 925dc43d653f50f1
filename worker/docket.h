/* docket.h - what a lane has in hand for one shard (common/control.h): the looks under
 * way, and the results that are not recorded yet.
 *
 * It outlives the coordinator that gave the jobs: when another one takes over the
 * shard, it is told of all that is here, and results go to the collector that it names.
 */
#ifndef WORKER_DOCKET_H
#define WORKER_DOCKET_H

#include "common/bus.h"
#include "common/loop.h"
#include "common/pool.h"
#include "worker/shares.h"
#include "worker/shipment.h"

struct line;
struct order; /* a job in hand */

/* Read-only outside, but for acting, epoch and what its share does not count itself. */
struct docket {
    void *owner; /* the lane */
    uint16_t shard;
    struct line *acting; /* whose coordinator gives its jobs; NULL: nobody at present */
    uint32_t epoch;      /* the highest that has acted */
    struct share share;  /* of the lane's slots */
    struct shipment *shipment;
    struct order *orders; /* private, as the next */
    struct pool spare;
};

/* `ceiling`: results that it may hold. */
int docket_new(struct docket **ret, uint16_t shard, struct loop *l, struct bus *bus, size_t ceiling,
               void *owner, struct err *err);
void docket_free(struct docket *d); /* NULL is fine; what it holds is lost */
DEFINE_SCOPED(docket, struct docket *, docket_free)

/* Take a job in hand; NULL without memory. */
struct order *docket_take(struct docket *d, uint64_t job_id);
struct docket *docket_of(const struct order *o);
void docket_drop(struct order *o);

bool docket_has(const struct docket *d, uint64_t job_id); /* in hand, or its result waits */
size_t docket_unrecorded(const struct docket *d);
bool docket_idle(const struct docket *d); /* nothing in hand, nothing to be recorded */

typedef void docket_fn(void *arg, uint64_t job_id);
void docket_each(const struct docket *d, docket_fn *fn, void *arg); /* job in hand */

/* All jobs in hand or unrecorded: how many; when that is more than max, nothing is written. */
size_t docket_list(const struct docket *d, uint64_t *ids, size_t max);

#endif
