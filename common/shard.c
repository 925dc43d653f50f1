#include "common/shard.h"

static uint64_t stir(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Each further part takes a site with one chance in as many as there are then; the
 * next part that does is jumped to directly, by a random number that is the site's own. */
uint32_t shard_of(uint64_t site_id, uint32_t shards)
{
    uint64_t random = stir(site_id);
    int64_t at = 0, next = 0;
    while (next < (int64_t)shards) {
        at = next;
        random = random * UINT64_C(2862933555777941757) + 1;
        next = (int64_t)((double)(at + 1) * ((double)(INT64_C(1) << 31) / (double)((random >> 33) + 1)));
    }
    return (uint32_t)at;
}
