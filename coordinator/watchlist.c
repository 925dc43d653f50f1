#include "coordinator/watchlist.h"

#include "coordinator/idmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct shared {
    struct manner manner; /* the first member: what sites point to */
    size_t sites;
    UT_hash_handle hh;
    struct shared_key { /* no padding: it is hashed as bytes, up to the end of the words */
        uint32_t timeout_ms, method, full_handshake;
        struct status_set status;
        char words[EXPECT_MAX_KEYWORD + 1 + SITE_LOCATIONS_SIZE]; /* the keyword, then the locations */
    } key;
};

struct watchlist {
    struct idmap by_id;
    struct shared *manners;
    struct shared *newest; /* put last: most sites are like the one before them */
    size_t count;
};

int watchlist_new(struct watchlist **ret)
{
    struct watchlist *l = calloc(1, sizeof *l);
    if (!l)
        return -ENOMEM;
    idmap_init(&l->by_id);
    *ret = l;
    return 0;
}

void watchlist_free(struct watchlist *l)
{
    if (!l)
        return;
    size_t cursor = 0;
    for (struct watched *w; (w = watchlist_next(l, &cursor));)
        free(w);
    idmap_done(&l->by_id);
    struct shared *s, *tmp;
    HASH_ITER (hh, l->manners, s, tmp) {
        HASH_DEL(l->manners, s);
        free(s);
    }
    free(l);
}

/* ── Manners ───────────────────────────────────────────────────────────── */

static size_t key_of(struct shared_key *key, const struct site *site)
{
    size_t words = strnlen(site->contains, EXPECT_MAX_KEYWORD);
    size_t places = strnlen(site_locations(site), SITE_LOCATIONS_SIZE - 1);
    memset(key, 0, offsetof(struct shared_key, words));
    key->timeout_ms = site->timeout_ms;
    key->method = site->method;
    key->full_handshake = site->full_handshake;
    key->status.count = site->status.count;
    for (unsigned i = 0; i < site->status.count; i++)
        key->status.range[i] = site->status.range[i];
    memcpy(key->words, site->contains, words);
    key->words[words++] = '\0';
    memcpy(key->words + words, site_locations(site), places);
    words += places;
    key->words[words++] = '\0';
    return offsetof(struct shared_key, words) + words;
}

static struct shared *share(struct watchlist *l, const struct site *site)
{
    struct shared_key key;
    size_t size = key_of(&key, site);
    struct shared *s = l->newest;
    if (s && s->hh.keylen == size && memcmp(&s->key, &key, size) == 0)
        return s;
    HASH_FIND(hh, l->manners, &key, size, s);
    if (!s) {
        s = calloc(1, offsetof(struct shared, key) + size);
        if (!s)
            return NULL;
        memcpy(&s->key, &key, size);
        s->manner = (struct manner){
            .timeout_ms = site->timeout_ms,
            .method = site->method,
            .status = site->status,
            .full_handshake = site->full_handshake,
            .contains = s->key.words,
            .locations = s->key.words + strlen(s->key.words) + 1,
        };
        HASH_ADD(hh, l->manners, key, size, s);
    }
    l->newest = s;
    return s;
}

static void leave(struct watchlist *l, const struct manner *manner)
{
    struct shared *s = (struct shared *)manner;
    if (--s->sites > 0)
        return;
    if (l->newest == s)
        l->newest = NULL;
    HASH_DEL(l->manners, s);
    free(s);
}

/* ── Sites ─────────────────────────────────────────────────────────────── */

static int make_room(struct watchlist *l, const struct site *site, struct watched **ret)
{
    struct watched *old = watchlist_find(l, site->id);
    size_t url = strlen(site->url) + 1;
    struct watched *w = malloc(offsetof(struct watched, url) + url);
    if (!w)
        return -ENOMEM;
    w->id = site->id;
    w->last_slot = old ? old->last_slot : 0;
    memcpy(w->url, site->url, url);
    if (old) {
        l->count -= !old->paused;
        leave(l, old->manner);
        idmap_drop(&l->by_id, site->id);
        free(old);
    }
    if (idmap_add(&l->by_id, w) < 0) { /* cannot be where one was dropped */
        free(w);
        return -ENOMEM;
    }
    *ret = w;
    return 0;
}

int watchlist_put(struct watchlist *l, const struct site *site, struct watched **ret)
{
    struct shared *manner = share(l, site);
    if (!manner)
        return -ENOMEM;
    manner->sites++;
    struct watched *w;
    int r = make_room(l, site, &w);
    if (r < 0) {
        leave(l, &manner->manner);
        return r;
    }
    w->manner = &manner->manner;
    w->changed_us = site->changed_us;
    w->change = site->change;
    w->every_ms = site->every_ms;
    w->paused = site->paused;
    w->domain = 0;
    w->domain_known = false;
    l->count += !w->paused;
    *ret = w;
    return 0;
}

void watchlist_drop(struct watchlist *l, uint64_t id)
{
    struct watched *w = watchlist_find(l, id);
    if (!w)
        return;
    l->count -= !w->paused;
    idmap_drop(&l->by_id, id);
    leave(l, w->manner);
    free(w);
}

struct watched *watchlist_find(const struct watchlist *l, uint64_t id)
{
    return idmap_find(&l->by_id, id);
}

void watchlist_fetch(const struct watchlist *l, uint64_t id, int step)
{
    idmap_fetch(&l->by_id, id, step);
}

struct watched *watchlist_next(const struct watchlist *l, size_t *cursor)
{
    return idmap_next(&l->by_id, cursor);
}

size_t watchlist_count(const struct watchlist *l)
{
    return l->count;
}

size_t watchlist_manners(const struct watchlist *l)
{
    return HASH_COUNT(l->manners);
}
