/* url.h - which URLs may be watched, and their parts.
 *
 * One parser judges all, libcurl's own, so that what we vet is what is fetched.
 * Everything that takes a URL from a person calls url_normalise and keeps what
 * it returns; everything after that may rely on its promises.
 */
#ifndef COMMON_URL_H
#define COMMON_URL_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define URL_MAX_HOST 255

/* The URL as we keep it: scheme and host in lower case, an international host
 * name as its A-labels (RFC 5891), no fragment, no port that is the scheme's
 * own, "/" for an empty path; numeric hosts in any spelling ("0x7f.1") as plain
 * dotted IPv4; path and query percent-encoded where they are not ASCII.
 *
 * -EINVAL and the reason for: another scheme than http and https, a user or
 * password, no host, port 0, a space or control character, a backslash, more
 * than SITE_MAX_URL bytes; a name without scheme is told how to be written.
 * -ENAMETOOLONG when `size` is too small. `out` and `in` must not overlap. */
int url_normalise(const char *in, char *out, size_t size, struct err *err);

struct url_parts {
    bool https;
    bool numeric;                /* the host is an address, without brackets */
    char host[URL_MAX_HOST + 1]; /* without brackets and without a final dot */
    uint16_t port;
};

/* The parts of a normalised URL; -EINVAL for what url_normalise would refuse. Plain
 * ones, in which nothing can be read in two ways, are split without asking libcurl. */
int url_split(const char *url, struct url_parts *ret, struct err *err);

#endif
