#include "tests/unit/collector/delivery.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/vedette-exec-XXXXXX", seen[100], script[100], channel[120];

static void write_script(const char *body)
{
    FILE *f = fopen(script, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\n%s\n", body);
    fclose(f);
    assert_int_equal(chmod(script, 0700), 0);
}

static const char *read_seen(void)
{
    static char text[16384];
    FILE *f = fopen(seen, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    text[n] = '\0';
    if (f)
        fclose(f);
    return text;
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(seen, sizeof seen, "%s/seen", folder);
    snprintf(script, sizeof script, "%s/tell", folder);
    snprintf(channel, sizeof channel, "exec:%s", script);
    setenv("VEDETTE_MAIL_PASSWORD", "secret", 1);
    setenv("SOMETHING_ELSE", "kept", 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(seen);
    unlink(script);
    return rmdir(folder);
}

static const struct {
    const char *body;
    enum delivery_word word;
    const char *trouble;
} endings[] = {
    {"cat >/dev/null; exit 0",                        DELIVERY_DONE,  ""                                              },
    { "exit 0",                                       DELIVERY_DONE,  ""                                              }, /* it need not read */
    { "exit 3",                                       DELIVERY_AGAIN, "the program ended with status 3"               },
    { "echo one; echo no route to pager >&2; exit 1", DELIVERY_AGAIN,
     "the program ended with status 1: no route to pager"                                                             },
    { "kill -TERM $$",                                DELIVERY_AGAIN, "the program died of signal 15"                 },
    { "sleep 60",                                     DELIVERY_AGAIN, "the program did not end in time and was killed"},
    { "yes | head -c 3000000; exit 2",                DELIVERY_AGAIN, "the program ended with status 2: y"            },
    { "sleep 60 & exit 0",                            DELIVERY_DONE,  ""                                              }, /* what it left behind holds nobody up */
};

static void test_how_it_ends(void **state)
{
    (void)state;
    struct delivery d;
    delivery_open(&d);
    struct notice *n = delivery_notice(NOTICE_DOWN, channel);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        bool late = strstr(endings[i].trouble, "in time");
        d.config.exec.timeout_us = late ? 700 * US_PER_MS : 60 * US_PER_S;
        write_script(endings[i].body);
        enum delivery_word word = deliver(&d, n);
        if (word != endings[i].word || strcmp(d.end.trouble, endings[i].trouble) != 0)
            fail_msg("'%s': word %d, '%s'", endings[i].body, word, d.end.trouble);
    }
    notice_free(n);
    n = delivery_notice(NOTICE_DOWN, "exec:/nonexistent/program");
    assert_int_equal(deliver(&d, n), DELIVERY_AGAIN);
    assert_non_null(strstr(d.end.trouble, "cannot start the program"));
    notice_free(n);
    delivery_close(&d);
}

static void test_what_it_is_given(void **state)
{
    (void)state;
    struct delivery d;
    char body[300], line[NOTICE_KEY_SIZE + 40];
    delivery_open(&d);
    struct notice *n = delivery_notice(NOTICE_BACK, channel);
    snprintf(body, sizeof body, "cat >%s; env >>%s", seen, seen);
    write_script(body);
    assert_int_equal(deliver(&d, n), DELIVERY_DONE);
    const char *text = read_seen();
    assert_memory_equal(text, n->payload, strlen(n->payload));
    snprintf(line, sizeof line, "VEDETTE_NOTICE_KEY=%s\n", n->key);
    assert_non_null(strstr(text, line));
    assert_non_null(strstr(text, "VEDETTE_NOTICE_KIND=back\n"));
    assert_non_null(strstr(text, "VEDETTE_NOTICE_INCIDENT=12\n"));
    assert_non_null(strstr(text, "SOMETHING_ELSE=kept\n"));
    assert_null(strstr(text, "secret")); /* our settings are none of its business */
    notice_free(n);
    delivery_close(&d);
}

/* The children of a program that is killed are killed as well. */
static void test_nothing_is_left_running(void **state)
{
    (void)state;
    struct delivery d;
    char body[300];
    delivery_open(&d);
    d.config.exec.timeout_us = 300 * US_PER_MS;
    struct notice *n = delivery_notice(NOTICE_DOWN, channel);
    snprintf(body, sizeof body, "sleep 60 & echo $! >%s; wait", seen);
    write_script(body);
    assert_int_equal(deliver(&d, n), DELIVERY_AGAIN);
    pid_t child = (pid_t)atol(read_seen());
    assert_true(child > 1);
    for (int i = 0; i < 100 && kill(child, 0) == 0; i++)
        usleep(10000);
    /* Gone, or a zombie that nobody here can collect. */
    char path[64], status[512] = "";
    snprintf(path, sizeof path, "/proc/%d/status", (int)child);
    FILE *f = fopen(path, "r");
    if (f) {
        assert_true(fread(status, 1, sizeof status - 1, f) > 0);
        fclose(f);
    }
    assert_true(!f || strstr(status, "zombie"));
    notice_free(n);
    delivery_close(&d);
}

/* A collector that is killed in the middle of it: nothing of the program is left. */
static void test_it_does_not_outlive_us(void **state)
{
    (void)state;
    char body[300]; /* it has read its input: by then it is guarded */
    snprintf(body, sizeof body, "cat >/dev/null; sleep 60 & echo $! >%s; wait", seen);
    write_script(body);
    unlink(seen);
    pid_t us = fork();
    if (us == 0) {
        struct delivery d;
        delivery_open(&d);
        d.config.exec.timeout_us = 60 * US_PER_S;
        deliver(&d, delivery_notice(NOTICE_DOWN, channel));
        _exit(0);
    }
    pid_t child = 0;
    for (int i = 0; i < 1000 && (child = (pid_t)atol(read_seen())) <= 1; i++)
        usleep(10000);
    assert_true(child > 1);
    assert_int_equal(kill(us, SIGKILL), 0);
    assert_int_equal(waitpid(us, NULL, 0), us);
    char path[64], line[512] = "";
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)child);
    bool there = true; /* a zombie has no command line */
    for (int i = 0; i < 500 && there; i++) {
        FILE *f = fopen(path, "r");
        there = f && fread(line, 1, sizeof line - 1, f) > 0;
        if (f)
            fclose(f);
        usleep(10000);
    }
    assert_false(there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_how_it_ends),
        cmocka_unit_test(test_what_it_is_given),
        cmocka_unit_test(test_nothing_is_left_running),
        cmocka_unit_test(test_it_does_not_outlive_us),
    };
    signal(SIGPIPE, SIG_IGN); /* as every daemon does */
    return cmocka_run_group_tests(tests, setup, teardown);
}
