/* SQLite as a driver of sql_inside.h: statements are prepared once for each handle
 * and reused. Every complaint of SQLite becomes one of store.h's numbers here
 * and nowhere else. */
#include "common/clock.h"
#include "common/store/sqlite_inside.h"

#include <errno.h>
#include <string.h>

/* By the operating system's reason, where SQLite's own number leaves it open. */
static int by_errno(int e, int otherwise)
{
    switch (e) {
    case ENOSPC:
    case EDQUOT: return -ENOSPC;
    case EROFS:
    case EACCES:
    case EPERM: return -EROFS;
    case ENOENT:
    case ENOTDIR: return -ENOENT;
    default: return otherwise;
    }
}

/* The operating system's reason for an SQLITE_CANTOPEN or SQLITE_IOERR. What
 * sqlite3_system_errno says is not set when a commit could not write the log:
 * then the file itself knows. */
static int system_reason(struct sqlite *s, int rc)
{
    sqlite3_file *log = NULL;
    int e = 0;
    if (!s->db || ((rc & 0xff) != SQLITE_IOERR && (rc & 0xff) != SQLITE_CANTOPEN))
        return 0;
    if ((rc & 0xff) == SQLITE_IOERR) {
        if (sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK && log &&
            log->pMethods)
            (void)log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &e);
        if (!e)
            (void)sqlite3_file_control(s->db, "main", SQLITE_FCNTL_LAST_ERRNO, &e);
    }
    return e ? e : sqlite3_system_errno(s->db);
}

static int meaning(int rc, int e)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return -EBUSY;
    case SQLITE_FULL: return -ENOSPC;
    case SQLITE_READONLY: return rc == SQLITE_READONLY_DBMOVED ? -EIO : -EROFS;
    case SQLITE_PERM:
    case SQLITE_AUTH: return -EROFS;
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT: return -EINVAL;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR: return by_errno(e, -EIO);
    default: return -EIO;
    }
}

int sqlite_fail(struct sqlite *s, int rc, const char *doing, struct err *err)
{
    int e = system_reason(s, rc);
    int r = meaning(rc, e);
    const char *says = s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc);
    char waited[32];

    switch (r) {
    case -EBUSY:
        return err_set(err, r,
                       "%s: cannot %s: another process kept it locked for longer than the %s "
                       "that we wait",
                       s->sql.name, doing, duration_words(waited, sizeof waited, s->sql.patience_us));
    case -ENOSPC:
        return err_set(err, r, "%s: cannot %s: the disk, or the quota on it, is full", s->sql.name, doing);
    case -EROFS:
        return err_set(err, r,
                       "%s: cannot %s: no right to write it, or to make its -wal and -shm "
                       "files beside it (%s)",
                       s->sql.name, doing, says);
    case -EINVAL:
        if ((rc & 0xff) == SQLITE_NOTADB)
            return err_set(err, r, "%s is not a store of Vedette: it is no SQLite database", s->sql.name);
        break;
    default: break;
    }
    if ((rc & 0xff) == SQLITE_IOERR && e)
        return err_set(err, r, "%s: cannot %s: %s (%s)", s->sql.name, doing, strerror(e), says);
    return err_set(err, r, "%s: cannot %s: %s", s->sql.name, doing, says);
}

/* ── Statements ────────────────────────────────────────────────────────── */

static int prepare(struct query *q, enum query_id id, const char *sql, struct err *err)
{
    struct sqlite *s = sqlite_of(q->s);
    bool taken = id == Q_ANY || id == Q_ANY_WALK || (s->kept[id] && sqlite3_stmt_busy(s->kept[id]));
    if (s->kept[id] && !taken) {
        q->st = s->kept[id];
        return 0;
    }

    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v3(s->db, sql, -1, taken ? 0 : SQLITE_PREPARE_PERSISTENT, &st, NULL);
    if (rc != SQLITE_OK)
        return sqlite_fail(s, rc, q->doing, err);
    if (!taken)
        s->kept[id] = st;
    q->own = taken;
    q->st = st;
    return 0;
}

static void done(struct query *q)
{
    if (q->own)
        sqlite3_finalize(q->st);
    else
        sqlite3_reset(q->st); /* says again what step has said */
}

static void again(struct query *q)
{
    sqlite3_reset(q->st);
}

static void put(struct query *q, int rc)
{
    if (rc != SQLITE_OK && !q->trouble)
        q->trouble = rc;
}

static void put_int(struct query *q, int64_t v)
{
    put(q, sqlite3_bind_int64(q->st, ++q->at, v));
}

static void put_text(struct query *q, const char *v)
{
    put(q, sqlite3_bind_text(q->st, ++q->at, v, -1, SQLITE_STATIC));
}

static void put_bytes(struct query *q, const void *v, size_t len)
{
    put(q, sqlite3_bind_blob64(q->st, ++q->at, v, len, SQLITE_TRANSIENT));
}

static void put_null(struct query *q)
{
    put(q, sqlite3_bind_null(q->st, ++q->at));
}

static int step(struct query *q, struct err *err)
{
    struct sqlite *s = sqlite_of(q->s);
    int rc = q->trouble ? q->trouble : sqlite3_step(q->st);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc != SQLITE_DONE)
        return sqlite_fail(s, rc, q->doing, err);
    q->changed = sqlite3_changes64(s->db);
    return 0;
}

static int64_t get_int(const struct query *q, int column)
{
    return sqlite3_column_int64(q->st, column);
}

static const char *get_text(const struct query *q, int column)
{
    const unsigned char *text = sqlite3_column_text(q->st, column);
    return text ? (const char *)text : "";
}

static const void *get_bytes(const struct query *q, int column, size_t *ret_len)
{
    const void *bytes = sqlite3_column_blob(q->st, column);
    *ret_len = (size_t)sqlite3_column_bytes(q->st, column);
    return bytes;
}

static bool is_null(const struct query *q, int column)
{
    return sqlite3_column_type(q->st, column) == SQLITE_NULL;
}

static bool is_text(const struct query *q, int column)
{
    return sqlite3_column_type(q->st, column) == SQLITE_TEXT;
}

/* ── Transactions ──────────────────────────────────────────────────────── */

static int run_one(struct sql *s, enum query_id id, const char *doing, const char *sql, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, id, doing, sql, err);
    return r < 0 ? r : query_run(&q, err);
}

static int begin(struct sql *s, enum sql_lock lock, const char *doing, struct err *err)
{
    (void)lock; /* there is one writer at a time, whatever it writes */
    /* IMMEDIATE: the lock is waited for here, once, and never in the middle. */
    return run_one(s, Q_BEGIN, doing, "BEGIN IMMEDIATE", err);
}

static int commit(struct sql *s, const char *doing, struct err *err)
{
    return run_one(s, Q_COMMIT, doing, "COMMIT", err);
}

static void rollback(struct sql *s)
{
    /* Some failures (a full disk) have undone everything already. */
    if (!sqlite3_get_autocommit(sqlite_of(s)->db))
        (void)run_one(s, Q_ROLLBACK, "undo", "ROLLBACK", NULL);
}

const struct sql_driver sqlite_driver = {
    .sqlite = true,
    .prepare = prepare,
    .done = done,
    .put_int = put_int,
    .put_text = put_text,
    .put_bytes = put_bytes,
    .put_null = put_null,
    .step = step,
    .again = again,
    .get_int = get_int,
    .get_text = get_text,
    .get_bytes = get_bytes,
    .is_null = is_null,
    .is_text = is_text,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
};
