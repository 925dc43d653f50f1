/* redirect.h - where a redirect leads, and whether that way goes in circles.
 *
 * Redirects are followed by us and not by libcurl: each place is vetted like a
 * site of its own, and resolved by our resolver. Pure.
 */
#ifndef WORKER_REDIRECT_H
#define WORKER_REDIRECT_H

#include "common/err.h"
#include "common/site.h"

#include <stdbool.h>
#include <stdint.h>

#define REDIRECT_MAX 10 /* followed in one chain */

/* What a Location header means, seen from the URL whose answer had it (RFC 3986
 * section 5, RFC 9110 section 10.2.2), as url_normalise has it. -EINVAL with a
 * sentence when it is no http or https URL that may be watched. */
int redirect_target(const char *base, const char *location, char out[SITE_MAX_URL + 1], struct err *err);

/* The places of one chain. Whoever is at the same place twice goes in circles,
 * unless a cookie was set in between: then the trail is forgotten. */
struct redirect_trail {
    unsigned n;
    uint64_t place[REDIRECT_MAX + 1];
};
void redirect_forget(struct redirect_trail *t);
void redirect_add(struct redirect_trail *t, const char *url);
bool redirect_been_at(const struct redirect_trail *t, const char *url);

#endif
