#include "common/desk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PIN_EVERY_NS NS_PER_S
enum { MINUTE = 60 }; /* so many pins */

struct desk {
    struct loop_timer timer; /* first: its handle's end is ours */
    struct loop *loop;
    struct board_place *place;
    char thread[32];
    struct sheet *sheet; /* in hand */
    desk_fn *fn;
    void *arg;
    mono_ns longest[MINUTE]; /* turns, by second */
    unsigned second;
};

static void put_loop(struct desk *d)
{
    struct loop_load load = loop_load(d->loop);
    mono_ns longest = 0;
    d->longest[d->second++ % MINUTE] = load.longest;
    for (unsigned i = 0; i < MINUTE; i++)
        longest = d->longest[i] > longest ? d->longest[i] : longest;
    sheet_put_of(d->sheet, &board_rows[BOARD_LOOP_TURNS], d->thread, (double)load.turns);
    sheet_put_of(d->sheet, &board_rows[BOARD_LOOP_BUSY], d->thread, (double)load.busy / 1e9);
    sheet_put_of(d->sheet, &board_rows[BOARD_LOOP_LONGEST], d->thread, (double)longest / 1e9);
}

static void on_second(void *arg)
{
    struct desk *d = arg;
    char why_not[DESK_WHY_SIZE] = "";
    mono_ns now = loop_now(d->loop);
    sheet_clear(d->sheet);
    put_loop(d);
    enum board_word word = d->fn(d->arg, d->sheet, why_not);
    board_pin(d->place, &d->sheet, word, why_not, now);
    loop_timer_at(&d->timer, now + PIN_EVERY_NS);
}

int desk_open(struct desk **ret, struct board *board, struct loop *l, const char *thread, desk_fn *fn,
              void *arg)
{
    return desk_open_patient(ret, board, l, thread, BOARD_SILENCE_NS, fn, arg);
}

int desk_open_patient(struct desk **ret, struct board *board, struct loop *l, const char *thread,
                      mono_ns patience, desk_fn *fn, void *arg)
{
    *ret = NULL;
    if (!board)
        return 0;
    struct desk *d = calloc(1, sizeof *d);
    if (!d)
        return -ENOMEM;
    d->loop = l;
    d->fn = fn;
    d->arg = arg;
    snprintf(d->thread, sizeof d->thread, "%s", thread);
    int r = sheet_new(&d->sheet);
    if (r == 0)
        r = board_take_place(board, thread, patience, clock_mono(), &d->place);
    if (r < 0) {
        sheet_free(d->sheet);
        free(d);
        return r;
    }
    loop_timer_init(l, &d->timer, on_second, d);
    loop_timer_at(&d->timer, 0); /* at the first turn */
    *ret = d;
    return 0;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer);
}

void desk_close(struct desk *d)
{
    if (!d)
        return;
    board_leave_place(d->place);
    sheet_free(d->sheet);
    uv_close((uv_handle_t *)&d->timer.uv, on_closed);
}
