/* domain.h - whose place a URL is: the registered domain of its host.
 *
 * "a.shop.example.co.uk" and "b.shop.example.co.uk" are one owner's,
 * example.co.uk; "a.github.io" and "b.github.io" are two owners'. Which names
 * people register under is the public suffix list, by libpsl: the system's copy
 * (package publicsuffix) where that is newer than libpsl itself.
 */
#ifndef COORDINATOR_DOMAIN_H
#define COORDINATOR_DOMAIN_H

#include "common/scope.h"

#include <stdint.h>

struct domains;

int domains_new(struct domains **ret);
void domains_free(struct domains *d); /* NULL is fine */
DEFINE_SCOPED(domains, struct domains *, domains_free)

/* A number for the registered domain of a normalised URL; equal for equal ones. 0
 * where there is none to be considerate of: addresses (the workers count those),
 * and the names that the internet will never have (RFC 6761: .test, .example,
 * .invalid, .localhost). Two domains share a number as rarely as 64 bits allow. */
uint64_t domains_key(const struct domains *d, const char *url);

#endif
