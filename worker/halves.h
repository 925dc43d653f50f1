/* halves.h - the two questions of one name: its IPv4 addresses, and its IPv6 ones.
 *
 * Each may be asked or not, answered or not yet, and come to something else. Here is
 * what both come to together. Pure.
 */
#ifndef WORKER_HALVES_H
#define WORKER_HALVES_H

#include "worker/dnscache.h"

struct half {
    void *owner; /* for whoever asks */
    int type;    /* of the question, likewise */
    bool asked, answered;
    enum name_status status; /* when answered */
    unsigned n;
    struct address address[DNS_MAX_ADDRESSES];
};

struct halves {
    struct half v4, v6;
    uint32_t ttl_s; /* the shortest so far */
};

/* Neither is asked. */
void halves_init(struct halves *h, int type_v4, int type_v6, void *owner);

bool halves_complete(const struct halves *h); /* what was asked is answered */

/* Of what has been answered. An address is one, whatever the other half is. A name
 * that does not exist does not for any type. A failure beside a denial is a failure,
 * because the other half may well be there. Nothing answered: NAME_NODATA. */
enum name_status halves_status(const struct halves *h);

/* As one answer, with a status that the caller has come to. */
void halves_join(const struct halves *h, enum name_status status, enum root_status root,
                 struct dns_answer *ret);

#endif
