/* catalog.h - all sites (of a shard), as the store has them, in memory.
 *
 * Read once at the start, then kept in step: catalog_follow asks the store for
 * what was edited since it last did, and tells what that means for the watching.
 * It reads a portion at a time, so that an edit of a million sites keeps nobody
 * waiting. When the store is away, the catalog stays as it is; nothing is lost,
 * the next call that succeeds tells all that was edited meanwhile.
 */
#ifndef COORDINATOR_CATALOG_H
#define COORDINATOR_CATALOG_H

#include "common/store/store.h"
#include "coordinator/domain.h"
#include "coordinator/watchlist.h"

struct catalog;

int catalog_new(struct catalog **ret);
void catalog_free(struct catalog *c); /* NULL is fine */
/* Before anything is read: sites of other shards are as if they were not in the store. */
void catalog_only(struct catalog *c, struct shard shard);
DEFINE_SCOPED(catalog, struct catalog *, catalog_free)

enum catalog_news {
    CATALOG_WATCH,    /* is watched from now on: added, or no longer paused */
    CATALOG_INTERVAL, /* was and is watched, at another interval */
    CATALOG_EDITED,   /* was and is watched, otherwise or just called otherwise */
    CATALOG_UNWATCH,  /* is no longer watched: paused or removed */
};
const char *catalog_news_name(enum catalog_news n); /* "watch" */
typedef void catalog_fn(void *arg, enum catalog_news news, const struct watched *site);

/* All sites and the newest slot that counted for each; CATALOG_WATCH is told for
 * each that is watched, after everything has been read. 0 or a store's failure. */
int catalog_load(struct catalog *c, struct store *s, catalog_fn *fn, void *arg, struct err *err);

/* One more site, or one that is otherwise now, as reading finds it. -ENOMEM. */
int catalog_put(struct catalog *c, const struct site *site);

/* What was edited since, at most `most` sites of it. Returns how many were read
 * (`most`: there may be more, ask again soon), or a store's failure (what was
 * told before it stays told). */
int catalog_follow(struct catalog *c, struct store *s, unsigned most, catalog_fn *fn, void *arg,
                   struct err *err);

/* A site that is watched; NULL for others. Borrowed until the next follow. */
const struct watched *catalog_find(const struct catalog *c, uint64_t id);

void catalog_fetch(const struct catalog *c, uint64_t id,
                   int step); /* it is asked for soon: see idmap_fetch */

/* Its URL's key by domains_key; looked up when it is first asked for, then kept until
 * the site is edited: a lookup costs as much as all else that a look needs of us. */
uint64_t catalog_domain(const struct watched *site, const struct domains *d);

/* The newest slot that is known to have been looked at; 0 when it never was. */
wall_us catalog_last_slot(const struct catalog *c, uint64_t id);
wall_us catalog_newest_slot(const struct catalog *c); /* of all sites */
void catalog_looked(struct catalog *c, uint64_t id, wall_us slot);

size_t catalog_watched(const struct catalog *c); /* neither paused nor removed */

#endif
