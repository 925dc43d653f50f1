/* retry.h - when a notice is tried again, and when it is given up (pure).
 *
 * The wait after attempt n is first * 2^(n-1), at most `most`, and shortened by
 * up to a quarter at random, so that a thousand notices that failed together do
 * not come back together. A receiver that says when (Retry-After) is heeded: it
 * may lengthen the wait, up to RETRY_AFTER_MOST_US, and does not shorten it.
 */
#ifndef COLLECTOR_RETRY_H
#define COLLECTOR_RETRY_H

#include "common/clock.h"

#include <stdint.h>

#define RETRY_AFTER_MOST_US US_PER_HOUR

struct retry_rule {
    int64_t first_us, most_us;
    int64_t give_up_us; /* a notice that old is given up */
};

/* When to try again after `attempts` failed ones (1 and up); WALL_NEVER: give
 * up. `luck` is any number, for the random part; retry_after_us 0: none said. */
wall_us retry_next(const struct retry_rule *r, uint32_t attempts, wall_us created_us, wall_us now,
                   int64_t retry_after_us, uint32_t luck);

#endif
