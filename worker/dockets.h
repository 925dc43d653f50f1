/* dockets.h - all that a lane has in hand, by shard; the lane's slots and its outbox
 * divided among them.
 */
#ifndef WORKER_DOCKETS_H
#define WORKER_DOCKETS_H

#include "common/config.h"
#include "worker/docket.h"

struct dockets {
    void *owner; /* the lane */
    struct loop *loop;
    struct bus *bus;
    const struct config *config;
    uint16_t lane; /* its number, for the log */

    /* read-only outside */
    struct docket *at[CONTROL_MAX_SHARDS];
    struct share *share[CONTROL_MAX_SHARDS]; /* theirs */
    unsigned n;
    uint32_t shards;    /* that the sites are cut in, as was said last; 0: not known yet */
    uint32_t cut_epoch; /* the earliest that said so: jobs of epochs before it were given otherwise */
    mono_ns divided;
};

void dockets_done(struct dockets *d); /* all zero is fine */

/* That of a shard, made when it is the first time; NULL with a sentence. */
struct docket *dockets_find(struct dockets *d, uint16_t shard, struct err *err);

/* A coordinator that is believed says of how many shards its own is one. Where that is
 * not what it was, all coordinators were ended for it: results of before would be
 * recorded by nobody, and are dropped. Who looks at these sites now has missed them. */
void dockets_heed_cut(struct dockets *d, uint32_t shards, uint32_t epoch);
bool dockets_outdated(const struct dockets *d, uint64_t job_id); /* a job of before */

/* A line does not act any more, for whatever shard. */
void dockets_leave(struct dockets *d, const struct line *line);

/* Slots anew; at once, or when the last time is about a heartbeat ago. */
void dockets_divide(struct dockets *d);
void dockets_divide_again(struct dockets *d);

/* For so many more results there is room. Each shard has its part, so that a collector
 * that is away does not fill the others' room. */
size_t dockets_outbox_left(const struct dockets *d, const struct docket *one);
size_t dockets_outbox_left_all(const struct dockets *d); /* for those that somebody gives jobs to */

size_t dockets_in_hand(const struct dockets *d);
size_t dockets_unrecorded(const struct dockets *d);
void dockets_flush(struct dockets *d, bool all); /* see shipment_flush */

#endif
