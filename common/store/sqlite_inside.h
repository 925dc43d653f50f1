/* sqlite_inside.h - what the sqlite_*.c files share: the handle, its queries
 * and transactions, and the interned names. Included by them only. */
#ifndef COMMON_STORE_SQLITE_INSIDE_H
#define COMMON_STORE_SQLITE_INSIDE_H

#include "common/store/backend.h"

#include "common/store/hours.h"
#include "common/store/lines.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* ── Queries (sqlite_query.c) ──────────────────────────────────────────── */

/* One for each SQL text: its place among the handle's prepared statements. */
enum query_id {
    Q_BEGIN,
    Q_COMMIT,
    Q_ROLLBACK,
    Q_IDENTITY,
    Q_WORD_BY_TEXT,
    Q_WORD_BY_ID,
    Q_WORD_ADD,
    Q_CHANGE,
    Q_CHANGE_SET,
    Q_SITES_ALL,
    Q_SITES_SINCE,
    Q_BRIEFS_ALL,
    Q_BRIEFS_EDIT,
    Q_BRIEFS_SINCE,
    Q_LAST_SLOTS,
    Q_SITE_BY_ID,
    Q_SITE_BY_NAME,
    Q_SITE_BY_URL,
    Q_SITE_WATCH,
    Q_SITE_ADD,
    Q_SITE_SET,
    Q_SITE_REMOVE,
    Q_GRID_ADD,
    Q_OWNERS_SINCE,
    Q_OWNER_CHANNELS,
    Q_OWNER_LIVES,
    Q_OWNER_ADD,
    Q_OWNER_SET,
    Q_OWNER_REMOVE,
    Q_OWNER_HAS_SITE,
    Q_CHANNELS_DROP,
    Q_CHANNEL_ADD,
    Q_EPOCH,
    Q_NEWEST_IDS,
    Q_MARKS,
    Q_LOOKS_COUNT,
    Q_LOOK_ADD,
    Q_LOOK_IS,
    Q_LOOK_NEXT,
    Q_SPAN_AT,
    Q_SPAN_ADD,
    Q_SPAN_UNTIL_SET,
    Q_STATE_PUT,
    Q_VIEW_PUT,
    Q_INCIDENT_PUT,
    Q_EVIDENCE_ADD,
    Q_EPISODE_PUT,
    Q_EPISODES_ALL,
    Q_EPISODES_OPEN,
    Q_NOTICE_ADD,
    Q_NOTICE_IS,
    Q_NOTICE_OUTCOME,
    Q_VITALS_PUT,
    Q_VITALS,
    Q_WORKER_PUT,
    Q_WORKERS_FORGET,
    Q_WORKERS,
    Q_STATES,
    Q_STATES_US,
    Q_STATES_US_SET,
    Q_STATE,
    Q_VIEWS,
    Q_VIEWS_ALL,
    Q_LOOKS_ALL,
    Q_LOOKS_OF_SITE,
    Q_LOOKS_OF_SLOT,
    Q_LOOKS_FAR,
    Q_LOOK_OLDEST,
    Q_PACK_EDGE,
    Q_PACK_LINES,
    Q_PACK_LATE,
    Q_PACK_SET,
    Q_PACK_DROP,
    Q_PACKED_PUT,
    Q_PACKED_GET,
    Q_PACKED_HOUR,
    Q_PACKED_BEFORE,
    Q_PACKED_OLDEST,
    Q_PACKED_COUNT,
    Q_PRUNE_PACKED,
    Q_SITE_GRIDS,
    Q_INCIDENTS_ALL,
    Q_INCIDENTS_ONE,
    Q_INCIDENTS_SITE,
    Q_INCIDENTS_OPEN,
    Q_EVIDENCE,
    Q_NOTICES_ALL,
    Q_NOTICES_INCIDENT,
    Q_NOTICES_PENDING,
    Q_NOTICES_PENDING_INCIDENT,
    Q_SUMMARY_SITES,
    Q_SUMMARY_NOTICES,
    Q_SUMMARY_REST,
    Q_ROLL_LINES,
    Q_ROLL_ADD,
    Q_ROLLED_SET,
    Q_ROLLUPS_ALL,
    Q_ROLLUPS_SITE,
    Q_ROLLUP_HOURS,
    Q_DAY_GET,
    Q_DAY_PUT,
    Q_DAY_OLDEST,
    Q_DAY_SITE,
    Q_DAY_HOURS,
    Q_DAY_DROP,
    Q_DAY_MARK,
    Q_DAY_PRUNE,
    Q_PRUNE_HAS,
    Q_PRUNE_LOOKS,
    Q_PRUNE_SPANS,
    Q_PRUNE_GRIDS,
    Q_PRUNE_SET,
    Q_PRUNE_ROLLUPS,
    QUERY_COUNT, /* last */
};

struct word;
struct packing;

struct sqlite {
    struct store base; /* first */
    sqlite3 *db;
    char *path; /* for sentences */
    int64_t patience_us;
    sqlite3_stmt *kept[QUERY_COUNT]; /* prepared at first use, until the handle is closed */
    struct word *by_text, *by_id;    /* interned names that were seen lately */
    int claimed[STORE_ROLE_COUNT];   /* descriptors of the lock files; -1 none */
    struct packing *packing;         /* the hour that is being packed, NULL between */
    struct {
        bool open;
        int broken; /* a failure after which it cannot be committed */
        uint64_t change;
        wall_us now;
    } edit;
};

static inline struct sqlite *sqlite_of(struct store *s)
{
    return (struct sqlite *)s;
}

/* What SQLite's last complaint means, as store.h's number and a sentence that
 * names the store: "sqlite:/var/x.db: cannot record: the disk is full". */
int sqlite_fail(struct sqlite *s, int rc, const char *doing, struct err *err);

/* A statement in use. Parameters are put in order of their numbers; columns are
 * got by number, from 0. One that is already running (a callback asks what its
 * walk is asking) gets a second statement of its own. */
struct query {
    struct sqlite *s;
    sqlite3_stmt *st;
    const char *doing; /* for sentences: "cannot <doing>: ..." */
    int at;            /* parameters put so far */
    int trouble;       /* the first failure of putting one */
    bool own;
};
int query_new(struct query *ret, struct sqlite *s, enum query_id id, const char *doing, const char *sql,
              struct err *err);
void query_done(struct query *q); /* a zeroed one is fine */
static inline void scope_end_query(struct query *q)
{
    query_done(q);
}

void query_put_int(struct query *q, int64_t v);
void query_put_text(struct query *q, const char *v); /* NULL as ""; borrowed until the next run */
void query_put_bytes(struct query *q, const void *v, int len);
void query_put_null(struct query *q);

int query_step(struct query *q, struct err *err); /* 1: a row, 0: no more */
/* To its end, and ready for new parameters. */
int query_run(struct query *q, struct err *err);
/* The first row's first column, then as query_run; -ENOENT without a sentence when there is no row. */
int query_number(struct query *q, int64_t *ret, struct err *err);

static inline int64_t query_int(const struct query *q, int column)
{
    return sqlite3_column_int64(q->st, column);
}
static inline const char *query_text(const struct query *q, int column)
{
    const unsigned char *text = sqlite3_column_text(q->st, column);
    return text ? (const char *)text : "";
}
void query_copy(const struct query *q, int column, char *to, size_t size); /* cut to fit */

/* Write transactions. -EINVAL while an edit is open on the handle. */
int sqlite_begin(struct sqlite *s, const char *doing, struct err *err);
/* Commits when r is 0, otherwise, or when that fails, undoes all; returns what to return. */
int sqlite_end(struct sqlite *s, int r, const char *doing, struct err *err);
void sqlite_rollback(struct sqlite *s);

/* ── Names (sqlite_words.c) ────────────────────────────────────────────── */

/* The number of a name, given one if it has none; inside a write transaction.
 * 0 for "". */
int sqlite_word(struct sqlite *s, const char *text, int64_t *ret, struct err *err);
/* The name of a number, "" for 0 and for numbers that are none; borrowed until the next call. */
int sqlite_word_text(struct sqlite *s, int64_t id, const char **ret, struct err *err);
void sqlite_forget_words(struct sqlite *s);

/* ── Claims (sqlite_claim.c) ───────────────────────────────────────────── */

int sqlite_claim(struct store *base, enum store_role role, int64_t wait_us, struct err *err);
int sqlite_claimed(struct store *base, enum store_role role, bool *ret, struct err *err);
int sqlite_check_room(struct store *base, struct err *err);
void sqlite_give_up_claims(struct sqlite *s);

/* ── Lines of the ledger ───────────────────────────────────────────────── */

/* As in the tables look and evidence; query_put_result and query_result follow this order. */
#define LOOK_COLUMNS                                                                       \
    "slot_us, site_id, look, location_id, job_id, span, verdict, cause, status, method, "  \
    "redirects, suspect, late_us, took_us, dns_us, connect_us, tls_us, wait_us, body_us, " \
    "tls_expires_s, address, worker_id, lane, detail"
#define LOOK_MARKS "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"

/* The line of a run, or the part of a missed span, that begins at slot_us. */
int query_put_result(struct query *q, const struct result *r, wall_us slot_us, uint32_t span,
                     int64_t location_id, struct err *err);
int query_result(const struct query *q, struct result *ret, struct err *err);
/* Every row to fn: 0, an error, or what fn said. */
int query_each_result(struct query *q, size_t *left, store_result_fn *fn, void *arg, struct err *err);

/* The same as a line of a packed hour; names are given numbers, as in sqlite_word. */
int sqlite_line_of(struct sqlite *s, const struct result *r, wall_us slot_us, uint32_t span,
                   int64_t location_id, struct line *ret, struct err *err);
void query_line(const struct query *q, struct line *ret); /* of a row with LOOK_COLUMNS */
int sqlite_result_of(struct sqlite *s, uint64_t site_id, const struct line *line, struct result *ret,
                     struct err *err);

/* Packed hours (sqlite_packed.c). A site's lines in one hour, in order. */
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
int sqlite_packed_get(struct sqlite *s, int64_t hour, uint64_t site_id, struct packed *ret, struct err *err);
/* Add a line to its hour unless its run has one there; *ret_added tells. */
int sqlite_packed_add(struct sqlite *s, uint64_t site_id, const struct line *line, bool *ret_added,
                      struct err *err);
int sqlite_packed_put(struct sqlite *s, int64_t hour, uint64_t site_id, size_t n, const void *bytes,
                      size_t len, struct err *err);
bool packed_has(const struct packed *p, wall_us slot_us, uint32_t look, int64_t location_id);
/* Lines with from_us <= slot < to_us, in the order of store_each_result. */
int sqlite_each_packed(struct sqlite *s, uint64_t site_id, wall_us from_us, wall_us to_us, size_t *left,
                       store_result_fn *fn, void *arg, struct err *err);

/* Packing (sqlite_pack.c). A line was recorded in the hour that is being packed:
 * it must not be missed there. */
struct marks;
int sqlite_packing_line(struct sqlite *s, const struct marks *m, uint64_t site_id, const struct line *line,
                        struct err *err);
void sqlite_forget_packing(struct sqlite *s);
extern size_t sqlite_pack_bytes; /* ceiling of what is gathered at once; a test lowers it */

/* What a write transaction must know of the whole ledger. */
struct marks {
    wall_us rolled_up_us, spans_until_us, pruned_us, packed_us, states_us;
    uint64_t packing_site;
    int64_t packed_day;
    uint64_t packed_day_site;
};
int sqlite_marks(struct sqlite *s, struct marks *ret, struct err *err);

/* Where a site's slots lie: the grids of the intervals that it has or had, the
 * present one first, and the slot of its first round, which came early. */
#define SQLITE_MAX_GRIDS 32
struct grid {
    int64_t every_us;
    wall_us until_us; /* WALL_NEVER for the present one */
};
struct grids {
    size_t n; /* 0: the site is not in the store; above SQLITE_MAX_GRIDS: there are more than these */
    struct grid grid[SQLITE_MAX_GRIDS];
    wall_us added_us;
    wall_us first_us; /* 0 when not known */
};
int sqlite_grids(struct sqlite *s, uint64_t site_id, struct grids *ret, struct err *err);
static inline bool grid_has(const struct grid *g, uint64_t site_id, wall_us slot_us)
{
    return site_next_slot(site_id, (uint32_t)(g->every_us / US_PER_MS), slot_us) == slot_us;
}

/* Missed spans (sqlite_span.c). A part is consecutive slots without a line; its
 * interval is 0 when the slots are on no grid that the site has or had. */
struct span_part {
    wall_us slot_us;
    uint32_t n;
    int64_t every_us;
};
typedef int span_part_fn(void *arg, const struct span_part *part, struct err *err);
/* Every such part of r's span, in order. */
int sqlite_span_parts(struct sqlite *s, const struct result *r, int64_t location_id, span_part_fn *fn,
                      void *arg, struct err *err);
int sqlite_span_add(struct sqlite *s, uint64_t site_id, int64_t location_id, const struct span_part *part,
                    struct err *err);
/* Whether a span line stands for this slot, and which interval it has. */
struct span_seen {
    bool covered;
    int64_t every_us;
    wall_us until_us; /* from the slot to here nothing changes, as far as spans go that began before */
};
int sqlite_span_see(struct sqlite *s, uint64_t site_id, int64_t location_id, wall_us slot_us,
                    struct span_seen *ret, struct err *err);

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

/* Packed days (sqlite_days.c). */
bool sqlite_day_is_packed(const struct marks *m, int64_t day, uint64_t site_id);
/* A row's `hours`, all of them behind those that are there. */
int query_hours(const struct query *q, int column, int64_t day, uint64_t site_id, struct hours *to,
                struct err *err);
/* Add to an hour of a packed day. */
int sqlite_day_add(struct sqlite *s, uint64_t site_id, const struct hour *more, struct err *err);
extern unsigned sqlite_pack_sites; /* ids that are packed in one call, at most; a test lowers it */
/* A slice of the work: days that are over by then. */
int sqlite_pack_days(struct sqlite *s, wall_us until_us, bool *ret_more, struct err *err);
int sqlite_prune_days(struct sqlite *s, int64_t before_day, int64_t max, struct err *err);

/* One line into the roll-ups of its hours; *work counts the rows touched. */
struct roll_line {
    uint64_t site_id;
    int64_t location_id;
    struct span_part slots;
    enum verdict verdict;
    uint32_t took_us;
};
int sqlite_roll_up_line(struct sqlite *s, const struct marks *m, const struct roll_line *line, size_t *work,
                        struct err *err);

/* ── The members of store_sqlite, by file ──────────────────────────────── */

/* sqlite_sites.c, sqlite_edit.c */
int sqlite_newest_change(struct store *s, uint64_t *ret, struct err *err);
int sqlite_each_site(struct store *s, uint64_t since, store_site_fn *fn, void *arg, struct err *err);
int sqlite_each_brief(struct store *s, store_site_fn *fn, void *arg, struct err *err);
int sqlite_next_briefs(struct store *s, struct site_mark *mark, unsigned most, store_site_fn *fn, void *arg,
                       struct err *err);
int sqlite_each_last_slot(struct store *s, store_slot_fn *fn, void *arg, struct err *err);
int sqlite_each_owner(struct store *s, uint64_t since, store_owner_fn *fn, void *arg, struct err *err);
int sqlite_find_site(struct store *s, const char *what, struct site **ret, struct err *err);
int sqlite_edit_begin(struct store *s, wall_us now, struct err *err);
int sqlite_edit_owner(struct store *s, const struct owner *o, uint64_t *ret_id, struct err *err);
int sqlite_edit_site(struct store *s, const struct site *site, uint64_t *ret_id, struct err *err);
int sqlite_edit_remove_site(struct store *s, uint64_t id, struct err *err);
int sqlite_edit_remove_owner(struct store *s, uint64_t id, struct err *err);
int sqlite_edit_commit(struct store *s, struct err *err);
void sqlite_edit_abort(struct store *s);

/* sqlite_record.c */
int sqlite_next_epoch(struct store *s, uint32_t *ret, struct err *err);
int sqlite_newest_ids(struct store *s, uint64_t *ret_incident, uint64_t *ret_notice, struct err *err);
int sqlite_record(struct store *s, const struct record *r, struct err *err);

/* sqlite_vitals.c */
int sqlite_put_vitals(struct store *s, const struct vitals *v, struct err *err);
int sqlite_get_vitals(struct store *s, struct vitals *ret, struct err *err);
int sqlite_each_worker(struct store *s, store_worker_fn *fn, void *arg, struct err *err);

/* sqlite_ledger.c */
int sqlite_each_result(struct store *s, uint64_t site_id, wall_us from_us, wall_us to_us, size_t max,
                       store_result_fn *fn, void *arg, struct err *err);
int sqlite_each_evidence(struct store *s, uint64_t incident_id, store_result_fn *fn, void *arg,
                         struct err *err);

/* sqlite_view.c */
int sqlite_put_views(struct sqlite *s, const struct record *rec, struct err *err);
int sqlite_each_view(struct store *s, uint64_t site_id, store_view_fn *fn, void *arg, struct err *err);

/* sqlite_read.c */
int sqlite_each_state(struct store *s, uint64_t site_id, store_state_fn *fn, void *arg, struct err *err);
int sqlite_put_episodes(struct sqlite *s, const struct record *rec, struct err *err);
int sqlite_each_episode(struct store *s, const struct episode_filter *f, store_episode_fn *fn, void *arg,
                        struct err *err);
int sqlite_each_incident(struct store *s, const struct incident_filter *f, store_incident_fn *fn, void *arg,
                         struct err *err);
int sqlite_each_notice(struct store *s, const struct notice_filter *f, store_notice_fn *fn, void *arg,
                       struct err *err);
int sqlite_get_states_us(struct store *s, wall_us *ret, struct err *err);
int sqlite_get_summary(struct store *s, struct summary *ret, struct err *err);

/* sqlite_history.c, sqlite_rollups.c, sqlite_pack.c */
int sqlite_roll_up(struct store *s, wall_us until_us, bool *ret_more, struct err *err);
int sqlite_each_rollup(struct store *s, uint64_t site_id, wall_us from_us, wall_us to_us, store_rollup_fn *fn,
                       void *arg, struct err *err);
int sqlite_pack(struct store *s, wall_us until_us, bool *ret_more, struct err *err);
int sqlite_prune(struct store *s, wall_us results_us, wall_us rollups_us, size_t max, bool *ret_more,
                 struct err *err);

#endif
