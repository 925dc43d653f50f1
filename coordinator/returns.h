/* returns.h - what the collector tells back: whose results are in the store, and
 * where to look again.
 *
 * A recorded result concludes its run and is passed on to the lane that waits for
 * it, also when we do not know the job (we were started again, or it was taken
 * back). A look that is asked for becomes a run that goes out before all others.
 */
#ifndef COORDINATOR_RETURNS_H
#define COORDINATOR_RETURNS_H

#include "common/bus.h"
#include "common/dropped.h"
#include "coordinator/parts.h"
#include "coordinator/reception.h"

#define COORDINATOR_NAME "coordinator" /* as the worker's name in what we report ourselves */

struct returns;

/* Binds the feedback endpoint and reads it on the parts' loop. */
int returns_new(struct returns **ret, struct bus *bus, struct parts *parts, struct reception *reception,
                struct err *err);
/* End all sessions that keys have opened, see bus_rebind. */
int returns_rebind(struct returns *r, struct err *err);
void returns_free(struct returns *r); /* NULL is fine */
DEFINE_SCOPED(returns, struct returns *, returns_free)

/* Who sent what was dropped, see dropped_each. */
void returns_each_dropped(const struct returns *r, dropped_fn *fn, void *arg);

#endif
