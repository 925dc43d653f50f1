/* How a schedule works
 *
 * Each site has an entry; entries are found by id through a hash and hang in a
 * heap ordered by their next slot, so that the next one due is always on top.
 * Taking a slot moves the entry along its grid, never re-bases it on the present
 * time: a 60-second site stays at 60 seconds however late each single slot is
 * picked up.
 */
#include "coordinator/schedule.h"

#include "common/site.h"
#include "coordinator/heap.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

struct entry {
    uint64_t id;
    wall_us next; /* slot to be handed out next; also its key in the heap */
    wall_us done; /* newest slot that was handed out; 0 none */
    uint32_t every_ms;
    struct heap_node node;
    bool early; /* its next slot is a first look, off the grid */
    UT_hash_handle hh;
};

struct schedule {
    struct entry *by_id;
    struct heap by_time;
    size_t early; /* entries that are */
};

int schedule_new(struct schedule **ret)
{
    struct schedule *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    heap_init(&s->by_time);
    *ret = s;
    return 0;
}

void schedule_free(struct schedule *s)
{
    if (!s)
        return;
    struct entry *e, *tmp;
    HASH_ITER (hh, s->by_id, e, tmp) {
        HASH_DEL(s->by_id, e);
        free(e);
    }
    heap_done(&s->by_time);
    free(s);
}

static struct entry *find(const struct schedule *s, uint64_t id)
{
    struct entry *e;
    HASH_FIND(hh, s->by_id, &id, sizeof id, e);
    return e;
}

static int place(struct schedule *s, struct entry *e, wall_us next, bool early)
{
    e->next = next;
    s->early += early;
    s->early -= e->early;
    e->early = early;
    return heap_set(&s->by_time, &e->node, next);
}

static int add(struct schedule *s, uint64_t id, uint32_t every_ms, wall_us next, bool early)
{
    struct entry *e = calloc(1, sizeof *e);
    if (!e)
        return -ENOMEM;
    e->id = id;
    e->every_ms = every_ms;
    int r = place(s, e, next, early);
    if (r < 0) {
        s->early -= early;
        free(e);
        return r;
    }
    HASH_ADD(hh, s->by_id, id, sizeof e->id, e);
    return 0;
}

int schedule_set(struct schedule *s, uint64_t id, uint32_t every_ms, wall_us from)
{
    struct entry *e = find(s, id);
    if (!e)
        return add(s, id, every_ms, site_next_slot(id, every_ms, from), false);
    e->every_ms = every_ms;
    return place(s, e, site_next_slot(id, every_ms, from > e->done ? from : e->done + 1), false);
}

int schedule_set_new(struct schedule *s, uint64_t id, uint32_t every_ms, wall_us now)
{
    struct entry *e = find(s, id);
    if (e && e->done)
        return schedule_set(s, id, every_ms, now);
    if (e)
        schedule_drop(s, id);
    int64_t window = (int64_t)s->early * US_PER_S / SCHEDULE_SOON_RATE;
    if (window < SCHEDULE_SOON_US)
        window = SCHEDULE_SOON_US;
    if ((int64_t)every_ms * US_PER_MS <= window)
        return add(s, id, every_ms, site_next_slot(id, every_ms, now), false);
    int64_t apart = site_phase_us(id, every_ms) % window;
    return add(s, id, every_ms, (now + apart) / US_PER_MS * US_PER_MS + US_PER_MS, true);
}

bool schedule_recall(struct schedule *s, uint64_t id, wall_us slot)
{
    struct entry *e = find(s, id);
    if (!e || slot <= e->done || slot >= e->next)
        return false;
    place(s, e, slot, false);
    return true;
}

void schedule_drop(struct schedule *s, uint64_t id)
{
    struct entry *e = find(s, id);
    if (!e)
        return;
    s->early -= e->early;
    heap_drop(&s->by_time, &e->node);
    HASH_DEL(s->by_id, e);
    free(e);
}

wall_us schedule_next(const struct schedule *s)
{
    return heap_first_key(&s->by_time);
}

bool schedule_take(struct schedule *s, wall_us now, struct schedule_due *ret)
{
    struct heap_node *first = heap_first(&s->by_time);
    if (!first || heap_first_key(&s->by_time) > now)
        return false;

    struct entry *e = heap_owner(first, struct entry, node);
    int64_t every = (int64_t)e->every_ms * US_PER_MS;
    wall_us next = e->next;
    wall_us on_grid = site_next_slot(e->id, e->every_ms, next);
    /* A first look that was to be early and is not: the grid's slots do as well. */
    if (on_grid != next && on_grid <= now)
        next = on_grid;

    int64_t late = on_grid == next ? (now - next) / every : 0;
    if (late > UINT32_MAX)
        late = UINT32_MAX; /* the rest is the next one's to tell */
    wall_us slot = next + late * every;
    *ret = (struct schedule_due){
        .site_id = e->id,
        .every_ms = e->every_ms,
        .slot_us = slot,
        .next_us = site_next_slot(e->id, e->every_ms, slot + 1),
        .missed_us = next,
        .missed = (uint32_t)late,
    };
    e->done = slot;
    place(s, e, ret->next_us, false);
    return true;
}

size_t schedule_count(const struct schedule *s)
{
    return s->by_time.count;
}

uint32_t schedule_overdue(uint64_t id, uint32_t every_ms, wall_us after, wall_us now, wall_us *ret_first)
{
    wall_us first = site_next_slot(id, every_ms, after + 1);
    *ret_first = first;
    if (first > now)
        return 0;
    int64_t n = (now - first) / ((int64_t)every_ms * US_PER_MS) + 1;
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}
