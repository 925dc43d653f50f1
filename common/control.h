/* control.h - what a worker's lane and the coordinator say to each other about
 * jobs and themselves (never the jobs and results themselves).
 *
 * A worker process has as many lanes as threads; each lane has its own sockets
 * and speaks for itself. Lanes of one worker count as one witness.
 *
 *   worker               coordinator
 *   hello           -->                 I am here (again); sent until welcomed
 *                   <-- welcome         where jobs come from and results go
 *                   <-- refused         why not, in a sentence; a worker that all refuse ends
 *                   <-- standby         another coordinator acts for this part of the sites: ask again;
 *                                       said to a hello or a heartbeat
 *   taken           -->                 received these jobs, will look at them
 *   busy            -->                 received these jobs, will not: give them to another
 *   heartbeat       -->                 every second: room, doubts, every five seconds the jobs in hand
 *                   <-- beat            answer to a heartbeat: the coordinator lives; rest, or do not;
 *                                       how many lanes there are
 *                   <-- recorded        results of these jobs are in the store: forget them
 *                   <-- drain           take no more, finish, say goodbye
 *   draining        -->                 takes no more (its own SIGTERM): jobs that still arrive come back
 * busy goodbye         -->                 gone; whatever is not recorded will not come
 */
#ifndef COMMON_CONTROL_H
#define COMMON_CONTROL_H

#include "common/job.h"

enum control_kind {
    CONTROL_HELLO = 1,
    CONTROL_WELCOME,
    CONTROL_REFUSED,
    CONTROL_TAKEN,
    CONTROL_BUSY,
    CONTROL_HEARTBEAT,
    CONTROL_BEAT,
    CONTROL_RECORDED,
    CONTROL_DRAIN,
    CONTROL_DRAINING,
    CONTROL_GOODBYE,
    CONTROL_STANDBY,
    CONTROL_KIND_END, /* one past the last */
};
const char *control_kind_name(enum control_kind k); /* "hello" */

#define CONTROL_MAX_IDS         4096 /* job ids in one message; more go into further messages */
#define CONTROL_MAX_PARTS       64   /* of one full list, which has 262,144 ids at most then */
#define ENDPOINT_SIZE           160
#define CONTROL_MAX_SLOTS       65536       /* of one lane */
#define CONTROL_MAX_LANES       65536       /* of a cluster */
#define CONTROL_MAX_SHARDS      64          /* likewise: parts that the sites are cut in */
#define CONTROL_MAX_UNRECORDED  (1 << 21)   /* an outbox at its largest, and what is still to come into it */
#define CONTROL_MAX_DESCRIPTORS (1u << 30)  /* the kernel's own ceiling (fs.nr_open); more is told as that */
#define CONTROL_MAX_LAG_US      3600000000u /* longer is told as an hour */
#define CONTROL_MAX_STAMP_MS    (INT64_C(1) << 53)
#define SOFTWARE_SIZE           32
#define DOUBT_SIZE              120 /* why a worker is in doubt, for people */

/* One message, either way. Which members mean something follows from kind. */
struct control {
    enum control_kind kind;
    char worker[WORKER_NAME_SIZE];
    uint16_t lane;
    uint64_t nonce; /* the speaker's boot: differs after every restart of its process */

    /* hello */
    char location[LOCATION_SIZE];
    char software[SOFTWARE_SIZE]; /* "vedette 0.1.0" */
    uint32_t slots;               /* looks that this lane can have in hand at once */

    /* heartbeat */
    uint32_t free_slots;
    uint32_t unrecorded;       /* results waiting in its outbox */
    uint32_t descriptors;      /* open in its process ... */
    uint32_t descriptors_most; /* ... and how many may be; 0: not known */
    uint32_t lag_us;           /* worst turn of its loop since the last heartbeat, an hour at most */
    bool suspect;              /* doubts its own network */
    bool all_ids;              /* ids are all jobs in hand, looked at and not yet recorded, or none:
                                * what the coordinator believes beyond them is lost */

    /* heartbeat: a full list that is too long for one message comes in `parts` of them, sent one
     * after the other; ids are those of part number `part`, from 0. all_ids is false in each, so
     * that nobody who does not know of parts takes one for the whole. Else 0 of 0, or 0 of 1. */
    uint32_t part, parts;

    /* taken, busy, recorded, heartbeat with all_ids or parts: borrowed, see whoever made it */
    const uint64_t *ids;
    size_t n_ids;

    /* welcome. Of those who welcome a lane for one shard, the one of the highest epoch acts: what others say
     * about jobs is from before it. */
    uint32_t epoch;
    uint16_t shard, shards;      /* whose sites these are, see shard.h; 0 of 0 is 0 of 1 */
    char jobs[ENDPOINT_SIZE];    /* the location's PUSH endpoint, to connect to */
    char results[ENDPOINT_SIZE]; /* the collector's PULL endpoint */
    uint64_t key;                /* by which the worker came in, as jobs name it (job.avoid_key); 0: none */
    int64_t stamp_ms; /* also beat: the coordinator's monotonic clock, with which it stamps jobs; 0:
                       * not told */

    /* beat */
    bool rest;      /* others do its work for as long as it is in doubt: take no jobs */
    uint32_t lanes; /* of all workers of the cluster, that may be looking now; 0: not told */

    char text[160]; /* refused, goodbye: why; heartbeat: why suspect, less than DOUBT_SIZE */
};

#endif
