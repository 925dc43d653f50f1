/* visit.h - one connection, from accept to close.
 *
 * Plain and TLS on the same port: the first byte tells (RFC 8446 section 5.1:
 * a handshake record begins with 22). A request is read, its rule looked up,
 * its latency waited out, its answer written; then the next one, if the other
 * side likes.
 */
#ifndef LOADGEN_VISIT_H
#define LOADGEN_VISIT_H

#include "loadgen/serving.h"
#include "loadgen/tally.h"

#include <uv.h>

struct visits { /* of one thread; lives until its loop is done */
    uv_loop_t *loop;
    struct serving *serving;
    struct tally *tally;
    uint64_t luck; /* state of the draws for requests; any number but 0 */
    unsigned open, most;
    struct visit *list;
};

/* Takes the descriptor over, whatever becomes of it. */
void visit_begin(struct visits *v, int fd);

void visits_end(struct visits *v); /* closes all; they are gone when the loop has turned */

/* For TLS contexts of struct serving: the certificate follows the name asked for.
 * -ENOMEM. `resume`: whether sessions may be resumed (by tickets). */
int visit_tls_new(SSL_CTX **ret, bool resume);

#endif
