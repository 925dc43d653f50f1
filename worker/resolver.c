#include "worker/resolver.h"

#include "worker/generation.h"
#include "worker/halves.h"
#include "worker/nameservers.h"
#include "worker/upstream.h"
#include "worker/wakeup.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

/* The life of a query
 *
 * A name that somebody waits for is one query, however many wait. It asks one
 * server: A and AAAA at once, or A and, for want of it, AAAA. When a server
 * fails (which is not the same as denying), the next one is asked, until each
 * was. A denial or failure is told only when the server that gave it has been
 * asked for the root's own NS records; while that is under way, the query waits.
 *
 * Servers live in a generation. When resolv.conf changes, a new generation is
 * made; the old one is kept until its questions have been answered.
 */

enum { MAX_NAMES = 65536 }; /* in the cache */
#define TICK_NS           (100 * NS_PER_MS)
#define DOUBT_AFTER_NS    (500 * NS_PER_MS)
#define HALF_IS_ENOUGH_NS (300 * NS_PER_MS) /* after one family has answered */

struct query {
    struct resolver *resolver;
    struct generation *generation;
    unsigned first, tried;    /* server asked first; how many have been asked */
    struct server *failed_by; /* one that did answer, with a failure; NULL for none so far */
    enum name_status failure; /* ... with this */
    bool starting;
    mono_ns since;      /* when it began */
    bool told;          /* concluded with one half; waits for the other only to be freed */
    mono_ns good_since; /* when the first half came; 0 not yet */
    struct halves halves;
    struct resolver_wait *waiting;
    struct query *prev, *next; /* among those that wait for a root, are to be settled, or were told */
    UT_hash_handle hh;
    char name[];
};

struct resolver {
    struct loop *loop;
    struct routes *routes;
    char configured[256];
    struct nameservers_watch watch;
    struct dnscache *cache;
    struct generation *now, *old; /* the old ones are a list */
    struct query *by_name;
    struct query *to_settle; /* those that came to an end while they were being asked */
    struct query *told;      /* those that nobody waits for, with half a question open */
    struct wakeup *tick, *settle;
    resolver_root_fn *root_fn; /* NULL: nobody watches */
    void *root_arg;
};

/* ── Servers ───────────────────────────────────────────────────────────── */

static void on_root(void *arg, struct server *s);

static int new_generation(struct resolver *r, struct generation **ret, struct err *err)
{
    return generation_new(ret, r->loop, r->configured, on_root, r, err);
}

/* resolv.conf may have changed: then new servers, and nothing that the old ones said. */
static void follow_resolv_conf(struct resolver *r, mono_ns now)
{
    struct generation *g = NULL;
    if (r->configured[0] || !nameservers_changed(&r->watch, now) || new_generation(r, &g, NULL) < 0)
        return;
    DL_APPEND(r->old, r->now);
    r->now = g;
}

/* ── Telling ───────────────────────────────────────────────────────────── */

/* Nobody finds it by its name any more. An open question still points to it. */
static void retire(struct query *q)
{
    struct resolver *r = q->resolver;
    HASH_DEL(r->by_name, q);
    if (halves_complete(&q->halves)) {
        free(q);
        return;
    }
    q->told = true;
    DL_APPEND(r->told, q);
}

static void free_told(struct query *q)
{
    DL_DELETE(q->resolver->told, q);
    free(q);
}

static void tell(struct query *q, const struct dns_answer *a)
{
    struct resolver *r = q->resolver;
    struct resolver_wait *waiting = q->waiting, *w;

    dnscache_put(r->cache, q->name, a, loop_now(r->loop));
    retire(q); /* first: who is told may ask for the same name again */

    /* One by one from the front: whoever is told may cancel others. */
    struct query done = { .waiting = waiting };
    DL_FOREACH (waiting, w)
        w->query = &done;
    while ((w = done.waiting)) {
        DL_DELETE(done.waiting, w);
        w->query = NULL;
        w->fn(w->arg, a);
    }
}

/* ── Settling ──────────────────────────────────────────────────────────── */

static struct server *server_of(const struct query *q)
{
    const struct generation *g = q->generation;
    return (struct server *)&g->server[(q->first + q->tried - 1) % g->n];
}

static void conclude(struct query *q, enum name_status status, enum root_status root)
{
    struct dns_answer a;
    halves_join(&q->halves, status, root, &a);
    tell(q, &a);
}

static void ask_server(struct query *q);

static void ask_next(struct query *q, struct server *s, enum name_status status)
{
    struct generation *g = q->generation;
    if (name_is_silence(status)) { /* not the one to ask first any more */
        if (g->current == (unsigned)(s - g->server))
            g->current = (g->current + 1) % g->n;
    } else {
        q->failed_by = s;
        q->failure = status;
    }
    ask_server(q);
}

static void settle(struct query *q)
{
    enum name_status status = halves_status(&q->halves);
    struct server *s = server_of(q);
    mono_ns now = loop_now(q->resolver->loop);

    if (name_is_failure(status) && status != NAME_NO_MEMORY && q->tried < q->generation->n) {
        ask_next(q, s, status);
        return;
    }
    if (name_is_silence(status) && q->failed_by) { /* a failure that was told says more than silence */
        s = q->failed_by;
        status = q->failure;
    }
    if (!causes_need_root(status) || server_root(s, now) != ROOT_UNKNOWN) {
        conclude(q, status, server_root(s, now));
        return;
    }
    DL_APPEND(s->for_root, q);
    server_ask_root(s);
}

/* A query that ended while it was still being asked is settled on the loop, so
 * that nobody is told from within resolver_ask. */
static void settle_soon(struct query *q)
{
    DL_APPEND(q->resolver->to_settle, q);
    wakeup_at(q->resolver->settle, 0);
}

static void on_settle(void *arg)
{
    struct resolver *r = arg;
    struct query *q;
    while ((q = r->to_settle)) {
        DL_DELETE(r->to_settle, q);
        settle(q);
    }
}

static void on_root(void *arg, struct server *s)
{
    struct resolver *r = arg;
    struct query *q;
    while ((q = s->for_root)) {
        DL_DELETE(s->for_root, q);
        settle_soon(q);
    }
    if (r->root_fn)
        r->root_fn(r->root_arg, server_root(s, loop_now(r->loop)));
}

void resolver_ask_root(struct resolver *r)
{
    mono_ns now = loop_now(r->loop);
    follow_resolv_conf(r, now);
    for (unsigned i = 0; i < r->now->n; i++)
        server_ask_root(&r->now->server[i]);
    wakeup_at(r->tick, now + TICK_NS);
}

void resolver_watch_root(struct resolver *r, resolver_root_fn *fn, void *arg)
{
    r->root_fn = fn;
    r->root_arg = arg;
}

/* ── Asking for names ──────────────────────────────────────────────────── */

static void ask_half(struct query *q, struct half *half);

/* What came, and what of it can be read. */
static void take_half(struct query *q, struct half *half, enum name_status status, const unsigned char *bytes,
                      int len)
{
    half->answered = true;
    half->status = status;
    if (status != NAME_OK)
        return;
    int n = upstream_addresses(bytes, len, half->type, half->address, &q->halves.ttl_s);
    half->status = n > 0 ? NAME_OK : n == 0 ? NAME_NODATA : NAME_GARBLED;
    half->n = n > 0 ? (unsigned)n : 0;
    if (n > 0 && q->good_since == 0)
        q->good_since = loop_now(q->resolver->loop);
}

static void on_half(void *arg, enum name_status status, const unsigned char *bytes, int len)
{
    struct half *half = arg;
    struct query *q = half->owner;

    if (q->told) {
        half->answered = true;
        if (halves_complete(&q->halves))
            free_told(q);
        return;
    }
    take_half(q, half, status, bytes, len);
    if (q->starting)
        return;
    struct half *v6 = &q->halves.v6;
    if (!v6->asked && halves_status(&q->halves) == NAME_NODATA && q->resolver->routes->v6 != 0) {
        q->starting = true;
        ask_half(q, v6);
        q->starting = false;
        if (v6->answered)
            settle_soon(q);
        return;
    }
    if (halves_complete(&q->halves))
        settle(q);
}

static void ask_half(struct query *q, struct half *half)
{
    half->asked = true;
    upstream_ask(server_of(q)->upstream, q->name, half->type, on_half, half);
}

static void ask_server(struct query *q)
{
    struct routes *routes = q->resolver->routes;
    mono_ns now = loop_now(q->resolver->loop);
    bool v4 = routes->v4 != 0;
    bool v6 = routes_have(routes, AF_INET6, now) || !v4;

    q->tried++;
    q->good_since = 0;
    halves_init(&q->halves, ns_t_a, ns_t_aaaa, q);
    q->starting = true;
    if (v4)
        ask_half(q, &q->halves.v4);
    if (v6)
        ask_half(q, &q->halves.v6);
    q->starting = false;

    if (halves_complete(&q->halves))
        settle_soon(q);
}

static int query_new(struct query **ret, struct resolver *r, const char *name)
{
    size_t len = strlen(name);
    struct query *q = calloc(1, sizeof *q + len + 1);
    if (!q)
        return -ENOMEM;
    memcpy(q->name, name, len + 1);
    q->resolver = r;
    q->generation = r->now;
    q->first = r->now->current;
    q->since = loop_now(r->loop);
    HASH_ADD_KEYPTR(hh, r->by_name, q->name, len, q);
    if (!q->hh.tbl) {
        free(q);
        return -ENOMEM;
    }
    *ret = q;
    return 0;
}

int resolver_ask(struct resolver *r, const char *name, bool fresh, struct resolver_wait *w,
                 struct dns_answer *ret)
{
    mono_ns now = loop_now(r->loop);
    follow_resolv_conf(r, now);

    const struct dns_answer *known = fresh ? NULL : dnscache_get(r->cache, name, now);
    if (known) {
        *ret = *known;
        return 1;
    }
    struct query *q = NULL;
    HASH_FIND(hh, r->by_name, name, strlen(name), q);
    bool begun = q != NULL;
    if (!begun) {
        int rc = query_new(&q, r, name);
        if (rc < 0)
            return rc;
    }
    w->query = q;
    DL_APPEND(q->waiting, w);
    if (!begun)
        ask_server(q);
    wakeup_at(r->tick, now + TICK_NS);
    return 0;
}

/* The query goes on: its answer is remembered for the next who asks. */
void resolver_cancel(struct resolver_wait *w)
{
    if (!w->query)
        return;
    DL_DELETE(w->query->waiting, w);
    w->query = NULL;
}

enum root_status resolver_root(const struct resolver *r)
{
    return server_root(&r->now->server[r->now->current], loop_now(r->loop));
}

/* ── Life ──────────────────────────────────────────────────────────────── */

/* Some servers never answer for AAAA. Whoever has one family need not wait long
 * for the other. */
static void conclude_halves(struct resolver *r, mono_ns now)
{
    struct query *q, *next;
    HASH_ITER (hh, r->by_name, q, next)
        if (q->good_since != 0 && !halves_complete(&q->halves) && now - q->good_since > HALF_IS_ENOUGH_NS)
            conclude(q, NAME_OK, ROOT_UNKNOWN);
}

/* Whoever loses patience with a name will want to know whose silence it is. */
static void doubt_servers(struct resolver *r, mono_ns now)
{
    const struct query *q;
    for (q = r->by_name; q; q = q->hh.next)
        if (now - q->since > DOUBT_AFTER_NS && server_root(server_of(q), now) == ROOT_UNKNOWN)
            server_ask_root(server_of(q));
}

static void on_tick(void *arg)
{
    struct resolver *r = arg;
    struct generation *g, *next;
    mono_ns now = loop_now(r->loop);
    conclude_halves(r, now);
    doubt_servers(r, now);
    unsigned pending = generation_tick(r->now);

    DL_FOREACH_SAFE (r->old, g, next)
        pending += generation_tick(g);
    /* Queries that wait to be settled may belong to an old generation. */
    if (!r->to_settle && r->old && pending == 0)
        DL_FOREACH_SAFE (r->old, g, next)
            if (generation_idle(g)) {
                DL_DELETE(r->old, g);
                generation_free(g);
            }
    if (pending > 0 || r->old)
        wakeup_at(r->tick, now + TICK_NS);
}

/* Once in a process, and not by two threads at once. */
static void library_begin(void)
{
    ares_library_init(ARES_LIB_INIT_ALL);
}

int resolver_new(struct resolver **ret, struct loop *l, const struct config *config, struct routes *routes,
                 struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, library_begin);

    scoped(resolver) struct resolver *r = calloc(1, sizeof *r);
    if (!r)
        return err_set(err, -ENOMEM, "no memory for the resolver");
    r->loop = l;
    r->routes = routes;
    snprintf(r->configured, sizeof r->configured, "%s", config->worker.resolver);

    int rc = dnscache_new(&r->cache, MAX_NAMES, config->worker.dns_min_us * NS_PER_US,
                          config->worker.dns_max_us * NS_PER_US);
    if (rc == 0)
        rc = wakeup_new(&r->tick, l, on_tick, r);
    if (rc == 0)
        rc = wakeup_new(&r->settle, l, on_settle, r);
    if (rc < 0)
        return err_set(err, rc, "no memory for the resolver");
    nameservers_changed(&r->watch, loop_now(l)); /* remembers the date */
    rc = new_generation(r, &r->now, err);
    if (rc < 0)
        return rc;
    *ret = moved(r);
    return 0;
}

void resolver_free(struct resolver *r)
{
    if (!r)
        return;
    struct generation *g, *next;
    DL_FOREACH_SAFE (r->old, g, next)
        generation_free(g);
    generation_free(r->now);

    struct query *q, *after;
    HASH_ITER (hh, r->by_name, q, after) {
        struct resolver_wait *w;
        DL_FOREACH (q->waiting, w)
            w->query = NULL;
        HASH_DEL(r->by_name, q);
        free(q);
    }
    while (r->told)
        free_told(r->told);
    wakeup_free(r->tick);
    wakeup_free(r->settle);
    dnscache_free(r->cache);
    free(r);
}
