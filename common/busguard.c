#include "common/busguard.h"

#include "common/connections.h"
#include "common/porter.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

/* What is whose
 *
 * The lists and all of struct guarded are under the guard's lock; the reading
 * ends of the monitors (`news`) are the thread's from the moment that they are in
 * the list. libzmq writes a monitor's news with a blocking send while it holds
 * the monitor's lock: their pipe has no ceiling, and the writing end is stopped
 * before the reading end is closed, or libzmq's own thread would stand still.
 *
 * libzmq has one thread for all connections of a context, and what it says comes
 * in order: the news of a connection is there when its question to ZAP is.
 */

/* RFC 23, 26: who has the key that we look for says 170 bytes more; the end counts as one, too. */
enum { GREETING_BYTES = 64 };
enum { FINDINGS = 32 }; /* of one socket that its loop has not fetched; more are only counted */

#define NEWS                                                             \
    (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED | \
     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_SUCCEEDED)

struct guarded {
    struct loop_bell bell; /* first: its handle's end is ours */
    struct busguard *guard;
    void *socket, *news;
    char door[ACCESS_DOOR_SIZE]; /* its domain, if it needs keys */
    struct connections *connections;
    size_t peers;  /* connected now */
    bool refused;  /* said last: of the connection that ends next */
    bool knocking; /* connected, and not let in yet */
    atomic_uint turned_away;
    atomic_bool met_stranger; /* the last time */
    bool letting_go;
    bool leaving, gone;
    guarded_fn *fn;
    void *arg;
    struct connections_cut found[FINDINGS];
    size_t n_found, n_more;
    struct guarded *next;
};

struct busguard {
    void *context;
    struct porter porter; /* under the lock */
    int ring;
    bool running, stopping;
    unsigned made; /* monitors so far: their names */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t left;
    struct guarded *first;
    size_t n;
    zmq_pollitem_t item[2 + BUSGUARD_MAX_SOCKETS];
};

static void ring(struct busguard *g)
{
    uint64_t one = 1;
    while (write(g->ring, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

/* ── News of connections ───────────────────────────────────────────────── */

/* zmq_socket_monitor(3): 16 bits of event and 32 of value in one part, the endpoint in another. */
static bool take_news(struct guarded *w, uint16_t *ret_event, int *ret_fd)
{
    uint8_t head[6];
    char endpoint[8];
    int32_t value;
    if (zmq_recv(w->news, head, sizeof head, ZMQ_DONTWAIT) < 0)
        return false;
    (void)zmq_recv(w->news, endpoint, sizeof endpoint, ZMQ_DONTWAIT);
    memcpy(ret_event, head, sizeof *ret_event);
    memcpy(&value, head + 2, sizeof value);
    *ret_fd = value;
    return true;
}

/* Of a listener that is stopped, or hangs, nothing is heard at all. */
static void note_knock(struct guarded *w, uint16_t event, int fd)
{
    int64_t heard =
        event == ZMQ_EVENT_DISCONNECTED && w->knocking ? connections_heard(w->connections, fd) : 0;
    if (heard > 0) {
        atomic_store(&w->met_stranger, heard < 2 * GREETING_BYTES);
        atomic_fetch_add(&w->turned_away, 1);
    }
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
        atomic_store(&w->turned_away, 0);
    if (event == ZMQ_EVENT_CONNECTED)
        w->knocking = true;
    else if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED || event == ZMQ_EVENT_DISCONNECTED)
        w->knocking = false;
}

bool guarded_met_stranger(const struct guarded *w)
{
    return atomic_load(&w->met_stranger);
}

unsigned guarded_turned_away(const struct guarded *w)
{
    return atomic_load(&w->turned_away);
}

static void hear_news(struct guarded *w, mono_ns now)
{
    uint16_t event;
    int fd;
    while (take_news(w, &event, &fd)) {
        note_knock(w, event, fd);
        if (event == ZMQ_EVENT_DISCONNECTED) {
            w->peers -= w->peers > 0;
            connections_end(w->connections, fd, w->refused, now);
        } else if (event == ZMQ_EVENT_ACCEPTED || event == ZMQ_EVENT_CONNECTED) {
            w->peers++;
            connections_begin(w->connections, fd);
        }
        w->refused = event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
    }
}

static void keep_finding(struct guarded *w, const struct connections_cut *cut)
{
    if (w->n_found < FINDINGS)
        w->found[w->n_found++] = *cut;
    else
        w->n_more++;
    loop_bell_ring(&w->bell);
}

static void note(struct guarded *w, mono_ns now)
{
    struct connections_cut cut;
    while (connections_step(w->connections, now, &cut))
        keep_finding(w, &cut);
}

static void let_go(struct guarded *w)
{
    connections_let_go(w->connections);
    w->letting_go = false;
    pthread_cond_broadcast(&w->guard->left);
}

static void look_round(struct busguard *g)
{
    mono_ns now = clock_mono();
    for (struct guarded *w = g->first; w; w = w->next) {
        hear_news(w, now);
        if (w->letting_go)
            let_go(w);
        note(w, now);
    }
}

/* ── Who wants to come in ──────────────────────────────────────────────── */

/* The socket at that door, or else any that has one. */
static struct guarded *listener_at(const struct busguard *g, const char *door)
{
    struct guarded *any = NULL;
    for (struct guarded *w = g->first; w; w = w->next) {
        if (w->leaving || !w->door[0])
            continue;
        if (strcmp(w->door, door) == 0)
            return w;
        any = w;
    }
    return any;
}

/* Told to whoever listens at that door; libzmq keeps the peer waiting, and tells us no
 * more of it than that the time for its handshake is over. */
static void note_refusal(struct busguard *g, const struct zap_question *q, const struct zap_answer *a)
{
    static const char mapped[] = "::ffff:"; /* as bus.c has it */
    const char *from = strncmp(q->from, mapped, strlen(mapped)) == 0 ? q->from + strlen(mapped) : q->from;
    struct connections_cut cut;
    snprintf(cut.peer, sizeof cut.peer, "%.*s", (int)sizeof cut.peer - 1, from);
    snprintf(cut.why, sizeof cut.why, "it was not let in at %s: %s", q->what.domain, a->text);
    struct guarded *w = listener_at(g, q->what.domain);
    if (w)
        keep_finding(w, &cut);
}

static void on_question(void *arg)
{
    look_round(arg); /* its connection is among the news by now */
}

static void on_refused(void *arg, const struct zap_question *q, const struct zap_answer *a)
{
    note_refusal(arg, q, a);
}

static const struct porter_events porter_events = { .asked = on_question, .refused = on_refused };

/* ── The thread ────────────────────────────────────────────────────────── */

static void let_leave(struct busguard *g)
{
    for (struct guarded **at = &g->first; *at;) {
        struct guarded *w = *at;
        if (!w->leaving) {
            at = &w->next;
            continue;
        }
        *at = w->next;
        g->n--;
        zmq_close(w->news);
        w->gone = true;
        pthread_cond_broadcast(&g->left);
    }
}

static long wait_ms(const struct busguard *g)
{
    mono_ns next = porter_next(&g->porter);
    for (const struct guarded *w = g->first; w; w = w->next) {
        mono_ns at = connections_next(w->connections);
        if (at < next)
            next = at;
    }
    if (next == MONO_NEVER)
        return -1;
    mono_ns left = next - clock_mono();
    return left <= 0 ? 0 : (long)(left / NS_PER_MS) + 1;
}

static int gather(struct busguard *g)
{
    int n = 0;
    g->item[n++] = (zmq_pollitem_t){ .socket = g->porter.socket, .events = ZMQ_POLLIN };
    g->item[n++] = (zmq_pollitem_t){ .fd = g->ring, .events = ZMQ_POLLIN };
    for (struct guarded *w = g->first; w; w = w->next)
        g->item[n++] = (zmq_pollitem_t){ .socket = w->news, .events = ZMQ_POLLIN };
    return n;
}

static void *watch_over(void *arg)
{
    struct busguard *g = arg;
    uint64_t rung;

    pthread_mutex_lock(&g->lock);
    while (!g->stopping) {
        int n = gather(g);
        long wait = wait_ms(g);
        pthread_mutex_unlock(&g->lock);
        int r = zmq_poll(g->item, n, wait);
        pthread_mutex_lock(&g->lock);
        if (r < 0 && errno != EINTR)
            break; /* as when the context ends */
        if (r > 0 && (g->item[1].revents & ZMQ_POLLIN) && read(g->ring, &rung, sizeof rung) < 0)
            continue;
        look_round(g);
        porter_answer(&g->porter);
        let_leave(g);
    }
    g->stopping = true; /* nobody waits for the thread any more */
    pthread_cond_broadcast(&g->left);
    pthread_mutex_unlock(&g->lock);
    return NULL;
}

/* Signals are for the loops' threads. */
static int begin_thread(struct busguard *g)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = -pthread_create(&g->thread, NULL, watch_over, g);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    g->running = r == 0;
    return r;
}

int busguard_new(struct busguard **ret, void *context, const char *own)
{
    scoped(busguard) struct busguard *g = calloc(1, sizeof *g);
    if (!g)
        return -ENOMEM;
    g->context = context;
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->left, NULL);
    g->ring = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = g->ring < 0 ? -errno : porter_init(&g->porter, context, own, &porter_events, g);
    if (r == 0)
        r = begin_thread(g);
    if (r < 0)
        return r;
    *ret = moved(g);
    return 0;
}

void busguard_free(struct busguard *g)
{
    if (!g)
        return;
    if (g->running) {
        pthread_mutex_lock(&g->lock);
        g->stopping = true;
        pthread_mutex_unlock(&g->lock);
        ring(g);
        pthread_join(g->thread, NULL);
    }
    porter_done(&g->porter);
    if (g->ring >= 0)
        close(g->ring);
    pthread_cond_destroy(&g->left);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

void busguard_let_in(struct busguard *g, struct access_list *list)
{
    pthread_mutex_lock(&g->lock);
    struct access_list *before = porter_let_in(&g->porter, list);
    pthread_mutex_unlock(&g->lock);
    access_list_free(before);
}

void busguard_ask(struct busguard *g, porter_ask_fn *ask, void *arg)
{
    pthread_mutex_lock(&g->lock);
    g->porter.ask = ask;
    g->porter.ask_arg = arg;
    pthread_mutex_unlock(&g->lock);
}

uint64_t busguard_asked(struct busguard *g)
{
    pthread_mutex_lock(&g->lock);
    uint64_t asked = zapwait_asked(&g->porter.waiting);
    pthread_mutex_unlock(&g->lock);
    return asked;
}

void busguard_settle(struct busguard *g, uint64_t asked)
{
    pthread_mutex_lock(&g->lock);
    zapwait_settle(&g->porter.waiting, asked);
    pthread_mutex_unlock(&g->lock);
    ring(g);
}

/* ── One socket ────────────────────────────────────────────────────────── */

static void on_bell(void *arg)
{
    struct guarded *w = arg;
    struct connections_cut found[FINDINGS];

    pthread_mutex_lock(&w->guard->lock);
    size_t n = w->n_found, more = w->n_more;
    memcpy(found, w->found, n * sizeof *found);
    w->n_found = w->n_more = 0;
    pthread_mutex_unlock(&w->guard->lock);

    guarded_fn *fn = w->fn;
    for (size_t i = 0; i < n && !w->leaving; i++) /* it may leave for what it is told */
        fn(w->arg, found[i].peer, found[i].why);
    for (; more > 0 && !w->leaving; more--)
        fn(w->arg, "others", n > 0 ? found[n - 1].why : "");
}

static void on_closed(uv_handle_t *bell)
{
    free(bell);
}

/* The reading end is connected while nobody else knows of it. */
static int begin_monitor(struct guarded *w)
{
    char name[64];
    int none = 0;
    pthread_mutex_lock(&w->guard->lock);
    unsigned number = w->guard->made++;
    pthread_mutex_unlock(&w->guard->lock);
    snprintf(name, sizeof name, "inproc://busguard-%u", number);
    size_t size = sizeof w->door;
    if (zmq_getsockopt(w->socket, ZMQ_ZAP_DOMAIN, w->door, &size) < 0)
        return -errno;
    if (!w->door[0] && zmq_setsockopt(w->socket, ZMQ_ZAP_DOMAIN, ZAP_OPEN, strlen(ZAP_OPEN)) < 0)
        return -errno;
    w->news = zmq_socket(w->guard->context, ZMQ_PAIR);
    if (!w->news || zmq_setsockopt(w->news, ZMQ_RCVHWM, &none, sizeof none) < 0 ||
        zmq_setsockopt(w->news, ZMQ_LINGER, &none, sizeof none) < 0)
        return -errno;
    if (zmq_socket_monitor(w->socket, name, NEWS) < 0)
        return -errno;
    if (zmq_connect(w->news, name) < 0) {
        int r = -errno;
        zmq_socket_monitor(w->socket, NULL, 0);
        return r;
    }
    return 0;
}

static int enlist(struct guarded *w)
{
    struct busguard *g = w->guard;
    int r = -ENOSPC;
    pthread_mutex_lock(&g->lock);
    if (g->n < BUSGUARD_MAX_SOCKETS) {
        w->next = g->first;
        g->first = w;
        g->n++;
        r = 0;
    }
    pthread_mutex_unlock(&g->lock);
    if (r == 0)
        ring(g);
    else
        zmq_socket_monitor(w->socket, NULL, 0);
    return r;
}

int guarded_new(struct guarded **ret, struct busguard *g, void *socket, size_t most, struct loop *l,
                guarded_fn *fn, void *arg)
{
    struct guarded *w = calloc(1, sizeof *w);
    if (!w)
        return -ENOMEM;
    *w = (struct guarded){ .guard = g, .socket = socket, .fn = fn, .arg = arg };
    int r = loop_bell_init(l, &w->bell, on_bell, w);
    if (r < 0) {
        free(w);
        return r;
    }
    r = connections_new(&w->connections, most);
    if (r == 0)
        r = begin_monitor(w);
    if (r == 0)
        r = enlist(w);
    if (r < 0) {
        if (w->news)
            zmq_close(w->news);
        connections_free(w->connections);
        uv_close((uv_handle_t *)&w->bell.uv, on_closed);
        return r;
    }
    *ret = w;
    return 0;
}

size_t guarded_peers(const struct guarded *w)
{
    pthread_mutex_lock(&w->guard->lock);
    size_t n = w->peers;
    pthread_mutex_unlock(&w->guard->lock);
    return n;
}

/* Done by the thread, when it has heard of all that there were. */
void guarded_let_go(struct guarded *w)
{
    struct busguard *g = w->guard;
    pthread_mutex_lock(&g->lock);
    w->letting_go = true;
    ring(g);
    while (w->letting_go && !g->stopping)
        pthread_cond_wait(&g->left, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

void guarded_free(struct guarded *w)
{
    if (!w)
        return;
    struct busguard *g = w->guard;
    zmq_socket_monitor(w->socket, NULL, 0);
    pthread_mutex_lock(&g->lock);
    w->leaving = true;
    ring(g);
    while (!w->gone && !g->stopping)
        pthread_cond_wait(&g->left, &g->lock);
    if (!w->gone)
        let_leave(g); /* the thread has ended, its sockets are ours */
    pthread_mutex_unlock(&g->lock);
    connections_free(w->connections);
    uv_close((uv_handle_t *)&w->bell.uv, on_closed);
}
