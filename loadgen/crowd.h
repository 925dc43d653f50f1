/* crowd.h - any number of sites, as a formula.
 *
 * Site number i (1 to `sites`) is called s<i>.d<domain>.test, where a few
 * neighbours share one registered domain; its address, its scheme and whatever
 * else is said of it follow from its number and the seed. So a million sites
 * take no memory, and every program that knows the formula agrees about them.
 * Pure.
 */
#ifndef LOADGEN_CROWD_H
#define LOADGEN_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CROWD_MAX_SITES     100000000u
#define CROWD_MAX_ADDRESSES (1u << 20)
#define CROWD_NAME_SIZE     40 /* "s100000000.d100000000.test" and to spare */
#define PPM                 1000000u

struct crowd {
    uint32_t sites;      /* 1 to CROWD_MAX_SITES */
    uint32_t per_domain; /* sites that share a registered domain, and an address */
    uint32_t https_ppm;  /* share of them with https */
    uint32_t base;       /* first address, host byte order, with room for twice CROWD_MAX_ADDRESSES above */
    uint32_t addresses;  /* how many, from base on */
    uint16_t port;       /* of all of them, http and https alike */
    uint64_t seed;       /* another one is another crowd of the same kind */
};

/* A number from 0 to PPM - 1 that belongs to the site and to what is asked
 * (`about`): the same whenever it is asked. */
uint32_t crowd_draw(const struct crowd *c, uint32_t site, uint32_t about);

bool crowd_https(const struct crowd *c, uint32_t site);

/* "s17.d5.test"; returns its length. `size` of CROWD_NAME_SIZE is enough. */
int crowd_name(const struct crowd *c, uint32_t site, char *buf, size_t size);

/* Which site is called so, in any case of letters, with or without a final dot
 * or ":port"; 0: none. A site's name under another domain than its own is none. */
uint32_t crowd_find(const struct crowd *c, const char *name, size_t len);

/* Where it is served (host byte order), and an address of its own where nobody listens. */
uint32_t crowd_address(const struct crowd *c, uint32_t site);
uint32_t crowd_closed_address(const struct crowd *c, uint32_t site);

/* "https://s17.d5.test:7780/"; returns its length. */
int crowd_url(const struct crowd *c, uint32_t site, char *buf, size_t size);
#define CROWD_URL_SIZE (CROWD_NAME_SIZE + 24)

#endif
