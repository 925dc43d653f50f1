/* postgres_inside.h - what the postgres_*.c files share beyond sql_inside.h. Included by them only. */
#ifndef COMMON_STORE_POSTGRES_INSIDE_H
#define COMMON_STORE_POSTGRES_INSIDE_H

#include "common/store/sql_inside.h"

#include <libpq-fe.h>

#define POSTGRES_MOST_PARAMETERS 40

struct postgres {
    struct sql sql; /* first */
    char *url;      /* as libpq takes it; may hold a password, so it is in no sentence */
    enum store_mode mode;

    /* The connection. All that is prepared, locked or begun belongs to one. */
    PGconn *conn;
    uint64_t session; /* counts connections: 0 before the first */
    int64_t back_off_ms;
    mono_ns retry_at;               /* not before: until then calls fail at once */
    uint32_t layout_oid;            /* of the table: tells stores of one database apart where they lock */
    uint64_t prepared[QUERY_COUNT]; /* the session in which that query was */
    struct postgres_statement *kept[QUERY_COUNT];
    uint64_t numbers; /* given to cursors and statements */

    bool writing; /* in a write transaction */
    bool reading; /* in one that walks share; `walks` of them */
    unsigned walks;
    unsigned sent; /* statements whose answers have not been read */

    struct {
        uint64_t session; /* the one that listens */
        mono_ns asked;    /* when `change` was asked for; 0: it is not known */
        uint64_t change;
    } news;

    int64_t day_ready; /* whose partition of history is known to be there; -1 none */
    struct {
        bool held;
        bool joined; /* another handle has the lock and keeps the lease, this one writes */
        uint64_t epoch;
        mono_ns renewed;
        mono_ns free_since; /* seen while waiting for it, over this session */
        uint64_t watched;   /* the session in which that was */
        uint64_t ended;     /* the epoch whose holder we have ended */
    } claim[STORE_ROLE_COUNT];
    int64_t lease_us;
    bool eager;   /* has a claim or waits for one: a lost connection is made again soon */
    bool deposed; /* somebody else has one of them: for good */
};

static inline struct postgres *postgres_of(struct sql *s)
{
    return (struct postgres *)s;
}

/* ── The connection (postgres_connect.c) ───────────────────────────────── */

/* Connected and set up, or why not; tries again after a pause that grows. Not within a transaction. */
int postgres_ready(struct postgres *p, struct err *err);
/* The connection was lost: nothing of it is left. */
void postgres_drop(struct postgres *p);
/* What is there, on a new connection: is it a store, ours, of a layout that we know? (postgres.c) */
int postgres_inspect(struct postgres *p, struct err *err);

/* ── What is asked (postgres_exec.c) ───────────────────────────────────── */

bool postgres_good(const PGresult *res);
/* What a failed result, or with NULL the connection, complains of, as store.h's number
 * and a sentence. Takes note when the connection is lost. */
int postgres_fail(struct postgres *p, const PGresult *res, const char *doing, struct err *err);
/* 0, or why not: in a transaction its own connection counts and no other. */
int postgres_connected(struct postgres *p, const char *doing, struct err *err);
/* After a failure: the connection was lost while nobody used it, and the same may be
 * asked of a new one, once. */
bool postgres_worth_another(const struct postgres *p, int attempt);
/* Simple statements, separated by ';'. With `ret` the last one's rows, to be cleared. */
int postgres_exec(struct postgres *p, const char *doing, const char *sql, PGresult **ret, struct err *err);
/* Reads the answers to what was sent; the first failure among them. */
int postgres_flush(struct postgres *p, const char *doing, struct err *err);
int postgres_begin(struct sql *s, enum sql_lock lock, const char *doing, struct err *err);
int postgres_commit(struct sql *s, const char *doing, struct err *err);
void postgres_rollback(struct sql *s);

/* ── Queries (postgres_query.c) ────────────────────────────────────────── */

extern const struct sql_driver postgres_driver;
/* `text`, cut to fit, with '?' for what is not UTF-8: the server would refuse it all. */
void postgres_mend_copy(char *to, const char *text, size_t size);
void postgres_free_statements(struct postgres *p);
/* A number in the format of libpq's binary results, of 1, 2, 4 or 8 bytes. */
int64_t postgres_int(const PGresult *res, int row, int column);

/* ── Parts of its own ──────────────────────────────────────────────────── */

/* postgres_lines.c */
int postgres_add_lines(struct sql *s, const struct result *r, size_t n, bool *ret_fresh, int64_t *ret_added,
                       struct err *err);
/* postgres_days.c */
int postgres_count_packed(struct sql *s, int64_t hour, int64_t lines, struct err *err);
int postgres_drop_packed(struct sql *s, int64_t before_hour, int64_t *ret_lines, int64_t *ret_hour,
                         struct err *err);

/* postgres_news.c */
int postgres_newest_change(struct store *base, uint64_t *ret, struct err *err);
/* Within an edit's transaction: with its commit those who listen know. */
int postgres_tell_edit(struct sql *s, struct err *err);

/* Of advisory locks the second keys; the first is the store's. A claim's holder has the lock CLAIM, each
 * handle that writes on its behalf shares the lock SCRIBE; plus role, and shards. */
enum {
    POSTGRES_LOCK_WRITE = 100,
    POSTGRES_LOCK_CLAIM = 1000,
    POSTGRES_LOCK_SCRIBE = 1000000,
};
#define POSTGRES_CLAIMING "claim its part"
static inline int postgres_shard(const struct postgres *p)
{
    return (int)p->sql.shard.number;
}
static inline int postgres_key(const struct postgres *p, int lock, enum store_role role)
{
    return lock + postgres_shard(p) * STORE_ROLE_COUNT + (int)role;
}
/* What holds such a lock, of pg_locks as l; to be given the store's key and the second one. */
#define POSTGRES_HOLDERS                                                                                \
    "FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND "               \
    "l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.classid = %u " \
    "AND l.objid = %d"
enum { POSTGRES_ASK_AGAIN_US = 20000, POSTGRES_LOCK_TRIES = 25 };

/* postgres_claim.c */
int postgres_claim(struct store *base, enum store_role role, int64_t wait_us, struct err *err);
int postgres_has_others(struct store *base, bool *ret, struct err *err);
int postgres_claimed(struct store *base, enum store_role role, bool *ret, struct err *err);
int postgres_ask_claim(struct store *base, enum store_role role, struct store_holder *ret, struct err *err);
int postgres_get_holder(struct store *base, enum store_role role, struct store_holder *ret, struct err *err);
/* One try for an advisory lock: "lock", "lock_shared". */
int postgres_try_lock(struct postgres *p, const char *how, int key, bool *ret, struct err *err);
int64_t postgres_number(const PGresult *res, int row, int column); /* of a result in words */

/* postgres_keep.c */
int postgres_keep_claim(struct store *base, struct err *err);
int postgres_set_listens(struct store *base, enum store_role role, const char *listens, struct err *err);
void postgres_set_lease(struct store *base, int64_t lease_us);
int64_t postgres_lease(const struct store *base);
uint64_t postgres_claim_epoch(const struct store *base, enum store_role role);
int postgres_join_claim(struct store *base, enum store_role role, uint64_t epoch, struct err *err);
/* After a new connection: the locks of the old one are gone. -ESTALE when somebody else has taken over. */
int postgres_reclaim(struct postgres *p, struct err *err);
/* Give them back, so that the next one need not wait until the server has noticed that we are gone. */
void postgres_give_up_claims(struct postgres *p);
/* SQL with a row for each of our claims that is still ours. Renews the leases when that is due. */
void postgres_renew_sql(const struct postgres *p, char *to, size_t size);
void postgres_renewed(struct postgres *p); /* it was run */

#endif
