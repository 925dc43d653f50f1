/* The life of a run, event by event. */
#include "tests/unit/coordinator/leases.h"

/* ── The ordinary way ──────────────────────────────────────────────────── */

static void test_due_sent_taken_recorded(void **state)
{
    (void)state;
    struct lease *l = fresh();
    struct lease_run run;
    nothing_to_take(l, 0);
    due(l, 1, 100, 300 * S, 0);
    assert_int_equal(lease_numbers(l).waiting, 1);
    assert_int_equal(lease_ready(l, 0, 0), 1);
    assert_int_equal(lease_ready(l, 1, 0), 0); /* another location */
    uint64_t job = take(l, 1, 100, 1, 0);
    nothing_to_take(l, 0);
    assert_int_equal(lease_untaken(l, 0), 1);
    assert_int_equal(lease_next(l), 2 * S);

    assert_true(lease_taken(l, job, 4, 10 * MS, &run));
    assert_int_equal(run.slot_us, 100);
    assert_int_equal(lease_untaken(l, 0), 0);
    assert_int_equal(lease_in_hand(l, 4), 1);
    assert_int_equal(lease_next(l), 10 * MS + 25 * S);
    assert_false(lease_taken(l, job, 4, 11 * MS, &run)); /* twice is no news */

    assert_false(recorded(l, 1, 99, S)); /* another slot */
    assert_false(recorded(l, 2, 100, S));
    assert_true(recorded(l, 1, 100, S));
    assert_false(recorded(l, 1, 100, S));
    assert_int_equal(lease_in_hand(l, 4), 0);
    over(l);
}

static void test_recorded_before_taken_is_heard(void **state)
{
    (void)state;
    struct lease *l = fresh();
    struct lease_run run;
    due(l, 1, 100, 300 * S, 0);
    uint64_t job = take(l, 1, 100, 1, 0);
    assert_true(recorded(l, 1, 100, MS));
    assert_false(lease_taken(l, job, 0, 2 * MS, &run));
    over(l);
}

static void test_what_could_not_be_sent_is_first_again(void **state)
{
    (void)state;
    struct lease *l = fresh();
    due(l, 1, 100, 300 * S, 0);
    due(l, 2, 101, 300 * S, 0);
    uint64_t job = take(l, 1, 100, 1, 0);
    lease_unsend(l, job);
    assert_int_equal(lease_numbers(l).in_flight, 0);
    assert_int_equal(lease_numbers(l).again, 0);
    take(l, 1, 100, 1, 0);
    job = take(l, 2, 101, 1, 0);
    lease_refuse(l, job);
    ended(l, 2, 101, CAUSE_LOST);
    recorded(l, 1, 100, 0);
    over(l);
}

/* ── Going out again ───────────────────────────────────────────────────── */

static void test_not_taken_goes_out_three_times_and_is_lost(void **state)
{
    (void)state;
    struct lease *l = fresh();
    due(l, 1, 100, 300 * S, 0);
    for (uint8_t attempt = 1; attempt <= 3; attempt++) {
        mono_ns now = (attempt - 1) * 2 * S;
        uint64_t job = take(l, 1, 100, attempt, now);
        assert_int_equal(job, job_id_make(EPOCH, attempt)); /* never the same id */
        lease_step(l, now + 2 * S - 1);
        nothing_to_take(l, now + 2 * S - 1);
        lease_step(l, now + 2 * S);
    }
    assert_int_equal(lease_numbers(l).again, 2);
    ended(l, 1, 100, CAUSE_LOST);
    over(l);
}

static void test_taken_and_overdue_goes_out_to_somebody_else(void **state)
{
    (void)state;
    struct lease *l = fresh();
    struct lease_order o;
    due(l, 1, 100, 300 * S, 0);
    taken(l, take(l, 1, 100, 1, 0), 7, 0);
    lease_step(l, 25 * S - 1);
    assert_int_equal(lease_numbers(l).overdue, 0);
    pass(l, 25 * S, 26 * S);
    assert_true(lease_take(l, 0, 26 * S, &o));
    assert_int_equal(o.attempt, 2);
    assert_int_equal(o.avoid_lane, 7);
    assert_false(o.anybody);
    /* the first worker's result comes after all: that is the run's */
    assert_true(recorded(l, 1, 100, 27 * S));
    over(l);
}

static void test_the_last_attempt_may_go_to_anybody(void **state)
{
    (void)state;
    struct lease *l = fresh();
    struct lease_order o;
    due(l, 1, 100, 300 * S, 0);
    mono_ns now = 0;
    for (int i = 1; i <= 3; i++) {
        assert_true(lease_take(l, 0, now, &o));
        assert_int_equal(o.anybody, i == 3);
        taken(l, o.job_id, i, now);
        pass(l, now + 25 * S, now + 26 * S);
        now += 26 * S;
    }
    ended(l, 1, 100, CAUSE_LOST);
    over(l);
}

static void test_too_late_to_go_out_again(void **state)
{
    (void)state;
    struct lease *l = fresh();
    due(l, 1, 100, 10 * S, 0);
    taken(l, take(l, 1, 100, 1, 0), 0, 0);
    pass(l, 0, 24 * S);
    nothing_ended(l); /* it is out beyond its slot, and may come */
    pass(l, 25 * S, 26 * S);
    ended(l, 1, 100, CAUSE_LOST);
    over(l);

    l = fresh(); /* waiting to be repeated when its time ends */
    due(l, 1, 100, 3 * S, 0);
    take(l, 1, 100, 1, 0);
    lease_step(l, 2 * S);
    assert_int_equal(lease_ready(l, 0, 2 * S), 1);
    lease_step(l, 3 * S);
    ended(l, 1, 100, CAUSE_LOST);
    over(l);
}

static void test_a_late_word_saves_the_repeat(void **state)
{
    (void)state;
    struct lease *l = fresh();
    due(l, 1, 100, 300 * S, 0);
    uint64_t job = take(l, 1, 100, 1, 0);
    lease_step(l, 2 * S);
    assert_int_equal(lease_ready(l, 0, 2 * S), 1);
    taken(l, job, 0, 3 * S);
    nothing_to_take(l, 3 * S);
    assert_true(recorded(l, 1, 100, 4 * S));
    over(l);
}

/* ── Busy ──────────────────────────────────────────────────────────────── */

static void test_busy_goes_on_at_once_and_counts_no_attempt(void **state)
{
    (void)state;
    struct lease *l = fresh();
    due(l, 1, 100, 300 * S, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(lease_busy(l, take(l, 1, 100, 1, 0), 0), i < 3 ? LEASE_FULL : LEASE_NOT_OUT);
    nothing_to_take(l, 0); /* the third time it rests */
    assert_int_equal(lease_numbers(l).waiting, 1);
    assert_int_equal(lease_next(l), 50 * MS);
    lease_step(l, 50 * MS);
    taken(l, take(l, 1, 100, 1, 50 * MS), 0, 50 * MS);
    recorded(l, 1, 100, S);
    over(l);
}

static void test_busy_for_ever_is_bounded(void **state)
{
    (void)state;
    struct lease *l = fresh();
    struct lease_order o;
    due(l, 1, 100, 300 * S, 0);
    int sent = 0;
    for (mono_ns now = 0; now < 300 * S; now += 10 * MS) {
        lease_step(l, now);
        if (!lease_take(l, 0, now, &o))
            continue;
        sent++;
        assert_int_equal(lease_busy(l, o.job_id, now), LEASE_FULL);
    }
    assert_int_equal(sent, LEASE_MAX_BOUNCES + 1);
    ended(l, 1, 100, CAUSE_LOST);
    over(l);
}

static void test_busy_of_the_avoided_says_nothing_of_room(void **state)
{
    (void)state;
    struct lease *l = fresh();
    struct lease_run run = run_of(1, 100, 1, 15 * S);
    struct lease_order o;
    assert_int_equal(lease_confirm(l, &run, "alpha", 0), 0);
    assert_true(lease_take(l, 0, 0, &o));
    assert_string_equal(o.avoid, "alpha");
    lease_mark_avoiding(l, o.job_id, LEASE_CHOOSY);
    assert_int_equal(lease_busy(l, o.job_id, 0), LEASE_AVOIDED);
    assert_int_equal(lease_busy(l, o.job_id, 0), LEASE_NOT_OUT);
    for (int i = 0; i < 2; i++) {
        lease_step(l, i * S);
        assert_true(lease_take(l, 0, i * S, &o));
        assert_false(o.anybody);
        assert_int_equal(lease_busy(l, o.job_id, i * S), LEASE_FULL);
    }
    lease_step(l, 2 * S);
    assert_true(lease_take(l, 0, 2 * S, &o));
    assert_true(lease_recorded(l, 1, 100, 1, 0, 3 * S));
    assert_int_equal(lease_numbers(l).confirming, 1);
    assert_int_equal(lease_numbers(l).again, 0); /* nothing was lost */
    assert_int_equal(lease_numbers(l).sent_on, 3);
    over(l);
}

static void test_the_avoided_may_hand_back_at_once_and_often(void **state)
{
    (void)state;
    struct lease *l = fresh();
    struct lease_run run = run_of(1, 100, 1, 15 * S);
    struct lease_order o;
    assert_int_equal(lease_confirm(l, &run, "alpha", 0), 0);
    for (int i = 0; i < 9; i++) {
        assert_true(lease_take(l, 0, 0, &o));
        assert_false(o.anybody);
        lease_mark_avoiding(l, o.job_id, LEASE_CHOOSY);
        assert_int_equal(lease_busy(l, o.job_id, 0), LEASE_AVOIDED);
    }
    assert_false(lease_take(l, 0, 0, &o));
    lease_step(l, 4 * S);
    assert_true(lease_take(l, 0, 4 * S, &o));
    assert_true(o.anybody); /* better that worker than none */
    assert_true(lease_recorded(l, 1, 100, 1, 0, 5 * S));
    assert_int_equal(lease_numbers(l).again, 0);
    over(l);
}

/* Many of one key, and one of another, whom the job is to find. */
static void test_some_are_choosier(void **state)
{
    (void)state;
    struct lease *l = fresh();
    struct lease_run run = run_of(1, 100, 1, 15 * S);
    struct lease_order o;
    assert_int_equal(lease_confirm(l, &run, "alpha", 0), 0);
    for (int i = 0; i < LEASE_MOST_CHOOSY + 1; i++) {
        assert_true(lease_take(l, 0, 0, &o));
        assert_false(o.anybody);
        lease_mark_avoiding(l, o.job_id, 5000);
        assert_int_equal(lease_busy(l, o.job_id, 0), LEASE_AVOIDED);
    }
    assert_false(lease_take(l, 0, 0, &o));
    for (int i = 1; i < LEASE_MORE_BOUNCES; i++) {
        lease_step(l, i * 3 * S);
        assert_true(lease_take(l, 0, i * 3 * S, &o));
        assert_true(o.anybody);
        assert_int_equal(lease_busy(l, o.job_id, i * 3 * S), LEASE_FULL);
    }
    lease_step(l, 14 * S);
    assert_true(lease_take(l, 0, 14 * S, &o));
    assert_int_equal(lease_numbers(l).again, 0);
    lease_busy(l, o.job_id, 14 * S); /* once too often */
    ended(l, 1, 100, CAUSE_LOST);
    over(l);
}

/* In an outage of many sites half of the confirming looks may first come to the
 * worker that they avoid: the purse of repeats is not for those. */
static void test_what_is_handed_back_is_no_repeat(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    struct lease *l = fresh();
    static uint64_t job[MANY];
    struct lease_order o;
    for (uint64_t i = 0; i < MANY; i++) {
        struct lease_run run = run_of(i + 1, 100, 1, 15 * S);
        assert_int_equal(lease_confirm(l, &run, "alpha", 0), 0);
        assert_true(lease_take(l, 0, 0, &o));
        job[i] = o.job_id;
    }
    for (size_t i = 0; i < MANY; i++) {
        lease_mark_avoiding(l, job[i], LEASE_CHOOSY);
        assert_int_equal(lease_busy(l, job[i], 0), LEASE_AVOIDED);
    }
    assert_int_equal(lease_ready(l, 0, 0), MANY);
    for (size_t i = 0; i < MANY; i++)
        assert_true(lease_take(l, 0, 0, &o));
    assert_int_equal(lease_numbers(l).again, 0);
    assert_int_equal(lease_numbers(l).sent_on, MANY);
    assert_int_equal(lease_numbers(l).confirming, MANY);
    for (uint64_t i = 0; i < MANY; i++)
        assert_true(lease_recorded(l, i + 1, 100, 1, 0, S));
    over(l);
}

/* ── Slots that come while one is out ──────────────────────────────────── */

static void test_the_next_slot_waits_for_the_one_that_is_out(void **state)
{
    (void)state;
    struct lease *l = fresh();
    due(l, 1, 100, 10 * S, 0);
    taken(l, take(l, 1, 100, 1, 0), 0, 0);
    due(l, 1, 200, 20 * S, 10 * S);
    nothing_to_take(l, 10 * S);
    assert_int_equal(lease_numbers(l).heirs, 1);
    assert_true(recorded(l, 1, 100, 11 * S));
    taken(l, take(l, 1, 200, 1, 11 * S), 0, 11 * S);
    assert_true(recorded(l, 1, 200, 12 * S));
    over(l);
}

static void test_the_slot_after_that_takes_its_place(void **state)
{
    (void)state;
    struct lease *l = fresh();
    due(l, 1, 100, 10 * S, 0);
    taken(l, take(l, 1, 100, 1, 0), 0, 0);
    due(l, 1, 200, 20 * S, 10 * S);
    nothing_ended(l);
    due(l, 1, 300, 30 * S, 20 * S);
    ended(l, 1, 200, CAUSE_MISSED);
    lease_step(l, 20 * S); /* the look that is out is over */
    assert_int_equal(lease_numbers(l).heirs, 0);
    take(l, 1, 300, 1, 20 * S);
    recorded(l, 1, 300, 21 * S);
    pass(l, 21 * S, 33 * S); /* and nothing ever came of it */
    ended(l, 1, 100, CAUSE_LOST);
    over(l);
}

static void test_without_workers_slots_are_missed_and_keep_their_place(void **state)
{
    (void)state;
    struct lease *l = fresh();
    due(l, 1, 100, 10 * S, 0);
    due(l, 2, 101, 10 * S, 0);
    due(l, 1, 200, 20 * S, 10 * S);
    ended(l, 1, 100, CAUSE_MISSED);
    assert_int_equal(lease_numbers(l).waiting, 2);
    take(l, 1, 200, 1, 11 * S); /* it has waited longest */
    take(l, 2, 101, 1, 11 * S);
    recorded(l, 1, 200, 12 * S);
    recorded(l, 2, 101, 12 * S);
    over(l);
}

static void test_one_that_bounces_past_its_time_gives_way_to_its_heir(void **state)
{
    (void)state;
    struct lease *l = fresh();
    due(l, 1, 100, 10 * S, 0);
    uint64_t job = take(l, 1, 100, 1, 9 * S);
    due(l, 1, 200, 20 * S, 10 * S);
    assert_int_equal(lease_busy(l, job, 10 * S), LEASE_FULL);
    ended(l, 1, 100, CAUSE_LOST);
    due(l, 1, 300, 30 * S, 20 * S);
    ended(l, 1, 200, CAUSE_MISSED);
    take(l, 1, 300, 1, 20 * S);
    recorded(l, 1, 300, 21 * S);
    over(l);
}

static void test_one_that_waits_to_be_repeated_gives_way(void **state)
{
    (void)state;
    struct lease *l = fresh();
    due(l, 1, 100, 10 * S, 0);
    take(l, 1, 100, 1, 7 * S);
    lease_step(l, 9 * S); /* nobody took it */
    due(l, 1, 200, 20 * S, 10 * S);
    ended(l, 1, 100, CAUSE_LOST);
    take(l, 1, 200, 1, 10 * S); /* and that is a first attempt */
    recorded(l, 1, 200, 12 * S);
    over(l);
}

/* ── Confirming looks ──────────────────────────────────────────────────── */

static void test_confirming_looks_go_first_and_side_by_side(void **state)
{
    (void)state;
    struct lease *l = fresh();
    struct lease_run one = run_of(1, 100, 1, 15 * S), two = run_of(1, 100, 2, 15 * S);
    struct lease_order o;
    due(l, 2, 50, 300 * S, 0);
    assert_int_equal(lease_confirm(l, &one, "", 0), 0);
    assert_int_equal(lease_confirm(l, &two, "", 0), 0);
    assert_int_equal(lease_confirm(l, &one, "", 0), -EALREADY);
    assert_int_equal(lease_numbers(l).confirming_runs, 2);
    for (uint16_t look = 1; look <= 2; look++) {
        assert_true(lease_take(l, 0, 0, &o));
        assert_int_equal(o.run.look, look);
        taken(l, o.job_id, look, 0);
    }
    assert_int_equal(lease_numbers(l).confirming, 2);
    assert_int_equal(lease_confirm(l, &two, "", 0), -EALREADY);
    take(l, 2, 50, 1, 0);
    assert_true(lease_recorded(l, 1, 100, 2, 0, S));
    assert_true(lease_recorded(l, 1, 100, 1, 0, S));
    assert_true(recorded(l, 2, 50, S));
    over(l);
}

static void test_a_confirming_look_that_cannot_begin_is_lost(void **state)
{
    (void)state;
    struct lease *l = fresh();
    struct lease_run run = run_of(1, 100, 1, 15 * S);
    assert_int_equal(lease_confirm(l, &run, "", 0), 0);
    assert_int_equal(lease_next(l), 15 * S);
    lease_step(l, 15 * S);
    ended(l, 1, 100, CAUSE_LOST);

    run.until = 20 * S; /* and one that was begun is not cut short */
    lease_confirm(l, &run, "", 16 * S);
    struct lease_order o;
    assert_true(lease_take(l, 0, 16 * S, &o));
    taken(l, o.job_id, 0, 16 * S);
    pass(l, 16 * S, 40 * S);
    nothing_ended(l);
    pass(l, 41 * S, 42 * S);
    ended(l, 1, 100, CAUSE_LOST);
    over(l);
}

static void test_rounds_are_confirmed_each_for_itself(void **state)
{
    (void)state;
    struct lease *l = fresh();
    struct lease_run run = run_of(1, 100, 1, 15 * S);
    lease_confirm(l, &run, "", 0);
    run.slot_us = 200;
    assert_int_equal(lease_confirm(l, &run, "", 10 * S), 0);
    assert_int_equal(lease_numbers(l).confirming_runs, 2);
    assert_true(lease_recorded(l, 1, 200, 1, 0, 11 * S));
    assert_false(lease_recorded(l, 1, 200, 1, 0, 11 * S));
    assert_true(lease_recorded(l, 1, 100, 1, 0, 11 * S));
    over(l);
}

static void test_the_ceiling_of_confirming_looks(void **state)
{
    (void)state;
    struct lease *l = fresh();
    for (uint64_t i = 1; i <= LEASE_MAX_CONFIRMING; i++) {
        struct lease_run run = run_of(i, 100, 1, 15 * S);
        assert_int_equal(lease_confirm(l, &run, "", 0), 0);
    }
    struct lease_run run = run_of(LEASE_MAX_CONFIRMING + 1, 100, 1, 15 * S);
    assert_int_equal(lease_confirm(l, &run, "", 0), -ENOSPC);
    struct lease_run wrong[] = { run_of(1, 1, 0, S), run_of(1, 1, 12, S) };
    assert_int_equal(lease_confirm(l, &wrong[0], "", 0), -EINVAL);
    assert_int_equal(lease_confirm(l, &wrong[1], "", 0), -EINVAL);
    lease_free(l);
    lease_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_due_sent_taken_recorded),
        cmocka_unit_test(test_recorded_before_taken_is_heard),
        cmocka_unit_test(test_what_could_not_be_sent_is_first_again),
        cmocka_unit_test(test_not_taken_goes_out_three_times_and_is_lost),
        cmocka_unit_test(test_taken_and_overdue_goes_out_to_somebody_else),
        cmocka_unit_test(test_the_last_attempt_may_go_to_anybody),
        cmocka_unit_test(test_too_late_to_go_out_again),
        cmocka_unit_test(test_a_late_word_saves_the_repeat),
        cmocka_unit_test(test_busy_goes_on_at_once_and_counts_no_attempt),
        cmocka_unit_test(test_busy_for_ever_is_bounded),
        cmocka_unit_test(test_busy_of_the_avoided_says_nothing_of_room),
        cmocka_unit_test(test_the_avoided_may_hand_back_at_once_and_often),
        cmocka_unit_test(test_some_are_choosier),
        cmocka_unit_test(test_what_is_handed_back_is_no_repeat),
        cmocka_unit_test(test_the_next_slot_waits_for_the_one_that_is_out),
        cmocka_unit_test(test_the_slot_after_that_takes_its_place),
        cmocka_unit_test(test_without_workers_slots_are_missed_and_keep_their_place),
        cmocka_unit_test(test_one_that_bounces_past_its_time_gives_way_to_its_heir),
        cmocka_unit_test(test_one_that_waits_to_be_repeated_gives_way),
        cmocka_unit_test(test_confirming_looks_go_first_and_side_by_side),
        cmocka_unit_test(test_a_confirming_look_that_cannot_begin_is_lost),
        cmocka_unit_test(test_rounds_are_confirmed_each_for_itself),
        cmocka_unit_test(test_the_ceiling_of_confirming_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
