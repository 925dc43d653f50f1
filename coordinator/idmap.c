#include "coordinator/idmap.h"

#include <errno.h>
#include <stdlib.h>

enum { BITS_LEAST = 6 };

void idmap_init(struct idmap *m)
{
    *m = (struct idmap){ 0 };
}

void idmap_done(struct idmap *m)
{
    free(m->slot);
    *m = (struct idmap){ 0 };
}

/* A slot is a pointer to a struct that begins with a uint64_t, so that its low
 * bits are free: there some of the id's bits lie, the label. */
#define LABEL (sizeof(uint64_t) - 1)
_Static_assert(_Alignof(uint64_t) == sizeof(uint64_t), "a label needs the room that alignment leaves");

static void *in(uintptr_t slot)
{
    return (void *)(slot & ~(uintptr_t)LABEL);
}

static uint64_t id_in(uintptr_t slot)
{
    return *(const uint64_t *)in(slot);
}

/* Fibonacci hashing (Knuth, TAOCP 3, 6.4): neighbouring ids, as a store gives
 * them, fall evenly over the table. */
static uint64_t spread(uint64_t id)
{
    return id * UINT64_C(0x9e3779b97f4a7c15);
}

static size_t home(const struct idmap *m, uint64_t id)
{
    return (size_t)(spread(id) >> (64 - m->bits));
}

/* From bits below those that tell the home. */
static uintptr_t label(uint64_t id)
{
    return (uintptr_t)(spread(id) >> 24) & LABEL;
}

static size_t mask(const struct idmap *m)
{
    return ((size_t)1 << m->bits) - 1;
}

/* Where the id is, or where it would go. */
static size_t place(const struct idmap *m, uint64_t id)
{
    size_t i = home(m, id);
    while (m->slot[i] && ((m->slot[i] & LABEL) != label(id) || id_in(m->slot[i]) != id))
        i = (i + 1) & mask(m);
    return i;
}

void *idmap_find(const struct idmap *m, uint64_t id)
{
    return m->bits ? in(m->slot[place(m, id)]) : NULL;
}

enum { CACHE_LINE = 64 };

void idmap_fetch(const struct idmap *m, uint64_t id, int step)
{
    if (!m->bits)
        return;
    size_t i = home(m, id);
    if (step == 0) {
        __builtin_prefetch(&m->slot[i]);
        return;
    }
    while (m->slot[i] && (m->slot[i] & LABEL) != label(id))
        i = (i + 1) & mask(m);
    const char *one = in(m->slot[i]);
    if (one) {
        __builtin_prefetch(one);
        __builtin_prefetch(one + CACHE_LINE);
    }
}

static int grow(struct idmap *m)
{
    struct idmap larger = { .count = m->count, .bits = m->bits ? m->bits + 1 : BITS_LEAST };
    larger.slot = calloc((size_t)1 << larger.bits, sizeof *larger.slot);
    if (!larger.slot)
        return -ENOMEM;
    for (size_t i = 0; m->bits && i <= mask(m); i++)
        if (m->slot[i])
            larger.slot[place(&larger, id_in(m->slot[i]))] = m->slot[i];
    free(m->slot);
    *m = larger;
    return 0;
}

int idmap_add(struct idmap *m, void *one)
{
    if (!m->bits || m->count >= mask(m) / 3 * 2) {
        int r = grow(m);
        if (r < 0)
            return r;
    }
    uint64_t id = *(const uint64_t *)one;
    m->slot[place(m, id)] = (uintptr_t)one | label(id);
    m->count++;
    return 0;
}

/* Those behind it move up, where that brings them nearer to their homes, so that
 * no search ends at the gap too early (Knuth, TAOCP 3, 6.4, algorithm R). */
void idmap_drop(struct idmap *m, uint64_t id)
{
    size_t gap = m->bits ? place(m, id) : 0;
    if (!m->bits || !m->slot[gap])
        return;
    m->count--;
    for (size_t i = (gap + 1) & mask(m); m->slot[i]; i = (i + 1) & mask(m)) {
        size_t from = home(m, id_in(m->slot[i]));
        if (((i - from) & mask(m)) < ((i - gap) & mask(m)))
            continue;
        m->slot[gap] = m->slot[i];
        gap = i;
    }
    m->slot[gap] = 0;
}

/* Not in the order of the table: whoever adds to another one in that order fills
 * its beginning first, and every search there goes through all of it. */
void *idmap_next(const struct idmap *m, size_t *cursor)
{
    while (m->bits && *cursor <= mask(m)) {
        void *one = in(m->slot[((*cursor)++ * (size_t)UINT64_C(0xd1342543de82ef95)) & mask(m)]);
        if (one)
            return one;
    }
    return NULL;
}
