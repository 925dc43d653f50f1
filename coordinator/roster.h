/* roster.h - which worker lanes there are, how they are, and how much they can
 * be given.
 *
 * A lane is one thread of a worker process, with sockets of its own; lanes of
 * one worker name are one witness. A lane is known by worker name and number,
 * and by the nonce of its process: another nonce means that the process was
 * started again and has nothing in hand any more.
 *
 *   ready ──silent 3 s, or doubts itself──▶ suspect ──silent 10 s──▶ dead
 *     ▲                                       │                       │
 *     └───────────── heard again ─────────────┴───────────────────────┘
 *   ready, suspect ──draining──▶ draining ──goodbye──▶ gone
 *
 * Nothing new is counted on a lane that is not ready, but for this: where no lane
 * of a location is ready, those that are only in doubt are counted on, because
 * what they see up is up. They are told to rest while others are ready. A dead or gone lane is
 * kept for an hour, for people to see, and then its index may be given to
 * another. Pure: time is an argument, and nothing is sent from here.
 */
#ifndef COORDINATOR_ROSTER_H
#define COORDINATOR_ROSTER_H

#include "common/clock.h"
#include "common/control.h"
#include "common/scope.h"
#include "common/vitals.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROSTER_MAX_LANES 4096
#define ROSTER_KEEP_NS   (3600 * NS_PER_S) /* dead and gone lanes */
#define PEER_SIZE        64

struct roster_rules {
    mono_ns suspect_after, dead_after;
    uint32_t window; /* untaken jobs for each ready lane */
};

/* What is known of a lane. Read-only outside; valid until the next hello. */
struct roster_lane {
    char worker[WORKER_NAME_SIZE];
    uint16_t number;
    unsigned location; /* its place in the configured list */
    char software[SOFTWARE_SIZE];
    uint64_t nonce;
    uint64_t nonce_before;   /* of the process that this one replaced; 0 none */
    uint8_t peer[PEER_SIZE]; /* its name on the control socket; a reconnect changes it */
    size_t peer_len;
    enum worker_health health;
    bool doubts, draining;
    char reason[DOUBT_SIZE]; /* why it doubts, in its own words */
    mono_ns accused_until;   /* others doubt it, see roster_accuse */
    bool silent;             /* for longer than suspect_after */
    mono_ns heard;
    wall_us heard_us, joined_us;
    uint32_t slots;
    uint32_t free_slots; /* as it said last ... */
    uint32_t unrecorded;
    uint32_t descriptors, descriptors_most;
    uint32_t taken_since, recorded_since; /* ... and what has happened since */
    uint64_t done;
};

struct roster;

int roster_new(struct roster **ret, const struct roster_rules *rules);
void roster_free(struct roster *r); /* NULL is fine */
DEFINE_SCOPED(roster, struct roster *, roster_free)

enum roster_welcome {
    ROSTER_JOINED,    /* was not there, or had gone */
    ROSTER_RESTARTED, /* another nonce: what its lane had in hand is lost */
    ROSTER_AGAIN,     /* said hello again */
};
/* A hello. Returns the lane's index (0 and up; valid for as long as the lane is
 * known), or -ENOSPC when there are too many. */
int roster_hello(struct roster *r, const struct control *hello, unsigned location, mono_ns now, wall_us wall,
                 enum roster_welcome *ret);

/* Whether the lane belongs to a worker of that name which is another process than
 * the nonce is of, and was heard lately: the name is its, unless it cannot be
 * reached any more (which the roster cannot know). */
bool roster_holds(const struct roster *r, int lane, const char *worker, uint64_t nonce, mono_ns now);

int roster_find(const struct roster *r, const char *worker, uint16_t number); /* index, or -ENOENT */
size_t roster_end(const struct roster *r);                                    /* one past the highest index */
const struct roster_lane *roster_lane(const struct roster *r, int lane); /* NULL for an index without one */

/* Any message of the lane. Remembers by which peer name it is reached. False
 * when the nonce is not the lane's: the message says nothing about it. */
bool roster_heard(struct roster *r, int lane, uint64_t nonce, const uint8_t *peer, size_t peer_len,
                  mono_ns now, wall_us wall);
void roster_heartbeat(struct roster *r, int lane, const struct control *beat);
void roster_taken(struct roster *r, int lane);
void roster_busy(struct roster *r, int lane);     /* has no room until it says otherwise */
void roster_recorded(struct roster *r, int lane); /* a result of its is in the store */
/* Others doubt this worker, all of its lanes, until then; to be said again for as long. */
void roster_accuse(struct roster *r, const char *worker, mono_ns until, mono_ns now);
void roster_draining(struct roster *r, int lane);
void roster_goodbye(struct roster *r, int lane);

/* Take one change of health that the time brought, or a message since the last
 * call did; false when there is none (left). */
struct roster_change {
    int lane;
    enum worker_health from, to;
};
bool roster_take_change(struct roster *r, mono_ns now, struct roster_change *ret);
mono_ns roster_next(const struct roster *r); /* when time will next bring one */

/* It was we who were away for that long: nobody was silent meanwhile. */
void roster_excuse(struct roster *r, mono_ns gap);

/* Lanes of all locations that may be looking now: neither dead nor gone. */
unsigned roster_present(const struct roster *r);
/* Lanes of a location that work is counted on: those that are ready or, where none
 * is, those that are only in doubt. */
unsigned roster_ready(const struct roster *r, unsigned location);
/* Whether one of them is another worker's than that. */
bool roster_has_other(const struct roster *r, unsigned location, const char *worker);
/* Whether one of them came in by another key than that; `keys`: each lane's, by its index. */
bool roster_has_other_key(const struct roster *r, unsigned location, const uint64_t *keys, uint64_t key);
/* Whether a lane should rest: in doubt, while others are ready. */
bool roster_may_rest(const struct roster *r, int lane);

/* How many more jobs may be sent to a location in which `untaken` are on their
 * way: the rules' window for each lane that is counted on, or `pipeline` (rate times
 * measured latency) where that is more, and never more than they have room for. */
uint32_t roster_window(const struct roster *r, unsigned location, uint32_t untaken, uint32_t pipeline);

#endif
