#include "worker/outbox.h"

#include "common/pool.h"

#include <errno.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

/* How the outbox keeps its order
 *
 * One list for each number of times that a result was sent, up to where waiting
 * no longer grows. Within a list all wait equally long, so what was put in first
 * is due first: no heap is needed, and the first of each list tells when.
 */

static const mono_ns waits[] = { 0, 10 * NS_PER_S, 20 * NS_PER_S, 40 * NS_PER_S, 60 * NS_PER_S };
enum { N_WAITS = sizeof waits / sizeof *waits };

struct entry {
    struct result result;
    mono_ns due;
    unsigned times; /* sent, up to N_WAITS - 1: the list that it is in */
    struct entry *prev, *next;
    UT_hash_handle hh;
};

struct outbox {
    size_t ceiling;
    struct entry *by_job;
    struct entry *list[N_WAITS];
    struct pool entries;
};

int outbox_new(struct outbox **ret, size_t ceiling)
{
    struct outbox *o = calloc(1, sizeof *o);
    if (!o)
        return -ENOMEM;
    o->ceiling = ceiling;
    pool_init(&o->entries, sizeof(struct entry));
    *ret = o;
    return 0;
}

static void drop(struct outbox *o, struct entry *e)
{
    DL_DELETE(o->list[e->times], e);
    HASH_DEL(o->by_job, e);
    pool_give(&o->entries, e);
}

void outbox_free(struct outbox *o)
{
    if (!o)
        return;
    while (o->by_job)
        drop(o, o->by_job);
    pool_done(&o->entries);
    free(o);
}

static struct entry *find(const struct outbox *o, uint64_t job_id)
{
    struct entry *e = NULL;
    HASH_FIND(hh, o->by_job, &job_id, sizeof job_id, e);
    return e;
}

int outbox_add(struct outbox *o, const struct result *r, mono_ns now)
{
    if (outbox_room(o) == 0)
        return -ENOSPC;
    if (find(o, r->job_id))
        return -EEXIST;
    struct entry *e = pool_take(&o->entries);
    if (!e)
        return -ENOMEM;
    e->result = *r;
    e->due = now;
    HASH_ADD(hh, o->by_job, result.job_id, sizeof e->result.job_id, e);
    if (!e->hh.tbl) { /* no memory for the table */
        pool_give(&o->entries, e);
        return -ENOMEM;
    }
    DL_APPEND(o->list[0], e);
    return 0;
}

/* Sent once more: to the end of the list where that waiting is at home. */
static void move_on(struct outbox *o, struct entry *e, mono_ns now)
{
    DL_DELETE(o->list[e->times], e);
    if (e->times < N_WAITS - 1)
        e->times++;
    e->due = now + waits[e->times];
    DL_APPEND(o->list[e->times], e);
}

size_t outbox_take_due(struct outbox *o, mono_ns now, struct result *buf, size_t max)
{
    size_t n = 0;
    for (unsigned i = 0; i < N_WAITS; i++)
        while (n < max && o->list[i] && o->list[i]->due <= now) {
            buf[n++] = o->list[i]->result;
            move_on(o, o->list[i], now);
        }
    return n;
}

void outbox_unsent(struct outbox *o, const struct result *buf, size_t n, mono_ns again)
{
    while (n-- > 0) { /* backwards, so that the first ends up in front */
        struct entry *e = find(o, buf[n].job_id);
        if (!e)
            continue;
        DL_DELETE(o->list[e->times], e);
        e->times = 0;
        e->due = again;
        DL_PREPEND(o->list[0], e);
    }
}

void outbox_hurry(struct outbox *o, mono_ns now)
{
    for (unsigned i = 0; i < N_WAITS; i++) {
        struct entry *e;
        DL_FOREACH (o->list[i], e) {
            e->times = 0;
            e->due = now;
        }
        if (i > 0 && o->list[i]) {
            DL_CONCAT(o->list[0], o->list[i]);
            o->list[i] = NULL;
        }
    }
}

bool outbox_forget(struct outbox *o, uint64_t job_id)
{
    struct entry *e = find(o, job_id);
    if (e)
        drop(o, e);
    return e != NULL;
}

size_t outbox_forget_all(struct outbox *o)
{
    size_t n = outbox_count(o);
    while (o->by_job)
        drop(o, o->by_job);
    return n;
}

bool outbox_has(const struct outbox *o, uint64_t job_id)
{
    return find(o, job_id) != NULL;
}

size_t outbox_count(const struct outbox *o)
{
    return HASH_COUNT(o->by_job);
}

size_t outbox_room(const struct outbox *o)
{
    size_t count = outbox_count(o);
    return count < o->ceiling ? o->ceiling - count : 0;
}

mono_ns outbox_next(const struct outbox *o)
{
    mono_ns next = MONO_NEVER;
    for (unsigned i = 0; i < N_WAITS; i++)
        if (o->list[i] && o->list[i]->due < next)
            next = o->list[i]->due;
    return next;
}

size_t outbox_ids(const struct outbox *o, uint64_t *ids, size_t max)
{
    size_t n = 0;
    for (const struct entry *e = o->by_job; e && n < max; e = e->hh.next)
        ids[n++] = e->result.job_id;
    return n;
}
