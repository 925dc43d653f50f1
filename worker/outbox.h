/* outbox.h - results until the collector has them in the store.
 *
 * A result stays until `recorded` names its job. It is due at once; once sent,
 * it is due again after 10 s, then 20, 40, and every 60 s: the collector throws
 * a result away that it already has. The ceiling is the caller's promise to
 * keep: a lane that has no room here answers busy to new jobs.
 *
 * Pure: the time is an argument, and nothing is sent here.
 */
#ifndef WORKER_OUTBOX_H
#define WORKER_OUTBOX_H

#include "common/result.h"
#include "common/scope.h"

#include <stddef.h>

struct outbox;

int outbox_new(struct outbox **ret, size_t ceiling);
void outbox_free(struct outbox *o); /* NULL is fine; what is inside is lost */
DEFINE_SCOPED(outbox, struct outbox *, outbox_free)

/* Keep a copy. -ENOSPC at the ceiling, -EEXIST when that job has a result here, -ENOMEM. */
int outbox_add(struct outbox *o, const struct result *r, mono_ns now);

/* Copies of up to `max` results that are due, those never sent first. They
 * count as sent now: whoever could not send them says so with outbox_unsent. */
size_t outbox_take_due(struct outbox *o, mono_ns now, struct result *buf, size_t max);

/* The last n taken could not be sent: due again at `again`, as if never sent. */
void outbox_unsent(struct outbox *o, const struct result *buf, size_t n, mono_ns again);

/* Somebody else receives them: all are due now, as if never sent. */
void outbox_hurry(struct outbox *o, mono_ns now);

/* It is in the store. False when it is not here (any more). */
bool outbox_forget(struct outbox *o, uint64_t job_id);

size_t outbox_forget_all(struct outbox *o); /* how many */
bool outbox_has(const struct outbox *o, uint64_t job_id);
size_t outbox_count(const struct outbox *o);
size_t outbox_room(const struct outbox *o);
mono_ns outbox_next(const struct outbox *o); /* when something is due; MONO_NEVER when empty */

/* The jobs whose results are here: up to max of them. */
size_t outbox_ids(const struct outbox *o, uint64_t *ids, size_t max);

#endif
