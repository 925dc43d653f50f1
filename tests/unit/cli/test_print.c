/* Numbers and times for people, looks for programs. */
#include "cli/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void counts_have_commas(void **state)
{
    static const struct {
        uint64_t n;
        const char *text;
    } rows[] = {
        {0,           "0"                         },
        { 999,        "999"                       },
        { 1000,       "1,000"                     },
        { 12345,      "12,345"                    },
        { 1234567,    "1,234,567"                 },
        { UINT64_MAX, "18,446,744,073,709,551,615"},
    };
    char buf[32];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(print_count(buf, sizeof buf, rows[i].n), rows[i].text);
}

static void times_fit_their_size(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {
        {0,         "0.0 ms" },
        { 440,      "0.4 ms" },
        { 9900,     "9.9 ms" },
        { 10000,    "10 ms"  },
        { 999999,   "999 ms" },
        { 1000000,  "1.00 s" },
        { 20012345, "20.01 s"},
        { -1,       "-"      },
    };
    char buf[32];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(print_ms(buf, sizeof buf, rows[i].us), rows[i].text);
}

static void says_how_long_ago(void **state)
{
    static const struct {
        wall_us at, now;
        const char *text;
    } rows[] = {
        {0,               5,                       "-"        },
        { 100 * US_PER_S, 100 * US_PER_S,          "0s ago"   },
        { 100 * US_PER_S, 103 * US_PER_S + 900000, "3s ago"   },
        { 100 * US_PER_S, 400 * US_PER_S,          "5m 0s ago"},
        { 100 * US_PER_S, 99 * US_PER_S,           "just now" },
    };
    char buf[60];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(print_ago(buf, sizeof buf, rows[i].at, rows[i].now), rows[i].text);
}

static void channels_hide_secrets(void **state)
{
    static const struct {
        const char *channel, *shown;
    } rows[] = {
        {"mailto:us@example.com",                         "mailto:us@example.com"    },
        { "console:",                                     "console"                  },
        { "exec:/bin/tell",                               "exec:/bin/tell"           },
        { "webhook:https://hooks.example.com/T0/secret",  "webhook:hooks.example.com"},
        { "webhook:https://hooks.example.com?key=secret", "webhook:hooks.example.com"},
        { "pigeon:secret",                                "?"                        },
    };
    char buf[100];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(print_channel(buf, sizeof buf, rows[i].channel), rows[i].shown);
}

static void a_look_has_exactly_its_keys(void **state)
{
    static const struct {
        struct result result;
        const char *json;
    } rows[] = {
        {{ .verdict = VERDICT_DOWN,
            .cause = CAUSE_HTTP_5XX,
            .status = 503,
            .method = METHOD_GET,
            .took_us = 2295,
            .phases = { 0, 300, 0, 1667, 126 },
            .address = "127.0.0.1",
            .detail = "HTTP 503 to GET" },
         "{\"url\":\"http://a.test/"
          "\",\"verdict\":\"down\",\"cause\":\"http_5xx\",\"status\":503,\"method\":\"GET\","
          "\"time_ms\":2.295,\"phases\":{\"dns_ms\":0.0,\"connect_ms\":0.3,\"tls_ms\":0.0,\"wait_ms\":1.667,"
          "\"body_ms\":0.126},\"address\":\"127.0.0.1\",\"tls_expires\":null,\"detail\":\"HTTP 503 to "
          "GET\"}"                                                                                         },
        { { .verdict = VERDICT_UP,
            .method = METHOD_HEAD,
            .status = 200,
            .took_us = 119999999,
            .tls_expires_us = 1772357400125000 },
         "{\"url\":\"http://a.test/"
          "\",\"verdict\":\"up\",\"cause\":\"none\",\"status\":200,\"method\":\"HEAD\","
          "\"time_ms\":119999.999,\"phases\":{\"dns_ms\":0.0,\"connect_ms\":0.0,\"tls_ms\":0.0,\"wait_ms\":0."
          "0,"
          "\"body_ms\":0.0},\"address\":null,\"tls_expires\":\"2026-03-01T09:30:00.125Z\",\"detail\":\"\"}"},
        { { .verdict = VERDICT_UNKNOWN, .cause = CAUSE_DNS_CLOSED, .detail = "bad \xff byte" },
         "{\"url\":\"http://a.test/\",\"verdict\":\"unknown\",\"cause\":\"dns_closed\",\"status\":null,"
          "\"method\":\"auto\",\"time_ms\":0.0,\"phases\":{\"dns_ms\":0.0,\"connect_ms\":0.0,\"tls_ms\":0.0,"
          "\"wait_ms\":0.0,\"body_ms\":0.0},\"address\":null,\"tls_expires\":null,\"detail\":\"bad ? "
          "byte\"}"                                                                                        },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        assert_int_equal(print_json(f, print_json_look("http://a.test/", &rows[i].result)), 0);
        fclose(f);
        assert_true(size > 0 && text[size - 1] == '\n');
        text[size - 1] = '\0';
        assert_string_equal(text, rows[i].json);
        free(text);
    }
}

static void says_what_was_seen(void **state)
{
    static const struct {
        struct result r;
        const char *words;
    } rows[] = {
        {{ .status = 200, .took_us = 12000 },                                         "HTTP 200 in 12 ms"      },
        { { .status = 503, .cause = CAUSE_HTTP_5XX, .detail = "x", .took_us = 1000 }, "HTTP 503 in 1.0 ms"     },
        { { .cause = CAUSE_DNS_NXDOMAIN },                                            "the name does not exist"},
        { { .status = 200, .cause = CAUSE_CONTENT, .detail = "no \"OK\" in it" },
         "the keyword was not found (no \"OK\" in it)"                                                         },
    };
    char buf[400];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(print_saw(buf, sizeof buf, &rows[i].r), rows[i].words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_have_commas),          cmocka_unit_test(times_fit_their_size),
        cmocka_unit_test(says_how_long_ago),           cmocka_unit_test(channels_hide_secrets),
        cmocka_unit_test(a_look_has_exactly_its_keys), cmocka_unit_test(says_what_was_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
