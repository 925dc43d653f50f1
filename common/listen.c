#include "common/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool parse_port(const char *text, size_t len, uint16_t *ret)
{
    char digits[6] = "";
    if (len == 0 || len > 5 || strspn(text, "0123456789") < len)
        return false;
    memcpy(digits, text, len);
    long n = strtol(digits, NULL, 10);
    *ret = (uint16_t)n;
    return n <= UINT16_MAX;
}

/* "7715" or "7717-7719" */
static bool parse_ports(const char *text, struct listen_place *p)
{
    size_t len = strcspn(text, "-");
    if (!parse_port(text, len, &p->first))
        return false;
    p->last = p->first;
    if (text[len] == '\0')
        return true;
    return p->first > 0 && parse_port(text + len + 1, strlen(text + len + 1), &p->last) &&
           p->last >= p->first && p->last - p->first < LISTEN_MAX_PORTS;
}

static bool parse_host(const char *text, size_t len, struct listen_place *p)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&p->at;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&p->at;
    char host[LISTEN_SIZE] = "";
    bool brackets = len > 2 && text[0] == '[' && text[len - 1] == ']';
    if (len >= sizeof host)
        return false;
    memcpy(host, text + brackets, len - 2 * brackets);
    if (brackets) {
        v6->sin6_family = AF_INET6;
        p->len = sizeof *v6;
        return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1;
    }
    v4->sin_family = AF_INET;
    p->len = sizeof *v4;
    return inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &v4->sin_addr) == 1;
}

int listen_parse(const char *text, struct listen_place *ret, struct err *err)
{
    struct listen_place p = { .len = 0 };
    const char *colon = strrchr(text, ':');
    if (!colon || !parse_host(text, (size_t)(colon - text), &p) || !parse_ports(colon + 1, &p))
        return err_set(
            err, -EINVAL,
            "'%.80s' is not a place to listen at, like 127.0.0.1:7715, [::1]:7715 or 127.0.0.1:7717-7719",
            text);
    *ret = p;
    return 0;
}

int listen_check(const char *text, struct err *err)
{
    struct listen_place p;
    return *text ? listen_parse(text, &p, err) : 0;
}

/* ── Opening ───────────────────────────────────────────────────────────── */

static void set_port(struct sockaddr_storage *at, uint16_t port)
{
    if (at->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)at)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)at)->sin_port = htons(port);
}

static void say_where(int fd, char where[LISTEN_SIZE])
{
    struct sockaddr_storage at = { .ss_family = AF_UNSPEC };
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&at;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&at;
    char host[INET6_ADDRSTRLEN] = "?";
    socklen_t len = sizeof at;
    getsockname(fd, (struct sockaddr *)&at, &len);
    if (at.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(where, LISTEN_SIZE, "[%s]:%u", host, ntohs(v6->sin6_port));
    } else {
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(where, LISTEN_SIZE, "%s:%u", host, ntohs(v4->sin_port));
    }
}

/* SO_REUSEADDR: connections of a predecessor that has just ended do not hinder us; a process that listens
 * does. */
static int open_port(const struct listen_place *place, uint16_t port, int backlog)
{
    struct sockaddr_storage at = place->at;
    int on = 1;
    int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    set_port(&at, port);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (at.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&at, place->len) < 0 || listen(fd, backlog) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

int listen_open(const struct listen_place *place, int backlog, int *ret_fd, char where[LISTEN_SIZE],
                struct err *err)
{
    int fd = -EADDRINUSE;
    for (unsigned port = place->first; fd == -EADDRINUSE && port <= place->last; port++)
        fd = open_port(place, (uint16_t)port, backlog);
    if (fd == -EADDRINUSE && place->first == place->last)
        return err_set(err, fd, "port %u is taken by another process", place->first);
    if (fd == -EADDRINUSE)
        return err_set(err, fd, "ports %u to %u are all taken", place->first, place->last);
    if (fd < 0)
        return err_set(err, fd, "cannot listen there: %s", strerror(-fd));
    say_where(fd, where);
    *ret_fd = fd;
    return 0;
}
