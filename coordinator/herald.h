/* herald.h - says when the list of sites was edited. It asks the store on a thread and with a handle
 * of its own, so that the loop waits for nobody: a database whose host is silent keeps whoever asks it
 * waiting for seconds, and meanwhile a million sites are due. The loop reads the store only where the
 * herald has just had an answer.
 */
#ifndef COORDINATOR_HERALD_H
#define COORDINATOR_HERALD_H

#include "common/err.h"
#include "common/loop.h"
#include "common/scope.h"

struct herald;

/* Called on the loop: there is an edit that was not told, or (err not NULL) the store cannot be asked,
 * which is told once, and NULL once more when it can be again. `err` is borrowed for the call. */
typedef void herald_fn(void *arg, const struct err *err);

/* Asks every `every_us` from now on; the first answer is told, whatever it is. Opening a store that is
 * away is no failure: it is told like any other absence. -errno when there is no memory, or no thread. */
int herald_new(struct herald **ret, struct loop *l, const char *store_url, int64_t every_us, herald_fn *fn,
               void *arg, struct err *err);
/* NULL is fine. Waits for the question that is under way, two seconds at most: after that the thread is
 * left behind and lets go of what it has by itself. The rest goes when the loop has turned once more or is
 * freed. */
void herald_free(struct herald *h);
DEFINE_SCOPED(herald, struct herald *, herald_free)

#endif
