/* Stretches of consecutive slots hang in a list of their site; striking one off
 * shortens a stretch or splits it. All are gone through twice: once when the
 * youngest slots may be looked at, once when the rest is reported. Both walks
 * follow one list of sites, from the head, so that each step is short.
 */
#include "coordinator/arrears.h"

#include "common/job.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>
#include <utlist.h>

struct stretch {
    wall_us first;
    uint32_t count;
    struct stretch *next;
};

struct debtor {
    uint64_t site_id;
    uint32_t every_ms;
    bool asked;              /* its youngest slot has been dealt with */
    struct stretch *stretch; /* oldest first; never empty */
    struct debtor *prev, *next;
    UT_hash_handle hh;
};

struct old_job {
    uint64_t id;
    int lane;
    bool seen; /* in the list that is being read */
    UT_hash_handle hh;
};

struct arrears {
    uint32_t epoch;
    mono_ns began, grace;
    mono_ns told; /* when a lane first told what it has in hand; MONO_NEVER before */
    struct debtor *by_id;
    struct debtor *unasked, *asked; /* lists; a debtor is in one of them */
    struct old_job *jobs;
    size_t slots;
    wall_us oldest; /* that there ever was */
};

int arrears_new(struct arrears **ret, uint32_t epoch, mono_ns now, mono_ns grace)
{
    struct arrears *a = calloc(1, sizeof *a);
    if (!a)
        return -ENOMEM;
    a->epoch = epoch;
    a->began = now;
    a->grace = grace;
    a->told = MONO_NEVER;
    a->oldest = WALL_NEVER;
    *ret = a;
    return 0;
}

static void drop_debtor(struct arrears *a, struct debtor *d)
{
    struct stretch *s, *tmp;
    LL_FOREACH_SAFE (d->stretch, s, tmp) {
        a->slots -= s->count;
        free(s);
    }
    if (d->asked)
        DL_DELETE(a->asked, d);
    else
        DL_DELETE(a->unasked, d);
    HASH_DEL(a->by_id, d);
    free(d);
}

static void drop_job(struct arrears *a, struct old_job *j)
{
    HASH_DEL(a->jobs, j);
    free(j);
}

void arrears_free(struct arrears *a)
{
    if (!a)
        return;
    struct debtor *d, *next_debtor;
    HASH_ITER (hh, a->by_id, d, next_debtor)
        drop_debtor(a, d);
    struct old_job *j, *next_job;
    HASH_ITER (hh, a->jobs, j, next_job)
        drop_job(a, j);
    free(a);
}

static struct debtor *find(const struct arrears *a, uint64_t site_id)
{
    struct debtor *d;
    HASH_FIND(hh, a->by_id, &site_id, sizeof site_id, d);
    return d;
}

static struct stretch *stretch_new(wall_us first, uint32_t count)
{
    struct stretch *s = calloc(1, sizeof *s);
    if (s) {
        s->first = first;
        s->count = count;
    }
    return s;
}

int arrears_add(struct arrears *a, uint64_t site_id, uint32_t every_ms, wall_us first, uint32_t count)
{
    if (count == 0 || find(a, site_id))
        return 0;
    struct debtor *d = calloc(1, sizeof *d);
    struct stretch *s = stretch_new(first, count);
    if (!d || !s) {
        free(d);
        free(s);
        return -ENOMEM;
    }
    d->site_id = site_id;
    d->every_ms = every_ms;
    d->stretch = s;
    DL_APPEND(a->unasked, d);
    HASH_ADD(hh, a->by_id, site_id, sizeof d->site_id, d);
    a->slots += count;
    if (first < a->oldest)
        a->oldest = first;
    return 0;
}

void arrears_forget(struct arrears *a, uint64_t site_id)
{
    struct debtor *d = find(a, site_id);
    if (d)
        drop_debtor(a, d);
}

/* ── Jobs of earlier epochs ────────────────────────────────────────────── */

static int note_job(struct arrears *a, int lane, uint64_t id)
{
    struct old_job *j;
    HASH_FIND(hh, a->jobs, &id, sizeof id, j);
    if (!j) {
        if (HASH_COUNT(a->jobs) >= ARREARS_MAX_JOBS)
            return 0; /* more would not make us wait any longer */
        j = calloc(1, sizeof *j);
        if (!j)
            return -ENOMEM;
        j->id = id;
        HASH_ADD(hh, a->jobs, id, sizeof j->id, j);
    }
    j->lane = lane;
    j->seen = true;
    return 0;
}

int arrears_in_hand(struct arrears *a, int lane, const uint64_t *ids, size_t n, mono_ns now)
{
    if (a->slots == 0) /* nobody waits for them */
        return 0;
    if (a->told == MONO_NEVER)
        a->told = now;
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++)
        if (job_id_epoch(ids[i]) != a->epoch)
            r = note_job(a, lane, ids[i]);
    struct old_job *j, *tmp;
    HASH_ITER (hh, a->jobs, j, tmp) {
        if (j->lane == lane && !j->seen && r == 0)
            drop_job(a, j);
        else
            j->seen = false;
    }
    return r;
}

void arrears_lane_lost(struct arrears *a, int lane)
{
    struct old_job *j, *tmp;
    HASH_ITER (hh, a->jobs, j, tmp)
        if (j->lane == lane)
            drop_job(a, j);
}

/* ── Slots ─────────────────────────────────────────────────────────────── */

/* Take slot i out of a stretch: off an end, or by splitting. Without memory for
 * the split, the younger part goes too: reported missed it would be a lie, and
 * what is in the store stays as it is. */
static void strike(struct arrears *a, struct debtor *d, struct stretch *s, uint32_t i)
{
    int64_t every = (int64_t)d->every_ms * US_PER_MS;
    uint32_t after = s->count - i - 1;
    a->slots--;
    if (i > 0 && after > 0) {
        struct stretch *rest = stretch_new(s->first + (i + 1) * every, after);
        if (rest) {
            rest->next = s->next;
            s->next = rest;
        } else {
            a->slots -= after;
        }
        s->count = i;
    } else if (i > 0) {
        s->count = i;
    } else {
        s->first += every;
        s->count = after;
    }
    if (s->count == 0) {
        LL_DELETE(d->stretch, s);
        free(s);
    }
    if (!d->stretch)
        drop_debtor(a, d);
}

void arrears_brought(struct arrears *a, uint64_t job_id)
{
    struct old_job *j;
    HASH_FIND(hh, a->jobs, &job_id, sizeof job_id, j);
    if (j)
        drop_job(a, j);
}

bool arrears_recorded(struct arrears *a, uint64_t job_id, uint64_t site_id, wall_us slot)
{
    arrears_brought(a, job_id);
    struct debtor *d = find(a, site_id);
    if (!d)
        return false;
    int64_t every = (int64_t)d->every_ms * US_PER_MS;
    struct stretch *s;
    LL_FOREACH (d->stretch, s) {
        int64_t from = slot - s->first;
        if (from < 0 || from % every != 0 || from / every >= s->count)
            continue;
        strike(a, d, s, (uint32_t)(from / every));
        return true;
    }
    return false;
}

/* ── What is to be done ────────────────────────────────────────────────── */

/* When everybody who is there has had the time to speak. */
static mono_ns listened(const struct arrears *a)
{
    mono_ns least = a->began + (a->grace > ARREARS_LISTEN_NS ? a->grace : ARREARS_LISTEN_NS);
    return a->told != MONO_NEVER && a->told + ARREARS_LISTEN_NS < least ? a->told + ARREARS_LISTEN_NS : least;
}

static bool heard_enough(const struct arrears *a, mono_ns now)
{
    return now >= a->began + ARREARS_MOST_NS || (now >= listened(a) && HASH_COUNT(a->jobs) == 0);
}

/* The youngest slot, if it is still the newest one that the site's grid has had. */
static bool take_youngest(struct arrears *a, struct debtor *d, wall_us wall, struct arrears_due *ret)
{
    int64_t every = (int64_t)d->every_ms * US_PER_MS;
    struct stretch *s = d->stretch;
    while (s->next)
        s = s->next;
    wall_us youngest = s->first + (s->count - 1) * every;

    DL_DELETE(a->unasked, d);
    d->asked = true;
    DL_APPEND(a->asked, d);
    if (wall >= youngest + every)
        return false;
    *ret = (struct arrears_due){ ARREARS_LOOK, d->site_id, d->every_ms, youngest, 1 };
    strike(a, d, s, s->count - 1);
    return true;
}

static struct arrears_due take_missed(struct arrears *a, struct debtor *d)
{
    struct stretch *s = d->stretch;
    struct arrears_due due = { ARREARS_MISSED, d->site_id, d->every_ms, s->first, s->count };
    a->slots -= s->count;
    LL_DELETE(d->stretch, s);
    free(s);
    if (!d->stretch)
        drop_debtor(a, d);
    return due;
}

struct arrears_due arrears_take(struct arrears *a, mono_ns now, wall_us wall)
{
    struct arrears_due due = { .what = ARREARS_NOTHING };
    if (!heard_enough(a, now))
        return due;
    while (a->unasked)
        if (take_youngest(a, a->unasked, wall, &due))
            return due;
    if (a->asked && now >= a->began + a->grace)
        return take_missed(a, a->asked);
    return due;
}

mono_ns arrears_next(const struct arrears *a, mono_ns now)
{
    if (a->slots == 0)
        return MONO_NEVER;
    if (!heard_enough(a, now)) {
        return now < listened(a) ? listened(a) : a->began + ARREARS_MOST_NS;
    }
    return a->unasked ? now : a->began + a->grace;
}

size_t arrears_slots(const struct arrears *a)
{
    return a->slots;
}

wall_us arrears_oldest_slot(const struct arrears *a)
{
    return a->slots ? a->oldest : WALL_NEVER;
}

size_t arrears_jobs(const struct arrears *a)
{
    return HASH_COUNT(a->jobs);
}
