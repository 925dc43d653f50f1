/* Numbers as Prometheus reads them: escaping, adding up, histograms, and rows that are wrong. */
#include "common/metrics.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { JOBS, ROOM, DROPPED, TOOK, METRICS };

static const struct metric_row rows[METRICS] = {
    [JOBS] = {"vedette_test_jobs_total",     METRIC_COUNTER,   "",          "Jobs"    },
    [ROOM] = { "vedette_test_room",          METRIC_GAUGE,     "place",     "Room"    },
    [DROPPED] = { "vedette_test_dropped_total", METRIC_COUNTER,   "lane,peer", "Dropped" },
    [TOOK] = { "vedette_test_took_seconds",  METRIC_HISTOGRAM, "verdict",   "How long"},
};
static const struct metric_table table = { rows, METRICS };

static int begin(void **state)
{
    return sheet_new((struct sheet **)state);
}

static int end(void **state)
{
    sheet_free(*state);
    return 0;
}

static const char *written(const struct sheet *const *sheets, size_t n)
{
    static struct text out = TEXT_UP_TO(1 << 20);
    text_clear(&out);
    metrics_write(&table, sheets, n, &out);
    assert_int_equal(out.failed, 0);
    return text_str(&out);
}

static void assert_has(const char *all, const char *line)
{
    char whole[600];
    snprintf(whole, sizeof whole, "\n%s\n", line);
    if (!strstr(all, whole))
        fail_msg("there is no line '%s' in:\n%s", line, all);
}

/* ── What is written ───────────────────────────────────────────────────── */

static void every_row_is_explained(void **state)
{
    const struct sheet *s = *state;
    assert_string_equal(written(&s, 1), "# HELP vedette_test_jobs_total Jobs\n"
                                        "# TYPE vedette_test_jobs_total counter\n"
                                        "# HELP vedette_test_room Room\n"
                                        "# TYPE vedette_test_room gauge\n"
                                        "# HELP vedette_test_dropped_total Dropped\n"
                                        "# TYPE vedette_test_dropped_total counter\n"
                                        "# HELP vedette_test_took_seconds How long\n"
                                        "# TYPE vedette_test_took_seconds histogram\n");
}

static void numbers(void **state)
{
    static const struct {
        double value;
        const char *text;
    } values[] = {
        {0,                 "0"                   },
        { 17,               "17"                  },
        { -3,               "-3"                  },
        { 0.1,              "0.1"                 },
        { 1763919571.12345, "1763919571.12345"    },
        { 9007199254740992, "9.00719925474099e+15"},
        { 123456789012345,  "123456789012345"     },
        { 1e-7,             "1e-07"               },
        { INFINITY,         "+Inf"                },
        { -INFINITY,        "-Inf"                },
        { NAN,              "NaN"                 },
    };
    struct sheet *s = *state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char line[100];
        sheet_clear(s);
        sheet_put(s, &rows[JOBS], values[i].value);
        snprintf(line, sizeof line, "vedette_test_jobs_total %s", values[i].text);
        assert_has(written((const struct sheet *const *)state, 1), line);
    }
}

static void labels_are_escaped(void **state)
{
    struct sheet *s = *state;
    sheet_put_of(s, &rows[ROOM], "a \"b\" \\ c\nd", 1);
    sheet_put_of(s, &rows[ROOM], "caf\xc3\xa9 \xff\xed\xa0\x80", 2);
    sheet_put_of(s, &rows[ROOM], "", 3);
    sheet_put_of2(s, &rows[DROPPED], "control", "192.0.2.1", 4);
    const char *all = written((const struct sheet *const *)state, 1);
    assert_has(all, "vedette_test_room{place=\"a \\\"b\\\" \\\\ c\\nd\"} 1");
    assert_has(all, "vedette_test_room{place=\"caf\xc3\xa9 ????\"} 2");
    assert_has(all, "vedette_test_room{place=\"\"} 3");
    assert_has(all, "vedette_test_dropped_total{lane=\"control\",peer=\"192.0.2.1\"} 4");
}

static void a_histogram_is_cumulative(void **state)
{
    struct sheet *s = *state;
    struct spread took = { .sum_us = 0 };
    spread_add(&took, 1000);
    spread_add(&took, 30000);
    spread_add(&took, 30000);
    spread_add(&took, INT64_C(400) * 1000000);
    sheet_put_spread(s, &rows[TOOK], "up", &took);
    const char *all = written((const struct sheet *const *)state, 1);
    assert_has(all, "vedette_test_took_seconds_bucket{verdict=\"up\",le=\"0.001\"} 1");
    assert_has(all, "vedette_test_took_seconds_bucket{verdict=\"up\",le=\"0.0025\"} 1");
    assert_has(all, "vedette_test_took_seconds_bucket{verdict=\"up\",le=\"0.025\"} 1");
    assert_has(all, "vedette_test_took_seconds_bucket{verdict=\"up\",le=\"0.05\"} 3");
    assert_has(all, "vedette_test_took_seconds_bucket{verdict=\"up\",le=\"300\"} 3");
    assert_has(all, "vedette_test_took_seconds_bucket{verdict=\"up\",le=\"+Inf\"} 4");
    assert_has(all, "vedette_test_took_seconds_sum{verdict=\"up\"} 400.061");
    assert_has(all, "vedette_test_took_seconds_count{verdict=\"up\"} 4");
}

/* Each thread counts for itself, and the process is one. */
static void sheets_are_added_up(void **state)
{
    struct sheet *other = NULL;
    struct spread took = { .sum_us = 0 };
    assert_int_equal(sheet_new(&other), 0);
    struct sheet *both[] = { *state, other };
    spread_add(&took, 2000);
    for (int i = 0; i < 2; i++) {
        sheet_put(both[i], &rows[JOBS], 10 + i);
        sheet_put_of(both[i], &rows[ROOM], i ? "b" : "z", 5);
        sheet_put_of(both[i], &rows[ROOM], "shared", 1);
        sheet_put_spread(both[i], &rows[TOOK], "up", &took);
    }
    const char *all = written((const struct sheet *const *)both, 2);
    assert_has(all, "vedette_test_jobs_total 21");
    assert_has(all, "vedette_test_room{place=\"b\"} 5\nvedette_test_room{place=\"shared\"} 2\n"
                    "vedette_test_room{place=\"z\"} 5");
    assert_has(all, "vedette_test_took_seconds_count{verdict=\"up\"} 2");
    sheet_free(other);
}

static void a_page_that_is_too_small_says_so(void **state)
{
    scoped(text) struct text out = TEXT_UP_TO(100);
    sheet_put(*state, &rows[JOBS], 1);
    metrics_write(&table, (const struct sheet *const *)state, 1, &out);
    assert_int_equal(out.failed, -EMSGSIZE);
}

static void pieces(void **state)
{
    scoped(text) struct text out = TEXT_UP_TO(1000);
    (void)state;
    metrics_write_head(&rows[DROPPED], &out);
    metrics_write_line(&rows[DROPPED], "a", "b\"", 0.5, &out);
    metrics_write_line(&rows[JOBS], NULL, NULL, 2, &out);
    assert_string_equal(text_str(&out), "# HELP vedette_test_dropped_total Dropped\n"
                                        "# TYPE vedette_test_dropped_total counter\n"
                                        "vedette_test_dropped_total{lane=\"a\",peer=\"b\\\"\"} 0.5\n"
                                        "vedette_test_jobs_total 2\n");
}

/* ── Ceilings ──────────────────────────────────────────────────────────── */

static void what_is_too_much_is_left_out_and_counted(void **state)
{
    struct sheet *s = *state;
    char name[32];
    for (int i = 0; i < SHEET_MAX_SAMPLES + 1000; i++) {
        snprintf(name, sizeof name, "p%d", i);
        sheet_put_of(s, &rows[ROOM], name, i);
    }
    assert_in_range(sheet_left_out(s), 1, SHEET_MAX_SAMPLES + 1000);
    assert_has(written((const struct sheet *const *)state, 1), "vedette_test_room{place=\"p0\"} 0");
    sheet_clear(s);
    assert_int_equal(sheet_left_out(s), 0);
}

static void labels_that_are_too_long_are_left_out(void **state)
{
    struct sheet *s = *state;
    char *longest = malloc(SHEET_MAX_LABELS + 1);
    memset(longest, 'x', SHEET_MAX_LABELS);
    longest[SHEET_MAX_LABELS] = '\0';
    sheet_put_of(s, &rows[ROOM], "before", 1);
    sheet_put_of(s, &rows[ROOM], longest, 2);
    sheet_put_of(s, &rows[ROOM], "behind", 3);
    assert_int_equal(sheet_left_out(s), 1);
    const char *all = written((const struct sheet *const *)state, 1);
    assert_has(all, "vedette_test_room{place=\"before\"} 1\nvedette_test_room{place=\"behind\"} 3");
    free(longest);
}

/* ── Rows ──────────────────────────────────────────────────────────────── */

static void wrong_rows(void **state)
{
    (void)state;
    static const struct metric_row good = { "vedette_jobs_total", METRIC_COUNTER, "a,b", "Jobs" };
    static const struct {
        const char *why;
        struct metric_row row;
    } bad[] = {
        {"none",         { "", METRIC_GAUGE, "", "x" }                           },
        { "none",        { "Vedette_jobs", METRIC_GAUGE, "", "x" }               },
        { "none",        { "7vedette", METRIC_GAUGE, "", "x" }                   },
        { "_total",      { "vedette_jobs", METRIC_COUNTER, "", "x" }             },
        { "_total",      { "vedette_jobs_total", METRIC_GAUGE, "", "x" }         },
        { "seconds",     { "vedette_took_ms", METRIC_HISTOGRAM, "", "x" }        },
        { "part",        { "vedette_jobs_count", METRIC_GAUGE, "", "x" }         },
        { "labels",      { "vedette_jobs", METRIC_GAUGE, "a b", "x" }            },
        { "one label",   { "vedette_took_seconds", METRIC_HISTOGRAM, "a,b", "x" }},
        { "explanation", { "vedette_jobs", METRIC_GAUGE, "", "" }                },
        { "explanation", { "vedette_jobs", METRIC_GAUGE, "", "A sentence." }     },
        { "explanation", { "vedette_jobs", METRIC_GAUGE, "", "Two\nlines" }      },
    };
    struct err err = { 0 };
    assert_int_equal(metrics_check(&table, &err), 0);
    assert_int_equal(metrics_check(&(struct metric_table){ &good, 1 }, &err), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(metrics_check(&(struct metric_table){ &bad[i].row, 1 }, &err), -EINVAL);
        if (!strstr(err.text, bad[i].why))
            fail_msg("'%s' does not say '%s'", err.text, bad[i].why);
    }
    const struct metric_row twice[] = { good, good };
    assert_int_equal(metrics_check(&(struct metric_table){ twice, 2 }, &err), -EINVAL);
    assert_non_null(strstr(err.text, "twice"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_row_is_explained, begin, end),
        cmocka_unit_test_setup_teardown(numbers, begin, end),
        cmocka_unit_test_setup_teardown(labels_are_escaped, begin, end),
        cmocka_unit_test_setup_teardown(a_histogram_is_cumulative, begin, end),
        cmocka_unit_test_setup_teardown(sheets_are_added_up, begin, end),
        cmocka_unit_test_setup_teardown(a_page_that_is_too_small_says_so, begin, end),
        cmocka_unit_test(pieces),
        cmocka_unit_test_setup_teardown(what_is_too_much_is_left_out_and_counted, begin, end),
        cmocka_unit_test_setup_teardown(labels_that_are_too_long_are_left_out, begin, end),
        cmocka_unit_test(wrong_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
