#include "cli/directory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define MAX_REMEMBERED 100000 /* sites; beyond, the store is asked again each time */

struct owner_entry {
    struct owner owner;
    UT_hash_handle hh;
};

struct site_entry {
    uint64_t id;
    struct site *site; /* NULL: the store does not know it */
    UT_hash_handle hh;
};

struct directory {
    struct store *store;
    struct owner_entry *owners;
    struct site_entry *sites;
    struct site *stray; /* the last one that was not remembered */
    char name[40];
};

static void free_owner(struct owner_entry *e)
{
    free((char *)e->owner.name);
    for (unsigned i = 0; i < e->owner.n_channels; i++)
        free((char *)e->owner.channel[i]);
    free(e);
}

static int keep_owner(void *arg, const struct owner *o)
{
    struct directory *d = arg;
    struct owner_entry *e = calloc(1, sizeof *e);
    if (!e)
        return -ENOMEM;
    e->owner = *o;
    bool good = (e->owner.name = strdup(o->name));
    for (unsigned i = 0; i < o->n_channels; i++)
        good = (e->owner.channel[i] = strdup(o->channel[i])) && good;
    if (!good) {
        free_owner(e);
        return -ENOMEM;
    }
    HASH_ADD(hh, d->owners, owner.id, sizeof e->owner.id, e);
    return 0;
}

int directory_new(struct directory **ret, struct store *s, struct err *err)
{
    scoped(directory) struct directory *d = calloc(1, sizeof *d);
    if (!d)
        return err_set(err, -ENOMEM, "out of memory");
    d->store = s;
    int r = store_each_owner(s, 0, keep_owner, d, err);
    if (r == -ENOMEM)
        err_set(err, r, "out of memory");
    if (r < 0)
        return r;
    *ret = moved(d);
    return 0;
}

void directory_free(struct directory *d)
{
    if (!d)
        return;
    struct owner_entry *o, *next_o;
    struct site_entry *s, *next_s;
    HASH_ITER (hh, d->owners, o, next_o) {
        HASH_DEL(d->owners, o);
        free_owner(o);
    }
    HASH_ITER (hh, d->sites, s, next_s) {
        HASH_DEL(d->sites, s);
        site_free(s->site);
        free(s);
    }
    site_free(d->stray);
    free(d);
}

const struct site *directory_site(struct directory *d, uint64_t id)
{
    struct site_entry *e;
    HASH_FIND(hh, d->sites, &id, sizeof id, e);
    if (e)
        return e->site;

    char what[24];
    struct site *site = NULL;
    snprintf(what, sizeof what, "%" PRIu64, id);
    if (store_find_site(d->store, what, &site, NULL) < 0)
        site = NULL;
    /* A name of digits would have been found instead. */
    if (site && site->id != id) {
        site_free(site);
        site = NULL;
    }
    if (HASH_COUNT(d->sites) < MAX_REMEMBERED && (e = calloc(1, sizeof *e))) {
        *e = (struct site_entry){ .id = id, .site = site };
        HASH_ADD(hh, d->sites, id, sizeof e->id, e);
        return site;
    }
    site_free(d->stray);
    d->stray = site;
    return site;
}

const struct owner *directory_owner(struct directory *d, uint64_t id)
{
    struct owner_entry *e;
    HASH_FIND(hh, d->owners, &id, sizeof id, e);
    return e ? &e->owner : NULL;
}

const char *directory_site_name(struct directory *d, uint64_t id)
{
    const struct site *s = directory_site(d, id);
    if (s)
        return s->name;
    snprintf(d->name, sizeof d->name, "site %" PRIu64, id);
    return d->name;
}

const char *directory_owner_name(struct directory *d, uint64_t id)
{
    const struct owner *o = directory_owner(d, id);
    if (o)
        return o->name;
    snprintf(d->name, sizeof d->name, "owner %" PRIu64, id);
    return d->name;
}
