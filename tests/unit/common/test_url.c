/* Which URLs may be watched, and how they are kept. */
#include "common/site.h"
#include "common/url.h"

#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct {
    const char *in, *kept;
} accepted[] = {
    {"http://example.com",                                 "http://example.com/"               },
    { "http://example.com/",                               "http://example.com/"               },
    { "HTTP://EXAMPLE.Com/Path",                           "http://example.com/Path"           },
    { "https://example.com:443/",                          "https://example.com/"              },
    { "http://example.com:80/",                            "http://example.com/"               },
    { "http://example.com:443/",                           "http://example.com:443/"           },
    { "https://example.com:80/",                           "https://example.com:80/"           },
    { "http://example.com:08080/",                         "http://example.com:8080/"          },
    { "http://example.com:65535/",                         "http://example.com:65535/"         },
    { "http://example.com:/",                              "http://example.com/"               },
    { "http://example.com#part",                           "http://example.com/"               },
    { "http://example.com/a#@evil.example",                "http://example.com/a"              },
    { "http://example.com?q=1",                            "http://example.com/?q=1"           },
    { "http://example.com/?a=b?c",                         "http://example.com/?a=b?c"         },
    { "http://example.com?@other.example",                 "http://example.com/?@other.example"},
    { "http://example.com/@user",                          "http://example.com/@user"          },
    { "http://example.com/a/../b/./c",                     "http://example.com/b/c"            },
    { "http://example.com/%41%zz",                         "http://example.com/%41%zz"         },
    { "http://example.com.",                               "http://example.com./"              },
    { "http://localhost",                                  "http://localhost/"                 },
    { "http://intranet:8080/x",                            "http://intranet:8080/x"            },
    { "http://_dmarc.a_b.example",                         "http://_dmarc.a_b.example/"        },
    { "http://xn--bcher-kva.example",                      "http://xn--bcher-kva.example/"     },
 /* international names, whatever the locale */
    { "http://b\xc3\xbc"
      "cher.example/",                                "http://xn--bcher-kva.example/"     },
    { "http://B\xc3\x9c"
      "CHER.Example/",                                "http://xn--bcher-kva.example/"     },
    { "http://fa\xc3\x9f.de/",                             "http://xn--fa-hia.de/"             },
    { "http://\xe3\x81\x82\xe3\x80\x82jp/",                "http://xn--l8j.jp/"                }, /* an ideographic full stop */
    { "http://example.com/\xc3\xbc?q=\xc3\xbc",            "http://example.com/%c3%bc?q=%c3%bc"},
    { "http://example.com/\xff",                           "http://example.com/%ff"            },
 /* addresses, in every spelling that inet_aton(3) knows */
    { "http://127.0.0.1:8080/",                            "http://127.0.0.1:8080/"            },
    { "http://127.1",                                      "http://127.0.0.1/"                 },
    { "http://127.1./",                                    "http://127.0.0.1/"                 },
    { "http://0x7f.1",                                     "http://127.0.0.1/"                 },
    { "http://0X7F000001",                                 "http://127.0.0.1/"                 },
    { "http://2130706433",                                 "http://127.0.0.1/"                 },
    { "http://017700000001",                               "http://127.0.0.1/"                 },
    { "http://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1", "http://127.0.0.1/"                 }, /* full-width 127 */
    { "http://[::1]",                                      "http://[::1]/"                     },
    { "http://[::1]:80/",                                  "http://[::1]/"                     },
    { "https://[2001:DB8:0:0::1]:8443/x",                  "https://[2001:db8::1]:8443/x"      },
    { "http://[::ffff:127.0.0.1]/",                        "http://[::ffff:127.0.0.1]/"        },
};

static void test_what_is_accepted_is_kept_in_one_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(accepted); i++) {
        char kept[SITE_MAX_URL + 1] = "", again[SITE_MAX_URL + 1] = "";
        struct err err = { 0 };
        if (url_normalise(accepted[i].in, kept, sizeof kept, &err) != 0)
            fail_msg("%s: refused: %s", accepted[i].in, err.text);
        if (strcmp(kept, accepted[i].kept) != 0)
            fail_msg("%s: kept as %s, not %s", accepted[i].in, kept, accepted[i].kept);
        if (url_normalise(kept, again, sizeof again, &err) != 0 || strcmp(kept, again) != 0)
            fail_msg("%s: is %s when done again", kept, again);
    }
}

static const struct {
    const char *in, *why; /* part of the sentence */
} refused[] = {
    {"",                                          "is empty"                                                     },
    { "example.com",                              "'example.com' has no scheme: write http://example.com"        },
    { "example.com/a?b",                          "'example.com/a?b' has no scheme: write http://example.com/a?b"},
    { "//example.com/",                           "'//example.com/' has no scheme: write http://example.com/"    },
    { "localhost:8080",                           "'localhost:8080' has no scheme: write http://localhost:8080"  },
    { "b\xc3\xbc"
      "cher.de",                             "has no scheme: write http://b\xc3\xbc"
      "cher.de"                                                                             },
    { ":",                                        "is not a URL like http://example.com"                         },
    { "://example.com",                           "is not a URL like http://example.com"                         },
    { "///",                                      "is not a URL like http://example.com"                         },
    { "ftp://example.com/",                       "neither http nor https"                                       },
    { "file:///etc/passwd",                       "neither http nor https"                                       },
    { "javascript:alert(1)",                      "neither http nor https"                                       },
    { "httpx://example.com/",                     "neither http nor https"                                       },
    { "mailto:a@b.example",                       "neither http nor https"                                       },
    { "http:example.com",                         "lacks the two slashes: write http://example.com"              },
    { "https:/example.com",                       "lacks the two slashes: write https://example.com"             },
    { "http://",                                  "has no host"                                                  },
    { "http:///path",                             "has no host"                                                  },
    { "http://?q",                                "has no host"                                                  },
    { "http://:80/",                              "has no host"                                                  },
    { "http://user@example.com/",                 "user or password"                                             },
    { "http://user:secret@example.com/",          "user or password"                                             },
    { "http://@example.com/",                     "user or password"                                             },
    { "http://example.com/a b",                   "has a space: write it as %20"                                 },
    { " http://example.com/",                     "has a space"                                                  },
    { "http://exa mple.com/",                     "has a space"                                                  },
    { "http://example.com/\t",                    "has a control character"                                      },
    { "http://example.com/\r\nHost: evil",        "has a control character"                                      },
    { "http://example.com/\x7f",                  "has a control character"                                      },
    { "http://a.example\\@b.example/",            "has a backslash"                                              },
    { "http:\\\\example.com\\",                   "has a backslash"                                              },
    { "http://example.com:0/",                    "port 0 cannot be connected to"                                },
    { "http://example.com:00/",                   "port 0 cannot be connected to"                                },
    { "http://example.com:65536/",                "is above 65535"                                               },
    { "http://example.com:99999999999999999999/", "is above 65535"                                               },
    { "http://example.com:http/",                 "the port 'http' is not a number"                              },
    { "http://example.com:-1/",                   "the port '-1' is not a number"                                },
    { "http://ex%61mple.com/",                    "has a percent sign"                                           },
    { "http://127%2e0.0.1/",                      "has a percent sign"                                           },
    { "http://a..b/",                             "has an empty part"                                            },
    { "http://.example.com/",                     "has an empty part"                                            },
    { "http://example.com../",                    "has an empty part"                                            },
    { "http://./",                                "has an empty part"                                            },
    { "http://exa~mple.com/",                     "has '~', which host names cannot have"                        },
    { "http://a;b/",                              "has ';'"                                                      },
    { "http://a'b/",                              "has '''"                                                      },
    { "http://256.1.1.1/",                        "ends in a number and is not an IPv4 address"                  },
    { "http://1.2.3.4.5/",                        "ends in a number and is not an IPv4 address"                  },
    { "http://4294967296/",                       "ends in a number and is not an IPv4 address"                  },
    { "http://0x/",                               "ends in a number and is not an IPv4 address"                  },
    { "http://example.1/",                        "ends in a number and is not an IPv4 address"                  },
    { "http://[::1/",                             "brackets that do not enclose"                                 },
    { "http://[::1]x/",                           "brackets that do not enclose"                                 },
    { "http://[]/",                               "is not an IPv6 address"                                       },
    { "http://[1.2.3.4]/",                        "is not an IPv6 address"                                       },
    { "http://[::g]/",                            "is not an IPv6 address"                                       },
    { "http://[fe80::1%25eth0]/",                 "has a zone"                                                   },
    { "http://[fe80::1%eth0]/",                   "has a zone"                                                   },
    { "http://::1/",                              "an IPv6 address is written in brackets"                       },
    { "http://2001:db8::1/",                      "an IPv6 address is written in brackets"                       },
    { "http://\xe2\x98\x83.example/",             "is not an international host name"                            }, /* a snowman */
    { "http://\xff\xfe.example/",                 "is not an international host name"                            },
    { "http://\xc2\xad/",                         "is empty once it is written in ASCII"                         }, /* a soft hyphen */
    { "http://ex\xef\xbc\x8f"
      "ample.com/",                          "has '/', which host names cannot have"                        }, /* a full-width slash */
    { "http://a\xef\xbc\xa0"
      "b.example/",                          "has '@', which host names cannot have"                        }, /* a full-width at */
};

static void test_every_refusal_has_its_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        char kept[SITE_MAX_URL + 1] = "untouched";
        struct err err = { 0 };
        struct url_parts parts;
        int r = url_normalise(refused[i].in, kept, sizeof kept, &err);
        if (r != -EINVAL || err.code != r)
            fail_msg("'%s': %d, kept as %s", refused[i].in, r, kept);
        if (!strstr(err.text, refused[i].why))
            fail_msg("'%s': says '%s', not '%s'", refused[i].in, err.text, refused[i].why);
        assert_string_equal(kept, "untouched");
        assert_int_equal(url_split(refused[i].in, &parts, NULL), -EINVAL);
        assert_null(strpbrk(err.text, "\r\n\t"));
    }
}

static void test_a_password_is_not_repeated(void **state)
{
    (void)state;
    struct err err = { 0 };
    char kept[SITE_MAX_URL + 1];
    assert_int_equal(url_normalise("http://user:secret@example.com/", kept, sizeof kept, &err), -EINVAL);
    assert_null(strstr(err.text, "secret"));
}

static void fill(char *to, const char *begin, char c, size_t len)
{
    strcpy(to, begin);
    memset(to + strlen(begin), c, len - strlen(begin));
    to[len] = '\0';
}

static void test_lengths(void **state)
{
    (void)state;
    char in[SITE_MAX_URL + 8], kept[SITE_MAX_URL + 8], label[80];
    struct err err;

    fill(in, "http://example.com/", 'a', SITE_MAX_URL);
    assert_int_equal(url_normalise(in, kept, sizeof kept, &err), 0);
    assert_string_equal(in, kept);
    assert_int_equal(url_normalise(in, kept, SITE_MAX_URL + 1, &err), 0);
    assert_int_equal(url_normalise(in, kept, SITE_MAX_URL, &err), -ENAMETOOLONG);

    fill(in, "http://example.com/", 'a', SITE_MAX_URL + 1);
    assert_int_equal(url_normalise(in, kept, sizeof kept, &err), -EINVAL);
    assert_non_null(strstr(err.text, "2049 bytes, at most 2048"));

    fill(in, "http://example.com/", '\xff', 1000); /* three times as long when encoded */
    assert_int_equal(url_normalise(in, kept, sizeof kept, &err), -EINVAL);
    assert_non_null(strstr(err.text, "when percent-encoded"));

    fill(label, "", 'a', 63);
    snprintf(in, sizeof in, "http://%s.example/", label);
    assert_int_equal(url_normalise(in, kept, sizeof kept, &err), 0);
    snprintf(in, sizeof in, "http://%sa.example/", label);
    assert_int_equal(url_normalise(in, kept, sizeof kept, &err), -EINVAL);
    assert_non_null(strstr(err.text, "more than 63 bytes"));

    snprintf(in, sizeof in, "http://%s.%s.%s.%.61s./", label, label, label, label);
    assert_int_equal(url_normalise(in, kept, sizeof kept, &err), 0);
    snprintf(in, sizeof in, "http://%s.%s.%s.%.62s/", label, label, label, label);
    assert_int_equal(url_normalise(in, kept, sizeof kept, &err), -EINVAL);
    assert_non_null(strstr(err.text, "at most 253"));
}

static const struct {
    const char *url, *host;
    uint16_t port;
    bool https, numeric;
} parts[] = {
    {"http://example.com/",            "example.com",           80,   false, false},
    { "https://example.com/x",         "example.com",           443,  true,  false},
    { "https://example.com:8443/x",    "example.com",           8443, true,  false},
    { "http://example.com./",          "example.com",           80,   false, false},
    { "http://localhost:1/",           "localhost",             1,    false, false},
    { "http://127.0.0.1:7710/",        "127.0.0.1",             7710, false, true },
    { "http://[2001:db8::1]/",         "2001:db8::1",           80,   false, true },
    { "https://[::1]:8443/",           "::1",                   8443, true,  true },
    { "http://1.example/",             "1.example",             80,   false, false},
    { "http://xn--bcher-kva.example/", "xn--bcher-kva.example", 80,   false, false},
};

static void test_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(parts); i++) {
        struct url_parts p;
        struct err err = { 0 };
        if (url_split(parts[i].url, &p, &err) != 0)
            fail_msg("%s: %s", parts[i].url, err.text);
        if (strcmp(p.host, parts[i].host) != 0 || p.port != parts[i].port || p.https != parts[i].https ||
            p.numeric != parts[i].numeric)
            fail_msg("%s: host %s port %u https %d numeric %d", parts[i].url, p.host, p.port, p.https,
                     p.numeric);
    }
}

/* A scheme in capitals is never split in the short way, and changes nothing else. */
static void test_the_short_way_agrees_with_the_long_one(void **state)
{
    (void)state;
    static const char *const rests[] = {
        "a/",
        "a",
        "a?",
        "a?x",
        "a#x",
        "a.b/",
        "a..b/",
        ".a/",
        "a./",
        "a.1/",
        "a.0x1/",
        "a.1x/",
        "1.a/",
        "a-/",
        "-a/",
        "a_b/",
        "A.b/",
        "a.B/",
        "a:1/",
        "a:01/",
        "a:0/",
        "a:/",
        "a:65535/",
        "a:65536/",
        "a:99999999999/",
        "a:80/",
        "a:443/",
        "a:1",
        "a:1x/",
        "a@b/",
        "a:1@b/",
        "a/@b",
        "a/\\",
        "a\\b/",
        "a/ ",
        "a/\x01",
        "a/\x7f",
        "a/\xc3\xbc",
        "\xc3\xbc/",
        "a/#f",
        "a/?q=http://b/",
        "a/../b",
        "a/%2e%2e/b",
        "a/%zz",
        "[::1]/",
        "[::1]:1/",
        "1.2.3.4/",
        "0x7f.1/",
        "/",
        "",
        "?",
        ":1/",
        "a%2eb/",
        "a,b/",
        "a;b/",
        "a b/",
        "a*b/",
        "localhost/",
        "xn--bcher-kva.example/",
    };
    for (size_t i = 0; i < COUNT(rests); i++) {
        for (int s = 0; s < 2; s++) {
            char small[100], large[100];
            struct url_parts one = { 0 }, other = { 0 };
            snprintf(small, sizeof small, "%s%s", s ? "https://" : "http://", rests[i]);
            snprintf(large, sizeof large, "%s%s", s ? "HTTPS://" : "HTTP://", rests[i]);
            int r = url_split(small, &one, NULL);
            if (r != url_split(large, &other, NULL))
                fail_msg("%s: %d, and not %d", small, r, url_split(large, &other, NULL));
            if (r == 0 && (strcmp(one.host, other.host) != 0 || one.port != other.port ||
                           one.https != other.https || one.numeric != other.numeric))
                fail_msg("%s: %s %u, and %s %u", small, one.host, one.port, other.host, other.port);
        }
    }
}

int main(void)
{
    setlocale(LC_ALL, "C");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_accepted_is_kept_in_one_form),
        cmocka_unit_test(test_every_refusal_has_its_sentence),
        cmocka_unit_test(test_a_password_is_not_repeated),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_the_short_way_agrees_with_the_long_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
