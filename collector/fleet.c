#include "collector/fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct lane_key { /* zeroed before it is filled: it is hashed as bytes */
    char worker[WORKER_NAME_SIZE];
    uint16_t lane;
};

struct lane {
    struct lane_key key;
    struct worker_vitals vitals;
    wall_us named_us;
    bool changed; /* and not told yet */
    UT_hash_handle hh;
};

struct part {
    struct vitals vitals; /* its workers are owned */
    struct worker_vitals *workers;
    bool fresh; /* not in the store yet */
};

struct fleet {
    struct vitals newest;
    struct part part[FLEET_MAX_PARTS];
    struct lane *lanes;
    uint64_t dropped;
};

int fleet_new(struct fleet **ret)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? 0 : -ENOMEM;
}

void fleet_free(struct fleet *f)
{
    if (!f)
        return;
    struct lane *l, *next;
    HASH_ITER (hh, f->lanes, l, next) {
        HASH_DEL(f->lanes, l);
        free(l);
    }
    for (unsigned i = 0; i < FLEET_MAX_PARTS; i++)
        free(f->part[i].workers);
    free(f);
}

static int note_lane(struct fleet *f, const struct worker_vitals *v, wall_us now)
{
    struct lane_key key;
    memset(&key, 0, sizeof key);
    snprintf(key.worker, sizeof key.worker, "%s", v->worker);
    key.lane = v->lane;

    struct lane *l = NULL;
    HASH_FIND(hh, f->lanes, &key, sizeof key, l);
    if (!l) {
        if (HASH_COUNT(f->lanes) >= FLEET_MAX_LANES)
            return 0;
        l = calloc(1, sizeof *l);
        if (!l)
            return -ENOMEM;
        memcpy(&l->key, &key, sizeof key);
        l->changed = true;
        HASH_ADD(hh, f->lanes, key, sizeof l->key, l);
    } else if (l->vitals.health != v->health)
        l->changed = true;
    l->vitals = *v;
    l->named_us = now;
    return 0;
}

int fleet_take(struct fleet *f, const struct vitals *v)
{
    if (v->part >= FLEET_MAX_PARTS || v->epoch < f->newest.epoch ||
        (v->epoch == f->newest.epoch && v->at_us < f->newest.at_us))
        return 0;
    struct worker_vitals *workers = malloc((v->n_workers ? v->n_workers : 1) * sizeof *workers);
    if (!workers)
        return -ENOMEM;
    if (v->n_workers > 0)
        memcpy(workers, v->workers, v->n_workers * sizeof *workers);

    struct part *p = &f->part[v->part];
    free(p->workers);
    *p = (struct part){ .vitals = *v, .workers = workers, .fresh = true };
    p->vitals.workers = workers;
    f->newest = *v;
    f->newest.workers = NULL;
    f->newest.n_workers = 0;
    for (size_t i = 0; i < v->n_workers; i++)
        if (note_lane(f, &v->workers[i], v->at_us) < 0)
            return -ENOMEM;
    return 0;
}

static const char *const words[WORKER_HEALTH_COUNT] = {
    [WORKER_READY] = "ready for work",        [WORKER_SUSPECT] = "silent, or in doubt of itself",
    [WORKER_DRAINING] = "takes no more work", [WORKER_DEAD] = "dead: its work is taken back",
    [WORKER_GONE] = "said goodbye",
};

static void tell_changes(struct fleet *f, wall_us now, fleet_news_fn *news, void *arg)
{
    struct lane *l, *next;
    HASH_ITER (hh, f->lanes, l, next) {
        if (l->changed) {
            struct event e = {
                .kind = EVENT_WORKER,
                .at_us = now,
                .worker = l->vitals,
                .site = "",
                .url = "",
                .channel = "",
                .text = l->vitals.doubts && l->vitals.reason[0] ? l->vitals.reason : words[l->vitals.health],
            };
            l->changed = false;
            news(arg, &e);
        }
        if (f->newest.at_us - l->named_us > FLEET_FORGET_US) {
            HASH_DEL(f->lanes, l);
            free(l);
        }
    }
}

void fleet_dropped(struct fleet *f, uint64_t messages)
{
    f->dropped = messages;
}

int fleet_put(struct fleet *f, struct store *s, wall_us now, fleet_news_fn *news, void *arg, struct err *err)
{
    for (unsigned i = 0; i < FLEET_MAX_PARTS; i++) {
        struct part *p = &f->part[i];
        if (!p->fresh)
            continue;
        struct vitals v = p->vitals;
        v.dropped += f->dropped;
        int r = store_put_vitals(s, &v, err);
        if (r < 0)
            return r;
        p->fresh = false;
    }
    tell_changes(f, now, news, arg);
    return 0;
}

const struct vitals *fleet_newest(const struct fleet *f)
{
    return f->newest.at_us ? &f->newest : NULL;
}

void fleet_each(const struct fleet *f, fleet_lane_fn *fn, void *arg)
{
    for (const struct lane *l = f->lanes; l; l = l->hh.next)
        fn(arg, &l->vitals);
}

/* Lanes of one worker follow each other in no order, so each is compared with
 * those before it; a fleet has hundreds of lanes and this runs once a second. */
static bool counted(const struct fleet *f, const struct lane *l, bool ready)
{
    for (const struct lane *k = f->lanes; k && k != l; k = k->hh.next)
        if (strcmp(k->key.worker, l->key.worker) == 0 && k->vitals.health != WORKER_GONE &&
            (!ready || k->vitals.health == WORKER_READY))
            return true;
    return false;
}

void fleet_count(const struct fleet *f, struct pulse *ret)
{
    ret->scheduled = f->newest.scheduled;
    ret->concluded = f->newest.concluded;
    ret->missed = f->newest.missed;
    ret->in_flight = f->newest.in_flight;
    ret->late_p50_us = f->newest.late_p50_us;
    ret->late_p99_us = f->newest.late_p99_us;
    ret->workers_ready = ret->workers_all = 0;
    for (const struct lane *l = f->lanes; l; l = l->hh.next) {
        if (l->vitals.health == WORKER_GONE)
            continue;
        ret->workers_all += !counted(f, l, false);
        ret->workers_ready += l->vitals.health == WORKER_READY && !counted(f, l, true);
    }
}
