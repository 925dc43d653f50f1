/* canaryspec.h - whom a worker asks to find out whether it is its own network that
 * fails: one word of the setting worker.canaries.
 *
 *   coordinator, collector   the endpoints that the worker is connected to
 *   root                     the root's NS records, asked of its own name servers
 *   tcp://HOST:PORT          a connection, opened and closed
 *   http://..., https://...  a HEAD request; any answer is one
 *
 * Only what the operator names is ever asked. Pure.
 */
#ifndef COMMON_CANARYSPEC_H
#define COMMON_CANARYSPEC_H

#include "common/err.h"
#include "common/url.h"

#define CANARY_MAX       16 /* in one setting */
#define CANARY_MAX_WORDS 160

enum canary_kind {
    CANARY_COORDINATOR,
    CANARY_COLLECTOR,
    CANARY_ROOT,
    CANARY_TCP,
    CANARY_URL,
};

struct canary_spec {
    enum canary_kind kind;
    char host[URL_MAX_HOST + 1];    /* tcp: a name or an address, without brackets */
    uint16_t port;                  /* tcp */
    char url[CANARY_MAX_WORDS + 1]; /* url: as url_normalise keeps it */
};

/* One word; -EINVAL with a sentence. */
int canary_spec_parse(const char *word, struct canary_spec *ret, struct err *err);

/* A comma-separated list; how many, or -EINVAL. Empty: 0. */
int canary_spec_list(const char *text, struct canary_spec ret[CANARY_MAX], struct err *err);

/* Only whether it is one: 0 or -EINVAL. */
int canary_spec_check(const char *text, struct err *err);

#endif
