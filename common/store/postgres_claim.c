/* Who is at work with this store: for each role and shard one process.
 *
 * Three things together. An advisory lock of the holder's connection, which the server
 * lets go of when that ends; a row with a lease, on the server's clock, which the holder
 * renews every second, because a process that is stopped keeps its connection; and in
 * the row an epoch, one higher for each holder, which every write transaction of a holder
 * asks for. Whoever finds the lock taken and the lease older than STORE_LEASE_US ends the
 * holder's connection, takes the lock and raises the epoch. The holder, should it wake
 * up, connects anew, finds a higher epoch, and everything it tries is -ESTALE.
 *
 * Nothing can slip between: the lock is free only when the old connection has ended, and
 * with it the transaction that was open. */
#include "common/clock.h"
#include "common/control.h"
#include "common/log.h"
#include "common/store/postgres_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ASK_AGAIN_US = 20000,
    RENEW_AFTER_MS = 900,
    RECLAIM_TRIES = 25,
};
#define CLAIMING "claim its part"

static int shard_of_ours(const struct postgres *p)
{
    return (int)p->sql.shard.number;
}

/* The second key of the lock; the first is the store's. */
static int key_of(const struct postgres *p, enum store_role role)
{
    return POSTGRES_LOCK_CLAIM + shard_of_ours(p) * STORE_ROLE_COUNT + (int)role;
}

static int64_t number_at(const PGresult *res, int row, int column)
{
    return strtoll(PQgetvalue(res, row, column), NULL, 10);
}

static int try_lock(struct postgres *p, enum store_role role, bool *ret, struct err *err)
{
    char sql[96];
    PGresult *res = NULL;
    snprintf(sql, sizeof sql, "SELECT pg_try_advisory_lock(%d, %d)::int", (int)p->layout_oid,
             key_of(p, role));
    int r = postgres_exec(p, CLAIMING, sql, &res, err);
    *ret = r == 0 && number_at(res, 0, 0);
    PQclear(res);
    return r;
}

/* As pg_locks has it. */
#define HOLDERS                                                                                         \
    "FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND "               \
    "l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.classid = %u " \
    "AND l.objid = %d"

/* The lease has run out: end the holder's connection. That of the one who the row speaks
 * of: somebody may have got the lock this moment and not have signed. */
static int end_silent_holder(struct postgres *p, enum store_role role, struct err *err)
{
    char sql[640];
    PGresult *res = NULL;
    snprintf(sql, sizeof sql,
             "SELECT pg_terminate_backend(backend)::int, "
             "(extract(epoch FROM clock_timestamp() - renewed_at))::bigint, pid, host FROM claim "
             "WHERE role = %d AND shard = %d AND renewed_at < clock_timestamp() - interval '%lld us' "
             "AND backend IN (SELECT l.pid " HOLDERS ")",
             (int)role, shard_of_ours(p), (long long)STORE_LEASE_US, p->layout_oid, key_of(p, role));
    int r = postgres_exec(p, CLAIMING, sql, &res, err);
    if (r == 0 && PQntuples(res) > 0)
        log_warn("store.taken_over", "role=%s silent_s=%lld process=%lld host=%s", store_role_name(role),
                 (long long)number_at(res, 0, 1), (long long)number_at(res, 0, 2), PQgetvalue(res, 0, 3));
    PQclear(res);
    return r;
}

static void own_host(char to[64])
{
    if (gethostname(to, 64) < 0)
        *to = '\0';
    to[63] = '\0';
    for (char *at = to; *at; at++) /* goes into SQL and a log line as it is */
        if (*at == '\'' || *at == '\\' || *at <= ' ' || *at > '~')
            *at = '?';
}

static int sign(struct postgres *p, enum store_role role, struct err *err)
{
    char sql[640], host[64];
    PGresult *res = NULL;
    own_host(host);
    snprintf(sql, sizeof sql,
             "INSERT INTO claim (role, shard, epoch, backend, pid, host, taken_at, renewed_at) VALUES "
             "(%d, %d, 1, pg_backend_pid(), %ld, '%s', clock_timestamp(), clock_timestamp()) "
             "ON CONFLICT (role, shard) DO UPDATE SET epoch = claim.epoch + 1, backend = excluded.backend, "
             "pid = excluded.pid, host = excluded.host, taken_at = excluded.taken_at, "
             "renewed_at = excluded.renewed_at RETURNING epoch",
             (int)role, shard_of_ours(p), (long)getpid(), host);
    int r = postgres_exec(p, CLAIMING, sql, &res, err);
    if (r == 0) {
        p->claim[role].held = true;
        p->claim[role].epoch = (uint64_t)number_at(res, 0, 0);
        p->claim[role].renewed = clock_mono();
    }
    PQclear(res);
    return r;
}

static int taken(struct postgres *p, enum store_role role, struct err *err)
{
    char sql[96], who[160] = "", host[64];
    PGresult *res = NULL;
    snprintf(sql, sizeof sql, "SELECT pid, host FROM claim WHERE role = %d AND shard = %d", (int)role,
             shard_of_ours(p));
    int r = postgres_exec(p, CLAIMING, sql, &res, err);
    if (r < 0)
        return r;
    own_host(host);
    if (PQntuples(res) > 0) {
        const char *there = PQgetvalue(res, 0, 1);
        bool elsewhere = strcmp(there, host) != 0;
        snprintf(who, sizeof who, " (process %lld%s%s)", (long long)number_at(res, 0, 0),
                 elsewhere ? " on " : "", elsewhere ? there : "");
    }
    PQclear(res);
    return err_set(err, -EBUSY, "%s: another %s%s is at work with this store: two would tell everybody twice",
                   p->sql.name, store_role_name(role), who);
}

int postgres_claim(struct store *base, enum store_role role, int64_t wait_us, struct err *err)
{
    struct postgres *p = postgres_of(sql_of(base));
    if (p->claim[role].held)
        return 0;
    if (p->sql.read_only)
        return err_set(err, -EROFS, "%s: cannot " CLAIMING ": it was opened for reading only", p->sql.name);
    for (;; wait_us -= ASK_AGAIN_US) {
        bool got = false;
        int r = try_lock(p, role, &got, err);
        if (r == 0 && got)
            return sign(p, role, err);
        if (r == 0)
            r = end_silent_holder(p, role, err);
        if (r < 0)
            return r;
        if (wait_us <= 0)
            return taken(p, role, err);
        usleep(ASK_AGAIN_US);
    }
}

int postgres_claimed(struct store *base, enum store_role role, bool *ret, struct err *err)
{
    struct postgres *p = postgres_of(sql_of(base));
    char sql[320];
    PGresult *res = NULL;
    int r = postgres_ready(p, err);
    if (r < 0)
        return r;
    snprintf(sql, sizeof sql, "SELECT count(*) " HOLDERS, p->layout_oid, key_of(p, role));
    r = postgres_exec(p, "ask who is at work", sql, &res, err);
    *ret = r == 0 && number_at(res, 0, 0) > 0;
    PQclear(res);
    return r;
}

int postgres_has_others(struct store *base, bool *ret, struct err *err)
{
    struct postgres *p = postgres_of(sql_of(base));
    char sql[480];
    PGresult *res = NULL;
    int r = postgres_ready(p, err);
    if (r < 0)
        return r;
    snprintf(
        sql, sizeof sql,
        "SELECT count(*) FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND "
        "l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.classid = %u "
        "AND l.objid >= %d AND l.objid < %d AND l.pid <> pg_backend_pid()",
        p->layout_oid, POSTGRES_LOCK_CLAIM, POSTGRES_LOCK_CLAIM + CONTROL_MAX_SHARDS * STORE_ROLE_COUNT);
    r = postgres_exec(p, "ask who is at work", sql, &res, err);
    *ret = r == 0 && number_at(res, 0, 0) > 0;
    PQclear(res);
    return r;
}

/* ── Keeping it ────────────────────────────────────────────────────────── */

static bool due(const struct postgres *p)
{
    for (int role = 0; role < STORE_ROLE_COUNT; role++)
        if (p->claim[role].held && clock_mono() - p->claim[role].renewed >= RENEW_AFTER_MS * NS_PER_MS)
            return true;
    return false;
}

void postgres_renew_sql(const struct postgres *p, char *to, size_t size)
{
    bool renew = due(p);
    int len = snprintf(to, size, "%s WHERE (role, shard, epoch) IN (",
                       renew ? "UPDATE claim SET renewed_at = clock_timestamp()" : "SELECT 1 FROM claim");
    const char *comma = "";
    for (int role = 0; role < STORE_ROLE_COUNT; role++) {
        if (!p->claim[role].held)
            continue;
        len += snprintf(to + len, size - (size_t)len, "%s(%d, %d, %llu)", comma, role, shard_of_ours(p),
                        (unsigned long long)p->claim[role].epoch);
        comma = ", ";
    }
    snprintf(to + len, size - (size_t)len, ")%s", renew ? " RETURNING 1" : "");
}

void postgres_renewed(struct postgres *p)
{
    if (due(p))
        for (int role = 0; role < STORE_ROLE_COUNT; role++)
            p->claim[role].renewed = clock_mono();
}

static int not_ours(struct postgres *p, struct err *err)
{
    p->deposed = true;
    return err_set(err, -ESTALE, "%s: another process has taken over our part", p->sql.name);
}

int postgres_keep_claim(struct store *base, struct err *err)
{
    struct postgres *p = postgres_of(sql_of(base));
    char sql[400];
    PGresult *res = NULL;
    int n = 0;
    for (int role = 0; role < STORE_ROLE_COUNT; role++)
        n += p->claim[role].held;
    if (n == 0 || p->writing || p->reading) /* whoever writes has asked already */
        return 0;
    postgres_renew_sql(p, sql, sizeof sql);
    int r = postgres_exec(p, "keep its part", sql, &res, err);
    if (r == 0 && PQntuples(res) != n)
        r = not_ours(p, err);
    if (r == 0)
        postgres_renewed(p);
    PQclear(res);
    return r;
}

/* Our former connection may still have the lock: the server has not noticed that it is gone. */
static int reclaim_one(struct postgres *p, enum store_role role, struct err *err)
{
    char sql[320];
    bool got = false;
    PGresult *res = NULL;
    snprintf(sql, sizeof sql,
             "SELECT CASE WHEN backend <> pg_backend_pid() THEN pg_terminate_backend(backend) END FROM claim "
             "WHERE role = %d AND shard = %d AND epoch = %llu",
             (int)role, shard_of_ours(p), (unsigned long long)p->claim[role].epoch);
    int r = postgres_exec(p, CLAIMING, sql, &res, err);
    if (r == 0 && PQntuples(res) == 0)
        r = not_ours(p, err);
    PQclear(res);
    for (int i = 0; r == 0 && !got && i < RECLAIM_TRIES; i++) {
        if (i > 0)
            usleep(ASK_AGAIN_US);
        r = try_lock(p, role, &got, err);
    }
    if (r == 0 && !got)
        r = err_set(err, -EIO, "%s: cannot " CLAIMING " again: it is held by somebody", p->sql.name);
    if (r < 0)
        return r;
    snprintf(sql, sizeof sql,
             "UPDATE claim SET backend = pg_backend_pid(), renewed_at = clock_timestamp() "
             "WHERE role = %d AND shard = %d AND epoch = %llu RETURNING 1",
             (int)role, shard_of_ours(p), (unsigned long long)p->claim[role].epoch);
    res = NULL;
    r = postgres_exec(p, CLAIMING, sql, &res, err);
    if (r == 0 && PQntuples(res) == 0)
        r = not_ours(p, err); /* the lock is given back with this connection */
    PQclear(res);
    return r;
}

int postgres_reclaim(struct postgres *p, struct err *err)
{
    int r = p->deposed ? not_ours(p, err) : 0;
    for (int role = 0; r == 0 && role < STORE_ROLE_COUNT; role++)
        if (p->claim[role].held)
            r = reclaim_one(p, (enum store_role)role, err);
    return r;
}

void postgres_give_up_claims(struct postgres *p)
{
    for (int role = 0; role < STORE_ROLE_COUNT; role++)
        if (p->claim[role].held && p->conn) {
            PQclear(PQexec(p->conn, "SELECT pg_advisory_unlock_all()"));
            return;
        }
}
