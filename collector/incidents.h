/* incidents.h - the open incidents: opening, reminding, ending.
 *
 * From a change of a site's health it makes what is to be recorded (incident,
 * evidence, one notice for each channel of the owner) into the caller's batch.
 * It keeps the open ones in memory, where the reminders come from; numbers for
 * incidents and notices are counted on from the store's highest. No clock, no
 * store: belongs to the thread that judges.
 *
 * A site without an owner, or an owner without channels, has incidents and no
 * notices. Notices go to the channels that the owner has at that moment.
 */
#ifndef COLLECTOR_INCIDENTS_H
#define COLLECTOR_INCIDENTS_H

#include "collector/batch.h"

struct incidents;

/* The highest numbers in use, see store_newest_ids; those given from now on are this shard's. */
int incidents_new(struct incidents **ret, struct shard shard, uint64_t newest_incident,
                  uint64_t newest_notice);
void incidents_free(struct incidents *s); /* NULL is fine */
DEFINE_SCOPED(incidents, struct incidents *, incidents_free)

/* One that is open already, when starting; -ENOMEM. Then the highest number of
 * its reminders so far. */
int incidents_load(struct incidents *s, const struct incident *i);
void incidents_set_reminders(struct incidents *s, uint64_t id, uint32_t reminders);

const struct incident *incidents_find(const struct incidents *s, uint64_t id); /* open ones; NULL none */
uint64_t incidents_next_notice(struct incidents *s);                           /* the id of one more notice */
size_t incidents_open_count(const struct incidents *s);

/* A site went down on the evidence of these looks (the first is look 0). Sets
 * the state's incident. */
void incidents_open(struct incidents *s, struct batch *b, struct watched *w, const struct owner *owner,
                    const struct result *looks, size_t n_looks, wall_us now);

/* Its open incident is over: recovered, at the beginning of `look`; or
 * withdrawn, now, for `reason`, with no look. Clears the state's incident. */
void incidents_end(struct incidents *s, struct batch *b, struct watched *w, const struct owner *owner,
                   enum incident_end end, const struct result *look, const char *reason, wall_us now);

/* The reminders that are due: number n of an incident at confirmed + n * remind_s.
 * Those that were missed while nobody was here are left out, but for the newest. */
void incidents_remind(struct incidents *s, struct batch *b, struct sites *sites, wall_us now);

#endif
