/* tls.h - certificates, verified by us.
 *
 * libcurl's own verification would load the system's roots for each connection
 * (20 ms of work on Debian), tells nothing of a certificate that it refuses, and
 * depends on how it was built. So it is switched off, and each TLS connection
 * gets our store of roots, loaded once, and our callback, which checks chain,
 * time and name with OpenSSL and writes down what it saw.
 *
 * Switched off without the callback would be no verification at all. Therefore
 * everything fails closed: when any step of setting up fails, the connection is
 * aborted, and before a request is sent the exchange asks tls_proved.
 *
 * A look that may do with less resumes the session of an earlier one, see
 * tickets.h: then the certificate was proved by the full handshake before it.
 *
 * One for each thread, with an OpenSSL library context of its own: threads that
 * share one wait for each other's locks (OpenSSL issue 20286). In such a thread
 * libcurl's connections share one SSL_CTX: SSL_CTX_new is replaced, see tls.c.
 */
#ifndef WORKER_TLS_H
#define WORKER_TLS_H

#include "common/clock.h"
#include "common/err.h"
#include "common/scope.h"
#include "worker/tickets.h"

#include <openssl/ssl.h>
#include <stdbool.h>

struct tls;

/* `sessions` are kept to be resumed, 0 for none. `ca_file` holds the trusted roots (PEM); "": the system's,
 * or those that the environment names with SSL_CERT_FILE. A ca_file that cannot be read is an error; a system
 * without roots is not, but then tls_ready is false and no HTTPS site can be looked at. From now until
 * tls_free, this thread's OpenSSL uses the new library context. */
int tls_new(struct tls **ret, const char *ca_file, size_t sessions, struct err *err);
void tls_free(struct tls *t); /* NULL is fine; from the thread that made it, after its connections */
DEFINE_SCOPED(tls, struct tls *, tls_free)

bool tls_ready(const struct tls *t);

/* Looks, at most once a minute, whether the file of roots has changed, and loads
 * it anew then and once a day; no session of before is resumed then. What cannot
 * be loaded leaves the old roots. */
void tls_refresh(struct tls *t, mono_ns now);

/* One connection's certificate: whom it must be for, and what was seen. */
struct tls_peer {
    const char *host;   /* borrowed; without brackets and without a final dot */
    uint16_t port;      /* with the host: whose session it is */
    bool numeric;       /* host is an address */
    bool full;          /* resume nothing */
    bool asked;         /* the callback was called */
    bool resumed;       /* it was not, since a full handshake had proved the same */
    int x509;           /* X509_V_OK, or the first error */
    wall_us expires_us; /* earliest end in the verified chain without its root; of the
                         * site's own certificate when that failed; 0 unknown */

    /* tls.c's own */
    struct tls *tls;
    SSL *ssl;                  /* for as long as there is one */
    struct ticket_proof proof; /* of the session that was offered */
    unsigned roots;            /* which ones were trusted when it began */
    bool begun, kept;
};

/* Put store and callbacks into a connection's SSL_CTX, and offer a session if there
 * is one. The connection is the thread's next SSL_new. The peer stays where it is until
 * tls_part. -EINVAL, -ENOMEM, -ENOKEY without roots: then the connection must not be made. */
int tls_set_up(struct tls *t, SSL_CTX *ctx, struct tls_peer *peer);

/* The look is over, and the peer's memory may go: libcurl from 8.10 on may keep the
 * connection for a while to take leave of the server. A peer that was never set up
 * is all zero. */
void tls_part(struct tls_peer *peer);

/* All was well with the certificate, in this handshake or in the one that is resumed. */
static inline bool tls_proved(const struct tls_peer *p)
{
    return (p->asked || p->resumed) && p->x509 == X509_V_OK;
}

size_t tls_sessions(const struct tls *t); /* that are kept now */

#endif
