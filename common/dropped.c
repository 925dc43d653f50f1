#include "common/dropped.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct peer {
    char name[DROPPED_PEER_SIZE];
    char why[DROPPED_WHY_SIZE];
    uint64_t unsaid;
    mono_ns until; /* its minute's end */
};

struct count { /* of one peer, for ever */
    char name[DROPPED_PEER_SIZE];
    uint64_t n;
};

struct dropped {
    struct peer peer[DROPPED_MAX_PEERS + 1]; /* the last may be all others */
    size_t n;
    struct count count[DROPPED_MAX_PEERS + 1]; /* likewise */
    size_t n_counts;
    uint64_t total;
};

int dropped_new(struct dropped **ret)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? 0 : -ENOMEM;
}

void dropped_free(struct dropped *d)
{
    free(d);
}

static struct peer *find(struct dropped *d, const char *name)
{
    for (size_t i = 0; i < d->n; i++)
        if (strncmp(d->peer[i].name, name, DROPPED_PEER_SIZE - 1) == 0)
            return &d->peer[i];
    return NULL;
}

static struct peer *add(struct dropped *d, const char *name)
{
    if (d->n >= DROPPED_MAX_PEERS) {
        struct peer *others = find(d, "others");
        if (others)
            return others;
        name = "others";
    }
    struct peer *p = &d->peer[d->n++];
    *p = (struct peer){ .until = 0 };
    snprintf(p->name, sizeof p->name, "%s", name);
    return p;
}

static void count_up(struct dropped *d, const char *name)
{
    struct count *c = d->count;
    while (c < d->count + d->n_counts && strncmp(c->name, name, DROPPED_PEER_SIZE - 1) != 0)
        c++;
    if (c == d->count + d->n_counts && d->n_counts <= DROPPED_MAX_PEERS) {
        bool last = d->n_counts++ == DROPPED_MAX_PEERS;
        snprintf(c->name, sizeof c->name, "%s", last ? "others" : name);
    } else if (c == d->count + d->n_counts)
        c--;
    c->n++;
}

static void say(struct dropped *d, struct peer *p, mono_ns now, struct dropped_line *ret)
{
    *ret = (struct dropped_line){ .n = p->unsaid, .total = d->total };
    memcpy(ret->peer, p->name, sizeof ret->peer);
    memcpy(ret->why, p->why, sizeof ret->why);
    p->unsaid = 0;
    p->until = now + DROPPED_SAY_NS;
}

bool dropped_note(struct dropped *d, const char *peer, const char *why, mono_ns now, struct dropped_line *ret)
{
    const char *name = *peer ? peer : "unknown";
    struct peer *p = find(d, name);
    bool fresh = !p;
    if (!p) {
        p = add(d, name);
        fresh = p->until == 0;
    }
    d->total++;
    count_up(d, name);
    p->unsaid++;
    snprintf(p->why, sizeof p->why, "%s", why);
    if (fresh)
        say(d, p, now, ret);
    return fresh;
}

bool dropped_step(struct dropped *d, mono_ns now, struct dropped_line *ret)
{
    for (size_t i = 0; i < d->n;) {
        struct peer *p = &d->peer[i];
        if (now < p->until)
            i++;
        else if (p->unsaid) {
            say(d, p, now, ret);
            return true;
        } else
            *p = d->peer[--d->n];
    }
    return false;
}

mono_ns dropped_next(const struct dropped *d)
{
    mono_ns next = MONO_NEVER;
    for (size_t i = 0; i < d->n; i++)
        if (d->peer[i].until < next)
            next = d->peer[i].until;
    return next;
}

void dropped_each(const struct dropped *d, dropped_fn *fn, void *arg)
{
    for (size_t i = 0; i < d->n_counts; i++)
        fn(arg, d->count[i].name, d->count[i].n);
}

uint64_t dropped_total(const struct dropped *d)
{
    return d->total;
}
