/* edits.h - the list of sites, from the store into everything that goes by it: the schedule, the
 * runs that are out, the turns, the arrears. At the start all of it, and from then on what was
 * edited, as soon as the herald has heard of it.
 */
#ifndef COORDINATOR_EDITS_H
#define COORDINATOR_EDITS_H

#include "coordinator/parts.h"

struct edits;

/* Reads all sites, and begins the grid: their newest slot is where its clock must not go back
 * behind. Then starts the herald. `p` and `store` are borrowed until the end. -errno, when there is
 * no memory, no thread, or the store cannot be read. */
int edits_new(struct edits **ret, struct parts *p, struct store *store, struct err *err);
void edits_free(struct edits *e);
DEFINE_SCOPED(edits, struct edits *, edits_free)

/* Reads what was edited, some thousand sites at most, when there is something. */
void edits_step(struct edits *e, mono_ns now);
/* When the next step has something to do. MONO_NEVER until the herald calls. */
mono_ns edits_next(const struct edits *e);

/* The store cannot be asked: we go on with the sites that we know. */
bool edits_store_away(const struct edits *e);

#endif
