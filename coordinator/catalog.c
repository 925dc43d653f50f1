#include "coordinator/catalog.h"

#include "common/array.h"

#include <errno.h>
#include <stdlib.h>

struct catalog {
    struct watchlist *list;
    struct site_mark mark; /* everything up to here has been read */
    wall_us newest;
    struct shard shard;
};

static const char *const names[] = {
    [CATALOG_WATCH] = "watch",
    [CATALOG_INTERVAL] = "interval",
    [CATALOG_EDITED] = "edited",
    [CATALOG_UNWATCH] = "unwatch",
};

const char *catalog_news_name(enum catalog_news n)
{
    return (unsigned)n < sizeof names / sizeof *names ? names[n] : "?";
}

int catalog_new(struct catalog **ret)
{
    scoped(catalog) struct catalog *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    int r = watchlist_new(&c->list);
    if (r == 0)
        *ret = moved(c);
    return r;
}

void catalog_only(struct catalog *c, struct shard shard)
{
    c->shard = shard;
}

void catalog_free(struct catalog *c)
{
    if (!c)
        return;
    watchlist_free(c->list);
    free(c);
}

/* ── Reading ───────────────────────────────────────────────────────────── */

int catalog_put(struct catalog *c, const struct site *site)
{
    struct watched *w;
    return watchlist_put(c->list, site, &w);
}

struct loading {
    struct catalog *catalog;
    struct watched **site; /* in the order of reading, which is how they lie in memory */
    size_t n, room;
};

static int on_site(void *arg, const struct site *site)
{
    struct loading *l = arg;
    if (!shard_has(l->catalog->shard, site->id))
        return 0;
    if (array_room(l->site, l->n, l->room) < 0)
        return -ENOMEM;
    return watchlist_put(l->catalog->list, site, &l->site[l->n++]);
}

static int on_last_slot(void *arg, uint64_t site_id, wall_us slot)
{
    catalog_looked(arg, site_id, slot);
    return 0;
}

static int explain(int r, struct err *err)
{
    return r == -ENOMEM ? err_set(err, r, "there is not enough memory for all sites") : r;
}

static int read_all(struct loading *l, struct store *s, struct err *err)
{
    uint64_t newest = 0;
    int r = store_newest_change(s, &newest, err);
    if (r == 0)
        r = store_each_brief(s, on_site, l, err);
    if (r == 0)
        r = store_each_last_slot(s, on_last_slot, l->catalog, err);
    /* Asked for before the sites: what is edited in between is read twice, not missed. */
    if (r == 0)
        l->catalog->mark = (struct site_mark){ newest, UINT64_MAX };
    return explain(r, err);
}

int catalog_load(struct catalog *c, struct store *s, catalog_fn *fn, void *arg, struct err *err)
{
    struct loading l = { .catalog = c };
    int r = read_all(&l, s, err);
    for (size_t i = 0; r == 0 && i < l.n; i++)
        if (!l.site[i]->paused)
            fn(arg, CATALOG_WATCH, l.site[i]);
    free(l.site);
    return r;
}

/* ── Following ─────────────────────────────────────────────────────────── */

struct reading {
    struct catalog *catalog;
    catalog_fn *fn;
    void *arg;
};

static enum catalog_news what_happened(bool was, bool is, bool same_interval)
{
    if (!is)
        return CATALOG_UNWATCH;
    return !was ? CATALOG_WATCH : same_interval ? CATALOG_EDITED : CATALOG_INTERVAL;
}

static int on_edited(void *arg, const struct site *site)
{
    struct reading *r = arg;
    if (!shard_has(r->catalog->shard, site->id))
        return 0;
    struct watchlist *list = r->catalog->list;
    struct watched *w = watchlist_find(list, site->id);
    bool was = w && !w->paused, is = !site->removed && !site->paused;
    bool same_interval = w && w->every_ms == site->every_ms;
    if (w && w->change == site->change)
        return 0; /* read before */

    if (site->removed) {
        if (was)
            r->fn(r->arg, CATALOG_UNWATCH, w);
        watchlist_drop(list, site->id);
        return 0;
    }
    int e = watchlist_put(list, site, &w);
    if (e == 0 && (was || is))
        r->fn(r->arg, what_happened(was, is, same_interval), w);
    return e;
}

int catalog_follow(struct catalog *c, struct store *s, unsigned most, catalog_fn *fn, void *arg,
                   struct err *err)
{
    struct reading reading = { .catalog = c, .fn = fn, .arg = arg };
    uint64_t newest = 0;
    int r = store_newest_change(s, &newest, err);
    if (r < 0 || (newest == c->mark.change && c->mark.id == UINT64_MAX))
        return r;
    r = store_next_briefs(s, &c->mark, most, on_edited, &reading, err);
    /* All of it: the next question can be answered by the edit's number alone. */
    if (r >= 0 && (unsigned)r < most && c->mark.change <= newest)
        c->mark = (struct site_mark){ newest, UINT64_MAX };
    return explain(r, err);
}

/* ── Asking ────────────────────────────────────────────────────────────── */

const struct watched *catalog_find(const struct catalog *c, uint64_t id)
{
    const struct watched *w = watchlist_find(c->list, id);
    return w && !w->paused ? w : NULL;
}

void catalog_fetch(const struct catalog *c, uint64_t id, int step)
{
    watchlist_fetch(c->list, id, step);
}

uint64_t catalog_domain(const struct watched *site, const struct domains *d)
{
    struct watched *w = (struct watched *)site; /* read-only for others */
    if (!w->domain_known) {
        w->domain = domains_key(d, w->url);
        w->domain_known = true;
    }
    return w->domain;
}

wall_us catalog_last_slot(const struct catalog *c, uint64_t id)
{
    const struct watched *w = watchlist_find(c->list, id);
    return w ? w->last_slot : 0;
}

wall_us catalog_newest_slot(const struct catalog *c)
{
    return c->newest;
}

void catalog_looked(struct catalog *c, uint64_t id, wall_us slot)
{
    struct watched *w = watchlist_find(c->list, id);
    if (!w)
        return;
    if (slot > w->last_slot)
        w->last_slot = slot;
    if (slot > c->newest)
        c->newest = slot;
}

size_t catalog_watched(const struct catalog *c)
{
    return watchlist_count(c->list);
}
