/* loadgen.h - the parts wired together: a scenario, served until it is over. */
#ifndef LOADGEN_LOADGEN_H
#define LOADGEN_LOADGEN_H

#include "loadgen/scenario.h"

/* Binds, writes the files, serves until SIGTERM, SIGINT or the end of --for, and
 * says what was served. 0, or a negative errno with a sentence. */
int loadgen_run(const struct scenario *s, struct err *err);

#endif
