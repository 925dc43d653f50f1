/* exchange.h - one HTTP request over a connection of its own, and its answer.
 *
 * The only file pair that knows libcurl's easy options. The address is given by
 * the caller, so that libcurl never asks for a name; the request has the host
 * name in its Host header, its TLS name and its certificate's check. Redirects
 * are told, not followed. The body is read only where a keyword is looked for,
 * up to a ceiling; otherwise the exchange ends with the header.
 *
 * How far it came is noted by callbacks, with the time (causes.h tells why).
 */
#ifndef WORKER_EXCHANGE_H
#define WORKER_EXCHANGE_H

#include "common/url.h"
#include "worker/address.h"
#include "worker/causes.h"
#include "worker/keyword.h"
#include "worker/tls.h"
#include "worker/transfer.h"

/* Of a header, interim answers included. libcurl keeps a copy of every line, with
 * some hundred bytes of its own: many short ones would cost more than few long ones. */
#define EXCHANGE_MAX_HEAD  (64 * 1024)
#define EXCHANGE_MAX_LINES 500

/* What all exchanges of a thread share. */
struct exchange_kit {
    struct transfers *transfers;
    struct tls *tls;
    const struct address_policy *policy;
    struct curl_slist *headers; /* see exchange_headers */
};

/* What every request says besides its host; NULL when memory is short. For curl_slist_free_all. */
struct curl_slist *exchange_headers(const char *user_agent);

void exchange_prepare(CURL *easy); /* the handle_fn for the kit's transfers */

/* What to ask, and whom. All borrowed until the exchange has ended. */
struct exchange_request {
    const char *url;
    const struct url_parts *parts;
    const struct address *to;
    bool head;
    bool full_handshake;               /* resume no TLS session */
    uint32_t timeout_ms;               /* a backstop: the caller has a timer of its own */
    const struct status_set *accepted; /* statuses whose body matters */
    struct keyword *keyword;           /* NULL: no body wanted */
};

/* What came of it. */
struct exchange_answer {
    int code; /* CURLcode; CURLE_OK also where we ended it because we knew enough */
    enum phase phase;
    int os_errno;
    unsigned marks;  /* of enum mark, without MARK_NO_ROUTE */
    unsigned status; /* 0: no complete header */
    bool filtered, cookies;
    char retry_after[40];        /* "": none; one that is longer than any that can be read is cut */
    bool has_location;           /* a Location header, which may be too long for us: then "" */
    struct tls_peer peer;        /* host NULL without TLS */
    mono_ns at[PHASE_COUNT];     /* when each phase began; 0 never */
    const char *location;        /* never NULL */
    char words[CURL_ERROR_SIZE]; /* what libcurl said; may be "" */
};

typedef void exchange_fn(void *arg, const struct exchange_answer *answer);

/* In place inside somebody else; all zero but for its answer's words is ready to
 * begin. Private but for answer. */
struct exchange {
    const struct exchange_kit *kit;
    const struct exchange_request *request;
    exchange_fn *done;
    void *arg;
    CURL *easy;
    bool under_way;
    unsigned group; /* of transfers; while it is under way */
    bool knows_enough;
    size_t head_bytes, head_lines;
    unsigned status; /* of the header that is being read */
    struct curl_slist connect_to;
    char connect_to_text[ADDRESS_SIZE + 16];
    char *location; /* the answer's; few have one */
    struct exchange_answer answer;
};

/* `fn` is called once, from the loop, unless exchange_stop comes first. The
 * cookies of the exchanges before, back to the last exchange_forget, are sent.
 * -ENOMEM. */
int exchange_begin(struct exchange *x, const struct exchange_kit *kit, const struct exchange_request *request,
                   exchange_fn *fn, void *arg);

/* End it now; answer says how far it had come. Not under way: nothing. */
void exchange_stop(struct exchange *x);

/* The transfer_fn for the kit's transfers. */
void exchange_finished(void *arg, CURL *easy, CURLcode code);

void exchange_forget(struct exchange *x); /* its cookies */
void exchange_done(struct exchange *x);   /* stops it and gives back what it holds */

/* As causes_of_exchange wants it. `code` CURLE_OPERATION_TIMEDOUT when our timer stopped it. */
struct trouble exchange_trouble(const struct exchange_answer *a, int code);

#endif
