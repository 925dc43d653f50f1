/* health.h - how a site is, as far as we know: what the collector keeps of each
 * site in memory and in the store.
 *
 * `unknown` is a real state: we could not look, and do not pretend to know.
 * An open incident is not ended by not knowing: such a site stays down.
 */
#ifndef COMMON_HEALTH_H
#define COMMON_HEALTH_H

#include "common/result.h"

enum health {
    HEALTH_NEW, /* not looked at yet */
    HEALTH_UP,
    HEALTH_SUSPECTED, /* a look failed, and confirming looks are under way */
    HEALTH_DOWN,      /* confirmed; there is an open incident */
    HEALTH_UNKNOWN,   /* the last look said nothing */
    HEALTH_COUNT,     /* last */
};
const char *health_name(enum health h); /* "new", "up", "suspected", "down", "unknown" */

struct site_state {
    uint64_t site_id;
    enum health health;
    wall_us since_us;     /* when this health began */
    wall_us last_slot_us; /* newest round that was let to count; older ones change nothing */
    uint64_t incident_id; /* the open one; 0 none */
    uint64_t blips;       /* failures that confirming looks rejected, ever */
    /* the newest counted look, for people */
    wall_us last_at_us;
    enum verdict last_verdict;
    enum cause last_cause;
    uint16_t last_status;
    uint32_t last_took_us;
    wall_us tls_expires_us;  /* 0 none seen */
    const char *last_worker; /* whose string it is, the function says that hands out the state */
};

/* How a site is as one of its locations sees it, where it has several. The members
 * are those of a state; incident_id is 0, and blips are that location's own. What
 * follows for the site is told in collector/views.h. */
struct site_view {
    char location[LOCATION_SIZE];
    struct site_state state;
};

#endif
