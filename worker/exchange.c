#include "worker/exchange.h"

#include "common/scope.h"
#include "worker/match.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of libcurl's buffers for each transfer: what its options' manual pages allow. */
enum { READ_BYTES = 2048, SEND_BYTES = 16384 };

static void enter(struct exchange *x, enum phase p)
{
    x->answer.phase = p;
    if (x->answer.at[p] == 0)
        x->answer.at[p] = clock_mono();
}

/* ── What libcurl tells us on the way ──────────────────────────────────── */

/* The last door: the very address that is about to be connected to. */
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct exchange *x = arg;
    struct address a;
    (void)purpose;

    enter(x, PHASE_CONNECT);
    if (address_from(&to->addr, to->addrlen, &a) < 0 || !address_allowed(x->kit->policy, &a)) {
        x->answer.marks |= MARK_POLICY;
        return CURL_SOCKET_BAD;
    }
    int fd = socket(to->family, to->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->protocol);
    if (fd < 0)
        x->answer.os_errno = errno;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static CURLcode on_tls(CURL *easy, void *ctx, void *arg)
{
    struct exchange *x = arg;
    (void)easy;
    enter(x, PHASE_TLS);
    if (tls_set_up(x->kit->tls, ctx, &x->answer.peer) < 0) {
        x->answer.marks |= MARK_NO_ROOTS;
        return CURLE_ABORTED_BY_CALLBACK;
    }
    return CURLE_OK;
}

/* Nothing is sent to a peer whose certificate was not proved. */
static int on_send(void *arg, char *peer_ip, char *local_ip, int peer_port, int local_port)
{
    struct exchange *x = arg;
    (void)peer_ip, (void)local_ip, (void)peer_port, (void)local_port;
    if (x->request->parts->https && !tls_proved(&x->answer.peer)) {
        x->answer.marks |= MARK_NO_ROOTS;
        return CURL_PREREQFUNC_ABORT;
    }
    enter(x, PHASE_SENT);
    return CURL_PREREQFUNC_OK;
}

static void forget_location(struct exchange *x)
{
    free(moved(x->location));
    x->answer.has_location = false;
    x->answer.location = "";
}

static void read_location(struct exchange *x, const char *value, size_t len)
{
    if (x->answer.has_location) /* the first counts, as with libcurl */
        return;
    x->answer.has_location = true;
    if (len > SITE_MAX_URL || memchr(value, '\0', len))
        return;
    x->location = strndup(value, len);
    if (x->location)
        x->answer.location = x->location;
}

static void read_field(struct exchange *x, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (!colon)
        return;
    struct exchange_answer *a = &x->answer;
    size_t name_len = (size_t)(colon - line);
    const char *value = colon + 1, *end = line + len;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    size_t value_len = (size_t)(end - value);

    if (name_len == 8 && strncasecmp(line, "location", 8) == 0)
        read_location(x, value, value_len);
    else if (name_len == 11 && strncasecmp(line, "retry-after", 11) == 0)
        snprintf(a->retry_after, sizeof a->retry_after, "%.*s", (int)value_len, value);
    else if (name_len == 10 && strncasecmp(line, "set-cookie", 10) == 0)
        a->cookies = true;
    else if (match_header_is_filter(line, name_len, value, value_len))
        a->filtered = true;
}

/* "HTTP/1.1 200 OK": a new header begins, and what an interim one said is over. */
static void read_status(struct exchange *x, const char *line, size_t len)
{
    struct exchange_answer *a = &x->answer;
    const char *space = memchr(line, ' ', len);
    unsigned status = 0;
    for (const char *p = space ? space + 1 : line; p < line + len && *p >= '0' && *p <= '9' && status < 1000;
         p++)
        status = status * 10 + (unsigned)(*p - '0');
    x->status = status;
    a->filtered = false;
    a->retry_after[0] = '\0';
    forget_location(x);
}

/* The header is complete. Is anything behind it of use? */
static bool wants_body(struct exchange *x)
{
    if (x->status < 200) { /* interim: we still wait for the answer */
        x->answer.phase = PHASE_SENT;
        x->answer.at[PHASE_HEAD] = 0;
        return true;
    }
    x->answer.status = x->status;
    enter(x, PHASE_BODY);
    if (x->request->head)
        return true; /* there is none: libcurl ends by itself */
    const struct keyword *k = x->request->keyword;
    return k && !k->found && status_set_has(x->request->accepted, x->status) &&
           !(match_follows(x->request->accepted, x->status) && x->answer.has_location);
}

static size_t on_header(char *line, size_t one, size_t size, void *arg)
{
    struct exchange *x = arg;
    size_t len = one * size;

    if (x->answer.status != 0) /* trailers behind a chunked body */
        return len;
    enter(x, PHASE_HEAD);
    x->head_bytes += len;
    if (x->head_bytes > EXCHANGE_MAX_HEAD || ++x->head_lines > EXCHANGE_MAX_LINES) {
        x->answer.marks |= MARK_HEAD_TOO_LONG;
        return 0;
    }
    size_t text = len;
    while (text > 0 && (line[text - 1] == '\n' || line[text - 1] == '\r'))
        text--;
    if (text == 0) {
        x->knows_enough = !wants_body(x);
        return x->knows_enough ? 0 : len;
    }
    if (text >= 5 && memcmp(line, "HTTP/", 5) == 0)
        read_status(x, line, text);
    else
        read_field(x, line, text);
    return len;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *arg)
{
    struct exchange *x = arg;
    size_t len = one * size;
    struct keyword *k = x->request->keyword;

    if (k && !x->request->head && keyword_feed(k, bytes, len))
        return len;
    x->knows_enough = true;
    return CURL_WRITEFUNC_ERROR;
}

/* ── Beginning ─────────────────────────────────────────────────────────── */

struct curl_slist *exchange_headers(const char *user_agent)
{
    char who[300];
    snprintf(who, sizeof who, "User-Agent: %s", user_agent); /* libcurl's own option formats it twice */
    const char *const lines[] = {
        /* A bare star breaks some sites. libcurl prints headers byte by byte, 80 instructions each. */
        who, "Accept: text/html,*/*;q=0.8",
        "Connection: close", /* then the server closes first and keeps the TIME_WAIT */
    };
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct curl_slist *longer = curl_slist_append(list, lines[i]);
        if (!longer) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

/* Each option of a handle is either here, once for all transfers, or is set anew
 * by each exchange below: nothing is left from the exchange before.
 *
 * VERIFYPEER is off because `verify` in tls.c does it; see there. SESSIONID_CACHE
 * is off because libcurl resumes sessions of certificates that have expired: which one
 * is resumed, tls.c decides as well. */
void exchange_prepare(CURL *e)
{
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_DNS_CACHE_TIMEOUT, 0L); /* that cache is searched as a list */
    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);        /* never wait for a resolver's thread */
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)READ_BYTES);
    curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, (long)SEND_BYTES);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_send);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, on_tls);
}

/* Whatever host and port the URL has: connect there. Unlike CURLOPT_RESOLVE it
 * needs no entry that could fail to match, in which case libcurl would ask for
 * the name with a thread of its own. */
static void set_address(struct exchange *x)
{
    char text[ADDRESS_SIZE];
    bool v6 = address_family(x->request->to) == AF_INET6;
    address_format(text, x->request->to);
    snprintf(x->connect_to_text, sizeof x->connect_to_text, v6 ? "::[%s]:%u" : "::%s:%u", text,
             x->request->parts->port);
    x->connect_to = (struct curl_slist){ .data = x->connect_to_text };
    curl_easy_setopt(x->easy, CURLOPT_CONNECT_TO, &x->connect_to);
}

static void set_request(struct exchange *x)
{
    const struct exchange_request *q = x->request;
    CURL *e = x->easy;
    curl_easy_setopt(e, CURLOPT_URL, q->url);
    curl_easy_setopt(e, CURLOPT_NOBODY, q->head ? 1L : 0L);
    if (!q->head)
        curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, q->keyword ? "gzip" : NULL);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, x->kit->headers);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)q->timeout_ms);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)q->timeout_ms);
    /* A plain request is one segment, for which Nagle's algorithm does not wait. */
    curl_easy_setopt(e, CURLOPT_TCP_NODELAY, q->parts->https ? 1L : 0L);
}

static void set_callers(struct exchange *x)
{
    CURL *e = x->easy;
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, x);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, x);
    curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, x);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, x->answer.words);
    curl_easy_setopt(e, CURLOPT_PRIVATE, x);
}

static void clear_answer(struct exchange *x)
{
    memset(&x->answer, 0, offsetof(struct exchange_answer, words));
    x->answer.words[0] = '\0';
    forget_location(x);
}

int exchange_begin(struct exchange *x, const struct exchange_kit *kit, const struct exchange_request *request,
                   exchange_fn *fn, void *arg)
{
    if (!x->easy)
        x->easy = transfers_handle(kit->transfers);
    if (!x->easy)
        return -ENOMEM;
    x->kit = kit;
    x->request = request;
    x->done = fn;
    x->arg = arg;
    x->knows_enough = false;
    x->head_bytes = x->head_lines = 0;
    x->status = 0;
    clear_answer(x);
    if (request->parts->https) {
        x->answer.peer.host = request->parts->host;
        x->answer.peer.port = request->parts->port;
        x->answer.peer.full = request->full_handshake;
        x->answer.peer.numeric = request->parts->numeric;
    }
    set_address(x);
    set_request(x);
    set_callers(x);
    x->answer.at[PHASE_NONE] = clock_mono();
    int r = transfers_begin(kit->transfers, x->easy, &x->group);
    x->under_way = r == 0;
    return r;
}

/* ── Ending ────────────────────────────────────────────────────────────── */

static void read_code(struct exchange *x, CURLcode code)
{
    struct exchange_answer *a = &x->answer;
    long os_errno = 0;

    curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &os_errno);
    if (a->os_errno == 0)
        a->os_errno = (int)os_errno;
    if (code != CURLE_OK && x->knows_enough)
        code = CURLE_OK;
    a->code = code;
    if (code == CURLE_OK && a->status == 0)
        a->marks |= MARK_HEAD_CUT; /* libcurl takes a header without its end for an answer */
    if (strstr(a->words, "alert"))
        a->marks |= MARK_TLS_ALERT;
    if (strstr(a->words, "unexpected eof"))
        a->marks |= MARK_TLS_CUT;
}

void exchange_finished(void *arg, CURL *easy, CURLcode code)
{
    struct exchange *x = arg;
    (void)easy;
    x->under_way = false;
    tls_part(&x->answer.peer);
    read_code(x, code);
    x->done(x->arg, &x->answer);
}

void exchange_stop(struct exchange *x)
{
    if (!x->under_way)
        return;
    transfers_end(x->kit->transfers, x->easy, x->group);
    tls_part(&x->answer.peer);
    x->under_way = false;
}

void exchange_forget(struct exchange *x)
{
    if (x->easy)
        curl_easy_setopt(x->easy, CURLOPT_COOKIELIST, "ALL");
}

void exchange_done(struct exchange *x)
{
    forget_location(x);
    if (!x->easy)
        return;
    exchange_stop(x);
    exchange_forget(x);
    curl_easy_setopt(x->easy, CURLOPT_ERRORBUFFER, NULL);
    transfers_give_back(x->kit->transfers, x->easy);
    x->easy = NULL;
}

struct trouble exchange_trouble(const struct exchange_answer *a, int code)
{
    return (struct trouble){
        .phase = a->phase,
        .code = code,
        .os_errno = code == CURLE_OPERATION_TIMEDOUT ? 0 : a->os_errno,
        .x509 = a->peer.asked ? a->peer.x509 : 0,
        .marks = a->marks,
    };
}
