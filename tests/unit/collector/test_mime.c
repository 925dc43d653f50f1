#include "collector/mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *value, *header;
} headers[] = {
    {"[down] shop: HTTP 503",                                                                             "Subject: [down] shop: HTTP 503\r\n"                             },
    { "caf\xc3\xa9",                                                                                      "Subject: =?UTF-8?Q?caf=C3=A9?=\r\n"                             },
    { "a\r\nBcc: x@example.com",                                                                          "Subject: a  Bcc: x@example.com\r\n"                             }, /* no second line */
    { "=?UTF-8?Q?x?= is no word",                                                                         "Subject: =?UTF-8?Q?=3D=3FUTF=2D8=3FQ=3Fx=3F=3D_is_no_word?=\r\n"},
    { "one two three four five six seven eight nine ten eleven twelve thirteen fourteen",
     "Subject: one two three four five six seven eight nine ten eleven twelve\r\n thirteen fourteen\r\n"                                                                   },
    { "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac",
     "Subject: =?UTF-8?Q?=E2=82=AC=E2=82=AC=E2=82=AC=E2=82=AC=E2=82=AC=E2=82=AC?=\r\n"
      " =?UTF-8?Q?=E2=82=AC=E2=82=AC?=\r\n"                                                                                                                                },
};

static void test_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        scoped(text) struct text t = TEXT_UP_TO(4096);
        mime_header(&t, "Subject", headers[i].value);
        assert_string_equal(text_str(&t), headers[i].header);
    }
}

static void test_lines_stay_short(void **state)
{
    (void)state;
    char words[2000], euros[2001];
    for (size_t i = 0; i < sizeof words; i++)
        words[i] = i % 9 == 8 ? ' ' : 'x';
    words[sizeof words - 1] = '\0';
    for (size_t i = 0; i + 3 < sizeof euros; i += 3)
        memcpy(euros + i, "\xe2\x82\xac", 4);
    const char *const values[] = { words, euros };
    for (size_t i = 0; i < 2; i++) {
        scoped(text) struct text t = TEXT_UP_TO(65536);
        mime_header(&t, "Subject", values[i]);
        mime_quoted_printable(&t, values[i]);
        const char *line = text_str(&t);
        for (const char *end; (end = strstr(line, "\r\n")); line = end + 2)
            assert_true(end - line <= 76);
        assert_string_equal(line, ""); /* the last line is ended too */
    }
}

static const struct {
    const char *body, *encoded;
} bodies[] = {
    {"hello\n",                                                                            "hello\r\n"                  },
    { "no end",                                                                            "no end\r\n"                 },
    { "a=b\n",                                                                             "a=3Db\r\n"                  },
    { "caf\xc3\xa9\n",                                                                     "caf=C3=A9\r\n"              },
    { "trailing \nspace\t\n",                                                              "trailing=20\r\nspace=09\r\n"},
    { ".\n..\n",                                                                           ".\r\n..\r\n"                }, /* dots are libcurl's affair */
    { "\n\n",                                                                              "\r\n\r\n"                   },
    { "carriage\rreturn\n",                                                                "carriage=0Dreturn\r\n"      },
    { "0123456789012345678901234567890123456789012345678901234567890123456789012345678\n",
     "012345678901234567890123456789012345678901234567890123456789012345678901234=\r\n5678\r\n"                         },
};

static void test_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        scoped(text) struct text t = TEXT_UP_TO(4096);
        mime_quoted_printable(&t, bodies[i].body);
        assert_string_equal(text_str(&t), bodies[i].encoded);
    }
}

static void test_dates(void **state)
{
    (void)state;
    scoped(text) struct text t = TEXT_UP_TO(4096);
    mime_date(&t, INT64_C(1772373731) * US_PER_S);
    mime_date(&t, 0);
    assert_string_equal(text_str(&t), "Date: Sun, 01 Mar 2026 14:02:11 +0000\r\n"
                                      "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_lines_stay_short),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
