/* reception.h - the control lane: where workers' lanes say hello, what they took
 * and how they are, and where they hear what is recorded.
 *
 * Whatever arrives is answered from what the parts know; what is malformed is
 * counted, logged once a minute, and dropped, and so is what a key says that it may
 * not: for another location, of its jobs, or for a worker that came in by another key. A lane that we do not
 * know (we were started again) is answered with our nonce: when that differs from the one that welcomed it,
 * it says hello anew.
 */
#ifndef COORDINATOR_RECEPTION_H
#define COORDINATOR_RECEPTION_H

#include "common/bus.h"
#include "common/dropped.h"
#include "coordinator/dispatch.h"
#include "coordinator/parts.h"

struct reception;

/* Binds the control endpoint and reads it on the parts' loop. */
int reception_new(struct reception **ret, struct bus *bus, struct parts *parts,
                  const struct dispatch *dispatch, struct err *err);
void reception_free(struct reception *r); /* NULL is fine */
DEFINE_SCOPED(reception, struct reception *, reception_free)

/* End all sessions that keys have opened, see bus_rebind; lanes whose key is not let
 * in any more are gone. */
int reception_revoke(struct reception *r, const struct access_list *let_in, struct err *err);

/* The parts say something new that a welcome tells: every lane is welcomed once more. */
void reception_welcome_all(struct reception *r);

/* Tell that lane at the end of the turn that this job's result is in the store. */
void reception_recorded(struct reception *r, int lane, uint64_t job_id);
void reception_flush(struct reception *r);

/* Who sent what was dropped, see dropped_each. */
void reception_each_dropped(const struct reception *r, dropped_fn *fn, void *arg);

#endif
