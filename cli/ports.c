#include "cli/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int in_use(const char *setting, const char *endpoint, struct err *err)
{
    return err_set(err, -EADDRINUSE,
                   "%s (%s) is in use: is another vedette running on this machine? End it, or give this one "
                   "places of its own, like --set %s=...",
                   endpoint, setting, setting);
}

/* Bound as the daemon will bind it, and let go at once. */
static bool tcp_is_taken(const char *host, unsigned port)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    const struct sockaddr *at = (const struct sockaddr *)&v4;
    socklen_t len = sizeof v4;
    if (strcmp(host, "[::1]") == 0) {
        v6.sin6_addr = in6addr_loopback;
        at = (const struct sockaddr *)&v6;
        len = sizeof v6;
    } else if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &v4.sin_addr) != 1)
        return false;

    int fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool taken = bind(fd, at, len) < 0 ? errno == EADDRINUSE : listen(fd, 1) < 0 && errno == EADDRINUSE;
    close(fd);
    return taken;
}

/* A socket's path stays when its process dies; only one that answers is in use. */
static bool ipc_is_taken(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof at.sun_path)
        return false;
    strcpy(at.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool taken = connect(fd, (const struct sockaddr *)&at, sizeof at) == 0 || errno == EAGAIN;
    close(fd);
    return taken;
}

int ports_check_one(const char *setting, const char *endpoint, struct err *err)
{
    char host[64];
    if (strncmp(endpoint, "ipc://", 6) == 0)
        return ipc_is_taken(endpoint + 6) ? in_use(setting, endpoint, err) : 0;
    const char *rest = strncmp(endpoint, "tcp://", 6) == 0 ? endpoint + 6 : NULL;
    const char *colon = rest ? strrchr(rest, ':') : NULL;
    if (!colon || (size_t)(colon - rest) >= sizeof host)
        return 0;
    unsigned long port = strtoul(colon + 1, NULL, 10);
    snprintf(host, sizeof host, "%.*s", (int)(colon - rest), rest);
    return port && port < 65536 && tcp_is_taken(host, (unsigned)port) ? in_use(setting, endpoint, err) : 0;
}

int ports_check(const struct config *c, struct err *err)
{
    const struct {
        const char *setting, *endpoint;
    } rows[] = {
        {"endpoint.control",   c->endpoint.control },
        { "endpoint.results",  c->endpoint.results },
        { "endpoint.feed",     c->endpoint.feed    },
        { "endpoint.feedback", c->endpoint.feedback},
    };
    char name[LOCATION_SIZE], jobs[ENDPOINT_SIZE];
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof rows / sizeof *rows; i++)
        r = ports_check_one(rows[i].setting, rows[i].endpoint, err);
    for (unsigned i = 0; r == 0 && config_location(c, i, name, sizeof name); i++) {
        r = config_jobs_endpoint(c, i, jobs, sizeof jobs, err);
        if (r == 0)
            r = ports_check_one("endpoint.jobs", jobs, err);
    }
    return r;
}
