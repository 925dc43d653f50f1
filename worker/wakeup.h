/* wakeup.h - a timer with memory of its own.
 *
 * loop.h's timers live inside their owner, who must then outlive the turn in
 * which they end. The parts of a worker may be freed in the middle of a turn;
 * their timers live on the heap, and libuv gives the memory back when it is
 * done with it. Not set: it never rings.
 */
#ifndef WORKER_WAKEUP_H
#define WORKER_WAKEUP_H

#include "common/loop.h"

struct wakeup;

int wakeup_new(struct wakeup **ret, struct loop *l, loop_fn *fn, void *arg);
void wakeup_free(struct wakeup *w); /* NULL is fine; never rings afterwards */
DEFINE_SCOPED(wakeup, struct wakeup *, wakeup_free)

/* Ring once, at that time rounded up to milliseconds, never before. Setting it
 * again moves it; MONO_NEVER stops it. The handler may set or free it; what it
 * sets for now rings in a later turn, after sockets have been looked at. */
void wakeup_at(struct wakeup *w, mono_ns at);

#endif
