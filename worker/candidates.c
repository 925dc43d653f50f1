#include "worker/candidates.h"

bool candidates_known(const char *host, bool numeric, struct dns_answer *ret)
{
    struct address a;
    *ret = (struct dns_answer){ .status = NAME_OK };
    if (numeric && address_parse(host, &a) == 0) {
        if (address_family(&a) == AF_INET)
            ret->v4[ret->n_v4++] = a;
        else
            ret->v6[ret->n_v6++] = a;
        return true;
    }
    if (!address_localhost(host))
        return false;
    address_parse("127.0.0.1", &ret->v4[ret->n_v4++]);
    address_parse("::1", &ret->v6[ret->n_v6++]);
    return true;
}

static void consider(struct candidates *c, const struct address *a, const struct address_policy *policy,
                     uint16_t port)
{
    bool allowed = address_allowed(policy, a);
    if (allowed && address_port_allowed(policy, a, port)) {
        c->at[c->n++] = *a;
        return;
    }
    if (allowed ? !c->wrong_port : address_family(&c->refused) == AF_UNSPEC)
        c->refused = *a;
    c->wrong_port |= allowed;
}

void candidates_choose(struct candidates *c, const struct dns_answer *from, unsigned turn,
                       const struct address_policy *policy, uint16_t port)
{
    c->n = 0;
    c->refused.any.sa_family = AF_UNSPEC;
    c->wrong_port = false;
    for (unsigned i = 0; i < from->n_v4 || i < from->n_v6; i++) {
        if (i < from->n_v4)
            consider(c, &from->v4[(i + turn) % from->n_v4], policy, port);
        if (i < from->n_v6)
            consider(c, &from->v6[(i + turn) % from->n_v6], policy, port);
    }
}
