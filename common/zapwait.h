/* zapwait.h - questions of ZAP (zap.h) about keys that are not known, which are kept
 * until somebody has looked whether they are by now: a token is used sooner than
 * a list is read again, and libzmq tries again only when the handshake's time is over.
 * Pure.
 */
#ifndef COMMON_ZAPWAIT_H
#define COMMON_ZAPWAIT_H

#include "common/clock.h"
#include "common/zapask.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZAPWAIT_MAX        64 /* further ones are answered at once */
#define ZAPWAIT_LONGEST_NS NS_PER_S

struct zapwait { /* private; zeros are empty */
    struct zapwait_item {
        struct zap_question question;
        uint64_t number;
        mono_ns until;
    } at[ZAPWAIT_MAX]; /* the oldest first */
    size_t n;
    uint64_t asked, settled;
};

/* False when there is no room: it is to be answered now. */
bool zapwait_put(struct zapwait *w, const struct zap_question *q, mono_ns now);
/* So many were kept so far. Whoever looks asks before, and says the number after. */
uint64_t zapwait_asked(const struct zapwait *w);
void zapwait_settle(struct zapwait *w, uint64_t asked);
/* The next one whose answer is due: somebody has looked since, or nobody did for too long. */
bool zapwait_take(struct zapwait *w, mono_ns now, struct zap_question *ret);
mono_ns zapwait_next(const struct zapwait *w); /* MONO_NEVER */

#endif
