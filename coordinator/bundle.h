/* bundle.h - one message of jobs: filled from the lease, packed for the wire.
 *
 * Sends nothing; what becomes of the jobs when they cannot be sent is said here too.
 */
#ifndef COORDINATOR_BUNDLE_H
#define COORDINATOR_BUNDLE_H

#include "coordinator/parts.h"
#include "proto/wire.h"

#define BUNDLE_JOBS 64 /* in one message, at most */

struct bundle { /* 80 kB: on the heap */
    struct job job[BUNDLE_JOBS];
    size_t n;
    uint8_t bytes[WIRE_MAX_BYTES];
    uint64_t refused;                          /* jobs that could not be packed, ever ... */
    uint64_t refused_site;                     /* ... the last one's */
    char avoid[BUNDLE_JOBS][WORKER_NAME_SIZE]; /* private */
};

/* The lease's next jobs for that location, at most `most` and no more than a
 * message holds. What it lends, URLs and names, is valid until the catalog's next
 * follow. */
void bundle_fill(struct bundle *b, struct parts *p, unsigned location, size_t most, mono_ns now);

/* n of its jobs from `first` on as a message in `bytes`; its length, or what
 * wire_pack_jobs says. */
int bundle_pack(struct bundle *b, const struct parts *p, size_t first, size_t n, mono_ns now);

void bundle_unsend(struct bundle *b, struct parts *p, size_t from); /* back to the lease, in their order */
void bundle_refuse(struct bundle *b, struct parts *p, size_t i);    /* it can never be written: lost */

#endif
