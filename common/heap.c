#include "common/heap.h"

#include <errno.h>
#include <stdlib.h>

void heap_init(struct heap *h)
{
    *h = (struct heap){ 0 };
}

void heap_done(struct heap *h)
{
    free(h->item);
    *h = (struct heap){ 0 };
}

static void put(struct heap *h, size_t i, struct heap_item item)
{
    h->item[i] = item;
    item.node->place = (uint32_t)i + 1;
}

static void rise(struct heap *h, size_t i, struct heap_item item)
{
    while (i > 0 && h->item[(i - 1) / 2].key > item.key) {
        put(h, i, h->item[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(h, i, item);
}

static void sink(struct heap *h, size_t i, struct heap_item item)
{
    for (size_t child; (child = 2 * i + 1) < h->count; i = child) {
        if (child + 1 < h->count && h->item[child + 1].key < h->item[child].key)
            child++;
        if (h->item[child].key >= item.key)
            break;
        put(h, i, h->item[child]);
    }
    put(h, i, item);
}

/* Where an item belongs that may be too small or too large for place i. */
static void settle(struct heap *h, size_t i, struct heap_item item)
{
    if (i > 0 && h->item[(i - 1) / 2].key > item.key)
        rise(h, i, item);
    else
        sink(h, i, item);
}

static int grow(struct heap *h)
{
    size_t room = h->room ? h->room * 2 : 64;
    if (room >= UINT32_MAX)
        return -ENOMEM;
    struct heap_item *item = realloc(h->item, room * sizeof *item);
    if (!item)
        return -ENOMEM;
    h->item = item;
    h->room = room;
    return 0;
}

int heap_set(struct heap *h, struct heap_node *n, int64_t key)
{
    struct heap_item item = { .key = key, .node = n };
    if (n->place) {
        settle(h, n->place - 1, item);
        return 0;
    }
    if (h->count == h->room) {
        int r = grow(h);
        if (r < 0)
            return r;
    }
    rise(h, h->count++, item);
    return 0;
}

void heap_drop(struct heap *h, struct heap_node *n)
{
    if (!n->place)
        return;
    size_t i = n->place - 1;
    struct heap_item last = h->item[--h->count];
    n->place = 0;
    if (i < h->count)
        settle(h, i, last);
}

struct heap_node *heap_first(const struct heap *h)
{
    return h->count ? h->item[0].node : NULL;
}

int64_t heap_first_key(const struct heap *h)
{
    return h->count ? h->item[0].key : INT64_MAX;
}

int64_t heap_key(const struct heap *h, const struct heap_node *n)
{
    return h->item[n->place - 1].key;
}

void heap_shift(struct heap *h, int64_t by)
{
    for (size_t i = 0; i < h->count; i++)
        if (h->item[i].key < INT64_MAX - by)
            h->item[i].key += by;
}
