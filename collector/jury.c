#include "collector/jury.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum {
    BUCKETS = 10,
    SITES_PER_BUCKET = 8,
    LEAST_CONTRADICTED = 5,
    LEAST_SITES = 5,
    LEAST_LOOKS = 20,
    TIMES_OTHERS = 5,
    ONE_IN = 20,
    MOST_TIMES_HOLD = 16,
};
#define BUCKET_NS (30 * NS_PER_S)
#define HOLD_NS   (60 * NS_PER_S)
#define SOON_NS   (3600 * NS_PER_S)

struct bucket {
    int64_t number;
    unsigned looks, contradicted, shared;
    unsigned n_sites;
    uint64_t site[SITES_PER_BUCKET]; /* where it was contradicted; some of them */
};

struct juror {
    char worker[WORKER_NAME_SIZE]; /* zero-filled */
    struct bucket bucket[BUCKETS];
    mono_ns doubted_until;
    wall_us excused_us; /* looks until then say nothing about it */
    unsigned times;     /* the hold, this time */
    char reason[DOUBT_SIZE];
    UT_hash_handle hh;
};

struct jury {
    struct juror *by_worker;
    struct juror *last; /* results come in batches of one worker's */
};

int jury_new(struct jury **ret)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? 0 : -ENOMEM;
}

void jury_free(struct jury *j)
{
    if (!j)
        return;
    struct juror *w, *next;
    HASH_ITER (hh, j->by_worker, w, next) {
        HASH_DEL(j->by_worker, w);
        free(w);
    }
    free(j);
}

static struct juror *find(struct jury *j, const char *worker)
{
    char key[WORKER_NAME_SIZE] = "";
    struct juror *w = NULL;
    if (j->last && strcmp(j->last->worker, worker) == 0)
        return j->last;
    memcpy(key, worker, strnlen(worker, sizeof key - 1));
    HASH_FIND(hh, j->by_worker, key, sizeof key, w);
    if (w)
        j->last = w;
    return w;
}

static bool is_idle(const struct juror *w, mono_ns now)
{
    if (now - w->doubted_until < SOON_NS)
        return false;
    for (int i = 0; i < BUCKETS; i++)
        if (w->bucket[i].number > now / BUCKET_NS)
            return false;
    return true;
}

/* Room for one more, in place of some that have not looked for long. */
static void make_room(struct jury *j, mono_ns now)
{
    struct juror *w, *next;
    HASH_ITER (hh, j->by_worker, w, next)
        if (is_idle(w, now)) {
            HASH_DEL(j->by_worker, w);
            free(w);
        }
    j->last = NULL;
}

static struct juror *find_or_add(struct jury *j, const char *worker, mono_ns now)
{
    struct juror *w = find(j, worker);
    if (w)
        return w;
    if (HASH_COUNT(j->by_worker) >= JURY_MAX_WORKERS)
        make_room(j, now);
    w = HASH_COUNT(j->by_worker) < JURY_MAX_WORKERS ? calloc(1, sizeof *w) : NULL;
    if (!w)
        return NULL;
    memcpy(w->worker, worker, strnlen(worker, sizeof w->worker - 1));
    w->doubted_until = now - SOON_NS;
    HASH_ADD(hh, j->by_worker, worker, sizeof w->worker, w);
    return w;
}

/* ── Counting ──────────────────────────────────────────────────────────── */

/* Numbers so high that bucket 0, all zero, is long ago. */
static struct bucket *open_bucket(struct juror *w, mono_ns now)
{
    int64_t number = now / BUCKET_NS + BUCKETS;
    struct bucket *b = &w->bucket[number % BUCKETS];
    if (b->number != number)
        *b = (struct bucket){ .number = number };
    return b;
}

static void add_site(struct bucket *b, uint64_t site)
{
    for (unsigned i = 0; i < b->n_sites; i++)
        if (b->site[i] == site)
            return;
    if (b->n_sites < SITES_PER_BUCKET)
        b->site[b->n_sites++] = site;
}

static struct bucket sum(const struct juror *w, mono_ns now)
{
    struct bucket total = { 0 };
    for (int i = 0; i < BUCKETS; i++) {
        const struct bucket *b = &w->bucket[i];
        if (b->number <= now / BUCKET_NS)
            continue;
        total.looks += b->looks;
        total.contradicted += b->contradicted;
        total.shared += b->shared;
        for (unsigned k = 0; k < b->n_sites; k++)
            add_site(&total, b->site[k]);
    }
    return total;
}

void jury_look(struct jury *j, const struct result *look, mono_ns now)
{
    struct juror *w = look->verdict != VERDICT_UNKNOWN ? find_or_add(j, look->worker, now) : NULL;
    if (w)
        open_bucket(w, now)->looks++;
}

/* ── Comparing ─────────────────────────────────────────────────────────── */

static struct bucket others(const struct jury *j, const struct juror *but, mono_ns now)
{
    struct bucket all = { 0 };
    for (const struct juror *w = j->by_worker; w; w = w->hh.next) {
        if (w == but || now < w->doubted_until)
            continue;
        struct bucket b = sum(w, now);
        all.looks += b.looks;
        all.contradicted += b.contradicted;
    }
    return all;
}

static bool stands_out(const struct bucket *mine, const struct bucket *rest)
{
    return mine->contradicted >= LEAST_CONTRADICTED && mine->n_sites >= LEAST_SITES &&
           mine->looks >= LEAST_LOOKS && mine->contradicted >= 2 * mine->shared &&
           mine->contradicted * ONE_IN >= mine->looks && rest->looks >= LEAST_LOOKS &&
           (uint64_t)mine->contradicted * rest->looks >=
               (uint64_t)TIMES_OTHERS * rest->contradicted * mine->looks;
}

static void weigh(struct jury *j, struct juror *w, mono_ns now)
{
    struct bucket mine = sum(w, now), rest = others(j, w, now);
    if (!stands_out(&mine, &rest))
        return;
    if (now >= w->doubted_until) {
        bool soon = w->times > 0 && now - w->doubted_until < SOON_NS;
        w->times = !soon ? 1 : w->times < MOST_TIMES_HOLD ? w->times * 2 : MOST_TIMES_HOLD;
        snprintf(w->reason, sizeof w->reason, "%u of its %u looks failed where other workers saw the site up",
                 mine.contradicted, mine.looks);
    }
    w->doubted_until = now + w->times * HOLD_NS;
}

/* What others say in a round about a worker's failure. */
static void compare(struct jury *j, const struct result *looks, size_t n, size_t mine, mono_ns now)
{
    bool up = false, down = false;
    for (size_t i = 0; i < n; i++) {
        bool same = strcmp(looks[i].worker, looks[mine].worker) == 0;
        if (same && (looks[i].verdict == VERDICT_UP || i < mine))
            return; /* it contradicts itself, or was compared already */
        up |= !same && looks[i].verdict == VERDICT_UP;
        down |= !same && looks[i].verdict == VERDICT_DOWN && !looks[i].suspect;
    }
    struct juror *w = up || down ? find_or_add(j, looks[mine].worker, now) : NULL;
    if (!w || looks[mine].at_us <= w->excused_us)
        return;
    struct bucket *b = open_bucket(w, now);
    if (down) {
        b->shared++;
        return;
    }
    b->contradicted++;
    add_site(b, looks[mine].run.site_id);
    weigh(j, w, now);
}

void jury_round(struct jury *j, const struct result *looks, size_t n, mono_ns now)
{
    for (size_t i = 0; i < n; i++)
        if (looks[i].verdict == VERDICT_DOWN && !looks[i].suspect)
            compare(j, looks, n, i, now);
}

void jury_excuse(struct jury *j, const char *worker, wall_us now)
{
    struct juror *w = find(j, worker);
    if (!w) /* never looked */
        return;
    memset(w->bucket, 0, sizeof w->bucket);
    w->excused_us = now;
    w->doubted_until = 0;
    w->times = 0;
}

bool jury_doubts(struct jury *j, const char *worker, mono_ns now)
{
    const struct juror *w = find(j, worker);
    return w && now < w->doubted_until;
}

void jury_each(const struct jury *j, mono_ns now, jury_fn *fn, void *arg)
{
    for (const struct juror *w = j->by_worker; w; w = w->hh.next)
        if (now < w->doubted_until)
            fn(arg, w->worker, w->reason);
}
