#include "worker/transfer.h"

#include "worker/poller.h"
#include "worker/wakeup.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Why there are several multi handles
 *
 * libcurl keeps a multi handle's connections in a hash table of 97 chains, and its
 * sockets in one of 911, and walks through chains several times in every transfer.
 * With 16,000 transfers under way, as when a network hangs, that was a third of the
 * worker's time. So one multi handle has a few hundred at most, and more are made
 * when there are more; transfers begin where the first room is.
 */

enum { GROUP = 256, MAX_SPARE = 1024, ROUNDS_OF_TIMER = 16 }; /* easy handles kept for reuse */

struct group { /* transfers of one multi handle */
    struct transfers *all;
    CURLM *multi;
    struct wakeup *timer;
    bool in_timer, timer_again; /* libcurl wants its timer at once, and is in it */
    size_t n;                   /* under way */
    unsigned number;
};

struct transfers {
    struct loop *loop;
    struct poller *poller;
    transfer_fn *done;
    handle_fn *prepare;
    struct group **group; /* made as they are needed */
    unsigned n_groups, most_groups;
    unsigned with_room; /* none before it has */
    struct group **by_fd;
    size_t room_fd;
    CURL *pool[MAX_SPARE];
    size_t n_pool;
};

static void leave_group(struct group *g, CURL *easy)
{
    curl_multi_remove_handle(g->multi, easy);
    g->n--;
    if (g->number < g->all->with_room)
        g->all->with_room = g->number;
}

static void report_finished(struct group *g)
{
    struct transfers *t = g->all;
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(g->multi, &left))) {
        if (m->msg != CURLMSG_DONE)
            continue;
        CURL *easy = m->easy_handle; /* m itself dies with the next call */
        CURLcode code = m->data.result;
        void *arg = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &arg);
        leave_group(g, easy);
        t->done(arg, easy, code);
    }
}

/* ── What the loop tells us, passed on to libcurl ──────────────────────── */

static void on_socket(void *arg, int fd, unsigned events)
{
    struct transfers *t = arg;
    struct group *g = (size_t)fd < t->room_fd ? t->by_fd[fd] : NULL;
    if (!g)
        return;
    int running,
        what = (events & POLLER_IN ? CURL_CSELECT_IN : 0) | (events & POLLER_OUT ? CURL_CSELECT_OUT : 0);
    if (events & POLLER_TROUBLE) /* and read what came before it */
        what = CURL_CSELECT_ERR | CURL_CSELECT_IN | CURL_CSELECT_OUT;
    curl_multi_socket_action(g->multi, fd, what, &running);
    report_finished(g);
}

/* Transfers that begin where others end set libcurl's timer to "at once". */
static void on_timer(void *arg)
{
    struct group *g = arg;
    int running;

    g->in_timer = true;
    for (int i = 0; i == 0 || (g->timer_again && i < ROUNDS_OF_TIMER); i++) {
        g->timer_again = false;
        curl_multi_socket_action(g->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        report_finished(g);
    }
    g->in_timer = false;
    if (g->timer_again)
        wakeup_at(g->timer, 0);
}

/* ── What libcurl tells us, passed on to the loop ──────────────────────── */

static int timer_wanted(CURLM *multi, long timeout_ms, void *arg)
{
    struct group *g = arg;
    (void)multi;
    g->timer_again = g->in_timer && timeout_ms == 0;
    if (g->timer_again)
        return 0;
    /* libcurl counts from its own reading of the clock, a moment ago. */
    wakeup_at(g->timer, timeout_ms < 0    ? MONO_NEVER
                        : timeout_ms == 0 ? 0
                                          : clock_mono() + timeout_ms * NS_PER_MS);
    return 0;
}

static int know_socket(struct transfers *t, int fd, struct group *g)
{
    size_t room = t->room_fd ? t->room_fd : 2 * GROUP;
    while (room <= (size_t)fd)
        room *= 2;
    if (room > t->room_fd) {
        struct group **by_fd = realloc(t->by_fd, room * sizeof(struct group *));
        if (!by_fd)
            return -ENOMEM;
        memset(by_fd + t->room_fd, 0, (room - t->room_fd) * sizeof(struct group *));
        t->by_fd = by_fd;
        t->room_fd = room;
    }
    t->by_fd[fd] = g;
    return 0;
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
    struct group *g = arg;
    struct transfers *t = g->all;
    (void)easy, (void)unused;

    if (what == CURL_POLL_REMOVE) {
        poller_forget(t->poller, fd);
        return 0;
    }
    unsigned events = (what & CURL_POLL_IN ? POLLER_IN : 0u) | (what & CURL_POLL_OUT ? POLLER_OUT : 0u);
    return know_socket(t, fd, g) < 0 || poller_want(t->poller, fd, events) < 0 ? -1 : 0;
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

static void free_group(struct group *g)
{
    if (g->multi)
        curl_multi_cleanup(g->multi); /* lets go of all sockets */
    wakeup_free(g->timer);
    free(g);
}

static struct group *new_group(struct transfers *t)
{
    struct group *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->all = t;
    g->number = t->n_groups;
    g->multi = curl_multi_init();
    if (!g->multi || wakeup_new(&g->timer, t->loop, on_timer, g) < 0) {
        free_group(g);
        return NULL;
    }
    curl_multi_setopt(g->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
    curl_multi_setopt(g->multi, CURLMOPT_SOCKETDATA, g);
    curl_multi_setopt(g->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
    curl_multi_setopt(g->multi, CURLMOPT_TIMERDATA, g);
    curl_multi_setopt(g->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    /* Never reached by transfers; bounds connections that libcurl 8.21 forgets to close. */
    curl_multi_setopt(g->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)(2 * GROUP));
    t->group[t->n_groups++] = g;
    return g;
}

/* The first one with room; there is one, since all of them have room for all slots. */
static struct group *group_with_room(struct transfers *t)
{
    while (t->with_room < t->n_groups && t->group[t->with_room]->n >= GROUP)
        t->with_room++;
    if (t->with_room < t->n_groups)
        return t->group[t->with_room];
    return t->n_groups < t->most_groups ? new_group(t) : NULL;
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
    t->loop = l;
    t->prepare = prepare;
    t->done = done;
    t->most_groups = (unsigned)(slots / GROUP + 1);
    t->group = calloc(t->most_groups, sizeof(struct group *));
    if (!t->group)
        return err_set(err, -ENOMEM, "no memory for transfers");
    r = poller_new(&t->poller, l, on_socket, t);
    if (r < 0)
        return err_set(err, r, "cannot wait for sockets: %s", strerror(-r));
    if (!new_group(t))
        return err_set(err, -ENOMEM, "no memory for transfers");
    *ret = moved(t);
    return 0;
}

void transfers_free(struct transfers *t)
{
    if (!t)
        return;
    for (unsigned i = 0; i < t->n_groups; i++)
        free_group(t->group[i]);
    for (size_t i = 0; i < t->n_pool; i++)
        curl_easy_cleanup(t->pool[i]);
    poller_free(t->poller);
    free(t->group);
    free(t->by_fd);
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

int transfers_begin(struct transfers *t, CURL *easy, unsigned *group)
{
    struct group *g = group_with_room(t);
    if (!g || curl_multi_add_handle(g->multi, easy) != CURLM_OK)
        return -ENOMEM;
    g->n++;
    *group = g->number;
    return 0;
}

void transfers_end(struct transfers *t, CURL *easy, unsigned group)
{
    leave_group(t->group[group], easy);
}
