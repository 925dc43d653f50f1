/* Whole outages through a keeper and a real store. */
#include "tests/unit/collector/outages.h"

#include <errno.h>
#include <sqlite3.h>
#include <unistd.h>

static void test_an_outage_is_told_once_and_closed_once(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 2);
    world_saw(&w, id, 0, 0, '+', "w1");
    expect(&w, "first look", "up");
    world_saw(&w, id, 1, 0, '-', "w1");
    expect(&w, "a failure", "ask1 suspected");
    assert_string_equal(w.asked[0].avoid, "w1");
    assert_string_equal(w.asked[0].run.location, "local");
    assert_int_equal(w.asked[0].run.slot_us, world_slot(id, 1));
    world_saw(&w, id, 1, 1, '-', "w2");
    world_pass(&w, 2000);
    expect(&w, "the second look is asked for later", "ask2");
    world_saw(&w, id, 1, 2, '-', "w1");
    expect(&w, "confirmed", "down open tell:down");
    world_tell(&w, 0, NOTICE_SENT);
    expect(&w, "sent", "down=sent");

    wall_us began = world_state(&w, id).since_us;
    world_saw(&w, id, 2, 0, '-', "w2");
    world_saw(&w, id, 3, 0, '~', "w2");
    world_saw(&w, id, 4, 0, '-', "w1");
    expect(&w, "still down", "");
    assert_int_equal(world_state(&w, id).since_us, began);
    world_saw(&w, id, 5, 0, '+', "w1");
    expect(&w, "back", "up recovered tell:back");
    world_tell(&w, 1, NOTICE_SENT);
    world_saw(&w, id, 6, 0, '+', "w1");
    expect(&w, "and quiet", "back=sent");

    assert_int_equal(world_incidents(&w, false), 1);
    assert_int_equal(world_incidents(&w, true), 0);
    assert_int_equal(world_notices(&w, false), 2);
    assert_int_equal(world_notices(&w, true), 0);
    assert_int_equal(w.n_recorded, 9);
    world_done(&w);
}

static int keep_result(void *arg, const struct result *r)
{
    char *looks = arg;
    sprintf(looks + strlen(looks), "%u%c%s ", r->run.look, "+-?"[r->verdict], r -> worker);
    return 0;
}

static int keep_incident(void *arg, const struct incident *i)
{
    *(struct incident *)arg = *i;
    return 0;
}

static void test_an_incident_rests_on_evidence(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 2);
    struct incident i = { 0 };
    wall_us began = w.wall;
    go_down(&w, id, 0);
    world_saw(&w, id, 1, 0, '+', "w3");
    wall_us ended = world_state(&w, id).last_at_us;

    struct incident_filter f = { .max = 1 };
    assert_int_equal(store_each_incident(w.store, &f, keep_incident, &i, NULL), 0);
    assert_int_equal(i.site_id, id);
    assert_int_equal(i.began_us, began); /* the first failed look */
    assert_true(i.confirmed_us > began);
    assert_int_equal(i.ended_us, ended);
    assert_int_equal(i.end, INCIDENT_RECOVERED);
    assert_int_equal(i.cause, CAUSE_HTTP_5XX);
    assert_int_equal(i.status, 503);

    char looks[200] = "";
    assert_int_equal(store_each_evidence(w.store, i.id, keep_result, looks, NULL), 0);
    assert_non_null(strstr(looks, "0-w1"));
    assert_non_null(strstr(looks, "1-w2"));
    assert_non_null(strstr(looks, "2-w1"));
    assert_non_null(strstr(looks, "0+w3"));
    world_done(&w);
}

static void test_a_blip_tells_nobody(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 2);
    world_saw(&w, id, 0, 0, '-', "w1");
    world_saw(&w, id, 0, 1, '+', "w2");
    expect(&w, "rejected by a confirming look", "ask1 suspected up");
    world_saw(&w, id, 1, 0, '-', "w1");
    world_saw(&w, id, 2, 0, '+', "w1");
    expect(&w, "rejected by a scheduled look", "ask1 suspected up");
    world_saw(&w, id, 1, 1, '-', "w2"); /* too late */
    world_pass(&w, 30000);
    expect(&w, "and nothing comes after", "");
    assert_int_equal(world_state(&w, id).blips, 2);
    assert_int_equal(world_incidents(&w, false), 0);
    assert_int_equal(world_notices(&w, false), 0);
    world_done(&w);
}

static void test_without_confirming_looks(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 0);
    world_saw(&w, id, 0, 0, '-', "w1");
    expect(&w, "believed at once", "suspected down open tell:down");
    world_done(&w);
}

static void test_nobody_confirms(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 1);
    world_saw(&w, id, 0, 0, '-', "w1");
    world_pass(&w, 60000);
    expect(&w, "asked three times, then it is unknown", "ask1 suspected ask1 ask1 unknown");
    world_saw(&w, id, 7, 0, '-', "w1");
    world_saw(&w, id, 7, 1, '-', "w1");
    expect(&w, "the next round decides anew", "ask1 suspected down open tell:down");
    world_done(&w);
}

/* Its question has been open for half of `within`, and is put into the next batch again; so does the answer.
 */
static void test_a_look_that_comes_as_it_is_asked_for_again(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 1);
    world_saw(&w, id, 0, 0, '-', "w1");
    expect(&w, "a failure", "ask1 suspected");
    world_pass(&w, 2890);
    w.mono += 20 * NS_PER_MS;
    w.wall += 20 * US_PER_MS;
    world_turn(&w);
    expect(&w, "is in the batch, which waits for more", "");
    world_saw(&w, id, 0, 1, '-', "w2");
    expect(&w, "what has come is not asked for", "down open tell:down");
    world_done(&w);
}

static void workers_are(struct world *w, const struct worker_vitals *workers, size_t n)
{
    struct report report = {
        .kind = REPORT_VITALS,
        .vitals = {.epoch = 1,
                   .at_us = w->wall,
                   .started_us = WORLD_START_US,
                   .workers = workers,
                   .n_workers = n}
    };
    struct parcel *p = parcel_make(&report);
    keeper_take(w->keeper, p, world_now(w));
    parcel_free(p);
    world_pass(w, 1100);
    w->news[0] = '\0';
}

/* Somebody has stolen a key, and looks under many names. */
static void test_one_key_is_one_witness(void **state)
{
    (void)state;
    static const struct worker_vitals lanes[] = {
        {.worker = "w1",  .location = "local", .slots = 9, .key = 7},
        { .worker = "w2", .location = "local", .slots = 9, .key = 7},
        { .worker = "w3", .location = "local", .slots = 9, .key = 8},
    };
    struct world w;
    uint64_t id = begin(&w, 1);
    workers_are(&w, lanes, 3);
    world_saw(&w, id, 1, 0, '-', "w1");
    expect(&w, "a failure", "ask1 suspected");
    world_saw(&w, id, 1, 1, '-', "w2");
    world_pass(&w, 2000);
    expect(&w, "the same key says the same", "ask2");
    world_saw(&w, id, 1, 2, '-', "w3");
    expect(&w, "another one does", "down open tell:down");
    world_done(&w);
}

static void test_one_key_for_all_is_no_hindrance(void **state)
{
    (void)state;
    static const struct worker_vitals lanes[] = {
        {.worker = "w1",       .location = "local", .slots = 9,            .key = 7},
        {              .worker = "w2", .location = "local",          .slots = 9,              .key = 7       },
        { .worker = "w3",          .location = "local",                     .slots = 9, .key = 8,        .health = WORKER_DEAD },
    };
    struct world w;
    uint64_t id = begin(&w, 1);
    workers_are(&w, lanes, 3);
    world_saw(&w, id, 1, 0, '-', "w1");
    expect(&w, "a failure", "ask1 suspected");
    world_saw(&w, id, 1, 1, '-', "w2");
    expect(&w, "nobody else is there", "down open tell:down");
    world_done(&w);
}

static void test_doubt_counts_for_nothing(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 1);
    world_saw(&w, id, 0, 0, 's', "w1");
    expect(&w, "a failure in doubt is not knowing", "unknown");
    world_saw(&w, id, 1, 0, '-', "w1");
    world_saw(&w, id, 1, 1, 's', "w2");
    world_pass(&w, 1500);
    expect(&w, "and confirms nothing", "ask1 suspected ask2");
    world_saw(&w, id, 1, 2, '-', "w3");
    expect(&w, "another look does", "down open tell:down");
    world_saw(&w, id, 2, 0, 'S', "w1");
    expect(&w, "what is up in doubt is up", "up recovered tell:back");
    world_done(&w);
}

/* w1 fails everywhere, alone; then nothing that it sees fail opens an outage, not even for a
 * site that believes one look. */
static void test_others_contradict_a_worker(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 1), sites[6];
    for (int i = 0; i < 6; i++) {
        char name[16], url[32];
        snprintf(name, sizeof name, "s%d", i);
        snprintf(url, sizeof url, "http://s%d.example/", i);
        struct site s = world_site(name, url, 0, i == 5 ? 0 : 1);
        sites[i] = world_edit_site(&w, &s);
    }
    world_pass(&w, 1000);
    for (int slot = 0; slot < 24; slot++)
        world_saw(&w, id, slot, 0, '+', slot % 2 ? "w1" : "w2");
    for (int slot = 0; slot < 10; slot++)
        world_saw(&w, sites[0], slot, 0, '+', "w2");
    for (int i = 0; i < 5; i++) {
        world_saw(&w, sites[i], 20, 0, '-', "w1");
        world_saw(&w, sites[i], 20, 1, '+', "w2");
    }
    world_pass(&w, 1500);
    assert_int_equal(w.n_accused, 0); /* too few looks to tell */
    for (int slot = 24; slot < 34; slot++)
        world_saw(&w, id, slot, 0, '+', "w1");
    world_saw(&w, sites[0], 21, 0, '-', "w1");
    world_saw(&w, sites[0], 21, 1, '+', "w2");
    world_pass(&w, 1500);
    assert_true(w.n_accused > 0);
    assert_string_equal(w.accused, "w1");

    w.news[0] = '\0';
    world_saw(&w, sites[5], 22, 0, '-', "w1");
    expect(&w, "its word is not enough", "unknown");
    world_saw(&w, sites[5], 23, 0, '-', "w2");
    expect(&w, "another's is", "suspected down open");
    world_saw(&w, sites[5], 24, 0, '+', "w1");
    expect(&w, "what it sees up is up", "up recovered");
    world_done(&w);
}

static void test_what_comes_twice_or_late_changes_nothing(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 1);
    struct result first = world_result(&w, id, 3, 0, '-', "w1"), again = first;
    world_give(&w, &first);
    world_give(&w, &again); /* in the same batch */
    world_pass(&w, 100);
    world_give(&w, &again); /* and in a later one */
    again.job_id += 100;
    again.verdict = VERDICT_UP; /* another attempt of the same run */
    again.cause = CAUSE_NONE;
    world_give(&w, &again);
    world_saw(&w, id, 1, 0, '+', "w1"); /* an older round */
    expect(&w, "duplicates and late ones", "ask1 suspected");
    assert_int_equal(w.n_recorded, 5); /* every one is acknowledged */
    assert_int_equal(keeper_counts(w.keeper).results, 2);
    assert_int_equal(keeper_counts(w.keeper).duplicates, 3);
    assert_int_equal(world_state(&w, id).last_slot_us, world_slot(id, 3));

    world_saw(&w, id, 3, 1, '-', "w2");
    world_saw(&w, id, 3, 1, '-', "w2");
    world_saw(&w, id, 3, 2, '-', "w2");
    expect(&w, "told once", "down open tell:down");
    world_saw(&w, id, 2, 0, '+', "w1");
    expect(&w, "an older good look does not end it", "");
    assert_int_equal(world_incidents(&w, true), 1);
    world_done(&w);
}

static void test_states_that_were_left_to_the_sweep_are_known_after_a_kill(void **state)
{
    (void)state;
    struct world w;
    wall_us mark = 0;
    uint64_t id = begin(&w, 1);
    world_saw(&w, id, 0, 0, '+', "w1");
    world_pass(&w, 3000); /* the first sweep */
    assert_int_equal(store_get_states_us(w.store, &mark, NULL), 0);
    assert_true(mark <= w.wall && mark != WALL_NEVER);
    for (int slot = 1; slot <= 4; slot++)
        world_saw(&w, id, slot, 0, '+', slot == 4 ? "w4" : "w1");
    world_crash(&w);
    struct site_state st = world_state(&w, id);
    assert_int_equal(st.last_slot_us, world_slot(id, 4));
    world_forget(&w);
    world_saw(&w, id, 3, 0, '-', "w2"); /* late, of an older round */
    expect(&w, "an older failure after a restart", "");
    world_saw(&w, id, 5, 0, '-', "w2");
    expect(&w, "a newer one", "ask1 suspected");
    world_done(&w);
}

static void test_scheduled_looks_during_a_round(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 2);
    world_saw(&w, id, 0, 0, '-', "w1");
    world_saw(&w, id, 1, 0, '-', "w1"); /* does not begin the round again */
    world_saw(&w, id, 2, 0, '~', "w1");
    world_saw(&w, id, 0, 1, '-', "w2");
    world_pass(&w, 2000);
    world_saw(&w, id, 0, 2, '-', "w2");
    expect(&w, "the round goes on", "ask1 suspected ask2 down open tell:down");
    assert_int_equal(world_state(&w, id).last_slot_us, world_slot(id, 2));
    world_done(&w);
}

/* ── Restarts ──────────────────────────────────────────────────────────── */

static void test_restart_in_the_middle_of_a_confirmation(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 2);
    world_saw(&w, id, 0, 0, '-', "w1");
    world_saw(&w, id, 1, 0, '-', "w1"); /* the round is not the newest slot's */
    world_saw(&w, id, 0, 1, '-', "w2");
    expect(&w, "before", "ask1 suspected");
    world_crash(&w);
    world_pass(&w, 2000);
    expect(&w, "the round is open as it was", "crash ask2");
    assert_int_equal(w.asked[1].run.slot_us, world_slot(id, 0));
    world_saw(&w, id, 0, 1, '-', "w2"); /* sent again by its worker */
    expect(&w, "a vote counts once", "");
    world_crash(&w);
    world_saw(&w, id, 0, 2, '-', "w2");
    expect(&w, "confirmed, without asking for what is there", "crash down open tell:down");
    assert_int_equal(world_incidents(&w, false), 1);
    world_done(&w);
}

/* A new site is looked at first when there is room, and not on its grid. */
static void test_restart_in_the_middle_of_the_first_confirmation(void **state)
{
    (void)state;
    for (int later = 0; later <= 2; later++) { /* slots on the grid that count meanwhile */
        struct world w;
        uint64_t id = begin(&w, 2);
        wall_us first = w.wall - 300 * US_PER_MS;
        assert_true(first < world_slot(id, 1) && first != world_slot(id, 0));
        struct result r = world_result(&w, id, 0, 0, '-', "w1");
        r.run.slot_us = first;
        world_give(&w, &r);
        world_pass(&w, 100);
        for (int n = 1; n <= later; n++)
            world_saw(&w, id, n, 0, '-', "w1");
        expect(&w, "before", "ask1 suspected");
        world_crash(&w);
        world_pass(&w, 100);
        expect(&w, "the round is open as it was", "crash ask1");
        assert_int_equal(w.asked[w.n_asked - 1].run.slot_us, first);
        for (unsigned look = 1; look <= 2; look++) {
            r = world_result(&w, id, 0, look, '-', "w2");
            r.run.slot_us = first;
            world_give(&w, &r);
            world_pass(&w, 2000);
        }
        expect(&w, "confirmed", "ask2 down open tell:down");
        world_done(&w);
    }
}

static void test_restart_before_anything_was_committed(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 0);
    struct result r = world_result(&w, id, 0, 0, '-', "w1");
    world_give(&w, &r);
    assert_int_equal(w.n_recorded, 0); /* nobody was told */
    world_crash(&w);
    world_pass(&w, 200);
    expect(&w, "nothing is there", "crash");
    world_give(&w, &r); /* the worker sends it again */
    world_pass(&w, 200);
    expect(&w, "and it counts once", "suspected down open tell:down");
    assert_int_equal(w.n_recorded, 1);
    world_done(&w);
}

static void test_pending_notices_survive(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 0);
    world_saw(&w, id, 0, 0, '-', "w1");
    char key[NOTICE_KEY_SIZE];
    strcpy(key, w.delivered[0]->key);
    world_tell(&w, 0, NOTICE_PENDING); /* one attempt failed */
    w.news[0] = '\0';
    world_crash(&w);
    world_pass(&w, 100);
    expect(&w, "handed out again", "crash tell:down");
    assert_string_equal(w.delivered[1]->key, key);
    assert_int_equal(w.delivered[1]->attempts, 1);
    world_tell(&w, 1, NOTICE_SENT);
    w.news[0] = '\0';
    world_crash(&w);
    world_pass(&w, 100);
    expect(&w, "and not once it is sent", "crash");
    world_saw(&w, id, 1, 0, '+', "w1");
    expect(&w, "the outage is known", "up recovered tell:back");
    assert_int_not_equal(w.delivered[2]->id, w.delivered[1]->id);
    world_done(&w);
}

/* ── A store that fails ────────────────────────────────────────────────── */

static void test_a_store_that_is_locked_loses_nothing(void **state)
{
    (void)state;
    struct world w;
    struct err err = { 0 };
    char path[] = "/tmp/vedette-keeper-XXXXXX", file[64], url[80];
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof file, "%s/v.db", path);
    snprintf(url, sizeof url, "sqlite:%s", file);

    world_init(&w);
    store_close(w.store);
    assert_int_equal(store_open(&w.store, url, STORE_CREATE, &err), 0);
    store_set_patience(w.store, 0);
    uint64_t owner = world_add_owner(&w, "team", 0, 1);
    struct site s = world_site("shop", "https://shop.example.com/", owner, 0);
    uint64_t id = world_edit_site(&w, &s);
    w.wall += US_PER_S;
    world_start(&w);

    sqlite3 *other;
    assert_int_equal(sqlite3_open(file, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    world_saw(&w, id, 0, 0, '-', "w1");
    world_pass(&w, 3000);
    expect(&w, "nobody is told of what is not in the store", "");
    assert_int_equal(w.n_recorded, 0);
    assert_false(keeper_has_room(w.keeper)); /* results wait where they come from */
    assert_true(keeper_counts(w.keeper).store_failures >= 3);
    int why = 0;
    assert_int_equal(keeper_unrecorded(w.keeper, &why), 1);
    assert_int_equal(why, -EBUSY);

    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    world_pass(&w, 5000);
    expect(&w, "and then once", "suspected down open tell:down");
    assert_int_equal(w.n_recorded, 1);
    assert_int_equal(keeper_unrecorded(w.keeper, &why), 0);
    assert_int_equal(why, 0);
    assert_true(keeper_has_room(w.keeper));
    assert_int_equal(world_incidents(&w, false), 1);

    sqlite3_close(other);
    world_done(&w);
    const char *const ends[] = { "", "-wal", "-shm" };
    for (size_t i = 0; i < 3; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", file, ends[i]);
        unlink(name);
    }
    rmdir(path);
}

static void note_held_back(struct world *w, const struct recorded *r)
{
    world_hear(w, r->held_back ? "nobody-looked" : "looked");
}

static void test_the_coordinator_hears_that_nobody_looked(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 2);
    w.on_recorded = note_held_back;
    struct result r = world_result(&w, id, 0, 0, '~', "w1");
    r.cause = CAUSE_HELD_BACK;
    r.status = 0;
    world_give(&w, &r);
    world_pass(&w, 100);
    world_saw(&w, id, 1, 0, '~', "w1"); /* unknown is not unseen */
    expect(&w, "held back, then looked at", "nobody-looked unknown looked");
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_outage_is_told_once_and_closed_once),
        cmocka_unit_test(test_an_incident_rests_on_evidence),
        cmocka_unit_test(test_a_blip_tells_nobody),
        cmocka_unit_test(test_without_confirming_looks),
        cmocka_unit_test(test_nobody_confirms),
        cmocka_unit_test(test_a_look_that_comes_as_it_is_asked_for_again),
        cmocka_unit_test(test_one_key_is_one_witness),
        cmocka_unit_test(test_one_key_for_all_is_no_hindrance),
        cmocka_unit_test(test_doubt_counts_for_nothing),
        cmocka_unit_test(test_others_contradict_a_worker),
        cmocka_unit_test(test_what_comes_twice_or_late_changes_nothing),
        cmocka_unit_test(test_states_that_were_left_to_the_sweep_are_known_after_a_kill),
        cmocka_unit_test(test_scheduled_looks_during_a_round),
        cmocka_unit_test(test_restart_in_the_middle_of_a_confirmation),
        cmocka_unit_test(test_restart_in_the_middle_of_the_first_confirmation),
        cmocka_unit_test(test_restart_before_anything_was_committed),
        cmocka_unit_test(test_pending_notices_survive),
        cmocka_unit_test(test_a_store_that_is_locked_loses_nothing),
        cmocka_unit_test(test_the_coordinator_hears_that_nobody_looked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
