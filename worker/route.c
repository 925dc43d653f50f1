#include "worker/route.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FOUND_FOR_NS (60 * NS_PER_S)
#define LINKS_FOR_NS NS_PER_S

/* 0 with the address that we would send from (family AF_UNSPEC when that is not
 * known), or the errno. */
static int try_route(const struct address *a, struct address *ret_from)
{
    struct address to = *a;
    if (address_family(a) == AF_INET)
        to.v4.sin_port = htons(53);
    else
        to.v6.sin6_port = htons(53);

    memset(ret_from, 0, sizeof *ret_from);
    int fd = socket(address_family(a), SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno == EAFNOSUPPORT ? ENETUNREACH : 0;
    int r = connect(fd, &to.any, address_family(a) == AF_INET ? sizeof to.v4 : sizeof to.v6);
    int code = r < 0 ? errno : 0;
    socklen_t len = sizeof *ret_from;
    if (code == 0 && getsockname(fd, &ret_from->any, &len) < 0)
        memset(ret_from, 0, sizeof *ret_from);
    close(fd);
    return code;
}

static bool is_no_route(int code)
{
    return code == ENETUNREACH || code == EHOSTUNREACH || code == EADDRNOTAVAIL || code == EINVAL;
}

bool route_to(const struct address *a)
{
    struct address from;
    return !is_no_route(try_route(a, &from));
}

void routes_init(struct routes *r, uint32_t v4, uint32_t v6)
{
    *r = (struct routes){ .v4 = v4, .v6 = v6 };
}

/* Root name servers: addresses that stay, and that everybody has a route to who
 * has one to anything. */
static void find_out(struct routes *r, mono_ns now)
{
    struct address a;
    r->found_v4 = address_parse("198.41.0.4", &a) == 0 && route_to(&a);
    r->found_v6 = address_parse("2001:503:ba3e::2:30", &a) == 0 && route_to(&a);
    r->look_again = now + FOUND_FOR_NS;
}

bool routes_have(struct routes *r, int family, mono_ns now)
{
    uint32_t set = family == AF_INET ? r->v4 : r->v6;
    if (set < 2)
        return set == 1;
    if (now >= r->look_again)
        find_out(r, now);
    return family == AF_INET ? r->found_v4 : r->found_v6;
}

bool routes_usable(struct routes *r, const struct address *a, mono_ns now)
{
    uint32_t set = address_family(a) == AF_INET ? r->v4 : r->v6;
    return set != 0 && (!address_global(a) || routes_have(r, address_family(a), now));
}

/* ── Links ─────────────────────────────────────────────────────────────── */

static bool has_no_carrier(const struct ifaddrs *i)
{
    return (i->ifa_flags & IFF_UP) && !(i->ifa_flags & (IFF_RUNNING | IFF_LOOPBACK));
}

static bool same_address(const struct sockaddr *a, const struct address *b)
{
    if (!a || a->sa_family != b->any.sa_family)
        return false;
    if (a->sa_family == AF_INET)
        return ((const struct sockaddr_in *)a)->sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return a->sa_family == AF_INET6 && memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, &b->v6.sin6_addr,
                                              sizeof b->v6.sin6_addr) == 0;
}

/* Whether an interface without carrier has that address; NULL: any address. */
static bool is_unplugged(const struct address *from)
{
    struct ifaddrs *all = NULL;
    bool found = false;
    if (getifaddrs(&all) < 0)
        return false;
    for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next)
        found = has_no_carrier(i) && (!from || same_address(i->ifa_addr, from));
    freeifaddrs(all);
    return found;
}

/* The list of interfaces is asked for once a second at most, unless some cable is out. */
bool routes_lost(struct routes *r, const struct address *a, mono_ns now)
{
    struct address from;
    if (is_no_route(try_route(a, &from)))
        return true;
    if (now >= r->links_until) {
        r->unplugged = is_unplugged(NULL);
        r->links_until = now + LINKS_FOR_NS;
    }
    return r->unplugged && is_unplugged(&from);
}
