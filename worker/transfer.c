#include "worker/transfer.h"

#include "worker/poller.h"
#include "worker/wakeup.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SPARE = 1024, ROUNDS_OF_TIMER = 16 }; /* easy handles kept for reuse */

struct transfers {
    struct poller *poller;
    CURLM *multi;
    struct wakeup *timer;
    transfer_fn *done;
    handle_fn *prepare;
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

static void on_socket(void *arg, int fd, unsigned events)
{
    struct transfers *t = arg;
    int running,
        what = (events & POLLER_IN ? CURL_CSELECT_IN : 0) | (events & POLLER_OUT ? CURL_CSELECT_OUT : 0);
    if (events & POLLER_TROUBLE) /* and read what came before it */
        what = CURL_CSELECT_ERR | CURL_CSELECT_IN | CURL_CSELECT_OUT;
    curl_multi_socket_action(t->multi, fd, what, &running);
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

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
    struct transfers *t = arg;
    (void)easy, (void)unused;

    if (what == CURL_POLL_REMOVE) {
        poller_forget(t->poller, fd);
        return 0;
    }
    unsigned events = (what & CURL_POLL_IN ? POLLER_IN : 0u) | (what & CURL_POLL_OUT ? POLLER_OUT : 0u);
    return poller_want(t->poller, fd, events) < 0 ? -1 : 0;
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

int transfers_new(struct transfers **ret, struct loop *l, size_t slots, handle_fn *prepare, transfer_fn *done,
                  struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, library_begin);

    int r = check_library(err);
    if (r < 0)
        return r;
    scoped(transfers) struct transfers *t = calloc(1, sizeof *t);
    if (!t)
        return err_set(err, -ENOMEM, "no memory for transfers");
    t->prepare = prepare;
    t->done = done;
    r = poller_new(&t->poller, l, on_socket, t);
    if (r < 0)
        return err_set(err, r, "cannot wait for sockets: %s", strerror(-r));
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
    wakeup_free(t->timer);
    poller_free(t->poller);
    free(t);
}

/* With libcurl's cookie engine. COOKIEFILE "" would do the same and leak its list
 * (7.88); a cookie that has long expired does it without. */
static CURL *new_handle(const struct transfers *t)
{
    CURL *easy = curl_easy_init();
    if (!easy)
        return NULL;
    curl_easy_setopt(easy, CURLOPT_COOKIELIST,
                     "Set-Cookie: none=; domain=none.invalid; expires=Thu, 01 Jan 1970 00:00:01 GMT");
    t->prepare(easy);
    return easy;
}

CURL *transfers_handle(struct transfers *t)
{
    return t->n_pool > 0 ? t->pool[--t->n_pool] : new_handle(t);
}

void transfers_give_back(struct transfers *t, CURL *easy)
{
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
