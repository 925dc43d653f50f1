/* Roll-ups and forgetting, with a real store and a clock of our own. */
#include "collector/housekeeping.h"
#include "tests/unit/collector/world.h"

static int count_result(void *arg, const struct result *r)
{
    (void)r;
    ++*(unsigned *)arg;
    return 0;
}

static int add_rollup(void *arg, const struct rollup *r)
{
    *(unsigned *)arg += r->up + r->down + r->unknown;
    return 0;
}

static unsigned lines(struct world *w)
{
    unsigned n = 0;
    assert_int_equal(store_each_result(w->store, 0, 0, INT64_MAX / 4, 100000, count_result, &n, NULL), 0);
    return n;
}

static unsigned rolled(struct world *w, uint64_t id)
{
    unsigned n = 0;
    assert_int_equal(store_each_rollup(w->store, id, 0, INT64_MAX / 4, add_rollup, &n, NULL), 0);
    return n;
}

static void test_settled_lines_are_rolled_up_and_old_ones_forgotten(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    w.config.collector.keep_results_us = US_PER_HOUR;
    struct site s = world_site("shop", "https://shop.example.com/", 0, 0);
    uint64_t id = world_edit_site(&w, &s);
    w.wall += US_PER_S;
    world_start(&w);
    for (int slot = 0; slot < 60; slot++) {
        struct result r = world_result(&w, id, slot, 0, '+', "w1");
        world_give(&w, &r);
        world_pass(&w, 10000);
    }
    assert_int_equal(lines(&w), 60);
    unsigned now = rolled(&w, id);
    assert_true(now >= 25 && now <= 31); /* those that are five minutes old */
    world_pass(&w, 6 * 60 * 1000);
    assert_int_equal(rolled(&w, id), 60);
    assert_int_equal(lines(&w), 60);
    w.wall += US_PER_HOUR;
    world_pass(&w, 60 * 1000);
    assert_int_equal(lines(&w), 0);
    assert_int_equal(rolled(&w, id), 60); /* kept for longer */
    world_done(&w);
}

static void test_its_pace(void **state)
{
    (void)state;
    struct world w;
    struct housekeeping h;
    world_init(&w);
    struct instant now = world_now(&w);
    housekeeping_init(&h, now);
    assert_true(housekeeping_next(&h) > now.mono);
    unsigned slices = 0;
    for (int ms = 0; ms < 120000; ms += 10) {
        mono_ns before = housekeeping_next(&h);
        now.mono += 10 * NS_PER_MS;
        now.wall += 10 * US_PER_MS;
        assert_int_equal(housekeeping_turn(&h, w.store, &w.config, now, NULL), 0);
        slices += housekeeping_next(&h) != before;
    }
    assert_true(slices >= 10 && slices <= 40); /* with nothing to do, it does next to nothing */
    store_close(w.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settled_lines_are_rolled_up_and_old_ones_forgotten),
        cmocka_unit_test(test_its_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
