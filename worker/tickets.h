/* tickets.h - TLS sessions kept for the next look, one for each host and port.
 *
 * A full handshake is most of what an HTTPS look costs, and most of what it
 * proves: a resumed session (RFC 8446 section 2.2, RFC 5077) shows no
 * certificate. So a session is kept with what the full handshake proved, and
 * is offered for an hour after that handshake at most, and never past the end
 * of the certificates seen in it. A certificate that was replaced or revoked by
 * replacement is therefore seen within the hour, an expired one at once. A
 * session that came of a resumed one keeps the first one's proof and its hour.
 *
 * Each session is offered once (RFC 8446 appendix C.4): the server gives
 * another one along with its answer.
 *
 * Bounded: the session unused for longest makes room. One takes its bytes, its
 * origin's, and some 130: 0.5 kB as nginx and OpenSSL make them (350 to 370 bytes
 * without the certificate), 4.3 kB at most. Pure: the times are arguments.
 */
#ifndef WORKER_TICKETS_H
#define WORKER_TICKETS_H

#include "common/clock.h"
#include "common/scope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TICKETS_BELIEVED_NS (3600 * NS_PER_S) /* from the full handshake on */
#define TICKETS_MAX_BYTES   4096              /* of one session; larger ones are not kept */

/* What a full handshake proved. */
struct ticket_proof {
    mono_ns full_ns;    /* when that was */
    wall_us expires_us; /* the earliest end in the verified chain; 0 is never offered */
};

struct ticket {
    const uint8_t *session; /* DER of an SSL_SESSION, as tickets_bare leaves it */
    size_t len;
    struct ticket_proof proof;
};

struct tickets;

int tickets_new(struct tickets **ret, size_t ceiling); /* -ENOMEM; ceiling 0 keeps none */
void tickets_free(struct tickets *t);                  /* NULL is fine */
DEFINE_SCOPED(tickets, struct tickets *, tickets_free)

/* Keep it for that origin ("shop.example:443"), in the place of an earlier one.
 * What cannot be kept for want of memory or for its size is not. */
void tickets_keep(struct tickets *t, const char *origin, const struct ticket *k);

/* Take the origin's session out, if it may be offered now: the bytes are good
 * until the next call. One that may not is forgotten. */
bool tickets_take(struct tickets *t, const char *origin, mono_ns now, wall_us wall, struct ticket *ret);

void tickets_forget_all(struct tickets *t); /* when other roots are trusted */
size_t tickets_count(const struct tickets *t);

/* Leave the peer's certificate out of an SSL_SESSION's DER, in place: it is most
 * of the bytes, costs most of the time to read again, and resuming does not
 * need it. Returns the new length; 0 when the bytes are no such thing. */
size_t tickets_bare(uint8_t *der, size_t len);

#endif
