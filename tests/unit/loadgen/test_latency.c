#include "loadgen/latency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    int64_t median_us, p99_us;
} shapes[] = {
    {50000,  500000 },
    { 80000, 900000 },
    { 1000,  1500   },
    { 20000, 3000000},
};

/* The table is drawn from evenly, and the quantiles come out again. */
static void quantiles_are_what_was_asked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct latency l;
        latency_init(&l, shapes[i].median_us, shapes[i].p99_us);
        assert_in_range(latency_us(&l, 500000), shapes[i].median_us * 99 / 100,
                        shapes[i].median_us * 101 / 100);
        assert_in_range(latency_us(&l, 990000), shapes[i].p99_us * 99 / 100, shapes[i].p99_us * 101 / 100);
        for (uint32_t draw = 0, before = 0; draw < 1000000; draw += 500) {
            int64_t us = latency_us(&l, draw);
            assert_true(us >= (int64_t)before && us > 0);
            before = (uint32_t)us;
        }
    }
}

static void without_a_tail_all_are_alike(void **state)
{
    struct latency l;
    (void)state;
    latency_init(&l, 7000, 0);
    assert_int_equal(latency_us(&l, 0), 7000);
    assert_int_equal(latency_us(&l, 999999), 7000);
    latency_init(&l, 0, 5000);
    assert_int_equal(latency_us(&l, 999999), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_what_was_asked_for),
        cmocka_unit_test(without_a_tail_all_are_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
