#include "cli/noticelist.h"

#include "common/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct noticelist {
    struct notice *at;
    size_t n, room;
};

static int keep(void *arg, const struct notice *n)
{
    struct noticelist *l = arg;
    if (array_room(l->at, l->n, l->room) < 0)
        return -ENOMEM;
    struct notice *mine = &l->at[l->n++];
    *mine = *n;
    mine->payload = "";
    mine->channel = strdup(n->channel);
    mine->trouble = strdup(n->trouble);
    return mine->channel && mine->trouble ? 0 : -ENOMEM;
}

int noticelist_read(struct noticelist **ret, struct store *s, const struct notice_filter *f, struct err *err)
{
    scoped(noticelist) struct noticelist *l = calloc(1, sizeof *l);
    int r = l ? store_each_notice(s, f, keep, l, err) : -ENOMEM;
    if (r == -ENOMEM)
        err_set(err, r, "out of memory");
    if (r < 0)
        return r;
    *ret = moved(l);
    return 0;
}

void noticelist_free(struct noticelist *l)
{
    for (size_t i = 0; l && i < l->n; i++) {
        free((char *)l->at[i].channel);
        free((char *)l->at[i].trouble);
    }
    if (l)
        free(l->at);
    free(l);
}

size_t noticelist_count(const struct noticelist *l)
{
    return l->n;
}

const struct notice *noticelist_at(const struct noticelist *l, size_t i)
{
    return &l->at[i];
}
