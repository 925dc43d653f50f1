/* listener.h - a server of one test: a thread that accepts one connection after
 * the other on 127.0.0.1 and lets a function talk on it. */
#ifndef TESTS_UNIT_COLLECTOR_LISTENER_H
#define TESTS_UNIT_COLLECTOR_LISTENER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef void listener_talk(int fd, void *arg);

struct listener {
    int fd;
    uint16_t port;
    pthread_t thread;
    listener_talk *talk;
    void *arg;
    atomic_bool stopping;
};

static inline void *listener_run(void *arg)
{
    struct listener *l = arg;
    int fd;
    while ((fd = accept(l->fd, NULL, NULL)) >= 0) {
        struct timeval patience = { .tv_sec = 5 };
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (!atomic_load(&l->stopping))
            l->talk(fd, l->arg);
        close(fd);
    }
    return NULL;
}

static inline void listener_start(struct listener *l, listener_talk *talk, void *arg)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    *l = (struct listener){ .talk = talk, .arg = arg, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    if (bind(l->fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(l->fd, 16) < 0 ||
        getsockname(l->fd, (struct sockaddr *)&a, &len) < 0)
        abort();
    l->port = ntohs(a.sin_port);
    pthread_create(&l->thread, NULL, listener_run, l);
}

static inline void listener_stop(struct listener *l)
{
    atomic_store(&l->stopping, true);
    shutdown(l->fd, SHUT_RDWR); /* accept returns */
    pthread_join(l->thread, NULL);
    close(l->fd);
}

static inline void listener_say(int fd, const char *text)
{
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
        return; /* the client has gone; it has its reasons */
}

/* One line without its end; false at the end of the connection. */
static inline bool listener_line(int fd, char *buf, size_t size)
{
    size_t n = 0;
    char c;
    while (read(fd, &c, 1) == 1) {
        if (c == '\n') {
            buf[n > 0 && buf[n - 1] == '\r' ? n - 1 : n] = '\0';
            return true;
        }
        if (n < size - 1)
            buf[n++] = c;
    }
    return false;
}

#endif
