#include "worker/causes.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/x509_vfy.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *name;
    struct trouble t;
    enum cause cause;
} stories[] = {
    {"we refused the address",               { PHASE_CONNECT, CURLE_COULDNT_CONNECT, 0, 0, MARK_POLICY },   CAUSE_POLICY             },
    { "no roots",                            { PHASE_TLS, CURLE_ABORTED_BY_CALLBACK, 0, 0, MARK_NO_ROOTS }, CAUSE_WORKER_ERROR       },
    { "no roots, and the check's own error",
     { PHASE_TLS, CURLE_ABORTED_BY_CALLBACK, 0, 1, MARK_NO_ROOTS },
     CAUSE_WORKER_ERROR                                                                                                              },
    { "a peer that was not proved",
     { PHASE_TLS, CURLE_ABORTED_BY_CALLBACK, 0, 0, MARK_NO_ROOTS },
     CAUSE_WORKER_ERROR                                                                                                              },

    { "no descriptors",                      { PHASE_CONNECT, CURLE_COULDNT_CONNECT, EMFILE, 0, 0 },        CAUSE_WORKER_ERROR       },
    { "none in the system",                  { PHASE_CONNECT, CURLE_COULDNT_CONNECT, ENFILE, 0, 0 },        CAUSE_WORKER_ERROR       },
    { "no memory",                           { PHASE_CONNECT, CURLE_COULDNT_CONNECT, ENOMEM, 0, 0 },        CAUSE_WORKER_ERROR       },
    { "no buffers",                          { PHASE_CONNECT, CURLE_COULDNT_CONNECT, ENOBUFS, 0, 0 },       CAUSE_WORKER_ERROR       },
    { "no ports",                            { PHASE_CONNECT, CURLE_COULDNT_CONNECT, EADDRNOTAVAIL, 0, 0 }, CAUSE_WORKER_ERROR       },
    { "our firewall",                        { PHASE_CONNECT, CURLE_COULDNT_CONNECT, EPERM, 0, 0 },         CAUSE_WORKER_ERROR       },
    { "our policy routing",                  { PHASE_CONNECT, CURLE_COULDNT_CONNECT, EACCES, 0, 0 },        CAUSE_WORKER_ERROR       },
    { "no buffers in the middle",            { PHASE_SENT, CURLE_SEND_ERROR, ENOBUFS, 0, 0 },               CAUSE_WORKER_ERROR       },
    { "libcurl has no memory",               { PHASE_CONNECT, CURLE_OUT_OF_MEMORY, 0, 0, 0 },               CAUSE_WORKER_ERROR       },
    { "libcurl does not start",              { PHASE_NONE, CURLE_FAILED_INIT, 0, 0, 0 },                    CAUSE_WORKER_ERROR       },
    { "libcurl cannot",                      { PHASE_NONE, CURLE_NOT_BUILT_IN, 0, 0, 0 },                   CAUSE_WORKER_ERROR       },
    { "we misuse it",                        { PHASE_NONE, CURLE_BAD_FUNCTION_ARGUMENT, 0, 0, 0 },          CAUSE_WORKER_ERROR       },
    { "never got to connect",                { PHASE_NONE, CURLE_OPERATION_TIMEDOUT, 0, 0, 0 },             CAUSE_WORKER_ERROR       },

    { "refused",                             { PHASE_CONNECT, CURLE_COULDNT_CONNECT, ECONNREFUSED, 0, 0 },  CAUSE_CONNECT_REFUSED    },
    { "black hole, 7.88",
     { PHASE_CONNECT, CURLE_OPERATION_TIMEDOUT, ETIMEDOUT, 0, 0 },
     CAUSE_CONNECT_TIMEOUT                                                                                                           },
    { "black hole, 8.21",                    { PHASE_CONNECT, CURLE_OPERATION_TIMEDOUT, 0, 0, 0 },          CAUSE_CONNECT_TIMEOUT    },
    { "the kernel gives up",
     { PHASE_CONNECT, CURLE_COULDNT_CONNECT, ETIMEDOUT, 0, 0 },
     CAUSE_CONNECT_TIMEOUT                                                                                                           },
    { "unreachable on the way",
     { PHASE_CONNECT, CURLE_COULDNT_CONNECT, EHOSTUNREACH, 0, 0 },
     CAUSE_CONNECT_UNREACHABLE                                                                                                       },
    { "net unreachable on the way",
     { PHASE_CONNECT, CURLE_COULDNT_CONNECT, ENETUNREACH, 0, 0 },
     CAUSE_CONNECT_UNREACHABLE                                                                                                       },
    { "host down",                           { PHASE_CONNECT, CURLE_COULDNT_CONNECT, EHOSTDOWN, 0, 0 },     CAUSE_CONNECT_UNREACHABLE},
    { "no TCP there",
     { PHASE_CONNECT, CURLE_COULDNT_CONNECT, ENOPROTOOPT, 0, 0 },
     CAUSE_CONNECT_UNREACHABLE                                                                                                       },
    { "no route from here",
     { PHASE_CONNECT, CURLE_COULDNT_CONNECT, ENETUNREACH, 0, MARK_NO_ROUTE },
     CAUSE_NO_ROUTE                                                                                                                  },
    { "an unreachable route here",
     { PHASE_CONNECT, CURLE_COULDNT_CONNECT, EHOSTUNREACH, 0, MARK_NO_ROUTE },
     CAUSE_NO_ROUTE                                                                                                                  },
    { "silent, with the cable out",
     { PHASE_CONNECT, CURLE_OPERATION_TIMEDOUT, 0, 0, MARK_NO_ROUTE },
     CAUSE_NO_ROUTE                                                                                                                  },
    { "the cable pulled while we wait",
     { PHASE_SENT, CURLE_OPERATION_TIMEDOUT, 0, 0, MARK_NO_ROUTE },
     CAUSE_NO_ROUTE                                                                                                                  },
    { "the route lost in the middle",
     { PHASE_BODY, CURLE_RECV_ERROR, ENETUNREACH, 0, MARK_NO_ROUTE },
     CAUSE_NO_ROUTE                                                                                                                  },
    { "our network is down",                 { PHASE_CONNECT, CURLE_COULDNT_CONNECT, ENETDOWN, 0, 0 },      CAUSE_NO_ROUTE           },
    { "no such family here",                 { PHASE_CONNECT, CURLE_COULDNT_CONNECT, EAFNOSUPPORT, 0, 0 },  CAUSE_NO_ROUTE           },
    { "reset while connecting",              { PHASE_CONNECT, CURLE_COULDNT_CONNECT, ECONNRESET, 0, 0 },    CAUSE_RESET              },
    { "aborted while connecting",            { PHASE_CONNECT, CURLE_COULDNT_CONNECT, ECONNABORTED, 0, 0 },  CAUSE_RESET              },
    { "connect, and no reason",              { PHASE_CONNECT, CURLE_COULDNT_CONNECT, 0, 0, 0 },             CAUSE_INTERNAL           },

    { "TLS fails",                           { PHASE_TLS, CURLE_SSL_CONNECT_ERROR, 0, 0, 0 },               CAUSE_TLS_HANDSHAKE      },
    { "TLS reset",                           { PHASE_TLS, CURLE_SSL_CONNECT_ERROR, ECONNRESET, 0, 0 },      CAUSE_TLS_HANDSHAKE      },
    { "TLS closed, 7.88",                    { PHASE_TLS, CURLE_GOT_NOTHING, 0, 0, 0 },                     CAUSE_TLS_HANDSHAKE      },
    { "TLS closed, 8.21",                    { PHASE_TLS, CURLE_RECV_ERROR, 0, 0, 0 },                      CAUSE_TLS_HANDSHAKE      },
    { "TLS cannot send",                     { PHASE_TLS, CURLE_SEND_ERROR, EPIPE, 0, 0 },                  CAUSE_TLS_HANDSHAKE      },
    { "no common cipher",                    { PHASE_TLS, CURLE_SSL_CIPHER, 0, 0, 0 },                      CAUSE_TLS_HANDSHAKE      },
    { "TLS does not end",                    { PHASE_TLS, CURLE_OPERATION_TIMEDOUT, 0, 0, 0 },              CAUSE_TLS_TIMEOUT        },
    { "a client's certificate is wanted",
     { PHASE_SENT, CURLE_RECV_ERROR, 0, 0, MARK_TLS_ALERT },
     CAUSE_TLS_HANDSHAKE                                                                                                             },

    { "expired",
     { PHASE_TLS, CURLE_PEER_FAILED_VERIFICATION, 0, X509_V_ERR_CERT_HAS_EXPIRED, 0 },
     CAUSE_CERT_EXPIRED                                                                                                              },
    { "not yet valid",
     { PHASE_TLS, CURLE_PEER_FAILED_VERIFICATION, 0, X509_V_ERR_CERT_NOT_YET_VALID, 0 },
     CAUSE_CERT_NOT_YET_VALID                                                                                                        },
    { "another name",
     { PHASE_TLS, CURLE_PEER_FAILED_VERIFICATION, 0, X509_V_ERR_HOSTNAME_MISMATCH, 0 },
     CAUSE_CERT_NAME                                                                                                                 },
    { "another address",
     { PHASE_TLS, CURLE_PEER_FAILED_VERIFICATION, 0, X509_V_ERR_IP_ADDRESS_MISMATCH, 0 },
     CAUSE_CERT_NAME                                                                                                                 },
    { "self-signed",
     { PHASE_TLS, CURLE_PEER_FAILED_VERIFICATION, 0, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, 0 },
     CAUSE_CERT_UNTRUSTED                                                                                                            },
    { "unknown root",
     { PHASE_TLS, CURLE_PEER_FAILED_VERIFICATION, 0, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, 0 },
     CAUSE_CERT_UNTRUSTED                                                                                                            },
    { "unknown issuer",
     { PHASE_TLS, CURLE_PEER_FAILED_VERIFICATION, 0, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, 0 },
     CAUSE_CERT_UNTRUSTED                                                                                                            },
    { "issuer is missing",
     { PHASE_TLS, CURLE_PEER_FAILED_VERIFICATION, 0, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, 0 },
     CAUSE_CERT_UNTRUSTED                                                                                                            },
    { "chain is missing",
     { PHASE_TLS, CURLE_PEER_FAILED_VERIFICATION, 0, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, 0 },
     CAUSE_CERT_UNTRUSTED                                                                                                            },
    { "revoked",
     { PHASE_TLS, CURLE_PEER_FAILED_VERIFICATION, 0, X509_V_ERR_CERT_REVOKED, 0 },
     CAUSE_CERT_OTHER                                                                                                                },
    { "weak",
     { PHASE_TLS, CURLE_PEER_FAILED_VERIFICATION, 0, X509_V_ERR_EE_KEY_TOO_SMALL, 0 },
     CAUSE_CERT_OTHER                                                                                                                },
    { "no memory for it",
     { PHASE_TLS, CURLE_PEER_FAILED_VERIFICATION, 0, X509_V_ERR_OUT_OF_MEM, 0 },
     CAUSE_WORKER_ERROR                                                                                                              },
    { "the code alone",                      { PHASE_TLS, CURLE_PEER_FAILED_VERIFICATION, 0, 0, 0 },        CAUSE_CERT_OTHER         },

    { "no answer",                           { PHASE_SENT, CURLE_OPERATION_TIMEDOUT, 0, 0, 0 },             CAUSE_TIMEOUT_WAIT       },
    { "the kernel gives up waiting",         { PHASE_SENT, CURLE_RECV_ERROR, ETIMEDOUT, 0, 0 },             CAUSE_TIMEOUT_WAIT       },
    { "header does not end",                 { PHASE_HEAD, CURLE_OPERATION_TIMEDOUT, 0, 0, 0 },             CAUSE_TIMEOUT_BODY       },
    { "body does not end",                   { PHASE_BODY, CURLE_OPERATION_TIMEDOUT, 0, 0, 0 },             CAUSE_TIMEOUT_BODY       },
    { "the kernel gives up in the body",
     { PHASE_BODY, CURLE_RECV_ERROR, ETIMEDOUT, 0, 0 },
     CAUSE_TIMEOUT_BODY                                                                                                              },
    { "reset instead of an answer",          { PHASE_SENT, CURLE_RECV_ERROR, ECONNRESET, 0, 0 },            CAUSE_RESET              },
    { "reset in the body",                   { PHASE_BODY, CURLE_RECV_ERROR, ECONNRESET, 0, 0 },            CAUSE_RESET              },
    { "broken pipe",                         { PHASE_SENT, CURLE_SEND_ERROR, EPIPE, 0, 0 },                 CAUSE_RESET              },
    { "the way breaks",                      { PHASE_SENT, CURLE_RECV_ERROR, EHOSTUNREACH, 0, 0 },          CAUSE_CONNECT_UNREACHABLE},
    { "the way breaks, nearer",
     { PHASE_HEAD, CURLE_RECV_ERROR, ENETUNREACH, 0, 0 },
     CAUSE_CONNECT_UNREACHABLE                                                                                                       },
    { "closed",                              { PHASE_SENT, CURLE_GOT_NOTHING, 0, 0, 0 },                    CAUSE_CLOSED             },
    { "closed without saying so",            { PHASE_SENT, CURLE_RECV_ERROR, 0, 0, MARK_TLS_CUT },          CAUSE_CLOSED             },
    { "half a header",                       { PHASE_HEAD, CURLE_OK, 0, 0, MARK_HEAD_CUT },                 CAUSE_CLOSED             },

    { "SSH",                                 { PHASE_SENT, CURLE_UNSUPPORTED_PROTOCOL, 0, 0, 0 },           CAUSE_PROTOCOL           },
    { "double length, 8.21",                 { PHASE_HEAD, CURLE_WEIRD_SERVER_REPLY, 0, 0, 0 },             CAUSE_PROTOCOL           },
    { "double length, 7.88",                 { PHASE_HEAD, CURLE_PARTIAL_FILE, 0, 0, 0 },                   CAUSE_PROTOCOL           },
    { "HTTP/2",                              { PHASE_SENT, CURLE_HTTP2, 0, 0, 0 },                          CAUSE_PROTOCOL           },
    { "an HTTP/2 stream",                    { PHASE_SENT, CURLE_HTTP2_STREAM, 0, 0, 0 },                   CAUSE_PROTOCOL           },
    { "no receiving",                        { PHASE_SENT, CURLE_RECV_ERROR, 0, 0, 0 },                     CAUSE_PROTOCOL           },
    { "no sending",                          { PHASE_SENT, CURLE_SEND_ERROR, 0, 0, 0 },                     CAUSE_PROTOCOL           },
    { "gzip that is none",                   { PHASE_BODY, CURLE_BAD_CONTENT_ENCODING, 0, 0, 0 },           CAUSE_PROTOCOL           },
    { "header too long, 7.88",               { PHASE_HEAD, CURLE_OUT_OF_MEMORY, 0, 0, 0 },                  CAUSE_PROTOCOL           },
    { "header too long, 8.21",               { PHASE_HEAD, 100, 0, 0, 0 },                                  CAUSE_PROTOCOL           },
    { "header too long for us",              { PHASE_HEAD, CURLE_WRITE_ERROR, 0, 0, MARK_HEAD_TOO_LONG },   CAUSE_PROTOCOL           },
    { "body too long for libcurl",           { PHASE_BODY, CURLE_FILESIZE_EXCEEDED, 0, 0, 0 },              CAUSE_PROTOCOL           },

    { "something new",                       { PHASE_SENT, CURLE_LDAP_CANNOT_BIND, 0, 0, 0 },               CAUSE_INTERNAL           },
    { "something new before anything",       { PHASE_NONE, CURLE_URL_MALFORMAT, 0, 0, 0 },                  CAUSE_INTERNAL           },
};

static void every_trouble_has_its_cause(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct judgement j = causes_of_exchange(&stories[i].t);
        if (j.cause != stories[i].cause)
            fail_msg("%s: %s, not %s", stories[i].name, cause_name(j.cause), cause_name(stories[i].cause));
        assert_int_equal(j.verdict, cause_is_ours(j.cause) ? VERDICT_UNKNOWN : VERDICT_DOWN);
    }
}

/* Whatever comes: a valid cause, and no "up". */
static void nothing_is_left_without_a_cause(void **state)
{
    (void)state;
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        for (int code = 0; code < 120; code++)
            for (int e = 0; e < 134; e++) {
                struct trouble t = { .phase = (enum phase)phase, .code = code, .os_errno = e };
                struct judgement j = causes_of_exchange(&t);
                assert_true(cause_valid(j.cause) && j.cause != CAUSE_NONE && j.verdict != VERDICT_UP);
            }
}

static const struct {
    enum name_status status;
    enum root_status root;
    enum cause cause;
} names[] = {
    {NAME_NXDOMAIN,     ROOT_KNOWN,   CAUSE_DNS_NXDOMAIN},
    { NAME_NXDOMAIN,    ROOT_DENIED,  CAUSE_DNS_CLOSED  },
    { NAME_NXDOMAIN,    ROOT_SILENT,  CAUSE_DNS_CLOSED  },
    { NAME_NXDOMAIN,    ROOT_UNKNOWN, CAUSE_DNS_CLOSED  },
    { NAME_NODATA,      ROOT_KNOWN,   CAUSE_DNS_NODATA  },
    { NAME_NODATA,      ROOT_DENIED,  CAUSE_DNS_CLOSED  },
    { NAME_SERVFAIL,    ROOT_KNOWN,   CAUSE_DNS_SERVFAIL},
    { NAME_SERVFAIL,    ROOT_DENIED,  CAUSE_DNS_CLOSED  },
    { NAME_REFUSED,     ROOT_KNOWN,   CAUSE_DNS_OURS    },
    { NAME_REFUSED,     ROOT_DENIED,  CAUSE_DNS_CLOSED  },
    { NAME_TIMEOUT,     ROOT_KNOWN,   CAUSE_DNS_TIMEOUT },
    { NAME_TIMEOUT,     ROOT_SILENT,  CAUSE_DNS_OURS    },
    { NAME_TIMEOUT,     ROOT_UNKNOWN, CAUSE_DNS_OURS    },
    { NAME_TIMEOUT,     ROOT_DENIED,  CAUSE_DNS_CLOSED  },
    { NAME_UNREACHABLE, ROOT_KNOWN,   CAUSE_DNS_OURS    },
    { NAME_UNREACHABLE, ROOT_SILENT,  CAUSE_DNS_OURS    },
    { NAME_GARBLED,     ROOT_KNOWN,   CAUSE_DNS_SERVFAIL},
    { NAME_GARBLED,     ROOT_SILENT,  CAUSE_DNS_OURS    },
    { NAME_IMPOSSIBLE,  ROOT_UNKNOWN, CAUSE_DNS_NXDOMAIN},
    { NAME_NO_MEMORY,   ROOT_KNOWN,   CAUSE_WORKER_ERROR},
};

static void a_denial_counts_from_whom_knows_the_root(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct judgement j = causes_of_name(names[i].status, names[i].root);
        if (j.cause != names[i].cause)
            fail_msg("row %zu: %s", i, cause_name(j.cause));
    }
    /* A name is only ever held against a site when the root is known, or when it
     * can be no name at all. */
    for (int s = NAME_NXDOMAIN; s < NAME_STATUS_COUNT; s++)
        for (int r = 0; r < ROOT_STATUS_COUNT; r++)
            if (causes_of_name((enum name_status)s, (enum root_status)r).verdict == VERDICT_DOWN)
                assert_true(r == ROOT_KNOWN || s == NAME_IMPOSSIBLE);
}

static void kinds_of_causes(void **state)
{
    (void)state;
    for (unsigned c = 0; c < CAUSE_END; c++) {
        if (!cause_valid(c))
            continue;
        if (cause_is_ours((enum cause)c))
            assert_false(cause_is_transport((enum cause)c) || cause_is_timeout((enum cause)c));
        if (cause_is_timeout((enum cause)c))
            assert_true(cause_is_transport((enum cause)c));
    }
    assert_false(cause_is_transport(CAUSE_HTTP_5XX));
    assert_false(cause_is_transport(CAUSE_DNS_NXDOMAIN));
    assert_false(cause_is_transport(CAUSE_CERT_EXPIRED));
    assert_true(cause_is_transport(CAUSE_CONNECT_TIMEOUT));
    assert_true(cause_is_name(CAUSE_DNS_NODATA));
    assert_false(cause_is_name(CAUSE_CONNECT_REFUSED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_trouble_has_its_cause),
        cmocka_unit_test(nothing_is_left_without_a_cause),
        cmocka_unit_test(a_denial_counts_from_whom_knows_the_root),
        cmocka_unit_test(kinds_of_causes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
