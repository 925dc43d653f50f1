#include "common/leader.h"

const char *leader_state_name(enum leader_state s)
{
    static const char *const names[] = { "waiting", "leading", "lapsed", "deposed" };
    return names[s];
}

void leader_init(struct leader *l, mono_ns lease, mono_ns now)
{
    *l = (struct leader){ .state = LEADER_WAITING, .lease = lease, .ask = now };
}

static void renew(struct leader *l, mono_ns asked, mono_ns now)
{
    mono_ns after = l->lease / 10 < LEADER_RENEW_NS ? l->lease / 10 : LEADER_RENEW_NS;
    l->until = l->lease ? asked + l->lease - l->lease / 10 : MONO_NEVER;
    l->ask = l->lease ? asked + after : MONO_NEVER;
    l->state = now < l->until ? LEADER_LEADING : LEADER_LAPSED;
}

void leader_hear(struct leader *l, enum leader_answer answer, mono_ns asked, mono_ns now)
{
    l->state = leader_now(l, now);
    if (l->state == LEADER_DEPOSED)
        return;
    l->ask = now + LEADER_ASK_NS;
    if (answer == LEADER_OURS)
        renew(l, asked, now);
    else if (answer == LEADER_ANOTHERS && l->state != LEADER_WAITING) {
        l->state = LEADER_DEPOSED;
        l->ask = MONO_NEVER;
    }
}

enum leader_state leader_now(const struct leader *l, mono_ns now)
{
    return l->state == LEADER_LEADING && now >= l->until ? LEADER_LAPSED : l->state;
}
