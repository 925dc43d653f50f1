#include "coordinator/patience.h"

#include <errno.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct asked {
    uint64_t site_id;
    mono_ns until;
    UT_hash_handle hh; /* which keeps the order in which they asked */
};

struct patience {
    struct asked *by_site;
};

int patience_new(struct patience **ret)
{
    struct patience *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    *ret = p;
    return 0;
}

static void drop(struct patience *p, struct asked *a)
{
    HASH_DEL(p->by_site, a);
    free(a);
}

void patience_free(struct patience *p)
{
    if (!p)
        return;
    while (p->by_site)
        drop(p, p->by_site);
    free(p);
}

size_t patience_count(const struct patience *p)
{
    return HASH_COUNT(p->by_site);
}

static struct asked *find(const struct patience *p, uint64_t site_id)
{
    struct asked *a = NULL;
    HASH_FIND(hh, p->by_site, &site_id, sizeof site_id, a);
    return a;
}

int patience_asked(struct patience *p, uint64_t site_id, uint32_t seconds, mono_ns now)
{
    patience_forget(p, site_id);
    if (seconds == 0)
        return 0;
    if (patience_count(p) >= PATIENCE_MAX_SITES)
        drop(p, p->by_site);
    struct asked *a = calloc(1, sizeof *a);
    if (!a)
        return -ENOMEM;
    a->site_id = site_id;
    a->until = now + (mono_ns)seconds * NS_PER_S;
    HASH_ADD(hh, p->by_site, site_id, sizeof a->site_id, a);
    if (a->hh.tbl)
        return 0;
    free(a);
    return -ENOMEM;
}

uint32_t patience_left_s(struct patience *p, uint64_t site_id, mono_ns now)
{
    struct asked *a = p->by_site ? find(p, site_id) : NULL;
    if (!a)
        return 0;
    if (now >= a->until) {
        drop(p, a);
        return 0;
    }
    return (uint32_t)((a->until - now + NS_PER_S - 1) / NS_PER_S);
}

void patience_forget(struct patience *p, uint64_t site_id)
{
    struct asked *a = find(p, site_id);
    if (a)
        drop(p, a);
}
