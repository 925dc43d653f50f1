/* Keeping a claim that one has (postgres_claim.c says what it consists of): renewing its
 * lease, coming back to it over a new connection, writing on its behalf, giving it back. */
#include "common/clock.h"
#include "common/store/postgres_inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { RENEW_AFTER_MS = 900 };

void postgres_set_lease(struct store *base, int64_t lease_us)
{
    postgres_of(sql_of(base))->lease_us = lease_us;
}

int64_t postgres_lease(const struct store *base)
{
    return ((const struct postgres *)base)->lease_us;
}

uint64_t postgres_claim_epoch(const struct store *base, enum store_role role)
{
    const struct postgres *p = (const struct postgres *)base;
    return p->claim[role].held ? p->claim[role].epoch : 0;
}

/* ── Keeping it ────────────────────────────────────────────────────────── */

static bool due(const struct postgres *p, mono_ns after)
{
    for (int role = 0; role < STORE_ROLE_COUNT; role++)
        if (p->claim[role].held && !p->claim[role].joined && clock_mono() - p->claim[role].renewed >= after)
            return true;
    return false;
}

static void renew_sql(const struct postgres *p, bool renew, char *to, size_t size)
{
    int len = snprintf(to, size, "%s WHERE (role, shard, epoch) IN (",
                       renew ? "UPDATE claim SET renewed_at = clock_timestamp()" : "SELECT 1 FROM claim");
    const char *comma = "";
    for (int role = 0; role < STORE_ROLE_COUNT; role++) {
        if (!p->claim[role].held)
            continue;
        len += snprintf(to + len, size - (size_t)len, "%s(%d, %d, %llu)", comma, role, postgres_shard(p),
                        (unsigned long long)p->claim[role].epoch);
        comma = ", ";
    }
    snprintf(to + len, size - (size_t)len, ")%s", renew ? " RETURNING 1" : "");
}

void postgres_renew_sql(const struct postgres *p, char *to, size_t size)
{
    renew_sql(p, due(p, RENEW_AFTER_MS * NS_PER_MS), to, size);
}

static void renewed(struct postgres *p)
{
    for (int role = 0; role < STORE_ROLE_COUNT; role++)
        if (p->claim[role].held)
            p->claim[role].renewed = clock_mono();
}

void postgres_renewed(struct postgres *p)
{
    if (due(p, RENEW_AFTER_MS * NS_PER_MS))
        renewed(p);
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
    renew_sql(p, due(p, 0), sql, sizeof sql);
    int r = postgres_exec(p, "keep its part", sql, &res, err);
    if (r == 0 && PQntuples(res) != n)
        r = not_ours(p, err);
    if (r == 0)
        renewed(p);
    PQclear(res);
    return r;
}

int postgres_set_listens(struct store *base, enum store_role role, const char *listens, struct err *err)
{
    struct postgres *p = postgres_of(sql_of(base));
    char sql[STORE_LISTENS_SIZE * 2 + 200];
    PGresult *res = NULL;
    int r = postgres_ready(p, err);
    if (r < 0)
        return r;
    char *text = PQescapeLiteral(p->conn, listens, strnlen(listens, STORE_LISTENS_SIZE - 1));
    if (!text)
        return postgres_fail(p, NULL, "say where it listens", err);
    snprintf(sql, sizeof sql,
             "UPDATE claim SET listens = %s WHERE role = %d AND shard = %d AND epoch = %llu RETURNING 1",
             text, (int)role, postgres_shard(p), (unsigned long long)p->claim[role].epoch);
    PQfreemem(text);
    r = postgres_exec(p, "say where it listens", sql, &res, err);
    if (r == 0 && PQntuples(res) == 0)
        r = not_ours(p, err);
    PQclear(res);
    return r;
}

/* ── Coming back to it ─────────────────────────────────────────────────── */

static int lock_again(struct postgres *p, const char *how, int key, struct err *err)
{
    bool got = false;
    int r = 0;
    for (int i = 0; r == 0 && !got && i < POSTGRES_LOCK_TRIES; i++) {
        if (i > 0)
            usleep(POSTGRES_ASK_AGAIN_US);
        r = postgres_try_lock(p, how, key, &got, err);
    }
    if (r == 0 && !got)
        r = err_set(err, -EIO, "%s: cannot " POSTGRES_CLAIMING " again: it is held by somebody", p->sql.name);
    return r;
}

/* Runs what returns a row while the claim is ours. */
static int ask_ours(struct postgres *p, const char *sql, struct err *err)
{
    PGresult *res = NULL;
    int r = postgres_exec(p, POSTGRES_CLAIMING, sql, &res, err);
    if (r == 0 && PQntuples(res) == 0)
        r = not_ours(p, err); /* the lock is given back with this connection */
    PQclear(res);
    return r;
}

/* Our former connection may still have the lock: the server has not noticed that it is gone. */
static int reclaim_one(struct postgres *p, enum store_role role, struct err *err)
{
    char sql[320];
    unsigned long long epoch = p->claim[role].epoch;
    snprintf(sql, sizeof sql,
             "SELECT CASE WHEN backend <> pg_backend_pid() THEN pg_terminate_backend(backend) END FROM claim "
             "WHERE role = %d AND shard = %d AND epoch = %llu",
             (int)role, postgres_shard(p), epoch);
    int r = ask_ours(p, sql, err);
    if (r == 0)
        r = lock_again(p, "lock", postgres_key(p, POSTGRES_LOCK_CLAIM, role), err);
    snprintf(sql, sizeof sql,
             "UPDATE claim SET backend = pg_backend_pid(), renewed_at = clock_timestamp() "
             "WHERE role = %d AND shard = %d AND epoch = %llu RETURNING 1",
             (int)role, postgres_shard(p), epoch);
    return r < 0 ? r : ask_ours(p, sql, err);
}

/* The lock first: nobody raises the epoch while we share it. */
static int join_one(struct postgres *p, enum store_role role, struct err *err)
{
    char sql[160];
    int r = lock_again(p, "lock_shared", postgres_key(p, POSTGRES_LOCK_SCRIBE, role), err);
    snprintf(sql, sizeof sql, "SELECT 1 FROM claim WHERE role = %d AND shard = %d AND epoch = %llu",
             (int)role, postgres_shard(p), (unsigned long long)p->claim[role].epoch);
    return r < 0 ? r : ask_ours(p, sql, err);
}

int postgres_join_claim(struct store *base, enum store_role role, uint64_t epoch, struct err *err)
{
    struct postgres *p = postgres_of(sql_of(base));
    int r = postgres_ready(p, err);
    if (r < 0)
        return r;
    p->claim[role].held = p->claim[role].joined = true;
    p->claim[role].epoch = epoch;
    return join_one(p, role, err);
}

int postgres_reclaim(struct postgres *p, struct err *err)
{
    int r = p->deposed ? not_ours(p, err) : 0;
    for (int role = 0; r == 0 && role < STORE_ROLE_COUNT; role++)
        if (p->claim[role].held)
            r = p->claim[role].joined ? join_one(p, (enum store_role)role, err)
                                      : reclaim_one(p, (enum store_role)role, err);
    return r;
}

/* ── Giving it back ────────────────────────────────────────────────────── */

void postgres_give_up_claims(struct postgres *p)
{
    char sql[240];
    bool any = false;
    for (int role = 0; role < STORE_ROLE_COUNT; role++) {
        if (!p->claim[role].held || !p->conn)
            continue;
        any = true;
        if (p->claim[role].joined || p->deposed)
            continue;
        snprintf(sql, sizeof sql,
                 "UPDATE claim SET renewed_at = '-infinity' WHERE role = %d AND shard = %d AND epoch = %llu",
                 role, postgres_shard(p), (unsigned long long)p->claim[role].epoch);
        PQclear(PQexec(p->conn, sql));
    }
    if (any)
        PQclear(PQexec(p->conn, "SELECT pg_advisory_unlock_all()"));
}
