#include "worker/dnscache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#define DENIAL_BELIEVED_NS  (5 * NS_PER_S)
#define FAILURE_BELIEVED_NS (2 * NS_PER_S)

struct entry {
    struct entry *prev, *next; /* the one unused for longest in front */
    UT_hash_handle hh;
    mono_ns until;
    enum name_status status;
    enum root_status root;
    uint8_t n_v4, n_v6;
    char *name;          /* behind the addresses, in the same allocation */
    struct address at[]; /* those of IPv4 first */
};

struct dnscache {
    size_t ceiling;
    mono_ns least, most;
    struct entry *by_name, *by_use;
    struct dns_answer told; /* what dnscache_get hands out */
};

int dnscache_new(struct dnscache **ret, size_t ceiling, mono_ns least, mono_ns most)
{
    struct dnscache *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    c->ceiling = ceiling;
    c->least = least;
    c->most = most < least ? least : most;
    *ret = c;
    return 0;
}

static void drop(struct dnscache *c, struct entry *e)
{
    DL_DELETE(c->by_use, e);
    HASH_DEL(c->by_name, e);
    free(e);
}

void dnscache_free(struct dnscache *c)
{
    if (!c)
        return;
    while (c->by_use)
        drop(c, c->by_use);
    free(c);
}

static struct entry *find(const struct dnscache *c, const char *name)
{
    struct entry *e = NULL;
    HASH_FIND(hh, c->by_name, name, strlen(name), e);
    return e;
}

mono_ns dnscache_believed(const struct dnscache *c, const struct dns_answer *a)
{
    mono_ns ttl = (mono_ns)a->ttl_s * NS_PER_S;
    switch (a->status) {
    case NAME_OK: return ttl < c->least ? c->least : ttl > c->most ? c->most : ttl;
    case NAME_NXDOMAIN:
    case NAME_NODATA: return a->root == ROOT_KNOWN ? DENIAL_BELIEVED_NS : 0;
    case NAME_SERVFAIL:
    case NAME_TIMEOUT:
    case NAME_GARBLED: return a->root == ROOT_KNOWN ? FAILURE_BELIEVED_NS : 0;
    default: return 0;
    }
}

void dnscache_put(struct dnscache *c, const char *name, const struct dns_answer *a, mono_ns now)
{
    struct entry *e = find(c, name);
    if (e)
        drop(c, e);
    mono_ns believed = dnscache_believed(c, a);
    if (believed == 0 || c->ceiling == 0)
        return;
    if (dnscache_count(c) >= c->ceiling)
        drop(c, c->by_use);

    size_t n = a->n_v4 + a->n_v6, len = strlen(name);
    e = malloc(sizeof *e + n * sizeof *e->at + len + 1);
    if (!e)
        return;
    *e = (struct entry){
        .until = now + believed,
        .status = a->status,
        .root = a->root,
        .n_v4 = (uint8_t)a->n_v4,
        .n_v6 = (uint8_t)a->n_v6,
        .name = (char *)(e->at + n),
    };
    memcpy(e->at, a->v4, a->n_v4 * sizeof *a->v4);
    memcpy(e->at + a->n_v4, a->v6, a->n_v6 * sizeof *a->v6);
    memcpy(e->name, name, len + 1);
    HASH_ADD_KEYPTR(hh, c->by_name, e->name, len, e);
    if (!e->hh.tbl) {
        free(e);
        return;
    }
    DL_APPEND(c->by_use, e);
}

const struct dns_answer *dnscache_get(struct dnscache *c, const char *name, mono_ns now)
{
    struct entry *e = find(c, name);
    if (!e)
        return NULL;
    if (now >= e->until) {
        drop(c, e);
        return NULL;
    }
    DL_DELETE(c->by_use, e);
    DL_APPEND(c->by_use, e);
    c->told = (struct dns_answer){ .status = e->status, .root = e->root, .n_v4 = e->n_v4, .n_v6 = e->n_v6 };
    memcpy(c->told.v4, e->at, e->n_v4 * sizeof *e->at);
    memcpy(c->told.v6, e->at + e->n_v4, e->n_v6 * sizeof *e->at);
    return &c->told;
}

size_t dnscache_count(const struct dnscache *c)
{
    return HASH_COUNT(c->by_name);
}
