#include "collector/retry.h"

wall_us retry_next(const struct retry_rule *r, uint32_t attempts, wall_us created_us, wall_us now,
                   int64_t retry_after_us, uint32_t luck)
{
    if (now - created_us >= r->give_up_us)
        return WALL_NEVER;

    int64_t wait = r->first_us;
    for (uint32_t i = 1; i < attempts && wait < r->most_us; i++)
        wait *= 2;
    if (wait > r->most_us)
        wait = r->most_us;
    wait -= (int64_t)(luck % 1024) * (wait / 4) / 1024;

    if (retry_after_us > RETRY_AFTER_MOST_US)
        retry_after_us = RETRY_AFTER_MOST_US;
    if (wait < retry_after_us)
        wait = retry_after_us;
    /* The last attempt is made at the end of the patience, not skipped. */
    wall_us last = created_us + r->give_up_us;
    return now + wait < last ? now + wait : last;
}
