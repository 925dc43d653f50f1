/* accounts.h - what the coordinator itself has to report about runs: those that
 * were lost, and slots that nobody looked at. Kept until the collector says that
 * it is recorded, like a worker keeps its results.
 *
 * Missed slots of one site that follow each other become one line, for as long
 * as that line has not been sent; a line waits ACCOUNTS_MERGE_NS for more. What
 * was sent is sent again after ACCOUNTS_FIRST_NS, doubling to ACCOUNTS_MOST_NS.
 * At most ACCOUNTS_AT_ONCE lines are sent and unrecorded at a time. There are
 * at most ACCOUNTS_MAX lines: at the ceiling the oldest is given up and counted.
 *
 * Pure: time is an argument, sending is the caller's.
 */
#ifndef COORDINATOR_ACCOUNTS_H
#define COORDINATOR_ACCOUNTS_H

#include "common/clock.h"
#include "common/result.h"
#include "common/scope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACCOUNTS_MERGE_NS (NS_PER_S / 2)
#define ACCOUNTS_FIRST_NS (10 * NS_PER_S)
#define ACCOUNTS_MOST_NS  (60 * NS_PER_S)
#define ACCOUNTS_AT_ONCE  4096
#define ACCOUNTS_MAX      (1 << 20)

struct accounts;

int accounts_new(struct accounts **ret);
void accounts_free(struct accounts *a); /* NULL is fine */
DEFINE_SCOPED(accounts, struct accounts *, accounts_free)

struct account {
    uint64_t site_id;
    wall_us slot_us;
    uint32_t span; /* slots from slot_us on, every_ms apart; 1 for lost ones */
    uint32_t every_ms;
    uint16_t look;
    uint16_t location; /* its place in the configured list */
    enum cause cause;  /* CAUSE_LOST, CAUSE_MISSED, CAUSE_HELD_BACK */
    uint64_t job_id;   /* 0 for missed ones */
    uint8_t attempts;
    wall_us at_us; /* when that was known */
};
/* -ENOMEM: it is not kept, and counted as given up. */
int accounts_add(struct accounts *a, const struct account *line, mono_ns now);

/* The next line to send; it counts as sent. False when nothing is to be sent now. */
bool accounts_take(struct accounts *a, mono_ns now, struct account *ret);
/* It could not be sent: try again at `at`. */
void accounts_unsend(struct accounts *a, const struct account *line, mono_ns at);
/* It can never be sent: dropped, and counted as given up. */
void accounts_give_up(struct accounts *a, const struct account *line);
/* It is in the store. False when no such line is kept. */
bool accounts_recorded(struct accounts *a, uint64_t site_id, wall_us slot_us, uint16_t look,
                       unsigned location);
mono_ns accounts_next(const struct accounts *a);      /* when something is to be sent */
void accounts_hurry(struct accounts *a, mono_ns now); /* merge no more: we are about to end */

size_t accounts_count(const struct accounts *a);
/* The oldest slot of a scheduled look among them; WALL_NEVER. Goes through all of them. */
wall_us accounts_oldest_slot(const struct accounts *a);
uint64_t accounts_given_up(const struct accounts *a);

#endif
