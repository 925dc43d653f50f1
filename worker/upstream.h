/* upstream.h - one name server: a c-ares channel on the loop.
 *
 * Each server has a channel of its own, because c-ares by itself begins every
 * query with the first server of its list again, however dead that one is, and
 * folds different failures into one. Which server to ask is decided in resolver.c.
 */
#ifndef WORKER_UPSTREAM_H
#define WORKER_UPSTREAM_H

#include "common/loop.h"
#include "worker/dnscache.h"

#include <ares.h>
#include <ares_nameser.h>

struct upstream;

/* A server's address with its port in it. -ENOMEM, -EIO with c-ares' own words. */
int upstream_new(struct upstream **ret, struct loop *l, const struct address *server, struct err *err);

/* Nobody is told any more. Not from within an upstream_fn. */
void upstream_free(struct upstream *u); /* NULL is fine */

/* The answer to one question. `bytes` are the whole message, NULL without one.
 * May be called from within upstream_ask. */
typedef void upstream_fn(void *arg, enum name_status status, const unsigned char *bytes, int len);
void upstream_ask(struct upstream *u, const char *name, int type, upstream_fn *fn, void *arg);

unsigned upstream_pending(const struct upstream *u);

/* Give up on what is overdue: to be called some times a second while anything is pending. */
void upstream_tick(struct upstream *u);

/* The addresses in an answer to a question for A or AAAA (how many: 0 when there
 * are none, only aliases for example); the smallest time to live goes to *ttl_s
 * if it is smaller. -EBADMSG. */
int upstream_addresses(const unsigned char *bytes, int len, int type, struct address ret[DNS_MAX_ADDRESSES],
                       uint32_t *ttl_s);

#endif
