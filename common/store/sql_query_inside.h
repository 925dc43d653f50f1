/* sql_query_inside.h - the contracts of store.h as SQL, once for all databases that
 * speak it: the sql_*.c files say what is asked, a driver (sqlite_query.c,
 * postgres_query.c) how its library is. Included by the files of this folder only.
 *
 * The SQL is what SQLite and PostgreSQL have in common: parameters are ? or ?1,
 * every column in ON CONFLICT DO UPDATE has its table before it, a column has one
 * type. "INDEXED BY x" is for SQLite and left out for others. Where there is no
 * common wording, a file has one for each dialect.
 */
#ifndef COMMON_STORE_SQL_QUERY_INSIDE_H
#define COMMON_STORE_SQL_QUERY_INSIDE_H

#include "common/store/backend.h"

#include <stdbool.h>
#include <stdint.h>

/* ── Queries (sql.c and the drivers) ───────────────────────────────────── */

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
    Q_SITE_NAMED,
    Q_SITE_ADD,
    Q_SITE_SET,
    Q_SITE_REMOVE,
    Q_GRID_ADD,
    Q_OWNERS_SINCE,
    Q_OWNER_CHANNELS,
    Q_OWNER_LIVES,
    Q_OWNER_NAMED,
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
    Q_KEYS,
    Q_KEYS_CHANGE,
    Q_KEY_ADD,
    Q_KEY_IS,
    Q_KEY_REVOKE,
    Q_NOTICE_ADD,
    Q_NOTICE_IS,
    Q_NOTICE_OUTCOME,
    Q_SHARDS,
    Q_SHARDS_SET,
    Q_CLUSTER,
    Q_CLUSTER_SET,
    Q_SWEEPS_FORGET,
    Q_SWEEP_PUT,
    Q_VITALS_FORGET,
    Q_VITALS_PUT,
    Q_VITALS,
    Q_SETTLED,
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
    Q_LOOKS_ADD,
    Q_HISTORY_DAY_COUNT,
    Q_HISTORY_DAY_OLDEST,
    Q_ANY,       /* of a text that is not always the same: prepared anew each time */
    Q_ANY_WALK,  /* likewise, over what may be large */
    QUERY_COUNT, /* last */
};

struct word;
struct packing;
struct sql_driver;

/* The handle of a store that speaks SQL: the first member of sqlite's and postgres's. */
struct sql {
    struct store base; /* first */
    const struct sql_driver *driver;
    char *name; /* for sentences: "sqlite:/var/lib/x.db", without secrets */
    int64_t patience_us;
    struct shard shard;
    bool read_only;
    struct word *by_text, *by_id; /* interned names that were seen lately */
    struct packing *packing;      /* the hour that is being packed, NULL between */
    struct {
        bool open;
        int broken; /* a failure after which it cannot be committed */
        uint64_t change;
        wall_us now;
    } edit;
};

static inline struct sql *sql_of(struct store *s)
{
    return (struct sql *)s;
}

/* A statement in use. Parameters are put in order of their numbers; columns are
 * got by number, from 0. One that is already running (a callback asks what its
 * walk is asking) gets a second statement of its own. */
struct query {
    struct sql *s;
    void *st;          /* the driver's */
    const char *doing; /* for sentences: "cannot <doing>: ..." */
    int at;            /* parameters put so far */
    int trouble;       /* the first failure of putting one */
    int64_t changed;   /* rows that the last run wrote */
    bool own;
};

/* Writers of one kind wait for each other, for as long as the handle's patience. A
 * database with one writer at a time takes them all for one. */
enum sql_lock { SQL_EDITS, SQL_LEDGER, SQL_VITALS, SQL_NUMBERS };

struct sql_driver {
    bool sqlite; /* which dialect, where there are two */
    int (*prepare)(struct query *q, enum query_id id, const char *sql, struct err *err);
    void (*done)(struct query *q);
    void (*put_int)(struct query *q, int64_t v);
    void (*put_text)(struct query *q, const char *v);
    void (*put_bytes)(struct query *q, const void *v, size_t len);
    void (*put_null)(struct query *q);
    int (*step)(struct query *q, struct err *err);
    void (*again)(struct query *q);
    int (*send)(struct query *q, struct err *err);
    int64_t (*get_int)(const struct query *q, int column);
    const char *(*get_text)(const struct query *q, int column);
    const void *(*get_bytes)(const struct query *q, int column, size_t *ret_len);
    bool (*is_null)(const struct query *q, int column);
    bool (*is_text)(const struct query *q, int column); /* of an address: not its 4 or 16 bytes */
    int (*begin)(struct sql *s, enum sql_lock lock, const char *doing, struct err *err);
    int (*commit)(struct sql *s, const char *doing, struct err *err);
    void (*rollback)(struct sql *s);

    /* What a database does better in its own way; NULL where it does not. */

    /* Lines of single runs into the table `look`, those that are not there yet;
     * ret_fresh (may be NULL) says which, ret_added how many. */
    int (*add_lines)(struct sql *s, const struct result *r, size_t n, bool *ret_fresh, int64_t *ret_added,
                     struct err *err);
    /* Before rows are added to `history`, which then has so many lines more in that hour. */
    int (*count_packed)(struct sql *s, int64_t hour, int64_t lines, struct err *err);
    /* Forget packed hours that are over before that one, as many as go at once: their
     * lines, and the hour up to which nothing is left; -ENOENT when it is to be done row by row. */
    int (*drop_packed)(struct sql *s, int64_t before_hour, int64_t *ret_lines, int64_t *ret_hour,
                       struct err *err);
    /* Within an edit: other handles hear of it when it is committed. */
    int (*tell_edit)(struct sql *s, struct err *err);
};

int query_new(struct query *ret, struct sql *s, enum query_id id, const char *doing, const char *sql,
              struct err *err);
void query_done(struct query *q); /* a zeroed one is fine */
static inline void scope_end_query(struct query *q)
{
    query_done(q);
}

static inline void query_put_int(struct query *q, int64_t v)
{
    q->s->driver->put_int(q, v);
}
/* NULL as ""; borrowed until the next run */
static inline void query_put_text(struct query *q, const char *v)
{
    q->s->driver->put_text(q, v ? v : "");
}
/* Borrowed likewise, but for up to 32 of them. */
static inline void query_put_bytes(struct query *q, const void *v, size_t len)
{
    q->s->driver->put_bytes(q, v, len);
}
static inline void query_put_null(struct query *q)
{
    q->s->driver->put_null(q);
}

static inline int query_step(struct query *q, struct err *err) /* 1: a row, 0: no more */
{
    return q->s->driver->step(q, err);
}
/* From its beginning, with new parameters. */
void query_again(struct query *q);
/* To its end, and ready for new parameters. */
int query_run(struct query *q, struct err *err);
/* The same inside a write transaction, for what is written and not answered: a
 * failure may show as late as at the next query, or at the end of the transaction. */
int query_send(struct query *q, struct err *err);
/* The first row's first column, then as query_run; -ENOENT without a sentence when there is no row. */
int query_number(struct query *q, int64_t *ret, struct err *err);

static inline int64_t query_int(const struct query *q, int column)
{
    return q->s->driver->get_int(q, column);
}
static inline const char *query_text(const struct query *q, int column)
{
    return q->s->driver->get_text(q, column);
}
static inline const void *query_bytes(const struct query *q, int column, size_t *ret_len)
{
    return q->s->driver->get_bytes(q, column, ret_len);
}
static inline bool query_is_null(const struct query *q, int column)
{
    return q->s->driver->is_null(q, column);
}
static inline bool query_is_text(const struct query *q, int column)
{
    return q->s->driver->is_text(q, column);
}
void query_copy(const struct query *q, int column, char *to, size_t size); /* cut to fit */

/* Write transactions. -EINVAL while an edit is open on the handle. */
int sql_begin(struct sql *s, enum sql_lock lock, const char *doing, struct err *err);
/* Commits when r is 0, otherwise, or when that fails, undoes all; returns what to return. */
int sql_end(struct sql *s, int r, const char *doing, struct err *err);
void sql_rollback(struct sql *s);
int sql_out_of_memory(const struct sql *s, struct err *err);

#endif
