/* canaries.h - asking the canaries: connections, questions for the root, HEAD
 * requests, on the loop. Whom to ask and when, and what it means: canary.h.
 *
 * Endpoints on ipc:// and on loopback addresses are left out: they answer however
 * dead the network is. A connection that is refused is an answer. Whatever we lack
 * ourselves (descriptors, memory) is no silence of theirs.
 */
#ifndef WORKER_CANARIES_H
#define WORKER_CANARIES_H

#include "common/config.h"
#include "worker/check.h"

struct canaries;

/* Those of config->worker.canaries. `kit` and `probes` are borrowed for as long as
 * they live; -EINVAL, -ENOMEM. Not a single one: *ret is NULL and 0 is returned. */
int canaries_new(struct canaries **ret, const struct check_kit *kit, struct probes *probes,
                 const struct config *config, struct err *err);
void canaries_free(struct canaries *c); /* NULL is fine */
DEFINE_SCOPED(canaries, struct canaries *, canaries_free)

void canaries_hurry(struct canaries *c); /* looks fail; NULL is fine */

#endif
