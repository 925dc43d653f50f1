/* The life of a run, event by event. One site unless a story says otherwise. */
#include "coordinator/lease.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S     NS_PER_S
#define MS    NS_PER_MS
#define EPOCH 3

static const struct lease_rules rules = {
    .taken_within = 2 * S, .grace = 5 * S, .breaker = 10 * S, .attempts = 3, .again_percent = 10
};

enum { TIMEOUT_MS = 20000 };

static struct lease *fresh(void)
{
    struct lease *l = NULL;
    assert_int_equal(lease_new(&l, &rules, EPOCH, 0), 0);
    return l;
}

static struct lease_run run_of(uint64_t site, wall_us slot, uint16_t look, mono_ns until)
{
    return (struct lease_run){ .site_id = site,
                               .slot_us = slot,
                               .look = look,
                               .timeout_ms = TIMEOUT_MS,
                               .every_ms = 300000,
                               .until = until };
}

static void due(struct lease *l, uint64_t site, wall_us slot, mono_ns until, mono_ns now)
{
    struct lease_run run = run_of(site, slot, 0, until);
    assert_int_equal(lease_due(l, &run, now), 0);
}

static uint64_t take(struct lease *l, uint64_t site, wall_us slot, uint8_t attempt, mono_ns now)
{
    struct lease_order o;
    assert_true(lease_take(l, 0, now, &o));
    assert_int_equal(o.run.site_id, site);
    assert_int_equal(o.run.slot_us, slot);
    assert_int_equal(o.attempt, attempt);
    assert_int_equal(job_id_epoch(o.job_id), EPOCH);
    return o.job_id;
}

static void nothing_to_take(struct lease *l, mono_ns now)
{
    struct lease_order o;
    assert_int_equal(lease_ready(l, 0, now), 0);
    assert_false(lease_take(l, 0, now, &o));
}

static void taken(struct lease *l, uint64_t job, int lane, mono_ns now)
{
    struct lease_run run;
    assert_true(lease_taken(l, job, lane, now, &run));
}

static bool recorded(struct lease *l, uint64_t site, wall_us slot, mono_ns now)
{
    return lease_recorded(l, site, slot, 0, 0, now);
}

static void ended(struct lease *l, uint64_t site, wall_us slot, enum cause cause)
{
    struct lease_end e;
    assert_true(lease_take_end(l, &e));
    assert_int_equal(e.run.site_id, site);
    assert_int_equal(e.run.slot_us, slot);
    assert_string_equal(cause_name(e.cause), cause_name(cause));
}

static void nothing_ended(struct lease *l)
{
    struct lease_end e;
    assert_false(lease_take_end(l, &e));
}

/* Time passes in steps of a tenth of a second, as if nothing else happened. */
static void pass(struct lease *l, mono_ns from, mono_ns to)
{
    for (mono_ns now = from; now <= to; now += 100 * MS)
        lease_step(l, now);
}

static void over(struct lease *l)
{
    nothing_ended(l);
    struct lease_numbers n = lease_numbers(l);
    assert_int_equal(n.runs, 0);
    assert_int_equal(n.in_flight, 0);
    assert_int_equal(n.waiting, 0);
    assert_int_equal(n.heirs, 0);
    assert_int_equal(n.overdue, 0);
    assert_int_equal(n.confirming_runs, 0);
    assert_int_equal(lease_untaken(l, 0), 0);
    assert_int_equal(lease_next(l), MONO_NEVER);
    lease_free(l);
}

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
    lease_mark_avoiding(l, o.job_id);
    assert_int_equal(lease_busy(l, o.job_id, 0), LEASE_AVOIDED);
    assert_int_equal(lease_busy(l, o.job_id, 0), LEASE_NOT_OUT);
    for (int i = 0; i < 3; i++) {
        lease_step(l, i * S);
        assert_true(lease_take(l, 0, i * S, &o));
        assert_int_equal(o.anybody, i >= 2); /* bounced a lot: better that worker than none */
        if (i < 2)
            assert_int_equal(lease_busy(l, o.job_id, i * S), LEASE_FULL);
    }
    assert_true(lease_recorded(l, 1, 100, 1, 0, 3 * S));
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
    pass(l, 20 * S, 26 * S); /* the one that is out is lost: 25 s have passed, its slot is over */
    ended(l, 1, 100, CAUSE_LOST);
    assert_int_equal(lease_numbers(l).heirs, 0);
    take(l, 1, 300, 1, 26 * S);
    recorded(l, 1, 300, 27 * S);
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
        cmocka_unit_test(test_the_next_slot_waits_for_the_one_that_is_out),
        cmocka_unit_test(test_the_slot_after_that_takes_its_place),
        cmocka_unit_test(test_without_workers_slots_are_missed_and_keep_their_place),
        cmocka_unit_test(test_one_that_bounces_past_its_time_gives_way_to_its_heir),
        cmocka_unit_test(test_one_that_waits_to_be_repeated_gives_way),
        cmocka_unit_test(test_confirming_looks_go_first_and_side_by_side),
        cmocka_unit_test(test_a_confirming_look_that_cannot_begin_is_lost),
        cmocka_unit_test(test_rounds_are_confirmed_each_for_itself),
        cmocka_unit_test(test_the_ceiling_of_confirming_looks),
        cmocka_unit_test(test_a_lane_that_goes_gives_its_runs_back),
        cmocka_unit_test(test_heartbeats_put_lost_words_right),
        cmocka_unit_test(test_what_a_lane_lists_is_waited_for),
        cmocka_unit_test(test_the_breaker),
        cmocka_unit_test(test_a_single_lost_job_does_not_trip_the_breaker),
        cmocka_unit_test(test_repeats_are_no_storm),
        cmocka_unit_test(test_forgotten_sites_end_in_silence),
        cmocka_unit_test(test_our_own_absence_is_nobodys_fault),
        cmocka_unit_test(test_slow_answers_stretch_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
