/* worker.h - all lanes of a worker process, and the watch over them.
 *
 * ZeroMQ's PUSH cannot take a peer out of its rotation: a thread that hangs
 * would go on swallowing its share of the jobs. So the main thread watches the
 * lanes, and a process with one that has not come round for half a minute ends
 * itself; whoever started it starts it again.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "common/board.h"
#include "common/bus.h"
#include "common/config.h"
#include "common/loop.h"

struct worker;

/* All lanes run when this returns. `l` is the main thread's; it is stopped when
 * a lane ends by itself. Its numbers are shown at the board; NULL: nowhere. */
int worker_new(struct worker **ret, struct loop *l, struct bus *bus, const struct config *config,
               struct board *board, struct err *err);

/* Ends the lanes in good order, which takes some seconds at most while looks
 * are under way. 0, or why one had ended by itself. */
int worker_drain(struct worker *w, struct err *err);
void worker_free(struct worker *w); /* NULL is fine; drains what was not */
DEFINE_SCOPED(worker, struct worker *, worker_free)

#endif
