#include "common/pages.h"

#include "common/listen.h"
#include "common/log.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Threads and what they share
 *
 * The loop's thread makes and frees everything, and once a second looks for connections that have lived too
 * long. libmicrohttpd's threads answer. They share the board, which has a lock of its own, and the list of
 * connections, which is under `lock`: libmicrohttpd says that a connection ends before it closes its
 * descriptor, so one that is in the list is open, and is the same one still.
 */

#define LOOK_NS NS_PER_S
enum { STACK_BYTES = 512 * 1024, BACKLOG = 32, BLOCK_BYTES = 32 * 1024 };

struct visit {
    struct MHD_Connection *connection;
    int fd;
    mono_ns since;
};

struct pages {
    struct loop_timer timer; /* first: its handle's end is ours */
    struct loop *loop;
    struct board *board;
    struct listen_place place;
    char place_text[LISTEN_SIZE], at[LISTEN_SIZE];
    mono_ns live, try_again;
    struct MHD_Daemon *server; /* NULL while the place is taken */
    bool told;                 /* that it is */
    mono_ns try_at;
    struct pages_long more; /* path NULL: none */
    pthread_mutex_t lock;
    unsigned n_streams;
    struct visit visit[PAGES_MAX_CONNECTIONS];
    unsigned n_visits;
};

/* ── What is shown ─────────────────────────────────────────────────────── */

static unsigned show_metrics(struct pages *p, struct text *out)
{
    board_write(p->board, clock_mono(), out);
    return MHD_HTTP_OK;
}

static unsigned show_healthy(struct pages *p, struct text *out)
{
    if (!board_healthy(p->board, clock_mono(), out))
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    text_add(out, "healthy\n");
    return MHD_HTTP_OK;
}

static unsigned show_ready(struct pages *p, struct text *out)
{
    if (!board_ready(p->board, clock_mono(), out))
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    text_add(out, "ready\n");
    return MHD_HTTP_OK;
}

static unsigned show_list(struct pages *p, struct text *out);

static const struct page {
    const char *path, *type;
    unsigned (*show)(struct pages *p, struct text *out);
} pages[] = {
    {"/",           "text/plain; charset=utf-8", show_list   },
    { "/metrics",   METRICS_CONTENT_TYPE,        show_metrics},
    { "/-/healthy", "text/plain; charset=utf-8", show_healthy},
    { "/-/ready",   "text/plain; charset=utf-8", show_ready  },
};

static unsigned show_list(struct pages *p, struct text *out)
{
    for (size_t i = 1; i < sizeof pages / sizeof *pages; i++)
        text_addf(out, "%s\n", pages[i].path);
    if (p->more.path)
        text_addf(out, "%s\n", p->more.path);
    return MHD_HTTP_OK;
}

/* ── Answering ─────────────────────────────────────────────────────────── */

/* Takes the response. One for each connection, or one that is kept open would hold its place. */
static enum MHD_Result queue(struct MHD_Connection *c, unsigned status, const char *type,
                             struct MHD_Response *r)
{
    if (!r)
        return MHD_NO;
    enum MHD_Result e = MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (e == MHD_YES)
        e = MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
    if (e == MHD_YES)
        e = MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    if (e == MHD_YES && status == MHD_HTTP_METHOD_NOT_ALLOWED)
        e = MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    if (e == MHD_YES)
        e = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return e;
}

/* Takes what is in the text. */
static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const char *type, struct text *body)
{
    size_t len = body->len;
    struct MHD_Response *r =
        len ? MHD_create_response_from_buffer(len, moved(body->at), MHD_RESPMEM_MUST_FREE)
            : MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    *body = (struct text)TEXT_UP_TO(0);
    return queue(c, status, type, r);
}

static enum MHD_Result refuse(struct MHD_Connection *c, unsigned status, const char *why)
{
    struct text body = TEXT_UP_TO(1024);
    text_addf(&body, "%s\n", why);
    enum MHD_Result e = answer(c, status, "text/plain; charset=utf-8", &body);
    text_done(&body);
    return e;
}

static const struct page *find_page(const char *path)
{
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (strcmp(pages[i].path, path) == 0)
            return &pages[i];
    return NULL;
}

/* ── Long pages ────────────────────────────────────────────────────────── */

struct reading { /* of a long page */
    struct pages *pages;
    struct pagestream *stream;
};

/* In the connection's own thread, which may wait. */
static ssize_t on_read(void *arg, uint64_t at, char *buf, size_t size)
{
    struct reading *r = arg;
    (void)at;
    ssize_t n = pagestream_read(r->stream, buf, size);
    return n > 0 ? n : n == 0 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

static bool take_stream(struct pages *p, int by)
{
    pthread_mutex_lock(&p->lock);
    bool room = by < 0 || p->n_streams < PAGES_MAX_STREAMS;
    if (room)
        p->n_streams += (unsigned)by;
    pthread_mutex_unlock(&p->lock);
    return room;
}

static void on_read_all(void *arg)
{
    struct reading *r = arg;
    pagestream_free(r->stream);
    take_stream(r->pages, -1);
    free(r);
}

static enum MHD_Result show_long(struct pages *p, struct MHD_Connection *c)
{
    if (!take_stream(p, 1))
        return refuse(c, MHD_HTTP_SERVICE_UNAVAILABLE, "others are reading this page: try again later");
    struct reading *r = calloc(1, sizeof *r);
    if (!r || pagestream_new(&r->stream, p->more.fn, p->more.arg,
                             MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "site")) < 0) {
        free(r);
        take_stream(p, -1);
        return refuse(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "memory, descriptors or threads are short");
    }
    r->pages = p;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_read, r, on_read_all);
    if (!response)
        on_read_all(r);
    return queue(c, MHD_HTTP_OK, METRICS_CONTENT_TYPE, response);
}

/* ── Requests ──────────────────────────────────────────────────────────── */

/* Called when the request's head is there; answered at once, so that nothing behind it is read. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *path, const char *method,
                                  const char *version, const char *data, size_t *data_len, void **own)
{
    struct pages *p = arg;
    (void)version, (void)data, (void)data_len, (void)own;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return refuse(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD");
    const struct page *page = find_page(path);
    if (!page && p->more.path && strcmp(path, p->more.path) == 0)
        return show_long(p, c);
    if (!page)
        return refuse(c, MHD_HTTP_NOT_FOUND, "there is no such page; / lists those that there are");
    scoped(text) struct text body = TEXT_UP_TO(PAGES_MAX_BYTES);
    unsigned status = page->show(p, &body);
    if (body.failed)
        return refuse(c, MHD_HTTP_INTERNAL_SERVER_ERROR,
                      "the page is larger than it may be, or memory is short");
    return answer(c, status, page->type, &body);
}

/* ── Visits ────────────────────────────────────────────────────────────── */

static int descriptor_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    return i ? i->connect_fd : -1;
}

static void on_visit(void *arg, struct MHD_Connection *c, void **own,
                     enum MHD_ConnectionNotificationCode what)
{
    struct pages *p = arg;
    int fd = what == MHD_CONNECTION_NOTIFY_STARTED ? descriptor_of(c) : -1;
    (void)own;
    pthread_mutex_lock(&p->lock);
    if (what == MHD_CONNECTION_NOTIFY_STARTED && p->n_visits < PAGES_MAX_CONNECTIONS)
        p->visit[p->n_visits++] = (struct visit){ c, fd, clock_mono() };
    for (unsigned i = 0; what == MHD_CONNECTION_NOTIFY_CLOSED && i < p->n_visits; i++)
        if (p->visit[i].connection == c) {
            p->visit[i] = p->visit[--p->n_visits];
            break;
        }
    pthread_mutex_unlock(&p->lock);
}

/* Whoever reads or writes a byte now and then is never idle. */
static void end_long_visits(struct pages *p, mono_ns now)
{
    pthread_mutex_lock(&p->lock);
    for (unsigned i = 0; i < p->n_visits; i++)
        if (now - p->visit[i].since > p->live)
            shutdown(p->visit[i].fd, SHUT_RDWR);
    pthread_mutex_unlock(&p->lock);
}

/* ── Life ──────────────────────────────────────────────────────────────── */

/* Signals are for the loop's thread; libmicrohttpd's threads inherit the mask of whoever makes them. */
static struct MHD_Daemon *begin_server(struct pages *p, int fd)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct MHD_Daemon *d = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ITC, 0, NULL,
        NULL, on_request, p, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_CONNECTION, on_visit, p,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)PAGES_MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)PAGES_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)PAGES_MAX_HEAD,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_BYTES, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return d;
}

static void begin_showing(struct pages *p, mono_ns now)
{
    struct err err = { 0 };
    int fd = -1;
    int r = listen_open(&p->place, BACKLOG, &fd, p->at, &err);
    if (r == 0) {
        p->server = begin_server(p, fd);
        if (p->server) {
            log_info("pages.shown", "at=%s: /metrics, /-/healthy and /-/ready", p->at);
            return;
        }
        p->at[0] = '\0';
        err_set(&err, -EIO, "the server does not start");
    }
    if (!p->told)
        log_warn(
            "pages.not_shown",
            "at=%s: metrics and health are not shown, everything else goes on, and it is tried again: %s",
            p->place_text, err.text);
    p->told = true;
    p->try_at = now + p->try_again;
}

static void on_time(void *arg)
{
    struct pages *p = arg;
    mono_ns now = loop_now(p->loop);
    if (!p->server && now >= p->try_at)
        begin_showing(p, now);
    end_long_visits(p, now);
    loop_timer_at(&p->timer, now + LOOK_NS);
}

int pages_new(struct pages **ret, struct loop *l, struct board *board, const char *place,
              const struct pages_long *more, struct err *err)
{
    struct listen_place at;
    *ret = NULL;
    if (!*place)
        return 0;
    int r = listen_parse(place, &at, err);
    if (r < 0)
        return r;
    struct pages *p = calloc(1, sizeof *p);
    if (!p)
        return err_set(err, -ENOMEM, "out of memory");
    *p = (struct pages){
        .loop = l, .board = board, .place = at, .live = PAGES_LIVE_NS, .try_again = PAGES_TRY_AGAIN_NS
    };
    if (more)
        p->more = *more;
    snprintf(p->place_text, sizeof p->place_text, "%s", place);
    pthread_mutex_init(&p->lock, NULL);
    loop_timer_init(l, &p->timer, on_time, p);
    loop_timer_at(&p->timer, 0);
    begin_showing(p, loop_now(l));
    *ret = p;
    return 0;
}

const char *pages_at(const struct pages *p)
{
    return p->at;
}

void pages_set_times(struct pages *p, mono_ns live, mono_ns try_again)
{
    p->live = live;
    if (!p->server)
        p->try_at += try_again - p->try_again;
    p->try_again = try_again;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer);
}

void pages_free(struct pages *p)
{
    if (!p)
        return;
    if (p->server)
        MHD_stop_daemon(p->server); /* closes the socket that listens, too */
    pthread_mutex_destroy(&p->lock);
    uv_close((uv_handle_t *)&p->timer.uv, on_closed);
}
