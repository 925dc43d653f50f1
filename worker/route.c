#include "worker/route.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define FOUND_FOR_NS (60 * NS_PER_S)

bool route_to(const struct address *a)
{
    struct address to = *a;
    if (address_family(a) == AF_INET)
        to.v4.sin_port = htons(53);
    else
        to.v6.sin6_port = htons(53);

    int fd = socket(address_family(a), SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno != EAFNOSUPPORT;
    int r = connect(fd, &to.any, address_family(a) == AF_INET ? sizeof to.v4 : sizeof to.v6);
    int code = r < 0 ? errno : 0;
    close(fd);
    return code != ENETUNREACH && code != EHOSTUNREACH && code != EADDRNOTAVAIL && code != EINVAL;
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
