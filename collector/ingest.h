/* ingest.h - the thread that reads and writes the network: reports in,
 * feedback and the feed out. It never blocks and decides nothing.
 *
 * Reports are unpacked and checked by wire.h and go to the keeper's thread
 * through a bounded queue. When that is full, reading stops: results then wait
 * in the workers' sockets and outboxes, and nothing is lost. What is malformed
 * is counted and dropped, and said once a minute for each peer; so is what its key
 * may not say: results of another location, of a job that it was not given (seal.h), or of another
 * key's worker (passports.h).
 *
 * Feedback that nobody can take now (the coordinator is away) is kept, up to
 * INGEST_MAX_FEEDBACK messages; beyond that the oldest is dropped, which its
 * receivers make good. The feed waits for nobody.
 */
#ifndef COLLECTOR_INGEST_H
#define COLLECTOR_INGEST_H

#include "common/bus.h"
#include "common/config.h"
#include "common/dropped.h"
#include "common/event.h"
#include "common/loop.h"
#include "common/queue.h"
#include "proto/wire.h"

#define INGEST_MAX_PARCELS  512  /* reports between the threads */
#define INGEST_MAX_OUT      8192 /* messages between the threads, the other way */
#define INGEST_MAX_FEEDBACK 2048 /* messages waiting for the coordinator */

struct ingest;

/* Binds results and feed, connects feedback, as config says; reads once the
 * loop turns. `arrived` is called after parcels were put for the keeper. */
int ingest_new(struct ingest **ret, struct loop *l, struct bus *b, const struct config *c, loop_fn *arrived,
               void *arg, struct err *err);
void ingest_free(struct ingest *i); /* NULL is fine */
DEFINE_SCOPED(ingest, struct ingest *, ingest_free)

/* End all sessions that keys have opened, see bus_rebind; what was bound to a key that
 * is not let in any more is bound to none. */
int ingest_revoke(struct ingest *i, const struct access_list *let_in, struct err *err);

/* The coordinator that acts listens there (doors.h): feedback goes to it from now on. In the network's
 * thread. */
int ingest_meet(struct ingest *i, const char *doors, struct err *err);

void ingest_stop_reading(struct ingest *i);
/* Whether all that was to be sent has been given to ZeroMQ. */
bool ingest_is_flushed(struct ingest *i);

/* From the keeper's thread. A parcel is the caller's then (parcel_free); NULL: none. */
struct parcel *ingest_take(struct ingest *i);
void ingest_feedback(struct ingest *i, const struct feedback *f); /* in as many messages as it takes */
void ingest_publish(struct ingest *i, const struct event *e);
bool ingest_has_parcels(struct ingest *i);
size_t ingest_unread(struct ingest *i);    /* parcels that wait to be taken */
uint64_t ingest_dropped(struct ingest *i); /* messages, for their form */
/* Wakes the network's thread after a row of the above; cheap when it need not. */
void ingest_nudge(struct ingest *i);

struct ingest_counts {
    uint64_t reports, malformed, feedback_dropped, feed_dropped;
    size_t unread;           /* parcels that wait for the keeper */
    size_t feedback_waiting; /* messages that wait for the coordinator */
    size_t subscribers;      /* connections of the feed */
    mono_ns paused;          /* since when nothing is read, because the keeper takes nothing; 0: it is read */
};
struct ingest_counts ingest_counts(const struct ingest *i); /* from the network's thread */
/* Who sent what was malformed, see dropped_each. */
void ingest_each_dropped(const struct ingest *i, dropped_fn *fn, void *arg);

#endif
