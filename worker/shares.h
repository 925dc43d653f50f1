/* shares.h - how a lane's slots are divided among the shards that fill them.
 *
 * Each coordinator is told once a second how many slots it may fill, and fills them
 * without asking. So they must be different slots: a shard has a quota, and all quotas
 * together are the slots that there are. What a shard holds it keeps. Of the rest each
 * gets what it used of late, and who has reached its quota gets as much as the others
 * leave, but all such alike (max-min fairness: Bertsekas and Gallager, Data Networks,
 * section 6.5.2). What nobody wants is laid out equally, so that each may grow at once.
 * One shard alone has all.
 *
 * Pure.
 */
#ifndef WORKER_SHARES_H
#define WORKER_SHARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct share {
    bool present;     /* somebody gives it jobs; one who is away keeps what it holds, no more */
    uint32_t in_hand; /* slots that it holds now */
    uint32_t most;    /* the most that it held since the last division */
    bool wanted;      /* it was refused one since */
    uint32_t quota;   /* what it may hold, until the next division */
};

/* One slot more, or one less. */
void share_take(struct share *s);
void share_give(struct share *s);
uint32_t share_room(const struct share *s); /* what its quota leaves */

/* Divide anew: sets the quotas, and begins to count most and wanted again. */
void shares_divide(struct share *const *s, size_t n, uint32_t slots);

#endif
