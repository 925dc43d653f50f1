/* resolver.h - names to addresses, on the loop.
 *
 * c-ares asks, one channel for each name server; this decides whom to ask, joins
 * those who want the same name, remembers answers (dnscache.h), and finds out
 * whether a server that denies a name knows the root at all: one that does not
 * is closed, and its denials say nothing (causes.h).
 *
 * Servers come from the setting worker.resolver, or from /etc/resolv.conf, which
 * is looked at again every ten seconds. The search list and /etc/hosts are never
 * used: what counts is what the internet sees. A server that does not answer is
 * left for the next one until that fails too.
 *
 * A (IPv4) and AAAA (IPv6) are asked for together where this host has routes for
 * both. Where it has none for IPv6, AAAA is asked only when there is no A: then
 * it makes the difference between no address and none that we can reach.
 */
#ifndef WORKER_RESOLVER_H
#define WORKER_RESOLVER_H

#include "common/config.h"
#include "common/loop.h"
#include "worker/dnscache.h"
#include "worker/route.h"

struct resolver;

int resolver_new(struct resolver **ret, struct loop *l, const struct config *config, struct routes *routes,
                 struct err *err);
void resolver_free(struct resolver *r); /* NULL is fine; who waits is not told */
DEFINE_SCOPED(resolver, struct resolver *, resolver_free)

typedef void resolver_fn(void *arg, const struct dns_answer *answer); /* borrowed for the call */

/* Somebody who waits, in place inside somebody else. Private but for the two first. */
struct resolver_wait {
    resolver_fn *fn;
    void *arg;
    struct query *query; /* NULL when it does not wait */
    struct resolver_wait *prev, *next;
};

/* Ask for a name. 1 with *ret filled when the answer is known, 0 when fn will be
 * called later and never from within this call; -ENOMEM. `fresh` does not
 * believe what is remembered. No time limit but the servers' own (some seconds
 * each): whoever has less patience cancels. */
int resolver_ask(struct resolver *r, const char *name, bool fresh, struct resolver_wait *w,
                 struct dns_answer *ret);
void resolver_cancel(struct resolver_wait *w); /* not waiting: nothing */

/* Ask every name server for the root's own NS records. When one of them has
 * answered, or has not, whoever watches is told: one at a time, NULL for nobody;
 * also of questions that the resolver asks for itself. */
typedef void resolver_root_fn(void *arg, enum root_status root);
void resolver_ask_root(struct resolver *r);
void resolver_watch_root(struct resolver *r, resolver_root_fn *fn, void *arg);

/* For a look that ends while the name is still asked for: what is known so far. */
enum root_status resolver_root(const struct resolver *r);

#endif
