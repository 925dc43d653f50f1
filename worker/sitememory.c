#include "worker/sitememory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How it is kept
 *
 * Eight bytes for each site, in rows of eight (a cache line). The upper 44 bits of a
 * site's number are those of its mixed key; the first of them say which row it is in,
 * so that twice as many rows can be filled from the rows themselves. Two sites with
 * the same 44 bits would share a memory, which is harmless. The lower bits are what
 * is remembered. In a row the site used last comes first, and a full row forgets its
 * last one; before most rows are full there are twice as many.
 */

enum { ROW = 8, FIRST_BITS = 9, MINUTE_BITS = 17 };
#define MINUTES ((UINT64_C(1) << MINUTE_BITS) - 1)

#define KNOWN     (UINT64_C(1) << 19) /* 0 is an empty place */
#define UP        (UINT64_C(1) << 18)
#define GET       (UINT64_C(1) << 17) /* needed until the minute in the bits below, modulo 91 days */
#define KEY(site) ((site) >> 20)

#define GET_BELIEVED_MINUTES (24 * 60)

struct sitememory {
    size_t ceiling, count;
    unsigned bits; /* 2^bits rows */
    uint64_t *site;
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

void sitememory_free(struct sitememory *m)
{
    if (m)
        free(m->site);
    free(m);
}

/* FNV-1a. */
uint64_t sitememory_key(const char *url)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (const unsigned char *p = (const unsigned char *)url; *p; p++)
        h = (h ^ *p) * UINT64_C(0x100000001b3);
    return h;
}

/* Keys that differ little get first bits that differ much (the finalizer of SplitMix64). */
static uint64_t mixed(uint64_t key)
{
    key = (key ^ key >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    key = (key ^ key >> 27) * UINT64_C(0x94d049bb133111eb);
    return (key ^ key >> 31) >> 20 << 20;
}

static uint64_t *row_of(const struct sitememory *m, uint64_t site)
{
    return m->site + (site >> (64 - m->bits)) * ROW;
}

static unsigned place_in(const uint64_t *row, uint64_t site)
{
    unsigned i = 0;
    while (i < ROW && row[i] && KEY(row[i]) != KEY(site))
        i++;
    return i;
}

/* What is remembered; 0 when it is not known. */
static uint64_t recall(const struct sitememory *m, uint64_t key)
{
    if (!m->site)
        return 0;
    uint64_t site = mixed(key);
    const uint64_t *row = row_of(m, site);
    unsigned i = place_in(row, site);
    return i < ROW ? row[i] : 0;
}

/* Twice as many rows. Each row's sites go to two, in their order. */
static bool grow(struct sitememory *m)
{
    struct sitememory wider = *m;
    wider.bits = m->site ? m->bits + 1 : FIRST_BITS;
    wider.site = calloc((size_t)ROW << wider.bits, sizeof *wider.site);
    if (!wider.site)
        return false;
    size_t places = m->site ? (size_t)ROW << m->bits : 0;
    for (size_t i = 0; i < places; i++)
        if (m->site[i]) {
            uint64_t *row = row_of(&wider, m->site[i]);
            row[place_in(row, m->site[i])] = m->site[i];
        }
    free(m->site);
    *m = wider;
    return true;
}

/* The site comes first in its row, with what was remembered of it. NULL without memory. */
static uint64_t *use(struct sitememory *m, uint64_t key)
{
    bool wide = m->site && m->count < ((size_t)ROW << m->bits) / 2;
    if (!wide && m->count < m->ceiling)
        grow(m); /* without memory the rows do as they are */
    if (!m->site)
        return NULL;
    uint64_t site = mixed(key), *row = row_of(m, site);
    unsigned i = place_in(row, site);
    bool fresh = i == ROW || row[i] == 0;
    m->count += i < ROW && fresh;
    site = fresh ? site | KNOWN : row[i];
    memmove(row + 1, row, (i < ROW ? i : ROW - 1) * sizeof *row);
    row[0] = site;
    return row;
}

void sitememory_needs_get(struct sitememory *m, uint64_t key, mono_ns now)
{
    uint64_t *site = use(m, key);
    uint64_t until = (uint64_t)(now / (60 * NS_PER_S)) + GET_BELIEVED_MINUTES;
    if (site)
        *site = (*site & ~MINUTES) | GET | (until & MINUTES);
}

bool sitememory_wants_get(const struct sitememory *m, uint64_t key, mono_ns now)
{
    uint64_t site = recall(m, key), minute = (uint64_t)(now / (60 * NS_PER_S));
    uint64_t left = (site - minute) & MINUTES;
    return site & GET && left > 0 && left <= GET_BELIEVED_MINUTES;
}

void sitememory_set_up(struct sitememory *m, uint64_t key, bool up)
{
    uint64_t *site = use(m, key);
    if (site)
        *site = up ? *site | UP : *site & ~UP;
}

bool sitememory_was_up(const struct sitememory *m, uint64_t key)
{
    return recall(m, key) & UP;
}

size_t sitememory_count(const struct sitememory *m)
{
    return m->count;
}
