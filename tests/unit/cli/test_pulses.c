/* What the parts' collectors tell, together. */
#include "cli/pulses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void one_collector_tells_all(void **state)
{
    struct pulses p = { .parts = 0 };
    struct pulse sum;
    (void)state;
    assert_int_equal(pulses_parts(&p), 0);
    assert_false(pulses_whole(&p));
    assert_int_equal(pulses_sum(&p, &sum), 0);
    for (uint32_t says = 0; says < 2; says++) { /* an older one does not say of how many parts */
        pulses_hear(&p, &(struct pulse){ .up = 7 + says, .shards = says }, 100);
        assert_true(pulses_whole(&p));
        assert_int_equal(pulses_sum(&p, &sum), 100);
        assert_int_equal(sum.up, 7 + says);
    }
}

static void parts_are_added_up(void **state)
{
    const struct pulse first = { .up = 10,
                                 .down = 1,
                                 .incidents_open = 1,
                                 .concluded = 90,
                                 .missed = 10,
                                 .late_p99_us = 5000,
                                 .workers_ready = 4,
                                 .workers_all = 4,
                                 .shard = 0,
                                 .shards = 3 };
    struct pulse second = first, sum;
    struct pulses p = { .parts = 0 };
    (void)state;
    second.shard = 2;
    second.late_p99_us = 9000;
    second.workers_ready = 3;
    second.store_away_s = 12;
    pulses_hear(&p, &first, 300);
    pulses_hear(&p, &second, 200);
    assert_int_equal(pulses_parts(&p), 3);
    assert_int_equal(pulses_heard(&p), 2);
    assert_false(pulses_whole(&p));
    assert_int_equal(pulses_sum(&p, &sum), 200);
    assert_int_equal(sum.up, 20);
    assert_int_equal(sum.down, 2);
    assert_int_equal(sum.incidents_open, 2);
    assert_int_equal(sum.concluded, 180);
    assert_int_equal(sum.missed, 20);
    assert_int_equal(sum.late_p99_us, 9000);
    assert_int_equal(sum.workers_ready, 4); /* the same four */
    assert_int_equal(sum.store_away_s, 12);
    second.shard = 1;
    second.up = 5;
    pulses_hear(&p, &second, 400);
    pulses_hear(&p, &(struct pulse){ .up = 1, .shard = 2, .shards = 3 }, 500);
    assert_true(pulses_whole(&p));
    pulses_sum(&p, &sum);
    assert_int_equal(sum.up, 16);
}

static void what_was_cut_otherwise_counts_no_more(void **state)
{
    struct pulses p = { .parts = 0 };
    struct pulse sum;
    (void)state;
    pulses_hear(&p, &(struct pulse){ .up = 5, .shard = 1, .shards = 2 }, 1);
    pulses_hear(&p, &(struct pulse){ .up = 9, .shard = 0, .shards = 1 }, 2);
    assert_true(pulses_whole(&p));
    pulses_sum(&p, &sum);
    assert_int_equal(sum.up, 9);
    pulses_hear(&p, &(struct pulse){ .up = 1, .shard = 2, .shards = 2 }, 3); /* which no feed tells */
    pulses_hear(&p, &(struct pulse){ .up = 1, .shard = 0, .shards = CONTROL_MAX_SHARDS + 1 }, 3);
    pulses_sum(&p, &sum);
    assert_int_equal(sum.up, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_collector_tells_all),
        cmocka_unit_test(parts_are_added_up),
        cmocka_unit_test(what_was_cut_otherwise_counts_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
