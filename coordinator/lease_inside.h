/* lease_inside.h - what the files of the lease share: see lease.h for what it is.
 * lease.c decides, lease_table.c keeps: where a run is filed follows from its
 * state alone, and only lease_enter and lease_remove change either. */
#ifndef COORDINATOR_LEASE_INSIDE_H
#define COORDINATOR_LEASE_INSIDE_H

#include "common/heap.h"
#include "common/pool.h"
#include "coordinator/lease.h"
#include "coordinator/pace.h"
#include "coordinator/roster.h"

#include <uthash.h>
#include <utlist.h>

#define LEASE_MAX_LOOK (2 * SITE_MAX_LOOKS + 1)
#define LEASE_NOBODY   0 /* the holder of taken runs whose lane went; lane n is holder n + 1 */

enum run_state {
    RUN_NEW,     /* filed nowhere yet */
    RUN_QUEUED,  /* in one of its location's queues */
    RUN_RESTING, /* answered busy; queued again when the timer says so */
    RUN_SENT,
    RUN_TAKEN, /* in its holder's list */
};

/* In the order in which they are emptied. */
enum queue { QUEUE_CONFIRM, QUEUE_AGAIN, QUEUE_FRESH, QUEUE_COUNT };

struct run_key { /* no padding: it is hashed as bytes */
    uint64_t site_id;
    wall_us slot_us; /* 0 for look 0, of which a site has one at a time, until it retires */
    uint32_t look, location;
};

struct leased {
    struct run_key key;
    struct lease_run run;
    enum run_state state;
    enum queue queue; /* where it is or was queued */
    uint64_t job_id;  /* of the newest job; 0 none */
    uint8_t attempts, bounces;
    uint8_t choosy;        /* so many bounces before anybody is better than nobody */
    bool forgotten;        /* not to be given out again, and no words about it */
    bool retired;          /* taken and looked at; another run has its place */
    bool overdue;          /* taken, and its deadline has passed */
    bool was_taken;        /* the newest job was */
    bool avoiding;         /* the newest job names a worker that is to leave it alone */
    int holder;            /* while taken */
    int last_lane;         /* that took it and did not bring it back; -1 */
    mono_ns since;         /* when it was sent, or taken */
    mono_ns listed;        /* when its holder last said that it has it in hand; 0 never */
    mono_ns late_at;       /* taken: its first deadline */
    struct lease_run heir; /* the slot that came meanwhile; site_id 0: none */
    char *avoid;           /* NULL: none */
    struct heap_node timer;
    struct leased *prev, *next;           /* in a queue or a holder's list */
    struct leased *prev_look, *next_look; /* in the list of all confirming looks, or of all that retired */
    UT_hash_handle hh_key, hh_id;
};

struct lease_location {
    struct leased *queue[QUEUE_COUNT];
    uint32_t queued[QUEUE_COUNT];
    uint32_t untaken;
    struct pace pace;
};

struct lease {
    struct lease_rules rules;
    uint32_t epoch;
    uint64_t counter;
    struct pool runs; /* all of them, in memory */
    struct leased *by_key, *by_id, *confirming, *retired;
    struct heap timers;
    struct lease_location at[CONFIG_MAX_LOCATIONS];
    struct leased *held[ROSTER_MAX_LANES + 1]; /* by holder */
    uint32_t in_hand[ROSTER_MAX_LANES + 1];
    uint8_t place[ROSTER_MAX_LANES]; /* each lane's location and 1; 0: not told */
    struct purse purse;
    mono_ns recorded_at; /* when anything was; at first, when we began */
    mono_ns closed_at;   /* when the breaker closed last; 0 never */
    struct lease_numbers numbers;
    struct lease_end *end; /* a ring */
    size_t end_first, end_count, end_room;
};

/* lease_table.c */
struct leased *lease_find(const struct lease *l, uint64_t site_id, wall_us slot_us, uint32_t look,
                          uint32_t location); /* the slot means nothing for look 0 */
struct leased *lease_find_retired(const struct lease *l, uint64_t site_id, wall_us slot_us,
                                  uint32_t location);
struct leased *lease_find_job(const struct lease *l, uint64_t job_id);
bool lease_is_there(const struct lease *l, const struct leased *r, int lane); /* at the run's location */
/* A new run; lease_reserve_ends comes before it. NULL: no memory. */
struct leased *lease_add(struct lease *l, const struct lease_run *run);
void lease_retire(struct lease *l, struct leased *r); /* a taken run of look 0, without an heir */
/* From whatever state into another; `at` is when the timer wakes it. */
void lease_enter(struct lease *l, struct leased *r, enum run_state state, mono_ns at);
void lease_enter_queue(struct lease *l, struct leased *r, enum queue queue, mono_ns at);
void lease_enter_head(struct lease *l, struct leased *r, mono_ns at); /* the queue it was in, as its first */
void lease_set_job(struct lease *l, struct leased *r, uint64_t job_id);
void lease_set_holder(struct lease *l, struct leased *r, int holder); /* of a taken run */
void lease_set_overdue(struct lease *l, struct leased *r, bool overdue);
void lease_remove(struct lease *l, struct leased *r); /* and free */
int lease_reserve_ends(struct lease *l);
void lease_put_end(struct lease *l, const struct lease_run *run, const struct leased *r, enum cause cause);

#endif
