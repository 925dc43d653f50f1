#include "common/connections.h"

#include "common/array.h"
#include "common/severed.h"
#include "common/tcpinfo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Descriptors are numbers that are used again
 *
 * What libzmq says of a descriptor is older than our look at it. Between the two
 * it may have been closed and be another connection, or somebody else's file. So
 * the end of a connection is believed only when libzmq's number no longer is
 * what our second descriptor is: then ours was the one that ended. If it still
 * is after all looks, ours was taken from a later one, whose own beginning is
 * among the news that follow.
 */
struct connection {
    int fd;  /* libzmq's */
    int own; /* the same, ours */
    char peer[DROPPED_PEER_SIZE];
    bool ended, refused;
    int looks;    /* since it ended */
    mono_ns look; /* when it ended: the next look */
};

struct connections {
    struct connection *at;
    size_t n, room;
    size_t strays; /* refused ones that we do not hold, to be told */
    size_t most;
};

int connections_new(struct connections **ret, size_t most)
{
    struct connections *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    c->most = most;
    *ret = c;
    return 0;
}

static void forget(struct connections *c, struct connection *k)
{
    close(k->own);
    *k = c->at[--c->n];
}

void connections_let_go(struct connections *c)
{
    while (c->n > 0)
        forget(c, &c->at[c->n - 1]);
}

void connections_free(struct connections *c)
{
    if (!c)
        return;
    connections_let_go(c);
    free(c->at);
    free(c);
}

/* ── Beginning ─────────────────────────────────────────────────────────── */

static void name_peer(int fd, char *buf, size_t size)
{
    struct sockaddr_storage a = { 0 };
    socklen_t len = sizeof a;
    struct ucred who = { 0 };
    buf[0] = '\0';
    if (getpeername(fd, (struct sockaddr *)&a, &len) < 0)
        return;
    const struct sockaddr_in *four = (const void *)&a;
    const struct sockaddr_in6 *six = (const void *)&a;
    if (a.ss_family == AF_INET)
        inet_ntop(AF_INET, &four->sin_addr, buf, (socklen_t)size);
    else if (a.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
        inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], buf, (socklen_t)size);
    else if (a.ss_family == AF_INET6)
        inet_ntop(AF_INET6, &six->sin6_addr, buf, (socklen_t)size);
    len = sizeof who;
    if (a.ss_family == AF_UNIX && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0)
        snprintf(buf, size, "ipc:%ld", (long)who.pid);
}

static int second_descriptor(int fd)
{
    struct rlimit limit = { 0 };
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (own < 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return own;
    if ((rlim_t)own < limit.rlim_cur - limit.rlim_cur / 4)
        return own;
    close(own);
    return -EMFILE;
}

static struct connection *find(struct connections *c, int fd)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->at[i].fd == fd && !c->at[i].ended)
            return &c->at[i];
    return NULL;
}

void connections_begin(struct connections *c, int fd)
{
    struct connection *old = find(c, fd);
    if (old)
        forget(c, old);
    if (c->n >= CONNECTIONS_MAX || array_room(c->at, c->n, c->room) < 0)
        return;
    int own = second_descriptor(fd);
    if (own < 0)
        return;
    struct connection *k = &c->at[c->n++];
    *k = (struct connection){ .fd = fd, .own = own };
    name_peer(own, k->peer, sizeof k->peer);
}

int64_t connections_heard(struct connections *c, int fd)
{
    const struct connection *k = find(c, fd);
    int64_t heard = k ? tcpinfo_heard(k->own) : 0;
    return heard > 0 ? heard : 0;
}

/* ── End ───────────────────────────────────────────────────────────────── */

void connections_end(struct connections *c, int fd, bool refused, mono_ns now)
{
    struct connection *k = find(c, fd);
    c->strays += !k && refused;
    if (!k)
        return;
    k->ended = true;
    k->refused = refused;
    k->look = now;
}

static bool same_file(int a, int b)
{
    struct stat x, y;
    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int quiet_ms(int fd)
{
    struct tcp_info info = { 0 };
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return -1;
    return info.tcpi_last_data_recv < INT_MAX ? (int)info.tcpi_last_data_recv : INT_MAX;
}

static struct severed_facts look_at(const struct connection *k)
{
    char byte;
    int unread = 0;
    ssize_t n = recv(k->own, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT);
    bool closed = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
    if (n > 0 && (ioctl(k->own, FIONREAD, &unread) < 0 || unread < 1))
        unread = 1;
    return (struct severed_facts){
        .refused = k->refused,
        .ours = same_file(k->fd, k->own),
        .closed = closed,
        .unread = (size_t)unread,
        .quiet_ms = quiet_ms(k->own),
        .last = k->looks >= CONNECTIONS_LOOKS,
    };
}

static bool take_stray(struct connections *c, struct connections_cut *ret)
{
    if (c->strays == 0)
        return false;
    c->strays--;
    *ret = (struct connections_cut){ .peer = "" };
    severed_words(&(struct severed_facts){ .refused = true }, c->most, ret->why, sizeof ret->why);
    return true;
}

bool connections_step(struct connections *c, mono_ns now, struct connections_cut *ret)
{
    for (size_t i = 0; i < c->n;) {
        struct connection *k = &c->at[i];
        if (!k->ended || now < k->look) {
            i++;
            continue;
        }
        k->looks++;
        k->look = now + CONNECTIONS_PAUSE_NS;
        const struct severed_facts facts = look_at(k);
        enum severed verdict = severed_judge(&facts);
        if (verdict == SEVERED_LATER) {
            i++;
            continue;
        }
        if (verdict == SEVERED_YES) {
            memcpy(ret->peer, k->peer, sizeof ret->peer);
            severed_words(&facts, c->most, ret->why, sizeof ret->why);
        }
        forget(c, k);
        if (verdict == SEVERED_YES)
            return true;
    }
    return take_stray(c, ret);
}

mono_ns connections_next(const struct connections *c)
{
    mono_ns next = c->strays > 0 ? 0 : MONO_NEVER;
    for (size_t i = 0; i < c->n; i++)
        if (c->at[i].ended && c->at[i].look < next)
            next = c->at[i].look;
    return next;
}
