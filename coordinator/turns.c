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
    uint32_t out, counting, waiting; /* runs; of those out, the ones that count; in the queue */
    mono_ns free_at;                 /* when the next turn may begin, for the distance's sake */
    struct turn *queue;              /* who waits */
    struct heap_node ready;          /* among those where somebody waits and room is, by free_at */
    struct domain *prev, *next;      /* among the idle */
    UT_hash_handle hh;
};

struct turn_key { /* no padding: it is hashed as bytes */
    uint64_t site_id, location;
};

/* of a site at a location */
struct turn {
    struct turn_key key;
    enum {
        WAITS, /* in its domain's queue */
        OUT,   /* no worker has it yet */
        BEGUN, /* a worker has it, and it counts */
        HANGS, /* ... and does not any more */
    } stage;
    bool follows;        /* `run` is not the one that is out: it comes after it */
    wall_us out_slot_us; /* of the one that is out */
    mono_ns over_at;     /* when that one is over by itself */
    struct lease_run run;
    struct domain *domain;
    struct heap_node news; /* of one that is out: when it counts no longer, or is over */
    struct turn *prev, *next;
    UT_hash_handle hh;
};

struct turns {
    uint32_t at_once; /* UINT32_MAX: no ceiling */
    mono_ns distance; /* 0: none */
    struct domain *by_key, *idle;
    struct turn *by_site;
    struct pool domains, turns;
    struct heap ready, news;
    size_t waiting; /* followers included */
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
    heap_init(&t->news);
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
    heap_done(&t->news);
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

wall_us turns_oldest_slot(const struct turns *t)
{
    wall_us oldest = WALL_NEVER;
    for (const struct turn *x = t->waiting ? t->by_site : NULL; x; x = x->hh.next)
        if ((x->stage == WAITS || x->follows) && x->run.slot_us < oldest)
            oldest = x->run.slot_us;
    return oldest;
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
    bool ready = d->waiting > 0 && d->counting < t->at_once;
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
    if (heap_set(&t->news, &one->news, MONO_NEVER) < 0) {
        pool_give(&t->turns, one);
        return NULL;
    }
    one->key = (struct turn_key){ run->site_id, run->location };
    HASH_ADD(hh, t->by_site, key, sizeof one->key, one);
    if (one->hh.tbl)
        return one;
    heap_drop(&t->news, &one->news);
    pool_give(&t->turns, one);
    return NULL;
}

static void forget(struct turns *t, struct turn *one)
{
    heap_drop(&t->news, &one->news);
    HASH_DEL(t->by_site, one);
    pool_give(&t->turns, one);
}

static bool counts(const struct turn *one)
{
    return one->stage == OUT || one->stage == BEGUN;
}

/* Whoever calls these settles the domain afterwards. */
static void enqueue(struct turn *one)
{
    one->stage = WAITS;
    DL_APPEND(one->domain->queue, one);
    one->domain->waiting++;
}

static void unqueue(struct turn *one)
{
    DL_DELETE(one->domain->queue, one);
    one->domain->waiting--;
}

static void leave(struct turn *one)
{
    one->domain->out--;
    one->domain->counting -= counts(one);
}

/* It was not looked at, and will not be. */
static bool was_waiting(const struct turn *one)
{
    return one->stage == WAITS || one->follows;
}

static void drop(struct turns *t, struct turn *one)
{
    t->waiting -= was_waiting(one);
    if (one->stage == WAITS)
        unqueue(one);
    else
        leave(one);
    settle(t, one->domain);
    forget(t, one);
}

/* What is out is over. Whoever follows takes its place at the end of the queue. */
static void end(struct turns *t, struct turn *one)
{
    if (!one->follows) {
        drop(t, one);
        return;
    }
    leave(one);
    one->follows = false;
    heap_set(&t->news, &one->news, MONO_NEVER);
    enqueue(one);
    settle(t, one->domain);
}

static mono_ns later(mono_ns a, mono_ns b)
{
    return a > b ? a : b;
}

/* No worker has it yet: its end is told, unless something was lost. */
static void hand_out(struct turns *t, struct turn *one, mono_ns now)
{
    one->out_slot_us = one->run.slot_us;
    one->over_at = later(one->run.until, now) + (mono_ns)one->run.timeout_ms * NS_PER_MS + TURNS_LEEWAY_NS;
    heap_set(&t->news, &one->news, one->over_at);
    keep_distance(t, one->domain, now);
}

static void go(struct turns *t, struct turn *one, mono_ns now)
{
    one->stage = OUT;
    one->domain->out++;
    one->domain->counting++;
    hand_out(t, one, now);
    settle(t, one->domain);
}

static void pass_time(struct turns *t, mono_ns now)
{
    while (heap_first_key(&t->news) <= now) {
        struct turn *one = heap_owner(heap_first(&t->news), struct turn, news);
        if (one->stage != BEGUN || now >= one->over_at) {
            end(t, one);
            continue;
        }
        one->stage = HANGS;
        one->domain->counting--;
        heap_set(&t->news, &one->news, one->over_at);
        settle(t, one->domain);
    }
}

/* The site has a turn, or waits for one, with an earlier slot. */
static int take_over(struct turns *t, struct turn *one, const struct lease_run *run, mono_ns now,
                     struct lease_run *ret_held)
{
    if (was_waiting(one))
        *ret_held = one->run;
    one->run = *run;
    if (one->stage == OUT) { /* both have one turn: the earlier is not begun, or has this for its heir */
        hand_out(t, one, now);
        settle(t, one->domain);
        return 1;
    }
    if (one->stage != WAITS && !one->follows) {
        one->follows = true;
        t->waiting++;
    }
    return 0;
}

int turns_ask(struct turns *t, uint64_t domain, const struct lease_run *run, mono_ns now,
              struct lease_run *ret_held)
{
    ret_held->site_id = 0;
    if (domain == 0 || !turns_matter(t))
        return 1;
    pass_time(t, now);
    struct turn *one = find(t, run->site_id, run->location);
    if (one && one->domain->key == domain)
        return take_over(t, one, run, now, ret_held);
    if (one) { /* it has moved */
        if (was_waiting(one))
            *ret_held = one->run;
        drop(t, one);
    }
    one = add(t, run);
    if (!one)
        return -ENOMEM;
    struct domain *d = visit(t, domain, now);
    if (!d) {
        forget(t, one);
        return -ENOMEM;
    }
    one->run = *run;
    one->domain = d;
    if (d->waiting == 0 && d->counting < t->at_once && now >= d->free_at) {
        go(t, one, now);
        return 1;
    }
    t->waiting++;
    enqueue(one);
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

/* The one that is out with that slot; NULL. */
static struct turn *find_out(const struct turns *t, uint64_t site_id, wall_us slot_us, unsigned location)
{
    struct turn *one = find(t, site_id, location);
    return one && one->stage != WAITS && one->out_slot_us == slot_us ? one : NULL;
}

void turns_begun(struct turns *t, uint64_t site_id, wall_us slot_us, unsigned location, mono_ns now)
{
    struct turn *one = find_out(t, site_id, slot_us, location);
    if (!one)
        return;
    one->domain->counting += !counts(one);
    one->stage = BEGUN;
    one->over_at = now + (mono_ns)one->run.timeout_ms * NS_PER_MS;
    mono_ns hangs_at = now + TURNS_COUNTS_NS;
    heap_set(&t->news, &one->news, hangs_at < one->over_at ? hangs_at : one->over_at);
    settle(t, one->domain);
}

void turns_over(struct turns *t, uint64_t site_id, wall_us slot_us, unsigned location, mono_ns now)
{
    struct turn *one = find_out(t, site_id, slot_us, location);
    if (!one)
        return;
    end(t, one);
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
    pass_time(t, now);
    if (heap_first_key(&t->ready) > now)
        return false;
    struct domain *d = heap_owner(heap_first(&t->ready), struct domain, ready);
    struct turn *one = d->queue;
    unqueue(one);
    t->waiting--;
    *ret = one->run;
    go(t, one, now);
    return true;
}

mono_ns turns_next(const struct turns *t)
{
    if (t->waiting == 0)
        return MONO_NEVER;
    mono_ns news = heap_first_key(&t->news), ready = heap_first_key(&t->ready);
    return news < ready ? news : ready;
}
