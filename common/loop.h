/* loop.h - the one loop of a thread: ZeroMQ sockets in front, libuv behind.
 *
 * A turn is: wait in zmq_poll for any of the watched ZeroMQ sockets or for
 * libuv's own descriptor, read the clocks once, call the handlers of the
 * readable sockets, run what libuv has (timers, libcurl's and c-ares' sockets,
 * signals, children), then call the after-turn hooks.
 *
 * ZeroMQ sockets are asked by zmq_poll itself, level-triggered; their
 * descriptor (ZMQ_FD) is edge-triggered and shared by both directions, and is
 * never used here. A handler therefore need not drain: it is called again while
 * messages wait, and should read a bounded number of them.
 */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include "common/clock.h"
#include "common/scope.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct loop;

int loop_new(struct loop **ret);
/* Every handle made on loop_uv must have been closed; closing ones are waited for. */
void loop_free(struct loop *l); /* NULL is fine */
DEFINE_SCOPED(loop, struct loop *, loop_free)

/* Turns until loop_stop; returns the status given there, or a negative errno
 * when waiting itself fails. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l, int status); /* ends after the present turn */

/* One turn that waits at most wait_ms; for tests and for leaving (-1: as long as it takes). */
int loop_turn(struct loop *l, int wait_ms);

uv_loop_t *loop_uv(struct loop *l);
mono_ns loop_now(const struct loop *l); /* when the present turn woke */
wall_us loop_wall(const struct loop *l);
mono_ns loop_lag(struct loop *l); /* longest that a turn kept others waiting since last asked */

/* For whoever watches. Busy: from waking to the end of the turn. */
struct loop_load {
    uint64_t turns;
    mono_ns busy;    /* of all turns together */
    mono_ns longest; /* turn since last asked here */
};
struct loop_load loop_load(struct loop *l);

/* Reading from a ZeroMQ socket. At most LOOP_MAX_WATCHES at a time. -ENOSPC. */
#define LOOP_MAX_WATCHES 40
typedef void loop_fn(void *arg);
int loop_watch(struct loop *l, void *socket, loop_fn *fn, void *arg);
void loop_unwatch(struct loop *l, void *socket);         /* not watched: nothing */
void loop_pause(struct loop *l, void *socket, bool off); /* leave messages where they are for now */

/* The same for a descriptor that can be polled, as long as it is readable. They
 * count together with the sockets. Close it after unwatching it. */
int loop_watch_fd(struct loop *l, int fd, loop_fn *fn, void *arg);
void loop_unwatch_fd(struct loop *l, int fd); /* not watched: nothing */

/* Called at the end of every turn, in order of being added: where batches are
 * flushed. At most 8. */
int loop_after_turn(struct loop *l, loop_fn *fn, void *arg);

/* A timer in place inside somebody else; rounded up to milliseconds. Arming
 * again moves it; MONO_NEVER stops it. The handler may arm it again. */
struct loop_timer {
    uv_timer_t uv; /* private */
    struct loop *loop;
    loop_fn *fn;
    void *arg;
};
void loop_timer_init(struct loop *l, struct loop_timer *t, loop_fn *fn, void *arg);
void loop_timer_at(struct loop_timer *t, mono_ns at);
void loop_timer_done(struct loop_timer *t); /* the memory must live until the loop is freed or turned once */

/* From any thread: wake `l` and have fn called there once (several wakes may
 * become one call). */
struct loop_bell {
    uv_async_t uv; /* private */
    loop_fn *fn;
    void *arg;
};
int loop_bell_init(struct loop *l, struct loop_bell *b, loop_fn *fn, void *arg);
void loop_bell_ring(struct loop_bell *b);
void loop_bell_done(struct loop_bell *b); /* memory as for timers */

#endif
