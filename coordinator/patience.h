/* patience.h - sites that asked to be left alone for a while (429 and Retry-After).
 *
 * Whichever worker was told, all of them wait: the coordinator remembers it, and
 * until then a site's slots go out marked, so that whoever takes them concludes
 * without a look. Forgetting costs a site one request too many, and a worker is
 * told again: at the ceiling the oldest is forgotten, and all with a restart.
 *
 * Pure: time is an argument.
 */
#ifndef COORDINATOR_PATIENCE_H
#define COORDINATOR_PATIENCE_H

#include "common/clock.h"
#include "common/scope.h"

#include <stddef.h>
#include <stdint.h>

#define PATIENCE_MAX_SITES 65536

struct patience;

int patience_new(struct patience **ret);
void patience_free(struct patience *p); /* NULL is fine */
DEFINE_SCOPED(patience, struct patience *, patience_free)

/* The site wants to be left alone for that long from now on. -ENOMEM. */
int patience_asked(struct patience *p, uint64_t site_id, uint32_t seconds, mono_ns now);

/* For how much longer, rounded up to seconds; 0: it may be looked at. */
uint32_t patience_left_s(struct patience *p, uint64_t site_id, mono_ns now);

void patience_forget(struct patience *p, uint64_t site_id);
size_t patience_count(const struct patience *p); /* of those that are over, some are counted */

#endif
