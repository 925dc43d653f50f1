#include "worker/causes.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/x509_vfy.h>

struct judgement judgement_of(enum cause c)
{
    return (struct judgement){ .verdict = cause_is_ours(c) ? VERDICT_UNKNOWN : VERDICT_DOWN, .cause = c };
}

/* ── Exchanges ─────────────────────────────────────────────────────────── */

enum { ANY = -1, CODE_TOO_LARGE = 100 /* CURLE_TOO_LARGE, which curl.h has since 8.6 */ };

struct row {
    enum phase from, to;
    int code, os_errno;
    unsigned marks; /* one of these must be there; 0: does not matter */
    enum cause cause;
};

#define EVERYWHERE PHASE_NONE, PHASE_BODY
#define CONNECTING PHASE_CONNECT, PHASE_CONNECT
#define IN_TLS     PHASE_TLS, PHASE_TLS
#define WAITING    PHASE_SENT, PHASE_SENT
#define ANSWERING  PHASE_HEAD, PHASE_BODY
#define AFTERWARDS PHASE_SENT, PHASE_BODY

static const struct row rows[] = {
    {EVERYWHERE,  ANY,                         ANY,                      MARK_POLICY,        CAUSE_POLICY                           },
    { EVERYWHERE, ANY,                         ANY,                      MARK_NO_ROOTS,      CAUSE_WORKER_ERROR                     },
    { EVERYWHERE, ANY,                         ANY,                      MARK_HEAD_TOO_LONG, CAUSE_PROTOCOL                         },

 /* this host ran out of something, or its own firewall forbids it */
    { EVERYWHERE, ANY,                         EMFILE,                   0,                  CAUSE_WORKER_ERROR                     },
    { EVERYWHERE, ANY,                         ENFILE,                   0,                  CAUSE_WORKER_ERROR                     },
    { EVERYWHERE, ANY,                         ENOMEM,                   0,                  CAUSE_WORKER_ERROR                     },
    { EVERYWHERE, ANY,                         ENOBUFS,                  0,                  CAUSE_WORKER_ERROR                     },
    { EVERYWHERE, ANY,                         EADDRNOTAVAIL,            0,                  CAUSE_WORKER_ERROR                     },
    { EVERYWHERE, ANY,                         EPERM,                    0,                  CAUSE_WORKER_ERROR                     },
    { EVERYWHERE, ANY,                         EACCES,                   0,                  CAUSE_WORKER_ERROR                     },
 /* whatever it waited for, it had no way to arrive */
    { EVERYWHERE, ANY,                         ANY,                      MARK_NO_ROUTE,      CAUSE_NO_ROUTE                         },
 /* 7.88 says "out of memory" where 8.x says "header too large" */
    { ANSWERING,  CURLE_OUT_OF_MEMORY,         ANY,                      0,                  CAUSE_PROTOCOL                         },
    { EVERYWHERE, CURLE_OUT_OF_MEMORY,         ANY,                      0,                  CAUSE_WORKER_ERROR                     },
    { EVERYWHERE, CURLE_FAILED_INIT,           ANY,                      0,                  CAUSE_WORKER_ERROR                     },
    { EVERYWHERE, CURLE_NOT_BUILT_IN,          ANY,                      0,                  CAUSE_WORKER_ERROR                     },
    { EVERYWHERE, CURLE_BAD_FUNCTION_ARGUMENT, ANY,                      0,                  CAUSE_WORKER_ERROR                     },
    { PHASE_NONE, PHASE_NONE,                  CURLE_OPERATION_TIMEDOUT, ANY,                0,                                       CAUSE_WORKER_ERROR },

    { CONNECTING,          ANY,                           ECONNREFUSED,                                       0,                   CAUSE_CONNECT_REFUSED                  },
    { CONNECTING,          ANY,                           ETIMEDOUT,                                       0,                      CAUSE_CONNECT_TIMEOUT    },
    { CONNECTING,          ANY,                           ENETDOWN,                                       0,                       CAUSE_NO_ROUTE                   },
    { CONNECTING,          ANY,                           EAFNOSUPPORT,                                       0,                   CAUSE_NO_ROUTE},
    { CONNECTING,          ANY,                           ENETUNREACH,                                       0,                    CAUSE_CONNECT_UNREACHABLE                    },
    { CONNECTING,          ANY,                           EHOSTUNREACH,                                       0,                   CAUSE_CONNECT_UNREACHABLE},
    { CONNECTING,          ANY,                           EHOSTDOWN,                                       0,                      CAUSE_CONNECT_UNREACHABLE                       },
    { CONNECTING,          ANY,                           ENOPROTOOPT,                                       0,                    CAUSE_CONNECT_UNREACHABLE},
    { CONNECTING,          ANY,                           ECONNRESET,                                       0,                     CAUSE_RESET                        },
    { CONNECTING,          ANY,                           ECONNABORTED,                                       0,                   CAUSE_RESET},
    { CONNECTING,          CURLE_OPERATION_TIMEDOUT,                           ANY,                  0,       CAUSE_CONNECT_TIMEOUT                                 },

    { IN_TLS,          CURLE_OPERATION_TIMEDOUT,                               ANY,                      0,       CAUSE_TLS_TIMEOUT},
    { IN_TLS,          CURLE_SSL_CONNECT_ERROR,                               ANY,                       0,        CAUSE_TLS_HANDSHAKE                                 },
    { IN_TLS,          CURLE_RECV_ERROR,                               ANY,                              0,               CAUSE_TLS_HANDSHAKE},
    { IN_TLS,          CURLE_SEND_ERROR,                               ANY,                              0,               CAUSE_TLS_HANDSHAKE                                 },
    { IN_TLS,          CURLE_GOT_NOTHING,                               ANY,                             0,              CAUSE_TLS_HANDSHAKE},
    { IN_TLS,          CURLE_SSL_CIPHER,                               ANY,                              0,               CAUSE_TLS_HANDSHAKE                                 },
    { IN_TLS,          CURLE_PEER_FAILED_VERIFICATION,                               ANY,                0, CAUSE_CERT_OTHER},
 /* TLS 1.3: the server asks for a client's certificate after we believe to be connected */
    { AFTERWARDS,          ANY,                           ANY,                                       MARK_TLS_ALERT,                            CAUSE_TLS_HANDSHAKE                        },

    { WAITING,          CURLE_OPERATION_TIMEDOUT,                              ANY,                     0,       CAUSE_TIMEOUT_WAIT },
    { ANSWERING,          CURLE_OPERATION_TIMEDOUT,                            ANY,                   0,       CAUSE_TIMEOUT_BODY                          },
    { AFTERWARDS,          ANY,                           ECONNRESET,                                       0,                     CAUSE_RESET},
    { AFTERWARDS,          ANY,                           EPIPE,                                       0,                          CAUSE_RESET                               },
    { WAITING,          ANY,                              ETIMEDOUT,                                          0,                      CAUSE_TIMEOUT_WAIT},
    { ANSWERING,          ANY,                            ETIMEDOUT,                                        0,                      CAUSE_TIMEOUT_BODY                                 },
    { AFTERWARDS,          ANY,                           ENETUNREACH,                                       0,                    CAUSE_CONNECT_UNREACHABLE},
    { AFTERWARDS,          ANY,                           EHOSTUNREACH,                                       0,                   CAUSE_CONNECT_UNREACHABLE                                },
    { AFTERWARDS,          ANY,                           ANY,                                       MARK_HEAD_CUT | MARK_TLS_CUT,                            CAUSE_CLOSED},
    { AFTERWARDS,          CURLE_GOT_NOTHING,                           ANY,                         0,              CAUSE_CLOSED                                                           },
    { AFTERWARDS,          CURLE_UNSUPPORTED_PROTOCOL,                           ANY,                0,     CAUSE_PROTOCOL},
    { AFTERWARDS,          CURLE_WEIRD_SERVER_REPLY,                           ANY,                  0,       CAUSE_PROTOCOL                                                           },
    { AFTERWARDS,          CURLE_HTTP2,                           ANY,                               0,                    CAUSE_PROTOCOL},
    { AFTERWARDS,          CURLE_PARTIAL_FILE,                           ANY,                        0,             CAUSE_PROTOCOL                                                           },
    { AFTERWARDS,          CURLE_SEND_ERROR,                           ANY,                          0,               CAUSE_PROTOCOL},
    { AFTERWARDS,          CURLE_RECV_ERROR,                           ANY,                          0,               CAUSE_PROTOCOL                                                           },
    { AFTERWARDS,          CURLE_BAD_CONTENT_ENCODING,                           ANY,                0,     CAUSE_PROTOCOL},
    { AFTERWARDS,          CURLE_HTTP2_STREAM,                           ANY,                        0,             CAUSE_PROTOCOL                                                           },
    { AFTERWARDS,          CODE_TOO_LARGE,                           ANY,                            0,                 CAUSE_PROTOCOL},
    { AFTERWARDS,          CURLE_FILESIZE_EXCEEDED,                           ANY,                   0,        CAUSE_PROTOCOL                                                           },
};

static bool fits(const struct row *r, const struct trouble *t)
{
    return t->phase >= r->from && t->phase <= r->to && (r->code == ANY || r->code == t->code) &&
           (r->os_errno == ANY || r->os_errno == t->os_errno) && (r->marks == 0 || (r->marks & t->marks));
}

static const struct {
    int x509;
    enum cause cause;
} certificates[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED,                   CAUSE_CERT_EXPIRED      },
    { X509_V_ERR_CERT_NOT_YET_VALID,                CAUSE_CERT_NOT_YET_VALID},
    { X509_V_ERR_HOSTNAME_MISMATCH,                 CAUSE_CERT_NAME         },
    { X509_V_ERR_IP_ADDRESS_MISMATCH,               CAUSE_CERT_NAME         },
    { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,         CAUSE_CERT_UNTRUSTED    },
    { X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,       CAUSE_CERT_UNTRUSTED    },
    { X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,         CAUSE_CERT_UNTRUSTED    },
    { X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, CAUSE_CERT_UNTRUSTED    },
    { X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,   CAUSE_CERT_UNTRUSTED    },
    { X509_V_ERR_OUT_OF_MEM,                        CAUSE_WORKER_ERROR      },
};

static enum cause cause_of_certificate(int x509)
{
    for (size_t i = 0; i < sizeof certificates / sizeof *certificates; i++)
        if (certificates[i].x509 == x509)
            return certificates[i].cause;
    return CAUSE_CERT_OTHER;
}

struct judgement causes_of_exchange(const struct trouble *t)
{
    const unsigned before = MARK_POLICY | MARK_NO_ROOTS;
    if (t->phase == PHASE_TLS && t->x509 != X509_V_OK && !(t->marks & before))
        return judgement_of(cause_of_certificate(t->x509));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (fits(&rows[i], t))
            return judgement_of(rows[i].cause);
    return judgement_of(CAUSE_INTERNAL);
}

const char *causes_words(const struct trouble *t)
{
    static const struct {
        enum phase from, to;
        int code;
        const char *words;
    } said[] = {
        {CONNECTING,  CURLE_COULDNT_CONNECT,      "no connection"                                                     },
        { EVERYWHERE, CURLE_UNSUPPORTED_PROTOCOL, "it does not begin as an answer of HTTP does"                       },
        { EVERYWHERE, CURLE_WEIRD_SERVER_REPLY,   "the header of the answer cannot be read"                           },
        { EVERYWHERE, CURLE_PARTIAL_FILE,         "the answer was cut off in the middle"                              },
        { ANSWERING,  CURLE_RECV_ERROR,           "the answer was cut off in the middle, or is not chunked as it says"},
        { EVERYWHERE, CURLE_BAD_CONTENT_ENCODING, "the answer is not compressed as it says"                           },
        { AFTERWARDS, CURLE_GOT_NOTHING,          "not a byte of an answer"                                           },
    };
    if (t->marks & MARK_HEAD_TOO_LONG)
        return "the header of the answer has no end";
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (t->phase >= said[i].from && t->phase <= said[i].to && t->code == said[i].code)
            return said[i].words;
    return NULL;
}

/* ── Names ─────────────────────────────────────────────────────────────── */

static const enum cause name_causes[NAME_STATUS_COUNT][ROOT_STATUS_COUNT] = {
  /*                       root not asked      known               denied              silent */
    [NAME_OK] = {CAUSE_INTERNAL,      CAUSE_INTERNAL,     CAUSE_INTERNAL,     CAUSE_INTERNAL    },
    [NAME_NXDOMAIN] = { CAUSE_DNS_CLOSED,   CAUSE_DNS_NXDOMAIN, CAUSE_DNS_CLOSED,   CAUSE_DNS_CLOSED  },
    [NAME_NODATA] = { CAUSE_DNS_CLOSED,   CAUSE_DNS_NODATA,   CAUSE_DNS_CLOSED,   CAUSE_DNS_CLOSED  },
    [NAME_SERVFAIL] = { CAUSE_DNS_CLOSED,   CAUSE_DNS_SERVFAIL, CAUSE_DNS_CLOSED,   CAUSE_DNS_CLOSED  },
    [NAME_REFUSED] = { CAUSE_DNS_CLOSED,   CAUSE_DNS_OURS,     CAUSE_DNS_CLOSED,   CAUSE_DNS_CLOSED  },
    [NAME_TIMEOUT] = { CAUSE_DNS_OURS,     CAUSE_DNS_TIMEOUT,  CAUSE_DNS_CLOSED,   CAUSE_DNS_OURS    },
    [NAME_UNREACHABLE] = { CAUSE_DNS_OURS,     CAUSE_DNS_OURS,     CAUSE_DNS_OURS,     CAUSE_DNS_OURS    },
    [NAME_GARBLED] = { CAUSE_DNS_OURS,     CAUSE_DNS_SERVFAIL, CAUSE_DNS_CLOSED,   CAUSE_DNS_OURS    },
    [NAME_IMPOSSIBLE] = { CAUSE_DNS_NXDOMAIN, CAUSE_DNS_NXDOMAIN, CAUSE_DNS_NXDOMAIN, CAUSE_DNS_NXDOMAIN},
    [NAME_NO_MEMORY] = { CAUSE_WORKER_ERROR, CAUSE_WORKER_ERROR, CAUSE_WORKER_ERROR, CAUSE_WORKER_ERROR},
};

bool name_is_failure(enum name_status s)
{
    return s != NAME_OK && s != NAME_NODATA && s != NAME_NXDOMAIN && s != NAME_IMPOSSIBLE;
}

bool name_is_silence(enum name_status s)
{
    return s == NAME_TIMEOUT || s == NAME_UNREACHABLE;
}

bool causes_need_root(enum name_status s)
{
    return s == NAME_NXDOMAIN || s == NAME_NODATA || s == NAME_SERVFAIL || s == NAME_REFUSED ||
           s == NAME_TIMEOUT || s == NAME_GARBLED;
}

struct judgement causes_of_name(enum name_status s, enum root_status root)
{
    return judgement_of(name_causes[s][root]);
}

/* ── Kinds of causes ───────────────────────────────────────────────────── */

bool cause_is_timeout(enum cause c)
{
    return c == CAUSE_DNS_TIMEOUT || c == CAUSE_CONNECT_TIMEOUT || c == CAUSE_TLS_TIMEOUT ||
           c == CAUSE_TIMEOUT_WAIT || c == CAUSE_TIMEOUT_BODY;
}

bool cause_may_be_impatience(enum cause c)
{
    return c == CAUSE_RESET || c == CAUSE_CLOSED || c == CAUSE_TLS_HANDSHAKE;
}

bool cause_is_cut_off(enum cause c)
{
    return c == CAUSE_NO_ROUTE || c == CAUSE_DNS_OURS || c == CAUSE_DNS_CLOSED;
}

bool cause_is_name(enum cause c)
{
    return c >= CAUSE_DNS_NXDOMAIN && c <= CAUSE_DNS_TIMEOUT;
}

bool cause_is_transport(enum cause c)
{
    return cause_is_timeout(c) || c == CAUSE_DNS_SERVFAIL || c == CAUSE_CONNECT_REFUSED ||
           c == CAUSE_CONNECT_UNREACHABLE || c == CAUSE_TLS_HANDSHAKE || c == CAUSE_RESET ||
           c == CAUSE_CLOSED;
}
