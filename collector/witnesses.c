#include "collector/witnesses.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct witness {
    char worker[WORKER_NAME_SIZE]; /* zero-filled */
    uint64_t key;
    unsigned told; /* in which telling */
    UT_hash_handle hh;
};

/* Two different keys of workers that could look there: beside any key there is another one. */
struct bench {
    char location[LOCATION_SIZE];
    uint64_t key[2];
    unsigned n;
};

struct witnesses {
    struct witness *by_worker;
    unsigned telling;
    struct bench bench[WITNESSES_MAX_LOCATIONS];
    size_t n;
};

int witnesses_new(struct witnesses **ret)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? 0 : -ENOMEM;
}

static void forget(struct witnesses *w, struct witness *x)
{
    HASH_DEL(w->by_worker, x);
    free(x);
}

void witnesses_free(struct witnesses *w)
{
    if (!w)
        return;
    while (w->by_worker)
        forget(w, w->by_worker);
    free(w);
}

/* ── What the coordinator tells ────────────────────────────────────────── */

void witnesses_begin(struct witnesses *w)
{
    w->telling++;
    w->n = 0;
}

static struct witness *find(const struct witnesses *w, const char *worker)
{
    char name[WORKER_NAME_SIZE] = "";
    struct witness *x = NULL;
    memcpy(name, worker, strnlen(worker, sizeof name - 1));
    HASH_FIND(hh, w->by_worker, name, sizeof name, x);
    return x;
}

static struct witness *add(struct witnesses *w, const char *worker)
{
    struct witness *x = HASH_COUNT(w->by_worker) < WITNESSES_MAX ? calloc(1, sizeof *x) : NULL;
    if (!x)
        return NULL;
    memcpy(x->worker, worker, strnlen(worker, sizeof x->worker - 1));
    HASH_ADD(hh, w->by_worker, worker, sizeof x->worker, x);
    if (x->hh.tbl)
        return x;
    free(x);
    return NULL;
}

static struct bench *bench_at(struct witnesses *w, const char *location)
{
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->bench[i].location, location) == 0)
            return &w->bench[i];
    if (w->n == WITNESSES_MAX_LOCATIONS)
        return NULL;
    struct bench *b = &w->bench[w->n++];
    *b = (struct bench){ .n = 0 };
    memcpy(b->location, location, strnlen(location, sizeof b->location - 1));
    return b;
}

static void sit(struct bench *b, uint64_t key)
{
    if (b->n < 2 && (b->n == 0 || b->key[0] != key))
        b->key[b->n++] = key;
}

void witnesses_told(struct witnesses *w, const struct worker_vitals *lane)
{
    if (lane->health == WORKER_DEAD || lane->health == WORKER_GONE)
        return;
    struct witness *x = find(w, lane->worker);
    if (!x)
        x = add(w, lane->worker);
    if (x) {
        x->key = lane->key;
        x->told = w->telling;
    }
    bool can_look = lane->health == WORKER_READY && !lane->doubts && lane->in_hand < lane->slots;
    struct bench *b = can_look ? bench_at(w, lane->location) : NULL;
    if (b)
        sit(b, lane->key);
}

void witnesses_end(struct witnesses *w)
{
    struct witness *x, *next;
    HASH_ITER (hh, w->by_worker, x, next)
        if (x->told != w->telling)
            forget(w, x);
}

/* ── What is asked ─────────────────────────────────────────────────────── */

static bool has_other(const struct witnesses *w, const char *location, uint64_t key)
{
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->bench[i].location, location) == 0)
            return w->bench[i].n == 2 || w->bench[i].key[0] != key;
    return false;
}

bool witnesses_repeated(const struct witnesses *w, const struct result *before, size_t n,
                        const struct result *look)
{
    const struct witness *x = find(w, look->worker);
    if (!x || !has_other(w, look->run.location, x->key))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct witness *earlier = find(w, before[i].worker);
        if (before[i].verdict == VERDICT_DOWN && (!earlier || earlier->key != x->key))
            return false;
    }
    return n > 0;
}
