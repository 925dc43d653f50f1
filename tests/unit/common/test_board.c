/* The board: who is healthy, who is ready and why not, and sheets that go up while others are read. */
#include "common/board.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define S NS_PER_S

static const struct metric_row rows[] = {
    {"vedette_test_jobs_total", METRIC_COUNTER, "", "Jobs"}
};
static const struct metric_table table = { rows, 1 };

struct wall { /* a board and two places at it */
    struct board *board;
    struct board_place *place[2];
    struct sheet *sheet[2];
};

static void hang(struct wall *w, enum board_rule rule)
{
    struct err err = { 0 };
    *w = (struct wall){ .board = NULL };
    if (board_new(&w->board, "tester", &table, rule, &err) < 0)
        fail_msg("%s", err.text);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            board_take_place(w->board, i ? "second" : "first", BOARD_SILENCE_NS, 0, &w->place[i]), 0);
        assert_int_equal(sheet_new(&w->sheet[i]), 0);
    }
}

static void take_down(struct wall *w)
{
    board_leave_place(w->place[0]); /* the other is left to the board */
    board_free(w->board);
    sheet_free(w->sheet[0]);
    sheet_free(w->sheet[1]);
}

static void pin(struct wall *w, int i, double jobs, enum board_word word, const char *why, mono_ns now)
{
    sheet_put(w->sheet[i], &rows[0], jobs);
    board_pin(w->place[i], &w->sheet[i], word, why, now);
}

static const char *why(struct wall *w, bool (*ask)(struct board *, mono_ns, struct text *), mono_ns now,
                       bool expected)
{
    static struct text said = TEXT_UP_TO(10000);
    text_clear(&said);
    assert_int_equal(ask(w->board, now, &said), expected);
    return text_str(&said);
}

static const char *numbers(struct wall *w, mono_ns now)
{
    static struct text out = TEXT_UP_TO(1 << 20);
    text_clear(&out);
    board_write(w->board, now, &out);
    assert_int_equal(out.failed, 0);
    return text_str(&out);
}

/* ── Healthy, ready ────────────────────────────────────────────────────── */

static void it_is_ready_when_all_are(void **state)
{
    struct wall w;
    (void)state;
    hang(&w, BOARD_ALL_READY);
    assert_string_equal(why(&w, board_ready, S, false),
                        "first: it has only just begun\nsecond: it has only just begun\n");
    pin(&w, 0, 1, BOARD_CAN, "", S);
    assert_string_equal(why(&w, board_ready, S, false), "second: it has only just begun\n");
    pin(&w, 1, 1, BOARD_CANNOT, "the disk is full", S);
    assert_string_equal(why(&w, board_ready, S, false), "second: the disk is full\n");
    pin(&w, 1, 1, BOARD_CAN, "", S);
    assert_string_equal(why(&w, board_ready, S, true), "");
    board_leaving(w.board);
    assert_string_equal(why(&w, board_ready, S, false), "it is about to end\n");
    assert_string_equal(why(&w, board_healthy, S, true), "");
    take_down(&w);
}

static void it_is_ready_when_any_is(void **state)
{
    struct wall w;
    (void)state;
    hang(&w, BOARD_ANY_READY);
    pin(&w, 0, 1, BOARD_ASIDE, "", S);
    pin(&w, 1, 1, BOARD_CANNOT, "no slot is free", S);
    assert_string_equal(why(&w, board_ready, S, false), "second: no slot is free\n");
    pin(&w, 1, 1, BOARD_CAN, "", S);
    assert_string_equal(why(&w, board_ready, S, true), "");
    pin(&w, 0, 1, BOARD_CANNOT, "it rests", S);
    assert_string_equal(why(&w, board_ready, S, true), "");
    pin(&w, 0, 1, BOARD_ASIDE, "", S);
    board_leave_place(w.place[1]);
    w.place[1] = NULL;
    assert_string_equal(why(&w, board_ready, S, false), "none of its threads runs\n");
    take_down(&w);
}

static void a_loop_that_stands_still_is_not_healthy(void **state)
{
    struct wall w;
    struct board_place *patient;
    struct sheet *sheet = NULL;
    (void)state;
    hang(&w, BOARD_ALL_READY);
    assert_int_equal(sheet_new(&sheet), 0);
    assert_int_equal(board_take_place(w.board, "patient", 60 * S, 0, &patient), 0);
    pin(&w, 0, 1, BOARD_CAN, "", 2 * S);
    pin(&w, 1, 1, BOARD_CAN, "", 6 * S);
    board_pin(patient, &sheet, BOARD_CAN, "", S / 2);
    assert_string_equal(why(&w, board_healthy, 7 * S, true), "");
    assert_string_equal(why(&w, board_ready, 7 * S, false),
                        "patient: its loop has not come round for 6.5 s\n");
    assert_string_equal(why(&w, board_healthy, 8 * S, false),
                        "first: its loop has not come round for 6.0 s\n");
    pin(&w, 0, 1, BOARD_CAN, "", 8 * S);
    board_pin(patient, &sheet, BOARD_CAN, "", 8 * S);
    assert_string_equal(why(&w, board_healthy, 8 * S, true), "");
    assert_string_equal(why(&w, board_ready, 8 * S, true), "");
    sheet_free(sheet);
    take_down(&w);
}

/* ── Numbers ───────────────────────────────────────────────────────────── */

static void what_is_pinned_up_is_written(void **state)
{
    struct wall w;
    (void)state;
    hang(&w, BOARD_ALL_READY);
    pin(&w, 0, 10, BOARD_CAN, "", S);
    pin(&w, 1, 7, BOARD_CAN, "", S);
    const char *all = numbers(&w, 2 * S);
    assert_non_null(strstr(all, "\nvedette_test_jobs_total 17\n"));
    assert_non_null(strstr(all, "\nvedette_build_info{program=\"tester\",version=\""));
    assert_non_null(strstr(all, "\nvedette_ready 1\n"));
    assert_non_null(strstr(all, "\nvedette_loop_silence_seconds{thread=\"second\"} 1\n"));
    assert_non_null(strstr(all, "\nvedette_log_lines_total{level=\"warn\"} "));
    assert_non_null(strstr(all, "\nprocess_open_fds "));
    assert_null(strstr(all, "\nprocess_resident_memory_bytes 0\n"));
    pin(&w, 0, 11, BOARD_CANNOT, "no", S);
    all = numbers(&w, 2 * S);
    assert_non_null(strstr(all, "\nvedette_test_jobs_total 18\n"));
    assert_non_null(strstr(all, "\nvedette_ready 0\n"));
    board_leave_place(w.place[1]);
    w.place[1] = NULL;
    assert_non_null(strstr(numbers(&w, 2 * S), "\nvedette_test_jobs_total 11\n"));
    take_down(&w);
}

static void wrong_tables_are_refused(void **state)
{
    static const struct metric_row wrong[] = {
        {"no such name", METRIC_GAUGE, "", "x"}
    };
    const struct metric_table bad = { wrong, 1 };
    struct board *board = NULL;
    (void)state;
    assert_int_equal(board_new(&board, "tester", &bad, BOARD_ALL_READY, NULL), -EINVAL);
    assert_null(board);
}

static void places_have_an_end(void **state)
{
    struct board *board = NULL;
    struct board_place *place = NULL;
    (void)state;
    assert_int_equal(board_new(&board, "tester", &table, BOARD_ALL_READY, NULL), 0);
    for (int i = 0; i < BOARD_MAX_PLACES; i++)
        assert_int_equal(board_take_place(board, "x", S, 0, &place), 0);
    assert_int_equal(board_take_place(board, "x", S, 0, &place), -ENOSPC);
    board_free(board);
}

/* ── Threads ───────────────────────────────────────────────────────────── */

struct crowd {
    struct wall wall;
    atomic_bool stop;
    atomic_uint reads;
};

static void *read_on(void *arg)
{
    struct crowd *c = arg;
    scoped(text) struct text out = TEXT_UP_TO(1 << 20);
    while (!atomic_load(&c->stop)) {
        text_clear(&out);
        board_write(c->wall.board, 0, &out);
        board_ready(c->wall.board, 0, &out);
        atomic_fetch_add(&c->reads, 1);
    }
    return NULL;
}

/* Each place's number only grows; what is read is one that was pinned up whole. */
static void readers_and_pinners_do_not_wait_for_each_other(void **state)
{
    struct crowd c = { .reads = 0 };
    pthread_t reader[3];
    unsigned pins = 0;
    (void)state;
    hang(&c.wall, BOARD_ALL_READY);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&reader[i], NULL, read_on, &c), 0);
    while (atomic_load(&c.reads) < 300 || pins < 2000) {
        pin(&c.wall, pins % 2, pins, BOARD_CAN, "", 0);
        pins++;
    }
    atomic_store(&c.stop, true);
    for (int i = 0; i < 3; i++)
        pthread_join(reader[i], NULL);
    char last[64];
    snprintf(last, sizeof last, "\nvedette_test_jobs_total %u\n", pins - 1 + pins - 2);
    assert_non_null(strstr(numbers(&c.wall, 0), last));
    take_down(&c.wall);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_ready_when_all_are),
        cmocka_unit_test(it_is_ready_when_any_is),
        cmocka_unit_test(a_loop_that_stands_still_is_not_healthy),
        cmocka_unit_test(what_is_pinned_up_is_written),
        cmocka_unit_test(wrong_tables_are_refused),
        cmocka_unit_test(places_have_an_end),
        cmocka_unit_test(readers_and_pinners_do_not_wait_for_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
