/* exclusion.h - for how long a worker stays away that is not let in, and in which words
 * that is told.
 *
 * A handshake costs the other end a hundred times what a message does: whoever is not
 * let in asks less and less often, after 5 s, 10 s and so on, up to a minute; and because
 * all workers of a cluster may be turned away in one moment, not all at the same time.
 *
 * Pure.
 */
#ifndef WORKER_EXCLUSION_H
#define WORKER_EXCLUSION_H

#include "common/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXCLUSION_FIRST_NS (5 * NS_PER_S)
#define EXCLUSION_MOST_NS  (60 * NS_PER_S) /* and up to a quarter more */

struct exclusion { /* zeros: it was let in, or has not asked yet */
    mono_ns pause; /* the last one, without what is added to it */
};

/* It was turned away: until when to stay away. `luck`: any number of its own. */
mono_ns exclusion_begin(struct exclusion *e, mono_ns now, uint64_t luck);
void exclusion_over(struct exclusion *e); /* it was let in */

/* Why, as far as the one outside can know. `stranger`: who is there has another key than the
 * cluster's; `expires_us`: of the own token, 0 for no end, by a clock that need not be right. */
void exclusion_words(bool stranger, wall_us expires_us, wall_us now, char *buf, size_t size);

#endif
