#include "collector/sites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct known_owner {
    struct owner owner;
    UT_hash_handle hh;
    char strings[];
};

struct sites {
    struct watched *by_id;
    struct known_owner *owners;
    uint64_t health[HEALTH_COUNT]; /* of sites that are watched */
    uint64_t paused;
};

int sites_new(struct sites **ret)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? 0 : -ENOMEM;
}

void sites_free(struct sites *s)
{
    if (!s)
        return;
    struct watched *w, *next;
    HASH_ITER (hh, s->by_id, w, next) {
        HASH_DEL(s->by_id, w);
        site_free(w->site);
        free(w);
    }
    struct known_owner *o, *next_owner;
    HASH_ITER (hh, s->owners, o, next_owner) {
        HASH_DEL(s->owners, o);
        free(o);
    }
    free(s);
}

struct watched *sites_find(struct sites *s, uint64_t id)
{
    struct watched *w = NULL;
    HASH_FIND(hh, s->by_id, &id, sizeof id, w);
    return w;
}

static void count(struct sites *s, const struct watched *w, enum health health, int by)
{
    if (w->site->removed)
        return;
    uint64_t *counter = w->site->paused ? &s->paused : &s->health[health];
    *counter += (uint64_t)(int64_t)by;
}

int sites_set(struct sites *s, const struct site *site, struct watched **ret)
{
    struct site *copy = site_copy(site);
    if (!copy)
        return -ENOMEM;
    struct watched *w = sites_find(s, site->id);
    if (!w) {
        w = calloc(1, sizeof *w);
        if (!w) {
            site_free(copy);
            return -ENOMEM;
        }
        w->state.site_id = site->id;
        HASH_ADD(hh, s->by_id, state.site_id, sizeof w->state.site_id, w);
    } else {
        count(s, w, w->state.health, -1);
        site_free(w->site);
    }
    w->site = copy;
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
    sites_moved(s, w, before);
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
    struct watched *w, *next;
    HASH_ITER (hh, s->by_id, w, next)
        fn(arg, w);
}
