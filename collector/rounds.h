/* rounds.h - the rounds whose outcome is open, and when each needs us next.
 *
 * A round is opened by a failed scheduled look and closed by its outcome; a
 * site has at most one, or one for each of its locations. It keeps the looks as they came, because they are
 * the evidence when it ends as an outage. There are at most ROUNDS_MAX: beyond that half the internet is
 * failing for us, and further sites become unknown and are decided by their next round. Belongs to one
 * thread.
 */
#ifndef COLLECTOR_ROUNDS_H
#define COLLECTOR_ROUNDS_H

#include "collector/alarms.h"
#include "collector/quorum.h"

#include <uthash.h>

#define ROUNDS_MAX 200000

struct round {
    struct round_key { /* no padding: it is hashed as bytes */
        uint64_t site_id, place;
    } key;
    wall_us slot_us;
    bool confirmed; /* it is down as this location sees it; kept for what the others say */
    struct quorum quorum;
    struct result *looks; /* look 0 first, then in the order they came */
    unsigned n_looks;
    struct alarm alarm; /* private, as is what follows */
    UT_hash_handle hh;
};

struct rounds;

int rounds_new(struct rounds **ret);
void rounds_free(struct rounds *s); /* NULL is fine */
DEFINE_SCOPED(rounds, struct rounds *, rounds_free)

/* Begins with look 0; `place` is the location's among its site's, see views.h. -ENOSPC at the
 * ceiling, -ENOMEM, -EEXIST when there is one. */
int rounds_open(struct rounds *s, const struct result *look0, unsigned place, struct confirm rule,
                uint32_t timeout_ms, mono_ns first, struct round **ret);
struct round *rounds_find(struct rounds *s, uint64_t site_id, unsigned place); /* NULL: none */

/* Count one confirming look and keep it. 1 when it counted, 0 when it did not, -ENOMEM. */
int rounds_vote(struct round *r, const struct result *look, enum verdict believed);

int rounds_wait(struct rounds *s, struct round *r, mono_ns until);
mono_ns rounds_next(const struct rounds *s);                  /* MONO_NEVER: none */
struct round *rounds_take_due(struct rounds *s, mono_ns now); /* stays open; waits no longer */
void rounds_close(struct rounds *s, struct round *r);         /* freed; NULL is fine */
size_t rounds_count(const struct rounds *s);

#endif
