#include "collector/courier.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <utlist.h>

struct transfer {
    CURL *easy;
    courier_done_fn *done;
    void *arg;
    struct transfer *prev, *next;
};

struct aside { /* a transfer with a thread of its own */
    struct courier *courier;
    pthread_t thread;
    CURL *easy;
    CURLcode code;
    atomic_bool finished;
    courier_done_fn *done;
    void *arg;
    struct aside *prev, *next;
};

struct courier {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer timer;
    struct loop_bell bell; /* some aside has finished */
    atomic_bool leaving;
    struct transfer *transfers;
    struct aside *asides;
};

struct link { /* ties one of libcurl's sockets to our watch on it */
    uv_poll_t uv;
    struct courier *courier;
    curl_socket_t fd;
};

static struct transfer *transfer_of(CURL *easy)
{
    struct transfer *t = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
    return t;
}

static void finish(struct courier *c, struct transfer *t, CURLcode code)
{
    curl_multi_remove_handle(c->multi, t->easy);
    DL_DELETE(c->transfers, t);
    t->done(t->arg, t->easy, code);
    free(t);
}

static void report_finished(struct courier *c)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(c->multi, &left)))
        if (m->msg == CURLMSG_DONE)
            finish(c, transfer_of(m->easy_handle), m->data.result);
}

/* ── What the loop tells us, passed on to libcurl ──────────────────────── */

static void on_poll(uv_poll_t *uv, int status, int events)
{
    struct link *k = uv->data;
    struct courier *c = k->courier; /* k may be gone after the next line */
    int running, what = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
                        (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0) | (status < 0 ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(c->multi, k->fd, what, &running);
    report_finished(c);
}

static void on_timer(void *arg)
{
    struct courier *c = arg;
    int running;
    curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    report_finished(c);
}

/* ── What libcurl tells us, passed on to the loop ──────────────────────── */

static void free_link(uv_handle_t *uv)
{
    free(uv->data);
}

static struct link *link_new(struct courier *c, curl_socket_t fd)
{
    struct link *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->courier = c;
    k->fd = fd;
    if (uv_poll_init_socket(loop_uv(c->loop), &k->uv, fd) < 0) {
        free(k);
        return NULL;
    }
    k->uv.data = k;
    curl_multi_assign(c->multi, fd, k);
    return k;
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *link)
{
    struct courier *c = arg;
    struct link *k = link;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (k)
            uv_close((uv_handle_t *)&k->uv, free_link);
        curl_multi_assign(c->multi, fd, NULL);
        return 0;
    }
    if (!k)
        k = link_new(c, fd);
    if (!k)
        return -1;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&k->uv, events, on_poll) < 0 ? -1 : 0;
}

static int timer_wanted(CURLM *multi, long wait_ms, void *arg)
{
    struct courier *c = arg;
    (void)multi;
    loop_timer_at(&c->timer, wait_ms < 0 ? MONO_NEVER : clock_mono() + wait_ms * NS_PER_MS);
    return 0;
}

/* ── Transfers with a thread of their own ──────────────────────────────── */

enum { STACK_BYTES = 512 * 1024 };

/* libcurl asks at least once a second, also where it waits. */
static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t x, curl_off_t y)
{
    struct courier *c = arg;
    (void)a, (void)b, (void)x, (void)y;
    return atomic_load(&c->leaving);
}

static void *perform(void *arg)
{
    struct aside *a = arg;
    a->code = curl_easy_perform(a->easy);
    atomic_store(&a->finished, true);
    loop_bell_ring(&a->courier->bell);
    return NULL;
}

static void take_back(struct courier *c, struct aside *a)
{
    pthread_join(a->thread, NULL);
    DL_DELETE(c->asides, a);
    a->done(a->arg, a->easy, a->code);
    free(a);
}

static void on_bell(void *arg)
{
    struct courier *c = arg;
    struct aside *a, *next;
    DL_FOREACH_SAFE (c->asides, a, next)
        if (atomic_load(&a->finished))
            take_back(c, a);
}

int courier_send_aside(struct courier *c, CURL *easy, courier_done_fn *done, void *arg)
{
    struct aside *a = calloc(1, sizeof *a);
    pthread_attr_t attributes;
    if (!a)
        return -EIO;
    *a = (struct aside){ .courier = c, .easy = easy, .done = done, .arg = arg };
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, c);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    DL_APPEND(c->asides, a);
    int r = pthread_create(&a->thread, &attributes, perform, a);
    pthread_attr_destroy(&attributes);
    if (r == 0)
        return 0;
    DL_DELETE(c->asides, a);
    free(a);
    return -EIO;
}

/* ── A life ────────────────────────────────────────────────────────────── */

int courier_new(struct courier **ret, struct loop *l)
{
    struct courier *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    c->multi = curl_multi_init();
    if (!c->multi) {
        free(c);
        return -ENOMEM;
    }
    c->loop = l;
    int r = loop_bell_init(l, &c->bell, on_bell, c);
    if (r < 0) {
        curl_multi_cleanup(c->multi);
        free(c);
        return r;
    }
    loop_timer_init(l, &c->timer, on_timer, c);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    *ret = c;
    return 0;
}

void courier_free(struct courier *c)
{
    if (!c)
        return;
    atomic_store(&c->leaving, true);
    while (c->transfers)
        finish(c, c->transfers, CURLE_ABORTED_BY_CALLBACK);
    while (c->asides) {
        struct aside *a = c->asides;
        pthread_join(a->thread, NULL);
        DL_DELETE(c->asides, a);
        a->done(a->arg, a->easy, CURLE_ABORTED_BY_CALLBACK);
        free(a);
    }
    curl_multi_cleanup(c->multi);
    loop_timer_done(&c->timer);
    loop_bell_done(&c->bell);
    loop_turn(c->loop, 0); /* both are part of us */
    free(c);
}

CURL *courier_handle(const char *protocols, int64_t timeout_us)
{
    CURL *easy = curl_easy_init();
    if (!easy)
        return NULL;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(timeout_us / US_PER_MS));
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    /* A name server that does not answer must not stop the loop when the
     * transfer has timed out: libcurl 7.88 waits for its resolver's thread. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    /* Notices are far between: a kept connection would mostly be a dead one. */
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    return easy;
}

int courier_send(struct courier *c, CURL *easy, courier_done_fn *done, void *arg)
{
    struct transfer *t = calloc(1, sizeof *t);
    if (!t)
        return -EIO;
    *t = (struct transfer){ .easy = easy, .done = done, .arg = arg };
    curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
    DL_APPEND(c->transfers, t);
    if (curl_multi_add_handle(c->multi, easy) == CURLM_OK)
        return 0;
    DL_DELETE(c->transfers, t);
    free(t);
    return -EIO;
}
