/* notifier.h - the outbox is emptied: every pending notice is delivered, or
 * given up after long enough.
 *
 * Promises:
 *   - notices of one incident through one channel go out in order: the next one
 *     waits until the one before it is sent or failed;
 *   - a channel that is slow or away delays no other: each kind has at most
 *     notify.at_once deliveries under way, one channel at most half of them, and
 *     channels that wait take turns;
 *   - a failed attempt is repeated as retry.h says; a final refusal, or a notice
 *     older than notify.give_up after a failed attempt, is failed for good.
 *
 * Each attempt's outcome is told to the owner, who records it. A notice that was
 * delivered and whose outcome was not recorded, because we died in between, is
 * delivered again after the restart, with the same idempotency key: at least
 * once. Belongs to the thread of its loop; has no store.
 */
#ifndef COLLECTOR_NOTIFIER_H
#define COLLECTOR_NOTIFIER_H

#include "collector/channel.h"
#include "common/spread.h"
#include "common/tenure.h"

struct notifier;

/* False when it cannot be taken now: it is offered again. An outcome that is
 * not final may be dropped instead, when there is a newer one. */
typedef bool notifier_told_fn(void *arg, const struct told *t);

int notifier_new(struct notifier **ret, struct loop *l, const struct config *config, notifier_told_fn *told,
                 void *arg, struct err *err);
void notifier_free(struct notifier *n); /* what is pending stays so in the store; NULL is fine */
DEFINE_SCOPED(notifier, struct notifier *, notifier_free)

/* A pending notice; it is freed with notice_free. Those of one incident and
 * channel must come in the order in which they are to be told. */
void notifier_take(struct notifier *n, struct notice *take);

/* Deliveries begin only while it says that we lead; NULL: always. Before the loop turns. */
void notifier_set_gate(struct notifier *n, const struct tenure *tenure);

void notifier_stop(struct notifier *n); /* begin no further delivery */
size_t notifier_under_way(const struct notifier *n);
size_t notifier_untold(const struct notifier *n); /* outcomes that were not taken yet */
void notifier_offer(struct notifier *n);          /* there may be room for them again */

/* For whoever watches: one kind of channel. */
enum notifier_age { AGE_MINUTE, AGE_TEN_MINUTES, AGE_HOUR, AGE_OLDER, AGE_COUNT };
struct notifier_counts {
    uint64_t sent, again, failed,
        superseded;     /* attempts that ended so; reminders that were not sent any more */
    struct spread took; /* attempts */
    size_t under_way;
    size_t pending[AGE_COUNT]; /* in hand, by how old they are at most */
    int64_t oldest_us;         /* the oldest one's age; 0 none */
};
/* Looks at every notice in hand. */
void notifier_counts(const struct notifier *n, enum channel_kind kind, wall_us now,
                     struct notifier_counts *ret);

#endif
