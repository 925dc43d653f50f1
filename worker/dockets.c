#include "worker/dockets.h"

#include "common/log.h"

#include <errno.h>

#define DIVIDE_NS (NS_PER_S - 100 * NS_PER_MS) /* a heartbeat's period, or a little less */

void dockets_done(struct dockets *d)
{
    for (unsigned i = 0; i < d->n; i++)
        docket_free(d->at[i]);
    d->n = 0;
}

struct docket *dockets_find(struct dockets *d, uint16_t shard, struct err *err)
{
    for (unsigned i = 0; i < d->n; i++)
        if (d->at[i]->shard == shard)
            return d->at[i];
    struct docket *one = NULL;
    if (d->n == CONTROL_MAX_SHARDS) { /* cannot be: there are no higher numbers on the wire */
        err_set(err, -ENOSPC, "more shards than %d", CONTROL_MAX_SHARDS);
        return NULL;
    }
    if (docket_new(&one, shard, d->loop, d->bus, d->config->worker.outbox, d->owner, err) < 0)
        return NULL;
    d->share[d->n] = &one->share;
    d->at[d->n++] = one;
    return one;
}

/* Who of the new cut comes first need not be the one of the lowest epoch. */
void dockets_heed_cut(struct dockets *d, uint32_t shards, uint32_t epoch)
{
    uint32_t before = d->shards;
    size_t dropped = 0;
    d->shards = shards ? shards : 1;
    if (d->shards == before || before == 0) {
        d->cut_epoch = epoch < d->cut_epoch ? epoch : d->cut_epoch;
        return;
    }
    for (unsigned i = 0; i < d->n; i++)
        dropped += shipment_forget_all(d->at[i]->shipment);
    d->cut_epoch = epoch;
    log_warn("lane.cut", "lane=%u shards=%u before=%u dropped=%zu: the sites are cut otherwise", d->lane,
             d->shards, before, dropped);
}

bool dockets_outdated(const struct dockets *d, uint64_t job_id)
{
    return job_id_epoch(job_id) < d->cut_epoch;
}

void dockets_leave(struct dockets *d, const struct line *line)
{
    for (unsigned i = 0; i < d->n; i++)
        if (d->at[i]->acting == line)
            d->at[i]->acting = NULL;
}

void dockets_divide(struct dockets *d)
{
    for (unsigned i = 0; i < d->n; i++)
        d->at[i]->share.present = d->at[i]->acting != NULL;
    shares_divide(d->share, d->n, d->config->worker.slots);
    d->divided = loop_now(d->loop);
}

void dockets_divide_again(struct dockets *d)
{
    if (loop_now(d->loop) - d->divided >= DIVIDE_NS)
        dockets_divide(d);
}

size_t dockets_outbox_left(const struct dockets *d, const struct docket *one)
{
    size_t part = d->config->worker.outbox / (d->shards ? d->shards : 1);
    size_t used = docket_unrecorded(one) + one->share.in_hand;
    return part > used ? part - used : 0;
}

size_t dockets_outbox_left_all(const struct dockets *d)
{
    size_t left = 0;
    for (unsigned i = 0; i < d->n; i++)
        left += d->at[i]->acting ? dockets_outbox_left(d, d->at[i]) : 0;
    return d->n ? left : d->config->worker.outbox;
}

size_t dockets_in_hand(const struct dockets *d)
{
    size_t n = 0;
    for (unsigned i = 0; i < d->n; i++)
        n += d->at[i]->share.in_hand;
    return n;
}

size_t dockets_unrecorded(const struct dockets *d)
{
    size_t n = 0;
    for (unsigned i = 0; i < d->n; i++)
        n += docket_unrecorded(d->at[i]);
    return n;
}

void dockets_flush(struct dockets *d, bool all)
{
    for (unsigned i = 0; i < d->n; i++)
        shipment_flush(d->at[i]->shipment, all);
}
