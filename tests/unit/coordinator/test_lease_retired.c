/* Runs that were looked at, whose record is missing, and whose place another has
 * taken: what happens to sites while the collector is away. */
#include "tests/unit/coordinator/leases.h"

/* Nothing is recorded, and the sites are looked at all the same. */
static void test_a_look_that_is_over_leaves_its_place(void **state)
{
    (void)state;
    struct lease *l = fresh();
    due(l, 1, 100, 60 * S, 0);
    uint64_t first = take(l, 1, 100, 1, 0);
    taken(l, first, 0, 0);
    due(l, 1, 200, 120 * S, 60 * S);
    uint64_t second = take(l, 1, 200, 1, 60 * S);
    taken(l, second, 0, 60 * S);
    assert_int_equal(lease_numbers(l).retired, 1);
    assert_int_equal(lease_in_hand(l, 0), 2);

    /* the worker lists both: it keeps the results, for as long as it takes */
    uint64_t ids[] = { first, second };
    for (int s = 60; s < 115; s++) {
        if (s % 5 == 0)
            lease_holds(l, 0, ids, 2, s * S);
        pass(l, s * S, s * S + 900 * MS);
    }
    nothing_ended(l);
    nothing_to_take(l, 115 * S);
    assert_true(recorded(l, 1, 200, 115 * S)); /* in whatever order */
    assert_true(recorded(l, 1, 100, 115 * S));
    assert_int_equal(lease_numbers(l).retired, 0);
    over(l);
}

static void test_an_heir_goes_when_the_look_before_it_is_over(void **state)
{
    (void)state;
    struct lease *l = fresh();
    due(l, 1, 100, 10 * S, 0);
    taken(l, take(l, 1, 100, 1, 5 * S), 0, 5 * S);
    due(l, 1, 200, 30 * S, 10 * S);
    pass(l, 10 * S, 25 * S - 1); /* 20 s of timeout since 5 s */
    nothing_to_take(l, 25 * S - 1);
    assert_int_equal(lease_next(l), 25 * S);
    lease_step(l, 25 * S);
    take(l, 1, 200, 1, 25 * S);
    assert_int_equal(lease_numbers(l).heirs, 0);
    assert_true(recorded(l, 1, 100, 26 * S));
    assert_true(recorded(l, 1, 200, 27 * S));
    over(l);
}

/* Its slot is over: there is no sense in looking for it again. */
static void test_one_that_retired_is_not_repeated(void **state)
{
    (void)state;
    struct lease *l = fresh();
    due(l, 1, 100, 60 * S, 0);
    taken(l, take(l, 1, 100, 1, 40 * S), 0, 40 * S);
    due(l, 1, 200, 120 * S, 60 * S);
    taken(l, take(l, 1, 200, 1, 60 * S), 1, 60 * S);
    lease_lane_lost(l, 0, 61 * S);
    pass(l, 61 * S, 63 * S);
    ended(l, 1, 100, CAUSE_LOST);
    nothing_to_take(l, 63 * S);
    assert_true(recorded(l, 1, 200, 64 * S));
    over(l);
}

/* Full lists are some seconds apart: one that retired is not lost before its
 * worker could have named it. */
static void test_one_that_retired_waits_for_its_workers_word(void **state)
{
    (void)state;
    struct lease *l = fresh();
    due(l, 1, 100, 20 * S, 0);
    uint64_t job = take(l, 1, 100, 1, 0);
    taken(l, job, 0, 0);
    recorded(l, 9, 9, 1 * S); /* others' results are */
    due(l, 1, 200, 40 * S, 20 * S);
    pass(l, 20 * S, 31 * S); /* late at 25 s */
    nothing_ended(l);
    lease_holds(l, 0, &job, 1, 31 * S);
    pass(l, 31 * S, 37 * S);
    nothing_ended(l);
    lease_holds(l, 0, NULL, 0, 37 * S);
    ended(l, 1, 100, CAUSE_LOST);
    lease_free(l);
}

static void test_forgotten_ones_that_retired_end_in_silence(void **state)
{
    (void)state;
    struct lease *l = fresh();
    due(l, 1, 100, 60 * S, 0);
    taken(l, take(l, 1, 100, 1, 0), 0, 0);
    due(l, 1, 200, 120 * S, 60 * S);
    taken(l, take(l, 1, 200, 1, 60 * S), 0, 60 * S);
    lease_forget(l, 1);
    assert_false(recorded(l, 1, 100, 61 * S));
    lease_lane_lost(l, 0, 62 * S);
    pass(l, 62 * S, 64 * S);
    over(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_look_that_is_over_leaves_its_place),
        cmocka_unit_test(test_an_heir_goes_when_the_look_before_it_is_over),
        cmocka_unit_test(test_one_that_retired_is_not_repeated),
        cmocka_unit_test(test_one_that_retired_waits_for_its_workers_word),
        cmocka_unit_test(test_forgotten_ones_that_retired_end_in_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
