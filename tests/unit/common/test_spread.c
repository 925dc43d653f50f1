/* Durations in buckets with fixed bounds. */
#include "common/spread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void bounds_rise(void **state)
{
    (void)state;
    assert_int_equal(spread_bound_us[0], 1000);
    assert_int_equal(spread_bound_us[1], 2500);
    assert_int_equal(spread_bound_us[SPREAD_BOUNDS - 1], 300 * 1000000);
    for (unsigned i = 1; i < SPREAD_BOUNDS; i++)
        assert_true(spread_bound_us[i] > spread_bound_us[i - 1]);
}

/* A bound belongs to its bucket: Prometheus calls it "le". */
static void each_value_has_its_bucket(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        unsigned bucket;
    } rows[] = {
        {-5,                 0            },
        { 0,                 0            },
        { 1000,              0            },
        { 1001,              1            },
        { 2500,              1            },
        { 1000000,           9            },
        { 300 * 1000000,     17           },
        { 300 * 1000000 + 1, SPREAD_BOUNDS},
        { INT64_C(1) << 40,  SPREAD_BOUNDS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct spread s = { .sum_us = 0 };
        spread_add(&s, rows[i].us);
        if (s.bucket[rows[i].bucket] != 1)
            fail_msg("%lld us is not in bucket %u", (long long)rows[i].us, rows[i].bucket);
        assert_int_equal(s.sum_us, rows[i].us < 0 ? 0 : rows[i].us);
        assert_int_equal(spread_count(&s), 1);
    }
}

static void two_are_added(void **state)
{
    (void)state;
    struct spread a = { .sum_us = 0 }, b = { .sum_us = 0 };
    for (int i = 0; i < 10; i++) {
        spread_add(&a, 500);
        spread_add(&b, 2000000);
    }
    spread_merge(&a, &b);
    assert_int_equal(spread_count(&a), 20);
    assert_int_equal(a.sum_us, 10 * 500 + 10 * 2000000);
    assert_int_equal(a.bucket[0], 10);
    assert_int_equal(a.bucket[10], 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_rise),
        cmocka_unit_test(each_value_has_its_bucket),
        cmocka_unit_test(two_are_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
