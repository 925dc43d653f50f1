#include "worker/docket.h"

#include "worker/outbox.h"

#include <errno.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct order {
    struct docket *docket;
    uint64_t job_id;
    UT_hash_handle hh;
};

int docket_new(struct docket **ret, uint16_t shard, struct loop *l, struct bus *bus, size_t ceiling,
               void *owner, struct err *err)
{
    scoped(docket) struct docket *d = calloc(1, sizeof *d);
    if (!d)
        return err_set(err, -ENOMEM, "no memory for a shard's jobs");
    d->owner = owner;
    d->shard = shard;
    pool_init(&d->spare, sizeof(struct order));
    int r = shipment_new(&d->shipment, l, bus, ceiling, err);
    if (r == 0)
        *ret = moved(d);
    return r;
}

void docket_free(struct docket *d)
{
    if (!d)
        return;
    while (d->orders)
        docket_drop(d->orders);
    pool_done(&d->spare);
    shipment_free(d->shipment);
    free(d);
}

struct order *docket_take(struct docket *d, uint64_t job_id)
{
    struct order *o = pool_take(&d->spare);
    if (!o)
        return NULL;
    o->job_id = job_id;
    o->docket = d;
    HASH_ADD(hh, d->orders, job_id, sizeof o->job_id, o);
    if (!o->hh.tbl) {
        pool_give(&d->spare, o);
        return NULL;
    }
    share_take(&d->share);
    return o;
}

struct docket *docket_of(const struct order *o)
{
    return o->docket;
}

void docket_drop(struct order *o)
{
    struct docket *d = o->docket;
    HASH_DEL(d->orders, o);
    pool_give(&d->spare, o);
    share_give(&d->share);
}

bool docket_has(const struct docket *d, uint64_t job_id)
{
    struct order *o = NULL;
    HASH_FIND(hh, d->orders, &job_id, sizeof job_id, o);
    return o || outbox_has(shipment_outbox(d->shipment), job_id);
}

size_t docket_unrecorded(const struct docket *d)
{
    return outbox_count(shipment_outbox(d->shipment));
}

bool docket_idle(const struct docket *d)
{
    return !d->orders && docket_unrecorded(d) == 0;
}

void docket_each(const struct docket *d, docket_fn *fn, void *arg)
{
    for (const struct order *o = d->orders; o; o = o->hh.next)
        fn(arg, o->job_id);
}

size_t docket_list(const struct docket *d, uint64_t *ids, size_t max)
{
    size_t n = HASH_COUNT(d->orders) + docket_unrecorded(d), i = 0;
    if (n > max)
        return n;
    for (const struct order *o = d->orders; o; o = o->hh.next)
        ids[i++] = o->job_id;
    return i + outbox_ids(shipment_outbox(d->shipment), ids + i, max - i);
}
