#include "coordinator/turns.h"

#include "common/heap.h"
#include "common/pool.h"

#include <errno.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

enum { FORGET_AT_ONCE = 4 }; /* domains given up with each new one: faster than they can be made */

struct domain {
    uint64_t key;
    uint32_t out, waiting;
    mono_ns free_at;            /* when the next turn may begin, for the distance's sake */
    struct turn *queue;         /* who waits */
    struct heap_node ready;     /* among those where somebody waits and room is, by free_at */
    struct domain *prev, *next; /* among the idle */
    UT_hash_handle hh;
};

struct turn_key { /* no padding: it is hashed as bytes */
    uint64_t site_id, location;
};

struct turn {
    struct turn_key key;
    struct lease_run run;
    struct domain *domain;
    bool waits;
    struct heap_node over; /* of one that is out: when it is over by itself */
    struct turn *prev, *next;
    UT_hash_handle hh;
};

struct turns {
    uint32_t at_once; /* UINT32_MAX: no ceiling */
    mono_ns distance; /* 0: none */
    struct domain *by_key, *idle;
    struct turn *by_site;
    struct pool domains, turns;
    struct heap ready, over;
    size_t waiting;
};

int turns_new(struct turns **ret, const struct turns_rules *rules)
{
    struct turns *t = calloc(1, sizeof *t);
    if (!t)
        return -ENOMEM;
    t->at_once = rules->at_once ? rules->at_once : UINT32_MAX;
    t->distance = rules->per_s ? NS_PER_S / rules->per_s : 0;
    pool_init(&t->domains, sizeof(struct domain));
    pool_init(&t->turns, sizeof(struct turn));
    heap_init(&t->ready);
    heap_init(&t->over);
    *ret = t;
    return 0;
}

void turns_free(struct turns *t)
{
    if (!t)
        return;
    HASH_CLEAR(hh, t->by_site);
    HASH_CLEAR(hh, t->by_key);
    pool_done(&t->turns);
    pool_done(&t->domains);
    heap_done(&t->ready);
    heap_done(&t->over);
    free(t);
}

bool turns_matter(const struct turns *t)
{
    return t->at_once != UINT32_MAX || t->distance != 0;
}

size_t turns_waiting(const struct turns *t)
{
    return t->waiting;
}

size_t turns_domains(const struct turns *t)
{
    return HASH_COUNT(t->by_key);
}

/* ── Domains ───────────────────────────────────────────────────────────── */

/* Nothing is out, nobody waits, and whoever comes need keep no distance. */
static void forget_some(struct turns *t, mono_ns now)
{
    for (int i = 0; i < FORGET_AT_ONCE && t->idle && now >= t->idle->free_at; i++) {
        struct domain *d = t->idle;
        DL_DELETE(t->idle, d);
        HASH_DEL(t->by_key, d);
        heap_drop(&t->ready, &d->ready);
        pool_give(&t->domains, d);
    }
}

/* Not among the idle: whoever visits settles it. */
static struct domain *visit(struct turns *t, uint64_t key, mono_ns now)
{
    struct domain *d = NULL;
    HASH_FIND(hh, t->by_key, &key, sizeof key, d);
    if (d) {
        if (d->out == 0 && d->waiting == 0)
            DL_DELETE(t->idle, d);
        return d;
    }
    forget_some(t, now);
    d = pool_take(&t->domains);
    /* With a place in the heap from the start, settling cannot fail later. */
    if (!d)
        return NULL;
    if (heap_set(&t->ready, &d->ready, MONO_NEVER) < 0) {
        pool_give(&t->domains, d);
        return NULL;
    }
    d->key = key;
    HASH_ADD(hh, t->by_key, key, sizeof d->key, d);
    if (d->hh.tbl)
        return d;
    heap_drop(&t->ready, &d->ready);
    pool_give(&t->domains, d);
    return NULL;
}

static void settle(struct turns *t, struct domain *d)
{
    bool ready = d->waiting > 0 && d->out < t->at_once;
    heap_set(&t->ready, &d->ready, ready ? d->free_at : MONO_NEVER);
    if (d->out == 0 && d->waiting == 0)
        DL_APPEND(t->idle, d);
}

static void keep_distance(const struct turns *t, struct domain *d, mono_ns now)
{
    d->free_at = (d->free_at > now ? d->free_at : now) + t->distance;
}

/* ── Turns ─────────────────────────────────────────────────────────────── */

static struct turn *find(const struct turns *t, uint64_t site_id, unsigned location)
{
    struct turn_key key = { site_id, location };
    struct turn *one = NULL;
    HASH_FIND(hh, t->by_site, &key, sizeof key, one);
    return one;
}

static struct turn *add(struct turns *t, const struct lease_run *run)
{
    struct turn *one = pool_take(&t->turns);
    if (!one)
        return NULL;
    if (heap_set(&t->over, &one->over, MONO_NEVER) < 0) {
        pool_give(&t->turns, one);
        return NULL;
    }
    one->key = (struct turn_key){ run->site_id, run->location };
    HASH_ADD(hh, t->by_site, key, sizeof one->key, one);
    if (one->hh.tbl)
        return one;
    heap_drop(&t->over, &one->over);
    pool_give(&t->turns, one);
    return NULL;
}

static void drop(struct turns *t, struct turn *one)
{
    struct domain *d = one->domain;
    if (one->waits) {
        DL_DELETE(d->queue, one);
        d->waiting--;
        t->waiting--;
    } else {
        d->out--;
    }
    settle(t, d);
    heap_drop(&t->over, &one->over);
    HASH_DEL(t->by_site, one);
    pool_give(&t->turns, one);
}

static mono_ns over_at(const struct lease_run *run, mono_ns from)
{
    return from + (mono_ns)run->timeout_ms * NS_PER_MS + TURNS_LEEWAY_NS;
}

static void go(struct turns *t, struct turn *one, mono_ns now)
{
    struct domain *d = one->domain;
    one->waits = false;
    d->out++;
    keep_distance(t, d, now);
    heap_set(&t->over, &one->over, over_at(&one->run, now));
    settle(t, d);
}

/* The site has a turn, or waits for one, with an earlier slot. What is out is
 * followed by this run as its heir: one after the other they have one turn. */
static int take_over(struct turns *t, struct turn *one, const struct lease_run *run, mono_ns now,
                     struct lease_run *ret_held)
{
    if (one->waits)
        *ret_held = one->run;
    one->run = *run;
    if (one->waits)
        return 0;
    mono_ns over = heap_key(&t->over, &one->over);
    heap_set(&t->over, &one->over, over_at(run, over > now ? over : now));
    keep_distance(t, one->domain, now); /* to the heir, whenever it goes */
    settle(t, one->domain);
    return 1;
}

int turns_ask(struct turns *t, uint64_t domain, const struct lease_run *run, mono_ns now,
              struct lease_run *ret_held)
{
    ret_held->site_id = 0;
    if (domain == 0 || !turns_matter(t))
        return 1;
    struct turn *one = find(t, run->site_id, run->location);
    if (one && one->domain->key == domain)
        return take_over(t, one, run, now, ret_held);
    if (one) { /* it has moved */
        if (one->waits)
            *ret_held = one->run;
        drop(t, one);
    }
    one = add(t, run);
    if (!one)
        return -ENOMEM;
    struct domain *d = visit(t, domain, now);
    if (!d) {
        heap_drop(&t->over, &one->over);
        HASH_DEL(t->by_site, one);
        pool_give(&t->turns, one);
        return -ENOMEM;
    }
    one->run = *run;
    one->domain = d;
    if (d->waiting == 0 && d->out < t->at_once && now >= d->free_at) {
        go(t, one, now);
        return 1;
    }
    one->waits = true;
    DL_APPEND(d->queue, one);
    d->waiting++;
    t->waiting++;
    settle(t, d);
    return 0;
}

void turns_push_in(struct turns *t, uint64_t domain, mono_ns now)
{
    if (domain == 0 || t->distance == 0)
        return;
    struct domain *d = visit(t, domain, now);
    if (!d)
        return;
    keep_distance(t, d, now);
    settle(t, d);
}

void turns_over(struct turns *t, uint64_t site_id, wall_us slot_us, unsigned location, mono_ns now)
{
    struct turn *one = find(t, site_id, location);
    if (!one || one->waits || one->run.slot_us != slot_us)
        return;
    drop(t, one);
    forget_some(t, now);
}

void turns_forget(struct turns *t, uint64_t site_id, mono_ns now)
{
    for (unsigned location = 0; t->by_site && location < CONFIG_MAX_LOCATIONS; location++) {
        struct turn *one = find(t, site_id, location);
        if (one)
            drop(t, one);
    }
    forget_some(t, now);
}

bool turns_take(struct turns *t, mono_ns now, struct lease_run *ret)
{
    while (heap_first_key(&t->over) <= now)
        drop(t, heap_owner(heap_first(&t->over), struct turn, over));
    if (heap_first_key(&t->ready) > now)
        return false;
    struct domain *d = heap_owner(heap_first(&t->ready), struct domain, ready);
    struct turn *one = d->queue;
    DL_DELETE(d->queue, one);
    d->waiting--;
    t->waiting--;
    *ret = one->run;
    go(t, one, now);
    return true;
}

mono_ns turns_next(const struct turns *t)
{
    if (t->waiting == 0)
        return MONO_NEVER;
    mono_ns over = heap_first_key(&t->over), ready = heap_first_key(&t->ready);
    return over < ready ? over : ready;
}
