/* heir.h - may whoever waits for a part take it now?
 *
 * What is known of the holder are three things: whether its lock is still there (the database lets go of it
 * with the connection), how long ago it renewed its lease, by the database's clock, and whether it gave the
 * part back.
 *
 *   given back, or nobody ever was                take it at once
 *   the lock is gone, and so is the process       take it at once
 *   the lock is gone, the lease is fresh          wait a moment: a connection may be lost and the holder be
 *                                                 well, as after a restart of the database; it comes back
 *   the lock is there, the lease has run out      the holder is stopped, or cut off: end its connection
 *
 * Pure.
 */
#ifndef COMMON_STORE_HEIR_H
#define COMMON_STORE_HEIR_H

#include "common/clock.h"

#include <stdbool.h>

/* A holder that lost its connection makes another one within that time, see
 * postgres_connect.c; it renews its lease every second. */
#define HEIR_SILENCE_US (2 * US_PER_S)
#define HEIR_WATCH_NS   NS_PER_S /* the lock was seen to be free for that long */

enum heir_word { HEIR_WAIT, HEIR_TAKE, HEIR_END_HOLDER };

struct heir_view {
    bool locked;        /* by another connection */
    bool ever;          /* somebody had the part before */
    bool given_back;    /* ... and gave it back */
    bool dead;          /* ... or died: on one host its number tells, or we have ended it */
    int64_t silent_us;  /* since its lease was renewed */
    int64_t lease_us;   /* ... which is that long */
    mono_ns free_since; /* when the lock was first seen free, over the connection of now; 0: it is not */
};

enum heir_word heir_decide(const struct heir_view *v, mono_ns now);

#endif
