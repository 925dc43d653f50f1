#include "collector/housekeeping.h"

enum {
    FIRST_S = 5, /* after a start there is better to do */
    NOTHING_LEFT_S = 10,
    MORE_LEFT_MS = 100, /* between slices: a tenth of our time at the most */
};

void housekeeping_init(struct housekeeping *h, struct instant now)
{
    *h = (struct housekeeping){ .next = now.mono + FIRST_S * NS_PER_S };
}

static int roll_up(struct store *s, const struct config *c, wall_us now, bool *ret_more, struct err *err)
{
    (void)c;
    return store_roll_up(s, now - HOUSEKEEPING_SETTLED_US, ret_more, err);
}

static int pack(struct store *s, const struct config *c, wall_us now, bool *ret_more, struct err *err)
{
    (void)c;
    return store_pack(s, now - HOUSEKEEPING_PACKED_US, ret_more, err);
}

static int prune(struct store *s, const struct config *c, wall_us now, bool *ret_more, struct err *err)
{
    return store_prune(s, now - c->collector.keep_results_us, now - c->collector.keep_rollups_us,
                       HOUSEKEEPING_LINES, ret_more, err);
}

static int (*const turns[])(struct store *, const struct config *, wall_us, bool *, struct err *) = {
    roll_up,
    pack,
    prune,
};
#define TURNS (sizeof turns / sizeof *turns)

int housekeeping_turn(struct housekeeping *h, struct store *s, const struct config *c, struct instant now,
                      struct err *err)
{
    if (now.mono < h->next)
        return 0;
    bool more = false;
    int r = turns[h->turn](s, c, now.wall, &more, err);
    /* One slice each, so that none waits for another that has much to do. */
    h->turn = (h->turn + 1) % TURNS;
    h->more |= r == 0 && more;
    bool busy = r == 0 && (h->more || h->turn != 0);
    if (h->turn == 0)
        h->more = false;
    h->next = now.mono + (busy ? MORE_LEFT_MS * NS_PER_MS : NOTHING_LEFT_S * NS_PER_S);
    return r;
}

mono_ns housekeeping_next(const struct housekeeping *h)
{
    return h->next;
}
