#include "loadgen/visit.h"

#include "loadgen/request.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

enum { BYTES = 2048, TLS_RECORD = 22 };
#define IDLE_MS UINT64_C(60000)   /* somebody who connects and says nothing */
#define HANG_MS UINT64_C(3600000) /* "as long as the other side stays" */

enum state {
    STATE_FIRST_BYTE,
    STATE_HANDSHAKE,
    STATE_READ,
    STATE_WAIT, /* the answer is ready and its time has not come */
    STATE_HANG,
    STATE_WRITE,
    STATE_ENDED, /* its handles are being closed */
};

struct visit {
    uv_poll_t poll;
    uv_timer_t timer;
    struct visits *of;
    struct visit *prev, *next;
    SSL *ssl; /* NULL: plain */
    int fd;
    enum state state;
    int watched;      /* events asked for */
    unsigned handles; /* not closed yet */
    bool keep;
    uint16_t len, sent; /* of the request so far, or of the answer */
    char bytes[BYTES];
};

static struct serving *serving_of(const struct visit *v)
{
    return v->of->serving;
}

static void count(const struct visit *v, enum count what)
{
    tally_count(&v->of->tally->count[what]);
}

static mono_ns now_of(const struct visit *v)
{
    return (mono_ns)uv_now(v->of->loop) * NS_PER_MS;
}

/* xorshift64* (Vigna 2016): the luck of one request. */
static uint32_t draw(struct visits *v)
{
    v->luck ^= v->luck >> 12;
    v->luck ^= v->luck << 25;
    v->luck ^= v->luck >> 27;
    return (uint32_t)((v->luck * UINT64_C(0x2545f4914f6cdd1d)) >> 33) % PPM;
}

/* ── Its end ───────────────────────────────────────────────────────────── */

static void on_closed(uv_handle_t *handle)
{
    struct visit *v = handle->data;
    if (--v->handles == 0)
        free(v);
}

static void end(struct visit *v)
{
    if (v->state == STATE_ENDED)
        return;
    v->state = STATE_ENDED;
    uv_close((uv_handle_t *)&v->poll, on_closed);
    uv_close((uv_handle_t *)&v->timer, on_closed);
    SSL_free(v->ssl);
    close(v->fd);
    DL_DELETE(v->of->list, v);
    v->of->open--;
    count(v, COUNT_CLOSED);
}

static void end_by_reset(struct visit *v)
{
    const struct linger now = { .l_onoff = 1 };
    setsockopt(v->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    end(v);
}

/* The other side went away before it had its answer. */
static void end_early(struct visit *v)
{
    if (v->state == STATE_HANDSHAKE)
        count(v, COUNT_TLS_FAILED);
    else if (v->state == STATE_WAIT || v->state == STATE_WRITE)
        count(v, COUNT_EARLY);
    end(v);
}

/* ── Bytes in and out, plain or not ────────────────────────────────────── */

static void on_ready(uv_poll_t *poll, int status, int events);

static void watch(struct visit *v, int events)
{
    if (v->watched == events)
        return;
    v->watched = events;
    uv_poll_start(&v->poll, events, on_ready);
}

/* What OpenSSL's return value asks for: 0 with the events watched, or -EIO. */
static int tls_wants(struct visit *v, int r)
{
    switch (SSL_get_error(v->ssl, r)) {
    case SSL_ERROR_WANT_READ: watch(v, UV_READABLE); return 0;
    case SSL_ERROR_WANT_WRITE: watch(v, UV_WRITABLE); return 0;
    default: ERR_clear_error(); return -EIO;
    }
}

/* Bytes read or written, 0: later, -EIO: it is over. */
static int take_bytes(struct visit *v, char *to, int size)
{
    if (v->ssl) {
        int n = SSL_read(v->ssl, to, size);
        return n > 0 ? n : tls_wants(v, n);
    }
    ssize_t n = recv(v->fd, to, (size_t)size, 0);
    if (n > 0)
        return (int)n;
    watch(v, UV_READABLE);
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -EIO;
}

static int give_bytes(struct visit *v, const char *from, int size)
{
    if (v->ssl) {
        int n = SSL_write(v->ssl, from, size);
        return n > 0 ? n : tls_wants(v, n);
    }
    ssize_t n = send(v->fd, from, (size_t)size, MSG_NOSIGNAL);
    if (n > 0)
        return (int)n;
    watch(v, UV_WRITABLE);
    return errno == EAGAIN || errno == EINTR ? 0 : -EIO;
}

/* ── The answer ────────────────────────────────────────────────────────── */

static void read_request(struct visit *v);

static void on_time(uv_timer_t *timer);

static void wait_for(struct visit *v, enum state state, uint64_t ms)
{
    v->state = state;
    watch(v, UV_READABLE); /* to hear of it when the other side leaves */
    uv_timer_start(&v->timer, on_time, ms, 0);
}

static void write_answer(struct visit *v)
{
    v->state = STATE_WRITE;
    while (v->sent < v->len) {
        int n = give_bytes(v, v->bytes + v->sent, v->len - v->sent);
        if (n < 0)
            end_early(v);
        if (n <= 0)
            return;
        v->sent = (uint16_t)(v->sent + n);
    }
    if (!v->keep) {
        if (v->ssl)
            SSL_shutdown(v->ssl); /* says so, and does not wait for an answer */
        ERR_clear_error();
        end(v);
        return;
    }
    v->len = v->sent = 0;
    v->state = STATE_READ;
    watch(v, UV_READABLE);
    uv_timer_start(&v->timer, on_time, IDLE_MS, 0);
}

static void count_status(const struct visit *v, unsigned status)
{
    count(v, status < 300 ? COUNT_2XX : status < 400 ? COUNT_3XX : status < 500 ? COUNT_4XX : COUNT_5XX);
}

static void answer_after(struct visit *v, const struct request *q, unsigned status, const char *name,
                         int64_t us)
{
    char answer[ANSWER_SIZE];
    int len = answer_write(answer, sizeof answer, q, status, name);
    if (len < 0) {
        end(v);
        return;
    }
    memcpy(v->bytes, answer, (size_t)len);
    v->len = (uint16_t)len;
    v->sent = 0;
    v->keep = q->keep;
    count_status(v, status);
    if (us < US_PER_MS)
        write_answer(v);
    else
        wait_for(v, STATE_WAIT, (uint64_t)(us / US_PER_MS));
}

static void follow(struct visit *v, const struct request *q, const struct rule *rule, const char *name)
{
    int64_t us = latency_us(serving_of(v)->latency, draw(v->of));
    switch (rule ? rule->deed : DEED_COUNT) {
    case DEED_ANSWER: answer_after(v, q, rule->status, name, us); break;
    case DEED_SLOW: answer_after(v, q, 200, name, rule->us); break;
    case DEED_HANG:
        count(v, COUNT_HUNG);
        wait_for(v, STATE_HANG, rule->us ? (uint64_t)(rule->us / US_PER_MS) : HANG_MS);
        break;
    case DEED_REFUSE: /* whoever still believes the name's old address */
    case DEED_RESET:
        count(v, COUNT_CUT);
        end_by_reset(v);
        break;
    case DEED_CLOSE:
        count(v, COUNT_CUT);
        end(v);
        break;
    default: answer_after(v, q, 200, name, us);
    }
}

static void answer_request(struct visit *v, const struct request *q)
{
    const struct serving *s = serving_of(v);
    char name[CROWD_NAME_SIZE];
    uint32_t site = crowd_find(s->crowd, q->host, q->host_len);
    count(v, COUNT_REQUESTS);
    if (q->head)
        count(v, COUNT_HEAD);
    if (site == 0) {
        count(v, COUNT_STRANGERS);
        answer_after(v, q, 404, "nobody", 0);
        return;
    }
    serving_began(serving_of(v), now_of(v));
    crowd_name(s->crowd, site, name, sizeof name);
    int i = rules_find(s->rules, s->crowd, site, serving_since_us(s, now_of(v)), draw(v->of));
    if (i >= 0)
        tally_count(&v->of->tally->followed[i]);
    follow(v, q, i < 0 ? NULL : &s->rules->rule[i], name);
}

/* ── The request ───────────────────────────────────────────────────────── */

static void read_request(struct visit *v)
{
    struct request q;
    int n = take_bytes(v, v->bytes + v->len, BYTES - v->len);
    if (n < 0)
        end_early(v);
    if (n <= 0)
        return;
    v->len = (uint16_t)(v->len + n);
    int head = request_read(v->bytes, v->len, &q);
    if (head > 0) {
        answer_request(v, &q);
    } else if (head < 0 || v->len == BYTES) {
        count(v, COUNT_MALFORMED);
        end(v);
    } else {
        watch(v, UV_READABLE);
    }
}

static void shake_hands(struct visit *v)
{
    int r = SSL_do_handshake(v->ssl);
    if (r != 1) {
        if (tls_wants(v, r) < 0)
            end_early(v);
        return;
    }
    count(v, COUNT_HANDSHAKES);
    if (SSL_session_reused(v->ssl))
        count(v, COUNT_RESUMED);
    v->state = STATE_READ;
    read_request(v);
}

static void read_first_byte(struct visit *v)
{
    uint8_t byte;
    ssize_t n = recv(v->fd, &byte, 1, MSG_PEEK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        end(v);
        return;
    }
    v->state = STATE_READ;
    if (byte != TLS_RECORD) {
        read_request(v);
        return;
    }
    v->ssl = SSL_new(serving_of(v)->tls);
    if (!v->ssl || SSL_set_fd(v->ssl, v->fd) != 1) {
        end(v);
        return;
    }
    SSL_set_app_data(v->ssl, (void *)v);
    SSL_set_accept_state(v->ssl);
    v->state = STATE_HANDSHAKE;
    shake_hands(v);
}

/* While an answer waits, what else is said does not matter, but that somebody leaves does. */
static void hear_out(struct visit *v)
{
    char unheard[512];
    if (take_bytes(v, unheard, sizeof unheard) < 0)
        end_early(v);
}

/* ── The loop ──────────────────────────────────────────────────────────── */

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct visit *v = poll->data;
    (void)events;
    if (status < 0) {
        end_early(v);
        return;
    }
    switch (v->state) {
    case STATE_FIRST_BYTE: read_first_byte(v); break;
    case STATE_HANDSHAKE: shake_hands(v); break;
    case STATE_READ: read_request(v); break;
    case STATE_WAIT:
    case STATE_HANG: hear_out(v); break;
    case STATE_WRITE: write_answer(v); break;
    case STATE_ENDED: break;
    }
}

static void on_time(uv_timer_t *timer)
{
    struct visit *v = timer->data;
    if (v->state == STATE_WAIT)
        write_answer(v);
    else
        end_early(v);
}

void visit_begin(struct visits *of, int fd)
{
    tally_count(&of->tally->count[COUNT_CONNECTIONS]);
    struct visit *v = of->open < of->most ? malloc(sizeof *v) : NULL;
    if (v)
        memset(v, 0, offsetof(struct visit, bytes));
    if (!v || uv_poll_init_socket(of->loop, &v->poll, fd) < 0) {
        tally_count(&of->tally->count[COUNT_TURNED_AWAY]);
        tally_count(&of->tally->count[COUNT_CLOSED]);
        free(v);
        close(fd);
        return;
    }
    uv_timer_init(of->loop, &v->timer);
    v->poll.data = v->timer.data = v;
    v->handles = 2;
    v->of = of;
    v->fd = fd;
    of->open++;
    DL_PREPEND(of->list, v);
    uv_timer_start(&v->timer, on_time, IDLE_MS, 0);
    watch(v, UV_READABLE);
}

void visits_end(struct visits *v)
{
    while (v->list)
        end(v->list);
}

/* ── TLS ───────────────────────────────────────────────────────────────── */

/* Not called for a session that is resumed: there is no certificate then. */
static int on_certificate(SSL *ssl, void *arg)
{
    static const enum forged kinds[DEED_COUNT] = {
        [DEED_EXPIRED] = FORGED_EXPIRED,
        [DEED_WRONG_NAME] = FORGED_WRONG_NAME,
        [DEED_UNTRUSTED] = FORGED_UNTRUSTED,
    };
    (void)arg;
    struct visit *v = SSL_get_app_data(ssl);
    const struct serving *s = serving_of(v);
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    uint32_t site = name ? crowd_find(s->crowd, name, strlen(name)) : 0;
    if (site == 0)
        return forge_dress(s->forge, ssl, "nobody.test", FORGED_GOOD) == 0;
    int i = rules_find(s->rules, s->crowd, site, serving_since_us(s, now_of(v)), RULES_NO_REQUEST);
    enum forged kind = i < 0 ? FORGED_GOOD : kinds[s->rules->rule[i].deed];
    if (kind != FORGED_GOOD) /* the request that would be counted never comes */
        tally_count(&v->of->tally->followed[i]);
    return forge_dress(s->forge, ssl, name, kind) == 0;
}

int visit_tls_new(SSL_CTX **ret, bool resume)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (!tls)
        return -ENOMEM;
    SSL_CTX_set_cert_cb(tls, on_certificate, NULL);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF); /* tickets need none */
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_num_tickets(tls, resume ? 2 : 0);
    if (!resume)
        SSL_CTX_set_options(tls, SSL_OP_NO_TICKET);
    *ret = tls;
    return 0;
}
