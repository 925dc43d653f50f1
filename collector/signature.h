/* signature.h - the signature of a webhook's request (pure).
 *
 * v1 = hex(HMAC-SHA256(secret, timestamp "." body)), RFC 2104 and FIPS 180-4.
 * The timestamp is the attempt's, in seconds since 1970; a receiver refuses old
 * ones, so that a request that somebody recorded is worth nothing later.
 */
#ifndef COLLECTOR_SIGNATURE_H
#define COLLECTOR_SIGNATURE_H

#include <stddef.h>

#define SIGNATURE_SIZE 68 /* "v1=" and 64 digits */

void signature_v1(char ret[SIGNATURE_SIZE], const char *secret, const char *timestamp, const void *body,
                  size_t len);

#endif
