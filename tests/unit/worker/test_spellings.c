/* Forbidden addresses in every spelling that somebody might try: as the site's own
 * URL, and as the place where a redirect leads. None may be connected to. */
#include "common/url.h"
#include "worker/address.h"
#include "worker/probe.h"
#include "worker/redirect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Who refuses it: no such URL is watched at all; its address is not of the
 * internet; its name is not. */
enum fate { BAD_URL, BAD_ADDRESS, BAD_NAME };

static const struct {
    const char *host;
    enum fate fate;
} spellings[] = {
  /* loopback in IPv4 */
    {"127.0.0.1",                                               BAD_ADDRESS},
    { "127.0.0.1.",                                             BAD_ADDRESS},
    { "127.1",                                                  BAD_ADDRESS},
    { "127.0.1",                                                BAD_ADDRESS},
    { "127.255.255.254",                                        BAD_ADDRESS},
    { "2130706433",                                             BAD_ADDRESS},
    { "2130706433.",                                            BAD_ADDRESS},
    { "0x7f000001",                                             BAD_ADDRESS},
    { "0X7F000001",                                             BAD_ADDRESS},
    { "0x7f.1",                                                 BAD_ADDRESS},
    { "0x7f.0x0.0x0.0x1",                                       BAD_ADDRESS},
    { "0x7F.0.0.0x01",                                          BAD_ADDRESS},
    { "0x7f.0.1",                                               BAD_ADDRESS},
    { "017700000001",                                           BAD_ADDRESS},
    { "0177.0.0.1",                                             BAD_ADDRESS},
    { "0177.0.0.01",                                            BAD_ADDRESS},
    { "00000177.0.0.1",                                         BAD_ADDRESS},
    { "0177.0x0.0.1",                                           BAD_ADDRESS},
    { "127.0.0.1:80",                                           BAD_ADDRESS},
    { "127.0.0.1:0080",                                         BAD_ADDRESS},
    { "127.000.000.001",                                        BAD_ADDRESS},
    { "4294967297",                                             BAD_URL    }, /* 2^32 more */
    { "0x17f000001",                                            BAD_URL    },
    { "127.0.0.256",                                            BAD_URL    },
    { "127.0.0.0.1",                                            BAD_URL    },
    { "1270.0.0.1",                                             BAD_URL    },
    { "127..1",                                                 BAD_URL    },
    { "0x7g.1",                                                 BAD_URL    },
    { "0x",                                                     BAD_URL    },

 /* other networks of nobody's internet */
    { "0",                                                      BAD_ADDRESS},
    { "0.0.0.0",                                                BAD_ADDRESS},
    { "00",                                                     BAD_ADDRESS},
    { "0x0",                                                    BAD_ADDRESS},
    { "10.0.0.1",                                               BAD_ADDRESS},
    { "10.1",                                                   BAD_ADDRESS},
    { "0x0a000001",                                             BAD_ADDRESS},
    { "012.0.0.1",                                              BAD_ADDRESS},
    { "167772161",                                              BAD_ADDRESS},
    { "172.16.0.1",                                             BAD_ADDRESS},
    { "0xac.0x10.1",                                            BAD_ADDRESS},
    { "2886729729",                                             BAD_ADDRESS},
    { "192.168.0.1",                                            BAD_ADDRESS},
    { "192.168.1",                                              BAD_ADDRESS},
    { "0300.0250.1",                                            BAD_ADDRESS},
    { "3232235521",                                             BAD_ADDRESS},
    { "100.64.0.1",                                             BAD_ADDRESS},
    { "192.0.0.192",                                            BAD_ADDRESS},
    { "198.18.0.1",                                             BAD_ADDRESS},
    { "224.0.0.1",                                              BAD_ADDRESS},
    { "255.255.255.255",                                        BAD_ADDRESS},
    { "0xffffffff",                                             BAD_ADDRESS},
    { "037777777777",                                           BAD_ADDRESS},

 /* the clouds' metadata */
    { "169.254.169.254",                                        BAD_ADDRESS},
    { "169.254.43518",                                          BAD_ADDRESS},
    { "169.16689662",                                           BAD_ADDRESS},
    { "2852039166",                                             BAD_ADDRESS},
    { "0xa9fea9fe",                                             BAD_ADDRESS},
    { "0xA9.0xFE.0xA9.0xFE",                                    BAD_ADDRESS},
    { "0251.0376.0251.0376",                                    BAD_ADDRESS},
    { "025177524776",                                           BAD_ADDRESS},
    { "0251.254.0xa9fe",                                        BAD_ADDRESS},
    { "168.63.129.16",                                          BAD_ADDRESS},
    { "100.100.100.200",                                        BAD_ADDRESS},
    { "[fd00:ec2::254]",                                        BAD_ADDRESS},
    { "[fd20:ce::254]",                                         BAD_ADDRESS},
    { "metadata.google.internal",                               BAD_NAME   },
    { "METADATA.Google.Internal.",                              BAD_NAME   },
    { "metadata",                                               BAD_NAME   },
    { "instance-data",                                          BAD_NAME   },

 /* IPv6, and IPv4 inside of it */
    { "[::1]",                                                  BAD_ADDRESS},
    { "[::1]:80",                                               BAD_ADDRESS},
    { "[0:0:0:0:0:0:0:1]",                                      BAD_ADDRESS},
    { "[0000:0000:0000:0000:0000:0000:0000:0001]",              BAD_ADDRESS},
    { "[::0001]",                                               BAD_ADDRESS},
    { "[::]",                                                   BAD_ADDRESS},
    { "[::0.0.0.1]",                                            BAD_ADDRESS},
    { "[::127.0.0.1]",                                          BAD_ADDRESS},
    { "[::7f00:1]",                                             BAD_ADDRESS},
    { "[::ffff:127.0.0.1]",                                     BAD_ADDRESS},
    { "[::ffff:7f00:1]",                                        BAD_ADDRESS},
    { "[::FFFF:7F00:0001]",                                     BAD_ADDRESS},
    { "[0:0:0:0:0:ffff:127.0.0.1]",                             BAD_ADDRESS},
    { "[0:0:0:0:0:ffff:a9fe:a9fe]",                             BAD_ADDRESS},
    { "[::ffff:0:127.0.0.1]",                                   BAD_ADDRESS},
    { "[::ffff:8.8.8.8]",                                       BAD_ADDRESS},
    { "[64:ff9b::127.0.0.1]",                                   BAD_ADDRESS},
    { "[64:ff9b::a9fe:a9fe]",                                   BAD_ADDRESS},
    { "[0064:ff9b:0::10.0.0.1]",                                BAD_ADDRESS},
    { "[64:ff9b:1::a00:1]",                                     BAD_ADDRESS},
    { "[2002:7f00:1::]",                                        BAD_ADDRESS},
    { "[2002:7f00:1::1]",                                       BAD_ADDRESS},
    { "[2002:a9fe:a9fe::]",                                     BAD_ADDRESS},
    { "[2001::1]",                                              BAD_ADDRESS},
    { "[2001:0:4136:e378:8000:63bf:80ff:fffe]",                 BAD_ADDRESS},
    { "[2606:4700::5efe:7f00:1]",                               BAD_ADDRESS},
    { "[2606:4700::200:5efe:10.0.0.1]",                         BAD_ADDRESS},
    { "[fe80::1]",                                              BAD_ADDRESS},
    { "[FE80::1]",                                              BAD_ADDRESS},
    { "[febf::1]",                                              BAD_ADDRESS},
    { "[fec0::1]",                                              BAD_ADDRESS},
    { "[fc00::1]",                                              BAD_ADDRESS},
    { "[fdff:ffff::1]",                                         BAD_ADDRESS},
    { "[ff02::1]",                                              BAD_ADDRESS},
    { "[ff05::1:3]",                                            BAD_ADDRESS},
    { "[100::1]",                                               BAD_ADDRESS},
    { "[2001:db8::1]",                                          BAD_ADDRESS},
    { "[3fff::1]",                                              BAD_ADDRESS},
    { "[fe80::1%eth0]",                                         BAD_URL    },
    { "[fe80::1%25eth0]",                                       BAD_URL    },
    { "[::1%251]",                                              BAD_URL    },
    { "[::1%lo]",                                               BAD_URL    },
    { "[::1].",                                                 BAD_URL    },
    { "[::1]x",                                                 BAD_URL    },
    { "[[::1]]",                                                BAD_URL    },
    { "[127.0.0.1]",                                            BAD_URL    },
    { "[::127.1]",                                              BAD_URL    },
    { "[v1.::1]",                                               BAD_URL    },
    { "::1",                                                    BAD_URL    },
    { "[::ffff:0x7f.1]",                                        BAD_URL    },

 /* digits and dots that are not ASCII, and other names for them */
    { "\uff11\uff12\uff17.0.0.1",                               BAD_ADDRESS}, /* fullwidth digits */
    { "127\u30020\u30020\u30021",                               BAD_ADDRESS}, /* ideographic full stop */
    { "127\uff0e0\uff0e0\uff0e1",                               BAD_ADDRESS}, /* fullwidth full stop */
    { "127\uff610\uff610\uff611",                               BAD_ADDRESS}, /* halfwidth ideographic full stop */
    { "\u2460\u2461\u2466.0.0.1",                               BAD_ADDRESS}, /* circled digits */
    { "\u00b9\u00b2\u2077.0.0.1",                               BAD_ADDRESS}, /* superscripts */
    { "\U0001d7cf\U0001d7d0\U0001d7d5.0.0.1",                   BAD_ADDRESS}, /* bold digits */
    { "\uff10\uff58\uff17\uff46.1",                             BAD_ADDRESS}, /* fullwidth 0x7f */
    { "0\u0445"
      "7f.1",                                              BAD_URL    }, /* a Cyrillic letter */
    { "\u0661\u0662\u0667.0.0.1",                               BAD_URL    }, /* Arabic digits are digits of a name */
    { "127.0.0.1\u00ad",                                        BAD_ADDRESS}, /* a soft hyphen vanishes */
    { "127.0.0\u200b.1",                                        BAD_ADDRESS}, /* so does a space of no width */
    { "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3", BAD_NAME   }, /* circled localhost */
    { "\uff4cocalhost",                                         BAD_NAME   },

 /* percent signs, users, what else is around a host */
    { "%31%32%37.0.0.1",                                        BAD_URL    },
    { "127%2e0%2e0%2e1",                                        BAD_URL    },
    { "127.0.0.1%00.example.com",                               BAD_URL    },
    { "127.0.0.1%2f@example.com",                               BAD_URL    },
    { "%6cocalhost",                                            BAD_URL    },
    { "example.com@127.0.0.1",                                  BAD_URL    },
    { "example.com:80@127.0.0.1",                               BAD_URL    },
    { "example.com\\@127.0.0.1",                                BAD_URL    },
    { "127.0.0.1\\.example.com",                                BAD_URL    },
    { "127.0.0.1\t",                                            BAD_URL    },
    { " 127.0.0.1",                                             BAD_URL    },
    { "127.0.0.1:0",                                            BAD_URL    },
    { "127.0.0.1:65616",                                        BAD_URL    }, /* 80 and 2^16 */
    { "127.0.0.1:+80",                                          BAD_URL    },
    { "127.0.0.1#@example.com",                                 BAD_ADDRESS},
    { "127.0.0.1?@example.com",                                 BAD_ADDRESS},
    { "/127.0.0.1",                                             BAD_URL    },

 /* names */
    { "localhost",                                              BAD_NAME   },
    { "LOCALHOST",                                              BAD_NAME   },
    { "localhost.",                                             BAD_NAME   },
    { "a.b.localhost",                                          BAD_NAME   },
    { "ip6-localhost",                                          BAD_NAME   },
    { "intranet",                                               BAD_NAME   },
    { "printer.local",                                          BAD_NAME   },
    { "1.0.0.127.in-addr.arpa",                                 BAD_NAME   },
};

static const size_t n_spellings = sizeof spellings / sizeof *spellings;

static enum fate fate_of(const struct address_policy *p, const char *url)
{
    struct url_parts parts;
    struct address a;
    if (url_split(url, &parts, NULL) < 0)
        fail_msg("%s was normalised and cannot be split", url);
    if (!parts.numeric) {
        if (address_name_allowed(p, parts.host) && !address_localhost(parts.host))
            fail_msg("the name %s would be asked for", parts.host);
        return BAD_NAME;
    }
    assert_int_equal(address_parse(parts.host, &a), 0);
    if (address_allowed(p, &a))
        fail_msg("%s would be looked at", parts.host);
    return BAD_ADDRESS;
}

static void no_spelling_is_let_in(void **state)
{
    (void)state;
    struct address_policy p;
    assert_int_equal(address_policy_parse("", &p, NULL), 0);
    assert_true(n_spellings >= 60);
    for (size_t i = 0; i < n_spellings; i++) {
        char url[300], normal[SITE_MAX_URL + 1];
        struct err err = { 0 };
        snprintf(url, sizeof url, "http://%s/", spellings[i].host);
        enum fate fate = url_normalise(url, normal, sizeof normal, &err) < 0 ? BAD_URL : fate_of(&p, normal);
        if (fate != spellings[i].fate)
            fail_msg("%s: %d, not %d (%s)", url, fate, spellings[i].fate,
                     fate == BAD_URL ? err.text : normal);
    }
}

/* A redirect goes through libcurl's parser before it comes to ours. What the one
 * makes of a spelling may differ from what the other refused, and may be another
 * host entirely ("http:///127.0.0.1/"): it is judged as that. */
static void no_redirect_is_followed_there(void **state)
{
    (void)state;
    static const char *const schemes[] = { "http", "https", "" };
    struct address_policy p;
    assert_int_equal(address_policy_parse("", &p, NULL), 0);
    for (size_t i = 0; i < 3 * n_spellings; i++) {
        char location[300], next[SITE_MAX_URL + 1];
        const char *scheme = schemes[i % 3];
        snprintf(location, sizeof location, "%s%s//%s/x?y", scheme, *scheme ? ":" : "",
                 spellings[i / 3].host);
        if (redirect_target("http://example.com/a", location, next, NULL) == 0)
            fate_of(&p, next);
    }
}

struct seen {
    unsigned n;
    struct result last;
};

static void on_done(void *arg, const struct result *r)
{
    struct seen *s = arg;
    s->last = *r;
    s->n++;
}

/* The whole engine, as a worker has it. */
static void every_look_is_refused_before_it_connects(void **state)
{
    (void)state;
    struct config config;
    struct loop *loop = NULL;
    struct probes *probes = NULL;
    struct err err = { 0 };
    config_init(&config);
    config.worker.slots = 4;
    assert_int_equal(loop_new(&loop), 0);
    if (probes_new(&probes, loop, &config, &err) < 0)
        fail_msg("%s", err.text);

    for (size_t i = 0; i < n_spellings; i++) {
        char url[300], normal[SITE_MAX_URL + 1];
        snprintf(url, sizeof url, "http://%s/", spellings[i].host);
        if (url_normalise(url, normal, sizeof normal, NULL) < 0)
            continue;
        struct job j = { .id = 1, .url = normal, .contains = "", .avoid = "", .timeout_ms = 5000 };
        struct seen s = { 0 };
        assert_int_equal(probe_begin(probes, &j, on_done, &s), 0);
        while (s.n == 0)
            assert_int_equal(loop_turn(loop, 1000), 0);
        if (s.last.verdict != VERDICT_UNKNOWN || s.last.cause != CAUSE_POLICY || s.last.phases.connect_us)
            fail_msg("%s: %s %s %s", normal, verdict_name(s.last.verdict), cause_name(s.last.cause),
                     s.last.detail);
    }
    probes_free(probes);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_spelling_is_let_in),
        cmocka_unit_test(no_redirect_is_followed_there),
        cmocka_unit_test(every_look_is_refused_before_it_connects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
