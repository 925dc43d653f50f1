#include "common/zap.h"

#include <string.h>

static void refuse(struct zap_answer *a, const char *why)
{
    *a = (struct zap_answer){ .status = "300", .text = why };
}

static void let_in(struct zap_answer *a, const struct access_user *u)
{
    *a = (struct zap_answer){ .status = "200", .text = "OK" };
    if (u)
        access_user_write(u, a->user);
}

static void decide_key(const struct zap_request *q, const char *own, const struct access_list *list,
                       struct zap_answer *ret)
{
    struct access_user user = { .role = ACCESS_SELF };
    const struct access_key *k = NULL;
    if (!*own || strcmp(q->key, own) != 0) {
        k = access_list_find(list, q->key);
        if (!k) {
            const char *why = access_list_why(list, q->key);
            refuse(ret, why ? why : "this key is not known");
            ret->unknown = !why;
            return;
        }
        user.role = k->role;
        user.id = k->id;
        memcpy(user.location, k->location, sizeof user.location);
    }
    if (access_may(user.role, user.location, q->domain))
        let_in(ret, &user);
    else
        refuse(ret, "this key is for something else");
}

void zap_decide(const struct zap_request *q, const char *own, const struct access_list *list,
                struct zap_answer *ret)
{
    bool open = strcmp(q->domain, ZAP_OPEN) == 0;
    if (strcmp(q->mechanism, "CURVE") == 0 && !open && *q->key)
        decide_key(q, own, list, ret);
    else if (strcmp(q->mechanism, "NULL") == 0 && open)
        let_in(ret, NULL);
    else
        refuse(ret, "this door needs a key");
}
