#include "worker/transfer.h"

#include "worker/wakeup.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* What libcurl and libuv disagree about
 *
 * libcurl closes a socket right after it has told us to forget it, and the next
 * one often gets the same number. uv_close lets go of the number at once and of
 * the memory later, which is why each watch is a piece of memory of its own;
 * they are kept for reuse, since each transfer needs one.
 *
 * libuv stops watching a socket that reports an error. libcurl may have more to
 * read from it before it meets that error, so the watch is renewed.
 */

enum { MAX_SPARE = 1024, ROUNDS_OF_TIMER = 16 }; /* easy handles, and watches, kept for reuse */

struct link { /* ties one of libcurl's sockets to libuv's watch on it */
    uv_poll_t uv;
    struct transfers *t; /* NULL once transfers_free has been there */
    curl_socket_t fd;
    int events;
    struct link *next; /* among those in use, or among the spare */
    struct link *prev;
};

struct transfers {
    struct loop *loop;
    CURLM *multi;
    struct wakeup *timer;
    transfer_fn *done;
    struct link *links, *spare;
    size_t n_spare;
    unsigned closing;
    bool leaving;
    bool in_timer, timer_again; /* libcurl wants its timer at once, and is in it */
    CURL *pool[MAX_SPARE];
    size_t n_pool;
};

static void report_finished(struct transfers *t)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(t->multi, &left))) {
        if (m->msg != CURLMSG_DONE)
            continue;
        CURL *easy = m->easy_handle; /* m itself dies with the next call */
        CURLcode code = m->data.result;
        void *arg = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &arg);
        curl_multi_remove_handle(t->multi, easy);
        t->done(arg, easy, code);
    }
}

/* ── What the loop tells us, passed on to libcurl ──────────────────────── */

static void on_socket(uv_poll_t *uv, int status, int events)
{
    struct link *k = uv->data;
    struct transfers *t = k->t; /* k may be gone after socket_action */
    int running,
        what = (events & UV_READABLE ? CURL_CSELECT_IN : 0) | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    if (status < 0) {
        what = CURL_CSELECT_ERR | CURL_CSELECT_IN | CURL_CSELECT_OUT;
        uv_poll_start(&k->uv, k->events, on_socket);
    }
    curl_multi_socket_action(t->multi, k->fd, what, &running);
    report_finished(t);
}

/* Transfers that begin where others end set libcurl's timer to "at once". */
static void on_timer(void *arg)
{
    struct transfers *t = arg;
    int running;

    t->in_timer = true;
    for (int i = 0; i == 0 || (t->timer_again && i < ROUNDS_OF_TIMER); i++) {
        t->timer_again = false;
        curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        report_finished(t);
    }
    t->in_timer = false;
    if (t->timer_again)
        wakeup_at(t->timer, 0);
}

/* ── What libcurl tells us, passed on to the loop ──────────────────────── */

static int timer_wanted(CURLM *multi, long timeout_ms, void *arg)
{
    struct transfers *t = arg;
    (void)multi;
    t->timer_again = t->in_timer && timeout_ms == 0;
    if (t->timer_again)
        return 0;
    /* libcurl counts from its own reading of the clock, a moment ago. */
    wakeup_at(t->timer, timeout_ms < 0    ? MONO_NEVER
                        : timeout_ms == 0 ? 0
                                          : clock_mono() + timeout_ms * NS_PER_MS);
    return 0;
}

static void transfers_gone(struct transfers *t)
{
    if (t->leaving && t->closing == 0)
        free(t);
}

static void on_closed(uv_handle_t *uv)
{
    struct link *k = uv->data;
    struct transfers *t = k->t;
    t->closing--;
    if (t->leaving || t->n_spare == MAX_SPARE) {
        free(k);
        transfers_gone(t);
        return;
    }
    k->next = t->spare;
    t->spare = k;
    t->n_spare++;
}

static struct link *link_new(struct transfers *t, curl_socket_t fd)
{
    struct link *k = t->spare;
    if (k) {
        t->spare = k->next;
        t->n_spare--;
    } else {
        k = malloc(sizeof *k);
    }
    if (!k)
        return NULL;
    if (uv_poll_init_socket(loop_uv(t->loop), &k->uv, fd) < 0) {
        free(k);
        return NULL;
    }
    k->uv.data = k;
    k->t = t;
    k->fd = fd;
    k->prev = NULL;
    k->next = t->links;
    if (k->next)
        k->next->prev = k;
    t->links = k;
    return k;
}

static void link_drop(struct link *k)
{
    struct transfers *t = k->t;
    if (k->prev)
        k->prev->next = k->next;
    else
        t->links = k->next;
    if (k->next)
        k->next->prev = k->prev;
    t->closing++;
    uv_close((uv_handle_t *)&k->uv, on_closed);
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *link)
{
    struct transfers *t = arg;
    struct link *k = link;
    (void)easy;

    if (what == CURL_POLL_REMOVE) {
        if (k)
            link_drop(k);
        return 0;
    }
    if (!k) {
        k = link_new(t, fd);
        if (!k)
            return -1;
        curl_multi_assign(t->multi, fd, k);
    }
    k->events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&k->uv, k->events, on_socket) < 0 ? -1 : 0;
}

/* ── Life ──────────────────────────────────────────────────────────────── */

/* Once in a process, and not by two threads at once. */
static void library_begin(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int check_library(struct err *err)
{
    const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
    if (v->version_num < 0x075700)
        return err_set(err, -ENOTSUP, "libcurl %s is too old: 7.87 is needed", v->version);
    if (v->version_num == 0x080e00)
        return err_set(err, -ENOTSUP, "libcurl 8.14.0 fails with more than 400 transfers at once");
    if (!v->ssl_version || strncmp(v->ssl_version, "OpenSSL/", 8) != 0)
        return err_set(err, -ENOTSUP, "libcurl is built with %s: certificates are only checked with OpenSSL",
                       v->ssl_version ? v->ssl_version : "no TLS");
    return 0;
}

static void set_up_multi(struct transfers *t, size_t slots)
{
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t);
    curl_multi_setopt(t->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    /* Never reached by transfers; bounds connections that libcurl 8.21 forgets to close. */
    curl_multi_setopt(t->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)(2 * slots));
}

int transfers_new(struct transfers **ret, struct loop *l, size_t slots, transfer_fn *done, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, library_begin);

    int r = check_library(err);
    if (r < 0)
        return r;
    scoped(transfers) struct transfers *t = calloc(1, sizeof *t);
    if (!t)
        return err_set(err, -ENOMEM, "no memory for transfers");
    t->loop = l;
    t->done = done;
    t->multi = curl_multi_init();
    r = t->multi ? wakeup_new(&t->timer, l, on_timer, t) : -ENOMEM;
    if (r < 0)
        return err_set(err, r, "no memory for transfers");
    set_up_multi(t, slots);
    *ret = moved(t);
    return 0;
}

void transfers_free(struct transfers *t)
{
    if (!t)
        return;
    if (t->multi)
        curl_multi_cleanup(t->multi); /* lets go of all sockets */
    for (size_t i = 0; i < t->n_pool; i++)
        curl_easy_cleanup(t->pool[i]);
    while (t->links)
        link_drop(t->links);
    while (t->spare) {
        struct link *k = t->spare;
        t->spare = k->next;
        free(k);
    }
    wakeup_free(t->timer);
    t->leaving = true;
    transfers_gone(t);
}

/* With libcurl's cookie engine, which stays through resets. COOKIEFILE "" would
 * do the same and leak its list at each of them (7.88); a cookie that has long
 * expired does it without. */
static CURL *new_handle(void)
{
    CURL *easy = curl_easy_init();
    if (easy)
        curl_easy_setopt(easy, CURLOPT_COOKIELIST,
                         "Set-Cookie: none=; domain=none.invalid; expires=Thu, 01 Jan 1970 00:00:01 GMT");
    return easy;
}

CURL *transfers_handle(struct transfers *t)
{
    return t->n_pool > 0 ? t->pool[--t->n_pool] : new_handle();
}

void transfers_give_back(struct transfers *t, CURL *easy)
{
    curl_easy_reset(easy); /* now: what its options point to may be gone by the time it is taken */
    if (t->n_pool < MAX_SPARE)
        t->pool[t->n_pool++] = easy;
    else
        curl_easy_cleanup(easy);
}

int transfers_begin(struct transfers *t, CURL *easy)
{
    return curl_multi_add_handle(t->multi, easy) == CURLM_OK ? 0 : -ENOMEM;
}

void transfers_end(struct transfers *t, CURL *easy)
{
    curl_multi_remove_handle(t->multi, easy);
}
