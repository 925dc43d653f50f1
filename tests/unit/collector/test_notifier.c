/* Order, turns and patience, with real receivers. */
#include "collector/notices.h"
#include "collector/notifier.h"
#include "common/log.h"
#include "tests/unit/collector/listener.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>

/* A receiver that answers what it is told to, after a while. */
struct hook {
    struct listener listener;
    char channel[100];
    atomic_int answer, delay_ms;
    atomic_uint requests;
    char order[256]; /* kinds of the notices that it took, by their first letter */
};

static void talk(int fd, void *arg)
{
    struct hook *h = arg;
    char line[2048], body[8192], answer[100];
    size_t len = 0, have = 0;
    ssize_t n;
    while (listener_line(fd, line, sizeof line) && line[0])
        sscanf(line, "Content-Length: %zu", &len);
    while (have < len && (n = read(fd, body + have, len - have)) > 0)
        have += (size_t)n;
    body[have] = '\0';
    atomic_fetch_add(&h->requests, 1);
    for (int waited_ms = 0; waited_ms < atomic_load(&h->delay_ms); waited_ms += 10)
        usleep(10000);
    int status = atomic_load(&h->answer);
    const char *kind = strstr(body, "\"kind\":\"");
    if (status < 300 && kind)
        strncat(h->order, kind + 8, 1);
    snprintf(answer, sizeof answer, "HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n", status);
    listener_say(fd, answer);
}

static void hook_start(struct hook *h, int answer)
{
    memset(h, 0, sizeof *h);
    h->answer = answer;
    listener_start(&h->listener, talk, h);
    snprintf(h->channel, sizeof h->channel, "webhook:http://127.0.0.1:%u/", h->listener.port);
}

struct post { /* a notifier and what it tells */
    struct loop *loop;
    struct notifier *notifier;
    struct config config;
    uint64_t next_id;
    unsigned sent, failed, superseded, again;
    struct told last;
    bool no_room;
};

static bool on_told(void *arg, const struct told *t)
{
    struct post *p = arg;
    if (p->no_room)
        return false;
    p->last = *t;
    p->sent += t->state == NOTICE_SENT;
    p->failed += t->state == NOTICE_FAILED;
    p->superseded += t->state == NOTICE_SUPERSEDED;
    p->again += t->state == NOTICE_PENDING;
    return true;
}

static void post_open(struct post *p)
{
    *p = (struct post){ 0 };
    config_init(&p->config);
    p->config.notify.retry_first_us = 20 * US_PER_MS;
    p->config.notify.retry_most_us = 100 * US_PER_MS;
    assert_int_equal(loop_new(&p->loop), 0);
    assert_int_equal(notifier_new(&p->notifier, p->loop, &p->config, on_told, p, NULL), 0);
}

static void post_close(struct post *p)
{
    notifier_free(p->notifier);
    loop_free(p->loop);
}

static void give(struct post *p, uint64_t incident_id, enum notice_kind kind, const char *channel)
{
    static const struct site_kept site = { .id = 7, .name = "x", .url = "https://x.example/", .tags = "" };
    static const struct owner owner = { .id = 3, .name = "team" };
    struct incident i = { .id = incident_id, .site_id = 7, .began_us = 1, .cause = CAUSE_HTTP_5XX };
    struct notice_facts f = {
        .kind = kind, .incident = &i, .site = &site, .owner = &owner, .reason = "", .now = clock_wall()
    };
    notifier_take(p->notifier, notice_make(++p->next_id, &f, channel));
}

/* Turn until that many have ended for good; false after `ms`. */
static bool wait_for(struct post *p, unsigned ended, int ms)
{
    mono_ns until = clock_mono() + ms * NS_PER_MS;
    while (p->sent + p->failed < ended && clock_mono() < until)
        loop_turn(p->loop, 10);
    return p->sent + p->failed >= ended;
}

static void test_back_waits_for_down(void **state)
{
    (void)state;
    struct post p;
    struct hook *h = malloc(sizeof *h);
    hook_start(h, 503);
    post_open(&p);
    give(&p, 1, NOTICE_DOWN, h->channel);
    give(&p, 1, NOTICE_BACK, h->channel);
    assert_false(wait_for(&p, 1, 200));
    assert_true(p.again >= 2); /* only the first one is tried, again and again */
    assert_int_equal(p.last.notice_id, 1);
    assert_true(p.last.next_try_us > 0);
    assert_string_equal(p.last.channel, "webhook:127.0.0.1");
    h->answer = 204;
    assert_true(wait_for(&p, 2, 5000));
    assert_string_equal(h->order, "db");
    assert_int_equal(p.sent, 2);
    assert_int_equal(p.last.attempts, 1);
    assert_true(p.last.sent_us > 0);
    post_close(&p);
    listener_stop(&h->listener);
    free(h);
}

/* Reminders of a channel that was away do not pile up: the newest word is sent. */
static void test_at_most_one_reminder_waits(void **state)
{
    (void)state;
    static const struct {
        const char *name, *given, *order; /* d(own), s(till down), b(ack); '.' lets time pass */
        unsigned superseded;
    } rows[] = {
        {"all at once",                   "dsss",    "ds", 2},
        { "each after a failed attempt",  "d.s.s.s", "ds", 2},
        { "it came back meanwhile",       "d.ss.b",  "db", 2},
        { "down was told, reminders not", "D.s.s.s", "Ds", 2},
        { "... and it came back",         "D.s.s.b", "Db", 2},
        { "none but the first",           "d.s",     "ds", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct post p;
        struct hook *h = malloc(sizeof *h);
        unsigned sent = 0, most = (unsigned)strlen(rows[i].order);
        hook_start(h, 200);
        post_open(&p);
        for (const char *c = rows[i].given; *c; c++) {
            if (*c == '.') {
                wait_for(&p, 9, 60);
                continue;
            }
            h->answer = *c == 'D' ? 200 : 503;
            give(&p, 1, *c == 's' ? NOTICE_STILL_DOWN : *c == 'b' ? NOTICE_BACK : NOTICE_DOWN, h->channel);
            if (*c == 'D')
                assert_true(wait_for(&p, ++sent, 5000));
        }
        for (int n = 0; n < 500 && p.superseded < rows[i].superseded; n++)
            loop_turn(p.loop, 10); /* one may be under way */
        h->answer = 200;
        assert_true(wait_for(&p, most, 5000));
        wait_for(&p, 9, 60); /* and nothing more */
        if (strcasecmp(h->order, rows[i].order) != 0 || p.superseded != rows[i].superseded || p.failed)
            fail_msg("%s: %s, %u superseded", rows[i].name, h->order, p.superseded);
        post_close(&p);
        listener_stop(&h->listener);
        free(h);
    }
}

static void test_a_final_refusal_lets_the_next_one_go(void **state)
{
    (void)state;
    struct post p;
    struct hook *h = malloc(sizeof *h);
    hook_start(h, 404);
    post_open(&p);
    give(&p, 1, NOTICE_DOWN, h->channel);
    assert_true(wait_for(&p, 1, 5000));
    assert_int_equal(p.failed, 1);
    assert_non_null(strstr(p.last.trouble, "404"));
    h->answer = 200;
    give(&p, 1, NOTICE_BACK, h->channel);
    assert_true(wait_for(&p, 2, 5000));
    assert_int_equal(p.sent, 1);
    assert_int_equal(h->requests, 2);
    post_close(&p);
    listener_stop(&h->listener);
    free(h);
}

static void test_given_up_after_long_enough(void **state)
{
    (void)state;
    struct post p;
    struct hook *h = malloc(sizeof *h);
    hook_start(h, 500);
    post_open(&p);
    p.config.notify.give_up_us = 300 * US_PER_MS;
    give(&p, 1, NOTICE_DOWN, h->channel);
    mono_ns begun = clock_mono();
    assert_true(wait_for(&p, 1, 5000));
    assert_int_equal(p.failed, 1);
    assert_true(p.last.attempts >= 4);
    assert_true(clock_mono() - begun >= 300 * NS_PER_MS);
    post_close(&p);
    listener_stop(&h->listener);
    free(h);
}

static void test_a_slow_channel_delays_no_other(void **state)
{
    (void)state;
    struct post p;
    struct hook *slow = malloc(sizeof *slow), *fast = malloc(sizeof *fast);
    hook_start(slow, 200);
    hook_start(fast, 200);
    slow->delay_ms = 60000; /* longer than this test lets it */
    post_open(&p);
    p.config.webhook.timeout_us = 60 * US_PER_S;
    p.config.notify.at_once = 4;
    for (unsigned i = 0; i < 20; i++)
        give(&p, 100 + i, NOTICE_DOWN, slow->channel);
    for (unsigned i = 0; i < 10; i++)
        give(&p, 200 + i, NOTICE_DOWN, fast->channel);
    give(&p, 300, NOTICE_DOWN, "exec:/bin/true");
    mono_ns until = clock_mono() + 20 * NS_PER_S;
    while (strlen(fast->order) < 10 && clock_mono() < until) {
        loop_turn(p.loop, 10);
        assert_true(notifier_under_way(p.notifier) <= 5); /* four of webhooks, one of exec */
    }
    assert_int_equal(strlen(fast->order), 10);
    assert_true(atomic_load(&slow->requests) <= 4);
    slow->delay_ms = 0;
    assert_true(wait_for(&p, 31, 10000));
    post_close(&p);
    listener_stop(&slow->listener);
    listener_stop(&fast->listener);
    free(slow);
    free(fast);
}

static void test_outcomes_wait_for_room(void **state)
{
    (void)state;
    struct post p;
    post_open(&p);
    p.no_room = true;
    give(&p, 1, NOTICE_DOWN, "exec:/bin/true");
    give(&p, 2, NOTICE_DOWN, "exec:/bin/true");
    for (int i = 0; i < 500 && notifier_untold(p.notifier) < 2; i++)
        loop_turn(p.loop, 10);
    assert_int_equal(notifier_untold(p.notifier), 2);
    p.no_room = false;
    notifier_offer(p.notifier);
    assert_int_equal(notifier_untold(p.notifier), 0);
    assert_int_equal(p.sent, 2);
    post_close(&p);
}

static void test_leaving(void **state)
{
    (void)state;
    struct post p;
    struct hook *h = malloc(sizeof *h);
    hook_start(h, 200);
    h->delay_ms = 200;
    post_open(&p);
    give(&p, 1, NOTICE_DOWN, h->channel);
    for (int i = 0; i < 500 && notifier_under_way(p.notifier) == 0; i++)
        loop_turn(p.loop, 1);
    notifier_stop(p.notifier);
    give(&p, 2, NOTICE_DOWN, h->channel);
    assert_true(wait_for(&p, 1, 5000)); /* what is under way finishes */
    assert_false(wait_for(&p, 2, 300)); /* nothing else is begun */
    assert_int_equal(notifier_under_way(p.notifier), 0);
    post_close(&p);
    listener_stop(&h->listener);
    free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_back_waits_for_down),
        cmocka_unit_test(test_at_most_one_reminder_waits),
        cmocka_unit_test(test_a_final_refusal_lets_the_next_one_go),
        cmocka_unit_test(test_given_up_after_long_enough),
        cmocka_unit_test(test_a_slow_channel_delays_no_other),
        cmocka_unit_test(test_outcomes_wait_for_room),
        cmocka_unit_test(test_leaving),
    };
    signal(SIGPIPE, SIG_IGN); /* as every daemon does */
    log_setup("test", LOG_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
