/* The lease when lanes go, words are lost, the collector or we ourselves are away. */
#include "tests/unit/coordinator/leases.h"

/* ── Lanes ─────────────────────────────────────────────────────────────── */

static void test_a_lane_that_goes_gives_its_runs_back(void **state)
{
    (void)state;
    struct lease *l = fresh();
    for (uint64_t i = 1; i <= 4; i++) {
        due(l, i, 100, 300 * S, 0);
        taken(l, take(l, i, 100, 1, 0), i <= 2 ? 5 : 6, 0);
    }
    lease_lane_lost(l, 5, S);
    assert_int_equal(lease_in_hand(l, 5), 0);
    assert_int_equal(lease_in_hand(l, 6), 2);
    assert_true(recorded(l, 1, 100, S + 1)); /* was on its way */
    nothing_to_take(l, S + 1);
    pass(l, S, 3 * S);
    struct lease_order o;
    assert_true(lease_take(l, 0, 3 * S, &o));
    assert_int_equal(o.run.site_id, 2);
    assert_int_equal(o.avoid_lane, 5);
    nothing_to_take(l, 3 * S);
    lease_free(l);
}

static void test_heartbeats_put_lost_words_right(void **state)
{
    (void)state;
    struct lease *l = fresh();
    due(l, 1, 100, 300 * S, 0);
    due(l, 2, 100, 300 * S, 0);
    due(l, 3, 100, 300 * S, 0);
    uint64_t one = take(l, 1, 100, 1, 0), two = take(l, 2, 100, 1, 0), three = take(l, 3, 100, 1, 0);
    taken(l, two, 0, 0);
    taken(l, three, 0, 2 * S);

    /* The lane has one: its `taken` was lost. It has not two: that is lost.
     * It has not three, but that was taken a moment ago. Old ids say nothing. */
    uint64_t list[] = { job_id_make(EPOCH - 1, 77), one };
    lease_holds(l, 0, list, 2, 2 * S + 500 * MS);
    assert_int_equal(lease_in_hand(l, 0), 2);
    take(l, 2, 100, 2, 2 * S + 500 * MS);
    nothing_to_take(l, 2 * S + 500 * MS);
    assert_int_equal(lease_untaken(l, 0), 1);
    lease_free(l);
}

/* Lanes 0 and 1 are at the first location, 2 is at the second. */
static void test_a_lane_says_nothing_of_what_is_not_its_own(void **state)
{
    (void)state;
    struct lease *l = fresh();
    struct lease_run run;
    for (int lane = 0; lane < 3; lane++)
        lease_lane_at(l, lane, lane / 2);
    due(l, 1, 100, 300 * S, 0);
    due(l, 2, 100, 300 * S, 0);
    uint64_t one = take(l, 1, 100, 1, 0), two = take(l, 2, 100, 1, 0), unknown = two + 1;

    assert_false(lease_heeds(l, one, 2));
    assert_false(lease_taken(l, one, 2, 0, &run));
    lease_holds(l, 2, (const uint64_t[]){ one, two }, 2, 0);
    assert_int_equal(lease_in_hand(l, 2), 0);
    assert_int_equal(lease_untaken(l, 0), 2);

    assert_true(lease_heeds(l, one, 0) && lease_heeds(l, one, 1)); /* nobody knows who has it */
    taken(l, one, 0, 0);
    assert_true(lease_heeds(l, one, 0) && !lease_heeds(l, one, 1) && !lease_heeds(l, unknown, 0));
    lease_lane_lost(l, 0, S); /* ... and comes back */
    assert_true(lease_heeds(l, one, 0) && !lease_heeds(l, one, 1));
    lease_free(l);
}

static void test_what_a_lane_lists_is_waited_for(void **state)
{
    (void)state;
    struct lease *l = fresh();
    due(l, 1, 100, 300 * S, 0);
    due(l, 2, 100, 300 * S, 0);
    uint64_t one = take(l, 1, 100, 1, 0);
    taken(l, one, 0, 0);
    mono_ns now = 0;
    /* overdue, but in the lane's outbox; others are recorded meanwhile */
    for (; now < 90 * S; now += 5 * S) {
        pass(l, now, now + 4900 * MS);
        lease_holds(l, 0, &one, 1, now + 4900 * MS);
        recorded(l, 9, 9, now);
        assert_int_equal(lease_ready(l, 0, now), 1); /* site 2's */
    }
    /* but not for ever: its repeats of a minute at most should have arrived */
    pass(l, now, now + 6 * S);
    assert_int_equal(lease_ready(l, 0, now), 2);
    lease_free(l);
}

/* ── The collector is away ─────────────────────────────────────────────── */

static void test_the_breaker(void **state)
{
    (void)state;
    enum { SITES = 100 };
    struct lease *l = fresh();
    recorded(l, 999, 1, 0);
    for (uint64_t i = 1; i <= SITES; i++) {
        due(l, i, 100, 300 * S, 0);
        taken(l, take(l, i, 100, 1, 0), 0, 0);
    }
    /* nothing is recorded any more; nobody lists anything either */
    pass(l, 0, 25 * S - 1);
    assert_false(lease_breaker_open(l, 25 * S - 1));
    pass(l, 25 * S, 200 * S);
    assert_true(lease_breaker_open(l, 200 * S));
    nothing_to_take(l, 200 * S);
    nothing_ended(l);

    /* lanes may even die meanwhile: looking again could not be recorded anyway */
    lease_lane_lost(l, 0, 200 * S);
    pass(l, 200 * S, 220 * S);
    nothing_to_take(l, 220 * S);

    /* it is back, and the workers send what they kept */
    for (uint64_t i = 1; i <= SITES - 5; i++)
        assert_true(recorded(l, i, 100, 220 * S + (mono_ns)i * 10 * MS));
    assert_false(lease_breaker_open(l, 221 * S));
    pass(l, 220 * S, 224 * S);
    nothing_to_take(l, 224 * S);
    pass(l, 224 * S, 227 * S);
    assert_int_equal(lease_ready(l, 0, 227 * S), 5); /* these were really lost */
    lease_free(l);
}

static void test_a_single_lost_job_does_not_trip_the_breaker(void **state)
{
    (void)state;
    struct lease *l = fresh();
    due(l, 1, 100, 300 * S, 0);
    taken(l, take(l, 1, 100, 1, 0), 0, 0);
    pass(l, 0, 26 * S); /* nothing was ever recorded, and there is nothing else to judge by */
    take(l, 1, 100, 2, 26 * S);
    lease_free(l);
}

static void test_repeats_are_no_storm(void **state)
{
    (void)state;
    enum { SITES = 1000 };
    struct lease *l = fresh();
    struct lease_order o;
    struct lease_run run;
    for (uint64_t i = 1; i <= SITES; i++)
        due(l, i, 100, 3000 * S, 0);
    while (lease_take(l, 0, 0, &o))
        if (o.run.site_id <= 500)
            lease_taken(l, o.job_id, 0, 0, &run);
    lease_step(l, 2 * S); /* the other half was swallowed */
    assert_int_equal(lease_numbers(l).waiting, 500);
    /* a small burst, ten percent of 500 that were taken; one more a second */
    assert_in_range(lease_ready(l, 0, 2 * S), 60, 70);
    int again = 0;
    while (lease_take(l, 0, 2 * S, &o))
        again++;
    assert_in_range(again, 60, 70);
    nothing_to_take(l, 2 * S);
    /* what is due is not held back by repeats that wait */
    due(l, 5000, 100, 3000 * S, 2 * S);
    take(l, 5000, 100, 1, 2 * S);
    assert_int_equal(lease_ready(l, 0, 3 * S + 1), 1);
    lease_free(l);
}

/* ── Sites that are no longer watched, and we who were away ────────────── */

static void test_forgotten_sites_end_in_silence(void **state)
{
    (void)state;
    struct lease *l = fresh();
    struct lease_run run = run_of(1, 100, 1, 15 * S);
    due(l, 1, 100, 10 * S, 0);
    taken(l, take(l, 1, 100, 1, 0), 0, 0);
    due(l, 1, 200, 20 * S, 10 * S);
    lease_confirm(l, &run, "w", 10 * S);
    due(l, 2, 100, 20 * S, 10 * S);
    lease_forget(l, 1);
    assert_int_equal(lease_numbers(l).runs, 2);
    assert_int_equal(lease_numbers(l).heirs, 0);
    take(l, 2, 100, 1, 10 * S);
    nothing_to_take(l, 10 * S);

    /* watched again while the old look is still out */
    due(l, 1, 300, 300 * S, 12 * S);
    nothing_to_take(l, 12 * S);
    pass(l, 12 * S, 27 * S);
    struct lease_end e;
    while (lease_take_end(l, &e))
        assert_int_equal(e.run.site_id, 2);
    struct lease_order o;
    bool again = false;
    while (lease_take(l, 0, 27 * S, &o))
        again |= o.run.site_id == 1 && o.run.slot_us == 300;
    assert_true(again);
    lease_free(l);
}

static void test_a_site_that_moves_is_not_waited_for_where_it_was(void **state)
{
    (void)state;
    struct lease *l = fresh();
    struct lease_order o;
    for (unsigned location = 0; location < 3; location++) {
        struct lease_run run = run_of(1, 100, 0, 10 * S);
        run.location = location;
        assert_int_equal(lease_due(l, &run, 0), 0);
    }
    assert_true(lease_take(l, 1, 0, &o)); /* one is out already */
    lease_only(l, 1, 1 << 2);
    assert_int_equal(lease_ready(l, 0, 0), 0);
    assert_int_equal(lease_ready(l, 2, 0), 1);
    assert_int_equal(lease_numbers(l).runs, 2);
    pass(l, 0, 30 * S);
    struct lease_end e;
    while (lease_take_end(l, &e))
        assert_int_equal(e.run.location, 2);
    lease_free(l);
}

static void test_our_own_absence_is_nobodys_fault(void **state)
{
    (void)state;
    struct lease *l = fresh();
    due(l, 1, 100, 300 * S, 0);
    due(l, 2, 100, 300 * S, 0);
    taken(l, take(l, 1, 100, 1, 0), 0, 0);
    take(l, 2, 100, 1, 0);
    lease_excuse(l, 60 * S);
    lease_step(l, 61 * S);
    nothing_to_take(l, 61 * S);
    lease_step(l, 62 * S);
    take(l, 2, 100, 2, 62 * S);
    lease_free(l);
}

static void test_slow_answers_stretch_the_wait(void **state)
{
    (void)state;
    struct lease *l = fresh();
    struct lease_order o;
    struct lease_run run;
    mono_ns now = 0;
    assert_int_equal(lease_taken_within(l), 2 * S);
    assert_int_equal(lease_pipeline(l, 0), 0);
    for (uint64_t i = 1; i <= 300; i++, now += 100 * MS) { /* 10 a second, 900 ms each */
        due(l, i, 100, 3000 * S, now);
        assert_true(lease_take(l, 0, now, &o));
        assert_true(lease_taken(l, o.job_id, 0, now + 900 * MS, &run));
    }
    assert_in_range(lease_taken_within(l), 3300 * MS, 3900 * MS);
    assert_in_range(lease_pipeline(l, 0), 15, 21);
    lease_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_lane_that_goes_gives_its_runs_back),
        cmocka_unit_test(test_heartbeats_put_lost_words_right),
        cmocka_unit_test(test_a_lane_says_nothing_of_what_is_not_its_own),
        cmocka_unit_test(test_what_a_lane_lists_is_waited_for),
        cmocka_unit_test(test_the_breaker),
        cmocka_unit_test(test_a_single_lost_job_does_not_trip_the_breaker),
        cmocka_unit_test(test_repeats_are_no_storm),
        cmocka_unit_test(test_forgotten_sites_end_in_silence),
        cmocka_unit_test(test_a_site_that_moves_is_not_waited_for_where_it_was),
        cmocka_unit_test(test_our_own_absence_is_nobodys_fault),
        cmocka_unit_test(test_slow_answers_stretch_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
