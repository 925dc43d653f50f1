#include "common/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static unsigned bits_of(int family)
{
    return family == AF_INET ? 32 : 128;
}

/* The address with everything beyond its first `bits` bits zero. */
static void keep_prefix(uint8_t bytes[16], unsigned bits)
{
    for (unsigned i = bits; i < 128; i++)
        bytes[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
}

static int parse_bits(const char *text, unsigned most, unsigned *ret)
{
    unsigned n = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 3 || text[digits])
        return -EINVAL;
    for (const char *p = text; *p; p++)
        n = n * 10 + (unsigned)(*p - '0');
    if (n > most)
        return -EINVAL;
    *ret = n;
    return 0;
}

/* One "10.0.0.0/8"; `text` is cut at the slash. */
static int parse_network(char *text, struct network *ret, struct err *err)
{
    char *slash = strchr(text, '/');
    if (slash)
        *slash++ = '\0';

    struct network n = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };
    if (inet_pton(n.family, text, n.bytes) != 1)
        return err_set(err, -EINVAL, "'%.60s' is not a network like 127.0.0.0/8 or ::1/128", text);

    unsigned bits = bits_of(n.family);
    if (slash && parse_bits(slash, bits, &bits) < 0)
        return err_set(err, -EINVAL, "'/%.20s' behind %.60s is not a prefix of 0 to %u bits", slash, text,
                       bits_of(n.family));
    n.bits = (uint8_t)bits;

    uint8_t whole[16];
    memcpy(whole, n.bytes, sizeof whole);
    keep_prefix(n.bytes, bits);
    if (memcmp(whole, n.bytes, sizeof whole) != 0) {
        char meant[INET6_ADDRSTRLEN];
        inet_ntop(n.family, n.bytes, meant, sizeof meant);
        return err_set(err, -EINVAL, "'%s/%u' has bits beyond its prefix: write %s/%u", text, bits, meant,
                       bits);
    }
    *ret = n;
    return 0;
}

int network_list_parse(const char *text, struct network_list *ret, struct err *err)
{
    struct network_list list = { 0 };
    const char *p = text + strspn(text, " ");

    while (*p) {
        size_t len = strcspn(p, ",");
        const char *next = p[len] ? p + len + 1 : p + len;
        bool more = p[len] == ',';
        while (len > 0 && p[len - 1] == ' ')
            len--;

        char one[64];
        if (len >= sizeof one)
            return err_set(err, -EINVAL, "'%.40s...' is not a network like 127.0.0.0/8 or ::1/128", p);
        memcpy(one, p, len);
        one[len] = '\0';
        if (list.count == NETWORK_LIST_MAX)
            return err_set(err, -EINVAL, "more than %d networks", NETWORK_LIST_MAX);
        int r = parse_network(one, &list.network[list.count], err);
        if (r < 0)
            return r;
        list.count++;

        p = next + strspn(next, " ");
        if (more && !*p)
            return err_set(err, -EINVAL, "a network is missing behind the last comma");
    }
    *ret = list;
    return 0;
}

static bool has_prefix(const uint8_t *bytes, const struct network *n)
{
    unsigned whole = n->bits / 8, rest = n->bits % 8;
    return memcmp(bytes, n->bytes, whole) == 0 &&
           (rest == 0 || (bytes[whole] ^ n->bytes[whole]) >> (8 - rest) == 0);
}

bool network_list_has(const struct network_list *list, const struct sockaddr *address)
{
    int family = address->sa_family;
    uint8_t bytes[16] = { 0 };

    if (family == AF_INET) {
        memcpy(bytes, &((const struct sockaddr_in *)address)->sin_addr, 4);
    } else if (family == AF_INET6) {
        const struct in6_addr *a = &((const struct sockaddr_in6 *)address)->sin6_addr;
        family = IN6_IS_ADDR_V4MAPPED(a) ? AF_INET : AF_INET6;
        if (family == AF_INET)
            memcpy(bytes, a->s6_addr + 12, 4);
        else
            memcpy(bytes, a->s6_addr, 16);
    } else {
        return false;
    }

    for (unsigned i = 0; i < list->count; i++) {
        const struct network *n = &list->network[i];
        if (n->family == family && has_prefix(bytes, n))
            return true;
    }
    return false;
}

bool network_is_loopback(const char *host)
{
    struct in_addr v4;
    if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, host, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}
