#include "coordinator/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_rate_and_latency_of_the_last_period(void **state)
{
    (void)state;
    struct pace p;
    mono_ns now = 77 * NS_PER_S;
    pace_init(&p, now);
    assert_true(p.p99 == 0 && p.rate == 0);
    for (int i = 0; i < 1000; i++) {
        now += PACE_PERIOD_NS / 1000;
        pace_taken(&p, i % 100 == 0 ? 40 * NS_PER_MS : NS_PER_MS, now);
        pace_sent(&p, now);
    }
    assert_true(p.rate > 99 && p.rate < 101);
    assert_in_range(p.p99, 900000, 41 * NS_PER_MS);

    /* a quiet period: too few to say anything */
    pace_sent(&p, now + PACE_PERIOD_NS);
    pace_taken(&p, NS_PER_S, now + PACE_PERIOD_NS);
    pace_sent(&p, now + 2 * PACE_PERIOD_NS);
    assert_int_equal(p.p99, 0);
    assert_true(p.rate < 1);
}

static void test_the_purse(void **state)
{
    (void)state;
    struct purse p;
    purse_init(&p, 10, 16, 0);
    for (int i = 0; i < 16; i++)
        assert_true(purse_pay(&p, 0));
    assert_false(purse_pay(&p, 0));
    assert_false(purse_pay(&p, NS_PER_S / 2));
    assert_true(purse_pay(&p, NS_PER_S + 1)); /* one a second for nothing */
    assert_false(purse_pay(&p, NS_PER_S + 1));
    for (int i = 0; i < 50; i++)
        purse_earn(&p);
    assert_int_equal(purse_count(&p, NS_PER_S + 1), 5); /* ten percent */
    purse_refund(&p);
    assert_int_equal(purse_count(&p, NS_PER_S + 1), 6);
    assert_int_equal(purse_count(&p, 1000 * NS_PER_S), 16); /* not more than the burst for nothing */
    for (int i = 0; i < 100000; i++)
        purse_earn(&p);
    assert_in_range(purse_count(&p, 1000 * NS_PER_S), 200, 257); /* and not without end for work */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate_and_latency_of_the_last_period),
        cmocka_unit_test(test_the_purse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
