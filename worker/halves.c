#include "worker/halves.h"

#include <string.h>

void halves_init(struct halves *h, int type_v4, int type_v6, void *owner)
{
    *h = (struct halves){
        .v4 = {.owner = owner,  .type = type_v4},
        .v6 = { .owner = owner, .type = type_v6},
        .ttl_s = UINT32_MAX,
    };
}

bool halves_complete(const struct halves *h)
{
    return h->v4.asked == h->v4.answered && h->v6.asked == h->v6.answered;
}

enum name_status halves_status(const struct halves *h)
{
    const struct half *half[] = { &h->v4, &h->v6 };
    enum name_status status = NAME_NODATA;
    for (int i = 0; i < 2; i++) {
        if (!half[i]->answered)
            continue;
        if (half[i]->status == NAME_OK)
            return NAME_OK;
        if (half[i]->status == NAME_NXDOMAIN || half[i]->status == NAME_IMPOSSIBLE)
            return half[i]->status;
        if (name_is_failure(half[i]->status))
            status = half[i]->status;
    }
    return status;
}

void halves_join(const struct halves *h, enum name_status status, enum root_status root,
                 struct dns_answer *ret)
{
    *ret = (struct dns_answer){
        .status = status,
        .root = root,
        .ttl_s = h->ttl_s,
        .n_v4 = h->v4.n,
        .n_v6 = h->v6.n,
    };
    memcpy(ret->v4, h->v4.address, sizeof ret->v4);
    memcpy(ret->v6, h->v6.address, sizeof ret->v6);
}
