/* How a schedule works
 *
 * Sites of one interval sit in a ring (ring.h), in the order of their phases,
 * and the rings hang in a heap by what comes first in each. Nothing moves when a
 * slot is handed out: the site's next one is found when the ring's hand has gone
 * round. Only sites whose next slot is not on their grid (a first look that is
 * early), or behind the hand (an earlier slot that is recalled), are apart for a
 * while, in a heap of their own.
 *
 * Taking a slot moves the site along its grid, never re-bases it on the present
 * time: a 60-second site stays at 60 seconds however late each single slot is
 * picked up.
 */
#include "coordinator/schedule.h"

#include "common/heap.h"
#include "common/pool.h"
#include "common/site.h"
#include "coordinator/idmap.h"
#include "coordinator/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

#define WORTH_IT 4 /* coming early, by so many times */

struct course { /* all sites of one interval */
    uint32_t every_ms;
    size_t sites; /* in the ring or apart */
    struct ring ring;
    struct heap_node node; /* by a time before which the ring meets nobody */
    UT_hash_handle hh;
};

struct entry {
    struct ring_seat seat; /* the first member; begins with the id */
    wall_us done;          /* newest slot that was handed out; 0 none */
    struct course *course;
    struct heap_node apart; /* inside the heap: not in the ring */
    bool early;             /* its next slot is a first look, off the grid */
};

struct schedule {
    struct idmap by_id;
    struct pool entries;
    struct course *courses, *recent;
    struct heap by_time; /* of courses */
    struct heap apart;   /* of entries */
    size_t early;        /* entries that are */
};

int schedule_new(struct schedule **ret)
{
    struct schedule *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    idmap_init(&s->by_id);
    pool_init(&s->entries, sizeof(struct entry));
    heap_init(&s->by_time);
    heap_init(&s->apart);
    *ret = s;
    return 0;
}

static void end_course(struct schedule *s, struct course *c)
{
    if (s->recent == c)
        s->recent = NULL;
    HASH_DEL(s->courses, c);
    heap_drop(&s->by_time, &c->node);
    ring_done(&c->ring);
    free(c);
}

void schedule_free(struct schedule *s)
{
    if (!s)
        return;
    while (s->courses)
        end_course(s, s->courses);
    heap_done(&s->by_time);
    heap_done(&s->apart);
    idmap_done(&s->by_id);
    pool_done(&s->entries);
    free(s);
}

static struct entry *find(const struct schedule *s, uint64_t id)
{
    return idmap_find(&s->by_id, id);
}

/* ── Courses ───────────────────────────────────────────────────────────── */

/* The one of that interval; a new one's hand is just before `from`. NULL: no memory. */
static struct course *course_of(struct schedule *s, uint32_t every_ms, wall_us from)
{
    struct course *c = s->recent;
    if (c && c->every_ms == every_ms)
        return c;
    HASH_FIND(hh, s->courses, &every_ms, sizeof every_ms, c);
    if (!c) {
        c = calloc(1, sizeof *c);
        if (!c)
            return NULL;
        c->every_ms = every_ms;
        if (ring_init(&c->ring, every_ms, from - 1) < 0 || heap_set(&s->by_time, &c->node, WALL_NEVER) < 0) {
            ring_done(&c->ring);
            free(c);
            return NULL;
        }
        HASH_ADD(hh, s->courses, every_ms, sizeof c->every_ms, c);
    }
    s->recent = c;
    return c;
}

static void leave_course(struct schedule *s, struct course *c)
{
    if (--c->sites == 0)
        end_course(s, c);
}

static void leave_place(struct schedule *s, struct entry *e)
{
    s->early -= e->early;
    e->early = false;
    if (heap_has(&e->apart))
        heap_drop(&s->apart, &e->apart);
    else
        ring_drop(&e->course->ring, &e->seat);
}

/* An entry that is nowhere. Without the memory to be apart it is met late; that
 * is no answer for a slot off the grid. */
static int place(struct schedule *s, struct entry *e, wall_us next, bool early)
{
    struct course *c = e->course;
    e->seat.next = next;
    if (early || !ring_can_meet(&c->ring, next)) {
        int r = heap_set(&s->apart, &e->apart, next);
        s->early += early && r == 0;
        e->early = early && r == 0;
        if (r == 0 || early)
            return r;
    }
    ring_add(&c->ring, &e->seat);
    if (next < heap_key(&s->by_time, &c->node))
        heap_set(&s->by_time, &c->node, next);
    return 0;
}

/* ── Watching ──────────────────────────────────────────────────────────── */

static int add(struct schedule *s, uint64_t id, uint32_t every_ms, wall_us from, wall_us next, bool early)
{
    struct course *c = course_of(s, every_ms, from);
    struct entry *e = c ? pool_take(&s->entries) : NULL;
    if (e) {
        *e = (struct entry){ .seat.id = id, .course = c };
        if (idmap_add(&s->by_id, e) == 0) {
            c->sites++;
            if (place(s, e, next, early) == 0)
                return 0;
            c->sites--;
            idmap_drop(&s->by_id, id);
        }
        pool_give(&s->entries, e);
    }
    if (c && c->sites == 0)
        end_course(s, c);
    return -ENOMEM;
}

int schedule_set(struct schedule *s, uint64_t id, uint32_t every_ms, wall_us from)
{
    struct entry *e = find(s, id);
    if (!e)
        return add(s, id, every_ms, from, site_next_slot(id, every_ms, from), false);
    if (from <= e->done)
        from = e->done + 1;
    struct course *before = e->course, *c = course_of(s, every_ms, from);
    if (!c)
        return -ENOMEM;
    leave_place(s, e);
    c->sites++;
    e->course = c;
    int r = place(s, e, site_next_slot(id, every_ms, from), false);
    leave_course(s, before);
    return r;
}

int schedule_set_new(struct schedule *s, uint64_t id, uint32_t every_ms, wall_us now)
{
    struct entry *e = find(s, id);
    if (e && e->done)
        return schedule_set(s, id, every_ms, now);
    if (e)
        schedule_drop(s, id);
    /* Behind the newcomers that wait already. */
    int64_t behind = (int64_t)s->early * US_PER_S / SCHEDULE_SOON_RATE - SCHEDULE_SOON_US;
    if (behind < 0)
        behind = 0;
    int64_t within = behind + SCHEDULE_SOON_US, every_us = (int64_t)every_ms * US_PER_MS;
    if (every_us <= within || (behind > 0 && every_us <= WORTH_IT * within))
        return add(s, id, every_ms, now, site_next_slot(id, every_ms, now), false);
    int64_t apart = behind + site_phase_us(id, every_ms) % SCHEDULE_SOON_US;
    return add(s, id, every_ms, now, (now + apart) / US_PER_MS * US_PER_MS + US_PER_MS, true);
}

bool schedule_recall(struct schedule *s, uint64_t id, wall_us slot)
{
    struct entry *e = find(s, id);
    if (!e || slot <= e->done || slot >= e->seat.next)
        return false;
    leave_place(s, e);
    place(s, e, slot, false);
    return true;
}

void schedule_drop(struct schedule *s, uint64_t id)
{
    struct entry *e = find(s, id);
    if (!e)
        return;
    leave_place(s, e);
    leave_course(s, e->course);
    idmap_drop(&s->by_id, id);
    pool_give(&s->entries, e);
}

/* ── Handing out ───────────────────────────────────────────────────────── */

/* The course that comes first and whom it meets; NULL when there is none. What a
 * course is filed under may be too early; it is put right when it comes up. */
static struct course *first_course(struct schedule *s, struct ring_visit *ret)
{
    for (struct heap_node *n; (n = heap_first(&s->by_time));) {
        struct course *c = heap_owner(n, struct course, node);
        wall_us filed = heap_first_key(&s->by_time);
        if (filed == WALL_NEVER)
            return NULL;
        if (ring_first(&c->ring, ret) < 0) { /* no memory: nobody is met now */
            *ret = (struct ring_visit){ filed, NULL };
            return c;
        }
        if (ret->slot <= filed)
            return c;
        heap_set(&s->by_time, n, ret->slot);
    }
    return NULL;
}

wall_us schedule_next(struct schedule *s)
{
    struct ring_visit visit;
    wall_us apart = heap_first_key(&s->apart);
    return first_course(s, &visit) && visit.slot < apart ? visit.slot : apart;
}

static struct schedule_due due_of(const struct entry *e, wall_us next, bool on_grid, wall_us now)
{
    int64_t every = e->course->ring.every_us;
    int64_t late = on_grid ? (now - next) / every : 0;
    if (late > UINT32_MAX)
        late = UINT32_MAX; /* the rest is the next one's to tell */
    wall_us slot = next + late * every;
    return (struct schedule_due){
        .site_id = e->seat.id,
        .every_ms = e->course->every_ms,
        .slot_us = slot,
        .next_us = on_grid ? slot + every : site_next_slot(e->seat.id, e->course->every_ms, slot + 1),
        .missed_us = next,
        .missed = (uint32_t)late,
    };
}

static void take_apart(struct schedule *s, wall_us now, struct schedule_due *ret)
{
    struct entry *e = heap_owner(heap_first(&s->apart), struct entry, apart);
    wall_us next = e->seat.next, on_grid = site_next_slot(e->seat.id, e->course->every_ms, next);
    /* A first look that was to be early and is not: the grid's slots do as well. */
    if (on_grid != next && on_grid <= now)
        next = on_grid;
    *ret = due_of(e, next, on_grid == next, now);
    leave_place(s, e);
    e->done = ret->slot_us;
    place(s, e, ret->next_us, false);
}

static void take_met(struct schedule *s, const struct ring_visit *visit, wall_us now,
                     struct schedule_due *ret)
{
    struct entry *e = (struct entry *)visit->seat;
    struct ring *ring = &e->course->ring;
    *ret = due_of(e, e->seat.next, true, now);
    e->done = ret->slot_us;
    if (ret->slot_us == visit->slot) {
        e->seat.next = ret->next_us;
        ring_pass(ring);
    } else {
        leave_place(s, e);
        place(s, e, ret->next_us, false);
    }
}

bool schedule_take(struct schedule *s, wall_us now, struct schedule_due *ret)
{
    for (;;) {
        struct ring_visit visit;
        struct course *c = first_course(s, &visit);
        wall_us apart = heap_first_key(&s->apart);
        if (apart <= now && (!c || apart <= visit.slot)) {
            take_apart(s, now, ret);
            return true;
        }
        if (!c || !visit.seat || visit.slot > now)
            return false;
        /* More than a lap behind: who is met from here on is met at its newest slot. */
        if (visit.slot + c->ring.every_us <= now) {
            ring_leap(&c->ring, now - c->ring.every_us);
            continue;
        }
        take_met(s, &visit, now, ret);
        return true;
    }
}

size_t schedule_count(const struct schedule *s)
{
    return s->by_id.count;
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
