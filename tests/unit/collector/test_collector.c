/* The three threads together: a result goes in over a socket, its
 * acknowledgement and the notice come out, and leaving loses nothing. */
#include "collector/collector.h"
#include "common/log.h"
#include "proto/wire.h"
#include "tests/unit/folder.h"

#include <curl/curl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct net {
    char folder[64], script[80], seen[80], url[100];
    struct config config;
    struct store *store;
    struct bus *bus;
    struct loop *loop;
    struct collector *collector;
    void *worker, *coordinator;
    struct wire_arena *arena;
    uint64_t site_id;
    unsigned recorded;
};

static void write_script(const struct net *n, const char *wait)
{
    FILE *f = fopen(n->script, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\n%s\necho $VEDETTE_NOTICE_KIND >>%s\n", wait, n->seen);
    fclose(f);
    assert_int_equal(chmod(n->script, 0700), 0);
}

static void fill_store(struct net *n)
{
    char channel[100];
    struct err err = { 0 };
    uint64_t owner = 0;
    snprintf(channel, sizeof channel, "exec:%s", n->script);
    struct owner o = { .name = "team", .channel = { channel }, .n_channels = 1 };
    struct site s = { .name = "shop",
                      .url = "https://shop.example.com/",
                      .tags = "",
                      .contains = "",
                      .every_ms = 1000,
                      .timeout_ms = 500 };
    if (store_open(&n->store, n->url, STORE_CREATE, &err) < 0 ||
        store_edit_begin(n->store, clock_wall() - US_PER_S, &err) < 0 ||
        store_edit_owner(n->store, &o, &owner, &err) < 0)
        fail_msg("%s", err.text);
    s.owner_id = owner;
    if (store_edit_site(n->store, &s, &n->site_id, &err) < 0 || store_edit_commit(n->store, &err) < 0)
        fail_msg("%s", err.text);
}

static void open_net(struct net *n)
{
    struct err err = { 0 };
    *n = (struct net){ 0 };
    folder_make(n->folder, sizeof n->folder, "collector");
    snprintf(n->script, sizeof n->script, "%s/tell", n->folder);
    snprintf(n->seen, sizeof n->seen, "%s/seen", n->folder);
    snprintf(n->url, sizeof n->url, "sqlite:%s/v.db", n->folder);
    config_init(&n->config);
    snprintf(n->config.endpoint.results, ENDPOINT_SIZE, "ipc://%s/results", n->folder);
    snprintf(n->config.endpoint.feed, ENDPOINT_SIZE, "ipc://%s/feed", n->folder);
    snprintf(n->config.endpoint.feedback, ENDPOINT_SIZE, "ipc://%s/feedback", n->folder);
    fill_store(n);
    assert_int_equal(bus_new(&n->bus), 0);
    assert_int_equal(loop_new(&n->loop), 0);
    assert_int_equal(wire_arena_new(&n->arena), 0);
    if (bus_open(n->bus, LANE_FEEDBACK, SIDE_TO, n->config.endpoint.feedback, &n->coordinator, &err) < 0 ||
        collector_new(&n->collector, n->loop, n->bus, n->store, &n->config, NULL, NULL, &err) < 0 ||
        bus_open(n->bus, LANE_RESULTS, SIDE_FROM, n->config.endpoint.results, &n->worker, &err) < 0)
        fail_msg("%s", err.text);
}

static void close_net(struct net *n)
{
    static const char *const names[] = { "results",  "feed",     "feedback", "v.db",
                                         "v.db-wal", "v.db-shm", "tell",     "seen" };
    char path[100];
    collector_free(n->collector);
    store_close(n->store);
    bus_close(n->worker);
    bus_close(n->coordinator);
    loop_free(n->loop);
    bus_free(n->bus);
    wire_arena_free(n->arena);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", n->folder, names[i]);
        unlink(path);
    }
    rmdir(n->folder);
}

static void listen_for_feedback(struct net *n)
{
    struct bus_message m;
    struct feedback f;
    struct err err = { 0 };
    while (bus_take(n->coordinator, &m) == 1) {
        if (wire_unpack_feedback(n->arena, m.bytes, m.len, &f, &err) < 0)
            fail_msg("%s", err.text);
        n->recorded += (unsigned)f.n_recorded;
        bus_message_done(&m);
    }
}

static void saw(struct net *n, uint64_t job_id, bool down)
{
    uint8_t buf[2048];
    wall_us now = clock_wall();
    struct result r = {
        .job_id = job_id,
        .run = {.site_id = n->site_id, .slot_us = now + (wall_us)job_id, .location = "local"},
        .span = 1,
        .verdict = down ? VERDICT_DOWN : VERDICT_UP,
        .at_us = now,
        .cause = down ? CAUSE_HTTP_5XX : CAUSE_NONE,
        .worker = "w1"
    };
    struct report report = { .kind = REPORT_RESULTS, .results = &r, .n_results = 1 };
    int len = wire_pack_report(&report, buf, sizeof buf);
    assert_true(len > 0);
    for (int i = 0; i < 500 && bus_send(n->worker, buf, (size_t)len) < 0; i++)
        loop_turn(n->loop, 10);
}

static const char *told(const struct net *n)
{
    static char text[200];
    FILE *f = fopen(n->seen, "r");
    size_t len = f ? fread(text, 1, sizeof text - 1, f) : 0;
    text[len] = '\0';
    if (f)
        fclose(f);
    return text;
}

static bool wait_until(struct net *n, unsigned recorded, const char *text)
{
    mono_ns until = clock_mono() + 10 * NS_PER_S;
    while (clock_mono() < until) {
        loop_turn(n->loop, 10);
        listen_for_feedback(n);
        if (n->recorded >= recorded && strcmp(told(n), text) == 0)
            return true;
    }
    return false;
}

static void test_the_whole_way(void **state)
{
    (void)state;
    struct net n;
    open_net(&n);
    write_script(&n, "");
    saw(&n, 1, true);
    assert_true(wait_until(&n, 1, "down\n"));
    saw(&n, 2, true);
    saw(&n, 3, false);
    assert_true(wait_until(&n, 3, "down\nback\n"));
    assert_int_equal(n.recorded, 3);
    collector_drain(n.collector);
    close_net(&n);
}

static int count(void *arg, const struct notice *x)
{
    unsigned *states = arg;
    states[x->state]++;
    return 0;
}

static void test_leaving_loses_nothing(void **state)
{
    (void)state;
    struct net n;
    unsigned states[NOTICE_STATE_COUNT] = { 0 };
    struct notice_filter all = { 0 };
    open_net(&n);
    n.config.collector.batch_wait_us = 60 * US_PER_S; /* still waiting when we leave */
    write_script(&n, "sleep 0.4");
    saw(&n, 1, true);
    for (int i = 0; i < 10; i++)
        loop_turn(n.loop, 20);
    listen_for_feedback(&n);
    assert_int_equal(n.recorded, 0);
    mono_ns begun = clock_mono();
    collector_drain(n.collector);
    assert_true(clock_mono() - begun < 20 * NS_PER_S);
    listen_for_feedback(&n);
    assert_int_equal(n.recorded, 1); /* committed, and acknowledged */
    collector_free(n.collector);
    n.collector = NULL;
    /* Its notice is sent, or pending for the next start; in no case gone. */
    assert_int_equal(store_each_notice(n.store, &all, count, states, NULL), 0);
    assert_int_equal(states[NOTICE_SENT] + states[NOTICE_PENDING], 1);
    assert_int_equal(states[NOTICE_SENT], strcmp(told(&n), "down\n") == 0);
    close_net(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_whole_way),
        cmocka_unit_test(test_leaving_loses_nothing),
    };
    signal(SIGPIPE, SIG_IGN); /* as every daemon does */
    curl_global_init(CURL_GLOBAL_DEFAULT);
    log_setup("test", LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
