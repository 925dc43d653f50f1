#include "worker/sitememory.h"

#include <errno.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#define GET_BELIEVED_NS (24 * 3600 * NS_PER_S)

struct memory {
    uint64_t key;
    mono_ns get_until; /* 0: HEAD will do */
    bool up;
    struct memory *prev, *next; /* the one unused for longest in front */
    UT_hash_handle hh;
};

struct sitememory {
    size_t ceiling;
    struct memory *by_key, *by_use;
};

int sitememory_new(struct sitememory **ret, size_t ceiling)
{
    struct sitememory *m = calloc(1, sizeof *m);
    if (!m)
        return -ENOMEM;
    m->ceiling = ceiling;
    *ret = m;
    return 0;
}

static void drop(struct sitememory *m, struct memory *e)
{
    DL_DELETE(m->by_use, e);
    HASH_DEL(m->by_key, e);
    free(e);
}

void sitememory_free(struct sitememory *m)
{
    if (!m)
        return;
    while (m->by_use)
        drop(m, m->by_use);
    free(m);
}

/* FNV-1a. Two URLs with one hash would share a memory, which is harmless. */
uint64_t sitememory_key(const char *url)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (const unsigned char *p = (const unsigned char *)url; *p; p++)
        h = (h ^ *p) * UINT64_C(0x100000001b3);
    return h;
}

static struct memory *find(const struct sitememory *m, uint64_t key)
{
    struct memory *e = NULL;
    HASH_FIND(hh, m->by_key, &key, sizeof key, e);
    return e;
}

static struct memory *find_or_add(struct sitememory *m, uint64_t key)
{
    struct memory *e = find(m, key);
    if (e) {
        DL_DELETE(m->by_use, e);
        DL_APPEND(m->by_use, e);
        return e;
    }
    if (m->ceiling == 0)
        return NULL;
    if (sitememory_count(m) >= m->ceiling)
        drop(m, m->by_use);
    e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->key = key;
    HASH_ADD(hh, m->by_key, key, sizeof e->key, e);
    if (!e->hh.tbl) {
        free(e);
        return NULL;
    }
    DL_APPEND(m->by_use, e);
    return e;
}

void sitememory_needs_get(struct sitememory *m, uint64_t key, mono_ns now)
{
    struct memory *e = find_or_add(m, key);
    if (e)
        e->get_until = now + GET_BELIEVED_NS;
}

bool sitememory_wants_get(const struct sitememory *m, uint64_t key, mono_ns now)
{
    const struct memory *e = find(m, key);
    return e && now < e->get_until;
}

void sitememory_set_up(struct sitememory *m, uint64_t key, bool up)
{
    struct memory *e = find_or_add(m, key);
    if (e)
        e->up = up;
}

bool sitememory_was_up(const struct sitememory *m, uint64_t key)
{
    const struct memory *e = find(m, key);
    return e && e->up;
}

size_t sitememory_count(const struct sitememory *m)
{
    return HASH_COUNT(m->by_key);
}
