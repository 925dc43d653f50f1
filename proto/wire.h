/* wire.h - our structs as bytes and back: the only door to generated code.
 *
 * Packing writes one message into the caller's buffer and returns its length,
 * or -EMSGSIZE when it does not fit, -EINVAL for a struct that the receiver
 * would refuse: one bad job, result or line makes a whole batch -EINVAL.
 *
 * Unpacking trusts nobody: every length, number and name is checked against
 * what the nouns' headers allow, and what does not fit is refused, not cut.
 *   -EMSGSIZE  longer than WIRE_MAX_BYTES, or would need more memory than the arena has
 *   -EBADMSG   not a message of that kind, or a member out of bounds (which, says err)
 *   -EPROTO    from a newer major version than ours
 * A message of an older peer, which lacks newer members, unpacks to their
 * defaults; members that a newer minor version added are passed over.
 *
 * What unpacking hands out lives in the arena until the next unpack with the
 * same arena. An arena is for one thread.
 */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#include "common/control.h"
#include "common/event.h"
#include "common/feedback.h"
#include "common/job.h"
#include "common/result.h"
#include "common/scope.h"
#include "common/vitals.h"

#include <stddef.h>
#include <stdint.h>

#define WIRE_MAJOR        1
#define WIRE_MINOR        1
#define WIRE_MAX_BYTES    65536 /* one message; the sockets' ZMQ_MAXMSGSIZE as well */
#define WIRE_MAX_JOBS     256   /* in one batch */
#define WIRE_MAX_RESULTS  256
#define WIRE_MAX_FEEDBACK 256

struct wire_arena;
int wire_arena_new(struct wire_arena **ret);
void wire_arena_free(struct wire_arena *a); /* NULL is fine */
DEFINE_SCOPED(wire_arena, struct wire_arena *, wire_arena_free)

/* jobs lane: coordinator to worker */
struct job_batch {
    uint32_t epoch;
    int64_t stamp_ms; /* the coordinator's monotonic clock when it was sent; start_by counts from here */
    const struct job *jobs;
    size_t n_jobs;
};
int wire_pack_jobs(const struct job_batch *b, uint8_t *buf, size_t size);
int wire_unpack_jobs(struct wire_arena *a, const void *bytes, size_t len, struct job_batch *ret,
                     struct err *err);
/* For filling a batch: one of at least one job packs to at most the sum of its jobs' sizes. */
size_t wire_job_size(const struct job *j);

/* results lane: workers and coordinator to collector */
enum report_kind { REPORT_RESULTS = 1, REPORT_VITALS };
struct report {
    enum report_kind kind;
    const struct result *results;
    size_t n_results;
    struct vitals vitals;
};
int wire_pack_report(const struct report *r, uint8_t *buf, size_t size);
int wire_unpack_report(struct wire_arena *a, const void *bytes, size_t len, struct report *ret,
                       struct err *err);
/* The same for a report of results. Vitals with the most workers always fit. */
size_t wire_result_size(const struct result *x);

/* control lane, both ways */
int wire_pack_control(const struct control *c, uint8_t *buf, size_t size);
int wire_unpack_control(struct wire_arena *a, const void *bytes, size_t len, struct control *ret,
                        struct err *err);

/* feedback lane: collector to coordinator. Either list at its most fits in one
 * message; both at once, with names of the greatest length, do not. */
struct feedback {
    const struct recorded *recorded;
    size_t n_recorded;
    const struct look_again *again;
    size_t n_again;
    const struct accused *accused; /* such messages carry nothing else */
    size_t n_accused;
};
int wire_pack_feedback(const struct feedback *f, uint8_t *buf, size_t size);
int wire_unpack_feedback(struct wire_arena *a, const void *bytes, size_t len, struct feedback *ret,
                         struct err *err);

/* feed: collector to whoever subscribes. On the socket a message has two
 * parts: the kind's name as topic, and this. */
int wire_pack_event(const struct event *e, uint8_t *buf, size_t size);
int wire_unpack_event(struct wire_arena *a, const void *bytes, size_t len, struct event *ret,
                      struct err *err);

#endif
