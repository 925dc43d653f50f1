/* causes.h - from what the libraries said to one word of ours.
 *
 * libcurl's codes and timers for one and the same fault differ between its
 * versions; how far the exchange had come does not. So the phase, which the
 * exchange's own callbacks note, is read first, then errno, OpenSSL's verdict on
 * the certificate, and libcurl's code last.
 *
 * A cause that is ours makes the verdict unknown, every other one makes it down.
 * Pure: tables, and the first row that fits.
 */
#ifndef WORKER_CAUSES_H
#define WORKER_CAUSES_H

#include "common/result.h"

struct judgement {
    enum verdict verdict;
    enum cause cause;
};

/* Down or, for what is ours, unknown. Not for causes that go with up. */
struct judgement judgement_of(enum cause c);

enum phase {
    PHASE_NONE,    /* no socket yet */
    PHASE_CONNECT, /* connecting */
    PHASE_TLS,     /* connected, TLS begun */
    PHASE_SENT,    /* about to send the request, or waiting for the answer */
    PHASE_HEAD,    /* the answer has begun */
    PHASE_BODY,    /* its header is complete */
    PHASE_COUNT,   /* last */
};

/* What the exchange noticed besides. */
enum mark {
    MARK_POLICY = 1 << 0,        /* we refused the address */
    MARK_NO_ROUTE = 1 << 1,      /* unreachable or silent, and this host has no way to it now: see route.h */
    MARK_NO_ROOTS = 1 << 2,      /* no trusted roots here, or the check of certificates could not be set up */
    MARK_HEAD_TOO_LONG = 1 << 3, /* the header passed our ceiling */
    MARK_HEAD_CUT = 1 << 4,      /* it ended within the header */
    MARK_TLS_ALERT = 1 << 5,     /* the peer sent a TLS alert */
    MARK_TLS_CUT = 1 << 6,       /* the peer ended the TLS connection without saying so */
};

struct trouble {
    enum phase phase;
    int code;       /* CURLcode; CURLE_OPERATION_TIMEDOUT where our own timer ended it */
    int os_errno;   /* 0 when no system call failed */
    int x509;       /* X509_V_ERR_...; 0 when fine or not asked */
    unsigned marks; /* of enum mark */
};

/* Why an exchange brought no usable answer. */
/* What happened, for people, where libcurl's own words are for programmers; NULL
 * where they are not. Depends on code and phase alone. */
const char *causes_words(const struct trouble *t);

struct judgement causes_of_exchange(const struct trouble *t);

/* What became of asking for a name. */
enum name_status {
    NAME_OK,
    NAME_NXDOMAIN,
    NAME_NODATA,
    NAME_SERVFAIL,
    NAME_REFUSED,     /* by our resolver */
    NAME_TIMEOUT,     /* no answer for this name */
    NAME_UNREACHABLE, /* nothing listens where our resolver should be */
    NAME_GARBLED,     /* an answer that cannot be read */
    NAME_IMPOSSIBLE,  /* no name at all: an empty label, a label of more than 63 bytes */
    NAME_NO_MEMORY,
    NAME_STATUS_COUNT, /* last */
};

/* Whether that resolver knows the root's own name servers. */
enum root_status {
    ROOT_UNKNOWN, /* not asked */
    ROOT_KNOWN,
    ROOT_DENIED,       /* answered, but not with them: a closed resolver */
    ROOT_SILENT,       /* no answer */
    ROOT_STATUS_COUNT, /* last */
};

/* The server failed, which is not the same as denying the name. */
bool name_is_failure(enum name_status s);
/* Silence, as against an answer that is a failure. */
bool name_is_silence(enum name_status s);

/* Whether the status means nothing before the root has been asked for. */
bool causes_need_root(enum name_status s);

/* Why a name brought no address; not for NAME_OK. */
struct judgement causes_of_name(enum name_status s, enum root_status root);

/* Trouble in reaching the site rather than with what it answered: what a broken
 * network of ours would look like as well. */
bool cause_is_transport(enum cause c);
bool cause_is_timeout(enum cause c);
/* What a peer does that has waited for us for too long, besides. */
bool cause_may_be_impatience(enum cause c);
/* Of our own causes those that a broken network of ours would have. */
bool cause_is_cut_off(enum cause c);
bool cause_is_name(enum cause c);

#endif
