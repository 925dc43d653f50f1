/* dropped.h - messages that were dropped for what they are: how many, from whom,
 * and when it is time to say so.
 *
 * The first of a peer is said at once. What more it sends within the minute is
 * counted and said when the minute is over, whether anything came after it or
 * not; then the next minute begins. A peer that was quiet for a minute is
 * forgotten. At most DROPPED_MAX_PEERS are told apart at a time, all others
 * together are "others". For whoever watches, the first so many are counted for
 * good, and all others together.
 *
 * Pure: time is an argument and nothing is written from here; see complaint.h.
 */
#ifndef COMMON_DROPPED_H
#define COMMON_DROPPED_H

#include "common/clock.h"
#include "common/scope.h"

#include <stdbool.h>
#include <stdint.h>

#define DROPPED_MAX_PEERS 32
#define DROPPED_PEER_SIZE 64
#define DROPPED_WHY_SIZE  200
#define DROPPED_SAY_NS    (60 * NS_PER_S)

struct dropped_line { /* to be said now */
    char peer[DROPPED_PEER_SIZE];
    char why[DROPPED_WHY_SIZE]; /* of the last one */
    uint64_t n;                 /* since the peer's last line */
    uint64_t total;             /* of all peers, since the beginning */
};

struct dropped;

int dropped_new(struct dropped **ret);
void dropped_free(struct dropped *d); /* NULL is fine */
DEFINE_SCOPED(dropped, struct dropped *, dropped_free)

/* One was dropped. True when that is to be said at once. An empty peer is "unknown". */
bool dropped_note(struct dropped *d, const char *peer, const char *why, mono_ns now,
                  struct dropped_line *ret);
/* The next peer whose minute is over with something unsaid; false: none (left). */
bool dropped_step(struct dropped *d, mono_ns now, struct dropped_line *ret);
mono_ns dropped_next(const struct dropped *d); /* when to step again; MONO_NEVER */
uint64_t dropped_total(const struct dropped *d);

/* Whoever sent any since the beginning, and how many. */
typedef void dropped_fn(void *arg, const char *peer, uint64_t n);
void dropped_each(const struct dropped *d, dropped_fn *fn, void *arg);

#endif
