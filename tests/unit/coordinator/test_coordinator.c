/* The whole coordinator, as its workers and its collector see it. */
#include "tests/unit/coordinator/stage.h"

/* For stories in which nobody is to be silent or slow: on a machine with much else
 * to do, this process is not running for a second now and then. */
static void be_patient(struct world *w)
{
    set(w, "coordinator.taken_within", "5s");
    set(w, "coordinator.suspect_after", "1s");
    set(w, "coordinator.dead_after", "3s");
}

/* ── Stories ───────────────────────────────────────────────────────────── */

static void test_from_the_store_to_recorded(void **state)
{
    struct world *w = *state;
    be_patient(w);
    struct thread *l = &w->lane[0];
    struct site s = site_of("shop", rarely(1), 1000);
    s.id = edit(w, &s);
    start(w);
    join(w, l, "alpha");
    until(w, l->n_jobs == 1); /* a site that is new is looked at within seconds, whatever its interval */
    assert_int_equal(l->job[0].run.site_id, s.id);
    assert_int_equal(l->job[0].run.look, 0);
    assert_string_equal(l->job[0].run.location, "local");
    assert_int_equal(l->job[0].attempt, 1);
    assert_int_equal(l->job[0].timeout_ms, 1000);
    assert_int_equal(l->job[0].start_by_ms, 5000);
    assert_int_equal(job_id_epoch(l->job[0].id), l->epoch);
    assert_int_equal(l->last[CONTROL_WELCOME].epoch, l->epoch);

    look(w, l, 0);
    until(w, l->n_recorded == 1);
    wall_us waited_us = clock_wall() - l->job[0].run.slot_us;
    assert_int_equal(l->recorded[0], l->job[0].id);
    until(w, l->told[CONTROL_BEAT] >= 1);
    assert_int_equal(l->last[CONTROL_BEAT].nonce, l->last[CONTROL_WELCOME].nonce);

    unsigned n = w->n_vitals;
    until(w, w->n_vitals > n);
    assert_int_equal(w->vitals.sites, 1);
    assert_int_equal(w->vitals.scheduled, 1);
    assert_int_equal(w->vitals.concluded, 1);
    assert_int_equal(w->vitals.missed, 0);
    assert_int_equal(w->vitals.in_flight, 0);
    assert_int_equal(w->vitals.n_workers, 1);
    assert_true(w->vitals.late_max_us <= waited_us);
}

static void test_the_store_is_followed(void **state)
{
    struct world *w = *state;
    struct thread *l = &w->lane[0];
    start(w);
    join(w, l, "alpha");
    struct site s = site_of("shop", 200, 100);
    s.id = edit(w, &s);
    until(w, l->n_jobs >= 1);
    look(w, l, 0);
    until(w, l->n_jobs >= 2);
    assert_true(l->job[1].run.slot_us > l->job[0].run.slot_us);
    assert_int_equal((l->job[1].run.slot_us - l->job[0].run.slot_us) % 200000, 0);

    s.paused = true; /* while its look is out */
    edit(w, &s);
    pass(w, 200);
    look(w, l, 1);
    size_t n = l->n_jobs;
    pass(w, 600);
    assert_int_equal(l->n_jobs, n);
    for (size_t i = 0; i < w->n_results; i++) /* nothing is said of slots after the pause */
        assert_true(w->result[i].run.slot_us <= l->job[1].run.slot_us + 400000);
    until(w, w->vitals.sites == 0);
}

/* A line that nobody answers for ten seconds is sent again. */
static bool said_before(const struct world *w, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (w->result[k].run.slot_us == w->result[i].run.slot_us && w->result[k].span == w->result[i].span)
            return true;
    return false;
}

static void test_nobody_is_there_and_slots_are_missed(void **state)
{
    struct world *w = *state;
    struct site s = site_of("shop", 200, 100);
    s.id = edit(w, &s);
    start(w);
    until(w, w->n_results >= 2);
    /* every slot in one of the lines, without a gap and without an overlap */
    wall_us next = w->result[0].run.slot_us;
    for (size_t i = 0; i < w->n_results; i++) {
        const struct result *x = &w->result[i];
        if (said_before(w, i))
            continue;
        assert_int_equal(x->cause, CAUSE_MISSED);
        assert_int_equal(x->verdict, VERDICT_UNKNOWN);
        assert_string_equal(x->worker, "coordinator");
        assert_int_equal(x->job_id, 0);
        assert_int_equal(x->run.slot_us, next);
        next += x->span * INT64_C(200000);
        record(w, 0, &x->run, "coordinator", 0);
    }
    until(w, w->n_vitals > 2 && w->vitals.waiting == 1);
    assert_true(w->vitals.missed >= 4);
    assert_int_equal(w->vitals.concluded, 0);
}

static void test_a_silent_lane_gives_its_job_to_another(void **state)
{
    struct world *w = *state;
    struct thread *a = &w->lane[0], *b = &w->lane[1];
    struct site s = site_of("shop", rarely(1), 100);
    edit(w, &s);
    start(w);
    join(w, a, "alpha");
    until(w, a->n_jobs == 1);
    say(w, a, CONTROL_TAKEN, &a->job[0].id, 1);
    join(w, b, "beta");
    a->silent = true;
    until(w, b->n_jobs + a->n_jobs >= 2);
    /* PUSH may hand it to the silent one again; who then gets it is told to avoid it */
    assert_int_equal(a->n_jobs + b->n_jobs, 2);
    struct thread *second = b->n_jobs ? b : a;
    size_t i = second->n_jobs - 1;
    assert_int_equal(second->job[i].attempt, 2);
    assert_string_equal(second->avoid[i], "alpha");
    assert_int_not_equal(second->job[i].id, a->job[0].id);
    assert_int_equal(second->job[i].run.slot_us, a->job[0].run.slot_us);
}

static void test_a_look_that_is_asked_for(void **state)
{
    struct world *w = *state;
    struct thread *l = &w->lane[0];
    struct site s = site_of("shop", rarely(1), 1000);
    edit(w, &s);
    start(w);
    join(w, l, "alpha");
    until(w, l->n_jobs == 1);
    look(w, l, 0);
    struct look_again again = { .run = l->job[0].run, .avoid = "alpha", .within_ms = 300 };
    again.run.look = 1;
    struct feedback f = { .again = &again, .n_again = 1 };
    feed_back(w, &f);
    feed_back(w, &f); /* said twice, done once */
    until(w, l->n_jobs == 2);
    assert_int_equal(l->job[1].run.look, 1);
    assert_int_equal(l->job[1].run.slot_us, l->job[0].run.slot_us);
    assert_string_equal(l->avoid[1], ""); /* there is nobody else */
    look(w, l, 1);
    until(w, l->n_recorded == 2);
    assert_int_equal(l->n_jobs, 2);

    leave(l); /* and when nobody can: lost, within its time */
    pass(w, 600);
    again.run.look = 2;
    feed_back(w, &f);
    until(w, w->n_results == 1);
    assert_int_equal(w->result[0].cause, CAUSE_LOST);
    assert_int_equal(w->result[0].run.look, 2);
    until(w, w->vitals.confirming == 1);
    assert_int_equal(w->vitals.scheduled, 1);
    assert_int_equal(w->vitals.concluded, 1);
    assert_int_equal(w->vitals.missed, 0); /* confirming looks count for neither */
}

static void test_whom_it_does_not_want(void **state)
{
    struct world *w = *state;
    struct thread *l = &w->lane[0], *m = &w->lane[1];
    start(w);
    say_hello(w, l, "alpha", "moon");
    until(w, l->told[CONTROL_REFUSED] == 1);
    assert_non_null(strstr(l->last[CONTROL_REFUSED].text, "location"));

    /* noise on every lane is dropped, and the process goes on */
    const char *noise = "GET / HTTP/1.1";
    bus_send(l->control, noise, strlen(noise));
    bus_send(l->control, "", 0);
    pass(w, 50);
    bus_send(w->feedback, noise, strlen(noise));
    join(w, m, "beta");
    until(w, m->told[CONTROL_BEAT] >= 1);

    /* a lane that it does not know is answered with its nonce, for it to say hello anew */
    strcpy(l->worker, "stranger");
    beats(w, l, NULL, 0);
    until(w, l->told[CONTROL_BEAT] == 1);
    assert_int_equal(l->last[CONTROL_BEAT].nonce, m->last[CONTROL_BEAT].nonce);
    assert_int_equal(l->last[CONTROL_BEAT].lanes, 0); /* not told */
}

/* They share what may be asked of one address. */
static void test_each_lane_is_told_how_many_there_are(void **state)
{
    struct world *w = *state;
    struct thread *l = &w->lane[0], *m = &w->lane[1];
    start(w);
    join(w, l, "alpha");
    until(w, l->last[CONTROL_BEAT].lanes == 1);
    join(w, m, "beta");
    until(w, l->last[CONTROL_BEAT].lanes == 2 && m->last[CONTROL_BEAT].lanes == 2);
    say(w, m, CONTROL_GOODBYE, NULL, 0);
    until(w, l->last[CONTROL_BEAT].lanes == 1);
}

static void leave_the_line(struct thread *l)
{
    bus_close(l->control);
    bus_close(l->jobs);
    l->control = l->jobs = NULL;
}

/* The name is its who has it, as long as it is there. */
static void test_a_second_worker_of_the_same_name(void **state)
{
    struct world *w = *state;
    struct thread *first = &w->lane[0], *stray = &w->lane[1];
    start(w);
    join(w, first, "w1");
    for (int n = 1; n <= 3; n++) { /* it is told every time, and with other lane numbers too */
        stray->number = (uint16_t)(n - 1);
        say_hello(w, stray, "w1", "local");
        until(w, stray->told[CONTROL_REFUSED] == (unsigned)n);
        assert_non_null(strstr(stray->last[CONTROL_REFUSED].text, "worker.name"));
    }
    beats(w, first, NULL, 0);
    until(w, first->told[CONTROL_BEAT] >= 1);
    assert_int_equal(first->told[CONTROL_REFUSED], 0);

    leave_the_line(first); /* killed: whoever comes next has the name, as soon as that is seen */
    stray->number = 0;
    for (int i = 0; i < 100 && !stray->told[CONTROL_WELCOME]; i++) {
        say_hello(w, stray, "w1", "local");
        pass(w, 50);
    }
    assert_true(stray->told[CONTROL_WELCOME] > 0);
}

static bool was_told(const struct thread *l, uint64_t job_id)
{
    for (size_t i = 0; i < l->n_recorded; i++)
        if (l->recorded[i] == job_id)
            return true;
    return false;
}

static bool was_looked_at(const struct thread *l, const struct run *run)
{
    for (size_t i = 0; i < l->n_jobs; i++)
        if (l->job[i].run.site_id == run->site_id && l->job[i].run.slot_us == run->slot_us)
            return true;
    return false;
}

/* The worker had no turn at the address: the run is over, and nobody has looked. */
static void test_a_look_that_a_worker_held_back(void **state)
{
    struct world *w = *state;
    struct thread *l = &w->lane[0];
    struct site shop = site_of("shop", rarely(1), 1000), blog = site_of("blog", rarely(2), 1000);
    be_patient(w);
    edit(w, &shop);
    start(w);
    join(w, l, "alpha");
    until(w, l->n_jobs == 1);
    struct recorded x = {
        .job_id = l->job[0].id, .run = l->job[0].run, .worker = "alpha", .held_back = true
    };
    struct feedback f = { .recorded = &x, .n_recorded = 1 };
    say(w, l, CONTROL_TAKEN, &x.job_id, 1);
    feed_back(w, &f);
    feed_back(w, &f); /* said twice, counted once */
    until(w, was_told(l, x.job_id));
    until(w, w->vitals.missed == 1);
    assert_int_equal(w->vitals.concluded, 0);

    struct look_again again = { .run = x.run, .within_ms = 5000 };
    again.run.look = 1;
    feed_back(w, &(struct feedback){ .again = &again, .n_again = 1 });
    until(w, l->n_jobs == 2);
    x.run = l->job[1].run;
    x.job_id = l->job[1].id;
    say(w, l, CONTROL_TAKEN, &x.job_id, 1);
    feed_back(w, &f); /* counts for neither */
    edit(w, &blog);
    until(w, l->n_jobs == 3);
    look(w, l, 2);
    until(w, w->vitals.concluded == 1);
    assert_int_equal(w->vitals.missed, 1);
    assert_int_equal(w->vitals.in_flight, 0);
    assert_int_equal(w->n_results, 0); /* the worker reports it, not we */
}

/* Of a site that is looked at every two seconds. */
static bool was_reported(const struct world *w, const struct run *run, enum cause cause)
{
    for (size_t i = 0; i < w->n_results; i++) {
        const struct result *x = &w->result[i];
        wall_us end = x->run.slot_us + x->span * 2 * US_PER_S;
        if ((cause == CAUSE_NONE || x->cause == cause) && x->run.site_id == run->site_id &&
            run->slot_us >= x->run.slot_us && run->slot_us < end)
            return true;
    }
    return false;
}

/* It comes back after a while in which nobody was there. Shop, every two seconds,
 * has been looked at eight seconds ago; blog, much less often, owes one slot, the
 * youngest: either somebody has it in hand, or it is looked at after all. */
static void restart(struct world *w, bool in_hand, bool in_parts)
{
    struct thread *l = &w->lane[0];
    wall_us now = clock_wall();
    be_patient(w);
    uint32_t epoch; /* of the one that was there before */
    assert_int_equal(store_next_epoch(w->editor, &epoch, NULL), 0);
    w->edited_us = now - US_PER_HOUR;
    struct site shop = site_of("shop", 2000, 1000), blog = site_of("blog", rarely(2), 1000);
    blog.url = "http://blog.example.org/"; /* elsewhere: neither waits for the other's turn */
    shop.id = edit(w, &shop);
    blog.id = edit(w, &blog);
    wall_us shop_last = site_next_slot(shop.id, 2000, now - 10 * US_PER_S);
    wall_us blog_owed = site_next_slot(blog.id, blog.every_ms, now) - blog.every_ms * US_PER_MS;
    struct site_state states[] = {
        {.site_id = shop.id,  .health = HEALTH_UP, .last_slot_us = shop_last                            },
        { .site_id = blog.id, .health = HEALTH_UP, .last_slot_us = blog_owed - blog.every_ms * US_PER_MS},
    };
    struct record rec = { .states = states, .n_states = 2 };
    assert_int_equal(store_record(w->editor, &rec, NULL), 0);
    start(w);
    join(w, l, "alpha");
    l->looks = true;

    uint64_t old = job_id_make(epoch, 77);
    struct run owed = { .site_id = blog.id, .slot_us = blog_owed, .location = "local" };
    if (in_parts) {
        struct control c = {
            .kind = CONTROL_HEARTBEAT, .free_slots = 100, .ids = &old, .n_ids = 1, .parts = 3
        };
        for (; c.part < c.parts; c.part++, c.n_ids = 0)
            say_as(w, l, &c);
    } else
        beats(w, l, &old, in_hand ? 1 : 0); /* a full list */
    if (in_hand) {
        pass(w, 2500);
        assert_false(was_looked_at(l, &owed));
        assert_int_equal(w->n_results, 0); /* and nothing is called missed meanwhile */
    } else {
        until(w, was_looked_at(l, &owed));
    }
    record(w, old, &owed, "alpha", 0);
    until(w, was_told(l, old)); /* although it knows no such job */

    /* shop's slots since then: the first ones are missed, and each is looked at or
     * reported, also the one that may be looked at until the next one comes */
    struct run next = { .site_id = shop.id, .slot_us = shop_last + 2 * US_PER_S };
    int missed = 0;
    until(w, was_reported(w, &next, CAUSE_MISSED));
    for (; was_reported(w, &next, CAUSE_MISSED); missed++)
        next.slot_us += 2 * US_PER_S;
    assert_true(missed >= 3);
    until(w, was_looked_at(l, &next) || was_reported(w, &next, CAUSE_NONE));
}

/* The first coordinator died, the second looked at shop's newest slot and died before it had told which ones
 * nobody had looked at in between. Its own word says until when all is settled. */
static void test_what_the_one_before_had_not_told(void **state)
{
    struct world *w = *state;
    wall_us now = clock_wall();
    w->config.coordinator.suspect_after_us = US_PER_S / 2;
    w->config.coordinator.dead_after_us = US_PER_S; /* nobody is there to be heard */
    w->edited_us = now - US_PER_HOUR;
    struct site shop = site_of("shop", 2000, 1000);
    shop.id = edit(w, &shop);
    wall_us first = site_next_slot(shop.id, 2000, now - 20 * US_PER_S);
    struct result looks[] = {
        {.job_id = 1,  .span = 1, .worker = "alpha", .run = { shop.id, first, 0, "local" }                },
        { .job_id = 2, .span = 1, .worker = "alpha", .run = { shop.id, first + 10 * US_PER_S, 0, "local" }},
    };
    struct site_state st = { .site_id = shop.id, .health = HEALTH_UP, .last_slot_us = first + 10 * US_PER_S };
    struct record rec = { .results = looks, .n_results = 2, .states = &st, .n_states = 1 };
    struct vitals v = { .epoch = 1, .at_us = now - 10 * US_PER_S, .settled_us = first + 2 * US_PER_S };
    assert_int_equal(store_record(w->editor, &rec, NULL), 0);
    assert_int_equal(store_put_vitals(w->editor, &v, NULL), 0);
    start(w);
    for (int i = 1; i < 5; i++) {
        struct run hole = { .site_id = shop.id, .slot_us = first + i * 2 * US_PER_S };
        until(w, was_reported(w, &hole, CAUSE_MISSED));
    }
    assert_false(was_reported(w, &looks[0].run, CAUSE_NONE));
    assert_false(was_reported(w, &looks[1].run, CAUSE_NONE));
    until(w, w->n_vitals > 0 && w->vitals.settled_us > 0);
    assert_true(w->vitals.settled_us >= first + 2 * US_PER_S); /* nothing is acknowledged here */
}

static void test_a_restart_with_looks_in_hand(void **state)
{
    restart(*state, true, false);
}

static void test_a_restart_with_more_in_hand_than_a_message_holds(void **state)
{
    restart(*state, true, true);
}

static void test_a_restart_with_nothing_in_hand(void **state)
{
    restart(*state, false, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_from_the_store_to_recorded, begin, end),
        cmocka_unit_test_setup_teardown(test_the_store_is_followed, begin, end),
        cmocka_unit_test_setup_teardown(test_nobody_is_there_and_slots_are_missed, begin, end),
        cmocka_unit_test_setup_teardown(test_a_silent_lane_gives_its_job_to_another, begin, end),
        cmocka_unit_test_setup_teardown(test_a_look_that_is_asked_for, begin, end),
        cmocka_unit_test_setup_teardown(test_whom_it_does_not_want, begin, end),
        cmocka_unit_test_setup_teardown(test_each_lane_is_told_how_many_there_are, begin, end),
        cmocka_unit_test_setup_teardown(test_a_look_that_a_worker_held_back, begin, end),
        cmocka_unit_test_setup_teardown(test_a_second_worker_of_the_same_name, begin, end),
        cmocka_unit_test_setup_teardown(test_what_the_one_before_had_not_told, begin, end),
        cmocka_unit_test_setup_teardown(test_a_restart_with_looks_in_hand, begin, end),
        cmocka_unit_test_setup_teardown(test_a_restart_with_more_in_hand_than_a_message_holds, begin, end),
        cmocka_unit_test_setup_teardown(test_a_restart_with_nothing_in_hand, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
