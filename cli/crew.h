/* crew.h - the children of `vedette up`: one collector, one coordinator, workers.
 *
 * The collector has the lowest rank (supervise.h): it is the one that everybody
 * tells, so it is there first and goes last, and what the workers still say is
 * heard and stored.
 */
#ifndef CLI_CREW_H
#define CLI_CREW_H

#include "cli/command.h"
#include "cli/supervise.h"

#define CREW_MAX_WORKERS 64
#define CREW_COLLECTOR   "collector" /* its name as a child */

struct crew {
    const struct call *call; /* whose --config and --set they get */
    unsigned workers;        /* called w1, w2, ...; one thread each unless worker.threads is set */
    bool verbose;            /* logs at level info; otherwise warn, unless log.level is set */
};

/* -ENOENT when a program is not to be found; -ENOMEM. */
int crew_add(struct supervisor *s, const struct crew *crew, struct err *err);

#endif
