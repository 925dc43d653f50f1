#include "loadgen/serverthread.h"

#include "loadgen/visit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096, ACCEPTS_A_TURN = 16, QUESTIONS_A_TURN = 32, QUESTION_BYTES = 512 };

struct post { /* a socket that is watched */
    uv_poll_t poll;
    struct serverthread *of;
    int fd;
    struct post *next;
};

struct serverthread {
    uv_loop_t loop;
    uv_async_t stop;
    struct serving *serving;
    struct tally tally;
    struct visits visits;
    struct post *posts;
    struct zone zone;
    pthread_t thread;
    bool has_loop, runs;
    uint8_t question[QUESTIONS_A_TURN][QUESTION_BYTES], answer[QUESTIONS_A_TURN][ZONE_MAX_BYTES];
};

/* ── Connections ───────────────────────────────────────────────────────── */

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct post *p = poll->data;
    (void)events;
    for (int i = 0; status == 0 && i < ACCEPTS_A_TURN; i++) {
        int fd = accept4(p->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        visit_begin(&p->of->visits, fd);
    }
}

/* ── Names ─────────────────────────────────────────────────────────────── */

static void answer_batch(struct serverthread *t, int fd, struct mmsghdr *in, int n)
{
    struct mmsghdr out[QUESTIONS_A_TURN];
    struct iovec piece[QUESTIONS_A_TURN];
    unsigned n_out = 0;
    int64_t since = serving_since_us(t->serving, (mono_ns)uv_now(&t->loop) * NS_PER_MS);
    for (int i = 0; i < n; i++) {
        enum zone_said said;
        size_t len = zone_answer(&t->zone, t->question[i], in[i].msg_len, since, t->answer[i], &said);
        tally_count(&t->tally.count[COUNT_DNS + said]);
        if (len == 0)
            continue;
        piece[n_out] = (struct iovec){ t->answer[i], len };
        out[n_out] = (struct mmsghdr){
            .msg_hdr = {.msg_name = in[i].msg_hdr.msg_name,
                        .msg_namelen = in[i].msg_hdr.msg_namelen,
                        .msg_iov = &piece[n_out],
                        .msg_iovlen = 1}
        };
        n_out++;
    }
    if (n_out > 0)
        sendmmsg(fd, out, n_out, 0); /* who hears nothing asks again */
}

static void on_question(uv_poll_t *poll, int status, int events)
{
    struct post *p = poll->data;
    struct mmsghdr in[QUESTIONS_A_TURN] = { 0 };
    struct iovec piece[QUESTIONS_A_TURN];
    struct sockaddr_in from[QUESTIONS_A_TURN];
    (void)events;
    for (int i = 0; i < QUESTIONS_A_TURN; i++) {
        piece[i] = (struct iovec){ p->of->question[i], QUESTION_BYTES };
        in[i].msg_hdr = (struct msghdr){
            .msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &piece[i], .msg_iovlen = 1
        };
    }
    int n = status == 0 ? recvmmsg(p->fd, in, QUESTIONS_A_TURN, MSG_DONTWAIT, NULL) : 0;
    if (n > 0)
        answer_batch(p->of, p->fd, in, n);
}

/* ── Sockets ───────────────────────────────────────────────────────────── */

static int fail(struct err *err, int type, const struct sockaddr_in *at)
{
    int code = -errno;
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &at->sin_addr, text, sizeof text);
    return err_set(err, code, "cannot serve on %s:%u (%s): %s", text, ntohs(at->sin_port),
                   type == SOCK_STREAM ? "tcp" : "udp", strerror(-code));
}

static int open_socket(int type, struct sockaddr_in *at, struct err *err)
{
    const int on = 1, room = 4 << 20;
    socklen_t len = sizeof *at;
    int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(err, type, at);
    if (type == SOCK_STREAM) /* after a restart, connections of the last time linger */
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    else
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (bind(fd, (struct sockaddr *)at, sizeof *at) == 0 &&
        (type != SOCK_STREAM || listen(fd, BACKLOG) == 0) &&
        getsockname(fd, (struct sockaddr *)at, &len) == 0)
        return fd;
    int code = fail(err, type, at);
    close(fd);
    return code;
}

static int add_post(struct serverthread *t, int type, struct sockaddr_in *at, uv_poll_cb fn, struct err *err)
{
    int fd = open_socket(type, at, err);
    if (fd < 0)
        return fd;
    struct post *p = calloc(1, sizeof *p);
    if (!p || uv_poll_init_socket(&t->loop, &p->poll, fd) < 0) {
        free(p);
        close(fd);
        return err_set(err, -ENOMEM, "no memory for a listener");
    }
    p->poll.data = p;
    p->of = t;
    p->fd = fd;
    p->next = t->posts;
    t->posts = p;
    uv_poll_start(&p->poll, UV_READABLE, fn);
    return 0;
}

int serverthread_listen(struct serverthread *t, struct sockaddr_in *at, struct err *err)
{
    return add_post(t, SOCK_STREAM, at, on_connection, err);
}

int serverthread_answer_names(struct serverthread *t, struct sockaddr_in *at, struct err *err)
{
    return add_post(t, SOCK_DGRAM, at, on_question, err);
}

/* ── Its life ──────────────────────────────────────────────────────────── */

static void on_post_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_stop(uv_async_t *a)
{
    struct serverthread *t = a->data;
    for (struct post *p = t->posts; p; p = p->next) {
        uv_close((uv_handle_t *)&p->poll, on_post_closed);
        close(p->fd);
    }
    t->posts = NULL;
    visits_end(&t->visits);
    uv_close((uv_handle_t *)a, NULL);
}

int serverthread_new(struct serverthread **ret, struct serving *serving, unsigned most_open, struct err *err)
{
    scoped(serverthread) struct serverthread *t = calloc(1, sizeof *t);
    if (!t || uv_loop_init(&t->loop) < 0)
        return err_set(err, -ENOMEM, "no memory for a thread");
    t->has_loop = true;
    uv_async_init(&t->loop, &t->stop, on_stop);
    t->stop.data = t;
    t->serving = serving;
    t->zone = (struct zone){ .crowd = serving->crowd, .rules = serving->rules, .ttl_s = serving->ttl_s };
    t->visits =
        (struct visits){ .loop = &t->loop, .serving = serving, .tally = &t->tally, .most = most_open };
    if (getrandom(&t->visits.luck, sizeof t->visits.luck, 0) < 0 || t->visits.luck == 0)
        t->visits.luck = 1;
    *ret = moved(t);
    return 0;
}

static void *live(void *arg)
{
    struct serverthread *t = arg;
    uv_run(&t->loop, UV_RUN_DEFAULT);
    return NULL;
}

int serverthread_run(struct serverthread *t, struct err *err)
{
    sigset_t all, before;
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = -pthread_create(&t->thread, NULL, live, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    t->runs = r == 0;
    return r < 0 ? err_set(err, r, "no thread: %s", strerror(-r)) : 0;
}

const struct tally *serverthread_tally(const struct serverthread *t)
{
    return &t->tally;
}

void serverthread_free(struct serverthread *t)
{
    if (!t)
        return;
    if (t->runs) {
        uv_async_send(&t->stop);
        pthread_join(t->thread, NULL);
    } else if (t->has_loop) {
        on_stop(&t->stop);
        uv_run(&t->loop, UV_RUN_DEFAULT);
    }
    if (t->has_loop)
        uv_loop_close(&t->loop);
    free(t);
}
