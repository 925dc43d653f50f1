#include "worker/nameservers.h"

#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RESOLV_CONF   "/etc/resolv.conf"
#define LOOK_AGAIN_NS (10 * NS_PER_S)

/* "192.0.2.1", "192.0.2.1:5353", "2001:db8::1" or "[2001:db8::1]:5353" */
static int parse_server(const char *text, struct address *ret, struct err *err)
{
    char host[64];
    unsigned long port = 53;
    const char *colon = NULL;
    size_t len = strlen(text);

    if (text[0] == '[') {
        const char *end = strchr(text, ']');
        len = end ? (size_t)(end - ++text) : 0;
        colon = end && end[1] == ':' ? end + 1 : NULL;
    } else if (strchr(text, ':') == strrchr(text, ':') && strchr(text, ':')) {
        colon = strchr(text, ':');
        len = (size_t)(colon - text);
    }
    char *end = NULL;
    if (colon)
        port = strtoul(colon + 1, &end, 10);
    if (len == 0 || len >= sizeof host || port == 0 || port > 65535 || (end && (*end || end == colon + 1)))
        return err_set(err, -EINVAL, "worker.resolver: '%.60s' is not an address like 192.0.2.1:53", text);
    memcpy(host, text, len);
    host[len] = '\0';
    if (address_parse(host, ret) < 0)
        return err_set(err, -EINVAL, "worker.resolver: '%.60s' is not a numeric address", host);
    *(address_family(ret) == AF_INET ? &ret->v4.sin_port : &ret->v6.sin6_port) = htons((uint16_t)port);
    return 0;
}

static int configured_servers(const char *list, struct address ret[NAMESERVERS_MAX], struct err *err)
{
    char copy[256], *rest = copy;
    int n = 0;
    snprintf(copy, sizeof copy, "%s", list);
    for (char *one; (one = strsep(&rest, ","));) {
        one += strspn(one, " ");
        one[strcspn(one, " ")] = '\0';
        if (!*one)
            continue;
        if (n == NAMESERVERS_MAX)
            return err_set(err, -EINVAL, "worker.resolver: more than %d servers", NAMESERVERS_MAX);
        int r = parse_server(one, &ret[n], err);
        if (r < 0)
            return r;
        n++;
    }
    return n;
}

/* resolv.conf as c-ares reads it; 127.0.0.1 when it names nobody. */
static int system_servers(struct address ret[NAMESERVERS_MAX], struct err *err)
{
    ares_channel channel;
    struct ares_addr_port_node *list = NULL;
    int n = 0, status = ares_init(&channel);
    if (status != ARES_SUCCESS)
        return err_set(err, -EIO, "c-ares: %s", ares_strerror(status));

    status = ares_get_servers_ports(channel, &list);
    for (const struct ares_addr_port_node *s = list; s && n < NAMESERVERS_MAX; s = s->next) {
        in_port_t port = htons((uint16_t)(s->udp_port ? s->udp_port : 53));
        struct address a = { 0 };
        if (s->family == AF_INET)
            a.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = port, .sin_addr = s->addr.addr4 };
        else {
            a.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = port };
            memcpy(&a.v6.sin6_addr, &s->addr.addr6, sizeof a.v6.sin6_addr);
        }
        ret[n++] = a;
    }
    ares_free_data(list);
    ares_destroy(channel);
    return status == ARES_SUCCESS ? n : err_set(err, -EIO, "c-ares: %s", ares_strerror(status));
}

int nameservers_list(const char *configured, struct address ret[NAMESERVERS_MAX], struct err *err)
{
    return configured[0] ? configured_servers(configured, ret, err) : system_servers(ret, err);
}

bool nameservers_changed(struct nameservers_watch *w, mono_ns now)
{
    struct stat st;
    if (now < w->look_again)
        return false;
    w->look_again = now + LOOK_AGAIN_NS;
    if (stat(RESOLV_CONF, &st) < 0)
        st.st_mtim = (struct timespec){ 0 };
    bool same = st.st_mtim.tv_sec == w->seen.tv_sec && st.st_mtim.tv_nsec == w->seen.tv_nsec;
    bool first = !w->looked;
    w->looked = true;
    w->seen = st.st_mtim;
    return !same && !first;
}
