#include "worker/intake.h"

#include <string.h>

#define PERIOD_NS (300 * NS_PER_S)

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void begin_measuring(struct intake *i, int64_t difference_ms, mono_ns now)
{
    i->measured = true;
    i->difference_ms[0] = i->difference_ms[1] = difference_ms;
    i->period_ends = now + PERIOD_NS;
}

int64_t intake_age_ms(struct intake *i, uint32_t epoch, int64_t stamp_ms, mono_ns now)
{
    int64_t difference_ms = now / NS_PER_MS - stamp_ms;

    if (epoch < i->epoch)
        return -1;
    if (epoch > i->epoch || !i->measured) {
        i->epoch = epoch;
        begin_measuring(i, difference_ms, now);
        return 0;
    }
    if (now >= i->period_ends) {
        i->difference_ms[0] = i->difference_ms[1];
        i->difference_ms[1] = difference_ms;
        i->period_ends = now + PERIOD_NS;
    }
    i->difference_ms[1] = smaller(i->difference_ms[1], difference_ms);
    return difference_ms - smaller(i->difference_ms[0], i->difference_ms[1]);
}

enum intake_word intake_decide(const struct job *j, int64_t age_ms, const struct intake_lane *l)
{
    if (age_ms < 0 || age_ms > j->start_by_ms)
        return INTAKE_STALE;
    if (l->known) /* said so before, and that word was lost: say it again */
        return INTAKE_TAKEN;
    if (l->draining || l->free_slots == 0 || l->outbox_room == 0)
        return INTAKE_BUSY;
    if (j->avoid && j->avoid[0] && strcmp(j->avoid, l->name) == 0)
        return INTAKE_BUSY;
    if (j->avoid_key != 0 && j->avoid_key == l->key)
        return INTAKE_BUSY;
    return INTAKE_TAKEN;
}
