#include "common/endpoint.h"

#include "common/network.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOST_SIZE = 128 };

static bool is_port(const char *text)
{
    char *end;
    if (strcmp(text, "*") == 0)
        return true;
    long n = text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : 0;
    return n > 0 && n < 65536 && *end == '\0';
}

/* A name, an address, or "*". Which of them it is, libzmq finds out. */
static bool is_host(const char *host, size_t len)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    if (len == 0 || len >= HOST_SIZE)
        return false;
    if (len == 1 && *host == '*')
        return true;
    if (*host == '[')
        return len > 3 && host[len - 1] == ']' && strspn(host + 1, "0123456789abcdefABCDEF:.%") == len - 2;
    return *host != '-' && strspn(host, plain) >= len;
}

/* Of tcp://: where the host begins, and its length; NULL for others. */
static const char *find_host(const char *endpoint, size_t *ret_len)
{
    const char *rest = strncmp(endpoint, "tcp://", 6) == 0 ? endpoint + 6 : NULL;
    const char *colon = rest ? strrchr(rest, ':') : NULL;
    *ret_len = colon ? (size_t)(colon - rest) : 0;
    return colon ? rest : NULL;
}

static int check_path(const char *endpoint, struct err *err)
{
    if (strchr(endpoint, ':')[3] == '\0')
        return err_set(err, -EINVAL, "'%.120s' names no path", endpoint);
    if (strlen(endpoint) > 100) /* sockaddr_un holds 107 bytes, see unix(7) */
        return err_set(err, -EINVAL, "'%.120s' is a longer path than a socket may have", endpoint);
    return 0;
}

int endpoint_check(const char *endpoint, struct err *err)
{
    size_t len;
    if (strncmp(endpoint, "ipc://", 6) == 0 || strncmp(endpoint, "inproc://", 9) == 0)
        return check_path(endpoint, err);
    const char *host = find_host(endpoint, &len);
    if (!host || !is_host(host, len) || !is_port(host + len + 1))
        return err_set(err, -EINVAL, "'%.120s' is not an endpoint like tcp://127.0.0.1:7711 or ipc:///run/x",
                       endpoint);
    return 0;
}

bool endpoint_is_tcp(const char *endpoint)
{
    return strncmp(endpoint, "tcp://", 6) == 0;
}

void endpoint_host(const char *endpoint, char *buf, size_t size)
{
    size_t len;
    const char *host = find_host(endpoint, &len);
    snprintf(buf, size, "%.*s", (int)len, host ? host : "");
}

bool endpoint_is_local(const char *endpoint)
{
    char host[HOST_SIZE];
    endpoint_host(endpoint, host, sizeof host);
    return !endpoint_is_tcp(endpoint) || network_is_loopback(host);
}

bool endpoint_is_everywhere(const char *endpoint)
{
    char host[HOST_SIZE];
    endpoint_host(endpoint, host, sizeof host);
    return strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "[::]") == 0;
}

int endpoint_at(const char *endpoint, const char *host, char *buf, size_t size)
{
    size_t len;
    const char *old = find_host(endpoint, &len);
    if (!old)
        return -EINVAL;
    int n = snprintf(buf, size, "tcp://%s%s", host, old + len);
    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int endpoint_to_connect(const char *endpoint, char *buf, size_t size)
{
    char host[HOST_SIZE];
    endpoint_host(endpoint, host, sizeof host);
    if (endpoint_is_everywhere(endpoint))
        return endpoint_at(endpoint, strcmp(host, "[::]") == 0 ? "[::1]" : "127.0.0.1", buf, size);
    int n = snprintf(buf, size, "%s", endpoint);
    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

void endpoint_write_plainly(char *endpoint)
{
    static const char mapped[] = "tcp://[::ffff:";
    char *end = strrchr(endpoint, ']'), *address = endpoint + sizeof mapped - 1;
    if (strncmp(endpoint, mapped, sizeof mapped - 1) != 0 || !end ||
        !memchr(address, '.', (size_t)(end - address)))
        return;
    size_t len = (size_t)(end - address);
    memmove(endpoint + 6, address, len);
    memmove(endpoint + 6 + len, end + 1, strlen(end + 1) + 1);
}
