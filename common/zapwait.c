#include "common/zapwait.h"

#include <string.h>

bool zapwait_put(struct zapwait *w, const struct zap_question *q, mono_ns now)
{
    if (w->n == ZAPWAIT_MAX)
        return false;
    w->at[w->n++] = (struct zapwait_item){
        .question = *q,
        .number = ++w->asked,
        .until = now + ZAPWAIT_LONGEST_NS,
    };
    return true;
}

uint64_t zapwait_asked(const struct zapwait *w)
{
    return w->asked;
}

void zapwait_settle(struct zapwait *w, uint64_t asked)
{
    if (asked > w->settled)
        w->settled = asked;
}

bool zapwait_take(struct zapwait *w, mono_ns now, struct zap_question *ret)
{
    if (w->n == 0 || (w->at[0].number > w->settled && now < w->at[0].until))
        return false;
    *ret = w->at[0].question;
    memmove(&w->at[0], &w->at[1], --w->n * sizeof *w->at);
    return true;
}

mono_ns zapwait_next(const struct zapwait *w)
{
    return w->n == 0 ? MONO_NEVER : w->at[0].number <= w->settled ? 0 : w->at[0].until;
}
