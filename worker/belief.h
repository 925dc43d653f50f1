/* belief.h - whether a look is believed, and what it teaches its thread about itself.
 *
 * A worker's worst mistake is to tell its own trouble as other people's outage. So
 * what a check has judged is weighed before it is concluded: against how late our
 * own loop was, whether our clock jumped, and whether this thread doubts its own
 * network (selfcheck.h). And it is evidence in turn: a site that was up and now
 * fails as a broken network of ours would make it fail.
 */
#ifndef WORKER_BELIEF_H
#define WORKER_BELIEF_H

#include "worker/check.h"

/* What to conclude instead of, or as, `was`. Sets trace.suspect. `detail` has
 * DETAIL_SIZE bytes, and says why where the judgement is not believed. */
struct judgement belief_weigh(struct look *k, struct judgement was, mono_ns now, char *detail);

#endif
