/* shard.h - in which part of the sites a site is, when they are cut in several.
 *
 * Each part has a coordinator and a collector of its own. Where a site belongs follows
 * from its id alone, so nobody has to be asked, and from how many parts there are: with
 * one part more, only those sites move that the new one gets, an n-th of all; with one
 * less, only those of the last. That is jump consistent hash (Lamping and Veach, "A Fast,
 * Minimal Memory, Consistent Hash Algorithm", arXiv:1406.2294), which keeps no table
 * and is even to within chance. The price is that parts are numbered without gaps, which
 * ours are. Ids count up, so they are stirred first (the finaliser of splitmix64:
 * Steele, Lea and Flood, OOPSLA 2014, with Stafford's constants).
 *
 * This function is for ever: another one would move all sites. Pure.
 */
#ifndef COMMON_SHARD_H
#define COMMON_SHARD_H

#include <stdbool.h>
#include <stdint.h>

/* 0 to shards - 1; with 0 or 1 shards 0. Some nanoseconds. */
uint32_t shard_of(uint64_t site_id, uint32_t shards);

/* One of them. 0 of 0, and of 1, is all. */
struct shard {
    uint32_t number, of;
};
static inline bool shard_has(struct shard s, uint64_t site_id)
{
    return s.of <= 1 || shard_of(site_id, s.of) == s.number;
}

/* Ids that each of them gives by itself, and never one that another gives: the next
 * after `newest`. */
static inline uint64_t shard_next_id(struct shard s, uint64_t newest)
{
    return s.of <= 1 ? newest + 1 : newest + 1 + (s.number + s.of - (newest + 1) % s.of) % s.of;
}
/* Whose such an id is. */
static inline bool shard_gave(struct shard s, uint64_t id)
{
    return s.of <= 1 || id % s.of == s.number;
}

#endif
