#include "common/result.h"

#include <errno.h>
#include <string.h>

static const char *const verdicts[] = {
    [VERDICT_UP] = "up",
    [VERDICT_DOWN] = "down",
    [VERDICT_UNKNOWN] = "unknown",
};
_Static_assert(sizeof verdicts / sizeof *verdicts == VERDICT_COUNT, "every verdict has a name");

static const struct {
    const char *name, *words;
} causes[CAUSE_END] = {
    [CAUSE_NONE] = {"none",                 "it answered well"                                     },
    [CAUSE_DNS_NXDOMAIN] = { "dns_nxdomain",        "the name does not exist"                              },
    [CAUSE_DNS_NODATA] = { "dns_nodata",          "the name has no address"                              },
    [CAUSE_DNS_SERVFAIL] = { "dns_servfail",        "the name's servers fail"                              },
    [CAUSE_DNS_TIMEOUT] = { "dns_timeout",         "the name's servers do not answer"                     },
    [CAUSE_CONNECT_REFUSED] = { "connect_refused",     "the connection was refused"                           },
    [CAUSE_CONNECT_TIMEOUT] = { "connect_timeout",     "no connection came about in time"                     },
    [CAUSE_CONNECT_UNREACHABLE] = { "connect_unreachable", "the network says there is no way to it"               },
    [CAUSE_TLS_HANDSHAKE] = { "tls_handshake",       "the TLS handshake failed"                             },
    [CAUSE_TLS_TIMEOUT] = { "tls_timeout",         "the TLS handshake did not end in time"                },
    [CAUSE_CERT_EXPIRED] = { "cert_expired",        "the certificate has expired"                          },
    [CAUSE_CERT_NOT_YET_VALID] = { "cert_not_yet_valid",  "the certificate is not valid yet"                     },
    [CAUSE_CERT_NAME] = { "cert_name",           "the certificate is for another name"                  },
    [CAUSE_CERT_UNTRUSTED] = { "cert_untrusted",      "the certificate's issuer is not trusted"              },
    [CAUSE_CERT_OTHER] = { "cert_other",          "the certificate could not be verified"                },
    [CAUSE_TIMEOUT_WAIT] = { "timeout_wait",        "it accepted the connection and did not answer in time"},
    [CAUSE_TIMEOUT_BODY] = { "timeout_body",        "the answer began and did not end in time"             },
    [CAUSE_RESET] = { "reset",               "the connection was reset"                             },
    [CAUSE_CLOSED] = { "closed",              "the connection was closed without an answer"          },
    [CAUSE_PROTOCOL] = { "protocol",            "its answer breaks the rules of HTTP"                  },
    [CAUSE_REDIRECT_LOOP] = { "redirect_loop",       "it redirects without end"                             },
    [CAUSE_REDIRECT_BAD] = { "redirect_bad",        "it redirects to a place that cannot be followed"      },
    [CAUSE_HTTP_4XX] = { "http_4xx",            "it answered with a client error status"               },
    [CAUSE_HTTP_5XX] = { "http_5xx",            "it answered with a server error status"               },
    [CAUSE_HTTP_UNEXPECTED] = { "http_unexpected",     "it answered with a status that is not accepted"       },
    [CAUSE_BLOCKED_WAF] = { "blocked_waf",         "it is up behind a filter that refuses us"             },
    [CAUSE_ASKS_PATIENCE] = { "asks_patience",       "it is up and asks us to look less often"              },
    [CAUSE_CONTENT] = { "content",             "the keyword was not found"                            },
    [CAUSE_POLICY] = { "policy",              "this worker may not look at that address or port"     },
    [CAUSE_WORKER_ERROR] = { "worker_error",        "the worker ran out of something"                      },
    [CAUSE_WORKER_SUSPECT] = { "worker_suspect",      "the worker's own network is in doubt"                 },
    [CAUSE_DNS_CLOSED] = { "dns_closed",          "our resolver is closed to the internet"               },
    [CAUSE_DNS_OURS] = { "dns_ours",            "our resolver does not answer"                         },
    [CAUSE_NO_ROUTE] = { "no_route",            "this host cannot reach that kind of address"          },
    [CAUSE_LOST] = { "lost",                "no worker brought a result back"                      },
    [CAUSE_MISSED] = { "missed",              "nobody was there to look when it was due"             },
    [CAUSE_INTERNAL] = { "internal",            "something of ours went wrong"                         },
    [CAUSE_HELD_BACK] = { "held_back",           "it was not looked at, so as not to crowd the place"   },
};

const char *verdict_name(enum verdict v)
{
    return (unsigned)v < VERDICT_COUNT ? verdicts[v] : "?";
}

bool cause_valid(unsigned c)
{
    return c < CAUSE_END && causes[c].name;
}

bool cause_is_ours(enum cause c)
{
    return c >= CAUSE_POLICY;
}

const char *cause_name(enum cause c)
{
    return cause_valid(c) ? causes[c].name : "?";
}

const char *cause_words(enum cause c)
{
    return cause_valid(c) ? causes[c].words : "for a reason that this version does not know";
}

int verdict_parse(const char *text, enum verdict *ret)
{
    for (unsigned i = 0; i < VERDICT_COUNT; i++)
        if (strcmp(text, verdicts[i]) == 0) {
            *ret = (enum verdict)i;
            return 0;
        }
    return -EINVAL;
}

int cause_parse(const char *text, enum cause *ret)
{
    for (unsigned i = 0; i < CAUSE_END; i++)
        if (causes[i].name && strcmp(text, causes[i].name) == 0) {
            *ret = (enum cause)i;
            return 0;
        }
    return -EINVAL;
}

wall_us result_began(const struct result *r, wall_us arrived)
{
    wall_us slot = r->run.slot_us, last = arrived - r->took_us;
    wall_us low = slot < last ? slot : last, high = slot < last ? last : slot;
    return r->at_us < low ? low : r->at_us > high ? high : r->at_us;
}
