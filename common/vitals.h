/* vitals.h - how the coordinator and its workers are: what `vedette status`
 * and `vedette workers` show. The coordinator sends it to the collector every
 * second, who keeps it in the store and tells it on the feed.
 *
 * Counting: a run is scheduled when its slot has come. It is concluded when a
 * result that a worker brought is in the store, whatever its verdict; it is
 * missed when nobody looked (CAUSE_MISSED, and CAUSE_HELD_BACK whoever held it
 * back, a worker or the coordinator) or nothing came back (CAUSE_LOST).
 * Coverage is concluded / (concluded + missed): what is still within its
 * deadline counts for neither.
 */
#ifndef COMMON_VITALS_H
#define COMMON_VITALS_H

#include "common/control.h"

enum worker_health {
    WORKER_READY,
    WORKER_SUSPECT, /* silent for 3 s, or in doubt: no new work is counted on it while others are ready */
    WORKER_DRAINING,
    WORKER_DEAD,         /* silent for 10 s: its runs went out again */
    WORKER_GONE,         /* said goodbye */
    WORKER_HEALTH_COUNT, /* last */
};
const char *worker_health_name(enum worker_health h);

struct worker_vitals {
    char worker[WORKER_NAME_SIZE];
    uint16_t lane;
    char location[LOCATION_SIZE];
    char software[SOFTWARE_SIZE];
    enum worker_health health;
    bool doubts; /* its own word: it is in doubt of itself */
    wall_us joined_us;
    wall_us heard_us; /* last message */
    uint32_t slots;
    uint32_t descriptors, descriptors_most; /* open in its process, and how many may be; 0: not known */
    uint32_t in_hand;                       /* jobs taken and not recorded */
    uint64_t done;                          /* results of its that were recorded, since it joined */
    char reason[DOUBT_SIZE];                /* why it doubts; "" without doubt */
    uint64_t key;                           /* id of the key that it came in by; 0: none, see access.h */
};

#define VITALS_MAX_COUNT   (UINT64_C(1) << 53) /* of anything: as far as readers of JSON count exactly */
#define VITALS_MAX_WORKERS 256                 /* in one message; more go into further messages, see part */
#define VITALS_MAX_VACANT  32                  /* locations */

struct vitals {
    uint32_t epoch;
    wall_us at_us;
    wall_us started_us;
    uint64_t sites;                        /* watched: neither paused nor removed */
    uint64_t scheduled, concluded, missed; /* runs since started_us, looks 0 only */
    uint64_t confirming;                   /* looks 1 and up that were sent */
    uint64_t again;                        /* jobs sent once more because they did not come back */
    uint64_t in_flight;                    /* runs out now */
    uint64_t waiting;                      /* due, and no worker has room */
    /* from the due time to the moment a worker took it, over the last minute */
    uint32_t late_p50_us, late_p99_us, late_max_us;
    uint64_t dropped; /* messages refused for their form; the store's and the feed's: by the collector too */
    uint32_t part, parts; /* of this message's list of workers; the numbers above are in each */
    const struct worker_vitals *workers; /* borrowed, see whoever made it */
    size_t n_workers;
    wall_us settled_us; /* all slots before this are in the ledger; 0: not known */
    /* Locations that sites ask for, and where no worker has been ready for a while. */
    unsigned n_vacant;
    char vacant[VITALS_MAX_VACANT][LOCATION_SIZE];
};

#endif
