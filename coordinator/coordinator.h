/* coordinator.h - the parts wired together, and one turn of the whole.
 *
 * A coordinator reads the sites from the store, binds its endpoints, and from
 * then on does in each turn of the loop what has come due: see turn() in the .c,
 * which is the table of contents of this folder. Between events it sleeps; idle
 * sites cost nothing.
 */
#ifndef COORDINATOR_COORDINATOR_H
#define COORDINATOR_COORDINATOR_H

#include "common/board.h"
#include "common/bus.h"
#include "common/config.h"
#include "common/loop.h"
#include "common/scope.h"
#include "common/store/store.h"
#include "common/tenure.h"

struct coordinator;

/* `config`, `loop`, `bus` and `store` (for reading) are borrowed for as long as
 * it lives, and so is `board`, where it shows its numbers; NULL: nowhere. `epoch` is the number that this
 * start has drawn. Jobs are given out while the tenure, which outlives it, says that we lead; NULL: always.
 */
int coordinator_new(struct coordinator **ret, const struct config *config, struct loop *loop, struct bus *bus,
                    struct store *store, struct board *board, struct tenure *tenure, uint32_t epoch,
                    struct err *err);

/* The collector listens there now (doors.h): a tenure_other_fn. Workers are told. */
void coordinator_meet(void *coordinator, const char *doors);

/* The loop has ended: send nothing more out, tell what is still to be told, for
 * at most half a second. Workers stay, and finish what they have in hand. */
void coordinator_leave(struct coordinator *c);

void coordinator_free(struct coordinator *c); /* NULL is fine */
DEFINE_SCOPED(coordinator, struct coordinator *, coordinator_free)

#endif
