#include "coordinator/accounts.h"

#include "common/heap.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>
#include <utlist.h>

struct line_key { /* no padding: it is hashed as bytes */
    uint64_t site_id;
    wall_us slot_us;
    uint32_t look, location;
};

/* Lines of a site that may still grow, at most one for each location. */
struct open_key {
    uint64_t site_id;
    uint64_t location;
};

struct line {
    struct line_key key;
    struct open_key open_key;
    struct account account;
    bool open; /* among those that may still grow */
    bool sent; /* in that heap: counts towards ACCOUNTS_AT_ONCE */
    mono_ns wait;
    struct heap_node timer;
    struct line *prev, *next; /* oldest first */
    UT_hash_handle hh, hh_open;
};

struct accounts {
    struct line *by_key, *by_open, *oldest;
    struct heap fresh, sent; /* when to send, when to send again */
    uint64_t given_up;
};

int accounts_new(struct accounts **ret)
{
    struct accounts *a = calloc(1, sizeof *a);
    if (!a)
        return -ENOMEM;
    heap_init(&a->fresh);
    heap_init(&a->sent);
    *ret = a;
    return 0;
}

static void close_line(struct accounts *a, struct line *l)
{
    if (l->open)
        HASH_DELETE(hh_open, a->by_open, l);
    l->open = false;
}

static void drop(struct accounts *a, struct line *l)
{
    close_line(a, l);
    heap_drop(l->sent ? &a->sent : &a->fresh, &l->timer);
    DL_DELETE(a->oldest, l);
    HASH_DELETE(hh, a->by_key, l);
    free(l);
}

void accounts_free(struct accounts *a)
{
    if (!a)
        return;
    while (a->oldest)
        drop(a, a->oldest);
    heap_done(&a->fresh);
    heap_done(&a->sent);
    free(a);
}

static struct line *find(const struct accounts *a, uint64_t site_id, wall_us slot_us, uint16_t look,
                         unsigned location)
{
    struct line_key key = { .site_id = site_id, .slot_us = slot_us, .look = look, .location = location };
    struct line *l;
    HASH_FIND(hh, a->by_key, &key, sizeof key, l);
    return l;
}

/* A line of the same site that ends where this one begins, and is not sent yet. */
static struct line *neighbour(const struct accounts *a, const struct account *x)
{
    struct open_key key = { .site_id = x->site_id, .location = x->location };
    struct line *l;
    HASH_FIND(hh_open, a->by_open, &key, sizeof key, l);
    if (!l || l->account.every_ms != x->every_ms)
        return NULL;
    wall_us end = l->account.slot_us + (int64_t)l->account.span * x->every_ms * US_PER_MS;
    return end == x->slot_us && l->account.span <= UINT32_MAX - x->span ? l : NULL;
}

static void open_line(struct accounts *a, struct line *l)
{
    struct line *before;
    HASH_FIND(hh_open, a->by_open, &l->open_key, sizeof l->open_key, before);
    if (before)
        close_line(a, before);
    l->open = true;
    HASH_ADD(hh_open, a->by_open, open_key, sizeof l->open_key, l);
}

int accounts_add(struct accounts *a, const struct account *x, mono_ns now)
{
    bool missed = x->cause == CAUSE_MISSED;
    struct line *l = missed ? neighbour(a, x) : NULL;
    if (l) {
        l->account.span += x->span;
        return 0;
    }
    if (find(a, x->site_id, x->slot_us, x->look, x->location))
        return 0;
    if (accounts_count(a) >= ACCOUNTS_MAX) {
        a->given_up += a->oldest->account.span;
        drop(a, a->oldest);
    }
    l = calloc(1, sizeof *l);
    if (!l || heap_set(&a->fresh, &l->timer, missed ? now + ACCOUNTS_MERGE_NS : now) < 0) {
        free(l);
        a->given_up += x->span;
        return -ENOMEM;
    }
    l->key = (struct line_key){ x->site_id, x->slot_us, x->look, x->location };
    l->open_key = (struct open_key){ x->site_id, x->location };
    l->account = *x;
    l->wait = ACCOUNTS_FIRST_NS;
    HASH_ADD(hh, a->by_key, key, sizeof l->key, l);
    DL_APPEND(a->oldest, l);
    if (missed)
        open_line(a, l);
    return 0;
}

static struct line *line_of(struct heap_node *n)
{
    return heap_owner(n, struct line, timer);
}

/* From the one heap to the other. The heap of sent ones grows to a bounded size
 * and then not any more; without memory for that, the line waits where it is. */
static bool to_sent(struct accounts *a, struct line *l, mono_ns at)
{
    struct heap_node moved_node = { 0 };
    if (heap_set(&a->sent, &moved_node, at) < 0)
        return false;
    heap_drop(&a->sent, &moved_node); /* there is room for one more now */
    heap_drop(&a->fresh, &l->timer);
    heap_set(&a->sent, &l->timer, at);
    l->sent = true;
    return true;
}

bool accounts_take(struct accounts *a, mono_ns now, struct account *ret)
{
    struct line *l = NULL;
    if (heap_first_key(&a->sent) <= now) {
        l = line_of(heap_first(&a->sent));
        heap_set(&a->sent, &l->timer, now + l->wait);
    } else if (a->sent.count < ACCOUNTS_AT_ONCE && heap_first_key(&a->fresh) <= now) {
        l = line_of(heap_first(&a->fresh));
        if (!to_sent(a, l, now + l->wait))
            return false;
    }
    if (!l)
        return false;
    close_line(a, l);
    l->wait = l->wait * 2 < ACCOUNTS_MOST_NS ? l->wait * 2 : ACCOUNTS_MOST_NS;
    *ret = l->account;
    return true;
}

void accounts_unsend(struct accounts *a, const struct account *x, mono_ns at)
{
    struct line *l = find(a, x->site_id, x->slot_us, x->look, x->location);
    if (!l || !l->sent)
        return;
    l->wait = ACCOUNTS_FIRST_NS;
    heap_set(&a->sent, &l->timer, at);
}

void accounts_give_up(struct accounts *a, const struct account *x)
{
    struct line *l = find(a, x->site_id, x->slot_us, x->look, x->location);
    if (!l)
        return;
    a->given_up += l->account.span;
    drop(a, l);
}

bool accounts_recorded(struct accounts *a, uint64_t site_id, wall_us slot_us, uint16_t look,
                       unsigned location)
{
    struct line *l = find(a, site_id, slot_us, look, location);
    if (!l || !l->sent)
        return false;
    drop(a, l);
    return true;
}

mono_ns accounts_next(const struct accounts *a)
{
    mono_ns again = heap_first_key(&a->sent), first = heap_first_key(&a->fresh);
    return a->sent.count < ACCOUNTS_AT_ONCE && first < again ? first : again;
}

void accounts_hurry(struct accounts *a, mono_ns now)
{
    struct line *l;
    DL_FOREACH (a->oldest, l)
        if (!l->sent)
            heap_set(&a->fresh, &l->timer, now);
}

size_t accounts_count(const struct accounts *a)
{
    return a->fresh.count + a->sent.count;
}

wall_us accounts_oldest_slot(const struct accounts *a)
{
    wall_us oldest = WALL_NEVER;
    const struct line *l;
    DL_FOREACH (a->oldest, l)
        if (l->account.look == 0 && l->account.slot_us < oldest)
            oldest = l->account.slot_us;
    return oldest;
}

uint64_t accounts_given_up(const struct accounts *a)
{
    return a->given_up;
}
