/* tenure.h - a daemon's part in the cluster: there is one coordinator and one collector that act, others
 * wait, and take over (leader.h says when one may act, common/store/store.h what a claim is).
 *
 * A thread with a connection of its own asks for the part, keeps it, and reads who has the other one; a
 * database that does not answer holds up nobody else. The daemon's loop reads one number, until when it may
 * act. What changes is called out on the loop.
 *
 *     r = tenure_new(&tenure, &setup, err);
 *     if (r == 0) r = tenure_wait(tenure, err);      1: it is ours; 0: asked to end before that
 *     ... load, bind ...
 *     tenure_begin(tenure, doors, on_other, arg);
 *     loop_run(loop);                                ends with 13 when somebody else has taken over
 *     ... let go of everything ...
 *     tenure_free(tenure);                           last: the next one begins now
 *
 * One that is deposed ends, and the service manager starts it again, as one that waits. Nothing of a tenure
 * is left then, and nothing can hold it up: no memory of sites that others have looked at since, no thread
 * that still waits for a dead database.
 *
 * Part of daemons, like daemon.h: it writes to their log, and tells the service manager.
 */
#ifndef COMMON_TENURE_H
#define COMMON_TENURE_H

#include "common/board.h"
#include "common/config.h"
#include "common/desk.h"
#include "common/loop.h"
#include "common/store/store.h"

struct tenure;

/* Rows of the daemon's table. */
struct tenure_rows {
    const struct metric_row *leads, *lease_left;
};

struct tenure_setup { /* borrowed for its life, but for itself */
    const struct config *config;
    enum store_role role;
    const char *cluster; /* its public key, see store_join_cluster */
    struct loop *loop;
    struct board *board;
    struct tenure_rows rows;
};

/* Opens the store and asks for the part, once, or for as long as a predecessor may take to end where the
 * setting standby.wait says not to wait for others: -EBUSY then. Other failures are the store's. */
int tenure_new(struct tenure **ret, const struct tenure_setup *setup, struct err *err);
/* Gives the part back. NULL is fine. A thread that still waits for a dead database is left behind after
 * two seconds, so the process should end soon. Its memory goes when the loop has turned once more or is
 * freed. */
void tenure_free(struct tenure *t);
DEFINE_SCOPED(tenure, struct tenure *, tenure_free)

/* Runs the loop until the part is ours: 1. 0 when the daemon was asked to end; -errno. */
int tenure_wait(struct tenure *t, struct err *err);

/* We act from here on. `doors`: where we listen (doors.h), for the other part to find us. `other` is called
 * on the loop with the doors of the other part's holder, now and when they change; never when there are
 * none. */
typedef void tenure_other_fn(void *arg, const char *doors);
void tenure_begin(struct tenure *t, const char *doors, tenure_other_fn *other, void *arg);

/* Whether we may act now; from any thread. */
bool tenure_leads(const struct tenure *t, mono_ns now);

/* Until it acts it has a desk of its own at the board; then whoever acts says these numbers at its own, and
 * whether it may. */
enum board_word tenure_put(struct tenure *t, struct sheet *sheet, char why_not[DESK_WHY_SIZE]);

/* Drawn for this tenure: of a coordinator's jobs (see store_next_epoch); of the claim (store_join_claim). */
uint32_t tenure_job_epoch(const struct tenure *t);
uint64_t tenure_claim_epoch(const struct tenure *t);

#endif
