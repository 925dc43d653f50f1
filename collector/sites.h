/* sites.h - every site and owner in memory, with the site's state: what a
 * result is judged against.
 *
 * Filled from the store at the start and kept in step with its changes. A site
 * that was removed stays as a tombstone until the process ends, so that a late
 * result for it is recognised. Belongs to one thread.
 */
#ifndef COLLECTOR_SITES_H
#define COLLECTOR_SITES_H

#include "collector/views.h"
#include "common/event.h"
#include "common/health.h"
#include "common/owner.h"
#include "common/site.h"

/* Of a site, what judging and telling need: there may be a million. */
struct site_kept {
    uint64_t id;
    const char *name, *url, *tags; /* owned; may be borrowed until it is set again */
    uint64_t owner_id;
    wall_us changed_us;
    uint32_t every_ms, timeout_ms;
    struct confirm confirm;
    uint8_t confirm_from;
    bool paused, removed;
};

struct watched {
    struct site_kept site;
    bool dirty;     /* its state is in the batch under way */
    bool unwritten; /* its state in the store is behind; see sites_may_wait */
    struct site_state state;
    /* The newest span of slots that nobody looked at: a late result for one of
     * them is in no ledger and must not count either. */
    wall_us missed_from, missed_to;
    struct views *views; /* of a site with several locations; NULL for all others */
};

struct sites;

int sites_new(struct sites **ret);
void sites_free(struct sites *s); /* NULL is fine */
DEFINE_SCOPED(sites, struct sites *, sites_free)

struct watched *sites_find(const struct sites *s, uint64_t id); /* NULL: never heard of */

/* Add or change one; a copy is kept. What `site` says replaces what was known,
 * the state stays, and the views of those locations that stay. -ENOMEM, also for an id beyond SITES_MAX_ID.
 */
#define SITES_MAX_ID (UINT64_C(1) << 32)
int sites_set(struct sites *s, const struct site *site, struct watched **ret);

/* The state as the store has it, at the start. Of a site that is not there: ignored. */
void sites_load_state(struct sites *s, const struct site_state *state);

/* The same for how a location sees a site; of one that the site has not: ignored. */
void sites_load_view(struct sites *s, const struct site_view *view);

/* Move a site's health; keeps the counts. Everybody who changes it calls this
 * afterwards with what it was before. */
void sites_moved(struct sites *s, const struct watched *w, enum health before);

/* Sites by health into the pulse's members; paused ones are counted there and
 * nowhere else. */
void sites_count(const struct sites *s, struct pulse *ret);

/* Owners: a copy is kept, one that changed replaces it. An owner with no name
 * is a tombstone and is forgotten. */
int sites_set_owner(struct sites *s, const struct owner *o);
const struct owner *sites_owner(const struct sites *s,
                                uint64_t id); /* NULL: none; borrowed until the next set */

/* In order of id. */
typedef void sites_fn(void *arg, struct watched *w);
void sites_each(struct sites *s, sites_fn *fn, void *arg);

/* A worker's name in a string that lives as long as `s`; "?" beyond
 * SITES_MAX_WORKERS of them. */
#define SITES_MAX_WORKERS 10000
const char *sites_worker(struct sites *s, const char *name);

/* ── States that are written later ─────────────────────────────────────────
 *
 * Most looks say that all is as it was. Their states are not written one by one
 * in the order of the looks, each on a page of its own, but by a sweep in the
 * order of ids. What is not written yet the store reads out of its ledger, from
 * states_us on (store_each_state). */

#define SITES_SWEEP_S     60              /* a sweep takes so long, a small one less */
#define SITES_SWEEP_LAG   (30 * US_PER_S) /* slots that young may come in while it goes on */
#define SITES_SWEEP_LEAST 1000            /* sites in a step */

/* The store's states_us at the start, after the states. Those that may be behind
 * are taken for unwritten. */
void sites_begin_sweeps(struct sites *s, wall_us states_us);

/* Whether a state with this newest slot may be left to the sweep. */
bool sites_may_wait(const struct sites *s, wall_us slot_us);

/* A sixtieth of a sweep: every unwritten state of its part to fn. When it ends a
 * sweep, *ret_states_us is what the store may be told together with these, else 0. */
void sites_sweep(struct sites *s, wall_us now, sites_fn *fn, void *arg, wall_us *ret_states_us);

#endif
