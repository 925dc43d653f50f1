/* keeper.h - the thread that owns the store: judges what came, commits it in
 * batches, and only then acknowledges, asks, publishes and has notices sent.
 *
 * A keeper has no thread of its own: its owner hands it what arrived, calls
 * keeper_turn, and again at keeper_next. What it has to say leaves through the
 * ports. A store that is away for a while (full, locked) changes nothing but
 * that: the batch is kept and committed again with growing patience, and
 * keeper_has_room says no meanwhile, so that results wait where they come from.
 */
#ifndef COLLECTOR_KEEPER_H
#define COLLECTOR_KEEPER_H

#include "collector/judge.h"
#include "collector/parcel.h"
#include "collector/postbox.h"
#include "common/config.h"
#include "common/spread.h"

struct keeper;

/* Called from within keeper_turn; what they are given is borrowed but for the notice. */
struct keeper_ports {
    void *arg;
    void (*feedback)(void *arg, const struct feedback *f);
    void (*publish)(void *arg, const struct event *e); /* numbered already */
    postbox_deliver_fn *deliver;
    uint64_t (*dropped)(void *arg); /* messages that the network's thread refused so far; NULL: none */
};

/* Reads everything that it must know from the store, which it borrows along
 * with `config`; both outlive it. A store's failure is returned as it is. */
int keeper_new(struct keeper **ret, struct store *store, const struct config *config,
               const struct keeper_ports *ports, struct instant now, struct err *err);
void keeper_free(struct keeper *k); /* what is not committed is lost; NULL is fine */
DEFINE_SCOPED(keeper, struct keeper *, keeper_free)

bool keeper_has_room(const struct keeper *k);
void keeper_take(struct keeper *k, const struct parcel *p, struct instant now); /* only when there is room */
void keeper_told(struct keeper *k, const struct told *t, struct instant now);   /* only when there is room */

/* Do what is due. 0, also while the store is away; a store's failure that will
 * not pass, or -ENOMEM: then the process ends. */
int keeper_turn(struct keeper *k, struct instant now, struct err *err);
mono_ns keeper_next(const struct keeper *k);

/* Commit now, whatever the batch's age. True when nothing is left to commit. */
bool keeper_flush(struct keeper *k, struct instant now, int *ret_failure, struct err *err);

/* Results that are judged and not in the store; *ret_why: the store's failure, or 0. */
size_t keeper_unrecorded(const struct keeper *k, int *ret_why);

/* For metrics and tests. */
struct keeper_counts {
    uint64_t results, duplicates, batches, store_failures;
    uint64_t looks[2][VERDICT_COUNT]; /* recorded: scheduled ones, with spans in full; confirming ones */
    struct spread recorded; /* from a look's end, by its worker's clock, to its being in the store */
    struct spread commits;  /* how long the store takes for a batch */
};
struct keeper_counts keeper_counts(const struct keeper *k);

/* How it is now. */
struct keeper_state {
    struct pulse pulse; /* but for what is the coordinator's */
    struct judge_counts rounds;
    size_t rounds_open;
    size_t unrecorded;   /* results in the batch under way */
    mono_ns away;        /* for so long the store has taken nothing; 0: it takes */
    const char *trouble; /* what the store said last, while it is away; "" */
};
struct keeper_state keeper_state(const struct keeper *k, mono_ns now);

#endif
