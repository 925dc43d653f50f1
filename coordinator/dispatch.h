/* dispatch.h - jobs on their way: what the lease hands out, in batches, over one
 * PUSH socket for each location.
 *
 * How many may be on their way is the roster's window; nothing here blocks or
 * queues. A batch has at most BUNDLE_JOBS jobs and not more than a lane's
 * share of what is ready, because PUSH gives whole messages to lanes in turn.
 */
#ifndef COORDINATOR_DISPATCH_H
#define COORDINATOR_DISPATCH_H

#include "common/bus.h"
#include "coordinator/parts.h"

struct dispatch;

/* Binds every location's endpoint. `parts` is borrowed for as long as it lives. */
int dispatch_new(struct dispatch **ret, struct bus *bus, struct parts *parts, struct err *err);
void dispatch_free(struct dispatch *d); /* NULL is fine */
DEFINE_SCOPED(dispatch, struct dispatch *, dispatch_free)

/* The endpoint that a location's workers connect to: ENDPOINT_SIZE bytes. */
const char *dispatch_endpoint(const struct dispatch *d, unsigned location);

/* End all sessions that keys have opened, see bus_rebind. Jobs on their way are lost
 * and go out again. */
int dispatch_rebind(struct dispatch *d, struct err *err);

/* Send what may be sent now, at most `most` jobs. Returns how many were. */
size_t dispatch_step(struct dispatch *d, size_t most, mono_ns now);

/* When to try again although nothing happens; MONO_NEVER when there is no reason to. */
mono_ns dispatch_next(const struct dispatch *d);

/* Jobs that could not be packed, ever: a site in the store that the wire refuses. */
uint64_t dispatch_refused(const struct dispatch *d);

#endif
