#include "collector/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define S US_PER_S
#define M (60 * S)
#define H (60 * M)

static const struct retry_rule usual = { 5 * S, 5 * M, 24 * H };

/* One attempt after the other, without luck, until it is given up. */
static const struct {
    const char *name;
    struct retry_rule rule;
    int64_t attempt_takes_us;
    int64_t waits[8]; /* between attempts; 0 ends, -1: given up */
} schedules[] = {
    {"it doubles up to the most",
     { 5 * S, 60 * S, 24 * H },
     0,                                                                                    { 5 * S, 10 * S, 20 * S, 40 * S, 60 * S, 60 * S }},
    { "the last attempt is at the end of the patience",
     { 5 * S, 60 * S, 20 * S },
     0,                                                                                    { 5 * S, 10 * S, 5 * S, -1 }                     },
    { "attempts take their time too",                   { 5 * S, 60 * S, 60 * S }, 10 * S, { 5 * S, 10 * S, 15 * S, -1 }                    },
    { "first above most",                               { 60 * S, 5 * S, 24 * H }, 0,      { 5 * S, 5 * S }                                 },
    { "no patience",                                    { 5 * S, 60 * S, 0 },      0,      { -1 }                                           },
};

static void test_the_schedule(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i++) {
        const wall_us created = 1000 * H;
        wall_us now = created;
        for (uint32_t n = 0; n < 8 && schedules[i].waits[n]; n++) {
            now += schedules[i].attempt_takes_us;
            wall_us next = retry_next(&schedules[i].rule, n + 1, created, now, 0, 0);
            int64_t wait = next == WALL_NEVER ? -1 : next - now;
            if (wait != schedules[i].waits[n])
                fail_msg("%s: after attempt %u it waits %lld s, expected %lld s", schedules[i].name, n + 1,
                         (long long)(wait / S), (long long)(schedules[i].waits[n] / S));
            now = next;
        }
    }
}

static void test_luck_shortens_by_a_quarter_at_most(void **state)
{
    (void)state;
    wall_us shortest = WALL_NEVER, longest = 0;
    for (uint32_t luck = 0; luck < 100000; luck += 7) {
        wall_us next = retry_next(&usual, 3, 0, 100 * S, 0, luck);
        shortest = next < shortest ? next : shortest;
        longest = next > longest ? next : longest;
    }
    assert_int_equal(longest, 120 * S);
    assert_true(shortest > 115 * S - S / 100 && shortest < 115 * S + S / 10);
}

static void test_the_receiver_may_ask_for_patience(void **state)
{
    (void)state;
    assert_int_equal(retry_next(&usual, 1, 0, 0, 30 * S, 0), 30 * S); /* longer: heeded */
    assert_int_equal(retry_next(&usual, 4, 0, 0, 1 * S, 0), 40 * S);  /* shorter: not */
    assert_int_equal(retry_next(&usual, 1, 0, 0, 9 * H, 0), RETRY_AFTER_MOST_US);
    /* ... and never beyond the patience */
    assert_int_equal(retry_next(&usual, 1, 0, 24 * H - S, 30 * S, 0), 24 * H);
}

static void test_many_attempts_do_not_overflow(void **state)
{
    (void)state;
    assert_int_equal(retry_next(&usual, UINT32_MAX, 0, 0, 0, 0), 5 * M);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_schedule),
        cmocka_unit_test(test_luck_shortens_by_a_quarter_at_most),
        cmocka_unit_test(test_the_receiver_may_ask_for_patience),
        cmocka_unit_test(test_many_attempts_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
