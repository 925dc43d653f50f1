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

int housekeeping_turn(struct housekeeping *h, struct store *s, const struct config *c, struct instant now,
                      struct err *err)
{
    if (now.mono < h->next)
        return 0;
    bool more = false;
    int r = h->prune ? store_prune(s, now.wall - c->collector.keep_results_us,
                                   now.wall - c->collector.keep_rollups_us, HOUSEKEEPING_LINES, &more, err)
                     : store_roll_up(s, now.wall - HOUSEKEEPING_SETTLED_US, &more, err);
    if (r == 0 && !more)
        h->prune = !h->prune;
    /* After the roll-ups it is the other's turn soon; after both there is a pause. */
    bool busy = r == 0 && (more || h->prune);
    h->next = now.mono + (busy ? MORE_LEFT_MS * NS_PER_MS : NOTHING_LEFT_S * NS_PER_S);
    return r;
}

mono_ns housekeeping_next(const struct housekeeping *h)
{
    return h->next;
}
