#include "collector/fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct ears {
    char heard[4096];
};

static void listen(void *arg, const struct event *e)
{
    struct ears *x = arg;
    size_t len = strlen(x->heard);
    snprintf(x->heard + len, sizeof x->heard - len, "%s/%u=%s ", e->worker.worker, e->worker.lane,
             worker_health_name(e->worker.health));
    assert_true(e->text[0]);
}

struct row {
    const char *worker;
    uint16_t lane;
    enum worker_health health;
};

static void give(struct fleet *f, uint32_t epoch, wall_us at, uint32_t part, const struct row *rows, size_t n)
{
    struct worker_vitals workers[8] = { 0 };
    for (size_t i = 0; i < n; i++) {
        workers[i] =
            (struct worker_vitals){ .lane = rows[i].lane, .location = "local", .health = rows[i].health };
        snprintf(workers[i].worker, sizeof workers[i].worker, "%s", rows[i].worker);
    }
    struct vitals v = { .epoch = epoch,
                        .at_us = at,
                        .scheduled = (uint64_t)at,
                        .part = part,
                        .parts = 2,
                        .workers = workers,
                        .n_workers = n };
    assert_int_equal(fleet_take(f, &v), 0);
}
#define GIVE(f, epoch, at, part, ...)                             \
    give(f, epoch, at, part, (const struct row[]){ __VA_ARGS__ }, \
         sizeof((const struct row[]){ __VA_ARGS__ }) / sizeof(struct row))

static void expect(struct fleet *f, struct store *s, const char *news, unsigned ready, unsigned all)
{
    struct ears ears = { "" };
    struct pulse p = { 0 };
    assert_int_equal(fleet_put(f, s, 1, listen, &ears, NULL), 0);
    assert_string_equal(ears.heard, news);
    fleet_count(f, &p);
    assert_int_equal(p.workers_ready, ready);
    assert_int_equal(p.workers_all, all);
}

static int count_worker(void *arg, const struct worker_vitals *w)
{
    (void)w;
    ++*(unsigned *)arg;
    return 0;
}

static void test_news_and_numbers(void **state)
{
    (void)state;
    scoped(store) struct store *s = NULL;
    scoped(fleet) struct fleet *f = NULL;
    struct pulse p = { 0 };
    unsigned workers = 0;
    assert_int_equal(store_open(&s, "sqlite::memory:", STORE_CREATE, NULL), 0);
    assert_int_equal(fleet_new(&f), 0);
    GIVE(f, 1, 10, 0, { "w1", 0, WORKER_READY }, { "w1", 1, WORKER_READY });
    GIVE(f, 1, 10, 1, { "w2", 0, WORKER_READY });
    expect(f, s, "w1/0=ready w1/1=ready w2/0=ready ", 2, 2); /* workers, not lanes */
    GIVE(f, 1, 20, 0, { "w1", 0, WORKER_READY }, { "w1", 1, WORKER_DEAD });
    expect(f, s, "w1/1=dead ", 2, 2); /* one lane is enough */
    GIVE(f, 1, 30, 0, { "w1", 0, WORKER_SUSPECT }, { "w1", 1, WORKER_DEAD });
    expect(f, s, "w1/0=suspect ", 1, 2);
    GIVE(f, 1, 40, 1, { "w2", 0, WORKER_GONE });
    expect(f, s, "w2/0=gone ", 0, 1);
    expect(f, s, "", 0, 1);
    assert_int_equal(store_each_worker(s, count_worker, &workers, NULL), 0);
    assert_int_equal(workers, 3);

    GIVE(f, 1, 35, 0, { "w9", 0, WORKER_READY }); /* older than what is there */
    expect(f, s, "", 0, 1);
    GIVE(f, 2, 5, 0, { "w1", 0, WORKER_READY }); /* another coordinator, whose clock is behind */
    expect(f, s, "w1/0=ready ", 1, 1);
    fleet_count(f, &p);
    assert_int_equal(p.scheduled, 5);
    GIVE(f, 2, 50, FLEET_MAX_PARTS, { "w9", 0, WORKER_READY });
    expect(f, s, "", 1, 1);
}

static void test_lanes_are_forgotten(void **state)
{
    (void)state;
    scoped(store) struct store *s = NULL;
    scoped(fleet) struct fleet *f = NULL;
    assert_int_equal(store_open(&s, "sqlite::memory:", STORE_CREATE, NULL), 0);
    assert_int_equal(fleet_new(&f), 0);
    GIVE(f, 1, 10, 0, { "w1", 0, WORKER_READY }, { "w2", 0, WORKER_DEAD });
    expect(f, s, "w1/0=ready w2/0=dead ", 1, 2);
    GIVE(f, 1, 20 + FLEET_FORGET_US, 0, { "w1", 0, WORKER_READY });
    expect(f, s, "", 1, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_news_and_numbers),
        cmocka_unit_test(test_lanes_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
