/* token.h - one line with which a host takes part: where the cluster is, by which
 * key it is known, and a secret key of the host's own, which the cluster lets in
 * until it is revoked. `vedette token` prints it, `vedette-worker --join` takes it.
 *
 * As text it is base64url (RFC 4648 section 5) without padding, of:
 *
 *   1   version                1
 *   1   role                   enum access_role
 *   32  the cluster's public key
 *   32  the host's secret key
 *   1+n location, with its length before it; 0 for roles without one
 *   1   how many addresses     1 to TOKEN_MAX_ADDRESSES
 *   1+n each: "host:port", to connect to, with its length before it; a worker's are its
 *       coordinators, all of them
 *   8   until when the key is let in, in microseconds since 1970, the highest byte first;
 *       0: it has no end
 *   8   BLAKE2b of all before, so that a token that was cut or mistyped is told
 *       from a wrong one. It proves nothing.
 *
 * It holds a secret: for files with mode 0600 and the owner's eyes. Pure.
 */
#ifndef COMMON_TOKEN_H
#define COMMON_TOKEN_H

#include "common/access.h"
#include "common/err.h"

#define TOKEN_MAX_ADDRESSES 16
#define TOKEN_ADDRESS_SIZE  136
#define TOKEN_SIZE          3100 /* as text, with terminator: the longest one fits */

struct token {
    enum access_role role;
    char server[KEY_SIZE]; /* public */
    char secret[KEY_SIZE];
    char location[LOCATION_SIZE];
    unsigned n_addresses;
    char address[TOKEN_MAX_ADDRESSES][TOKEN_ADDRESS_SIZE];
    wall_us expires_us; /* as access_key has it: the cluster's clock decides */
};

/* -EINVAL for members out of bounds. */
int token_write(const struct token *t, char buf[TOKEN_SIZE], struct err *err);
/* -EINVAL, -EPROTO for one of a newer version; the sentence quotes nothing of it. */
int token_read(const char *text, struct token *ret, struct err *err);
/* The same question for a setting; "" is fine. */
int token_check(const char *text, struct err *err);

void token_wipe(struct token *t); /* as scoped(token) */
static inline void scope_end_token(struct token *t)
{
    token_wipe(t);
}

#endif
