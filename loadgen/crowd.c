#include "loadgen/crowd.h"

#include <inttypes.h>
#include <stdio.h>

enum { ABOUT_HTTPS = 1 << 16 }; /* no rule has that number */

/* splitmix64's last steps (Steele, Lea, Flood 2014): every bit of the input moves every bit of the output. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint32_t crowd_draw(const struct crowd *c, uint32_t site, uint32_t about)
{
    return (uint32_t)(mix(mix(c->seed + about) ^ site) % PPM);
}

bool crowd_https(const struct crowd *c, uint32_t site)
{
    return crowd_draw(c, site, ABOUT_HTTPS) < c->https_ppm;
}

static uint32_t domain_of(const struct crowd *c, uint32_t site)
{
    return (site - 1) / c->per_domain + 1;
}

int crowd_name(const struct crowd *c, uint32_t site, char *buf, size_t size)
{
    return snprintf(buf, size, "s%" PRIu32 ".d%" PRIu32 ".test", site, domain_of(c, site));
}

/* A letter and a number after it that has no leading zero; moves on. 0: it is not so. */
static uint32_t take_number(const char **at, const char *end, char letter)
{
    const char *p = *at;
    uint64_t n = 0;
    if (p == end || (*p | 0x20) != letter || ++p == end || *p < '1' || *p > '9')
        return 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        n = n * 10 + (uint64_t)(*p - '0');
        if (n > CROWD_MAX_SITES)
            return 0;
    }
    *at = p;
    return (uint32_t)n;
}

static bool take_text(const char **at, const char *end, const char *text)
{
    const char *p = *at;
    for (; *text; text++, p++)
        if (p == end || (*p != *text && (*p | 0x20) != *text))
            return false;
    *at = p;
    return true;
}

/* What may follow a host's name: a final dot, a port. */
static bool only_port_left(const char *p, const char *end)
{
    if (p < end && *p == '.')
        p++;
    if (p == end)
        return true;
    if (*p++ != ':')
        return false;
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p == end;
}

uint32_t crowd_find(const struct crowd *c, const char *name, size_t len)
{
    const char *at = name, *end = name + len;
    uint32_t site = take_number(&at, end, 's');
    if (site == 0 || site > c->sites || !take_text(&at, end, "."))
        return 0;
    uint32_t domain = take_number(&at, end, 'd');
    if (domain != domain_of(c, site) || !take_text(&at, end, ".test") || !only_port_left(at, end))
        return 0;
    return site;
}

/* Neighbours of a domain live together, as they mostly do. */
uint32_t crowd_address(const struct crowd *c, uint32_t site)
{
    return c->base + (domain_of(c, site) - 1) % c->addresses;
}

uint32_t crowd_closed_address(const struct crowd *c, uint32_t site)
{
    return crowd_address(c, site) + CROWD_MAX_ADDRESSES;
}

int crowd_url(const struct crowd *c, uint32_t site, char *buf, size_t size)
{
    char name[CROWD_NAME_SIZE];
    crowd_name(c, site, name, sizeof name);
    return snprintf(buf, size, "%s://%s:%u/", crowd_https(c, site) ? "https" : "http", name, c->port);
}
