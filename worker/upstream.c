#include "worker/upstream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { TIMEOUT_MS = 1500, TRIES = 2 }; /* c-ares doubles the wait: 1.5 s, then 3 s */

/* A thousand names a second come over one socket. The system's usual 208 KiB hold some
 * 250 answers, which a turn of 100 ms overflows; what is lost looks like silence. As
 * far as net.core.rmem_max allows. */
enum { RECEIVE_BYTES = 4 << 20 };

struct link { /* ties one of c-ares' sockets to libuv's watch on it */
    uv_poll_t uv;
    struct upstream *upstream;
    ares_socket_t fd;
    int events; /* wanted: UV_READABLE, UV_WRITABLE */
    struct link *prev, *next;
};

struct upstream {
    struct loop *loop;
    ares_channel channel;
    struct link *links;
    unsigned pending;
    bool leaving; /* being freed: who asked is gone */
};

struct question {
    struct upstream *upstream;
    upstream_fn *fn;
    void *arg;
};

/* ── What the loop tells us, passed on to c-ares ───────────────────────── */

static void on_socket(uv_poll_t *uv, int status, int events)
{
    struct link *k = uv->data;
    ares_socket_t fd = k->fd;
    if (status < 0) /* libuv stops watching a socket that has an error; c-ares must read it first */
        uv_poll_start(&k->uv, k->events, on_socket);
    bool readable = status < 0 || (events & UV_READABLE), writable = status < 0 || (events & UV_WRITABLE);
    /* k may be gone after the next line */
    ares_process_fd(k->upstream->channel, readable ? fd : ARES_SOCKET_BAD, writable ? fd : ARES_SOCKET_BAD);
}

void upstream_tick(struct upstream *u)
{
    ares_process_fd(u->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

/* ── What c-ares tells us, passed on to the loop ───────────────────────── */

static void on_closed(uv_handle_t *uv)
{
    free(uv); /* the handle is the first member of its link */
}

static struct link *find_link(const struct upstream *u, ares_socket_t fd)
{
    struct link *k;
    DL_FOREACH (u->links, k)
        if (k->fd == fd)
            return k;
    return NULL;
}

static struct link *new_link(struct upstream *u, ares_socket_t fd)
{
    struct link *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    if (uv_poll_init_socket(loop_uv(u->loop), &k->uv, fd) < 0) {
        free(k);
        return NULL;
    }
    k->uv.data = k;
    k->upstream = u;
    k->fd = fd;
    DL_APPEND(u->links, k);
    return k;
}

/* A socket without a link is one whose answers never arrive: its questions time
 * out, and that is what happens when memory is short. */
static void socket_wanted(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct upstream *u = arg;
    struct link *k = find_link(u, fd);

    if (!readable && !writable) {
        if (k) {
            DL_DELETE(u->links, k);
            uv_close((uv_handle_t *)&k->uv, on_closed);
        }
        return;
    }
    if (!k)
        k = new_link(u, fd);
    if (!k)
        return;
    k->events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
    uv_poll_start(&k->uv, k->events, on_socket);
}

/* ── Life ──────────────────────────────────────────────────────────────── */

static int set_server(struct upstream *u, const struct address *server)
{
    struct ares_addr_port_node node = { .family = address_family(server) };
    uint16_t port;
    if (node.family == AF_INET) {
        node.addr.addr4 = server->v4.sin_addr;
        port = ntohs(server->v4.sin_port);
    } else {
        memcpy(&node.addr.addr6, &server->v6.sin6_addr, sizeof node.addr.addr6);
        port = ntohs(server->v6.sin6_port);
    }
    node.udp_port = node.tcp_port = port;
    return ares_set_servers_ports(u->channel, &node);
}

int upstream_new(struct upstream **ret, struct loop *l, const struct address *server, struct err *err)
{
    struct upstream *u = calloc(1, sizeof *u);
    if (!u)
        return err_set(err, -ENOMEM, "no memory for a name server");
    u->loop = l;

    /* NOCHECKRESP: SERVFAIL and REFUSED are answers, which we want to tell apart
     * from silence. LOOKUPS "b": DNS only, no /etc/hosts. */
    struct ares_options o = {
        .flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_STAYOPEN | ARES_FLAG_NOSEARCH,
        .timeout = TIMEOUT_MS,
        .tries = TRIES,
        .lookups = (char[]){ "b" },
        .sock_state_cb = socket_wanted,
        .sock_state_cb_data = u,
        .socket_receive_buffer_size = RECEIVE_BYTES,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
               ARES_OPT_SOCK_STATE_CB | ARES_OPT_SOCK_RCVBUF | ARES_OPT_DOMAINS;
    int status = ares_init_options(&u->channel, &o, mask);
    if (status == ARES_SUCCESS)
        status = set_server(u, server);
    if (status != ARES_SUCCESS) {
        upstream_free(u);
        return err_set(err, -EIO, "c-ares: %s", ares_strerror(status));
    }
    *ret = u;
    return 0;
}

void upstream_free(struct upstream *u)
{
    if (!u)
        return;
    u->leaving = true;
    if (u->channel)
        ares_destroy(u->channel); /* tells everybody who waits, and gives its sockets back */
    free(u);
}

/* ── Asking ────────────────────────────────────────────────────────────── */

static enum name_status status_of(int ares)
{
    static const struct {
        int ares;
        enum name_status status;
    } rows[] = {
        {ARES_SUCCESS,       NAME_OK         },
        { ARES_ENODATA,      NAME_NODATA     },
        { ARES_ENOTFOUND,    NAME_NXDOMAIN   },
        { ARES_ESERVFAIL,    NAME_SERVFAIL   },
        { ARES_EREFUSED,     NAME_REFUSED    },
        { ARES_ETIMEOUT,     NAME_TIMEOUT    },
        { ARES_ECONNREFUSED, NAME_UNREACHABLE},
        { ARES_EBADNAME,     NAME_IMPOSSIBLE },
        { ARES_ENOMEM,       NAME_NO_MEMORY  },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].ares == ares)
            return rows[i].status;
    return NAME_GARBLED; /* EFORMERR, ENOTIMP, EBADRESP, EBADQUERY, ... */
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
    (void)timeouts;
    struct question q = *(struct question *)arg;
    free(arg);
    q.upstream->pending--;
    if (!q.upstream->leaving)
        q.fn(q.arg, status_of(status), bytes, bytes ? len : 0);
}

void upstream_ask(struct upstream *u, const char *name, int type, upstream_fn *fn, void *arg)
{
    struct question *q = malloc(sizeof *q);
    if (!q) {
        fn(arg, NAME_NO_MEMORY, NULL, 0);
        return;
    }
    *q = (struct question){ .upstream = u, .fn = fn, .arg = arg };
    u->pending++;
    ares_query(u->channel, name, ns_c_in, type, on_answer, q);
}

unsigned upstream_pending(const struct upstream *u)
{
    return u->pending;
}

/* ── Reading ───────────────────────────────────────────────────────────── */

static void shorten(uint32_t *ttl_s, int ttl)
{
    if (ttl >= 0 && (uint32_t)ttl < *ttl_s)
        *ttl_s = (uint32_t)ttl;
}

static int read_v4(const unsigned char *bytes, int len, struct address *ret, int max, uint32_t *ttl_s)
{
    struct ares_addrttl at[DNS_MAX_ADDRESSES];
    int status = ares_parse_a_reply(bytes, len, NULL, at, &max);
    if (status != ARES_SUCCESS)
        return status == ARES_ENODATA ? 0 : -EBADMSG;
    for (int i = 0; i < max; i++) {
        ret[i] = (struct address){
            .v4 = {.sin_family = AF_INET, .sin_addr = at[i].ipaddr}
        };
        shorten(ttl_s, at[i].ttl);
    }
    return max;
}

static int read_v6(const unsigned char *bytes, int len, struct address *ret, int max, uint32_t *ttl_s)
{
    struct ares_addr6ttl at[DNS_MAX_ADDRESSES];
    int status = ares_parse_aaaa_reply(bytes, len, NULL, at, &max);
    if (status != ARES_SUCCESS)
        return status == ARES_ENODATA ? 0 : -EBADMSG;
    for (int i = 0; i < max; i++) {
        ret[i] = (struct address){ .v6 = { .sin6_family = AF_INET6 } };
        memcpy(&ret[i].v6.sin6_addr, &at[i].ip6addr, sizeof ret[i].v6.sin6_addr);
        shorten(ttl_s, at[i].ttl);
    }
    return max;
}

int upstream_addresses(const unsigned char *bytes, int len, int type, struct address ret[DNS_MAX_ADDRESSES],
                       uint32_t *ttl_s)
{
    return type == ns_t_a ? read_v4(bytes, len, ret, DNS_MAX_ADDRESSES, ttl_s)
                          : read_v6(bytes, len, ret, DNS_MAX_ADDRESSES, ttl_s);
}
