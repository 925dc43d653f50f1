/* dnscache.h - names and what they resolved to, for as long as that is believed.
 *
 * An answer is believed for its own time to live, kept within bounds that the
 * operator sets; a denial for a few seconds. Holds a bounded number of names;
 * the one unused for longest makes room.
 *
 * Pure: the time is an argument.
 */
#ifndef WORKER_DNSCACHE_H
#define WORKER_DNSCACHE_H

#include "common/scope.h"
#include "worker/address.h"
#include "worker/causes.h"

#define DNS_MAX_ADDRESSES 8 /* of each family; more are not looked at */

/* What a name came to. */
struct dns_answer {
    enum name_status status;
    enum root_status root; /* of the resolver that said so; asked only where causes_need_root */
    uint32_t ttl_s;        /* the shortest in the answer */
    unsigned n_v4, n_v6;
    struct address v4[DNS_MAX_ADDRESSES], v6[DNS_MAX_ADDRESSES];
};

struct dnscache;

int dnscache_new(struct dnscache **ret, size_t ceiling, mono_ns least, mono_ns most);
void dnscache_free(struct dnscache *c); /* NULL is fine */
DEFINE_SCOPED(dnscache, struct dnscache *, dnscache_free)

/* How long this answer is believed: between least and most for addresses; 5 s
 * for denials, at most that for failures of servers, never for our own trouble. */
mono_ns dnscache_believed(const struct dnscache *c, const struct dns_answer *a);

void dnscache_put(struct dnscache *c, const char *name, const struct dns_answer *a, mono_ns now);

/* Borrowed until the next put; NULL when nothing is known or believed any more. */
const struct dns_answer *dnscache_get(struct dnscache *c, const char *name, mono_ns now);

size_t dnscache_count(const struct dnscache *c);

#endif
