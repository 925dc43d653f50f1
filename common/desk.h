/* desk.h - a thread's place at the board (board.h): once a second, on the thread's own loop, a sheet is
 * filled in with its numbers and pinned up, those of the loop itself among them.
 *
 * That also makes the loop turn once a second, whatever else there is to do: a board that was not heard of
 * for longer is told of a loop that stands still.
 */
#ifndef COMMON_DESK_H
#define COMMON_DESK_H

#include "common/board.h"
#include "common/loop.h"

struct desk;

/* Fill in the sheet, which is empty, and say whether this thread can do its job: why it cannot goes into
 * why_not, one sentence without a full stop. */
#define DESK_WHY_SIZE 300
typedef enum board_word desk_fn(void *arg, struct sheet *sheet, char why_not[DESK_WHY_SIZE]);

/* In the loop's thread, or before it runs. With board NULL nobody watches: *ret is NULL. -ENOMEM, -ENOSPC. */
int desk_open(struct desk **ret, struct board *board, struct loop *l, const char *thread, desk_fn *fn,
              void *arg);
/* The same for a thread whose loop may be away for longer, see board_take_place. */
int desk_open_patient(struct desk **ret, struct board *board, struct loop *l, const char *thread,
                      mono_ns patience, desk_fn *fn, void *arg);
/* In the loop's thread, or after it has run; before what `arg` points to is gone. NULL is fine. Its memory
 * goes when the loop has turned once more or is freed. */
void desk_close(struct desk *d);
DEFINE_SCOPED(desk, struct desk *, desk_close)

#endif
