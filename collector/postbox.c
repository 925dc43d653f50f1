#include "collector/postbox.h"
#include "collector/notices.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

struct held { /* by the notifier */
    uint64_t id;
    UT_hash_handle hh;
};

struct postbox {
    struct shard shard;
    postbox_deliver_fn *deliver;
    void *arg;
    struct held *held;
    bool behind; /* the store has pending ones that the notifier does not */
    size_t pending;
};

int postbox_new(struct postbox **ret, struct shard shard, postbox_deliver_fn *deliver, void *arg)
{
    struct postbox *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    p->shard = shard;
    p->deliver = deliver;
    p->arg = arg;
    p->behind = true; /* whoever was here before may have left some */
    *ret = p;
    return 0;
}

static void forget(struct postbox *p, struct held *h)
{
    HASH_DEL(p->held, h);
    free(h);
}

void postbox_free(struct postbox *p)
{
    if (!p)
        return;
    struct held *h, *next;
    HASH_ITER (hh, p->held, h, next)
        forget(p, h);
    free(p);
}

static struct held *find(const struct postbox *p, uint64_t id)
{
    struct held *h = NULL;
    HASH_FIND(hh, p->held, &id, sizeof id, h);
    return h;
}

/* False: no room now. */
static bool hand_over(struct postbox *p, struct notice *take)
{
    struct held *h = HASH_COUNT(p->held) < POSTBOX_MAX ? malloc(sizeof *h) : NULL;
    uint64_t id = take->id;
    if (!h || p->deliver(p->arg, take) < 0) {
        free(h);
        notice_free(take);
        return false;
    }
    h->id = id;
    HASH_ADD(hh, p->held, id, sizeof h->id, h);
    return true;
}

void postbox_put(struct postbox *p, struct notice *take)
{
    p->pending++;
    /* Behind: older ones go first, and this one is fetched after them. */
    if (p->behind)
        notice_free(take);
    else if (!hand_over(p, take))
        p->behind = true;
}

/* Walks over all that is pending, to count it; hands over as long as there is room. */
struct walk {
    struct postbox *box;
    size_t pending;
    bool full;
};

static int fetch(void *arg, const struct notice *n)
{
    struct walk *w = arg;
    if (!shard_gave(w->box->shard, n->id))
        return 0;
    w->pending++;
    if (w->full || find(w->box, n->id))
        return 0;
    struct notice *copy = notice_copy(n);
    if (!copy || !hand_over(w->box, copy))
        w->full = true;
    return 0;
}

int postbox_fill(struct postbox *p, struct store *s, struct err *err)
{
    if (!p->behind || HASH_COUNT(p->held) > POSTBOX_MAX / 2)
        return 0;
    struct notice_filter filter = { .pending_only = true };
    struct walk w = { .box = p };
    int r = store_each_notice(s, &filter, fetch, &w, err);
    if (r < 0)
        return r;
    p->pending = w.pending;
    p->behind = w.full;
    return 0;
}

void postbox_told(struct postbox *p, const struct told *t)
{
    struct held *h = find(p, t->notice_id);
    if (t->state == NOTICE_PENDING || !h)
        return;
    forget(p, h);
    p->pending -= p->pending > 0;
}

size_t postbox_pending(const struct postbox *p)
{
    return p->pending;
}
