/* books.h - the judge's memory and the store: filling it at the start, and
 * following the store's changes afterwards. */
#ifndef COLLECTOR_BOOKS_H
#define COLLECTOR_BOOKS_H

#include "collector/judge.h"
#include "common/store/store.h"

struct books {
    struct shard shard; /* sites of others are not looked at */
    struct judge judge;
    uint64_t change; /* the newest one that is in memory */
};

/* Sites, owners, states, open incidents, and the rounds of suspected sites as
 * they stood. What follows at once (looks to ask for again, outages of sites
 * that were removed meanwhile) goes into the batch. */
int books_open(struct books *k, struct shard shard, struct store *s, struct batch *b, struct instant now,
               struct err *err);
void books_close(struct books *k);

/* What was edited since; what follows from it goes into the batch. Costs next
 * to nothing when there was no edit. */
int books_follow(struct books *k, struct store *s, struct batch *b, struct instant now, struct err *err);

#endif
