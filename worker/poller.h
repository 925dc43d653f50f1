/* poller.h - waits for sockets that live for one exchange.
 *
 * An epoll set of its own, beside the loop's. libuv makes six system calls to
 * watch a socket that connects, sends, receives and is closed; here it is one.
 *
 * The descriptors are the caller's: it says what it wants of each, and forgets
 * it before or right after it closes it.
 */
#ifndef WORKER_POLLER_H
#define WORKER_POLLER_H

#include "common/loop.h"

struct poller;

/* What is wanted of a descriptor, and what came. */
enum poller_event {
    POLLER_IN = 1 << 0,
    POLLER_OUT = 1 << 1,
    POLLER_TROUBLE = 1 << 2, /* came only: an error; told whatever was wanted */
};

/* May call anything here but poller_free, for any descriptor. */
typedef void poller_fn(void *arg, int fd, unsigned events);

int poller_new(struct poller **ret, struct loop *l, poller_fn *fn, void *arg); /* -ENOMEM, -EMFILE, -ENOSPC */
void poller_free(struct poller *p); /* NULL is fine; the descriptors stay open */
DEFINE_SCOPED(poller, struct poller *, poller_free)

/* From now on tell of these events, which replace those of before, for as long
 * as they last (level-triggered, as epoll(7) calls it). Of IN and OUT, one at
 * least. -ENOMEM, -ENOSPC and others of epoll_ctl(2). */
int poller_want(struct poller *p, int fd, unsigned events);

/* Nothing of it is told any more. Not wanted: nothing happens. */
void poller_forget(struct poller *p, int fd);

#endif
