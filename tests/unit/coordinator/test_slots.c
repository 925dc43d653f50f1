/* Slots of sites that are looked at from several locations, as workers and collector see them. */
#include "tests/unit/coordinator/stage.h"

static void join_at(struct world *w, struct thread *l, const char *worker, const char *location)
{
    struct err err = { 0 };
    say_hello(w, l, worker, location);
    until(w, l->told[CONTROL_WELCOME] > 0);
    l->told[CONTROL_WELCOME] = 0;
    assert_string_equal(l->last[CONTROL_WELCOME].location, location);
    assert_int_equal(bus_open(w->bus, LANE_JOBS, SIDE_TO, l->last[CONTROL_WELCOME].jobs, &l->jobs, &err), 0);
}

static uint64_t edit_at(struct world *w, uint64_t id, uint32_t every_ms, const char *locations)
{
    struct site s = site_of("shop", every_ms, 100);
    s.id = id;
    s.locations = locations;
    return edit(w, &s);
}

static void begin_in_two(struct world *w, uint32_t every_ms, const char *locations, uint64_t *ret_id)
{
    set(w, "coordinator.taken_within", "5s");
    set(w, "coordinator.suspect_after", "1s");
    set(w, "coordinator.dead_after", "3s");
    set(w, "locations", "eu, us");
    *ret_id = edit_at(w, 0, every_ms, locations);
    start(w);
    join_at(w, &w->lane[0], "alpha", "eu");
    join_at(w, &w->lane[1], "beta", "us");
}

static void test_each_location_looks_at_each_slot(void **state)
{
    struct world *w = *state;
    struct thread *eu = &w->lane[0], *us = &w->lane[1];
    uint64_t id;
    begin_in_two(w, rarely(1), "eu,us", &id);
    until(w, eu->n_jobs == 1 && us->n_jobs == 1);
    assert_int_equal(eu->job[0].run.slot_us, us->job[0].run.slot_us);
    assert_string_equal(eu->job[0].run.location, "eu");
    assert_string_equal(us->job[0].run.location, "us");
    assert_int_not_equal(eu->job[0].id, us->job[0].id);
    look(w, eu, 0);
    until(w, eu->n_recorded == 1);
    unsigned n = w->n_vitals;
    until(w, w->n_vitals > n + 1);
    assert_int_equal(w->vitals.scheduled, 2);
    assert_int_equal(w->vitals.concluded, 1);
    look(w, us, 0);
    until(w, w->vitals.concluded == 2);
    assert_int_equal(w->vitals.missed, 0);
    assert_int_equal(w->vitals.sites, 1);
}

static void test_a_site_that_says_nothing_is_looked_at_from_the_first(void **state)
{
    struct world *w = *state;
    uint64_t id;
    begin_in_two(w, 300, "", &id);
    w->lane[0].looks = w->lane[1].looks = true;
    until(w, w->lane[0].n_jobs >= 3);
    assert_int_equal(w->lane[1].n_jobs, 0);
    edit_at(w, id, 300, "us"); /* and from where it says, once it does */
    until(w, w->lane[1].n_jobs >= 1);
    size_t n = w->lane[0].n_jobs;
    until(w, w->lane[1].n_jobs >= 4);
    assert_int_equal(w->lane[0].n_jobs, n);
}

/* Slots at which nobody looked from there. */
static size_t missed_at(const struct world *w, const char *location)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n_results; i++)
        if (strcmp(w->result[i].run.location, location) == 0 && w->result[i].cause == CAUSE_MISSED)
            n += w->result[i].span;
    return n;
}

static void goes_on_without(struct world *w, const char *there, const char *not_there)
{
    struct thread *l = &w->lane[0];
    char both[80];
    snprintf(both, sizeof both, strcmp(there, not_there) < 0 ? "%s,%s" : "%2$s,%1$s", there, not_there);
    edit_at(w, 0, 300, both);
    start(w);
    l->looks = true;
    join_at(w, l, "alpha", there);
    until(w, l->n_recorded >= 5 && missed_at(w, not_there) >= 3);
    assert_true(w->vitals.concluded > 0 && w->vitals.missed > 0);
}

static void test_a_location_without_workers_is_missed_and_others_go_on(void **state)
{
    struct world *w = *state;
    set(w, "locations", "eu, us");
    goes_on_without(w, "us", "eu");
}

static void test_a_location_that_the_settings_do_not_name_is_missed(void **state)
{
    struct world *w = *state;
    set(w, "locations", "eu");
    goes_on_without(w, "eu", "moon");
}

/* The old coordinator's slot was recorded at one of two locations when it ended. */
static void test_what_one_location_still_owes_is_looked_at_after_a_start(void **state)
{
    struct world *w = *state;
    const uint32_t every_ms = 600000;
    wall_us now = clock_wall();
    w->edited_us = now - 4 * (int64_t)every_ms * US_PER_MS;
    set(w, "locations", "eu, us");
    uint64_t id = edit_at(w, 0, every_ms, "eu,us");
    wall_us slot = site_next_slot(id, every_ms, now) - (int64_t)every_ms * US_PER_MS;
    struct result done[] = {
        {.job_id = job_id_make(1,  1),
         .run = { .site_id = id, .slot_us = slot - (int64_t)every_ms * US_PER_MS, .location = "us" },
         .span = 1,
         .at_us = slot - (int64_t)every_ms * US_PER_MS,
         .worker = "beta" },
        { .job_id = job_id_make(1, 2),
         .run = { .site_id = id, .slot_us = slot, .location = "eu" },
         .span = 1,
         .at_us = slot,
         .worker = "alpha"},
    };
    const struct site_state seen = { .site_id = id, .health = HEALTH_UP, .last_slot_us = slot };
    struct record record = { .results = done, .n_results = 2, .states = &seen, .n_states = 1 };
    assert_int_equal(store_record(w->editor, &record, NULL), 0);
    start(w);
    join_at(w, &w->lane[0], "alpha", "eu");
    join_at(w, &w->lane[1], "beta", "us");
    until(w, w->lane[1].n_jobs == 1);
    assert_int_equal(w->lane[1].job[0].run.slot_us, slot);
    assert_string_equal(w->lane[1].job[0].run.location, "us");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_location_looks_at_each_slot, begin, end),
        cmocka_unit_test_setup_teardown(test_a_site_that_says_nothing_is_looked_at_from_the_first, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_a_location_without_workers_is_missed_and_others_go_on, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_a_location_that_the_settings_do_not_name_is_missed, begin, end),
        cmocka_unit_test_setup_teardown(test_what_one_location_still_owes_is_looked_at_after_a_start, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
