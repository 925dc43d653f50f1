/* turns.h - how many runs are out for one registered domain, and how close together.
 *
 * A slot that has come asks for its domain's turn. Without one it waits, first come
 * first served, until its site's next slot comes: then that one waits in its place,
 * and the older one was held back. So where a domain has more sites than its
 * ceilings allow to look at, each of them is looked at now and then, and the rest
 * is known to be unknown. Grids spread slots over the interval, so that waiting is
 * for those domains only.
 *
 * A turn counts from the moment it is given until a worker has had the run for
 * TURNS_COUNTS_NS, or until the run is over. What has no answer by then hangs, and if
 * it counted for as long as it hangs, a domain with a few dead sites would be one
 * that we hardly look at: its turns would be theirs, and the owners of all its other
 * sites would be told late. So whoever runs that domain sees at most: `per_s` looks
 * that begin in a second; `at_once` under way while it answers; and where it does not
 * answer, `at_once` that begin in each TURNS_COUNTS_NS, with a connection each that
 * stays open for its timeout, which are 40 with the defaults and a timeout of 20 s.
 * Beside these come confirming looks, and those that are given out again because
 * their worker is gone. All locations and workers share the ceilings.
 *
 * Confirming looks wait for nobody; scheduled ones keep their distance to them too.
 * A slot that comes while its site is still looked at follows: it asks for its turn
 * when that look is over, or must be, so that a collector that is away holds up
 * nobody.
 *
 * Pure: time is an argument, domains are numbers (see domain.h). Memory is that of
 * runs under way, and of domains left less than a turn's distance ago.
 */
#ifndef COORDINATOR_TURNS_H
#define COORDINATOR_TURNS_H

#include "coordinator/lease.h"

/* As a worker counts at an address, see worker/courtesy.h. */
#define TURNS_COUNTS_NS (2 * NS_PER_S)
#define TURNS_LEEWAY_NS (5 * NS_PER_S) /* beyond its next slot and timeout: nobody told us of a run's end */

struct turns_rules {
    uint32_t at_once; /* runs that count for a domain; 0: no ceiling */
    uint32_t per_s;   /* runs that begin in a second; 0: no ceiling */
};

struct turns;

int turns_new(struct turns **ret, const struct turns_rules *rules);
void turns_free(struct turns *t); /* NULL is fine */
DEFINE_SCOPED(turns, struct turns *, turns_free)

bool turns_matter(const struct turns *t); /* there is a ceiling */

/* A slot has come (look 0). 1: begin the run now. 0: it waits, turns_take hands it
 * out. Domain 0 never waits. *ret_held is the run whose place it took, if any
 * waited; otherwise its site_id is 0. -ENOMEM: nothing has changed. */
int turns_ask(struct turns *t, uint64_t domain, const struct lease_run *run, mono_ns now,
              struct lease_run *ret_held);

/* A confirming look begins: others keep their distance to it. */
void turns_push_in(struct turns *t, uint64_t domain, mono_ns now);

/* A worker has taken the run, for the first time or again. One that is not known: nothing. */
void turns_begun(struct turns *t, uint64_t site_id, wall_us slot_us, unsigned location, mono_ns now);

/* A run that had a turn is over. One that is not known: nothing. */
void turns_over(struct turns *t, uint64_t site_id, wall_us slot_us, unsigned location, mono_ns now);

/* The site is no longer watched. */
void turns_forget(struct turns *t, uint64_t site_id, mono_ns now);

/* The next run whose turn has come; false when all others wait on. */
bool turns_take(struct turns *t, mono_ns now, struct lease_run *ret);
mono_ns turns_next(const struct turns *t); /* when that may be; MONO_NEVER while nobody waits */

size_t turns_waiting(const struct turns *t);
wall_us turns_oldest_slot(
    const struct turns *t);                  /* of those that wait; WALL_NEVER. Goes through all of them */
size_t turns_domains(const struct turns *t); /* remembered now */

#endif
