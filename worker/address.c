#include "worker/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

static const struct network_list special_v4 = {
    .count = 19,
    .network = {
        { AF_INET, 8, { 0 } },                /* this network */
        { AF_INET, 8, { 10 } },               /* private */
        { AF_INET, 10, { 100, 64 } },         /* carriers' NAT */
        { AF_INET, 8, { 127 } },              /* loopback */
        { AF_INET, 32, { 168, 63, 129, 16 } }, /* Azure's metadata: a public number */
        { AF_INET, 16, { 169, 254 } },        /* link-local: also the clouds' metadata */
        { AF_INET, 12, { 172, 16 } },         /* private */
        { AF_INET, 24, { 192, 0, 0 } },       /* protocol assignments */
        { AF_INET, 24, { 192, 0, 2 } },       /* documentation */
        { AF_INET, 24, { 192, 31, 196 } },    /* AS112 */
        { AF_INET, 24, { 192, 52, 193 } },    /* AMT relays */
        { AF_INET, 24, { 192, 88, 99 } },     /* 6to4 relays */
        { AF_INET, 16, { 192, 168 } },        /* private */
        { AF_INET, 24, { 192, 175, 48 } },    /* AS112 */
        { AF_INET, 15, { 198, 18 } },         /* benchmarks */
        { AF_INET, 24, { 198, 51, 100 } },    /* documentation */
        { AF_INET, 24, { 203, 0, 113 } },     /* documentation */
        { AF_INET, 4, { 224 } },              /* multicast */
        { AF_INET, 4, { 240 } },              /* reserved, broadcast */
    },
};

static const struct network_list unicast_v6 = {
    .count = 1, .network = { { AF_INET6, 3, { 0x20 } } }, /* 2000::/3: all that was ever given out */
};

static const struct network_list special_v6 = {
    .count = 5,
    .network = {
        { AF_INET6, 23, { 0x20, 0x01, 0 } },             /* protocols: Teredo, ORCHID, AMT, ... */
        { AF_INET6, 32, { 0x20, 0x01, 0x0d, 0xb8 } },    /* documentation */
        { AF_INET6, 16, { 0x20, 0x02 } },                /* 6to4 */
        { AF_INET6, 48, { 0x26, 0x20, 0, 0x4f, 0x80 } }, /* AS112 */
        { AF_INET6, 20, { 0x3f, 0xff, 0x00 } },          /* documentation */
    },
};

/* Prefixes whose addresses carry an IPv4 address, and where in it. */
static const struct carrier {
    uint8_t prefix[12], length; /* in bytes */
    uint8_t at;
} carriers[] = {
    {{ [10] = 0xff, [11] = 0xff }, 12, 12}, /* mapped: no tunnel, it is that IPv4 address */
    { { 0, 0x64, 0xff, 0x9b },     12, 12}, /* NAT64 */
    { { 0x20, 0x02 },              2,  2 }, /* 6to4 */
};

int address_parse(const char *text, struct address *ret)
{
    struct address a = { 0 };
    if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1)
        a.v4.sin_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) == 1)
        a.v6.sin6_family = AF_INET6;
    else
        return -EINVAL;
    *ret = a;
    return 0;
}

char *address_format(char buf[ADDRESS_SIZE], const struct address *a)
{
    bool v4 = a->any.sa_family == AF_INET;
    if (!inet_ntop(a->any.sa_family, v4 ? (const void *)&a->v4.sin_addr : &a->v6.sin6_addr, buf,
                   ADDRESS_SIZE))
        buf[0] = '\0';
    return buf;
}

int address_from(const struct sockaddr *sa, size_t len, struct address *ret)
{
    size_t need = sa->sa_family == AF_INET ? sizeof ret->v4 : sa->sa_family == AF_INET6 ? sizeof ret->v6 : 0;
    if (need == 0)
        return -EAFNOSUPPORT;
    if (len < need)
        return -EINVAL;
    *ret = (struct address){ 0 };
    memcpy(ret, sa, need);
    return 0;
}

static bool is_mapped(const struct address *a)
{
    return a->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr);
}

/* An interface identifier that names an IPv4 address to tunnel to (ISATAP, RFC
 * 5214 section 6.1: 0000:5efe, or 0200:5efe for one that is unique). */
static bool is_isatap(const struct address *a)
{
    const uint8_t *id = a->v6.sin6_addr.s6_addr + 8;
    return (id[0] == 0 || id[0] == 2) && id[1] == 0 && id[2] == 0x5e && id[3] == 0xfe;
}

/* The IPv4 address that travels inside an IPv6 one. */
static bool unwrap(const struct address *a, struct address *ret)
{
    const uint8_t *b = a->v6.sin6_addr.s6_addr;
    if (a->any.sa_family != AF_INET6)
        return false;
    for (const struct carrier *c = carriers; c < carriers + sizeof carriers / sizeof *carriers; c++) {
        if (memcmp(b, c->prefix, c->length) != 0)
            continue;
        *ret = (struct address){ .v4 = { .sin_family = AF_INET } };
        memcpy(&ret->v4.sin_addr, b + c->at, 4);
        return true;
    }
    return false;
}

bool address_global(const struct address *a)
{
    if (a->any.sa_family == AF_INET)
        return !network_list_has(&special_v4, &a->any);
    return a->any.sa_family == AF_INET6 && network_list_has(&unicast_v6, &a->any) &&
           !network_list_has(&special_v6, &a->any) && !is_isatap(a);
}

uint64_t address_place(const struct address *a)
{
    struct address inner;
    if (unwrap(a, &inner))
        a = &inner;
    if (a->any.sa_family == AF_INET)
        return ntohl(a->v4.sin_addr.s_addr) >> 16;
    uint32_t first;
    memcpy(&first, &a->v6.sin6_addr, sizeof first);
    return UINT64_C(1) << 32 | ntohl(first);
}

int address_policy_parse(const char *text, struct address_policy *ret, struct err *err)
{
    struct address_policy p = { 0 };
    int r = network_list_parse(text, &p.allow, err);
    if (r < 0)
        return err_where(err, r, "worker.allow");

    bool v4 = false, v6 = false;
    for (unsigned i = 0; i < p.allow.count; i++)
        if (p.allow.network[i].bits == 0)
            *(p.allow.network[i].family == AF_INET ? &v4 : &v6) = true;
    p.all = v4 && v6;
    *ret = p;
    return 0;
}

bool address_allowed(const struct address_policy *p, const struct address *a)
{
    struct address inner;
    if (p->all)
        return true;
    if (!network_list_has(&p->allow, &a->any)) /* which reads a mapped address as what it is */
        return address_global(a);
    return is_mapped(a) || !unwrap(a, &inner) || network_list_has(&p->allow, &inner.any) ||
           address_global(&inner);
}

/* "b.local." ends with the label "local", and so does "local" itself. */
static bool ends_with_label(const char *host, size_t len, const char *label)
{
    size_t n = strlen(label);
    return len >= n && strncasecmp(host + len - n, label, n) == 0 && (len == n || host[len - n - 1] == '.');
}

static size_t length_without_dot(const char *host)
{
    size_t len = strlen(host);
    return len > 0 && host[len - 1] == '.' ? len - 1 : len;
}

bool address_localhost(const char *host)
{
    return ends_with_label(host, length_without_dot(host), "localhost");
}

bool address_name_allowed(const struct address_policy *p, const char *host)
{
    static const char *const reserved[] = { "local", "onion", "internal", "arpa" };
    size_t len = length_without_dot(host);

    if (p->all || address_localhost(host))
        return true;
    if (!memchr(host, '.', len))
        return false;
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (ends_with_label(host, len, reserved[i]))
            return false;
    return true;
}

bool address_port_reserved(uint16_t port)
{
    static const uint16_t bad[] = {
        1,    7,    9,    11,   13,   15,   17,   19,   20,   21,   22,   23,   25,   37,    42,   43,   53,
        69,   77,   79,   87,   95,   101,  102,  103,  104,  109,  110,  111,  113,  115,   117,  119,  123,
        135,  137,  139,  143,  161,  179,  389,  427,  465,  512,  513,  514,  515,  526,   530,  531,  532,
        540,  548,  554,  556,  563,  587,  601,  636,  989,  990,  993,  995,  1719, 1720,  1723, 2049, 3659,
        4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (bad[i] == port)
            return true;
    return false;
}

bool address_port_allowed(const struct address_policy *p, const struct address *a, uint16_t port)
{
    struct address inner;
    if (port == 0)
        return false;
    if (!address_port_reserved(port) || p->all)
        return true;
    /* To open NAT64 opens no port of those behind it. */
    return network_list_has(&p->allow, unwrap(a, &inner) ? &inner.any : &a->any);
}
