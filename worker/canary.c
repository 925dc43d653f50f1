#include "worker/canary.h"

#include <errno.h>

enum { SILENCES = 2 }; /* in a row */
#define HURRY_FOR_NS (10 * NS_PER_S)

void flock_init(struct canary_flock *f)
{
    *f = (struct canary_flock){ 0 };
}

int flock_add(struct canary_flock *f, enum way way, bool certain, mono_ns now)
{
    if (f->n == CANARY_MAX)
        return -ENOSPC;
    f->at[f->n] = (struct canary){ .way = way, .counts = certain, .asked_at = now - CANARY_EVERY_NS };
    return (int)f->n++;
}

static bool any_silence(const struct canary_flock *f, enum way way)
{
    for (unsigned i = 0; i < f->n; i++)
        if (f->at[i].way == way && f->at[i].counts && f->at[i].silences > 0)
            return true;
    return false;
}

static mono_ns due_at(const struct canary_flock *f, const struct canary *c)
{
    mono_ns hurried = c->asked_at + CANARY_HURRIED_NS;
    bool hurry = hurried < f->hurry_until || any_silence(f, c->way);
    return hurry ? hurried : c->asked_at + CANARY_EVERY_NS;
}

int flock_take(struct canary_flock *f, mono_ns now)
{
    for (unsigned i = 0; i < f->n; i++) {
        struct canary *c = &f->at[i];
        if (c->asking || now < due_at(f, c))
            continue;
        c->asking = true;
        c->asked_at = now;
        return (int)i;
    }
    return -1;
}

void flock_answered(struct canary_flock *f, unsigned i, bool answered)
{
    struct canary *c = &f->at[i];
    if (i >= f->n || !c->asking)
        return;
    c->asking = false;
    if (answered) {
        c->counts = true;
        c->silences = 0;
    } else if (c->silences < SILENCES)
        c->silences++;
}

void flock_void(struct canary_flock *f, unsigned i)
{
    if (i < f->n)
        f->at[i].asking = false;
}

int flock_give_up(struct canary_flock *f, mono_ns now)
{
    for (unsigned i = 0; i < f->n; i++)
        if (f->at[i].asking && now - f->at[i].asked_at >= CANARY_PATIENCE) {
            flock_answered(f, i, false);
            return (int)i;
        }
    return -1;
}

void flock_hurry(struct canary_flock *f, mono_ns now)
{
    f->hurry_until = now + HURRY_FOR_NS;
}

bool flock_doubts(const struct canary_flock *f, enum way way, unsigned *ret_silent, unsigned *ret_all)
{
    unsigned silent = 0, all = 0;
    for (unsigned i = 0; i < f->n; i++) {
        bool counts = f->at[i].way == way && f->at[i].counts;
        all += counts;
        silent += counts && f->at[i].silences >= SILENCES;
    }
    *ret_silent = silent;
    *ret_all = all;
    return silent > 0 && silent * 2 >= all;
}

mono_ns flock_next(const struct canary_flock *f)
{
    mono_ns next = MONO_NEVER;
    for (unsigned i = 0; i < f->n; i++) {
        const struct canary *c = &f->at[i];
        mono_ns at = c->asking ? c->asked_at + CANARY_PATIENCE : due_at(f, c);
        if (at < next)
            next = at;
    }
    return next;
}
