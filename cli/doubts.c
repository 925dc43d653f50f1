#include "cli/doubts.h"

#include "common/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MOST 10000

struct doubts {
    struct episode *at;
    size_t n, room;
    bool open_only;
};

static int keep(void *arg, const struct episode *e)
{
    struct doubts *d = arg;
    if (d->open_only && episode_location(e->worker)) /* of the present the list of locations tells */
        return 0;
    if (array_room(d->at, d->n, d->room) < 0)
        return -ENOMEM;
    d->at[d->n++] = *e;
    return 0;
}

int doubts_read(struct doubts **ret, struct store *s, bool open_only, struct err *err)
{
    const struct episode_filter f = { .open_only = open_only, .max = MOST };
    scoped(doubts) struct doubts *d = calloc(1, sizeof *d);
    if (d)
        d->open_only = open_only;
    int r = d ? store_each_episode(s, &f, keep, d, err) : -ENOMEM;
    if (r == -ENOMEM)
        err_set(err, r, "out of memory");
    if (r < 0)
        return r;
    *ret = moved(d);
    return 0;
}

void doubts_free(struct doubts *d)
{
    if (d)
        free(d->at);
    free(d);
}

size_t doubts_count(const struct doubts *d)
{
    return d->n;
}

const struct episode *doubts_at(const struct doubts *d, size_t i)
{
    return &d->at[i];
}

const struct episode *doubts_of(const struct doubts *d, const char *worker)
{
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->at[i].worker, worker) == 0)
            return &d->at[i];
    return NULL;
}

const struct episode *doubts_by_id(const struct doubts *d, uint64_t id)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->at[i].id == id)
            return &d->at[i];
    return NULL;
}
