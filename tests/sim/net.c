#include "tests/sim/net.h"

#include "common/array.h"
#include "common/bus.h"
#include "common/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define RETRY_LEAST_NS    (100 * NS_PER_MS)
#define RETRY_MOST_NS     (600 * NS_PER_MS)
#define SILENT_LEAST_NS   (3 * NS_PER_S) /* ZMTP heartbeats */
#define SILENT_MOST_NS    (5 * NS_PER_S)
#define STUBBORN_LEAST_NS (28 * NS_PER_S) /* results have none, but TCP_MAXRT */
#define STUBBORN_MOST_NS  (34 * NS_PER_S)
#define WATCH_NS          NS_PER_S
enum { MARK = 2000 }; /* messages in a pipe of results: the marks of both its ends */

struct message {
    struct message *prev, *next;
    mono_ns left, arrives;
    uint64_t pipe; /* by which it came */
    size_t len;
    uint8_t bytes[];
};

struct way { /* one direction of a pipe */
    struct pipe *pipe;
    int to; /* which end */
    struct message *first;
    unsigned n;
    mono_ns last_arrival;
    struct happening delivery;
};

struct pipe {
    uint64_t id;
    struct socket *end[2]; /* 0: who has bound, 1: who connects */
    struct way way[2];     /* to end 0, to end 1 */
    mono_ns silent_since;  /* 0: it is not */
    mono_ns patience;
    struct happening watch;
    struct pipe *prev, *next;
};

struct socket {
    struct proc *proc;
    enum lane lane;
    bool binds;
    char endpoint[ENDPOINT_SIZE];
    struct loop *loop;
    struct message *inbox;
    unsigned n_inbox;
    struct pipe **pipes;
    size_t n_pipes, room, turn;
    struct happening retry; /* who connects */
    struct socket *prev, *next;
};

static struct {
    struct socket *sockets;
    struct pipe *pipes;
    uint64_t pipe_ids;
    bool cut[NET_MOST_HOSTS][NET_MOST_HOSTS];
    mono_ns slow[NET_MOST_HOSTS][NET_MOST_HOSTS];
    unsigned repeat_per_mille;
} net;

/* ── Messages on their way ─────────────────────────────────────────────── */

static const struct host *host_of(const struct pipe *p, int end)
{
    return p->end[end]->proc->host;
}

static bool is_cut(const struct way *w)
{
    return net_is_cut(host_of(w->pipe, !w->to), host_of(w->pipe, w->to));
}

static mono_ns latency(const struct host *from, const struct host *to)
{
    int64_t us = from == to ? chance_between(&world.net, 20, 50) : chance_between(&world.net, 200, 1000);
    return us * NS_PER_US + net.slow[from->number][to->number];
}

static void take_from_way(struct way *w, struct message *m)
{
    DL_DELETE(w->first, m);
    w->n--;
}

static void put_inbox(struct socket *s, struct message *m)
{
    DL_APPEND(s->inbox, m);
    s->n_inbox++;
    world.messages++;
    loop_poke(s->loop);
}

static void deliver(void *arg)
{
    struct way *w = arg;
    if (is_cut(w))
        return; /* net_cut sets it going again */
    while (w->first && w->first->arrives <= world.now) {
        struct message *m = w->first;
        take_from_way(w, m);
        put_inbox(w->pipe->end[w->to], m);
    }
    if (w->first)
        happen_at(&w->delivery, w->first->arrives, deliver, w);
}

static void post(struct way *w, const void *bytes, size_t len)
{
    struct message *m = malloc(sizeof *m + len);
    if (!m)
        abort();
    *m = (struct message){ .left = world_now(), .pipe = w->pipe->id, .len = len };
    memcpy(m->bytes, bytes, len);
    m->arrives = m->left + latency(host_of(w->pipe, !w->to), host_of(w->pipe, w->to));
    if (m->arrives < w->last_arrival)
        m->arrives = w->last_arrival;
    w->last_arrival = m->arrives;
    DL_APPEND(w->first, m);
    w->n++;
    if (w->first == m)
        happen_at(&w->delivery, m->arrives, deliver, w);
}

static void send_over(struct pipe *p, const struct socket *from, const void *bytes, size_t len)
{
    struct way *w = &p->way[p->end[0] == from];
    post(w, bytes, len);
    if (net.repeat_per_mille && chance_below(&world.net, 1000) < net.repeat_per_mille)
        post(w, bytes, len);
}

/* ── Pipes ─────────────────────────────────────────────────────────────── */

static void connect_later(struct socket *s);

static void unlink_from(struct socket *s, const struct pipe *p)
{
    size_t i = 0;
    while (s->pipes[i] != p)
        i++;
    memmove(&s->pipes[i], &s->pipes[i + 1], (s->n_pipes - i - 1) * sizeof *s->pipes);
    s->n_pipes--;
}

static void pipe_free(struct pipe *p)
{
    for (int i = 0; i < 2; i++) {
        struct message *m, *next;
        DL_FOREACH_SAFE (p->way[i].first, m, next)
            free(m);
        happen_never(&p->way[i].delivery);
        unlink_from(p->end[i], p);
    }
    happen_never(&p->watch);
    DL_DELETE(net.pipes, p);
    free(p);
}

/* What had left arrives, up to some message: all of it where `all`. What leaves only after a call that
 * blocked has not left. */
static void let_arrive(struct way *w, bool all)
{
    struct message *m, *next;
    uint64_t most = all ? w->n : chance_below(&world.net, w->n + 1);
    if (is_cut(w))
        return;
    DL_FOREACH_SAFE (w->first, m, next) {
        if (most-- == 0 || m->left > world.now)
            break;
        take_from_way(w, m);
        put_inbox(w->pipe->end[w->to], m);
    }
}

static void pipe_break(struct pipe *p)
{
    struct socket *who = p->end[1];
    pipe_free(p);
    if (!who->proc->dead)
        connect_later(who);
}

/* Whether the two have heard of each other lately, as far as the network and their kernels go. */
static bool hears(const struct pipe *p)
{
    if (is_cut(&p->way[0]) || is_cut(&p->way[1]))
        return false;
    bool beats = p->end[0]->lane == LANE_JOBS || p->end[0]->lane == LANE_CONTROL;
    return !beats || (!p->end[0]->proc->stopped && !p->end[1]->proc->stopped);
}

static void watch_pipe(void *arg)
{
    struct pipe *p = arg;
    if (hears(p))
        p->silent_since = 0;
    else if (p->silent_since == 0)
        p->silent_since = world.now;
    if (p->silent_since && world.now - p->silent_since >= p->patience) {
        pipe_break(p);
        return;
    }
    happen_at(&p->watch, world.now + WATCH_NS, watch_pipe, p);
}

static void link_to(struct socket *s, struct pipe *p)
{
    if (array_room(s->pipes, s->n_pipes, s->room) < 0)
        abort();
    s->pipes[s->n_pipes++] = p;
}

static void pipe_new(struct socket *bound, struct socket *connects)
{
    struct pipe *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    bool beats = bound->lane == LANE_JOBS || bound->lane == LANE_CONTROL;
    p->id = ++net.pipe_ids;
    p->end[0] = bound;
    p->end[1] = connects;
    p->patience = beats ? chance_between(&world.net, SILENT_LEAST_NS, SILENT_MOST_NS)
                        : chance_between(&world.net, STUBBORN_LEAST_NS, STUBBORN_MOST_NS);
    for (int i = 0; i < 2; i++) {
        p->way[i].pipe = p;
        p->way[i].to = i;
        link_to(p->end[i], p);
    }
    DL_APPEND(net.pipes, p);
    happen_at(&p->watch, world.now + WATCH_NS, watch_pipe, p);
}

/* ── Connecting ────────────────────────────────────────────────────────── */

static struct socket *find_bound(const struct socket *s)
{
    struct socket *b;
    DL_FOREACH (net.sockets, b)
        if (b->binds && b->lane == s->lane && !b->proc->dead && strcmp(b->endpoint, s->endpoint) == 0)
            return b;
    return NULL;
}

static void try_to_connect(void *arg)
{
    struct socket *s = arg;
    struct socket *b = find_bound(s);
    if (s->n_pipes > 0 || s->proc->dead)
        return;
    /* A handshake needs both processes, and both directions. */
    if (!b || b->proc->stopped || s->proc->stopped || net_is_cut(s->proc->host, b->proc->host) ||
        net_is_cut(b->proc->host, s->proc->host)) {
        connect_later(s);
        return;
    }
    pipe_new(b, s);
    if (s->lane == LANE_JOBS)
        loop_poke(b->loop);
}

static void connect_later(struct socket *s)
{
    happen_at(&s->retry, world_now() + chance_between(&world.net, RETRY_LEAST_NS, RETRY_MOST_NS),
              try_to_connect, s);
}

/* ── bus.h ─────────────────────────────────────────────────────────────── */

struct bus {
    struct proc *proc;
};

int bus_new(struct bus **ret)
{
    struct bus *b = calloc(1, sizeof *b);
    if (!b)
        return -ENOMEM;
    b->proc = world.self;
    *ret = b;
    return 0;
}

void bus_free(struct bus *b)
{
    free(b);
}

bool bus_is_keyed(const struct bus *b, const char *endpoint)
{
    (void)b;
    (void)endpoint;
    return false;
}

bool bus_serves_keys(const struct bus *b)
{
    (void)b;
    return false;
}

void bus_seal_key(const struct bus *b, struct seal_key *ret)
{
    (void)b;
    *ret = (struct seal_key){ .is_set = false };
}

/* As the table in bus.h says. */
static bool who_binds(enum lane lane, enum side side)
{
    static const enum side binds[LANE_COUNT] = { [LANE_JOBS] = SIDE_FROM,
                                                 [LANE_RESULTS] = SIDE_TO,
                                                 [LANE_CONTROL] = SIDE_TO,
                                                 [LANE_FEEDBACK] = SIDE_TO,
                                                 [LANE_FEED] = SIDE_FROM };
    return side == binds[lane];
}

int bus_open(struct bus *b, enum lane lane, enum side side, const char *endpoint, void **ret, struct err *err)
{
    struct socket *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->proc = b->proc;
    s->lane = lane;
    s->binds = who_binds(lane, side);
    snprintf(s->endpoint, sizeof s->endpoint, "%s", endpoint);
    if (s->binds && find_bound(s) && !s->proc->dead) {
        free(s);
        return err_set(err, -EADDRINUSE, "cannot listen at %s: another process does", endpoint);
    }
    DL_APPEND(net.sockets, s);
    if (!s->binds && lane != LANE_FEED)
        happen_at(&s->retry, world_now() + chance_between(&world.net, NS_PER_MS, 3 * NS_PER_MS),
                  try_to_connect, s);
    *ret = s;
    return 0;
}

int bus_open_jobs(struct bus *b, const char *endpoint, const char *location, void **ret, struct err *err)
{
    (void)location;
    return bus_open(b, LANE_JOBS, SIDE_FROM, endpoint, ret, err);
}

int bus_open_guarded(struct bus *b, enum lane lane, enum side side, const char *endpoint,
                     const struct bus_witness *witness, void **ret, struct guarded **ret_guarded,
                     struct err *err)
{
    (void)witness;
    *ret_guarded = NULL;
    return bus_open(b, lane, side, endpoint, ret, err);
}

void bus_close(void *socket)
{
    struct socket *s = socket;
    if (!s)
        return;
    while (s->n_pipes > 0) {
        struct pipe *p = s->pipes[0];
        /* In good order what was sent arrives; results wait for that for some seconds. */
        let_arrive(&p->way[p->end[0] == s], s->lane == LANE_RESULTS);
        struct socket *other = p->end[p->end[0] == s];
        pipe_free(p);
        if (!other->binds && !other->proc->dead)
            connect_later(other);
    }
    happen_never(&s->retry);
    struct message *m, *next;
    DL_FOREACH_SAFE (s->inbox, m, next)
        free(m);
    DL_DELETE(net.sockets, s);
    free(s->pipes);
    free(s);
}

int bus_rebind(void *socket, struct guarded *guarded, struct err *err)
{
    struct socket *s = socket;
    (void)guarded;
    (void)err;
    while (s->n_pipes > 0)
        pipe_break(s->pipes[0]);
    return 0;
}

int bus_endpoint(void *socket, char *buf, size_t size)
{
    const struct socket *s = socket;
    snprintf(buf, size, "%s", s->endpoint);
    return 0;
}

int bus_send(void *socket, const void *bytes, size_t len)
{
    struct socket *s = socket;
    if (s->proc->dead || s->n_pipes == 0)
        return -EAGAIN;
    struct pipe *p = s->pipes[s->turn++ % s->n_pipes];
    const struct way *w = &p->way[p->end[0] == s];
    if (s->lane == LANE_RESULTS && w->n + p->end[w->to]->n_inbox >= MARK)
        return -EAGAIN;
    send_over(p, s, bytes, len);
    return 0;
}

int bus_send_topic(void *socket, const char *topic, const void *bytes, size_t len)
{
    (void)socket;
    (void)topic;
    (void)bytes;
    (void)len;
    return 0;
}

int bus_send_to(void *socket, const uint8_t *peer, size_t peer_len, const void *bytes, size_t len)
{
    struct socket *s = socket;
    uint64_t id = 0;
    if (peer_len != sizeof id || s->proc->dead)
        return -EHOSTUNREACH;
    memcpy(&id, peer, sizeof id);
    for (size_t i = 0; i < s->n_pipes; i++)
        if (s->pipes[i]->id == id) {
            send_over(s->pipes[i], s, bytes, len);
            return 0;
        }
    return -EHOSTUNREACH;
}

int bus_take(void *socket, struct bus_message *ret)
{
    struct socket *s = socket;
    struct message *m = s->inbox;
    if (!m)
        return 0;
    DL_DELETE(s->inbox, m);
    s->n_inbox--;
    ret->bytes = m->bytes;
    ret->len = m->len;
    memcpy(ret->peer, &m->pipe, sizeof m->pipe);
    ret->peer_len = sizeof m->pipe;
    ret->topic[0] = ret->from[0] = '\0';
    ret->user = (struct access_user){ 0 };
    memcpy(ret->private_, &m, sizeof m);
    return 1;
}

void bus_message_done(struct bus_message *b)
{
    struct message *m;
    memcpy(&m, b->private_, sizeof m);
    free(m);
}

const char *bus_message_from(const struct bus_message *m)
{
    (void)m;
    return "";
}

/* ── What turns.c asks ─────────────────────────────────────────────────── */

bool socket_readable(const struct socket *s)
{
    return s->inbox != NULL;
}

void socket_set_loop(struct socket *s, struct loop *l)
{
    s->loop = l;
}

/* Its process was killed: its kernel closes what it had. */
void sockets_cut(struct proc *proc)
{
    struct socket *s;
    DL_FOREACH (net.sockets, s) {
        if (s->proc != proc)
            continue;
        happen_never(&s->retry);
        while (s->n_pipes > 0) {
            struct pipe *p = s->pipes[0];
            struct socket *other = p->end[p->end[0] == s];
            let_arrive(&p->way[p->end[0] == s], false);
            pipe_free(p);
            if (!other->binds && !other->proc->dead)
                connect_later(other);
        }
    }
}

/* ── What can go wrong ─────────────────────────────────────────────────── */

void net_cut(const struct host *from, const struct host *to, bool cut)
{
    struct pipe *p;
    net.cut[from->number][to->number] = cut;
    if (cut)
        return;
    DL_FOREACH (net.pipes, p)
        for (int i = 0; i < 2; i++) {
            struct way *w = &p->way[i];
            if (w->first && !is_cut(w)) /* TCP tries again after a while */
                happen_at(&w->delivery, world_now() + chance_between(&world.net, NS_PER_MS, 2 * NS_PER_S),
                          deliver, w);
        }
}

bool net_is_cut(const struct host *from, const struct host *to)
{
    return net.cut[from->number][to->number];
}

void net_slow(const struct host *from, const struct host *to, mono_ns more)
{
    net.slow[from->number][to->number] = more;
}

void net_break_all(const struct host *a, const struct host *b)
{
    struct pipe *p, *next;
    DL_FOREACH_SAFE (net.pipes, p, next)
        if ((host_of(p, 0) == a && host_of(p, 1) == b) || (host_of(p, 0) == b && host_of(p, 1) == a))
            pipe_break(p);
}

void net_repeat(unsigned per_mille)
{
    net.repeat_per_mille = per_mille;
}

void net_begin(void)
{
    memset(&net, 0, sizeof net);
}

void net_end(void)
{
    if (net.sockets || net.pipes) {
        fprintf(stderr, "seed %llu: a socket was left open\n", (unsigned long long)world.seed);
        abort();
    }
}

/* Of settings that nobody here has. */
int bus_use_keys(struct bus *b, const struct bus_keys *keys, struct err *err)
{
    (void)b;
    (void)keys;
    return err_set(err, -EINVAL, "there are no keys in this world");
}

void bus_let_in(struct bus *b, struct access_list *list)
{
    (void)b;
    access_list_free(list);
}
