/* shipment.h - results on their way to the collector: the outbox, and the socket
 * that empties it.
 *
 * Sent in batches at the end of a turn. When the collector does not take them,
 * nothing waits in this thread: they stay in the outbox and are tried again a
 * tenth of a second later.
 */
#ifndef WORKER_SHIPMENT_H
#define WORKER_SHIPMENT_H

#include "common/bus.h"
#include "common/loop.h"
#include "common/result.h"

struct outbox;
struct shipment;

int shipment_new(struct shipment **ret, struct loop *l, struct bus *bus, size_t ceiling, struct err *err);
void shipment_free(struct shipment *s); /* NULL is fine; what ZeroMQ has of it lingers with the bus */
DEFINE_SCOPED(shipment, struct shipment *, shipment_free)

/* Where to. The same endpoint again: nothing. Another one: all that is not recorded goes there. */
int shipment_connect(struct shipment *s, const char *endpoint, struct err *err);
void shipment_disconnect(struct shipment *s);                /* until shipment_connect; results wait */
int shipment_reconnect(struct shipment *s, struct err *err); /* with a new socket; before connect: nothing */

/* As outbox_add. */
int shipment_add(struct shipment *s, const struct result *r);
size_t shipment_forget_all(struct shipment *s); /* how many */
void shipment_recorded(struct shipment *s, const uint64_t *job_ids, size_t n);

/* Send what is due: results a few milliseconds after they came, together; with `all`
 * at once. To be called at the end of every turn. */
void shipment_flush(struct shipment *s, bool all);

const struct outbox *shipment_outbox(const struct shipment *s);

#endif
