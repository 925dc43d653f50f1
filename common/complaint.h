/* complaint.h - says in a daemon's log which messages were dropped, and by whose
 * fault; when and how often is decided in dropped.h.
 *
 *     warn collector ingest.malformed peer=127.0.0.1 dropped=1 total=1: a Report of 500 bytes ...
 *     (a minute later) ingest.malformed peer=127.0.0.1 dropped=499 total=500: a Report of ...
 *
 * Part of daemons, like daemon.h: it writes to their log. One for each lane and
 * loop; not shared between threads.
 */
#ifndef COMMON_COMPLAINT_H
#define COMMON_COMPLAINT_H

#include "common/dropped.h"
#include "common/loop.h"

struct complaint;

/* `event` is the line's stable name, borrowed for ever. */
int complaint_new(struct complaint **ret, struct loop *l, const char *event);
/* NULL is fine. Its memory goes when the loop has turned once more or is freed. */
void complaint_free(struct complaint *c);
DEFINE_SCOPED(complaint, struct complaint *, complaint_free)

void complaint_note(struct complaint *c, const char *peer, const char *why);
uint64_t complaint_total(const struct complaint *c);                       /* messages dropped so far */
void complaint_each(const struct complaint *c, dropped_fn *fn, void *arg); /* see dropped_each */

#endif
