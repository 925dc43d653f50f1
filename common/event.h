/* event.h - one piece of news on the feed.
 *
 * The feed is PUB: whoever subscribes hears from then on, and may miss some;
 * `seq` counts without gaps, so that a subscriber knows when it did. What is on
 * the feed has been stored before.
 */
#ifndef COMMON_EVENT_H
#define COMMON_EVENT_H

#include "common/health.h"
#include "common/incident.h"
#include "common/vitals.h"

enum event_kind {
    EVENT_RESULT = 1, /* one counted look */
    EVENT_HEALTH,     /* a site's health changed: from, to */
    EVENT_INCIDENT,   /* opened, or ended */
    EVENT_NOTICE,     /* sent, failed for good, or an attempt failed and will be repeated */
    EVENT_WORKER,     /* joined, suspect, dead, gone, ... */
    EVENT_PULSE,      /* once a second: the numbers of `vedette status` */
    EVENT_VIEW,       /* how one location of several sees a site has changed: from, to */
    EVENT_KIND_END,   /* one past the last */
};
const char *event_kind_name(enum event_kind k); /* "result", also its topic on the feed */

/* Which members mean something follows from kind. Strings are borrowed, see
 * whoever made the event; never NULL in an event that came from wire.h. */
struct event {
    enum event_kind kind;
    uint64_t seq;
    wall_us at_us;

    /* result, health, incident, notice, view */
    uint64_t site_id;
    const char *site; /* its name */
    const char *url;
    struct result
        result; /* result, view (whose location it is); for health and incident the look behind it */
    enum health health_from, health_to; /* health, incident, view */

    /* incident, notice */
    uint64_t incident_id;
    wall_us began_us, ended_us; /* ended_us 0 while open */
    enum incident_end end;
    enum notice_kind notice;
    enum notice_state notice_state;
    const char *channel; /* without secrets: kind and host or address */
    const char *text;    /* for people: trouble of an attempt, what happened to a worker */

    /* worker: worker.worker, lane, location, health */
    struct worker_vitals worker;

    /* pulse */
    struct pulse {
        uint64_t up, down, unknown, suspected, fresh, paused;
        uint64_t incidents_open, notices_pending;
        uint64_t results; /* recorded since the collector started */
        uint64_t scheduled, concluded, missed, in_flight;
        uint64_t store_away_s; /* for so long nothing could be recorded; 0: all is well */
        uint32_t late_p50_us, late_p99_us;
        uint32_t workers_ready, workers_all;
        uint32_t shard, shards; /* whose numbers they are; 0 of 0 from those who do not say, and of 1 */
    } pulse;
};

#endif
