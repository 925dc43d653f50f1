/* forge.h - certificates for as many names as there are, each made when it is asked for.
 *
 * At the start a root (written to a file for those who shall trust it), an
 * intermediate and a stranger's root are made; all keys are P-256, the kind that
 * most sites have. A handshake then gets a certificate for the name it asked
 * for, signed on the spot (some 50 us), and nothing is kept for it. May be used
 * by several threads at once.
 */
#ifndef LOADGEN_FORGE_H
#define LOADGEN_FORGE_H

#include "common/err.h"
#include "common/scope.h"

#include <openssl/ssl.h>

struct forge;

/* `ca_file` gets the root in PEM, replaced as a whole; NULL or "": nowhere. */
int forge_new(struct forge **ret, const char *ca_file, struct err *err);
void forge_free(struct forge *f); /* NULL is fine */
DEFINE_SCOPED(forge, struct forge *, forge_free)

enum forged {
    FORGED_GOOD,       /* begun yesterday, good for 60 days */
    FORGED_EXPIRED,    /* ended yesterday */
    FORGED_WRONG_NAME, /* for "elsewhere.test" */
    FORGED_UNTRUSTED,  /* by somebody whom nobody knows */
};

/* Certificate, chain and key for this connection. -EIO, -ENOMEM. */
int forge_dress(struct forge *f, SSL *ssl, const char *name, enum forged kind);

#endif
