/* quorum.h - one round's votes, and what follows from them (pure).
 *
 * A round begins when a scheduled look (look 0) has failed. Confirming looks 1,
 * 2, ... are then asked for, each of a worker that has not looked yet if there
 * is one. The rule:
 *
 *   down       when `looks` confirming looks have failed too
 *   rejected   by the first confirming look that found the site up
 *   undecided  when neither came about: at most 2 * looks + 1 confirming looks,
 *              none begun later than `within` after the first failure, and
 *              nobody answers for ever
 *
 * A look that ended unknown, or was seen by a worker that doubted itself,
 * counts for neither side; another one is asked for in its place. A look that
 * was asked for and brought no vote is asked for again: the question may have
 * got lost, and a second answer to it changes nothing.
 *
 * Look 1 is asked for at once, look i at (i - 1) * within / (looks + 1) after
 * the first failure, so that a hiccup of some seconds is not an outage. The
 * replacements keep a distance of within / (2 * looks + 2).
 *
 * All looks of a round are from one location. Where a site has several, each has rounds of its
 * own, and views.h has the rule by which they agree, also when too few of them are alive.
 */
#ifndef COLLECTOR_QUORUM_H
#define COLLECTOR_QUORUM_H

#include "common/result.h"
#include "common/site.h"

#define QUORUM_MAX_LOOKS (2 * SITE_MAX_LOOKS + 1)
#define QUORUM_ASKS      4               /* how often one look is asked for at most */
#define QUORUM_GRACE_NS  (10 * NS_PER_S) /* beyond a look's timeout, for its way to us */

struct quorum { /* private; plain data, may be copied */
    struct confirm rule;
    int64_t timeout_ns;
    mono_ns first;    /* when the first failure arrived */
    unsigned asked;   /* highest look asked for or voted */
    mono_ns asked_at; /* when that was */
    struct quorum_look {
        enum { LOOK_OPEN, LOOK_UP, LOOK_DOWN, LOOK_UNKNOWN } vote;
        unsigned asks;
        mono_ns asked_at;
        char worker[WORKER_NAME_SIZE];
    } look[QUORUM_MAX_LOOKS + 1];
};

/* `first` is when look 0's failure arrived, `worker` who brought it. */
void quorum_init(struct quorum *q, struct confirm rule, uint32_t timeout_ms, mono_ns first,
                 const char *worker);

mono_ns quorum_began(const struct quorum *q); /* the `first` it was given */

/* Count the vote of a confirming look. False when it counts for nothing: there
 * is a vote for that look already, or no such look. */
bool quorum_vote(struct quorum *q, unsigned look, enum verdict verdict, const char *worker);

enum quorum_word { QUORUM_WAIT, QUORUM_ASK, QUORUM_DOWN, QUORUM_REJECTED, QUORUM_UNDECIDED };

struct quorum_answer {
    enum quorum_word word;
    /* ask: */
    unsigned look;
    const char *avoid;  /* borrowed from the quorum; "" for any worker */
    uint32_t within_ms; /* worth nothing when not begun within that time */
    /* wait: */
    mono_ns until; /* come back then at the latest */
};

/* What is to be done now. An ask counts as done when it was handed out: call
 * again until the word is another. */
struct quorum_answer quorum_next(struct quorum *q, mono_ns now);

/* When the round is over, whatever has come: nobody begins later, and nobody answers for ever. */
mono_ns quorum_end(const struct quorum *q);

/* How many different workers have voted down, the first one included. */
unsigned quorum_witnesses(const struct quorum *q);

#endif
