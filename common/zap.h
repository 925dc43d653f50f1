/* zap.h - may this peer come in? The answer to one question of ZAP (ZeroMQ's RFC
 * 27), which libzmq asks at every handshake. busguard.h asks and answers; this
 * decides. Pure.
 *
 * Who is not let in gets status 300 and never 400: after 400 a peer of libzmq 4.3
 * does not try again for as long as its socket lives, also when its key is let in
 * a moment later.
 */
#ifndef COMMON_ZAP_H
#define COMMON_ZAP_H

#include "common/access.h"

/* The domain of sockets that ask only so that somebody hears of their
 * connections: everybody may come in, as on every link within this host. */
#define ZAP_OPEN "vedette"

struct zap_request {
    char domain[ACCESS_DOOR_SIZE]; /* the door's name, or ZAP_OPEN */
    char mechanism[16];            /* "NULL", "CURVE" */
    char key[KEY_SIZE];            /* CURVE: the peer's public key */
};

struct zap_answer {
    const char *status; /* "200", "300" */
    const char *text;   /* why */
    bool unknown;       /* refused because no list has its key */
    char user[ACCESS_USER_SIZE];
};

/* `own`: the listener's public key, "" for none; `let_in` may be NULL. */
void zap_decide(const struct zap_request *q, const char *own, const struct access_list *let_in,
                struct zap_answer *ret);

#endif
