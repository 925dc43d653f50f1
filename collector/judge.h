/* judge.h - what each result means: the collector's rules, applied.
 *
 * Results, changes of sites and the passing of time go in. What is to be
 * recorded, asked and told comes out, in a batch; sites, rounds and incidents in
 * memory move at once. So a batch that was judged is committed, or the process
 * ends: what was judged cannot be taken back, and nobody has been told of it.
 *
 * What counts (the ledger keeps all of it):
 *   - a scheduled look counts when its slot is newer than the newest one that
 *     counted: a second result for the same run and a late older one change nothing;
 *   - of a site with several locations that is said of each of them, and what follows for
 *     the site is in views.h; a look from elsewhere does not count;
 *   - a confirming look counts for the round that is open at its slot, once;
 *   - a look that began before the site was last changed, or of a site that is
 *     paused, removed or unknown to us, does not count;
 *   - what a worker saw fail while it doubted itself, or while others contradict it
 *     (jury.h), counts as unknown; so does a confirming look by the only key that says so,
 *     while another could have been asked (witnesses.h);
 *   - slots that nobody looked at make a site unknown when they are more than
 *     two intervals; they never open or end an outage.
 */
#ifndef COLLECTOR_JUDGE_H
#define COLLECTOR_JUDGE_H

#include "collector/batch.h"
#include "collector/incidents.h"
#include "collector/jury.h"
#include "collector/rounds.h"
#include "collector/witnesses.h"
#include "common/spread.h"

struct instant {
    mono_ns mono;
    wall_us wall;
};

struct judge {
    struct sites *sites;
    struct rounds *rounds;
    struct incidents *incidents;
    struct jury *jury;
    struct witnesses *witnesses;
    struct judge_counts { /* of rounds that ended, by their outcome */
        uint64_t down, rejected, undecided;
        struct spread settled; /* from the first failure's arrival to the outcome */
    } counts;
};

/* One result into the batch, with all that follows from it. */
void judge_result(struct judge *j, struct batch *b, const struct result *r, struct instant now);

/* The rounds that are due: looks to ask for, rounds that end undecided. */
void judge_due(struct judge *j, struct batch *b, struct instant now);

/* A site as the store has it now. What paused it, removed it or gave it another
 * URL voids what we knew: its round is dropped, its outage withdrawn. */
void judge_site(struct judge *j, struct batch *b, const struct site *site, struct instant now);

/* After a start: the site is suspected, or seen so by one of its locations (its place; 0 where
 * there is but one), and these are the ledger's lines around that. Opens its round again as it
 * was and goes on with it. */
void judge_resume(struct judge *j, struct batch *b, struct watched *w, unsigned place,
                  const struct result *lines, size_t n, struct instant now);
/* After a start, when that was done: a site with several locations is as its views say. */
void judge_settle(struct judge *j, struct batch *b, struct watched *w, struct instant now);

/* After a start: the outage is void although nobody was there to see why. */
void judge_withdraw(struct judge *j, struct batch *b, struct watched *w, const char *reason,
                    struct instant now);

#endif
