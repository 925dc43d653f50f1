/* generation.h - the name servers that are asked at present, and what is known of
 * them: which is asked first, and whether each knows the root.
 *
 * When resolv.conf changes, the resolver makes a new generation and keeps the old
 * one until its questions have been answered.
 */
#ifndef WORKER_GENERATION_H
#define WORKER_GENERATION_H

#include "worker/nameservers.h"
#include "worker/upstream.h"

struct query; /* the resolver's */
struct generation;

struct server {
    struct upstream *upstream;
    struct query *for_root; /* queries that wait to hear of the root; the resolver's list */

    /* private */
    struct generation *of;
    enum root_status root;
    mono_ns root_until; /* how long that is believed */
    bool asking_root;
};

typedef void generation_root_fn(void *arg, struct server *s);

struct generation {
    unsigned n;
    struct server server[NAMESERVERS_MAX];
    unsigned current;               /* whom to ask first */
    struct generation *prev, *next; /* the resolver's, among old ones */

    /* private */
    struct loop *loop;
    generation_root_fn *on_root;
    void *arg;
};

/* With the servers that nameservers_list names. `on_root` is told when a server
 * was asked for the root and that has come to an end. */
int generation_new(struct generation **ret, struct loop *l, const char *configured,
                   generation_root_fn *on_root, void *arg, struct err *err);
void generation_free(struct generation *g); /* NULL is fine; nobody is told any more */

bool generation_idle(const struct generation *g); /* no question open, nobody waits for a root */
unsigned generation_tick(struct generation *g);   /* upstream_tick for all; how many questions are open */

/* What is known of the root from that server, and still believed: a minute when
 * it knows the root, some seconds when it does not. */
enum root_status server_root(const struct server *s, mono_ns now);
void server_ask_root(struct server *s); /* being asked already: nothing */

#endif
