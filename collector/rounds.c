#include "collector/rounds.h"

#include <errno.h>
#include <stdlib.h>

struct rounds {
    struct round *by_site;
    struct alarms alarms;
};

int rounds_new(struct rounds **ret)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? 0 : -ENOMEM;
}

void rounds_free(struct rounds *s)
{
    if (!s)
        return;
    struct round *r, *next;
    HASH_ITER (hh, s->by_site, r, next)
        rounds_close(s, r);
    alarms_done(&s->alarms);
    free(s);
}

/* Most rounds have their three or four looks; the array grows by twos. */
static int keep(struct round *r, const struct result *look)
{
    if (r->n_looks % 2 == 0) {
        struct result *looks = realloc(r->looks, (r->n_looks + 2) * sizeof *looks);
        if (!looks)
            return -ENOMEM;
        r->looks = looks;
    }
    r->looks[r->n_looks++] = *look;
    return 0;
}

int rounds_open(struct rounds *s, const struct result *look0, unsigned place, struct confirm rule,
                uint32_t timeout_ms, mono_ns first, struct round **ret)
{
    if (rounds_count(s) >= ROUNDS_MAX)
        return -ENOSPC;
    if (rounds_find(s, look0->run.site_id, place))
        return -EEXIST;
    struct round *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    if (keep(r, look0) < 0) {
        free(r);
        return -ENOMEM;
    }
    r->key = (struct round_key){ look0->run.site_id, place };
    r->slot_us = look0->run.slot_us;
    quorum_init(&r->quorum, rule, timeout_ms, first, look0->worker);
    HASH_ADD(hh, s->by_site, key, sizeof r->key, r);
    *ret = r;
    return 0;
}

struct round *rounds_find(struct rounds *s, uint64_t site_id, unsigned place)
{
    struct round_key key = { site_id, place };
    struct round *r = NULL;
    HASH_FIND(hh, s->by_site, &key, sizeof key, r);
    return r;
}

int rounds_vote(struct round *r, const struct result *look, enum verdict believed)
{
    if (!quorum_vote(&r->quorum, look->run.look, believed, look->worker))
        return 0;
    return keep(r, look) < 0 ? -ENOMEM : 1;
}

int rounds_wait(struct rounds *s, struct round *r, mono_ns until)
{
    return alarms_set(&s->alarms, &r->alarm, until);
}

mono_ns rounds_next(const struct rounds *s)
{
    return alarms_next(&s->alarms);
}

struct round *rounds_take_due(struct rounds *s, mono_ns now)
{
    struct alarm *a = alarms_take(&s->alarms, now);
    return a ? (struct round *)((char *)a - offsetof(struct round, alarm)) : NULL;
}

void rounds_close(struct rounds *s, struct round *r)
{
    if (!r)
        return;
    alarms_drop(&s->alarms, &r->alarm);
    HASH_DEL(s->by_site, r);
    free(r->looks);
    free(r);
}

size_t rounds_count(const struct rounds *s)
{
    return HASH_COUNT(s->by_site);
}
