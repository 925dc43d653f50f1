#include "collector/quorum.h"

#include <string.h>

static int64_t within_ns(const struct quorum *q)
{
    return (int64_t)q->rule.within_ms * NS_PER_MS;
}

static unsigned most_looks(const struct quorum *q)
{
    return 2u * q->rule.looks + 1;
}

static mono_ns last_start(const struct quorum *q)
{
    return q->first + within_ns(q);
}

mono_ns quorum_end(const struct quorum *q)
{
    return last_start(q) + q->timeout_ns + QUORUM_GRACE_NS;
}

/* How long a question may stay unanswered before it is asked again. */
static int64_t patience_ns(const struct quorum *q)
{
    int64_t share = within_ns(q) / (q->rule.looks + 1);
    int64_t least = 200 * NS_PER_MS, most = 10 * NS_PER_S;
    return share < least ? least : share > most ? most : share;
}

void quorum_init(struct quorum *q, struct confirm rule, uint32_t timeout_ms, mono_ns first,
                 const char *worker)
{
    *q = (struct quorum){
        .rule = rule,
        .timeout_ns = (int64_t)timeout_ms * NS_PER_MS,
        .first = first,
        .asked_at = first,
    };
    if (q->rule.looks > SITE_MAX_LOOKS)
        q->rule.looks = SITE_MAX_LOOKS;
    q->look[0].vote = LOOK_DOWN;
    strncpy(q->look[0].worker, worker, sizeof q->look[0].worker - 1);
}

mono_ns quorum_began(const struct quorum *q)
{
    return q->first;
}

bool quorum_vote(struct quorum *q, unsigned look, enum verdict verdict, const char *worker)
{
    if (look == 0 || look > QUORUM_MAX_LOOKS || q->look[look].vote != LOOK_OPEN)
        return false;
    struct quorum_look *l = &q->look[look];
    l->vote = verdict == VERDICT_UP ? LOOK_UP : verdict == VERDICT_DOWN ? LOOK_DOWN : LOOK_UNKNOWN;
    strncpy(l->worker, worker, sizeof l->worker - 1);
    if (look > q->asked)
        q->asked = look;
    return true;
}

static unsigned count(const struct quorum *q, int vote)
{
    unsigned n = 0;
    for (unsigned i = 1; i <= q->asked; i++)
        n += (int)q->look[i].vote == vote;
    return n;
}

/* Who has looked most often in this round; of several, who looked last. */
static const char *whom_to_avoid(const struct quorum *q)
{
    const char *worker = "";
    unsigned most = 0;
    for (unsigned i = 0; i <= q->asked; i++) {
        unsigned n = 0;
        if (q->look[i].vote == LOOK_OPEN || q->look[i].worker[0] == '\0')
            continue;
        for (unsigned k = 0; k <= q->asked; k++)
            n += q->look[k].vote != LOOK_OPEN && strcmp(q->look[k].worker, q->look[i].worker) == 0;
        if (n >= most) {
            most = n;
            worker = q->look[i].worker;
        }
    }
    return worker;
}

static mono_ns ask_time(const struct quorum *q, unsigned look)
{
    if (look <= q->rule.looks)
        return q->first + (look - 1) * (within_ns(q) / (q->rule.looks + 1));
    return q->asked_at + within_ns(q) / (2 * q->rule.looks + 2);
}

static struct quorum_answer ask(struct quorum *q, unsigned look, mono_ns now)
{
    struct quorum_answer a = { .word = QUORUM_ASK, .look = look, .avoid = whom_to_avoid(q) };
    int64_t left_ms = (last_start(q) - now) / NS_PER_MS;
    a.within_ms = left_ms < 1 ? 1 : (uint32_t)left_ms;
    q->look[look].asks++;
    q->look[look].asked_at = now;
    if (look > q->asked) {
        q->asked = look;
        q->asked_at = now;
    }
    return a;
}

static void sooner(mono_ns *until, mono_ns at)
{
    if (at < *until)
        *until = at;
}

/* A look whose question has been open for too long, or that was skipped: votes
 * of a round that is read back from the ledger may begin with look 2. */
static unsigned to_ask_again(const struct quorum *q, mono_ns now, mono_ns *until)
{
    for (unsigned i = 1; i <= q->asked; i++) {
        const struct quorum_look *l = &q->look[i];
        if (l->vote != LOOK_OPEN || l->asks >= QUORUM_ASKS)
            continue;
        mono_ns at = l->asks ? l->asked_at + patience_ns(q) : now;
        if (at <= now)
            return i;
        if (at <= last_start(q))
            sooner(until, at);
    }
    return 0;
}

struct quorum_answer quorum_next(struct quorum *q, mono_ns now)
{
    unsigned failed = count(q, LOOK_DOWN), open = count(q, LOOK_OPEN);
    if (count(q, LOOK_UP) > 0)
        return (struct quorum_answer){ .word = QUORUM_REJECTED };
    if (failed >= q->rule.looks)
        return (struct quorum_answer){ .word = QUORUM_DOWN };

    mono_ns end = quorum_end(q), until = end;
    if (now <= last_start(q)) {
        unsigned again = to_ask_again(q, now, &until);
        if (again)
            return ask(q, again, now);
        if (failed + open < q->rule.looks && q->asked < most_looks(q)) {
            mono_ns at = ask_time(q, q->asked + 1);
            if (at <= now)
                return ask(q, q->asked + 1, now);
            if (at <= last_start(q)) {
                sooner(&until, at);
                open++; /* one is still to come */
            }
        }
    }
    if (open == 0 || now >= end)
        return (struct quorum_answer){ .word = QUORUM_UNDECIDED };
    return (struct quorum_answer){ .word = QUORUM_WAIT, .until = until };
}

unsigned quorum_witnesses(const struct quorum *q)
{
    unsigned n = 0;
    for (unsigned i = 0; i <= q->asked; i++) {
        bool first = q->look[i].vote == LOOK_DOWN;
        for (unsigned k = 0; k < i && first; k++)
            first = q->look[k].vote != LOOK_DOWN || strcmp(q->look[k].worker, q->look[i].worker) != 0;
        n += first;
    }
    return n;
}
