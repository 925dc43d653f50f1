/* store.h - what outlives every process: sites and owners, the ledger of looks,
 * states, incidents, the outbox of notices, vitals, roll-ups.
 *
 * A store is named by a URL: "sqlite:/var/lib/vedette/vedette.db" for one
 * machine, "postgresql://vedette@db.example/vedette" for several, or
 * "sqlite::memory:" (a private one, for tests). The part before the first
 * colon picks the backend; this header is all that the rest of the system
 * knows of any.
 *
 * One handle is for one thread; a process may open several. Strings inside
 * what an each-function hands to its callback are borrowed until the callback
 * returns. A callback that returns non-zero ends the walk, and the walk returns
 * that number.
 *
 * Failures, and the exit code that a program ends with (store_exit_code):
 *   -ENOENT  10  there is no store at that place
 *   -EROFS   11  it cannot be written (file, folder or file system read-only, no right to)
 *   -ENOSPC  12  the disk, or its quota, is full
 *   -EBUSY   13  another process kept it locked for longer than we wait, or is at work with it
 *                in the same role (store_claim)
 *   -ESTALE  13  another process has taken over the part that this handle had claimed
 *   -EPROTO  14  it was written by a newer version than this one
 *   -EINVAL  15  what is there is not a store of Vedette
 *   -EPROTONOSUPPORT 15  the URL is wrong; a number that no other wrong setting gives, so that
 *                programs can tell
 *   -EIO     16  anything else the database says
 * Of these, -ENOSPC, -EBUSY and -EIO may pass: a daemon keeps what it has and
 * tries again. After any failure nothing of the call has been written, but for one
 * case: when the connection to a server is lost while it commits, nobody can tell.
 * So everything may be repeated without harm (see store_record; an edit is repeated
 * by looking again at what differs), and daemons repeat what was not acknowledged.
 */
#ifndef COMMON_STORE_STORE_H
#define COMMON_STORE_STORE_H

#include "common/access.h"
#include "common/episode.h"
#include "common/health.h"
#include "common/incident.h"
#include "common/owner.h"
#include "common/scope.h"
#include "common/shard.h"
#include "common/site.h"
#include "common/vitals.h"

struct store;

enum store_mode {
    STORE_READ,   /* look only; works beside a writer */
    STORE_WRITE,  /* must exist; brought up to this version's schema */
    STORE_CREATE, /* made when missing, folders are not */
};

int store_open(struct store **ret, const char *url, enum store_mode mode, struct err *err);
void store_close(struct store *s); /* NULL is fine */
/* What sentences call it: where it is, without secrets. Borrowed until it is closed. */
const char *store_name(const struct store *s);
DEFINE_SCOPED(store, struct store *, store_close)

/* Whether a URL names a backend that this build has; -EPROTONOSUPPORT with a sentence. */
int store_url_check(const char *url, struct err *err);
int store_exit_code(int r); /* see above; 0 for 0, 1 for what is none of these */

/* How long a call waits for another process's lock; 5 s unless told. */
void store_set_patience(struct store *s, int64_t wait_us);

/* For which part of the sites this handle's claims, vitals and states_us are: all, unless told. Before
 * anything else is asked of it. */
void store_set_shard(struct store *s, struct shard shard);
/* In how many parts those at work cut the sites; 1 for a new store. */
int store_shards(struct store *s, uint32_t *ret, struct err *err);
/* To be asked after store_claim: the store is cut as this handle's shard says from now on. -EBUSY while
 * others are at work who cut it otherwise: a site would be looked at twice, and its owner told twice. */
int store_cut(struct store *s, struct err *err);
/* To be asked after store_claim: the store is that cluster's from now on, which its public key says
 * (keys.h; "" for one without keys, of which nothing is asked). -EBUSY while others are at work with it by
 * another key: their workers would not be let in by us, nor ours by them. */
int store_join_cluster(struct store *s, const char *public, struct err *err);
/* Whether other processes than this one have a claim, in whatever role and part. */
int store_has_others(struct store *s, bool *ret, struct err *err);

/* Each part of a store has one coordinator and one collector: two collectors would tell every
 * owner twice. Who wants to be one says so before it does anything else. The
 * claim holds until the handle is closed or the process has died, however it
 * died. -EBUSY with a sentence when another process still has it after `wait_us`,
 * which is for a predecessor that is just ending. */
enum store_role { STORE_COORDINATOR, STORE_COLLECTOR, STORE_ROLE_COUNT };
const char *store_role_name(enum store_role role); /* "coordinator" */
int store_claim(struct store *s, enum store_role role, int64_t wait_us, struct err *err);

/* Who has a part, or had it last. What a file's store knows of it is the process. */
#define STORE_LISTENS_SIZE 640
struct store_holder {
    uint64_t epoch; /* one higher for each holder; 0: nobody ever was, or not known */
    int64_t pid;
    char host[64];
    wall_us since_us;  /* 0 not known */
    int64_t silent_us; /* since it said last that it is at it; INT64_MAX: it gave the part back */
    char listens[STORE_LISTENS_SIZE]; /* as it said with store_set_listens; "" */
};
/* For whoever waits for its turn, a few times a second: 1 when the part is ours from now on, 0 when
 * another one has it or may still come back to it. *ret is who that is (with 1: who had it before); it
 * may be NULL. */
int store_ask_claim(struct store *s, enum store_role role, struct store_holder *ret, struct err *err);
/* Who has it, without asking for it: 0, -ENOENT when nobody ever had. */
int store_get_holder(struct store *s, enum store_role role, struct store_holder *ret, struct err *err);
/* Where the holder, which is this handle, listens: for others to read. Lanes and endpoints, see listens.h. */
int store_set_listens(struct store *s, enum store_role role, const char *listens, struct err *err);

/* Says that we are still at it: to be called every second or so by whoever has a
 * claim. On a server the claim is a lock of the connection, a lease that this renews,
 * and an epoch that every write of this handle is checked against. A holder that was
 * silent for its lease may be succeeded by whoever asks for the claim next; when
 * it wakes up, this and all its writes return -ESTALE, and it has to end. -EIO when
 * the database cannot be asked: the claim may still be ours. */
int store_keep_claim(struct store *s, struct err *err);
#define STORE_LEASE_US (10 * US_PER_S) /* unless told otherwise, before it claims */
void store_set_lease(struct store *s, int64_t lease_us);
/* How long a holder may be silent; 0 where the kernel keeps the claim and it need not be renewed. */
int64_t store_lease(const struct store *s);

/* A handle of another thread writes on the holder's behalf: each of its writes, too, is checked
 * against the epoch of the claim, and is -ESTALE when somebody else has it; nobody has it before this
 * handle's connection has ended. */
uint64_t store_claim_epoch(const struct store *s, enum store_role role); /* 0: it has no claim */
int store_join_claim(struct store *s, enum store_role role, uint64_t epoch, struct err *err);
/* Whether somebody holds it now, for this handle's part. -errno with a sentence where that cannot be told. */
int store_claimed(struct store *s, enum store_role role, bool *ret, struct err *err);
/* Whether there is room for more, as far as can be told without writing: 0, or -ENOSPC. */
int store_check_room(struct store *s, struct err *err);
#define STORE_CLAIM_WAIT_US (2 * US_PER_S) /* what daemons wait */

/* ── Sites and owners ──────────────────────────────────────────────────── */

/* Every edit has a number, one higher than the last; what it wrote carries it.
 * Asking for the newest costs next to nothing: ask often. What another process committed
 * may come some milliseconds later: a server tells of it, and is asked itself only once a
 * second. */
int store_newest_change(struct store *s, uint64_t *ret, struct err *err);

typedef int store_site_fn(void *arg, const struct site *site);
typedef int store_owner_fn(void *arg, const struct owner *owner);

/* Everything that an edit after `since` wrote, tombstones included; with
 * `since` 0 all that is not removed. In order of id. An owner that is removed
 * leaves no tombstone: nothing was theirs. */
int store_each_site(struct store *s, uint64_t since, store_site_fn *fn, void *arg, struct err *err);
int store_each_owner(struct store *s, uint64_t since, store_owner_fn *fn, void *arg, struct err *err);

/* The same in brief, for whoever looks at the sites and holds a million of them:
 * without name, tags, owner and confirm, which are "" and 0. All sites that are
 * not removed, in order of id ... */
int store_each_brief(struct store *s, store_site_fn *fn, void *arg, struct err *err);
/* ... and what edits wrote after the mark, tombstones included, in the order of
 * edits, at most `most` of them; the mark moves on behind the last. {0, 0} is
 * before everything, {n, UINT64_MAX} behind edit n. Returns how many there were:
 * fewer than `most` when there are no more. A callback's non-zero is returned
 * with the mark where it was. */
struct site_mark {
    uint64_t change, id;
};
int store_next_briefs(struct store *s, struct site_mark *mark, unsigned most, store_site_fn *fn, void *arg,
                      struct err *err);
/* Slots at which sites were looked at, in no order: the newest of each site that
 * its state knows of, or should, is among them, and maybe several older ones.
 * Removed sites' may be, too. */
typedef int store_slot_fn(void *arg, uint64_t site_id, wall_us slot_us);
int store_each_last_slot(struct store *s, store_slot_fn *fn, void *arg, struct err *err);

/* By id, name or URL (the first that fits, in this order; of several sites
 * with one URL the lowest id). Removed ones are found by their id only. The copy
 * is the caller's (site_free); -ENOENT. */
int store_find_site(struct store *s, const char *what, struct site **ret, struct err *err);

/* An edit is one transaction with one number. `now` is when. Only one at a
 * time on a handle, and nothing else on that handle meanwhile. */
int store_edit_begin(struct store *s, wall_us now, struct err *err);
/* Id 0 adds and the new id is returned; otherwise the row is changed. A site's
 * changed_us moves only when URL, interval or paused differ. -EEXIST when
 * another site (or owner) has that name, -ENOENT when there is no such id (or
 * owner_id; 0 is nobody's): the edit can go on after these. After any other
 * failure it can only be aborted. */
int store_edit_owner(struct store *s, const struct owner *o, uint64_t *ret_id, struct err *err);
int store_edit_site(struct store *s, const struct site *site, uint64_t *ret_id, struct err *err);
int store_edit_remove_site(struct store *s, uint64_t id, struct err *err); /* leaves a tombstone */
int store_edit_remove_owner(struct store *s, uint64_t id,
                            struct err *err); /* -EBUSY while a site is theirs */
int store_edit_commit(struct store *s, struct err *err);
void store_edit_abort(struct store *s); /* without an edit: nothing */

/* ── Numbers that are never reused ─────────────────────────────────────── */

/* The next coordinator epoch: 1 for a new store, one more at each call. */
int store_next_epoch(struct store *s, uint32_t *ret, struct err *err);
/* The highest ids in use, 0 for none: the collector, the only one who makes
 * incidents and notices of its shard, counts on from there (shard_next_id). */
int store_newest_ids(struct store *s, uint64_t *ret_incident, uint64_t *ret_notice, struct err *err);

/* ── What the collector records ────────────────────────────────────────── */

/* What became of an attempt to deliver a notice. */
struct notice_outcome {
    uint64_t notice_id;
    enum notice_state state;
    uint32_t attempts;
    wall_us next_try_us;
    wall_us sent_us;
    const char *trouble;
};

/* One transaction's worth: either all of it is in the store afterwards, or
 * none. Everything may be repeated without harm:
 *   results    one line per run; a run that has a line keeps the one it has.
 *              fresh[i], when fresh is not NULL, says whether results[i] was
 *              new. A line for a missed span stands for all its slots: it is
 *              laid around those that have a line (and is new when any has
 *              none), and a result that comes later for one of them is not new.
 *              Nor is one with a slot that has been pruned.
 *   states     overwrite the site's state, unless the stored last_slot_us is newer
 *   views      likewise; with the state of their site, so that the two agree
 *   states_us  no state of this handle's shard is behind lines with earlier slots; 0 leaves it as
 *              it is. What is read is the earliest of all shards
 *   incidents  by id, inserted or overwritten
 *   episodes   likewise
 *   evidence   added unless the same run is there for that incident
 *   notices    inserted; at most one per incident, owner, channel, kind and number
 *   outcomes   change state, attempts, times and trouble of a notice that is
 *              pending; one that is sent, failed or superseded stays
 * -EINVAL for what can never be recorded: a result out of bounds, a notice with
 * another one's id. Of a result the details are kept where there is something to
 * explain, and the end of its certificate to the second.
 */
struct record {
    const struct result *results;
    size_t n_results;
    bool *fresh;
    const struct site_state *states;
    size_t n_states;
    const struct site_view *views;
    size_t n_views;
    wall_us states_us;
    const struct incident *incidents;
    size_t n_incidents;
    const struct evidence *evidence;
    size_t n_evidence;
    const struct episode *episodes;
    size_t n_episodes;
    const struct notice *notices;
    size_t n_notices;
    const struct notice_outcome *outcomes;
    size_t n_outcomes;
};
int store_record(struct store *s, const struct record *r, struct err *err);

/* The coordinator's newest vitals, for this handle's shard; workers are added or overwritten by name and
 * lane. Workers that are not named for an hour are forgotten. */
int store_put_vitals(struct store *s, const struct vitals *v, struct err *err);

/* ── Looking at it ─────────────────────────────────────────────────────── */

typedef int store_state_fn(void *arg, const struct site_state *state);
typedef int store_view_fn(void *arg, const struct site_view *view);
typedef int store_result_fn(void *arg, const struct result *result);
typedef int store_incident_fn(void *arg, const struct incident *incident);
typedef int store_notice_fn(void *arg, const struct notice *notice);
typedef int store_worker_fn(void *arg, const struct worker_vitals *worker);

/* States of sites that are not removed, in order of id; those with none yet
 * are left out. site_id 0: all. -ENOENT is not an error: no call, returns 0.
 *
 * Writing a state for each look would cost more than all else, and most say
 * nothing new. So a state may be left out of a record while its site's health,
 * incident and blips stay as they are: what a scheduled look that is newer than
 * the state says is laid over it when it is read (last_slot_us, and what is told
 * of the last look). Lines are searched for that from states_us on. A look that
 * began before the site was changed, and CAUSE_MISSED, say nothing. */
int store_each_state(struct store *s, uint64_t site_id, store_state_fn *fn, void *arg, struct err *err);
/* How each of its locations sees a site, of those sites that have several: in order of site and
 * location. Locations that have not looked yet, and those that the site has no more, are left
 * out. site_id 0: all. */
int store_each_view(struct store *s, uint64_t site_id, store_view_fn *fn, void *arg, struct err *err);
/* The newest states_us that was recorded; WALL_NEVER before any: no state is behind. */
int store_get_states_us(struct store *s, wall_us *ret, struct err *err);

/* The ledger's lines of one site with from_us <= slot < to_us, newest slot
 * first, looks of one slot in order; at most `max`. Lines that stand for a span
 * are found by their first slot. With site_id 0: of all sites. A line is sure to
 * be found when its slot is on the grid of an interval that the site has or had,
 * or is the one of the first state that was recorded of the site. */
int store_each_result(struct store *s, uint64_t site_id, wall_us from_us, wall_us to_us, size_t max,
                      store_result_fn *fn, void *arg, struct err *err);

struct incident_filter {
    uint64_t id, site_id; /* 0: any */
    bool open_only;
    size_t max; /* 0: all */
};
/* Newest first. */
int store_each_incident(struct store *s, const struct incident_filter *f, store_incident_fn *fn, void *arg,
                        struct err *err);

struct episode_filter {
    bool open_only;
    size_t max; /* 0: all */
};
typedef int store_episode_fn(void *arg, const struct episode *episode);
/* Newest first. */
int store_each_episode(struct store *s, const struct episode_filter *f, store_episode_fn *fn, void *arg,
                       struct err *err);

int store_each_evidence(struct store *s, uint64_t incident_id, store_result_fn *fn, void *arg,
                        struct err *err);

struct notice_filter {
    uint64_t incident_id; /* 0: any */
    bool pending_only;
    size_t max; /* 0: all */
};
/* Pending ones oldest first (the order in which they are sent), otherwise newest first. */
int store_each_notice(struct store *s, const struct notice_filter *f, store_notice_fn *fn, void *arg,
                      struct err *err);

/* Of all shards together: counts are added up, at_us is the oldest, lateness the worst. -ENOENT when no
 * coordinator has told its vitals yet. workers and settled_us are left empty. */
int store_get_vitals(struct store *s, struct vitals *ret, struct err *err);
/* settled_us of the newest vitals of this handle's shard: whoever coordinates it next looks for slots without
 * a line from there on. 0 when nobody has told. */
int store_get_settled(struct store *s, wall_us *ret, struct err *err);
int store_each_worker(struct store *s, store_worker_fn *fn, void *arg, struct err *err);

/* Sites by health; paused ones are counted there and nowhere else. */
struct summary {
    uint64_t sites, paused;        /* sites: the sum of health */
    uint64_t health[HEALTH_COUNT]; /* sites without a state are HEALTH_NEW */
    uint64_t incidents_open, incidents_all;
    uint64_t notices[NOTICE_STATE_COUNT];
    wall_us oldest_pending_us; /* 0 none */
    uint64_t looks;            /* lines in the ledger */
    uint64_t bytes;            /* of the store's file */
};
int store_get_summary(struct store *s, struct summary *ret, struct err *err);

/* ── Keys ──────────────────────────────────────────────────────────────── */

/* Who is let in on links that leave a host, see access.h. A key that was added
 * stays for people to see, and its id is never another's. Each of these is a
 * transaction of its own.
 *
 * id, revoked_us: the store's. -EEXIST when the public key is there already, also
 * a revoked one; -EINVAL for a role that is none, a worker without location. */
int store_add_key(struct store *s, const struct access_key *k, uint64_t *ret_id, struct err *err);
/* From `now` on. -ENOENT when there is no such id; a second time changes nothing. */
int store_revoke_key(struct store *s, uint64_t id, wall_us now, struct err *err);
/* A number that is another one after every change of the keys. Cheap: ask often. */
int store_keys_change(struct store *s, uint64_t *ret, struct err *err);
typedef int store_key_fn(void *arg, const struct access_key *k);
int store_each_key(struct store *s, store_key_fn *fn, void *arg,
                   struct err *err); /* by id, revoked ones too */

/* ── History ───────────────────────────────────────────────────────────── */

/* One site, one location, one hour. Confirming looks count for neither. */
struct rollup {
    uint64_t site_id;
    wall_us hour_us;
    char location[LOCATION_SIZE];
    uint32_t up, down, unknown; /* runs by verdict; unknown holds missed spans in full */
    uint64_t took_sum_us;       /* of the looks that ended up */
    uint32_t took_min_us, took_max_us;
};
typedef int store_rollup_fn(void *arg, const struct rollup *rollup);

/* Add the ledger's lines of a slice of time to the hours' roll-ups, at most one
 * minute of slots per call, none at or after `until_us`. Remembers how far it
 * got: nothing is counted twice and nothing left out, whatever dies in between,
 * and a line that arrives for a slot that has been rolled up is added when it
 * is recorded. *ret_more tells whether there is another slice before until_us. */
int store_roll_up(struct store *s, wall_us until_us, bool *ret_more, struct err *err);
/* Hours with from_us <= hour_us < to_us, oldest first. With site_id 0: of all sites. */
int store_each_rollup(struct store *s, uint64_t site_id, wall_us from_us, wall_us to_us, store_rollup_fn *fn,
                      void *arg, struct err *err);

/* Write the ledger's lines of whole hours before `until_us`, and the roll-ups of whole
 * days, in a form that takes a quarter of the space; only lines that are rolled up and
 * that no state is behind, and roll-ups of days that are rolled up in full.
 * A slice of the work at each call, a fraction of a second. Nobody who reads sees
 * the difference. What a process that dies leaves half done is done again.
 * *ret_more as above. */
int store_pack(struct store *s, wall_us until_us, bool *ret_more, struct err *err);

/* Forget ledger lines with slots before results_us (only such that are rolled
 * up) and roll-ups before rollups_us, at most `max` of each in one call. Of what is
 * packed whole hours, and whole days of roll-ups, are forgotten. States,
 * incidents with their evidence, and notices stay. *ret_more as above. */
int store_prune(struct store *s, wall_us results_us, wall_us rollups_us, size_t max, bool *ret_more,
                struct err *err);

/* ── The store as a whole ──────────────────────────────────────────────── */

/* All that is in one store into another, new one, of whatever kind: one transaction
 * there. fn (may be NULL) is told of each table when it is done; its non-zero ends it.
 * Both handles are open for writing. Nobody else may be at work with either: claim both
 * parts of both first. -EEXIST when the target is in use. */
typedef int store_copied_fn(void *arg, const char *table, uint64_t rows);
int store_copy(struct store *from, struct store *to, store_copied_fn *fn, void *arg, struct err *err);

/* Looks for what cannot be; fn is told how many there are of each fault. Reads all of
 * it: minutes for a large one. Beside daemons at work it may take what is just being
 * written for one. */
typedef int store_fault_fn(void *arg, const char *what, uint64_t n);
int store_check(struct store *s, store_fault_fn *fn, void *arg, struct err *err);

#endif
