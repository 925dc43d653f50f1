/* backoff.h - how long to wait before starting again what has ended. Pure. */
#ifndef CLI_BACKOFF_H
#define CLI_BACKOFF_H

#include "common/clock.h"

#define BACKOFF_FIRST    (250 * NS_PER_MS)
#define BACKOFF_MOST     (10 * NS_PER_S)
#define BACKOFF_FORGIVEN (30 * NS_PER_S) /* whoever lived that long begins anew */

struct backoff {
    mono_ns wait; /* the last one; 0 before the first */
};

/* The wait after a life of that length: 0.25 s, doubled each time up to 10 s. */
mono_ns backoff_step(struct backoff *b, mono_ns lived);

#endif
