/* board.h - where each thread of a daemon pins up how it is, once a second, for others to read at any time.
 *
 * A thread that has a loop has a desk (desk.h), which fills in a sheet of numbers (metrics.h) and says
 * whether the thread can do its job. What is pinned up stays until the next: a reader never waits for a loop,
 * and no loop for a reader, who holds the board's lock only to take a sheet in hand. When a loop no longer
 * comes round, the time of what it pinned up last tells so.
 *
 *   healthy   every loop came round within BOARD_SILENCE_NS, or the patience that its thread asked for; else
 *             whoever started the process should end it
 *   ready     every loop came round within BOARD_SILENCE_NS, it is not about to end, and all threads can do
 *             their job (or one of them, see board_rule)
 *
 * From any thread. Time is an argument.
 */
#ifndef COMMON_BOARD_H
#define COMMON_BOARD_H

#include "common/clock.h"
#include "common/metrics.h"

#include <stdbool.h>

#define BOARD_SILENCE_NS (5 * NS_PER_S)
#define BOARD_MAX_PLACES 260 /* a worker's threads, and a few */

enum board_rule { BOARD_ALL_READY, BOARD_ANY_READY };

/* Whether a thread can do its job. */
enum board_word {
    BOARD_CAN,
    BOARD_CANNOT,
    BOARD_ASIDE, /* the process' job is not its own */
};

struct board;
struct board_place; /* of one thread */

/* `program` and the rows are borrowed for ever. -ENOMEM; -EINVAL where the table is wrong (metrics_check). */
int board_new(struct board **ret, const char *program, const struct metric_table *own, enum board_rule rule,
              struct err *err);
void board_free(struct board *b); /* NULL is fine; all places left before */
DEFINE_SCOPED(board, struct board *, board_free)

/* ── Pinning up ────────────────────────────────────────────────────────── */

/* `thread` is its name, up to 31 bytes, copied. `patience`: how long its loop may be away and the process
 * healthy all the same; for a thread that waits for a database. -ENOSPC, -ENOMEM. */
int board_take_place(struct board *b, const char *thread, mono_ns patience, mono_ns now,
                     struct board_place **ret);
void board_leave_place(struct board_place *p); /* what it has pinned up is taken down; NULL is fine */

/* *sheet goes up; another takes its place there, to be filled in next. `why_not`: one sentence without a full
 * stop for BOARD_CANNOT. */
void board_pin(struct board_place *p, struct sheet **sheet, enum board_word word, const char *why_not,
               mono_ns now);

void board_leaving(struct board *b); /* the process is about to end: no longer ready */

/* ── Reading ───────────────────────────────────────────────────────────── */

/* Why not is added to `why`, a line for each reason. */
bool board_healthy(struct board *b, mono_ns now, struct text *why);
bool board_ready(struct board *b, mono_ns now, struct text *why);

/* All numbers: the process', then the daemon's own. */
void board_write(struct board *b, mono_ns now, struct text *out);

/* What every daemon has; sheets of any thread may speak of those with a thread in their labels. */
enum board_metric {
    BOARD_BUILD_INFO,
    BOARD_READY,
    BOARD_LOOP_SILENCE,
    BOARD_LOOP_TURNS,
    BOARD_LOOP_BUSY,
    BOARD_LOOP_LONGEST,
    BOARD_LOG_LINES,
    BOARD_LEFT_OUT,
    BOARD_CPU,
    BOARD_RESIDENT,
    BOARD_VIRTUAL,
    BOARD_DESCRIPTORS,
    BOARD_DESCRIPTORS_MOST,
    BOARD_THREADS,
    BOARD_STARTED,
    BOARD_METRICS, /* how many */
};
extern const struct metric_row board_rows[BOARD_METRICS];

#endif
