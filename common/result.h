/* result.h - what one worker saw for one job.
 *
 * A site that fails is not an error of ours: it is a result. The verdict says
 * what is concluded about the site; the cause says why, in one word that the
 * database, the feed and the documents share. Our own trouble, of whatever
 * kind, is `unknown` and never `down`.
 */
#ifndef COMMON_RESULT_H
#define COMMON_RESULT_H

#include "common/clock.h"
#include "common/job.h"

#define ADDRESS_SIZE   46 /* INET6_ADDRSTRLEN */
#define DETAIL_SIZE    160
#define PATIENCE_MAX_S 86400 /* that a result, or a job, may tell of */

enum verdict {
    VERDICT_UP,
    VERDICT_DOWN,
    VERDICT_UNKNOWN, /* we could not look properly; says nothing of the site */
    VERDICT_COUNT,   /* last */
};

/* Numbers are kept in the database and travel on the wire: append only. */
enum cause {
    CAUSE_NONE = 0, /* up, nothing to explain */

    /* the site's name */
    CAUSE_DNS_NXDOMAIN = 1,
    CAUSE_DNS_NODATA,
    CAUSE_DNS_SERVFAIL,
    CAUSE_DNS_TIMEOUT,
    /* reaching it */
    CAUSE_CONNECT_REFUSED,
    CAUSE_CONNECT_TIMEOUT,
    CAUSE_CONNECT_UNREACHABLE,
    /* TLS and the certificate */
    CAUSE_TLS_HANDSHAKE,
    CAUSE_TLS_TIMEOUT,
    CAUSE_CERT_EXPIRED,
    CAUSE_CERT_NOT_YET_VALID,
    CAUSE_CERT_NAME,
    CAUSE_CERT_UNTRUSTED,
    CAUSE_CERT_OTHER,
    /* the answer */
    CAUSE_TIMEOUT_WAIT, /* connected, no answer */
    CAUSE_TIMEOUT_BODY, /* the answer began and did not end */
    CAUSE_RESET,
    CAUSE_CLOSED,
    CAUSE_PROTOCOL,
    CAUSE_REDIRECT_LOOP, /* the same place twice, or more than ten redirects */
    CAUSE_REDIRECT_BAD,  /* to another scheme, to a forbidden address, or nowhere */
    CAUSE_HTTP_4XX,
    CAUSE_HTTP_5XX,
    CAUSE_HTTP_UNEXPECTED, /* a status below 400 that the site does not accept */
    CAUSE_BLOCKED_WAF,     /* up, behind a filter that refuses us; only ever with VERDICT_UP */
    CAUSE_ASKS_PATIENCE,   /* 429: we ask too often; only ever with VERDICT_UP */
    CAUSE_CONTENT,         /* the keyword is not there */

    /* ours: only ever with VERDICT_UNKNOWN */
    CAUSE_POLICY = 64,    /* an address or port that this worker may not look at */
    CAUSE_WORKER_ERROR,   /* out of descriptors, memory, ports */
    CAUSE_WORKER_SUSPECT, /* a failure that this worker does not trust itself to report */
    CAUSE_DNS_CLOSED,     /* our resolver denies the root itself: its denials say nothing */
    CAUSE_DNS_OURS,       /* our resolver does not answer, refuses, or fails for everybody */
    CAUSE_NO_ROUTE,       /* this host has no way to that kind of address */
    CAUSE_LOST,           /* no worker brought a result back, after all attempts */
    CAUSE_MISSED,         /* nobody was there to look when it was due */
    CAUSE_INTERNAL,       /* anything else; see detail */
    CAUSE_HELD_BACK,      /* out of politeness: as many looks as may be are at that place already */
    CAUSE_END,            /* one past the last */
};

const char *verdict_name(enum verdict v); /* "up", "down", "unknown" */
const char *cause_name(enum cause c);     /* "dns_nxdomain"; "?" for numbers that are none */
const char *cause_words(enum cause c);    /* for sentences: "the name does not exist" */
bool cause_valid(unsigned c);
bool cause_is_ours(enum cause c);

/* Back from a name; -EINVAL. */
int verdict_parse(const char *text, enum verdict *ret);
int cause_parse(const char *text, enum cause *ret);

/* Where the time went, in microseconds, over all hops of the look. */
struct phases {
    uint32_t dns_us, connect_us, tls_us;
    uint32_t wait_us; /* request sent to first byte of the answer */
    uint32_t body_us;
};

struct result {
    uint64_t job_id; /* 0 when no job was ever out (missed) */
    uint64_t seal;   /* the job's; only on its way from the worker to the collector's door, else 0 */
    struct run run;
    uint32_t span; /* consecutive slots of the grid that this line stands for, from run.slot_us on;
                    * 1 but for CAUSE_MISSED */
    enum verdict verdict;
    enum cause cause;
    uint32_t patience_s; /* the site wants to be left alone for that long; CAUSE_ASKS_PATIENCE only */
    uint16_t status;     /* of the last answer; 0 when none came */
    enum method method;  /* HEAD or GET, the one that decided */
    uint8_t redirects;   /* followed */
    bool suspect;        /* the worker doubted itself when it saw this */
    wall_us at_us;       /* when the look began; see result_began */
    uint32_t took_us;    /* from then to the verdict */
    struct phases phases;
    wall_us tls_expires_us;        /* earliest end of a certificate in the chain; 0 without TLS */
    char address[ADDRESS_SIZE];    /* the last one tried; "" before any */
    char worker[WORKER_NAME_SIZE]; /* who looked; "coordinator" for lost and missed */
    uint16_t lane;                 /* which of its threads */
    char detail[DETAIL_SIZE];      /* what the library said, for people; may be "" */
};

/* When the look began, by the middle one of three clocks: the coordinator's, by which the slot had come,
 * the worker's own, and ours, by which the result arrived at `arrived`. In good order that is the worker's
 * word; where one of the three clocks is wrong, by however much, the answer is between those of the other
 * two: a look begins after its slot and before its result is there. */
wall_us result_began(const struct result *r, wall_us arrived);

#endif
