/* incident.h - one outage of one site, from the first failed look to the first
 * good one, and the notices about it.
 *
 * An incident is opened when an outage is confirmed, and is dated from the
 * failed look that began the round: that is when it was first seen. Its end is
 * the beginning of the first look that found the site up again.
 */
#ifndef COMMON_INCIDENT_H
#define COMMON_INCIDENT_H

#include "common/result.h"

enum incident_end {
    INCIDENT_OPEN,
    INCIDENT_RECOVERED, /* seen up again */
    INCIDENT_WITHDRAWN, /* the site was paused or removed, or its URL changed: the end was not seen */
    INCIDENT_END_COUNT, /* last */
};
const char *incident_end_name(enum incident_end e); /* "open", "recovered", "withdrawn" */

struct incident {
    uint64_t id;
    uint64_t site_id;
    wall_us began_us;     /* beginning of the first failed look */
    wall_us confirmed_us; /* when the quorum decided */
    wall_us ended_us;     /* 0 while open */
    enum incident_end end;
    enum cause cause; /* of the look that began it */
    uint16_t status;
    char detail[DETAIL_SIZE];
};

/* One look that an incident's decision rests on. */
struct evidence {
    uint64_t incident_id;
    struct result result;
};

enum notice_kind {
    NOTICE_DOWN,
    NOTICE_BACK,
    NOTICE_STILL_DOWN, /* a reminder */
    NOTICE_WITHDRAWN,  /* no longer watched: the outage is closed without having been seen to end */
    /* to the operator, about a worker: see episode.h */
    NOTICE_IN_DOUBT,
    NOTICE_DOUBT_OVER,
    NOTICE_KIND_COUNT, /* last */
};
const char *notice_kind_name(enum notice_kind k);  /* "down", "back", "still_down", "withdrawn", ... */
const char *notice_kind_words(enum notice_kind k); /* the same for people: "still down" */

enum notice_state {
    NOTICE_PENDING,     /* in the outbox; due at next_try_us */
    NOTICE_SENT,        /* the receiver said that it has it */
    NOTICE_FAILED,      /* given up, after the channel's patience or on a final refusal */
    NOTICE_SUPERSEDED,  /* a reminder that was still on its way when a newer notice came: not sent */
    NOTICE_STATE_COUNT, /* last */
};
const char *notice_state_name(enum notice_state s); /* "pending", "sent", "failed", "superseded" */

#define NOTICE_KEY_SIZE 64

/* One message to one owner through one channel about one incident; or to the
 * operator about a worker: then incident, site and owner are 0. */
struct notice {
    uint64_t id;
    uint64_t incident_id;
    uint64_t site_id;
    uint64_t owner_id;
    enum notice_kind kind;
    uint32_t number;           /* 0; the how-manieth reminder for NOTICE_STILL_DOWN; the episode's id */
    const char *channel;       /* as in owner.h */
    const char *payload;       /* the facts as one JSON object, fixed when it was written */
    char key[NOTICE_KEY_SIZE]; /* idempotency key: the same for every attempt, never for two notices */
    enum notice_state state;
    uint32_t attempts;
    wall_us created_us;
    wall_us next_try_us;
    wall_us sent_us;     /* 0 before */
    const char *trouble; /* what the last failed attempt said; "" */
};

#endif
