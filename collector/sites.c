#include "collector/sites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct known_owner {
    struct owner owner;
    UT_hash_handle hh;
    char strings[];
};

struct known_worker {
    UT_hash_handle hh;
    char name[];
};

/* Ids are given one after the other and never again, so they are the places in
 * an array of leaves. A hash table would cost 80 bytes a site. */
#define LEAF_BITS 10
#define LEAF      ((size_t)1 << LEAF_BITS)

struct sites {
    struct watched ***leaf;
    size_t n_leaves;
    size_t n_sites;
    struct known_owner *owners;
    struct known_worker *workers;
    uint64_t health[HEALTH_COUNT]; /* of sites that are watched */
    uint64_t paused;

    uint64_t sweep_at;   /* the id that is next */
    wall_us told_us;     /* the store's states_us */
    wall_us sweeping_us; /* what it will be after this sweep */
};

int sites_new(struct sites **ret)
{
    *ret = calloc(1, sizeof **ret);
    if (!*ret)
        return -ENOMEM;
    (*ret)->told_us = (*ret)->sweeping_us = WALL_NEVER;
    return 0;
}

/* Name, URL and tags are one block; name and URL are often one string. */
static void free_strings(struct watched *w)
{
    free((char *)w->site.url);
}

static void free_one(void *arg, struct watched *w)
{
    (void)arg;
    free_strings(w);
    views_free(w->views);
    free(w);
}

void sites_free(struct sites *s)
{
    if (!s)
        return;
    sites_each(s, free_one, NULL);
    for (size_t i = 0; i < s->n_leaves; i++)
        free(s->leaf[i]);
    free(s->leaf);
    struct known_owner *o, *next_owner;
    HASH_ITER (hh, s->owners, o, next_owner) {
        HASH_DEL(s->owners, o);
        free(o);
    }
    struct known_worker *k, *next_worker;
    HASH_ITER (hh, s->workers, k, next_worker) {
        HASH_DEL(s->workers, k);
        free(k);
    }
    free(s);
}

struct watched *sites_find(const struct sites *s, uint64_t id)
{
    uint64_t leaf = id >> LEAF_BITS;
    return leaf < s->n_leaves && s->leaf[leaf] ? s->leaf[leaf][id % LEAF] : NULL;
}

/* The place of an id, made when it is missing. */
static struct watched **place_of(struct sites *s, uint64_t id)
{
    size_t at = (size_t)(id >> LEAF_BITS);
    if (id > SITES_MAX_ID)
        return NULL;
    if (at >= s->n_leaves) {
        size_t n = at + 1 + at / 8;
        struct watched ***larger = realloc(s->leaf, n * sizeof *larger);
        if (!larger)
            return NULL;
        memset(larger + s->n_leaves, 0, (n - s->n_leaves) * sizeof *larger);
        s->leaf = larger;
        s->n_leaves = n;
    }
    if (!s->leaf[at])
        s->leaf[at] = calloc(LEAF, sizeof **s->leaf);
    return s->leaf[at] ? &s->leaf[at][id % LEAF] : NULL;
}

static void count(struct sites *s, const struct watched *w, enum health health, int by)
{
    if (w->site.removed)
        return;
    uint64_t *counter = w->site.paused ? &s->paused : &s->health[health];
    *counter += (uint64_t)(int64_t)by;
}

/* Of one location nothing is kept beside the site's state. */
static int keep_views(struct watched *w, const struct site *site)
{
    struct views *views = NULL;
    const char *list = site_locations(site);
    if (views_are(w->views, list))
        return 0;
    if (location_count(list) > 1 && views_new(&views, site->id, list, w->views) < 0)
        return -ENOMEM;
    views_free(w->views);
    w->views = views;
    return 0;
}

static int keep_site(struct watched *w, const struct site *site)
{
    bool same = strcmp(site->name, site->url) == 0;
    size_t url = strlen(site->url) + 1, name = same ? 0 : strlen(site->name) + 1;
    size_t tags = site->tags[0] ? strlen(site->tags) + 1 : 0;
    char *strings = malloc(url + name + tags);
    if (!strings || keep_views(w, site) < 0) {
        free(strings);
        return -ENOMEM;
    }
    memcpy(strings, site->url, url);
    memcpy(strings + url, site->name, name);
    memcpy(strings + url + name, site->tags, tags);
    free_strings(w);
    w->site = (struct site_kept){
        .id = site->id,
        .name = same ? strings : strings + url,
        .url = strings,
        .tags = tags ? strings + url + name : "",
        .owner_id = site->owner_id,
        .changed_us = site->changed_us,
        .every_ms = site->every_ms,
        .timeout_ms = site->timeout_ms,
        .confirm = site->confirm,
        .confirm_from = site->confirm_from,
        .paused = site->paused,
        .removed = site->removed,
    };
    return 0;
}

static int add_site(struct sites *s, const struct site *site, struct watched **ret)
{
    struct watched **place = place_of(s, site->id);
    struct watched *w = place ? calloc(1, sizeof *w) : NULL;
    if (!w || keep_site(w, site) < 0) {
        free(w);
        return -ENOMEM;
    }
    w->state.site_id = site->id;
    w->state.last_worker = "";
    *place = *ret = w;
    s->n_sites++;
    count(s, w, w->state.health, 1);
    return 0;
}

int sites_set(struct sites *s, const struct site *site, struct watched **ret)
{
    struct watched *w = sites_find(s, site->id);
    if (!w)
        return add_site(s, site, ret);
    struct watched was = *w;
    was.site.name = was.site.url = NULL;
    if (keep_site(w, site) < 0)
        return -ENOMEM;
    count(s, &was, w->state.health, -1);
    count(s, w, w->state.health, 1);
    *ret = w;
    return 0;
}

void sites_load_state(struct sites *s, const struct site_state *state)
{
    struct watched *w = sites_find(s, state->site_id);
    if (!w || (unsigned)state->health >= HEALTH_COUNT)
        return;
    enum health before = w->state.health;
    w->state = *state;
    w->state.last_worker = sites_worker(s, state->last_worker ? state->last_worker : "");
    sites_moved(s, w, before);
}

void sites_load_view(struct sites *s, const struct site_view *view)
{
    struct watched *w = sites_find(s, view->state.site_id);
    int place = w && w->views ? views_place(w->views, view->location) : -ENOENT;
    if (place < 0 || (unsigned)view->state.health >= HEALTH_COUNT)
        return;
    struct site_state *state = &w->views->at[place].seen.state;
    *state = view->state;
    state->last_worker = sites_worker(s, view->state.last_worker ? view->state.last_worker : "");
}

void sites_moved(struct sites *s, const struct watched *w, enum health before)
{
    count(s, w, before, -1);
    count(s, w, w->state.health, 1);
}

void sites_count(const struct sites *s, struct pulse *ret)
{
    ret->fresh = s->health[HEALTH_NEW];
    ret->up = s->health[HEALTH_UP];
    ret->suspected = s->health[HEALTH_SUSPECTED];
    ret->down = s->health[HEALTH_DOWN];
    ret->unknown = s->health[HEALTH_UNKNOWN];
    ret->paused = s->paused;
}

/* ── Owners ────────────────────────────────────────────────────────────── */

static const char *keep(char **to, const char *text)
{
    char *at = *to;
    *to = stpcpy(at, text) + 1;
    return at;
}

int sites_set_owner(struct sites *s, const struct owner *o)
{
    struct known_owner *old = NULL, *fresh;
    HASH_FIND(hh, s->owners, &o->id, sizeof o->id, old);

    if (o->name && o->name[0]) {
        size_t size = strlen(o->name) + 1;
        for (unsigned i = 0; i < o->n_channels; i++)
            size += strlen(o->channel[i]) + 1;
        fresh = malloc(sizeof *fresh + size);
        if (!fresh)
            return -ENOMEM;
        char *to = fresh->strings;
        fresh->owner = *o;
        fresh->owner.name = keep(&to, o->name);
        for (unsigned i = 0; i < o->n_channels; i++)
            fresh->owner.channel[i] = keep(&to, o->channel[i]);
    } else
        fresh = NULL;

    if (old) {
        HASH_DEL(s->owners, old);
        free(old);
    }
    if (fresh)
        HASH_ADD(hh, s->owners, owner.id, sizeof fresh->owner.id, fresh);
    return 0;
}

const struct owner *sites_owner(const struct sites *s, uint64_t id)
{
    struct known_owner *o = NULL;
    HASH_FIND(hh, s->owners, &id, sizeof id, o);
    return o ? &o->owner : NULL;
}

void sites_each(struct sites *s, sites_fn *fn, void *arg)
{
    for (size_t i = 0; i < s->n_leaves; i++)
        for (size_t k = 0; s->leaf[i] && k < LEAF; k++)
            if (s->leaf[i][k])
                fn(arg, s->leaf[i][k]);
}

const char *sites_worker(struct sites *s, const char *name)
{
    struct known_worker *k = NULL;
    size_t len = strlen(name);
    HASH_FIND(hh, s->workers, name, len, k);
    if (k)
        return k->name;
    k = HASH_COUNT(s->workers) < SITES_MAX_WORKERS ? malloc(sizeof *k + len + 1) : NULL;
    if (!k)
        return "?";
    memcpy(k->name, name, len + 1);
    HASH_ADD_KEYPTR(hh, s->workers, k->name, len, k);
    return k->name;
}

/* ── States that are written later ─────────────────────────────────────── */

static void may_be_behind(void *arg, struct watched *w)
{
    const struct sites *s = arg;
    w->unwritten = w->state.last_slot_us >= s->told_us;
}

void sites_begin_sweeps(struct sites *s, wall_us states_us)
{
    s->told_us = states_us;
    sites_each(s, may_be_behind, s);
}

/* Not before the first sweep is through, and, while one goes on, not below what
 * it is going to promise: it may have passed this site already. */
bool sites_may_wait(const struct sites *s, wall_us slot_us)
{
    return slot_us >= s->told_us && (s->sweep_at == 0 || slot_us >= s->sweeping_us);
}

void sites_sweep(struct sites *s, wall_us now, sites_fn *fn, void *arg, wall_us *ret_states_us)
{
    size_t left = s->n_sites / SITES_SWEEP_S + 1;
    uint64_t end = (uint64_t)s->n_leaves << LEAF_BITS, at = s->sweep_at;
    if (left < SITES_SWEEP_LEAST)
        left = SITES_SWEEP_LEAST;
    if (at == 0)
        s->sweeping_us = now - SITES_SWEEP_LAG;
    for (; at < end && left; at++) {
        struct watched *w = sites_find(s, at);
        if (!w && !s->leaf[at >> LEAF_BITS]) {
            at |= LEAF - 1;
            continue;
        }
        left -= w != NULL;
        if (w && w->unwritten)
            fn(arg, w);
    }
    s->sweep_at = at < end ? at : 0;
    *ret_states_us = at < end ? 0 : s->sweeping_us;
    if (at >= end)
        s->told_us = s->sweeping_us;
}
