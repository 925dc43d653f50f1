#include "coordinator/catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

struct known {
    uint64_t id;
    struct site *site;
    wall_us last_slot;
    UT_hash_handle hh;
};

struct catalog {
    struct known *by_id;
    uint64_t change; /* everything up to this edit has been read */
    wall_us newest;
    size_t watched;
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
    struct catalog *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    *ret = c;
    return 0;
}

static void drop(struct catalog *c, struct known *k)
{
    HASH_DEL(c->by_id, k);
    site_free(k->site);
    free(k);
}

void catalog_free(struct catalog *c)
{
    if (!c)
        return;
    struct known *k, *tmp;
    HASH_ITER (hh, c->by_id, k, tmp)
        drop(c, k);
    free(c);
}

static struct known *find(const struct catalog *c, uint64_t id)
{
    struct known *k;
    HASH_FIND(hh, c->by_id, &id, sizeof id, k);
    return k;
}

static bool watched(const struct site *s)
{
    return s && !s->paused && !s->removed;
}

/* ── Reading ───────────────────────────────────────────────────────────── */

static int put(struct catalog *c, const struct site *site, struct known **ret)
{
    scoped(site) struct site *copy = site_copy(site);
    struct known *k = find(c, site->id);
    if (!copy)
        return -ENOMEM;
    if (!k) {
        k = calloc(1, sizeof *k);
        if (!k)
            return -ENOMEM;
        k->id = site->id;
        HASH_ADD(hh, c->by_id, id, sizeof k->id, k);
    }
    c->watched += watched(copy);
    c->watched -= watched(k->site);
    site_free(k->site);
    k->site = moved(copy);
    *ret = k;
    return 0;
}

struct reading {
    struct catalog *catalog;
    catalog_fn *fn;
    void *arg;
    int count;
};

static int on_site(void *arg, const struct site *site)
{
    struct reading *r = arg;
    struct known *k = NULL;
    if (site->removed)
        return 0;
    return put(r->catalog, site, &k);
}

static int on_state(void *arg, const struct site_state *state)
{
    struct catalog *c = arg;
    struct known *k = find(c, state->site_id);
    if (k)
        catalog_looked(c, state->site_id, state->last_slot_us);
    return 0;
}

int catalog_load(struct catalog *c, struct store *s, catalog_fn *fn, void *arg, struct err *err)
{
    struct reading reading = { .catalog = c };
    uint64_t newest = 0;
    int r = store_newest_change(s, &newest, err);
    if (r == 0)
        r = store_each_site(s, 0, on_site, &reading, err);
    if (r == 0)
        r = store_each_state(s, 0, on_state, c, err);
    if (r == -ENOMEM)
        err_set(err, r, "there is not enough memory for all sites");
    if (r < 0)
        return r;

    /* Read before the sites: what is edited in between is read twice, not missed. */
    c->change = newest;
    struct known *k, *tmp;
    HASH_ITER (hh, c->by_id, k, tmp)
        if (watched(k->site))
            fn(arg, CATALOG_WATCH, k->site);
    return 0;
}

/* ── Following ─────────────────────────────────────────────────────────── */

static enum catalog_news what_happened(bool was, bool is, bool same_interval)
{
    if (!is)
        return CATALOG_UNWATCH;
    return !was ? CATALOG_WATCH : same_interval ? CATALOG_EDITED : CATALOG_INTERVAL;
}

static int on_edited(void *arg, const struct site *site)
{
    struct reading *r = arg;
    struct known *k = find(r->catalog, site->id);
    bool was = k && watched(k->site), is = watched(site);
    bool same_interval = k && k->site->every_ms == site->every_ms;
    if (k && k->site->change == site->change)
        return 0; /* read before */

    r->count++;
    if (site->removed) {
        if (was)
            r->fn(r->arg, CATALOG_UNWATCH, k->site);
        if (k) {
            r->catalog->watched -= was;
            drop(r->catalog, k);
        }
        return 0;
    }
    int e = put(r->catalog, site, &k);
    if (e == 0 && (was || is))
        r->fn(r->arg, what_happened(was, is, same_interval), k->site);
    return e;
}

int catalog_follow(struct catalog *c, struct store *s, catalog_fn *fn, void *arg, struct err *err)
{
    struct reading reading = { .catalog = c, .fn = fn, .arg = arg };
    uint64_t newest = 0;
    int r = store_newest_change(s, &newest, err);
    if (r < 0 || newest == c->change)
        return r;
    r = store_each_site(s, c->change, on_edited, &reading, err);
    if (r == -ENOMEM)
        err_set(err, r, "there is not enough memory for all sites");
    if (r < 0)
        return r;
    c->change = newest;
    return reading.count;
}

/* ── Asking ────────────────────────────────────────────────────────────── */

const struct site *catalog_find(const struct catalog *c, uint64_t id)
{
    struct known *k = find(c, id);
    return k && watched(k->site) ? k->site : NULL;
}

wall_us catalog_last_slot(const struct catalog *c, uint64_t id)
{
    struct known *k = find(c, id);
    return k ? k->last_slot : 0;
}

wall_us catalog_newest_slot(const struct catalog *c)
{
    return c->newest;
}

void catalog_looked(struct catalog *c, uint64_t id, wall_us slot)
{
    struct known *k = find(c, id);
    if (!k)
        return;
    if (slot > k->last_slot)
        k->last_slot = slot;
    if (slot > c->newest)
        c->newest = slot;
}

size_t catalog_watched(const struct catalog *c)
{
    return c->watched;
}
