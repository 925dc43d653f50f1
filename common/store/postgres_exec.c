/* What is the same for everything that is asked of a server: running plain SQL, the
 * pipeline's answers, transactions.
 *
 * Every complaint of the server becomes one of store.h's numbers here and nowhere else. */
#include "common/clock.h"
#include "common/store/postgres_inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SENTENCE_SIZE 240

/* ── What the server complains of ──────────────────────────────────────── */

static int meaning(const char *state)
{
    static const struct {
        const char *state; /* or its first two: a class */
        int r;
    } rows[] = {
        {"53100",  -ENOSPC},
        { "25006", -EROFS },
        { "42501", -EROFS },
        { "55P03", -EBUSY },
        { "40001", -EBUSY },
        { "40P01", -EBUSY },
        { "22",    -EINVAL},
        { "23",    -EINVAL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strncmp(state, rows[i].state, strlen(rows[i].state)) == 0)
            return rows[i].r;
    return -EIO;
}

/* Its first line, without what libpq puts before it. */
static void first_line(const char *text, char to[SENTENCE_SIZE])
{
    static const char *const heads[] = { "FATAL:  ", "ERROR:  ", "PANIC:  " };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (strncmp(text, heads[i], strlen(heads[i])) == 0)
            text += strlen(heads[i]);
    snprintf(to, SENTENCE_SIZE, "%.*s", (int)strcspn(text, "\n"), text);
}

int postgres_fail(struct postgres *p, const PGresult *res, const char *doing, struct err *err)
{
    const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
    const char *says = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    int r = meaning(state ? state : "");
    char text[SENTENCE_SIZE], waited[32];
    first_line(says ? says : p->conn ? PQerrorMessage(p->conn) : "the connection was lost", text);
    /* 57P..: it is being shut down, or has just crashed. */
    if (!p->conn || PQstatus(p->conn) == CONNECTION_BAD || (state && strncmp(state, "57P", 3) == 0)) {
        postgres_drop(p);
        return err_set(err, -EIO, "%s: cannot %s: the connection was lost (%s)", p->sql.name, doing, text);
    }
    if (r == -EBUSY)
        return err_set(
            err, r, "%s: cannot %s: another process kept it locked for longer than the %s that we wait (%s)",
            p->sql.name, doing, duration_words(waited, sizeof waited, p->sql.patience_us), text);
    if (r == -EROFS)
        return err_set(err, r, "%s: cannot %s: no right to write it (%s)", p->sql.name, doing, text);
    return err_set(err, r, "%s: cannot %s: %s%s%s%s", p->sql.name, doing, text, state ? " [" : "",
                   state ? state : "", state ? "]" : "");
}

bool postgres_good(const PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* In a transaction its connection counts and no other. */
int postgres_connected(struct postgres *p, const char *doing, struct err *err)
{
    if (!p->writing && !p->reading)
        return postgres_ready(p, err);
    return p->conn ? 0 : err_set(err, -EIO, "%s: cannot %s: the connection was lost", p->sql.name, doing);
}

/* A connection that was lost while nobody used it is noticed at the first use: then the
 * same is asked of a new one, once. */
bool postgres_worth_another(const struct postgres *p, int attempt)
{
    return attempt == 0 && !p->conn && !p->writing && !p->reading;
}

int postgres_exec(struct postgres *p, const char *doing, const char *sql, PGresult **ret, struct err *err)
{
    for (int attempt = 0;; attempt++) {
        int r = postgres_connected(p, doing, err);
        if (r == 0)
            r = postgres_flush(p, doing, err);
        if (r < 0)
            return r;
        PGresult *res = PQexec(p->conn, sql);
        if (postgres_good(res)) {
            if (ret)
                *ret = res;
            else
                PQclear(res);
            return 0;
        }
        r = postgres_fail(p, res, doing, err);
        PQclear(res);
        if (!postgres_worth_another(p, attempt))
            return r;
    }
}

/* ── The pipeline ──────────────────────────────────────────────────────── */

int postgres_flush(struct postgres *p, const char *doing, struct err *err)
{
    int r = 0;
    bool more = p->sent > 0;
    if (!more)
        return 0;
    p->sent = 0;
    if (PQpipelineSync(p->conn) != 1)
        return postgres_fail(p, NULL, doing, err);
    while (more) {
        PGresult *res = PQgetResult(p->conn);
        ExecStatusType status = res ? PQresultStatus(res) : PGRES_EMPTY_QUERY;
        if (status == PGRES_PIPELINE_SYNC)
            more = false;
        else if (!res)
            more = PQstatus(p->conn) != CONNECTION_BAD; /* only the end of one answer */
        else if (!postgres_good(res) && status != PGRES_PIPELINE_ABORTED && r == 0) {
            r = postgres_fail(p, res, doing, err);
            more = p->conn != NULL;
        }
        PQclear(res);
    }
    if (!p->conn)
        return r;
    if (PQstatus(p->conn) == CONNECTION_BAD || PQexitPipelineMode(p->conn) != 1)
        return r < 0 ? r : postgres_fail(p, NULL, doing, err);
    return r;
}

/* ── Transactions ──────────────────────────────────────────────────────── */

void postgres_rollback(struct sql *s)
{
    struct postgres *p = postgres_of(s);
    if (p->conn && p->sent)
        (void)postgres_flush(p, "undo", NULL);
    if (p->conn && PQtransactionStatus(p->conn) != PQTRANS_IDLE) {
        PGresult *res = PQexec(p->conn, "ROLLBACK");
        PQclear(res);
        if (PQstatus(p->conn) == CONNECTION_BAD)
            postgres_drop(p);
    }
    p->writing = false;
    p->day_ready = -1;
}

/* What has to be asked of our claims: 0 when there are none. */
static int ask_claims(struct postgres *p, char *to, size_t size)
{
    int n = 0;
    for (int role = 0; role < STORE_ROLE_COUNT; role++)
        n += p->claim[role].held;
    if (n)
        postgres_renew_sql(p, to, size);
    return n;
}

static int deposed(struct postgres *p, const char *doing, struct err *err)
{
    p->deposed = true;
    return err_set(err, -ESTALE, "%s: cannot %s: another process has taken over our part", p->sql.name,
                   doing);
}

/* One round trip: the transaction, its lock, and whether our claims hold. */
int postgres_begin(struct sql *s, enum sql_lock lock, const char *doing, struct err *err)
{
    struct postgres *p = postgres_of(s);
    char sql[640], claims[400] = "SELECT 1";
    PGresult *res = NULL;
    if (p->reading)
        return err_set(err, -EINVAL, "%s: cannot %s: a walk is under way on this handle", s->name, doing);
    int r = postgres_ready(p, err); /* which may say that our part is another's */
    if (r < 0)
        return r;
    int n = ask_claims(p, claims, sizeof claims);
    int64_t wait_ms = s->patience_us / US_PER_MS;
    snprintf(sql, sizeof sql,
             "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = %lld; "
             "SELECT pg_advisory_xact_lock(%d, %d); %s",
             (long long)(wait_ms > 0 ? wait_ms : 1), (int)p->layout_oid, POSTGRES_LOCK_WRITE + (int)lock,
             claims);
    r = postgres_exec(p, doing, sql, &res, err);
    p->writing = true;
    if (r == 0 && n && PQntuples(res) != n)
        r = deposed(p, doing, err);
    if (r == 0)
        postgres_renewed(p);
    PQclear(res);
    if (r < 0)
        postgres_rollback(s);
    return r;
}

/* A failed transaction answers COMMIT with ROLLBACK. */
int postgres_commit(struct sql *s, const char *doing, struct err *err)
{
    struct postgres *p = postgres_of(s);
    PGresult *res = NULL;
    int r = postgres_exec(p, doing, "COMMIT", &res, err);
    if (r == 0 && strcmp(PQcmdStatus(res), "COMMIT") != 0)
        r = err_set(err, -EIO, "%s: cannot %s: the server has undone it", s->name, doing);
    PQclear(res);
    if (r == 0)
        p->writing = false;
    return r;
}
