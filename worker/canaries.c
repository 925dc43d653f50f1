#include "worker/canaries.h"

#include "common/endpoint.h"
#include "worker/canary.h"
#include "worker/probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_TIMEOUT_MS = 2500 };    /* less than CANARY_PATIENCE */
#define SAY_AGAIN_NS (NS_PER_S / 2) /* silence goes on, also while the next answer is waited for */

struct knock { /* one connection that is being opened; libuv gives its memory back */
    uv_poll_t uv;
    int fd;
    struct perch *perch;
};

struct perch { /* one canary and how it is asked */
    struct canaries *owner;
    unsigned index;
    struct canary_spec spec;
    struct address address; /* tcp by number */
    bool numeric;
    struct resolver_wait wait; /* tcp by name */
    struct knock *knock;
    bool looking; /* url */
};

struct canaries {
    const struct check_kit *kit;
    struct probes *probes;
    struct wakeup *wakeup;
    struct canary_flock flock;
    struct perch perch[CANARY_MAX];
};

/* ── What it comes to ──────────────────────────────────────────────────── */

static void judge(struct canaries *c)
{
    mono_ns now = loop_now(c->kit->loop), next = flock_next(&c->flock);
    unsigned silent, all;
    for (unsigned way = 0; way < WAY_COUNT; way++) {
        if (!flock_doubts(&c->flock, (enum way)way, &silent, &all))
            continue;
        selfcheck_note_canaries(c->kit->selfcheck, now, (enum way)way, silent, all);
        next = next < now + SAY_AGAIN_NS ? next : now + SAY_AGAIN_NS;
    }
    wakeup_at(c->wakeup, next);
}

static void answered(struct perch *p, bool yes)
{
    flock_answered(&p->owner->flock, p->index, yes);
    judge(p->owner);
}

/* We lack something ourselves. */
static void cannot(struct perch *p)
{
    flock_void(&p->owner->flock, p->index);
    selfcheck_note_ours(p->owner->kit->selfcheck, loop_now(p->owner->kit->loop));
}

/* ── Connections ───────────────────────────────────────────────────────── */

static void on_closed(uv_handle_t *uv)
{
    free(uv); /* the handle is the first member */
}

static void knock_end(struct perch *p)
{
    struct knock *k = moved(p->knock);
    if (!k)
        return;
    int fd = k->fd;
    uv_close((uv_handle_t *)&k->uv, on_closed);
    close(fd);
}

static bool is_answer(int code)
{
    return code == 0 || code == ECONNREFUSED || code == ECONNRESET;
}

static void on_writable(uv_poll_t *uv, int status, int events)
{
    struct perch *p = ((struct knock *)uv)->perch;
    int code = 0;
    socklen_t len = sizeof code;
    (void)status, (void)events;
    if (getsockopt(p->knock->fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0)
        code = errno;
    knock_end(p);
    answered(p, is_answer(code));
}

static int watch(struct perch *p, int fd)
{
    struct knock *k = calloc(1, sizeof *k);
    if (!k)
        return -ENOMEM;
    if (uv_poll_init_socket(loop_uv(p->owner->kit->loop), &k->uv, fd) < 0) {
        free(k);
        return -ENOMEM;
    }
    k->fd = fd;
    k->perch = p;
    p->knock = k;
    uv_poll_start(&k->uv, UV_WRITABLE, on_writable);
    return 0;
}

static bool is_shortage(int code)
{
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM || code == EADDRNOTAVAIL;
}

static void knock(struct perch *p, const struct address *at)
{
    struct address to = *at;
    if (address_family(at) == AF_INET)
        to.v4.sin_port = htons(p->spec.port);
    else
        to.v6.sin6_port = htons(p->spec.port);
    int fd = socket(address_family(at), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int r = fd < 0 ? -1 : connect(fd, &to.any, address_family(at) == AF_INET ? sizeof to.v4 : sizeof to.v6);
    int code = r < 0 ? errno : 0;
    if (fd >= 0 && code == EINPROGRESS && watch(p, fd) == 0)
        return;
    if (fd >= 0)
        close(fd);
    if (code == EINPROGRESS || is_shortage(code))
        cannot(p);
    else
        answered(p, is_answer(code));
}

/* The names' own canaries tell when there is no answer for a name. */
static void use_name(struct perch *p, const struct dns_answer *a)
{
    if (a->status == NAME_OK && a->n_v4 > 0)
        knock(p, &a->v4[0]);
    else
        flock_void(&p->owner->flock, p->index);
}

static void on_resolved(void *arg, const struct dns_answer *a)
{
    use_name(arg, a);
}

static void ask_by_name(struct perch *p)
{
    struct dns_answer a;
    p->wait.fn = on_resolved;
    p->wait.arg = p;
    int r = resolver_ask(p->owner->kit->resolver, p->spec.host, false, &p->wait, &a);
    if (r > 0)
        use_name(p, &a);
    else if (r < 0)
        cannot(p);
}

/* ── Looks ─────────────────────────────────────────────────────────────── */

/* Any answer of the site is one. What is ours says nothing, but for doubt itself. */
static void on_looked(void *arg, const struct result *r)
{
    struct perch *p = arg;
    p->looking = false;
    bool heard = r->status != 0 || r->verdict == VERDICT_UP;
    if (!heard && cause_is_ours(r->cause) && r->cause != CAUSE_WORKER_SUSPECT && r->cause != CAUSE_NO_ROUTE)
        flock_void(&p->owner->flock, p->index);
    else
        answered(p, heard);
}

static void ask_by_look(struct perch *p)
{
    const struct job job = {
        .url = p->spec.url,
        .method = METHOD_HEAD,
        .timeout_ms = LOOK_TIMEOUT_MS,
        .contains = "",
        .avoid = "",
    };
    p->looking = probe_begin(p->owner->probes, &job, on_looked, p) == 0;
    if (!p->looking)
        flock_void(&p->owner->flock, p->index);
}

/* ── The root ──────────────────────────────────────────────────────────── */

/* One server that knows it is enough; that others do not is seen when nobody did. */
static void on_root(void *arg, enum root_status root)
{
    struct canaries *c = arg;
    for (unsigned i = 0; root == ROOT_KNOWN && i < c->flock.n; i++)
        if (c->perch[i].spec.kind == CANARY_ROOT)
            answered(&c->perch[i], true);
}

/* ── Asking ────────────────────────────────────────────────────────────── */

static void ask(struct perch *p)
{
    if (p->spec.kind == CANARY_ROOT)
        resolver_ask_root(p->owner->kit->resolver);
    else if (p->spec.kind == CANARY_URL)
        ask_by_look(p);
    else if (p->numeric)
        knock(p, &p->address);
    else
        ask_by_name(p);
}

static void give_up(struct perch *p)
{
    resolver_cancel(&p->wait);
    knock_end(p);
}

static void on_wakeup(void *arg)
{
    struct canaries *c = arg;
    mono_ns now = loop_now(c->kit->loop);
    bool late = selfcheck_was_late_since(c->kit->selfcheck, now - CANARY_PATIENCE);
    int i;
    while ((i = flock_give_up(&c->flock, now)) >= 0) {
        give_up(&c->perch[i]);
        if (late) /* what we could not hear is no silence */
            flock_answered(&c->flock, (unsigned)i, true);
    }
    while ((i = flock_take(&c->flock, now)) >= 0)
        ask(&c->perch[i]);
    judge(c);
}

void canaries_hurry(struct canaries *c)
{
    if (!c)
        return;
    flock_hurry(&c->flock, loop_now(c->kit->loop));
    wakeup_at(c->wakeup, flock_next(&c->flock));
}

/* ── Life ──────────────────────────────────────────────────────────────── */

/* An endpoint becomes a tcp canary; false when it teaches nothing. */
static bool from_endpoint(struct canary_spec *spec, const char *endpoint)
{
    return !endpoint_is_everywhere(endpoint) && canary_spec_parse(endpoint, spec, NULL) == 0 &&
           spec->kind == CANARY_TCP;
}

static bool is_loopback(const struct address *a)
{
    if (address_family(a) == AF_INET)
        return ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

static void perch_add(struct canaries *c, const struct canary_spec *spec)
{
    struct perch p = { .owner = c, .spec = *spec };
    enum way way = spec->kind == CANARY_ROOT ? WAY_NAMES : WAY_V4;
    if (spec->kind == CANARY_TCP) {
        p.numeric = address_parse(spec->host, &p.address) == 0;
        if (p.numeric ? is_loopback(&p.address) : address_localhost(spec->host))
            return;
        way = p.numeric && address_family(&p.address) == AF_INET6 ? WAY_V6 : WAY_V4;
    } else if (spec->kind == CANARY_URL && strstr(spec->url, "://[")) {
        way = WAY_V6;
    }
    int i = flock_add(&c->flock, way, spec->kind != CANARY_ROOT, loop_now(c->kit->loop));
    if (i < 0)
        return;
    p.index = (unsigned)i;
    c->perch[i] = p;
}

static void add_coordinators(struct canaries *c, const struct config *config)
{
    for (unsigned i = 0; i < config_coordinators(config); i++) {
        struct canary_spec one = { .kind = CANARY_COORDINATOR };
        char endpoint[ENDPOINT_SIZE];
        config_coordinator(config, i, endpoint);
        if (from_endpoint(&one, endpoint))
            perch_add(c, &one);
    }
}

static void fill(struct canaries *c, const struct canary_spec *spec, int n, const struct config *config)
{
    for (int i = 0; i < n; i++) {
        struct canary_spec one = spec[i];
        if (one.kind == CANARY_COORDINATOR) {
            add_coordinators(c, config);
            continue;
        }
        if (one.kind == CANARY_COLLECTOR && !from_endpoint(&one, config->endpoint.results))
            continue;
        perch_add(c, &one);
    }
}

int canaries_new(struct canaries **ret, const struct check_kit *kit, struct probes *probes,
                 const struct config *config, struct err *err)
{
    struct canary_spec spec[CANARY_MAX];
    *ret = NULL;
    int n = canary_spec_list(config->worker.canaries, spec, err);
    if (n < 0)
        return err_where(err, n, "worker.canaries");
    scoped(canaries) struct canaries *c = calloc(1, sizeof *c);
    if (!c)
        return err_set(err, -ENOMEM, "no memory for canaries");
    c->kit = kit;
    c->probes = probes;
    flock_init(&c->flock);
    fill(c, spec, n, config);
    if (c->flock.n == 0)
        return 0;
    if (wakeup_new(&c->wakeup, kit->loop, on_wakeup, c) < 0)
        return err_set(err, -ENOMEM, "no memory for canaries");
    resolver_watch_root(kit->resolver, on_root, c);
    wakeup_at(c->wakeup, flock_next(&c->flock));
    *ret = moved(c);
    return 0;
}

void canaries_free(struct canaries *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i < c->flock.n; i++)
        give_up(&c->perch[i]);
    if (c->wakeup)
        resolver_watch_root(c->kit->resolver, NULL, NULL);
    wakeup_free(c->wakeup);
    free(c);
}
