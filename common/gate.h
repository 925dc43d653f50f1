/* gate.h - a daemon that listens, in step with the keys in the store: who is let in
 * (bus.h), and that somebody is not any more.
 *
 * The store is asked four times a second, and once more before anybody is refused whose
 * key is not known, so that a token may be used as soon as it is printed; by a thread with
 * a handle of its own, so that a slow store holds nobody up. While it cannot be read,
 * those that were let in go on being let in; that is logged.
 */
#ifndef COMMON_GATE_H
#define COMMON_GATE_H

#include "common/bus.h"
#include "common/config.h"

#define GATE_EVERY_MS 250
#define GATE_PAUSE_MS 20 /* between two readings at least */

struct gate;

/* Keys were revoked, expired, or are gone: their sessions are to be ended (bus_rebind). In
 * the loop's thread; `let_in` are those that are left, borrowed. */
typedef void gate_fn(void *arg, const struct access_list *let_in, size_t revoked);

/* Reads the store before it returns, so that nobody is refused who may come in.
 * *ret is NULL where the bus does not listen with keys: then nothing is done. */
int gate_new(struct gate **ret, struct loop *l, struct bus *b, const char *store_url, gate_fn *fn, void *arg,
             struct err *err);
void gate_free(struct gate *g); /* NULL is fine; in the loop's thread */
DEFINE_SCOPED(gate, struct gate *, gate_free)

#endif
