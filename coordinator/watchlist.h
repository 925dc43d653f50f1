/* watchlist.h - what the coordinator knows of each site, a million of them.
 *
 * Of a site only that is kept what its looks need: not its name, its tags, whose
 * it is. How it is looked at (timeout, method, what counts as well) is the same
 * for very many sites, and is kept once for all that share it.
 *
 * About 90 bytes for each site beside its URL. Pure.
 */
#ifndef COORDINATOR_WATCHLIST_H
#define COORDINATOR_WATCHLIST_H

#include "common/scope.h"
#include "common/site.h"

/* How a site is looked at. */
struct manner {
    uint32_t timeout_ms;
    enum method method;
    struct status_set status;
    bool full_handshake;
    const char *contains;  /* "" for none */
    const char *locations; /* from where: location.h; "": from the first */
};

/* Read-only outside, but for last_slot and domain. */
struct watched {
    uint64_t id;
    const struct manner *manner;
    wall_us changed_us;
    wall_us last_slot; /* the newest that is known to have been looked at; 0 none */
    uint64_t change;
    uint64_t domain; /* whose place it is (domain.h), once that was asked for */
    uint32_t every_ms;
    bool paused, domain_known;
    char url[];
};

struct watchlist;

int watchlist_new(struct watchlist **ret);
void watchlist_free(struct watchlist *l); /* NULL is fine */
DEFINE_SCOPED(watchlist, struct watchlist *, watchlist_free)

/* Add it, or make what is there like it; its last slot stays. Pointers to it from
 * before are no longer valid. -ENOMEM, and nothing has changed. */
int watchlist_put(struct watchlist *l, const struct site *site, struct watched **ret);
void watchlist_drop(struct watchlist *l, uint64_t id); /* not there: nothing */

struct watched *watchlist_find(const struct watchlist *l, uint64_t id); /* NULL: not there */
void watchlist_fetch(const struct watchlist *l, uint64_t id, int step); /* see idmap_fetch */
/* Each once, in no order; starts with *cursor 0, nothing is put or dropped meanwhile. */
struct watched *watchlist_next(const struct watchlist *l, size_t *cursor);

size_t watchlist_count(const struct watchlist *l);   /* sites that are not paused */
size_t watchlist_manners(const struct watchlist *l); /* different ways of looking at them */

#endif
