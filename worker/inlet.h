/* inlet.h - where a lane's jobs come in: the socket, and what may be wrong with it.
 *
 * What is malformed or too large is counted and said once a minute. ZeroMQ does
 * not connect again after something too large, and nobody else would notice that
 * no jobs come: the inlet does, after INLET_PAUSE_NS.
 */
#ifndef WORKER_INLET_H
#define WORKER_INLET_H

#include "common/bus.h"
#include "common/dropped.h"
#include "common/loop.h"

#define INLET_PAUSE_NS NS_PER_S

struct inlet;

/* One message. 0, or a negative errno with a sentence when it is malformed. */
typedef int inlet_fn(void *arg, const struct bus_message *m, struct err *err);

int inlet_new(struct inlet **ret, struct loop *l, struct bus *bus, inlet_fn *fn, void *arg);
void inlet_free(struct inlet *i); /* NULL is fine */
DEFINE_SCOPED(inlet, struct inlet *, inlet_free)

/* Connect. Where it is connected already: nothing. */
int inlet_open(struct inlet *i, const char *endpoint, struct err *err);
void inlet_close(struct inlet *i); /* until it is opened again */
bool inlet_is_open(const struct inlet *i);
void inlet_drain(struct inlet *i); /* what is here already, within limits */
/* Who sent what was dropped, see dropped_each. */
void inlet_each_dropped(const struct inlet *i, dropped_fn *fn, void *arg);

#endif
