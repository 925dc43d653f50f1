#include "coordinator/lateness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_the_last_minute_and_no_more(void **state)
{
    (void)state;
    struct lateness l;
    mono_ns t = 1000 * NS_PER_S;
    lateness_init(&l, t);
    assert_int_equal(lateness_summary(&l, t).count, 0);
    assert_int_equal(lateness_summary(&l, t).p99_us, 0);

    lateness_add(&l, t, 5000000);
    for (int i = 0; i < 99; i++)
        lateness_add(&l, t + i * NS_PER_S / 10, 1000);
    struct lateness_summary s = lateness_summary(&l, t + 10 * NS_PER_S);
    assert_int_equal(s.count, 100);
    assert_in_range(s.p50_us, 930, 1070);
    assert_int_equal(s.max_us, 5000000);

    /* the slow one was in the first slice, which goes first */
    s = lateness_summary(&l, t + 59 * NS_PER_S);
    assert_int_equal(s.count, 100);
    s = lateness_summary(&l, t + 61 * NS_PER_S);
    assert_int_equal(s.count, 49);
    assert_in_range(s.max_us, 930, 1070);
    assert_int_equal(lateness_summary(&l, t + 66 * NS_PER_S).count, 0);
}

static void test_a_long_pause_forgets_all(void **state)
{
    (void)state;
    struct lateness l;
    lateness_init(&l, 0);
    lateness_add(&l, 0, 100);
    lateness_add(&l, 3600 * NS_PER_S, 200);
    assert_int_equal(lateness_summary(&l, 3600 * NS_PER_S).count, 1);
}

static void test_early_is_not_late(void **state)
{
    (void)state;
    struct lateness l;
    lateness_init(&l, 0);
    lateness_add(&l, 0, -500);
    assert_int_equal(lateness_summary(&l, 0).max_us, 0);
    assert_int_equal(lateness_summary(&l, 0).count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_minute_and_no_more),
        cmocka_unit_test(test_a_long_pause_forgets_all),
        cmocka_unit_test(test_early_is_not_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
