/* What so many sites need, reckoned by hand beside it. */
#include "cli/capacity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Round numbers, so that each result can be checked in the head. */
static const struct figures round_figures = {
    .http_us = 100,
    .https_us = 1000,
    .resumed_us = 400,
    .coordinator_us = 10,
    .collector_us = 50,
    .http_slot = 10000,
    .https_slot = 50000,
    .process = 1000000,
    .worker_site = 100,
    .worker_sites = 50000,
    .coordinator_site = 200,
    .collector_site = 300,
    .session = 1000,
    .look_row = 20,
    .hour_row = 30,
    .fresh_hour = 50,
    .site_rows = 400,
    .fresh_row = 80,
    .view = 50,
    .view_row = 60,
    .http_wire = 1000,
    .https_wire = 4000,
    .resumed_wire = 2000,
};

#define S(n)       ((int64_t)(n)*US_PER_S)
#define PERCENT(n) ((n)*CAPACITY_PPM / 100)

static const struct {
    const char *name;
    struct capacity_wish wish;
    double looks, https, in_hand, worker, coordinator, collector;
    uint32_t threads, slots, cores;
    uint64_t descriptors;
} plans[] = {
    {"one site",
     { 1, 1, S(300), S(20), S(1), 0, 0, 0, S(86400), S(86400), 0 },
     1 / 300.,
     0,              1 / 300.,
     1e-4 / 300,
     1e-5 / 300,
     5e-5 / 300,
     1, 64,
     1, 192  },
    { "a hundred thousand, plain",
     { 300000, 1, S(300), S(20), S(1), 0, 0, 0, S(86400), S(86400), 0 },
     1000,     0,
     1000,                     0.1,
     0.01,       0.05,
     1, 2048,
     1, 2176 },
    { "two of a hundred hang",
     { 300000, 1, S(300), S(20), S(1), PERCENT(2), 0, 0, S(86400), S(86400), 0 },
     1000,     0,
     1380,                     0.1,
     0.01,       0.05,
     1, 2816,
     1, 2944 },
    { "all hang: more slots than one thread has",
     { 300000, 1, S(300), S(20), S(1), PERCENT(100), 0, 0, S(86400), S(86400), 0 },
     1000,     0,
     20000,                    0.1,
     0.01,       0.05,
     5, 8000,
     1, 40384},
    { "half of it https: more work than one thread does",
     { 600000, 1, S(300), S(20), S(1), 0, PERCENT(50), 0, S(86400), S(86400), 0 },
     2000,     1000,
     2000,                     1.1,
     0.02,       0.1,
     2, 2048,
     3, 4288 },
    { "of which half are resumed",
     { 600000, 1, S(300), S(20), S(1), 0, PERCENT(50), PERCENT(50), S(86400), S(86400), 0 },
     2000,     1000,
     2000,                     0.8,
     0.02,       0.1,
     2, 2048,
     2, 4288 },
    { "from three locations: three times the looks, and a thread in each at least",
     { 100000, 3, S(300), S(20), S(1), 0, 0, 0, S(86400), S(86400), 0 },
     1000,     0,
     1000,                     0.1,
     0.01,       0.05,
     3, 704,
     1, 2368 },
};

static void same(const char *name, const char *what, double is, double should)
{
    double off = is > should ? is - should : should - is;
    if (off > should * 1e-9 + 1e-12)
        fail_msg("%s: %s is %f, not %f", name, what, is, should);
}

static void what_each_plan_needs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        struct capacity c;
        capacity_reckon(&plans[i].wish, &round_figures, &c);
        same(plans[i].name, "looks", c.looks_per_s, plans[i].looks);
        same(plans[i].name, "https", c.https_per_s, plans[i].https);
        same(plans[i].name, "in hand", c.in_hand, plans[i].in_hand);
        same(plans[i].name, "worker", c.worker_cores, plans[i].worker);
        same(plans[i].name, "coordinator", c.coordinator_cores, plans[i].coordinator);
        same(plans[i].name, "collector", c.collector_cores, plans[i].collector);
        same(plans[i].name, "threads", c.threads, plans[i].threads);
        same(plans[i].name, "slots", c.slots, plans[i].slots);
        same(plans[i].name, "cores", c.cores, plans[i].cores);
        same(plans[i].name, "descriptors", (double)c.descriptors, (double)plans[i].descriptors);
        assert_false(c.coordinator_full || c.collector_full);
        assert_true((double)c.threads * c.slots >= c.in_hand * CAPACITY_SPARE);
        assert_true(c.slots <= CAPACITY_MAX_SLOTS);
    }
}

static void memory_disk_and_network(void **state)
{
    /* 1,000 looks a second, half of them https, of which half are resumed; 30 looks of a day are kept. */
    const struct capacity_wish wish = { 300000,      1,           S(300),       S(20),          S(1), 0,
                                        PERCENT(50), PERCENT(50), S(7) * 86400, S(100) * 86400, 10000 };
    struct capacity c;
    (void)state;
    capacity_reckon(&wish, &round_figures, &c);
    assert_int_equal(c.threads, 1);
    assert_int_equal(c.worker_bytes, 1000000 + 50000 * 100 + 10000 * 1000 + 2 * 1000 * 30000);
    assert_int_equal(c.coordinator_bytes, 1000000 + 300000 * 200);
    assert_int_equal(c.collector_bytes, 1000000 + 300000 * 300);
    assert_int_equal(c.memory_bytes, c.worker_bytes + c.coordinator_bytes + c.collector_bytes);
    const uint64_t looks = 86400000, hours = 300000 * 24;
    assert_int_equal(c.disk_day_bytes, looks * 20 + hours * 30);
    assert_int_equal(c.disk_bytes,
                     300000ull * 400 + looks / 16 * 80 + looks * 7 * 20 + hours * 50 + hours * 100 * 30);
    same("network", "bits", c.wire_bits_per_s, 8.0 * (500 * 1000 + 250 * 4000 + 250 * 2000));
    same("network", "questions", c.questions_per_s, 1000);
}

/* A hundred thousand from three locations are as many looks as three hundred thousand from one. */
static void a_location_more_is_a_look_more(void **state)
{
    struct capacity one, three;
    struct capacity_wish wish = { 300000,      1, S(300),       S(20),          S(1), 0,
                                  PERCENT(50), 0, S(7) * 86400, S(100) * 86400, 0 };
    (void)state;
    capacity_reckon(&wish, &round_figures, &one);
    wish.sites = 100000;
    wish.locations = 3;
    capacity_reckon(&wish, &round_figures, &three);
    same("three", "looks", three.looks_per_s, one.looks_per_s);
    same("three", "network", three.wire_bits_per_s, one.wire_bits_per_s);
    assert_int_equal(three.disk_day_bytes, one.disk_day_bytes);
    assert_int_equal(three.disk_bytes, one.disk_bytes - 200000ull * 400 + 100000ull * 3 * 60);
    assert_int_equal(three.collector_bytes, 1000000 + 100000 * (300 + 3 * 50));
}

/* Each of them is one thread: beyond that no number of cores helps, and it is said. */
static void what_one_thread_cannot_do_is_said(void **state)
{
    static const struct {
        uint64_t sites;
        bool coordinator, collector;
    } rows[] = {
        {3599000,   false, false},
        { 3601000,  false, true },
        { 17990000, false, true },
        { 18010000, true,  true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct capacity_wish wish = { .sites = rows[i].sites, .every_us = S(300), .timeout_us = S(20) };
        struct capacity c;
        capacity_reckon(&wish, &round_figures, &c);
        if (c.coordinator_full != rows[i].coordinator || c.collector_full != rows[i].collector)
            fail_msg("row %zu", i);
    }
}

static void a_slower_machine_is_slower_in_all(void **state)
{
    struct figures f = figures_scaled(&round_figures, 200, 1500, 900);
    (void)state;
    same("scaled", "http", f.http_us, 200);
    same("scaled", "https", f.https_us, 1500);
    same("scaled", "resumed", f.resumed_us, 900);
    same("scaled", "coordinator", f.coordinator_us, 20);
    same("scaled", "collector", f.collector_us, 100);
    assert_int_equal(f.look_row, round_figures.look_row);
}

/* The largest that the command takes. */
static void nothing_runs_over(void **state)
{
    const struct capacity_wish wish = { 1000000000,      1,      100000,
                                        S(120) / 1200,   1000,   CAPACITY_PPM,
                                        CAPACITY_PPM,    0,      S(86400) * 3650,
                                        S(86400) * 3650, 1000000 };
    struct capacity c;
    (void)state;
    capacity_reckon(&wish, &figures_stated, &c);
    assert_true(c.threads > 1000000 && c.slots <= CAPACITY_MAX_SLOTS);
    assert_int_equal(c.disk_bytes, (uint64_t)1e18);
    assert_true(c.memory_bytes > c.worker_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_each_plan_needs),
        cmocka_unit_test(memory_disk_and_network),
        cmocka_unit_test(a_location_more_is_a_look_more),
        cmocka_unit_test(what_one_thread_cannot_do_is_said),
        cmocka_unit_test(a_slower_machine_is_slower_in_all),
        cmocka_unit_test(nothing_runs_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
