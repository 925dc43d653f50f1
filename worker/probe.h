/* probe.h - all the looks that one thread has in hand.
 *
 * A probe is the life of one look: name resolved, connected, asked with HEAD
 * and, where HEAD is refused or a failure is to be confirmed, with GET, redirects followed, judged, concluded
 * once. What a kind of check does in between is in check.h; here is what all
 * kinds share: the budget of time, the slots, the trace, and the conclusion.
 *
 * Nothing here knows where jobs come from and results go to: the worker's
 * intake uses it, and so does a one-shot check from the command line.
 */
#ifndef WORKER_PROBE_H
#define WORKER_PROBE_H

#include "common/config.h"
#include "common/loop.h"
#include "common/result.h"

struct probes;

/* Uses config->worker: slots, resolver, allow, ca_file, tls_sessions, user_agent,
 * families, DNS times. `config` is borrowed for as long as the probes live. */
int probes_new(struct probes **ret, struct loop *l, const struct config *config, struct err *err);

/* Looks in hand are dropped without a conclusion. NULL is fine. Turn the loop
 * once more (or free it) before the memory of what it used is gone. */
void probes_free(struct probes *p);
DEFINE_SCOPED(probes, struct probes *, probes_free)

/* Told once per look, from within the loop and never from within probe_begin. The
 * result is borrowed for the call; worker and lane in it are left to the caller. */
typedef void probe_done_fn(void *arg, const struct result *result);

/* Begin a look. The job is copied. -EAGAIN when all slots are taken, -ENOMEM.
 * Whatever else hinders us ends as a result with VERDICT_UNKNOWN. */
int probe_begin(struct probes *p, const struct job *job, probe_done_fn *done, void *arg);

/* From now on ask those of config->worker.canaries, see canaries.h; for a worker
 * that goes on for long. -EINVAL, -ENOMEM. */
int probes_keep_canaries(struct probes *p, const struct config *config, struct err *err);

/* So many lanes of all workers look: each takes its share of what one address may be
 * asked. Until told, there are this worker's own. */
void probes_share(struct probes *p, uint32_t lanes);

size_t probes_in_hand(const struct probes *p);
size_t probes_room(const struct probes *p);

/* Whether this thread doubts its own network now, see selfcheck.h. */
bool probes_suspect(const struct probes *p);
const char *probes_reason(const struct probes *p); /* why, see selfcheck_reason */

#endif
