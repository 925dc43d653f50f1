/* Statements are prepared once for each handle and reused; transactions wrap
 * whole calls. Every complaint of SQLite becomes one of store.h's numbers here
 * and nowhere else. */
#include "common/clock.h"
#include "common/store/sqlite_inside.h"

#include <errno.h>
#include <stdio.h>
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
                       "sqlite:%s: cannot %s: another process kept it locked for longer than the %s "
                       "that we wait",
                       s->path, doing, duration_words(waited, sizeof waited, s->patience_us));
    case -ENOSPC:
        return err_set(err, r, "sqlite:%s: cannot %s: the disk, or the quota on it, is full", s->path, doing);
    case -EROFS:
        return err_set(err, r,
                       "sqlite:%s: cannot %s: no right to write it, or to make its -wal and -shm "
                       "files beside it (%s)",
                       s->path, doing, says);
    case -EINVAL:
        if ((rc & 0xff) == SQLITE_NOTADB)
            return err_set(err, r, "sqlite:%s is not a store of Vedette: it is no SQLite database", s->path);
        break;
    default: break;
    }
    if ((rc & 0xff) == SQLITE_IOERR && e)
        return err_set(err, r, "sqlite:%s: cannot %s: %s (%s)", s->path, doing, strerror(e), says);
    return err_set(err, r, "sqlite:%s: cannot %s: %s", s->path, doing, says);
}

int query_new(struct query *ret, struct sqlite *s, enum query_id id, const char *doing, const char *sql,
              struct err *err)
{
    *ret = (struct query){ .s = s, .doing = doing };
    bool taken = s->kept[id] && sqlite3_stmt_busy(s->kept[id]);
    if (s->kept[id] && !taken) {
        ret->st = s->kept[id];
        return 0;
    }

    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v3(s->db, sql, -1, taken ? 0 : SQLITE_PREPARE_PERSISTENT, &st, NULL);
    if (rc != SQLITE_OK)
        return sqlite_fail(s, rc, doing, err);
    if (!taken)
        s->kept[id] = st;
    ret->own = taken;
    ret->st = st;
    return 0;
}

void query_done(struct query *q)
{
    if (q->own)
        sqlite3_finalize(q->st);
    else if (q->st)
        sqlite3_reset(q->st); /* says again what query_step has said */
    q->st = NULL;
}

static void put(struct query *q, int rc)
{
    if (rc != SQLITE_OK && !q->trouble)
        q->trouble = rc;
}

void query_put_int(struct query *q, int64_t v)
{
    put(q, sqlite3_bind_int64(q->st, ++q->at, v));
}

void query_put_text(struct query *q, const char *v)
{
    put(q, sqlite3_bind_text(q->st, ++q->at, v ? v : "", -1, SQLITE_STATIC));
}

void query_put_bytes(struct query *q, const void *v, int len)
{
    put(q, sqlite3_bind_blob(q->st, ++q->at, v, len, SQLITE_TRANSIENT));
}

void query_put_null(struct query *q)
{
    put(q, sqlite3_bind_null(q->st, ++q->at));
}

int query_step(struct query *q, struct err *err)
{
    int rc = q->trouble ? q->trouble : sqlite3_step(q->st);
    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE ? 0 : sqlite_fail(q->s, rc, q->doing, err);
}

int query_run(struct query *q, struct err *err)
{
    int r;
    while ((r = query_step(q, err)) > 0)
        ;
    sqlite3_reset(q->st);
    q->at = 0;
    q->trouble = 0;
    return r;
}

int query_number(struct query *q, int64_t *ret, struct err *err)
{
    int r = query_step(q, err);
    if (r > 0)
        *ret = query_int(q, 0);
    int end = r > 0 ? query_run(q, err) : r;
    if (r == 0) {
        sqlite3_reset(q->st);
        q->at = 0;
        return -ENOENT;
    }
    return end;
}

void query_copy(const struct query *q, int column, char *to, size_t size)
{
    snprintf(to, size, "%s", query_text(q, column));
}

static int run_one(struct sqlite *s, enum query_id id, const char *doing, const char *sql, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, id, doing, sql, err);
    return r < 0 ? r : query_run(&q, err);
}

int sqlite_begin(struct sqlite *s, const char *doing, struct err *err)
{
    if (s->edit.open)
        return err_set(err, -EINVAL, "sqlite:%s: cannot %s: an edit is under way on this handle", s->path,
                       doing);
    if (sqlite3_db_readonly(s->db, "main"))
        return err_set(err, -EROFS, "sqlite:%s: cannot %s: it was opened for reading only", s->path, doing);
    /* IMMEDIATE: the lock is waited for here, once, and never in the middle. */
    return run_one(s, Q_BEGIN, doing, "BEGIN IMMEDIATE", err);
}

void sqlite_rollback(struct sqlite *s)
{
    /* Some failures (a full disk) have undone everything already. */
    if (!sqlite3_get_autocommit(s->db))
        (void)run_one(s, Q_ROLLBACK, "undo", "ROLLBACK", NULL);
    sqlite_forget_words(s);
}

int sqlite_end(struct sqlite *s, int r, const char *doing, struct err *err)
{
    if (r == 0)
        r = run_one(s, Q_COMMIT, doing, "COMMIT", err);
    if (r < 0)
        sqlite_rollback(s);
    return r;
}
