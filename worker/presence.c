#include "worker/presence.h"

#define HELLO_EVERY  NS_PER_S        /* until welcomed */
#define REMIND_EVERY (30 * NS_PER_S) /* afterwards: a coordinator that forgot us says so by a welcome */
#define BEAT_EVERY   NS_PER_S
#define FULL_EVERY   (5 * NS_PER_S)
#define SILENCE      (10 * NS_PER_S)

void presence_init(struct presence *p, mono_ns now)
{
    *p = (struct presence){ .heard = now, .next_hello = now };
}

void presence_heard(struct presence *p, uint64_t nonce, mono_ns now)
{
    bool forgot_us = p->welcomed && nonce != p->coordinator;
    p->heard = now;
    if (forgot_us || p->stands_by) {
        p->welcomed = p->stands_by = false;
        p->next_hello = now;
    }
}

void presence_standby(struct presence *p, mono_ns now)
{
    p->heard = now;
    if (p->welcomed || !p->stands_by)
        p->next_hello = now + HELLO_EVERY;
    p->welcomed = false;
    p->stands_by = true;
}

void presence_welcomed(struct presence *p, uint64_t nonce, mono_ns now)
{
    p->heard = now;
    p->next_hello = now + REMIND_EVERY;
    p->stands_by = false;
    if (p->welcomed && p->coordinator == nonce)
        return;
    p->welcomed = true;
    p->coordinator = nonce;
    p->next_beat = now; /* at once, with all that is in hand: it may be a new one */
    p->next_full = now;
}

unsigned presence_step(struct presence *p, mono_ns now)
{
    unsigned acts = 0;
    if (now - p->heard >= SILENCE) {
        presence_init(p, now);
        acts |= PRESENCE_RECONNECT;
    }
    if (now >= p->next_hello) {
        p->next_hello = now + (p->welcomed ? REMIND_EVERY : HELLO_EVERY);
        acts |= PRESENCE_HELLO;
    }
    if (p->welcomed && now >= p->next_beat) {
        p->next_beat = now + BEAT_EVERY;
        acts |= PRESENCE_BEAT;
        if (now >= p->next_full) {
            p->next_full = now + FULL_EVERY;
            acts |= PRESENCE_FULL_BEAT;
        }
    }
    return acts;
}

mono_ns presence_next(const struct presence *p)
{
    mono_ns next = p->heard + SILENCE;
    if (p->next_hello < next)
        next = p->next_hello;
    if (p->welcomed && p->next_beat < next)
        next = p->next_beat;
    return next;
}
