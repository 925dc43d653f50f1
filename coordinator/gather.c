#include "coordinator/gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct list {
    uint64_t *ids; /* NULL: none is under way */
    size_t n, room;
    uint32_t next, parts;
    mono_ns began;
};

struct gather {
    size_t count;
    uint64_t *done; /* the list that was handed out last */
    size_t lanes;
    struct list list[];
};

int gather_new(struct gather **ret, size_t lanes)
{
    struct gather *g = calloc(1, sizeof *g + lanes * sizeof *g->list);
    if (!g)
        return -ENOMEM;
    g->lanes = lanes;
    *ret = g;
    return 0;
}

void gather_free(struct gather *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->lanes; i++)
        free(g->list[i].ids);
    free(g->done);
    free(g);
}

void gather_forget(struct gather *g, int lane)
{
    struct list *l = &g->list[lane];
    g->count -= l->room;
    free(l->ids);
    *l = (struct list){ 0 };
}

/* Lists whose other parts will not come any more, such as those of dead lanes. */
static void forget_old(struct gather *g, mono_ns now)
{
    for (size_t i = 0; i < g->lanes; i++)
        if (g->list[i].ids && now - g->list[i].began > GATHER_WITHIN_NS)
            gather_forget(g, (int)i);
}

static bool begin(struct gather *g, struct list *l, const struct control *c, mono_ns now)
{
    size_t room = (size_t)c->parts * CONTROL_MAX_IDS;
    if (g->count + room > GATHER_MAX_IDS)
        forget_old(g, now);
    if (g->count + room > GATHER_MAX_IDS)
        return false;
    l->ids = malloc(room * sizeof *l->ids);
    if (!l->ids)
        return false;
    l->room = room;
    l->parts = c->parts;
    l->began = now;
    g->count += room;
    return true;
}

static bool goes_on(const struct list *l, const struct control *c, mono_ns now)
{
    return l->ids && c->part == l->next && c->parts == l->parts && now - l->began <= GATHER_WITHIN_NS;
}

bool gather_heard(struct gather *g, int lane, const struct control *c, mono_ns now, const uint64_t **ids,
                  size_t *n)
{
    struct list *l = &g->list[lane];
    free(g->done);
    g->done = NULL;
    if (c->parts <= 1 && !c->all_ids)
        return false; /* without a list */
    if (c->parts <= 1 || c->part == 0)
        gather_forget(g, lane);
    if (c->parts <= 1) {
        *ids = c->ids;
        *n = c->n_ids;
        return true;
    }
    if (!(c->part == 0 ? begin(g, l, c, now) : goes_on(l, c, now))) {
        gather_forget(g, lane);
        return false;
    }
    if (c->n_ids > 0)
        memcpy(l->ids + l->n, c->ids, c->n_ids * sizeof *c->ids);
    l->n += c->n_ids;
    if (++l->next < l->parts)
        return false;
    *n = l->n;
    *ids = g->done = l->ids;
    l->ids = NULL;
    gather_forget(g, lane);
    return true;
}

size_t gather_count(const struct gather *g)
{
    return g->count;
}
