#include "common/bus.h"

#include "common/curve.h"
#include "common/doorcheck.h"
#include "common/endpoint.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

enum { ENDPOINT_MOST = 256 }; /* as libzmq writes it, too */

struct bus {
    void *context;
    pthread_mutex_t lock;
    struct busguard *guard; /* from the first guarded socket on, or with keys; under the lock */
    struct bus_keys keys;
    bool has_keys;
};

/* What is to be opened. */
struct bus_link {
    enum lane lane;
    enum side side;
    const char *endpoint;
    const char *place; /* of a jobs lane: whose; "" */
};

/* Why the options stand as they do
 *
 * jobs: whoever binds cannot evict a peer and no high-water mark bounds what a
 *   stopped peer swallows, because the kernel's buffers hold more than it does.
 *   So the coordinator's window bounds it, the buffers are small, and the
 *   worker's side takes all that comes (RCVHWM 0): with ZMTP heartbeats on, a
 *   PULL that reaches its mark stops reading PONGs, loses its link, and can trip
 *   an assertion inside libzmq 4.3.4.
 * results: wants back-pressure, so it has a mark, and therefore no heartbeats;
 *   TCP_MAXRT finds the dead peer instead. IMMEDIATE, or messages would queue
 *   for a peer that is not there.
 * control, feedback: small, always drained by both ends, heartbeats on both
 *   ends, since a peer's heartbeats find only the other one dead. A worker has a
 *   control link to each coordinator, also to those that are away: it tries again
 *   after 0.6 s at most, so that one that comes is found within a second, and one
 *   that is handed over to in good order has its workers within that.
 * feed: whoever is too slow misses something; nobody waits for a subscriber.
 *
 * Everywhere: a handshake may take 5 s and not ZeroMQ's 30, so that silent
 * connections free their descriptors; connecting is given up after 3 s, or a
 * healed network would be noticed only when SYN's back-off allows; reconnecting
 * is jittered between 0.2 s and, for other links than control, 5 s.
 */
struct lane_row {
    int type;
    bool binds;
    int sndhwm, rcvhwm, buffer_bytes, linger_ms;
    bool heartbeat;
    int maxrt_ms;
};

static const struct lane_row lanes[LANE_COUNT][2] = {
    [LANE_JOBS] = {
        [SIDE_FROM] = { ZMQ_PUSH, true, 64, 0, 32768, 0, true, 10000 },
        [SIDE_TO] = { ZMQ_PULL, false, 0, 0, 32768, 0, true, 10000 },
    },
    [LANE_RESULTS] = {
        [SIDE_FROM] = { ZMQ_PUSH, false, 1000, 0, 0, 5000, false, 30000 },
        [SIDE_TO] = { ZMQ_PULL, true, 0, 1000, 0, 0, false, 30000 },
    },
    [LANE_CONTROL] = {
        [SIDE_FROM] = { ZMQ_DEALER, false, 1000, 0, 0, 500, true, 10000 },
        [SIDE_TO] = { ZMQ_ROUTER, true, 1000, 0, 0, 0, true, 10000 },
    },
    [LANE_FEEDBACK] = {
        [SIDE_FROM] = { ZMQ_PUSH, false, 1000, 0, 0, 500, true, 10000 },
        [SIDE_TO] = { ZMQ_PULL, true, 0, 0, 0, 0, true, 10000 },
    },
    [LANE_FEED] = {
        [SIDE_FROM] = { ZMQ_PUB, true, 10000, 0, 0, 500, false, 30000 },
        [SIDE_TO] = { ZMQ_SUB, false, 0, 100000, 0, 0, false, 30000 },
    },
};

int bus_new(struct bus **ret)
{
    scoped(bus) struct bus *b = calloc(1, sizeof *b);
    if (!b)
        return -ENOMEM;
    pthread_mutex_init(&b->lock, NULL);
    b->context = zmq_ctx_new();
    if (!b->context)
        return -errno;
    *ret = moved(b);
    return 0;
}

void bus_free(struct bus *b)
{
    if (!b)
        return;
    busguard_free(b->guard);
    while (b->context && zmq_ctx_term(b->context) < 0 && errno == EINTR)
        continue;
    pthread_mutex_destroy(&b->lock);
    key_pair_wipe(&b->keys.own);
    free(b);
}

/* ── Keys ──────────────────────────────────────────────────────────────── */

int bus_use_keys(struct bus *b, const struct bus_keys *keys, struct err *err)
{
    if (!zmq_has("curve"))
        return err_set(err, -ENOTSUP, "this libzmq has no CURVE: links to other hosts cannot be made safe");
    b->keys = *keys;
    b->has_keys = true;
    if (!keys->serves)
        return 0;
    /* Before anything is bound: without somebody who answers, libzmq lets everybody in. */
    int r = busguard_new(&b->guard, b->context, keys->own.public);
    if (r < 0)
        return err_set(err, r, "cannot guard the doors: %s", zmq_strerror(-r));
    return doorcheck(b->context, &keys->own, err);
}

bool bus_is_keyed(const struct bus *b, const char *endpoint)
{
    return endpoint_is_tcp(endpoint) && (!endpoint_is_local(endpoint) || (b->has_keys && b->keys.loopback));
}

bool bus_serves_keys(const struct bus *b)
{
    return b->has_keys && b->keys.serves;
}

const char *bus_cluster(const struct bus *b)
{
    return bus_serves_keys(b) ? b->keys.own.public : "";
}

void bus_seal_key(const struct bus *b, struct seal_key *ret)
{
    *ret = (struct seal_key){ .is_set = false };
    if (bus_serves_keys(b))
        seal_key_make(ret, b->keys.own.secret);
}

void bus_let_in(struct bus *b, struct access_list *list)
{
    if (b->guard)
        busguard_let_in(b->guard, list);
    else
        access_list_free(list);
}

struct busguard *bus_guard(struct bus *b)
{
    return b->guard;
}

static const char *const lane_doors[LANE_COUNT] = {
    [LANE_JOBS] = "jobs",         [LANE_RESULTS] = "results", [LANE_CONTROL] = "control",
    [LANE_FEEDBACK] = "feedback", [LANE_FEED] = "feed",
};

static int set(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) < 0 ? -errno : 0;
}

static int lock_door(struct bus *b, void *socket, const struct bus_link *k)
{
    char door[ACCESS_DOOR_SIZE];
    snprintf(door, sizeof door, "%s%s%s", lane_doors[k->lane], *k->place ? "/" : "", k->place);
    return curve_listen(socket, b->keys.own.secret, door);
}

/* Whose greeting is not understood tries again as soon as after a broken connection,
 * since libzmq's growing pauses are for those who find nobody; and a handshake costs
 * the other end a millisecond or two of CPU. Whoever is refused at the control lane
 * stays away by itself. */
static int carry_key(struct bus *b, void *socket, enum lane lane)
{
    int r = lane == LANE_CONTROL ? 0 : set(socket, ZMQ_RECONNECT_IVL, 500);
    return r == 0 ? curve_connect(socket, &b->keys.own, b->keys.server) : r;
}

static int put_keys(struct bus *b, void *socket, const struct bus_link *k, struct err *err)
{
    bool binds = lanes[k->lane][k->side].binds;
    if (!bus_is_keyed(b, k->endpoint))
        return 0;
    if (!b->has_keys)
        return err_set(err, -EINVAL, "'%.120s' is not on a loopback address: links to other hosts need keys",
                       k->endpoint);
    if (binds && !b->keys.serves)
        return err_set(err, -EINVAL,
                       "'%.120s': to listen there needs the cluster's own key (keys.server_file)",
                       k->endpoint);
    int r = binds ? lock_door(b, socket, k) : carry_key(b, socket, k->lane);
    return r < 0 ? err_set(err, r, "cannot give a socket its key: %s", zmq_strerror(-r)) : 0;
}

/* ── Sockets ───────────────────────────────────────────────────────────── */

static int set_options(void *socket, const struct lane_row *row)
{
    const struct {
        int option, value;
        bool wanted;
    } options[] = {
        {ZMQ_SNDHWM,               row->sndhwm,                          true                                },
        { ZMQ_RCVHWM,              row->rcvhwm,                          true                                },
        { ZMQ_SNDBUF,              row->buffer_bytes,                    row->buffer_bytes > 0               },
        { ZMQ_RCVBUF,              row->buffer_bytes,                    row->buffer_bytes > 0               },
        { ZMQ_LINGER,              row->linger_ms,                       true                                },
        { ZMQ_IMMEDIATE,           1,                                    row->type == ZMQ_PUSH && !row->binds},
        { ZMQ_HEARTBEAT_IVL,       1000,                                 row->heartbeat                      },
        { ZMQ_HEARTBEAT_TIMEOUT,   3000,                                 row->heartbeat                      },
        { ZMQ_TCP_MAXRT,           row->maxrt_ms,                        true                                },
        { ZMQ_TCP_KEEPALIVE,       1,                                    true                                },
        { ZMQ_TCP_KEEPALIVE_IDLE,  10,                                   true                                },
        { ZMQ_TCP_KEEPALIVE_INTVL, 5,                                    true                                },
        { ZMQ_TCP_KEEPALIVE_CNT,   3,                                    true                                },
        { ZMQ_CONNECT_TIMEOUT,     3000,                                 !row->binds                         },
        { ZMQ_RECONNECT_IVL,       row->type == ZMQ_DEALER ? 300 : 200,  !row->binds                         },
        { ZMQ_RECONNECT_IVL_MAX,   row->type == ZMQ_DEALER ? 300 : 5000, !row->binds                         },
        { ZMQ_HANDSHAKE_IVL,       5000,                                 true                                },
        { ZMQ_BACKLOG,             1024,                                 row->binds                          },
        { ZMQ_ROUTER_MANDATORY,    1,                                    row->type == ZMQ_ROUTER             },
        { ZMQ_IPV6,                1,                                    true                                },
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        int r = options[i].wanted ? set(socket, options[i].option, options[i].value) : 0;
        if (r < 0)
            return r;
    }
    int64_t most = BUS_MAX_HEARD;
    if (zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most) < 0)
        return -errno;
    if (row->type == ZMQ_SUB && zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0) < 0)
        return -errno;
    return 0;
}

static int make(struct bus *b, const struct bus_link *k, void **ret, struct err *err)
{
    const struct lane_row *row = &lanes[k->lane][k->side];
    int r = endpoint_check(k->endpoint, err);
    if (r < 0)
        return r;
    void *socket = zmq_socket(b->context, row->type);
    if (!socket)
        return err_set(err, -errno, "cannot make a socket: %s", zmq_strerror(errno));
    r = set_options(socket, row);
    r = r < 0 ? err_set(err, r, "cannot set a socket's options: %s", zmq_strerror(-r))
              : put_keys(b, socket, k, err);
    if (r < 0) {
        bus_close(socket);
        return r;
    }
    *ret = socket;
    return 0;
}

static int bind_or_connect(void *socket, const struct bus_link *k, struct err *err)
{
    bool binds = lanes[k->lane][k->side].binds;
    char at[ENDPOINT_MOST];
    int r = endpoint_to_connect(k->endpoint, at, sizeof at);
    if (r == 0 && (binds ? zmq_bind(socket, k->endpoint) : zmq_connect(socket, at)) == 0)
        return 0;
    r = r < 0 ? r : -errno;
    return err_set(err, r, "cannot %s %s: %s", binds ? "listen on" : "connect to", k->endpoint,
                   zmq_strerror(-r));
}

static int open_link(struct bus *b, const struct bus_link *k, void **ret_socket, struct err *err)
{
    void *socket = NULL;
    int r = make(b, k, &socket, err);
    if (r == 0)
        r = bind_or_connect(socket, k, err);
    if (r < 0)
        bus_close(socket);
    else
        *ret_socket = socket;
    return r;
}

int bus_open(struct bus *b, enum lane lane, enum side side, const char *endpoint, void **ret_socket,
             struct err *err)
{
    const struct bus_link link = { lane, side, endpoint, "" };
    return open_link(b, &link, ret_socket, err);
}

int bus_open_jobs(struct bus *b, const char *endpoint, const char *location, void **ret_socket,
                  struct err *err)
{
    const struct bus_link link = { LANE_JOBS, SIDE_FROM, endpoint, location };
    return open_link(b, &link, ret_socket, err);
}

static int have_guard(struct bus *b)
{
    pthread_mutex_lock(&b->lock);
    int r = b->guard ? 0 : busguard_new(&b->guard, b->context, "");
    pthread_mutex_unlock(&b->lock);
    return r;
}

static int put_under_guard(struct bus *b, void *socket, const struct bus_witness *witness,
                           struct guarded **ret, struct err *err)
{
    int r = have_guard(b);
    if (r == 0)
        r = guarded_new(ret, b->guard, socket, BUS_MAX_HEARD, witness->loop, witness->dropped, witness->arg);
    return r < 0 ? err_set(err, r, "cannot watch over a socket's connections: %s", zmq_strerror(-r)) : 0;
}

int bus_open_guarded(struct bus *b, enum lane lane, enum side side, const char *endpoint,
                     const struct bus_witness *witness, void **ret_socket, struct guarded **ret_guarded,
                     struct err *err)
{
    const struct bus_link link = { lane, side, endpoint, "" };
    void *socket = NULL;
    struct guarded *guarded = NULL;
    int r = make(b, &link, &socket, err);
    if (r == 0)
        r = put_under_guard(b, socket, witness, &guarded, err);
    if (r == 0)
        r = bind_or_connect(socket, &link, err);
    if (r < 0) {
        guarded_free(guarded);
        bus_close(socket);
        return r;
    }
    *ret_socket = socket;
    *ret_guarded = guarded;
    return 0;
}

void bus_close(void *socket)
{
    if (socket)
        zmq_close(socket);
}

int bus_endpoint(void *socket, char *buf, size_t size)
{
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, buf, &size) < 0)
        return -errno;
    endpoint_write_plainly(buf);
    return 0;
}

/* All that has been accepted ends with the old binding, at once, while the new one
 * must wait until libzmq's thread has let go of the port: a millisecond or two. */
int bus_rebind(void *socket, struct guarded *guarded, struct err *err)
{
    enum { TRIES = 500 };
    char at[ENDPOINT_MOST];
    size_t size = sizeof at;
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, at, &size) < 0 || zmq_unbind(socket, at) < 0)
        return err_set(err, -errno, "cannot stop listening: %s", zmq_strerror(errno));
    if (guarded)
        guarded_let_go(guarded);
    for (int i = 0; i < TRIES; i++) {
        if (zmq_bind(socket, at) == 0)
            return 0;
        if (errno != EADDRINUSE)
            break;
        usleep(1000);
    }
    return err_set(err, -errno, "cannot listen on %s again: %s", at, zmq_strerror(errno));
}

/* ── Sending ───────────────────────────────────────────────────────────── */

static int send_part(void *socket, const void *bytes, size_t len, int flags)
{
    while (zmq_send(socket, bytes, len, ZMQ_DONTWAIT | flags) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

int bus_send(void *socket, const void *bytes, size_t len)
{
    return len > BUS_MAX_BYTES ? -EMSGSIZE : send_part(socket, bytes, len, 0);
}

int bus_send_topic(void *socket, const char *topic, const void *bytes, size_t len)
{
    if (len > BUS_MAX_BYTES)
        return -EMSGSIZE;
    int r = send_part(socket, topic, strlen(topic), ZMQ_SNDMORE);
    return r < 0 ? r : send_part(socket, bytes, len, 0);
}

int bus_send_to(void *socket, const uint8_t *peer, size_t peer_len, const void *bytes, size_t len)
{
    if (len > BUS_MAX_BYTES)
        return -EMSGSIZE;
    int r = send_part(socket, peer, peer_len, ZMQ_SNDMORE);
    return r < 0 ? r : send_part(socket, bytes, len, 0);
}

/* ── Receiving ─────────────────────────────────────────────────────────── */

_Static_assert(sizeof(zmq_msg_t) <= sizeof(((struct bus_message *)0)->private_), "a zmq_msg_t fits");

static int receive(void *socket, zmq_msg_t *part)
{
    while (zmq_msg_recv(part, socket, ZMQ_DONTWAIT) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

/* "127.0.0.1", also where the socket that may do IPv6 says "::ffff:127.0.0.1". */
static const char *address_of(const zmq_msg_t *part)
{
    const char *address = zmq_msg_gets(part, "Peer-Address");
    if (!address)
        return "";
    return strncmp(address, "::ffff:", 7) == 0 && strchr(address, '.') ? address + 7 : address;
}

/* The rest of a message that has more parts than its lane allows. ZeroMQ hands
 * out a message whole, so all of it is here already. */
static int drop_rest(void *socket, zmq_msg_t *part, struct bus_message *m)
{
    snprintf(m->from, sizeof m->from, "%s", address_of(part));
    while (zmq_msg_more(part)) {
        zmq_msg_close(part);
        zmq_msg_init(part);
        if (receive(socket, part) < 0)
            break;
    }
    zmq_msg_close(part);
    return -EBADMSG;
}

static int take_head(void *socket, zmq_msg_t *part, int type, struct bus_message *m)
{
    size_t len = zmq_msg_size(part);
    if (!zmq_msg_more(part))
        return -EBADMSG;
    if (type == ZMQ_ROUTER) {
        if (len > sizeof m->peer)
            return -EBADMSG;
        memcpy(m->peer, zmq_msg_data(part), len);
        m->peer_len = len;
    } else {
        if (len >= sizeof m->topic)
            return -EBADMSG;
        memcpy(m->topic, zmq_msg_data(part), len);
        m->topic[len] = '\0';
    }
    zmq_msg_close(part);
    zmq_msg_init(part);
    int r = receive(socket, part);
    return r < 0 ? -EBADMSG : 0;
}

int bus_take(void *socket, struct bus_message *ret)
{
    zmq_msg_t *part = (zmq_msg_t *)(void *)ret->private_;
    int type = 0;
    size_t size = sizeof type;
    if (zmq_getsockopt(socket, ZMQ_TYPE, &type, &size) < 0)
        return -errno;

    ret->user.role = (enum access_role)0;
    ret->peer_len = 0;
    ret->topic[0] = ret->from[0] = '\0';
    zmq_msg_init(part);
    int r = receive(socket, part);
    if (r < 0)
        return r == -EAGAIN ? 0 : r;
    if ((type == ZMQ_ROUTER || type == ZMQ_SUB) && take_head(socket, part, type, ret) < 0)
        return drop_rest(socket, part, ret);
    if (zmq_msg_more(part))
        return drop_rest(socket, part, ret);

    ret->bytes = zmq_msg_data(part);
    ret->len = zmq_msg_size(part);
    access_user_read(zmq_msg_gets(part, "User-Id"), &ret->user);
    return 1;
}

void bus_message_done(struct bus_message *m)
{
    zmq_msg_close((zmq_msg_t *)(void *)m->private_);
}

const char *bus_message_from(const struct bus_message *m)
{
    return m->from[0] ? m->from : address_of((const zmq_msg_t *)(const void *)m->private_);
}
