/* rounds.h - the rounds whose outcome is open, and when each needs us next.
 *
 * A round is opened by a failed scheduled look and closed by its outcome; a
 * site has at most one. It keeps the looks as they came, because they are the
 * evidence when it ends as an outage. There are at most ROUNDS_MAX: beyond that
 * half the internet is failing for us, and further sites become unknown and are
 * decided by their next round. Belongs to one thread.
 */
#ifndef COLLECTOR_ROUNDS_H
#define COLLECTOR_ROUNDS_H

#include "collector/alarms.h"
#include "collector/quorum.h"

#include <uthash.h>

#define ROUNDS_MAX 200000

struct round {
    uint64_t site_id;
    wall_us slot_us;
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

/* Begins with look 0. -ENOSPC at the ceiling, -ENOMEM, -EEXIST when the site has one. */
int rounds_open(struct rounds *s, const struct result *look0, struct confirm rule, uint32_t timeout_ms,
                mono_ns first, struct round **ret);
struct round *rounds_find(struct rounds *s, uint64_t site_id); /* NULL: none */

/* Count one confirming look and keep it. 1 when it counted, 0 when it did not, -ENOMEM. */
int rounds_vote(struct round *r, const struct result *look, enum verdict believed);

int rounds_wait(struct rounds *s, struct round *r, mono_ns until);
mono_ns rounds_next(const struct rounds *s);                  /* MONO_NEVER: none */
struct round *rounds_take_due(struct rounds *s, mono_ns now); /* stays open; waits no longer */
void rounds_close(struct rounds *s, struct round *r);         /* freed; NULL is fine */
size_t rounds_count(const struct rounds *s);

#endif
