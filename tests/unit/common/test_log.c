/* One event, one line, whoever writes and whatever a peer sent. */
#include "common/log.h"

#include <errno.h>
#include <pthread.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static FILE *catcher;
static int saved = -1;

static int catch (void **state)
{
    (void)state;
    catcher = tmpfile();
    saved = dup(STDERR_FILENO);
    return catcher && saved >= 0 && dup2(fileno(catcher), STDERR_FILENO) >= 0 ? 0 : -1;
}

static int let_go(void **state)
{
    (void)state;
    dup2(saved, STDERR_FILENO);
    close(saved);
    fclose(catcher);
    log_setup("vedette", LOG_INFO);
    return 0;
}

/* What was written since the last call. */
static const char *caught(void)
{
    static char all[1 << 20];
    rewind(catcher); /* the descriptor's place is shared: the next line is written behind the last */
    size_t n = fread(all, 1, sizeof all - 1, catcher);
    all[n] = '\0';
    assert_int_equal(ftruncate(fileno(catcher), 0), 0);
    rewind(catcher);
    return all;
}

static void assert_matches(const char *text, const char *pattern)
{
    regex_t re;
    assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
    int r = regexec(&re, text, 0, NULL, 0);
    regfree(&re);
    if (r != 0)
        fail_msg("'%s' is not like '%s'", text, pattern);
}

#define TIME "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z "

static void test_form(void **state)
{
    (void)state;
    log_info("before.setup", "n=%d", 1);
    assert_matches(caught(), TIME "info vedette before\\.setup n=1\n$");
    log_setup("collector", LOG_INFO);
    log_warn("ingest.store_away", "results=%d retry_s=%d: %s", 12, 2, "the disk is full");
    assert_matches(caught(),
                   TIME "warn collector ingest\\.store_away results=12 retry_s=2: the disk is full\n$");
}

static void test_levels(void **state)
{
    (void)state;
    static const char *const names[] = { "debug", "info", "warn", "error" };
    for (int least = LOG_DEBUG; least <= LOG_OFF; least++) {
        log_setup("x", (enum log_level)least);
        for (int level = LOG_DEBUG; level < LOG_OFF; level++) {
            log_line((enum log_level)level, "e", "y");
            const char *line = caught();
            if ((level >= least) != (line[0] != '\0') || (line[0] && !strstr(line, names[level])))
                fail_msg("%s at %d: '%s'", names[level], least, line);
        }
    }
    log_setup("x", LOG_DEBUG);
    log_line(LOG_OFF, "e", "y");
    assert_string_equal(caught(), "");
}

static void test_nobody_forges_lines(void **state)
{
    (void)state;
    log_info("peer.sent", "name=%s", "a\n2026-01-01T00:00:00.000Z error x y\r\x1b[31m\x7f\t");
    const char *line = caught();
    assert_matches(line, "name=a\\?2026-01-01T00:00:00\\.000Z error x y\\?\\?\\[31m\\?\\?\n$");
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void test_other_forms(void **state)
{
    (void)state;
    log_setup("collector", LOG_INFO);
    log_set_form(LOG_JSON);
    log_warn("ingest.store_away", "results=%d retry_s=%d: %s", 12, 2, "the disk is \"full\"");
    assert_matches(caught(), "^\\{\"time\":\"[-0-9T:.]+Z\",\"level\":\"warn\",\"program\":\"collector\","
                             "\"event\":\"ingest\\.store_away\",\"results\":12,\"retry_s\":2,"
                             "\"msg\":\"the disk is \\\\\"full\\\\\"\"\\}\n$");
    log_set_form(LOG_LOGFMT);
    log_info("n", "n=%d", 1);
    assert_matches(caught(), "^time=[-0-9T:.]+Z level=info program=collector event=n n=1\n$");
    log_set_form(LOG_PLAIN);
}

static void test_lines_are_counted(void **state)
{
    (void)state;
    uint64_t info = log_lines(LOG_INFO), error = log_lines(LOG_ERROR);
    log_setup("x", LOG_WARN);
    for (int i = 0; i < 3; i++) {
        log_info("not", "written");
        log_error("is", "written");
    }
    assert_int_equal(log_lines(LOG_INFO), info);
    assert_int_equal(log_lines(LOG_ERROR), error + 3);
    assert_string_equal(log_level_name(LOG_ERROR), "error");
}

static void test_long_lines_are_cut(void **state)
{
    (void)state;
    char longest[5000];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    log_info("long", "%s", longest);
    const char *line = caught();
    assert_in_range(strlen(line), 500, 1024);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

enum { LINES = 500, THREADS = 4 };

static void *write_lines(void *arg)
{
    for (int i = 0; i < LINES; i++)
        log_info("thread", "%s", (const char *)arg);
    return NULL;
}

static void test_lines_stay_whole(void **state)
{
    (void)state;
    static const char *const words[THREADS] = { "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "cccccccccccccccc",
                                                "dddddddddddddddd" };
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, write_lines, (void *)(uintptr_t)words[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);

    unsigned n = 0;
    for (char *line, *rest = (char *)(uintptr_t)caught(); (line = strsep(&rest, "\n")) && *line; n++)
        assert_matches(line, TIME "info vedette thread (a{16}|b{16}|c{16}|d{16})$");
    assert_int_equal(n, THREADS * LINES);
}

static void test_the_gate(void **state)
{
    (void)state;
    static const struct {
        int64_t at_s;
        bool open;
        uint64_t held;
    } rows[] = {
        {1000,  true,  0},
        { 1000, false, 0},
        { 1030, false, 0},
        { 1059, false, 0},
        { 1060, true,  3},
        { 1061, false, 0},
        { 2000, true,  1},
        { 3000, true,  0},
    };
    struct log_gate gate = { 0 };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t held = 99;
        bool open = log_gate_open(&gate, rows[i].at_s * INT64_C(1000000000), &held);
        if (open != rows[i].open || (open && held != rows[i].held))
            fail_msg("at %d s: %d, %d held back", (int)rows[i].at_s, open, (int)held);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_form, catch, let_go),
        cmocka_unit_test_setup_teardown(test_levels, catch, let_go),
        cmocka_unit_test_setup_teardown(test_nobody_forges_lines, catch, let_go),
        cmocka_unit_test_setup_teardown(test_other_forms, catch, let_go),
        cmocka_unit_test_setup_teardown(test_lines_are_counted, catch, let_go),
        cmocka_unit_test_setup_teardown(test_long_lines_are_cut, catch, let_go),
        cmocka_unit_test_setup_teardown(test_lines_stay_whole, catch, let_go),
        cmocka_unit_test(test_the_gate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
