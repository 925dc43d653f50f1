/* The clock that due times are read on, and what happens when clocks are set. */
#include "coordinator/grid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define S  US_PER_S
#define NS NS_PER_S

static const wall_us T0 = 1700000000 * US_PER_S;

static void test_in_ordinary_times_it_is_the_wall_clock(void **state)
{
    (void)state;
    struct grid g;
    grid_start(&g, 5 * NS, T0, T0 - 100 * S);
    assert_int_equal(g.at, T0);
    for (int i = 1; i <= 100; i++) {
        /* slewed by up to 400 us a second, as NTP may */
        assert_int_equal(grid_step(&g, 5 * NS + i * NS, T0 + i * (S + 400)), 0);
        assert_int_equal(g.at, T0 + i * (S + 400));
    }
    assert_int_equal(grid_reaches(&g, g.at + 7 * S), 105 * NS + 7 * NS);
    assert_int_equal(grid_reaches(&g, g.at - 7 * S), 105 * NS);
    assert_int_equal(grid_reaches(&g, WALL_NEVER), MONO_NEVER);
}

static void test_a_step_forward_is_followed_at_once(void **state)
{
    (void)state;
    struct grid g;
    grid_start(&g, 0, T0, 0);
    assert_int_equal(grid_step(&g, NS, T0 + 3601 * S), 3600 * S);
    assert_int_equal(g.at, T0 + 3601 * S);
    assert_int_equal(g.lead_us, 0);
}

/* One row per second: where the wall clock stands, and what must hold. */
static void test_a_step_back_slows_it_and_never_turns_it(void **state)
{
    (void)state;
    struct grid g;
    grid_start(&g, 0, T0, 0);
    assert_int_equal(grid_step(&g, NS, T0 + S), 0);
    wall_us before = g.at;

    assert_int_equal(grid_step(&g, 2 * NS, T0 + 2 * S - 60 * S), -60 * S);
    assert_true(g.at > before);
    assert_int_equal(g.at, T0 + 2 * S - S / 4); /* a quarter of the second is paid already */
    assert_int_equal(g.lead_us, 60 * S - S / 4);

    int seconds = 2;
    for (; g.lead_us > 0; seconds++) {
        before = g.at;
        assert_int_equal(grid_step(&g, (seconds + 1) * NS, T0 + (seconds + 1) * S - 60 * S), 0);
        assert_true(g.at > before);
        assert_true(g.at - before >= S * 3 / 4);
    }
    assert_int_equal(seconds, 1 + 4 * 60); /* four times as long as it was ahead */
    assert_int_equal(g.at, T0 + seconds * S - 60 * S);
}

static void test_waiting_while_it_is_slow(void **state)
{
    (void)state;
    struct grid g;
    grid_start(&g, 0, T0, T0 + 3 * S); /* the store knows a slot that is ahead of our clock */
    assert_int_equal(g.at, T0 + 3 * S);
    assert_int_equal(g.lead_us, 3 * S);
    /* 9 s on it take 12 s, in which the lead of 3 s is paid; after that they are equal */
    struct {
        int64_t ahead, wait;
    } rows[] = {
        {3 * S,   4 * S },
        { 9 * S,  12 * S},
        { 10 * S, 13 * S}
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mono_ns at = grid_reaches(&g, T0 + 3 * S + rows[i].ahead);
        assert_in_range(at, rows[i].wait * NS_PER_US, rows[i].wait * NS_PER_US + 2 * NS_PER_US);
        struct grid later = g;
        grid_step(&later, at, T0 + at / NS_PER_US);
        assert_in_range(later.at, T0 + 3 * S + rows[i].ahead, T0 + 3 * S + rows[i].ahead + 2);
    }
}

static void test_many_small_turns_are_one_large_one(void **state)
{
    (void)state;
    struct grid g;
    grid_start(&g, 0, T0, 0);
    /* 333 ns a turn: what is below a microsecond must not get lost */
    for (int i = 1; i <= 3000000 / 333; i++)
        grid_step(&g, i * 333, T0 - 10 * S);
    assert_in_range(g.at, T0 + 2240, T0 + 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_ordinary_times_it_is_the_wall_clock),
        cmocka_unit_test(test_a_step_forward_is_followed_at_once),
        cmocka_unit_test(test_a_step_back_slows_it_and_never_turns_it),
        cmocka_unit_test(test_waiting_while_it_is_slow),
        cmocka_unit_test(test_many_small_turns_are_one_large_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
