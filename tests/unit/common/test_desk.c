/* A desk pins up once a second, and what the loop itself did with it. */
#include "common/desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct metric_row rows[] = {
    {"vedette_test_pins_total", METRIC_COUNTER, "", "Pins"}
};
static const struct metric_table table = { rows, 1 };

struct office {
    struct board *board;
    struct loop *loop;
    struct desk *desk;
    unsigned pins;
    enum board_word word;
};

static enum board_word on_desk(void *arg, struct sheet *sheet, char why_not[DESK_WHY_SIZE])
{
    struct office *o = arg;
    sheet_put(sheet, &rows[0], ++o->pins);
    if (o->word == BOARD_CANNOT)
        snprintf(why_not, DESK_WHY_SIZE, "it is told so");
    return o->word;
}

static const char *written(struct office *o)
{
    static struct text out = TEXT_UP_TO(1 << 20);
    text_clear(&out);
    board_write(o->board, clock_mono(), &out);
    assert_int_equal(out.failed, 0);
    return text_str(&out);
}

static double value(struct office *o, const char *name)
{
    double v = -1;
    const char *at = strstr(written(o), name);
    if (!at || sscanf(at + strlen(name), " %lf", &v) != 1)
        fail_msg("there is no %s in\n%s", name, written(o));
    return v;
}

static void until_pins(struct office *o, unsigned n)
{
    mono_ns end = clock_mono() + 20 * NS_PER_S;
    while (o->pins < n && clock_mono() < end)
        loop_turn(o->loop, 50);
    assert_int_equal(o->pins, n);
}

static void it_pins_once_a_second(void **state)
{
    struct office o = { .word = BOARD_CAN };
    scoped(text) struct text why = TEXT_UP_TO(1000);
    (void)state;
    assert_int_equal(board_new(&o.board, "tester", &table, BOARD_ALL_READY, NULL), 0);
    assert_int_equal(loop_new(&o.loop), 0);
    assert_int_equal(desk_open(&o.desk, o.board, o.loop, "window", on_desk, &o), 0);
    assert_false(board_ready(o.board, clock_mono(), &why));

    until_pins(&o, 1); /* at once */
    assert_true(board_ready(o.board, clock_mono(), &why));
    double turns = value(&o, "\nvedette_loop_turns_total{thread=\"window\"}");
    mono_ns began = clock_mono();
    o.word = BOARD_CANNOT;
    until_pins(&o, 2);
    assert_true(clock_mono() - began > NS_PER_S / 2);
    text_clear(&why);
    assert_false(board_ready(o.board, clock_mono(), &why));
    assert_string_equal(text_str(&why), "window: it is told so\n");
    assert_int_equal((int)value(&o, "\nvedette_test_pins_total"), 2);
    assert_true(value(&o, "\nvedette_loop_turns_total{thread=\"window\"}") > turns);
    assert_true(value(&o, "\nvedette_loop_busy_seconds_total{thread=\"window\"}") > 0);
    assert_true(value(&o, "\nvedette_loop_longest_turn_seconds{thread=\"window\"}") > 0);

    desk_close(o.desk);
    assert_null(strstr(written(&o), "vedette_test_pins_total 2"));
    loop_free(o.loop);
    board_free(o.board);
}

static void without_a_board_there_is_no_desk(void **state)
{
    struct desk *desk = (struct desk *)1;
    (void)state;
    assert_int_equal(desk_open(&desk, NULL, NULL, "x", on_desk, NULL), 0);
    assert_null(desk);
    desk_close(desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_pins_once_a_second),
        cmocka_unit_test(without_a_board_there_is_no_desk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
