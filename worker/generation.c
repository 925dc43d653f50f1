#include "worker/generation.h"

#include <errno.h>
#include <stdlib.h>

#define ROOT_KNOWN_NS  (60 * NS_PER_S)
#define ROOT_DENIED_NS (5 * NS_PER_S)

void generation_free(struct generation *g)
{
    if (!g)
        return;
    for (unsigned i = 0; i < g->n; i++)
        upstream_free(g->server[i].upstream);
    free(g);
}

int generation_new(struct generation **ret, struct loop *l, const char *configured,
                   generation_root_fn *on_root, void *arg, struct err *err)
{
    struct address server[NAMESERVERS_MAX];
    int n = nameservers_list(configured, server, err);
    if (n <= 0)
        return n < 0 ? n : err_set(err, -EINVAL, "there is no name server");

    struct generation *g = calloc(1, sizeof *g);
    if (!g)
        return err_set(err, -ENOMEM, "no memory for name servers");
    g->loop = l;
    g->on_root = on_root;
    g->arg = arg;
    for (int i = 0; i < n; i++) {
        int r = upstream_new(&g->server[i].upstream, l, &server[i], err);
        if (r < 0) {
            generation_free(g);
            return r;
        }
        g->server[i].of = g;
        g->n++;
    }
    *ret = g;
    return 0;
}

bool generation_idle(const struct generation *g)
{
    for (unsigned i = 0; i < g->n; i++)
        if (upstream_pending(g->server[i].upstream) > 0 || g->server[i].for_root)
            return false;
    return true;
}

unsigned generation_tick(struct generation *g)
{
    unsigned pending = 0;
    for (unsigned i = 0; i < g->n; i++) {
        if (upstream_pending(g->server[i].upstream) > 0)
            upstream_tick(g->server[i].upstream);
        pending += upstream_pending(g->server[i].upstream);
    }
    return pending;
}

/* ── The root ──────────────────────────────────────────────────────────── */

enum root_status server_root(const struct server *s, mono_ns now)
{
    return now < s->root_until ? s->root : ROOT_UNKNOWN;
}

static enum root_status root_status_of(enum name_status status)
{
    if (status == NAME_OK)
        return ROOT_KNOWN;
    return status == NAME_TIMEOUT || status == NAME_UNREACHABLE ? ROOT_SILENT : ROOT_DENIED;
}

static void on_root(void *arg, enum name_status status, const unsigned char *bytes, int len)
{
    struct server *s = arg;
    (void)bytes, (void)len;
    s->asking_root = false;
    s->root = root_status_of(status);
    s->root_until = loop_now(s->of->loop) + (s->root == ROOT_KNOWN ? ROOT_KNOWN_NS : ROOT_DENIED_NS);
    s->of->on_root(s->of->arg, s);
}

void server_ask_root(struct server *s)
{
    if (s->asking_root)
        return;
    s->asking_root = true;
    upstream_ask(s->upstream, ".", ns_t_ns, on_root, s);
}
