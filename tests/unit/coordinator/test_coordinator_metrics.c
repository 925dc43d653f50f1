/* The coordinator's numbers at the board, while it works. */
#include "common/board.h"
#include "coordinator/coordinator_metrics.h"
#include "tests/unit/coordinator/stage.h"

static const char *written(struct world *w)
{
    static struct text out = TEXT_UP_TO(1 << 20);
    text_clear(&out);
    board_write(w->board, clock_mono(), &out);
    assert_int_equal(out.failed, 0);
    return text_str(&out);
}

/* A number by its line's beginning; -1 where there is none. */
static double number(struct world *w, const char *line)
{
    char beginning[200];
    double v = -1;
    snprintf(beginning, sizeof beginning, "\n%s ", line);
    const char *at = strstr(written(w), beginning);
    if (at)
        sscanf(at + strlen(beginning), "%lf", &v);
    return v;
}

static int begin_with_board(void **state)
{
    struct err err = { 0 };
    int r = begin(state);
    struct world *w = *state;
    if (board_new(&w->board, "coordinator", &coordinator_metrics, BOARD_ALL_READY, &err) < 0)
        fail_msg("%s", err.text);
    set(w, "coordinator.taken_within", "5s");
    set(w, "coordinator.suspect_after", "2s");
    set(w, "coordinator.dead_after", "4s");
    return r;
}

static int end_with_board(void **state)
{
    struct world *w = *state;
    struct board *board = w->board;
    int r = end(state);
    board_free(board);
    return r;
}

static void a_look_is_counted(void **state)
{
    struct world *w = *state;
    struct thread *l = &w->lane[0];
    scoped(text) struct text why = TEXT_UP_TO(1000);
    struct site s = site_of("shop", rarely(1), 1000);
    edit(w, &s);
    start(w);
    join(w, l, "alpha");
    until(w, l->n_jobs == 1);
    until(w, number(w, "vedette_coordinator_runs_in_flight") == 1);
    assert_true(board_ready(w->board, clock_mono(), &why));
    assert_true(number(w, "vedette_coordinator_jobs_untaken{location=\"local\"}") == 1);
    look(w, l, 0);
    until(w, number(w, "vedette_coordinator_runs_concluded_total") == 1);
    assert_true(number(w, "vedette_coordinator_sites") == 1);
    assert_true(number(w, "vedette_coordinator_runs_scheduled_total") == 1);
    assert_true(number(w, "vedette_coordinator_runs_in_flight") == 0);
    assert_true(number(w, "vedette_coordinator_lateness_seconds_count") == 1);
    assert_true(number(w, "vedette_coordinator_epoch") == 1);
    assert_true(number(w, "vedette_coordinator_slots{location=\"local\"}") == 100);
}

/* Two threads of one worker are one worker, by the better of them. */
static void workers_are_counted_by_state(void **state)
{
    struct world *w = *state;
    start(w);
    w->lane[1].number = 1;
    join(w, &w->lane[0], "alpha");
    w->lane[1].nonce = 1;
    join(w, &w->lane[1], "alpha");
    until(w, number(w, "vedette_coordinator_lanes{location=\"local\",state=\"ready\"}") == 2);
    assert_true(number(w, "vedette_coordinator_workers{location=\"local\",state=\"ready\"}") == 1);
    w->lane[1].silent = true;
    until(w, number(w, "vedette_coordinator_lanes{location=\"local\",state=\"suspect\"}") == 1);
    assert_true(number(w, "vedette_coordinator_workers{location=\"local\",state=\"ready\"}") == 1);
    assert_true(number(w, "vedette_coordinator_workers{location=\"local\",state=\"suspect\"}") == 0);
    assert_true(number(w, "vedette_coordinator_workers_in_doubt{location=\"local\"}") == 0);

    struct control doubt = { .kind = CONTROL_HEARTBEAT, .free_slots = 100, .suspect = true };
    w->lane[0].silent = true;
    strcpy(doubt.text, "its network");
    say_as(w, &w->lane[0], &doubt);
    until(w, number(w, "vedette_coordinator_workers_in_doubt{location=\"local\"}") == 1);
}

/* Of one peer, whatever it is called: over ipc:// ZeroMQ may not tell. */
static int dropped_on(struct world *w, const char *lane)
{
    char beginning[200];
    int n = 0;
    snprintf(beginning, sizeof beginning, "\nvedette_coordinator_messages_dropped_total{lane=\"%s\",", lane);
    const char *at = strstr(written(w), beginning);
    return at && sscanf(strchr(at, '}'), "} %d", &n) == 1 ? n : 0;
}

static void nonsense_is_counted_by_lane(void **state)
{
    struct world *w = *state;
    start(w);
    join(w, &w->lane[0], "alpha");
    for (int i = 0; i < 3; i++)
        assert_int_equal(bus_send(w->lane[0].control, "nonsense", 8), 0);
    until(w, dropped_on(w, "control") == 3);
    assert_int_equal(dropped_on(w, "feedback"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_look_is_counted, begin_with_board, end_with_board),
        cmocka_unit_test_setup_teardown(workers_are_counted_by_state, begin_with_board, end_with_board),
        cmocka_unit_test_setup_teardown(nonsense_is_counted_by_lane, begin_with_board, end_with_board),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
