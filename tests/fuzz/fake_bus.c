#include "common/endpoint.h"
#include "tests/fuzz/fake_inside.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>

enum { MAX_SOCKETS = 256 };

struct letter {
    struct letter *next;
    uint8_t peer[64];
    size_t peer_len, len;
    struct access_user user;
    bool misshapen;
    uint8_t bytes[];
};

struct guarded {
    struct loop *loop;
    guarded_fn *fn;
    void *arg;
    unsigned turned_away;
    bool stranger;
};

struct socket {
    enum lane lane;
    enum side side;
    char endpoint[256], location[LOCATION_SIZE];
    struct letter *first, **last;
    struct guarded *guarded;
};

static struct socket *sockets[MAX_SOCKETS];
static size_t n_sockets;
static bool keyed;
static fake_sent_fn *on_sent;
static void *sent_arg;

void fake_begin(fake_sent_fn *fn, void *arg, bool with_keys)
{
    on_sent = fn;
    sent_arg = arg;
    keyed = with_keys;
    fake_loop_begin();
}

void fake_end(void)
{
    must(n_sockets == 0);
    fake_loop_end();
}

/* ── The fuzzer's side ─────────────────────────────────────────────────── */

void *fake_socket(enum lane lane, enum side side, unsigned nth)
{
    for (size_t i = 0; i < n_sockets; i++)
        if (sockets[i]->lane == lane && sockets[i]->side == side && nth-- == 0)
            return sockets[i];
    return NULL;
}

void fake_put(void *socket, const uint8_t *peer, size_t peer_len, const struct access_user *user,
              const void *bytes, size_t len)
{
    struct socket *s = socket;
    struct letter *m = calloc(1, sizeof *m + len);
    must(s && m && peer_len <= sizeof m->peer && len <= BUS_MAX_HEARD);
    if (peer_len > 0)
        memcpy(m->peer, peer, peer_len);
    m->peer_len = peer_len;
    if (user)
        m->user = *user;
    m->misshapen = !bytes;
    m->len = bytes ? len : 0;
    if (m->len > 0)
        memcpy(m->bytes, bytes, len);
    *s->last = m;
    s->last = &m->next;
}

void fake_cut(void *socket)
{
    const struct socket *s = socket;
    if (s->guarded)
        s->guarded->fn(s->guarded->arg, "192.0.2.7", "more than is let in");
}

void fake_turn_away(void *socket, unsigned times, bool stranger)
{
    const struct socket *s = socket;
    if (!s->guarded)
        return;
    s->guarded->turned_away = times;
    s->guarded->stranger = stranger;
}

bool fake_readable(const void *socket)
{
    return ((const struct socket *)socket)->first != NULL;
}

/* ── bus.h ─────────────────────────────────────────────────────────────── */

static int open_socket(enum lane lane, enum side side, const char *endpoint, const char *location,
                       void **ret_socket, struct err *err)
{
    int r = endpoint_check(endpoint, err);
    if (r < 0)
        return r;
    must(n_sockets < MAX_SOCKETS);
    struct socket *s = calloc(1, sizeof *s);
    must(s);
    s->lane = lane;
    s->side = side;
    s->last = &s->first;
    snprintf(s->endpoint, sizeof s->endpoint, "%s", endpoint);
    snprintf(s->location, sizeof s->location, "%s", location);
    sockets[n_sockets++] = s;
    *ret_socket = s;
    return 0;
}

int bus_new(struct bus **ret)
{
    *ret = NULL;
    return 0;
}

void bus_free(struct bus *b)
{
    (void)b;
}

int bus_use_keys(struct bus *b, const struct bus_keys *keys, struct err *err)
{
    (void)b, (void)keys, (void)err;
    return 0;
}

bool bus_is_keyed(const struct bus *b, const char *endpoint)
{
    (void)b, (void)endpoint;
    return keyed;
}

/* Who is let in is decided before a message comes here: see fuzz_zap.c. */
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

void bus_let_in(struct bus *b, struct access_list *list)
{
    (void)b;
    access_list_free(list);
}

struct busguard *bus_guard(struct bus *b)
{
    (void)b;
    return NULL;
}

int bus_open(struct bus *b, enum lane lane, enum side side, const char *endpoint, void **ret_socket,
             struct err *err)
{
    (void)b;
    return open_socket(lane, side, endpoint, "", ret_socket, err);
}

int bus_open_jobs(struct bus *b, const char *endpoint, const char *location, void **ret_socket,
                  struct err *err)
{
    (void)b;
    return open_socket(LANE_JOBS, SIDE_FROM, endpoint, location, ret_socket, err);
}

int bus_open_guarded(struct bus *b, enum lane lane, enum side side, const char *endpoint,
                     const struct bus_witness *witness, void **ret_socket, struct guarded **ret_guarded,
                     struct err *err)
{
    (void)b;
    int r = open_socket(lane, side, endpoint, "", ret_socket, err);
    if (r < 0)
        return r;
    struct guarded *w = calloc(1, sizeof *w);
    must(w);
    *w = (struct guarded){ .loop = witness->loop, .fn = witness->dropped, .arg = witness->arg };
    ((struct socket *)*ret_socket)->guarded = *ret_guarded = w;
    return 0;
}

void bus_close(void *socket)
{
    size_t i = 0;
    if (!socket)
        return;
    while (i < n_sockets && sockets[i] != socket)
        i++;
    must(i < n_sockets); /* closed once */
    for (struct letter *m = sockets[i]->first, *next; m; m = next) {
        next = m->next;
        free(m);
    }
    free(sockets[i]);
    n_sockets--;
    memmove(&sockets[i], &sockets[i + 1], (n_sockets - i) * sizeof *sockets);
}

int bus_rebind(void *socket, struct guarded *guarded, struct err *err)
{
    struct socket *s = socket;
    (void)guarded, (void)err;
    for (struct letter *m = s->first, *next; m; m = next) {
        next = m->next;
        free(m);
    }
    s->first = NULL;
    s->last = &s->first;
    return 0;
}

int bus_endpoint(void *socket, char *buf, size_t size)
{
    snprintf(buf, size, "%s", ((const struct socket *)socket)->endpoint);
    return 0;
}

static int sent(void *socket, const char *topic, const uint8_t *peer, size_t peer_len, const void *bytes,
                size_t len)
{
    const struct socket *s = socket;
    must(len <= BUS_MAX_BYTES);
    return on_sent(sent_arg, &(struct fake_sent){ socket, s->lane, s->endpoint, s->location, topic, peer,
                                                  peer_len, bytes, len });
}

int bus_send(void *socket, const void *bytes, size_t len)
{
    return sent(socket, NULL, NULL, 0, bytes, len);
}

int bus_send_topic(void *socket, const char *topic, const void *bytes, size_t len)
{
    return sent(socket, topic, NULL, 0, bytes, len);
}

int bus_send_to(void *socket, const uint8_t *peer, size_t peer_len, const void *bytes, size_t len)
{
    return sent(socket, NULL, peer, peer_len, bytes, len);
}

static void keep(struct bus_message *m, struct letter *l)
{
    memcpy(m->private_, &l, sizeof l);
}

static struct letter *kept(const struct bus_message *m)
{
    struct letter *l;
    memcpy(&l, m->private_, sizeof l);
    return l;
}

int bus_take(void *socket, struct bus_message *ret)
{
    struct socket *s = socket;
    struct letter *l = s->first;
    if (!l)
        return 0;
    s->first = l->next;
    if (!s->first)
        s->last = &s->first;
    ret->topic[0] = '\0';
    snprintf(ret->from, sizeof ret->from, "%s", "192.0.2.7");
    ret->user = l->user;
    memcpy(ret->peer, l->peer, l->peer_len);
    ret->peer_len = l->peer_len;
    if (l->misshapen) {
        free(l);
        return -EBADMSG;
    }
    ret->bytes = l->bytes;
    ret->len = l->len;
    keep(ret, l);
    return 1;
}

void bus_message_done(struct bus_message *m)
{
    free(kept(m));
}

const char *bus_message_from(const struct bus_message *m)
{
    return m->from;
}

/* ── busguard.h ────────────────────────────────────────────────────────── */

int busguard_new(struct busguard **ret, void *context, const char *own)
{
    (void)ret, (void)context, (void)own;
    return -ENOTSUP;
}

void busguard_free(struct busguard *g)
{
    (void)g;
}

void busguard_let_in(struct busguard *g, struct access_list *list)
{
    (void)g;
    access_list_free(list);
}

void busguard_ask(struct busguard *g, porter_ask_fn *ask, void *arg)
{
    (void)g, (void)ask, (void)arg;
}

uint64_t busguard_asked(struct busguard *g)
{
    (void)g;
    return 0;
}

void busguard_settle(struct busguard *g, uint64_t asked)
{
    (void)g, (void)asked;
}

int guarded_new(struct guarded **ret, struct busguard *g, void *socket, size_t most, struct loop *l,
                guarded_fn *fn, void *arg)
{
    (void)ret, (void)g, (void)socket, (void)most, (void)l, (void)fn, (void)arg;
    return -ENOTSUP;
}

size_t guarded_peers(const struct guarded *w)
{
    (void)w;
    return 0;
}

unsigned guarded_turned_away(const struct guarded *w)
{
    return w->turned_away;
}

bool guarded_met_stranger(const struct guarded *w)
{
    return w->stranger;
}

void guarded_let_go(struct guarded *w)
{
    (void)w;
}

void guarded_free(struct guarded *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < n_sockets; i++)
        if (sockets[i]->guarded == w)
            sockets[i]->guarded = NULL;
    free(w);
}

/* Options of sockets that are none. */
int __wrap_zmq_setsockopt(void *socket, int option, const void *value, size_t len);
int __wrap_zmq_setsockopt(void *socket, int option, const void *value, size_t len)
{
    (void)socket, (void)option, (void)value, (void)len;
    return 0;
}
