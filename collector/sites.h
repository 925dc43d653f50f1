/* sites.h - every site and owner in memory, with the site's state: what a
 * result is judged against.
 *
 * Filled from the store at the start and kept in step with its changes. A site
 * that was removed stays as a tombstone until the process ends, so that a late
 * result for it is recognised. Belongs to one thread.
 */
#ifndef COLLECTOR_SITES_H
#define COLLECTOR_SITES_H

#include "common/event.h"
#include "common/health.h"
#include "common/owner.h"
#include "common/site.h"

#include <uthash.h>

struct watched {
    struct site *site; /* owned; its strings may be borrowed while it lives */
    struct site_state state;
    bool dirty; /* its state is in the batch under way */
    /* The newest span of slots that nobody looked at: a late result for one of
     * them is in no ledger and must not count either. */
    wall_us missed_from, missed_to;
    UT_hash_handle hh; /* private */
};

struct sites;

int sites_new(struct sites **ret);
void sites_free(struct sites *s); /* NULL is fine */
DEFINE_SCOPED(sites, struct sites *, sites_free)

struct watched *sites_find(struct sites *s, uint64_t id); /* NULL: never heard of */

/* Add or change one; a copy is kept. What `site` says replaces what was known,
 * the state stays. -ENOMEM. */
int sites_set(struct sites *s, const struct site *site, struct watched **ret);

/* The state as the store has it, at the start. Of a site that is not there: ignored. */
void sites_load_state(struct sites *s, const struct site_state *state);

/* Move a site's health; keeps the counts. Everybody who changes it calls this
 * afterwards with what it was before. */
void sites_moved(struct sites *s, const struct watched *w, enum health before);

/* Sites by health into the pulse's members; paused ones are counted there and
 * nowhere else. */
void sites_count(const struct sites *s, struct pulse *ret);

/* Owners: a copy is kept, one that changed replaces it. An owner with no name
 * is a tombstone and is forgotten. */
int sites_set_owner(struct sites *s, const struct owner *o);
const struct owner *sites_owner(const struct sites *s,
                                uint64_t id); /* NULL: none; borrowed until the next set */

typedef void sites_fn(void *arg, struct watched *w);
void sites_each(struct sites *s, sites_fn *fn, void *arg);

#endif
