/* Quantiles within seven per cent, from a microsecond to an hour. */
#include "common/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUR_US INT64_C(3600000000)

static void test_empty(void **state)
{
    (void)state;
    struct histogram h = { 0 };
    assert_int_equal(histogram_quantile(&h, 0.5), 0);
    assert_int_equal(histogram_quantile(&h, 1), 0);
    assert_int_equal(h.count, 0);
}

static void test_one_value_is_itself(void **state)
{
    (void)state;
    for (int64_t v = 1; v <= HOUR_US; v = v * 5 / 4 + 1) {
        struct histogram h = { 0 };
        histogram_add(&h, v);
        assert_int_equal(histogram_quantile(&h, 0), v);
        assert_int_equal(histogram_quantile(&h, 0.5), v);
        assert_int_equal(histogram_quantile(&h, 1), v);
        assert_int_equal(h.max_us, v);
    }
}

/* Beside a much longer one, so that the maximum does not help. */
static void test_never_below_and_within_seven_per_cent(void **state)
{
    (void)state;
    for (int64_t v = 1; v <= HOUR_US; v = v * 101 / 100 + 1) {
        struct histogram h = { 0 };
        histogram_add(&h, v);
        histogram_add(&h, 2 * HOUR_US);
        uint64_t q = histogram_quantile(&h, 0.5);
        if (q < (uint64_t)v || (double)q > (double)v * 1.07)
            fail_msg("%lld us is told as %llu us", (long long)v, (unsigned long long)q);
    }
}

static void test_shares(void **state)
{
    (void)state;
    struct histogram h = { 0 };
    for (int i = 1; i <= 1000; i++)
        histogram_add(&h, i * 1000);
    const struct {
        double share;
        double us;
    } rows[] = {
        {0.01,  10e3  },
        { 0.5,  500e3 },
        { 0.9,  900e3 },
        { 0.99, 990e3 },
        { 1,    1000e3}
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double q = (double)histogram_quantile(&h, rows[i].share);
        if (q < rows[i].us || q > rows[i].us * 1.07)
            fail_msg("%.2f: %.0f us instead of %.0f", rows[i].share, q, rows[i].us);
    }
    assert_int_equal(h.count, 1000);
}

static void test_few_values(void **state)
{
    (void)state;
    struct histogram h = { 0 };
    for (int i = 0; i < 99; i++)
        histogram_add(&h, 3);
    histogram_add(&h, 12);
    assert_int_equal(histogram_quantile(&h, 0.99), 3);
    assert_int_equal(histogram_quantile(&h, 0.991), 12);
}

static void test_the_ends(void **state)
{
    (void)state;
    struct histogram h = { 0 };
    histogram_add(&h, -5);
    histogram_add(&h, 0);
    assert_int_equal(histogram_quantile(&h, 1), 0);
    histogram_add(&h, INT64_MAX);
    assert_int_equal(histogram_quantile(&h, 0.6), 0);
    assert_int_equal(histogram_quantile(&h, 1), INT64_MAX);
    assert_int_equal(h.count, 3);
}

static void test_a_full_bucket_stays_full(void **state)
{
    (void)state;
    struct histogram h = { 0 };
    histogram_add(&h, 7);
    h.bucket[7] = UINT32_MAX;
    h.count = UINT32_MAX;
    histogram_add(&h, 7);
    assert_int_equal(h.bucket[7], UINT32_MAX);
    assert_int_equal(histogram_quantile(&h, 0.5), 7);
}

static void test_merge_and_clear(void **state)
{
    (void)state;
    struct histogram a = { 0 }, b = { 0 }, both = { 0 };
    for (int i = 0; i < 500; i++) {
        histogram_add(&a, i * 7);
        histogram_add(&both, i * 7);
        histogram_add(&b, i * 1300);
        histogram_add(&both, i * 1300);
    }
    histogram_merge(&a, &b);
    assert_memory_equal(&a, &both, sizeof a);
    histogram_merge(&b, &(struct histogram){ 0 });
    assert_int_equal(b.count, 500);

    histogram_clear(&a);
    assert_memory_equal(&a, &(struct histogram){ 0 }, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_one_value_is_itself),
        cmocka_unit_test(test_never_below_and_within_seven_per_cent),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_few_values),
        cmocka_unit_test(test_the_ends),
        cmocka_unit_test(test_a_full_bucket_stays_full),
        cmocka_unit_test(test_merge_and_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
