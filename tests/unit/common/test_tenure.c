/* A daemon's part: had at once by who is alone, waited for by a second one, lost for good. */
#include "common/tenure.h"
#include "tests/unit/common/stores.h"

#include <pthread.h>
#include <stdatomic.h>

static const struct metric_row rows[] = {
    {"vedette_test_leads",          METRIC_GAUGE, "", "Leads"     },
    { "vedette_test_lease_seconds", METRIC_GAUGE, "", "Lease left"},
};
static const struct metric_table table = { rows, 2 };

struct office {
    struct config config;
    enum store_role role;
    struct board *board;
    struct loop *loop;
    struct tenure *tenure;
    pthread_t thread;
    _Atomic int status; /* of waiting; -1 before */
    char doors[STORE_LISTENS_SIZE];
    unsigned told;
};

static int try_open(struct office *o, const struct place *p, enum store_role role, const char *wait,
                    struct err *err)
{
    *o = (struct office){ .role = role, .status = -1 };
    config_init(&o->config);
    snprintf(o->config.store, sizeof o->config.store, "%s", p->url);
    snprintf(o->config.standby.wait, sizeof o->config.standby.wait, "%s", wait);
    assert_int_equal(board_new(&o->board, "test", &table, BOARD_ALL_READY, NULL), 0);
    assert_int_equal(loop_new(&o->loop), 0);
    const struct tenure_setup setup = {
        &o->config, role, "", o->loop, o->board, {&rows[0], &rows[1]}
    };
    return tenure_new(&o->tenure, &setup, err);
}

static void open_office(struct office *o, const struct place *p, enum store_role role)
{
    OK(try_open(o, p, role, "yes", &err));
}

static void close_office(struct office *o)
{
    tenure_free(o->tenure);
    loop_free(o->loop);
    board_free(o->board);
}

static void win(struct office *o)
{
    struct err err = { 0 };
    assert_int_equal(tenure_wait(o->tenure, &err), 1);
    assert_true(tenure_leads(o->tenure, clock_mono()));
    assert_int_not_equal(tenure_claim_epoch(o->tenure), 0);
}

static void *wait_in_thread(void *arg)
{
    struct office *o = arg;
    o->status = tenure_wait(o->tenure, NULL);
    return NULL;
}

static bool is_ready(struct office *o, char why[400])
{
    scoped(text) struct text t = TEXT_UP_TO(4096);
    bool ready = board_ready(o->board, clock_mono(), &t);
    snprintf(why, 400, "%s", text_str(&t));
    return ready;
}

#define WITHIN_20_S(condition)                                                              \
    for (mono_ns end_ = clock_mono() + 20 * NS_PER_S; !(condition) && clock_mono() < end_;) \
        usleep(10000);                                                                      \
    assert_true(condition)

EVERYWHERE(alone_it_begins_at_once)
{
    struct place p;
    struct office o;
    place_make(&p);
    store_close(store_at(p.url, STORE_CREATE));
    for (uint32_t start = 1; start <= 3; start++) {
        open_office(&o, &p, STORE_COORDINATOR);
        win(&o);
        assert_int_equal(tenure_job_epoch(o.tenure), start);
        close_office(&o);
    }
    open_office(&o, &p, STORE_COLLECTOR); /* does not count among the coordinators' */
    win(&o);
    assert_int_equal(tenure_job_epoch(o.tenure), 0);
    close_office(&o);
    place_remove(&p);
}

EVERYWHERE(a_second_one_waits_and_takes_over)
{
    struct place p;
    struct office first, second;
    char why[400] = "", words[64];
    place_make(&p);
    store_close(store_at(p.url, STORE_CREATE));
    open_office(&first, &p, STORE_COORDINATOR);
    win(&first);
    open_office(&second, &p, STORE_COORDINATOR);
    assert_int_equal(pthread_create(&second.thread, NULL, wait_in_thread, &second), 0);
    snprintf(words, sizeof words, "standby: process %d on ", (int)getpid());
    WITHIN_20_S(!is_ready(&second, why) && strstr(why, words) && strstr(why, "acts as coordinator"));
    assert_int_equal(second.status, -1);
    assert_false(tenure_leads(second.tenure, clock_mono()));

    close_office(&first);
    WITHIN_20_S(second.status == 1);
    pthread_join(second.thread, NULL);
    assert_true(tenure_leads(second.tenure, clock_mono()));
    assert_int_equal(tenure_job_epoch(second.tenure), 2);
    close_office(&second);
    place_remove(&p);
}

EVERYWHERE(one_that_is_not_to_wait_ends)
{
    struct place p;
    struct office first, second;
    place_make(&p);
    store_close(store_at(p.url, STORE_CREATE));
    open_office(&first, &p, STORE_COLLECTOR);
    win(&first);
    REFUSED(try_open(&second, &p, STORE_COLLECTOR, "no", &err), -EBUSY, "another collector");
    close_office(&second);
    if (p.kind == PLACE_SQLITE) { /* one host, one of each */
        REFUSED(try_open(&second, &p, STORE_COLLECTOR, "auto", &err), -EBUSY, "another collector");
    } else {
        OK(try_open(&second, &p, STORE_COLLECTOR, "auto", &err));
    }
    close_office(&second);
    close_office(&first);
    place_remove(&p);
}

static void test_what_is_wrong_is_told_at_once(void **state)
{
    (void)state;
    struct office o;
    struct place p = { .url = "sqlite:/nonexistent/v.db" };
    REFUSED(try_open(&o, &p, STORE_COLLECTOR, "yes", &err), -ENOENT, "there is no");
    close_office(&o);
}

/* ── At a server ───────────────────────────────────────────────────────── */

static void say(const struct place *p, const char *sql)
{
    char text[400];
    snprintf(text, sizeof text, "SET search_path = %s; %s", p->schema, sql);
    postgres_say(text);
}

static void test_a_deposed_one_ends_its_loop(void **state)
{
    (void)state;
    struct place p;
    struct office o;
    place_kind = PLACE_POSTGRES;
    place_make(&p);
    place_kind = PLACE_SQLITE;
    store_close(store_at(p.url, STORE_CREATE));
    open_office(&o, &p, STORE_COLLECTOR);
    win(&o);
    tenure_begin(o.tenure, "", NULL, NULL);
    say(&p, "UPDATE claim SET epoch = epoch + 1");
    assert_int_equal(loop_run(o.loop), 13);
    assert_false(tenure_leads(o.tenure, clock_mono()));
    close_office(&o);
    place_remove(&p);
}

static void stop_later(void *arg)
{
    struct office *o = arg;
    loop_stop(o->loop, 77);
}

/* Its connection is cut, and nobody else is there: it goes on, and has not lapsed meanwhile. */
static void test_a_cut_connection_is_made_again(void **state)
{
    (void)state;
    struct place p;
    struct office o;
    struct loop_timer timer;
    place_kind = PLACE_POSTGRES;
    place_make(&p);
    place_kind = PLACE_SQLITE;
    store_close(store_at(p.url, STORE_CREATE));
    open_office(&o, &p, STORE_COLLECTOR);
    win(&o);
    tenure_begin(o.tenure, "", NULL, NULL);
    loop_timer_init(o.loop, &timer, stop_later, &o);
    loop_timer_at(&timer, clock_mono() + 2500 * NS_PER_MS);
    say(&p, "SELECT pg_terminate_backend(backend) FROM claim");
    assert_int_equal(loop_run(o.loop), 77);
    assert_true(tenure_leads(o.tenure, clock_mono()));
    loop_timer_done(&timer);
    close_office(&o);
    place_remove(&p);
}

static void on_other(void *arg, const char *doors)
{
    struct office *o = arg;
    snprintf(o->doors, sizeof o->doors, "%s", doors);
    o->told++;
    loop_stop(o->loop, 77);
}

static void test_they_find_each_other(void **state)
{
    (void)state;
    struct place p;
    struct office coordinator, collector;
    place_kind = PLACE_POSTGRES;
    place_make(&p);
    place_kind = PLACE_SQLITE;
    store_close(store_at(p.url, STORE_CREATE));
    open_office(&collector, &p, STORE_COLLECTOR);
    win(&collector);
    tenure_begin(collector.tenure, "results=tcp://192.0.2.7:7712", on_other, &collector);
    open_office(&coordinator, &p, STORE_COORDINATOR);
    win(&coordinator);
    tenure_begin(coordinator.tenure, "feedback=tcp://192.0.2.7:7714", on_other, &coordinator);
    assert_int_equal(loop_run(coordinator.loop), 77);
    assert_string_equal(coordinator.doors, "results=tcp://192.0.2.7:7712");
    assert_int_equal(loop_run(collector.loop), 77);
    assert_string_equal(collector.doors, "feedback=tcp://192.0.2.7:7714");
    close_office(&collector);

    open_office(&collector, &p, STORE_COLLECTOR); /* another one, elsewhere */
    win(&collector);
    tenure_begin(collector.tenure, "results=tcp://192.0.2.8:7712", NULL, NULL);
    assert_int_equal(loop_run(coordinator.loop), 77);
    assert_string_equal(coordinator.doors, "results=tcp://192.0.2.8:7712");
    assert_int_equal(coordinator.told, 2);
    close_office(&collector);
    close_office(&coordinator);
    place_remove(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone_it_begins_at_once),
        cmocka_unit_test(test_a_second_one_waits_and_takes_over),
        cmocka_unit_test(test_one_that_is_not_to_wait_ends),
        cmocka_unit_test(test_what_is_wrong_is_told_at_once),
        cmocka_unit_test(test_a_deposed_one_ends_its_loop),
        cmocka_unit_test(test_a_cut_connection_is_made_again),
        cmocka_unit_test(test_they_find_each_other),
    };
    return cmocka_run_group_tests_name("tenure", tests, NULL, NULL);
}
