#include "collector/passports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct passport {
    char worker[WORKER_NAME_SIZE];
    uint64_t key;
    mono_ns used;
    UT_hash_handle hh;
};

struct passports {
    struct passport *by_name;
};

int passports_new(struct passports **ret)
{
    struct passports *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    *ret = p;
    return 0;
}

static void drop(struct passports *p, struct passport *x)
{
    HASH_DEL(p->by_name, x);
    free(x);
}

void passports_free(struct passports *p)
{
    if (!p)
        return;
    while (p->by_name)
        drop(p, p->by_name);
    free(p);
}

static void forget(struct passports *p, mono_ns now)
{
    struct passport *x, *next;
    HASH_ITER (hh, p->by_name, x, next)
        if (now - x->used >= PASSPORTS_KEEP_NS)
            drop(p, x);
}

static struct passport *find(const struct passports *p, const char *worker)
{
    struct passport *x = NULL;
    HASH_FIND_STR(p->by_name, worker, x);
    return x;
}

/* NULL where there is no room: nothing is kept of it then. */
static struct passport *issue(struct passports *p, const char *worker, uint64_t key, mono_ns now)
{
    if (HASH_COUNT(p->by_name) >= PASSPORTS_MAX)
        forget(p, now);
    if (HASH_COUNT(p->by_name) >= PASSPORTS_MAX)
        return NULL;
    struct passport *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    memcpy(x->worker, worker, strnlen(worker, sizeof x->worker - 1));
    x->key = key;
    HASH_ADD_STR(p->by_name, worker, x);
    if (!x->hh.tbl) {
        free(x);
        return NULL;
    }
    return x;
}

bool passports_may(struct passports *p, const char *worker, uint64_t key, mono_ns now)
{
    struct passport *x = find(p, worker);
    if (x && x->key != key && now - x->used < PASSPORTS_KEEP_NS)
        return false;
    if (!x)
        x = issue(p, worker, key, now);
    if (x) {
        x->key = key;
        x->used = now;
    }
    return true;
}

void passports_told(struct passports *p, const char *worker, uint64_t key, mono_ns now)
{
    struct passport *x = find(p, worker);
    if (!x)
        x = issue(p, worker, key, now);
    if (!x)
        return;
    x->key = key;
    x->used = now;
}

void passports_revoke(struct passports *p, const struct access_list *let_in)
{
    struct passport *x, *next;
    HASH_ITER (hh, p->by_name, x, next)
        if (x->key != 0 && !access_list_has(let_in, x->key))
            drop(p, x);
}

size_t passports_count(const struct passports *p)
{
    return HASH_COUNT(p->by_name);
}
