#include "common/bus.h"

#include "common/network.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

struct bus {
    void *context;
    pthread_mutex_t lock;
    struct busguard *guard; /* from the first guarded socket on; under the lock */
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
 *   ends, since a peer's heartbeats find only the other one dead.
 * feed: whoever is too slow misses something; nobody waits for a subscriber.
 *
 * Everywhere: a handshake may take 5 s and not ZeroMQ's 30, so that silent
 * connections free their descriptors; connecting is given up after 3 s, or a
 * healed network would be noticed only when SYN's back-off allows; reconnecting
 * is jittered between 0.2 s and 5 s.
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
    free(b);
}

/* ── Endpoints ─────────────────────────────────────────────────────────── */

static bool is_port(const char *text)
{
    char *end;
    if (strcmp(text, "*") == 0)
        return true;
    long n = text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : 0;
    return n > 0 && n < 65536 && *end == '\0';
}

int bus_endpoint_check(const char *endpoint, struct err *err)
{
    if (strncmp(endpoint, "ipc://", 6) == 0 || strncmp(endpoint, "inproc://", 9) == 0) {
        if (strchr(endpoint, ':')[3] == '\0')
            return err_set(err, -EINVAL, "'%.120s' names no path", endpoint);
        if (strlen(endpoint) > 100) /* sockaddr_un holds 107 bytes, see unix(7) */
            return err_set(err, -EINVAL, "'%.120s' is a longer path than a socket may have", endpoint);
        return 0;
    }
    char host[64] = "";
    const char *rest = strncmp(endpoint, "tcp://", 6) == 0 ? endpoint + 6 : NULL;
    const char *colon = rest ? strrchr(rest, ':') : NULL;
    if (!colon || (size_t)(colon - rest) >= sizeof host || !is_port(colon + 1))
        return err_set(err, -EINVAL, "'%.120s' is not an endpoint like tcp://127.0.0.1:7711 or ipc:///run/x",
                       endpoint);
    memcpy(host, rest, (size_t)(colon - rest));
    if (!network_is_loopback(host))
        return err_set(err, -EINVAL,
                       "'%.120s' is not on a loopback address: links to other hosts need keys, which this "
                       "version does not have yet",
                       endpoint);
    return 0;
}

/* ── Sockets ───────────────────────────────────────────────────────────── */

static int set(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) < 0 ? -errno : 0;
}

static int set_options(void *socket, const struct lane_row *row)
{
    const struct {
        int option, value;
        bool wanted;
    } options[] = {
        {ZMQ_SNDHWM,               row->sndhwm,       true                                },
        { ZMQ_RCVHWM,              row->rcvhwm,       true                                },
        { ZMQ_SNDBUF,              row->buffer_bytes, row->buffer_bytes > 0               },
        { ZMQ_RCVBUF,              row->buffer_bytes, row->buffer_bytes > 0               },
        { ZMQ_LINGER,              row->linger_ms,    true                                },
        { ZMQ_IMMEDIATE,           1,                 row->type == ZMQ_PUSH && !row->binds},
        { ZMQ_HEARTBEAT_IVL,       1000,              row->heartbeat                      },
        { ZMQ_HEARTBEAT_TIMEOUT,   3000,              row->heartbeat                      },
        { ZMQ_TCP_MAXRT,           row->maxrt_ms,     true                                },
        { ZMQ_TCP_KEEPALIVE,       1,                 true                                },
        { ZMQ_TCP_KEEPALIVE_IDLE,  10,                true                                },
        { ZMQ_TCP_KEEPALIVE_INTVL, 5,                 true                                },
        { ZMQ_TCP_KEEPALIVE_CNT,   3,                 true                                },
        { ZMQ_CONNECT_TIMEOUT,     3000,              !row->binds                         },
        { ZMQ_RECONNECT_IVL,       200,               !row->binds                         },
        { ZMQ_RECONNECT_IVL_MAX,   5000,              !row->binds                         },
        { ZMQ_HANDSHAKE_IVL,       5000,              true                                },
        { ZMQ_BACKLOG,             1024,              row->binds                          },
        { ZMQ_ROUTER_MANDATORY,    1,                 row->type == ZMQ_ROUTER             },
        { ZMQ_IPV6,                1,                 true                                },
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

static int make(struct bus *b, const struct lane_row *row, void **ret, struct err *err)
{
    void *socket = zmq_socket(b->context, row->type);
    if (!socket)
        return err_set(err, -errno, "cannot make a socket: %s", zmq_strerror(errno));
    int r = set_options(socket, row);
    if (r < 0) {
        bus_close(socket);
        return err_set(err, r, "cannot set a socket's options: %s", zmq_strerror(-r));
    }
    *ret = socket;
    return 0;
}

static int bind_or_connect(void *socket, const struct lane_row *row, const char *endpoint, struct err *err)
{
    if ((row->binds ? zmq_bind(socket, endpoint) : zmq_connect(socket, endpoint)) == 0)
        return 0;
    return err_set(err, -errno, "cannot %s %s: %s", row->binds ? "listen on" : "connect to", endpoint,
                   zmq_strerror(errno));
}

int bus_open(struct bus *b, enum lane lane, enum side side, const char *endpoint, void **ret_socket,
             struct err *err)
{
    const struct lane_row *row = &lanes[lane][side];
    void *socket = NULL;
    int r = bus_endpoint_check(endpoint, err);
    if (r == 0)
        r = make(b, row, &socket, err);
    if (r == 0)
        r = bind_or_connect(socket, row, endpoint, err);
    if (r < 0)
        bus_close(socket);
    else
        *ret_socket = socket;
    return r;
}

static int have_guard(struct bus *b)
{
    pthread_mutex_lock(&b->lock);
    int r = b->guard ? 0 : busguard_new(&b->guard, b->context);
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
    const struct lane_row *row = &lanes[lane][side];
    void *socket = NULL;
    struct guarded *guarded = NULL;
    int r = bus_endpoint_check(endpoint, err);
    if (r == 0)
        r = make(b, row, &socket, err);
    if (r == 0)
        r = put_under_guard(b, socket, witness, &guarded, err);
    if (r == 0)
        r = bind_or_connect(socket, row, endpoint, err);
    if (r < 0) {
        guarded_free(guarded);
        bus_close(socket);
        return r;
    }
    *ret_socket = socket;
    *ret_guarded = guarded;
    return 0;
}

int bus_connect(void *socket, const char *endpoint, struct err *err)
{
    int r = bus_endpoint_check(endpoint, err);
    if (r < 0)
        return r;
    if (zmq_connect(socket, endpoint) < 0)
        return err_set(err, -errno, "cannot connect to %s: %s", endpoint, zmq_strerror(errno));
    return 0;
}

void bus_close(void *socket)
{
    if (socket)
        zmq_close(socket);
}

/* A socket that may do IPv6 names an IPv4 address as "[::ffff:127.0.0.1]": the
 * plain writing is what others connect to and bus_endpoint_check knows. */
static void write_plainly(char *endpoint)
{
    static const char mapped[] = "tcp://[::ffff:";
    char *end = strrchr(endpoint, ']'), *address = endpoint + sizeof mapped - 1;
    if (strncmp(endpoint, mapped, sizeof mapped - 1) != 0 || !end ||
        !memchr(address, '.', (size_t)(end - address)))
        return;
    size_t len = (size_t)(end - address);
    memmove(endpoint + 6, address, len);
    memmove(endpoint + 6 + len, end + 1, strlen(end + 1) + 1);
}

int bus_endpoint(void *socket, char *buf, size_t size)
{
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, buf, &size) < 0)
        return -errno;
    write_plainly(buf);
    return 0;
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
