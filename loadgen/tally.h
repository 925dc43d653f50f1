/* tally.h - what was served: counted by each thread, read by one.
 *
 * A thread writes only its own tally, so that counting costs nothing; the sums
 * are read meanwhile, each number whole but not all of the same instant.
 */
#ifndef LOADGEN_TALLY_H
#define LOADGEN_TALLY_H

#include "common/clock.h"
#include "common/text.h"
#include "loadgen/rule.h"
#include "loadgen/zone.h"

enum count {
    COUNT_CONNECTIONS,
    COUNT_CLOSED,      /* of them */
    COUNT_TURNED_AWAY, /* of them: no room for more */
    COUNT_HANDSHAKES,
    COUNT_RESUMED,    /* of them */
    COUNT_TLS_FAILED, /* broken off, also because the certificate was refused */
    COUNT_REQUESTS,
    COUNT_HEAD,      /* of them */
    COUNT_STRANGERS, /* of them: for no site of ours */
    COUNT_MALFORMED, /* what was no request */
    COUNT_2XX,       /* answers */
    COUNT_3XX,
    COUNT_4XX,
    COUNT_5XX,
    COUNT_HUNG,
    COUNT_CUT,   /* reset or closed instead of an answer */
    COUNT_EARLY, /* the other side left before its answer */
    COUNT_DNS,   /* questions, by what was said: see zone.h */
    COUNT_COUNT = COUNT_DNS + ZONE_SAID_COUNT,
};

struct tally {
    uint64_t count[COUNT_COUNT];
    uint64_t followed[RULES_MAX]; /* requests for which that rule held */
};

static inline void tally_count(uint64_t *counter)
{
    __atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED); /* nobody else writes it */
}

/* Sums; `into` begins as zero. */
void tally_add(struct tally *into, const struct tally *one);

/* "   25s   3,334 requests/s (333 TLS)   14 bad/s   3,120 open   6,702 questions/s":
 * what happened between two sums, span_us apart; at_us is since the start. */
void tally_line(char *buf, size_t size, const struct tally *before, const struct tally *after, int64_t at_us,
                int64_t span_us);

/* One JSON object with all sums, the rules and how many sites each is about. */
void tally_json(struct text *out, const struct tally *sum, const struct rules *rules, const struct crowd *c,
                int64_t served_us);

#endif
