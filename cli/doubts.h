/* doubts.h - which workers were in doubt, from the store: what workers, status and
 * notices say about it.
 */
#ifndef CLI_DOUBTS_H
#define CLI_DOUBTS_H

#include "common/store/store.h"

struct doubts;

/* Those of workers that are open; with open_only false the newest ones of locations as well, 10,000 at most.
 */
int doubts_read(struct doubts **ret, struct store *s, bool open_only, struct err *err);
void doubts_free(struct doubts *d); /* NULL is fine */
DEFINE_SCOPED(doubts, struct doubts *, doubts_free)

size_t doubts_count(const struct doubts *d);
const struct episode *doubts_at(const struct doubts *d, size_t i); /* newest first */

/* NULL: none. Of several of one worker the newest. */
const struct episode *doubts_of(const struct doubts *d, const char *worker);
const struct episode *doubts_by_id(const struct doubts *d, uint64_t id);

#endif
