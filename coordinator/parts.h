/* parts.h - what the coordinator knows: the parts that decide, and a few
 * numbers. Those files that talk (dispatch, reception, returns, reporter) are
 * handed these, work on them, and do not know each other.
 */
#ifndef COORDINATOR_PARTS_H
#define COORDINATOR_PARTS_H

#include "common/config.h"
#include "common/loop.h"
#include "common/seal.h"
#include "common/spread.h"
#include "coordinator/accounts.h"
#include "coordinator/arrears.h"
#include "coordinator/catalog.h"
#include "coordinator/domain.h"
#include "coordinator/grid.h"
#include "coordinator/lateness.h"
#include "coordinator/lease.h"
#include "coordinator/patience.h"
#include "coordinator/roster.h"
#include "coordinator/schedule.h"
#include "coordinator/turns.h"
#include "coordinator/vacancy.h"

struct parts {
    const struct config *config;
    struct loop *loop;
    uint32_t epoch;
    uint64_t nonce; /* of this process */
    wall_us started_us;
    char results[ENDPOINT_SIZE]; /* where the collector takes them in */

    /* Locations by name: first those of the settings, which have an endpoint; then others that
     * sites ask for: nobody can be there, and their runs are missed. */
    char location[CONFIG_MAX_LOCATIONS][LOCATION_SIZE];
    unsigned n_locations, n_named;
    uint32_t asked; /* locations that runs were begun for, a bit for each */
    struct vacancy vacancy;

    struct seal_key seal; /* for jobs */
    struct grid grid;
    struct catalog *catalog;
    struct schedule *schedule;
    struct roster *roster;
    struct lease *lease;
    struct arrears *arrears;
    struct accounts *accounts;
    struct domains *domains;
    struct turns *turns;
    struct patience *patience;
    struct lateness lateness;            /* of the last minute ... */
    struct spread late;                  /* ... and since the start */
    uint64_t lane_key[ROSTER_MAX_LANES]; /* the key that each lane came in by; 0: without one, or the
                                            cluster's own */

    wall_us owed_from; /* as whoever was here before said last: all slots before that are in the ledger; 0: it
                          is not known */

    uint64_t scheduled, concluded, missed; /* runs with look 0, see vitals.h */
    uint64_t dropped;                      /* messages */
};

/* Its place in the configured list, or -ENOENT. */
int parts_location(const struct parts *p, const char *name);
int parts_named(const struct parts *p, const char *name); /* likewise, and those that sites ask for */

/* The locations of a site's list, a bit for each; never none. What there is no room for any more
 * is left out. */
uint32_t parts_places(struct parts *p, const char *list);
static inline unsigned parts_count(uint32_t places)
{
    return (unsigned)__builtin_popcount(places);
}

/* All slots before that are in the ledger, as far as we know. Goes through all runs under way. */
wall_us parts_settled(const struct parts *p);

/* A run, or `span` slots of a site, that ends without anybody having looked. */
void parts_unseen(struct parts *p, const struct account *line);

#endif
