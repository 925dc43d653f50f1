/* collector.h - the parts wired together: three threads and what goes between them.
 *
 *   network   the caller's loop: reports in, feedback and feed out (ingest)
 *   keeper    owns the store: judges, commits, hands out (keeper)
 *   notifier  delivers notices (notifier)
 *
 * Between them are bounded queues and bells. A full one stops whoever feeds it,
 * back to the workers' outboxes; nothing that was acknowledged is only in memory.
 */
#ifndef COLLECTOR_COLLECTOR_H
#define COLLECTOR_COLLECTOR_H

#include "common/board.h"
#include "common/bus.h"
#include "common/config.h"
#include "common/loop.h"
#include "common/store/store.h"
#include "common/tenure.h"

struct collector;

/* Reads the store, binds the lanes and starts the threads. `store` belongs to
 * the keeper's thread until collector_free; all arguments outlive it. When the
 * store fails later in a way that does not pass, the loop is stopped with
 * store_exit_code's number. Its numbers are shown at the board; NULL: nowhere.
 * Deliveries are begun while the tenure says that we lead; NULL: always. */
int collector_new(struct collector **ret, struct loop *l, struct bus *b, struct store *store,
                  const struct config *config, struct board *board, struct tenure *tenure, struct err *err);
/* The coordinator listens there now (doors.h): a tenure_other_fn. */
void collector_meet(void *collector, const char *doors);
void collector_free(struct collector *c); /* NULL is fine */
DEFINE_SCOPED(collector, struct collector *, collector_free)

/* After the loop has ended: read no more, commit and acknowledge what is here,
 * let deliveries under way finish. Takes some seconds at most; what cannot be
 * committed by then was not acknowledged: workers that live on send it again. It
 * is said, and the status to end with is returned: 0, or the store's exit code. */
int collector_drain(struct collector *c);

#endif
