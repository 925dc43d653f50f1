/* sql_inside.h - what the sql_*.c files share beyond queries. Included by the files of this folder only. */
#ifndef COMMON_STORE_SQL_INSIDE_H
#define COMMON_STORE_SQL_INSIDE_H

#include "common/store/hours.h"
#include "common/store/lines.h"
#include "common/store/sql_query_inside.h"

#include <stdlib.h>

/* ── Names (sql_words.c) ────────────────────────────────────────────── */

/* The number of a name, given one if it has none; inside a write transaction.
 * 0 for "". */
int sql_word(struct sql *s, const char *text, int64_t *ret, struct err *err);
/* The name of a number, "" for 0 and for numbers that are none; borrowed until the next call. */
int sql_word_text(struct sql *s, int64_t id, const char **ret, struct err *err);
void sql_forget_words(struct sql *s);

/* ── Lines of the ledger ───────────────────────────────────────────────── */

/* As in the tables look and evidence; query_put_result and query_result follow this order. */
#define LOOK_COLUMNS                                                                       \
    "slot_us, site_id, look, location_id, job_id, span, verdict, cause, status, method, "  \
    "redirects, suspect, late_us, took_us, dns_us, connect_us, tls_us, wait_us, body_us, " \
    "tls_expires_s, address, worker_id, lane, detail"
#define LOOK_MARKS "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"

enum { LOOK_ADDRESS = 20, LOOK_DETAIL = 23, LOOK_COLUMN_COUNT = 24 }; /* those that are no numbers */
int sql_look_numbers(struct sql *s, const struct result *r, wall_us slot_us, uint32_t span,
                     int64_t location_id, int64_t to[LOOK_COLUMN_COUNT], struct err *err);
bool sql_explains(const struct result *r); /* its detail is kept */

/* The line of a run, or the part of a missed span, that begins at slot_us. */
int query_put_result(struct query *q, const struct result *r, wall_us slot_us, uint32_t span,
                     int64_t location_id, struct err *err);
int query_result(const struct query *q, struct result *ret, struct err *err);
/* An address is its 4 or 16 bytes, or text where it is no plain one; a column of bytes
 * has text with one or two zeros behind it, so that it is never so long. `to` has
 * room for ADDRESS_SIZE + 2; returns the length, *ret_text tells which. */
size_t sql_address_bytes(const char *address, void *to, bool *ret_text);
/* Every row to fn: 0, an error, or what fn said. */
int query_each_result(struct query *q, size_t *left, store_result_fn *fn, void *arg, struct err *err);

/* The same as a line of a packed hour; names are given numbers, as in sql_word. */
int sql_line_of(struct sql *s, const struct result *r, wall_us slot_us, uint32_t span, int64_t location_id,
                struct line *ret, struct err *err);
void query_line(const struct query *q, struct line *ret); /* of a row with LOOK_COLUMNS */
int sql_result_of(struct sql *s, uint64_t site_id, const struct line *line, struct result *ret,
                  struct err *err);

/* Packed hours (sql_packed.c). A site's lines in one hour, in order. */
struct packed {
    struct line *line;
    size_t n, room;
    uint8_t *bytes; /* what details point into */
};
void packed_done(struct packed *p); /* a zeroed one is fine */
static inline void scope_end_packed(struct packed *p)
{
    packed_done(p);
}
/* n is 0 where there is none. */
int sql_packed_get(struct sql *s, int64_t hour, uint64_t site_id, struct packed *ret, struct err *err);
/* Add a line to its hour unless its run has one there; *ret_added tells. */
int sql_packed_add(struct sql *s, uint64_t site_id, const struct line *line, bool *ret_added,
                   struct err *err);
int sql_packed_put(struct sql *s, int64_t hour, uint64_t site_id, size_t n, const void *bytes, size_t len,
                   struct err *err);
bool packed_has(const struct packed *p, wall_us slot_us, uint32_t look, int64_t location_id);
/* Lines with from_us <= slot < to_us, in the order of store_each_result. */
int sql_each_packed(struct sql *s, uint64_t site_id, wall_us from_us, wall_us to_us, size_t *left,
                    store_result_fn *fn, void *arg, struct err *err);

/* Packing (sql_pack.c). A line was recorded in the hour that is being packed:
 * it must not be missed there. */
struct marks;
int sql_packing_line(struct sql *s, const struct marks *m, uint64_t site_id, const struct line *line,
                     struct err *err);
void sql_forget_packing(struct sql *s);
extern size_t sql_pack_bytes; /* ceiling of what is gathered at once; a test lowers it */

/* What a write transaction must know of the whole ledger. */
struct marks {
    wall_us rolled_up_us, spans_until_us, pruned_us, packed_us, states_us;
    uint64_t packing_site;
    int64_t packed_day;
    uint64_t packed_day_site;
};
int sql_marks(struct sql *s, struct marks *ret, struct err *err);

/* Where a site's slots lie: the grids of the intervals that it has or had, the
 * present one first, and the slot of its first round, which came early. */
#define SQL_MAX_GRIDS 32
struct grid {
    int64_t every_us;
    wall_us until_us; /* WALL_NEVER for the present one */
};
struct grids {
    size_t n; /* 0: the site is not in the store; above SQL_MAX_GRIDS: there are more than these */
    struct grid grid[SQL_MAX_GRIDS];
    wall_us added_us;
    wall_us first_us; /* 0 when not known */
};
int sql_grids(struct sql *s, uint64_t site_id, struct grids *ret, struct err *err);
static inline bool grid_has(const struct grid *g, uint64_t site_id, wall_us slot_us)
{
    return site_next_slot(site_id, (uint32_t)(g->every_us / US_PER_MS), slot_us) == slot_us;
}

/* Missed spans (sql_span.c). A part is consecutive slots without a line; its
 * interval is 0 when the slots are on no grid that the site has or had. */
struct span_part {
    wall_us slot_us;
    uint32_t n;
    int64_t every_us;
};
typedef int span_part_fn(void *arg, const struct span_part *part, struct err *err);
/* Every such part of r's span, in order. */
int sql_span_parts(struct sql *s, const struct result *r, int64_t location_id, span_part_fn *fn, void *arg,
                   struct err *err);
int sql_span_add(struct sql *s, uint64_t site_id, int64_t location_id, const struct span_part *part,
                 struct err *err);
/* Whether a span line stands for this slot, and which interval it has. */
struct span_seen {
    bool covered;
    int64_t every_us;
    wall_us until_us; /* from the slot to here nothing changes, as far as spans go that began before */
};
int sql_span_see(struct sql *s, uint64_t site_id, int64_t location_id, wall_us slot_us, struct span_seen *ret,
                 struct err *err);

/* Roll-ups of one site, in any order. */
struct hours {
    struct hour *at;
    size_t n, room;
};
static inline void hours_done(struct hours *h)
{
    free(h->at);
}
static inline void scope_end_hours(struct hours *h)
{
    hours_done(h);
}
static inline int64_t hour_at_or_after(wall_us at)
{
    return at <= 0 ? 0 : (at - 1) / US_PER_HOUR + 1;
}
#define ROLLUP_COLUMNS "hour, site_id, location_id, up, down, unknown, took_sum_us, took_min_us, took_max_us"
void query_hour(const struct query *q, struct hour *ret); /* of a row with ROLLUP_COLUMNS */

/* Packed days (sql_days.c). */
bool sql_day_is_packed(const struct marks *m, int64_t day, uint64_t site_id);
/* A row's `hours`, all of them behind those that are there. */
int query_hours(const struct query *q, int column, int64_t day, uint64_t site_id, struct hours *to,
                struct err *err);
/* Add to an hour of a packed day. */
int sql_day_add(struct sql *s, uint64_t site_id, const struct hour *more, struct err *err);
extern unsigned sql_pack_sites; /* ids that are packed in one call, at most; a test lowers it */
/* A slice of the work: days that are over by then. */
int sql_pack_days(struct sql *s, wall_us until_us, bool *ret_more, struct err *err);
int sql_prune_days(struct sql *s, int64_t before_day, int64_t max, struct err *err);

/* One line into the roll-ups of its hours; *work counts the rows touched. */
struct roll_line {
    uint64_t site_id;
    int64_t location_id;
    struct span_part slots;
    enum verdict verdict;
    uint32_t took_us;
};
int sql_roll_up_line(struct sql *s, const struct marks *m, const struct roll_line *line, size_t *work,
                     struct err *err);

/* ── The members of a backend, by file ──────────────────────────────── */

/* sql_sites.c, sql_edit.c */
int sql_newest_change(struct store *s, uint64_t *ret, struct err *err);
int sql_each_site(struct store *s, uint64_t since, store_site_fn *fn, void *arg, struct err *err);
int sql_each_brief(struct store *s, store_site_fn *fn, void *arg, struct err *err);
int sql_next_briefs(struct store *s, struct site_mark *mark, unsigned most, store_site_fn *fn, void *arg,
                    struct err *err);
int sql_each_last_slot(struct store *s, store_slot_fn *fn, void *arg, struct err *err);
int sql_each_owner(struct store *s, uint64_t since, store_owner_fn *fn, void *arg, struct err *err);
int sql_find_site(struct store *s, const char *what, struct site **ret, struct err *err);
int sql_edit_begin(struct store *s, wall_us now, struct err *err);
int sql_edit_owner(struct store *s, const struct owner *o, uint64_t *ret_id, struct err *err);
int sql_edit_site(struct store *s, const struct site *site, uint64_t *ret_id, struct err *err);
int sql_edit_remove_site(struct store *s, uint64_t id, struct err *err);
int sql_edit_remove_owner(struct store *s, uint64_t id, struct err *err);
int sql_edit_commit(struct store *s, struct err *err);
void sql_edit_abort(struct store *s);

/* sql_record.c */
int sql_next_epoch(struct store *s, uint32_t *ret, struct err *err);
int sql_newest_ids(struct store *s, uint64_t *ret_incident, uint64_t *ret_notice, struct err *err);
int sql_record(struct store *s, const struct record *r, struct err *err);

/* sql_vitals.c */
int sql_put_vitals(struct store *s, const struct vitals *v, struct err *err);
int sql_get_vitals(struct store *s, struct vitals *ret, struct err *err);
int sql_get_settled(struct store *s, wall_us *ret, struct err *err);
int sql_each_worker(struct store *s, store_worker_fn *fn, void *arg, struct err *err);

/* sql_ledger.c */
int sql_each_result(struct store *s, uint64_t site_id, wall_us from_us, wall_us to_us, size_t max,
                    store_result_fn *fn, void *arg, struct err *err);
int sql_each_evidence(struct store *s, uint64_t incident_id, store_result_fn *fn, void *arg, struct err *err);

/* sql_view.c */
int sql_put_views(struct sql *s, const struct record *rec, struct err *err);
int sql_each_view(struct store *s, uint64_t site_id, store_view_fn *fn, void *arg, struct err *err);

/* sql_read.c */
int sql_each_state(struct store *s, uint64_t site_id, store_state_fn *fn, void *arg, struct err *err);
int sql_put_episodes(struct sql *s, const struct record *rec, struct err *err);
int sql_each_episode(struct store *s, const struct episode_filter *f, store_episode_fn *fn, void *arg,
                     struct err *err);
int sql_each_incident(struct store *s, const struct incident_filter *f, store_incident_fn *fn, void *arg,
                      struct err *err);
int sql_each_notice(struct store *s, const struct notice_filter *f, store_notice_fn *fn, void *arg,
                    struct err *err);
int sql_get_states_us(struct store *s, wall_us *ret, struct err *err);
int sql_get_summary(struct store *s, struct summary *ret, struct err *err);

/* sql_shard.c */
void sql_set_shard(struct store *s, struct shard shard);
int sql_shards(struct store *s, uint32_t *ret, struct err *err);
int sql_cut(struct store *s, struct err *err);
int sql_join_cluster(struct store *s, const char *public, struct err *err);
int sql_put_sweep(struct sql *s, wall_us states_us, struct err *err); /* in a transaction */

/* sql_keys.c */
int sql_add_key(struct store *s, const struct access_key *k, uint64_t *ret_id, struct err *err);
int sql_revoke_key(struct store *s, uint64_t id, wall_us now, struct err *err);
int sql_keys_change(struct store *s, uint64_t *ret, struct err *err);
int sql_each_key(struct store *s, store_key_fn *fn, void *arg, struct err *err);

/* sql_history.c, sql_rollups.c, sql_pack.c */
int sql_roll_up(struct store *s, wall_us until_us, bool *ret_more, struct err *err);
int sql_each_rollup(struct store *s, uint64_t site_id, wall_us from_us, wall_us to_us, store_rollup_fn *fn,
                    void *arg, struct err *err);
int sql_pack(struct store *s, wall_us until_us, bool *ret_more, struct err *err);
int sql_prune(struct store *s, wall_us results_us, wall_us rollups_us, size_t max, bool *ret_more,
              struct err *err);

/* sql.c */
const char *sql_name(const struct store *s);

/* sql_copy.c */
int sql_copy(struct store *from, struct store *to, store_copied_fn *fn, void *arg, struct err *err);
int sql_check(struct store *s, store_fault_fn *fn, void *arg, struct err *err);

/* ... and as a backend's table has them. */
#define SQL_MEMBERS                                                                                     \
    .set_shard = sql_set_shard, .shards = sql_shards, .cut = sql_cut, .join_cluster = sql_join_cluster, \
    .each_site = sql_each_site, .each_brief = sql_each_brief, .next_briefs = sql_next_briefs,           \
    .each_last_slot = sql_each_last_slot, .each_owner = sql_each_owner, .find_site = sql_find_site,     \
    .edit_begin = sql_edit_begin, .edit_owner = sql_edit_owner, .edit_site = sql_edit_site,             \
    .edit_remove_site = sql_edit_remove_site, .edit_remove_owner = sql_edit_remove_owner,               \
    .edit_commit = sql_edit_commit, .edit_abort = sql_edit_abort, .next_epoch = sql_next_epoch,         \
    .newest_ids = sql_newest_ids, .record = sql_record, .put_vitals = sql_put_vitals,                   \
    .each_state = sql_each_state, .each_view = sql_each_view, .each_result = sql_each_result,           \
    .each_incident = sql_each_incident, .each_episode = sql_each_episode,                               \
    .each_evidence = sql_each_evidence, .each_notice = sql_each_notice, .get_vitals = sql_get_vitals,   \
    .each_worker = sql_each_worker, .get_states_us = sql_get_states_us, .get_settled = sql_get_settled, \
    .add_key = sql_add_key, .revoke_key = sql_revoke_key, .keys_change = sql_keys_change,               \
    .each_key = sql_each_key, .get_summary = sql_get_summary, .roll_up = sql_roll_up,                   \
    .each_rollup = sql_each_rollup, .pack = sql_pack, .prune = sql_prune, .copy = sql_copy,             \
    .check = sql_check, .name = sql_name

#endif
