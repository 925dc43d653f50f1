/* pages.h - what a daemon shows of itself over HTTP, to people and to Prometheus.
 *
 *   /metrics      every number on the board (metrics.h, board.h)
 *   /-/healthy    200 when every loop of the process came round within 5 s, else 503: end it, start another
 *   /-/ready      200 when it can do its job now, else 503; the body says why not, a line for each reason
 *   and one more, a long one, of the daemon's own (pagestream.h)
 *
 * Why threads of their own: the numbers could be asked of the loop when somebody wants them, or the server
 * could run on the loop. But then a loop that stands still cannot say so, which is what /-/healthy is for;
 * and each reader would cost the loop time. So loops pin their numbers to the board once a second, for a few
 * microseconds, and readers are served from there, up to a second old. libmicrohttpd has one thread that
 * accepts and one for each connection, so that a page which takes long (it may read the store) delays no
 * other.
 *
 * A reader, slow or hostile, gets no further than this: PAGES_MAX_CONNECTIONS at a time, PAGES_MAX_HEAD bytes
 * of request, PAGES_IDLE_S of silence, PAGES_LIVE_NS in all; one answer for each connection; GET and HEAD
 * only, and what they bring with them is not read. A page has PAGES_MAX_BYTES at most.
 *
 * There is no login and no TLS: the default place is on loopback, and whoever opens it to a network lets
 * those in it read the numbers. Nothing can be changed over it.
 *
 * A place that is taken is no reason to stop looking at sites: it is said in the log and tried again every
 * half a minute. Part of daemons, like daemon.h: it writes to their log.
 */
#ifndef COMMON_PAGES_H
#define COMMON_PAGES_H

#include "common/board.h"
#include "common/loop.h"
#include "common/pagestream.h"

#define PAGES_MAX_CONNECTIONS 16
#define PAGES_MAX_HEAD        8192
#define PAGES_IDLE_S          10
#define PAGES_LIVE_NS         (60 * NS_PER_S)
#define PAGES_MAX_BYTES       (16 * 1024 * 1024)
#define PAGES_TRY_AGAIN_NS    (30 * NS_PER_S)
#define PAGES_MAX_STREAMS     2 /* long pages that are read at a time */

struct pages;

/* A long page, of numbers like /metrics. */
struct pages_long {
    const char *path; /* borrowed for ever */
    page_writer_fn *fn;
    void *arg;
};

/* `place` as in listen.h; "" shows nothing, and *ret is NULL then. The board, and what `more` points to,
 * outlive the pages; `more` may be NULL. -ENOMEM, -EINVAL. */
int pages_new(struct pages **ret, struct loop *l, struct board *board, const char *place,
              const struct pages_long *more, struct err *err);
/* In the loop's thread; ends every connection. NULL is fine. Its memory goes when the loop has turned once
 * more or is freed. */
void pages_free(struct pages *p);
DEFINE_SCOPED(pages, struct pages *, pages_free)

/* Where they are shown, as 127.0.0.1:7715; "" while the place is taken. */
const char *pages_at(const struct pages *p);

/* Other than PAGES_LIVE_NS and PAGES_TRY_AGAIN_NS, for tests; before the loop turns. */
void pages_set_times(struct pages *p, mono_ns live, mono_ns try_again);

#endif
