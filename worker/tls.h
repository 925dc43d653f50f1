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
 * One for each thread, with an OpenSSL library context of its own: threads that
 * share one wait for each other's locks (OpenSSL issue 20286).
 */
#ifndef WORKER_TLS_H
#define WORKER_TLS_H

#include "common/clock.h"
#include "common/err.h"
#include "common/scope.h"

#include <openssl/ssl.h>
#include <stdbool.h>

struct tls;

/* `ca_file` holds the trusted roots (PEM); "": the system's, or
 * those that the environment names with SSL_CERT_FILE. A ca_file that
 * cannot be read is an error; a system without roots is not, but then
 * tls_ready is false and no HTTPS site can be looked at. From now until
 * tls_free, this thread's OpenSSL uses the new library context. */
int tls_new(struct tls **ret, const char *ca_file, struct err *err);
void tls_free(struct tls *t); /* NULL is fine; from the thread that made it, after its connections */
DEFINE_SCOPED(tls, struct tls *, tls_free)

bool tls_ready(const struct tls *t);

/* Looks, at most once a minute, whether the file of roots has changed, and loads
 * it anew then and once a day. What cannot be loaded leaves the old roots. */
void tls_refresh(struct tls *t, mono_ns now);

/* One connection's certificate: whom it must be for, and what was seen. */
struct tls_peer {
    const char *host;   /* borrowed; without brackets and without a final dot */
    bool numeric;       /* host is an address */
    bool asked;         /* the callback was called */
    int x509;           /* X509_V_OK, or the first error */
    wall_us expires_us; /* earliest end in the verified chain without its root; of the
                         * site's own certificate when that failed; 0 unknown */
};

/* Put store and callback into a connection's SSL_CTX. The peer must outlive the
 * connection. -EINVAL, -ENOMEM, -ENOKEY without roots: then the connection must
 * not be made. */
int tls_set_up(struct tls *t, SSL_CTX *ctx, struct tls_peer *peer);

/* The callback was called and all was well. */
static inline bool tls_proved(const struct tls_peer *p)
{
    return p->asked && p->x509 == X509_V_OK;
}

#endif
