/* reporter.h - what the coordinator itself tells the collector: runs that nobody
 * saw (from the accounts), and once a second its vitals.
 */
#ifndef COORDINATOR_REPORTER_H
#define COORDINATOR_REPORTER_H

#include "common/bus.h"
#include "coordinator/parts.h"

#define REPORTER_VITALS_NS NS_PER_S

struct reporter;

/* Connects to the results endpoint. */
int reporter_new(struct reporter **ret, struct bus *bus, struct parts *parts, struct err *err);
/* Connects to the collector anew, where the parts say that it is. What is still on its way to the former
 * one is reported again. */
int reporter_connect(struct reporter *r, struct err *err);
void reporter_free(struct reporter *r); /* NULL is fine */
DEFINE_SCOPED(reporter, struct reporter *, reporter_free)

void reporter_step(struct reporter *r, mono_ns now); /* send what is due, a bounded lot */
mono_ns reporter_next(const struct reporter *r);     /* when something will be */
void reporter_vitals(struct reporter *r);            /* now, whenever they are due */

#endif
