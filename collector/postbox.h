/* postbox.h - which notices the notifier has in hand.
 *
 * Notices that were committed go to the notifier at once. It holds at most
 * POSTBOX_MAX; what is beyond stays in the store and is fetched from there, in
 * order, when half of those are done. The same fetching loads, after a start,
 * everything that the process before this one left pending. Belongs to the
 * thread that owns the store.
 */
#ifndef COLLECTOR_POSTBOX_H
#define COLLECTOR_POSTBOX_H

#include "collector/told.h"
#include "common/store/store.h"

#define POSTBOX_MAX 20000

struct postbox;

/* How a notice gets to the notifier: it is taken on 0; -EAGAIN leaves it. */
typedef int postbox_deliver_fn(void *arg, struct notice *take);

/* Only notices that this shard gave their ids are delivered: others are another collector's. */
int postbox_new(struct postbox **ret, struct shard shard, postbox_deliver_fn *deliver, void *arg);
void postbox_free(struct postbox *p); /* NULL is fine */
DEFINE_SCOPED(postbox, struct postbox *, postbox_free)

/* A notice that is in the store now. Takes it in any case. */
void postbox_put(struct postbox *p, struct notice *take);

/* Fetch what is due to be fetched; nothing most of the time. */
int postbox_fill(struct postbox *p, struct store *s, struct err *err);

/* One more outcome is in the store. */
void postbox_told(struct postbox *p, const struct told *t);

size_t postbox_pending(const struct postbox *p); /* notices that are neither sent nor failed */

#endif
