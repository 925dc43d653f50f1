/* Who is at work with this store: for each role and shard one process.
 *
 * Four things together. An advisory lock of the holder's connection, which the server
 * lets go of when that ends; a row with a lease, on the server's clock, which the holder
 * renews every second, because a process that is stopped keeps its connection; in the row
 * an epoch, one higher for each holder, which every write transaction of a holder asks
 * for; and a second lock, which all share that write on its behalf (a daemon has one
 * thread that keeps the claim and another that writes). Whoever may take over, as heir.h
 * decides, ends these connections, takes the first lock, sees that nobody has the second,
 * and raises the epoch. The former holder, should it wake up, connects anew, finds a
 * higher epoch, and everything it tries is -ESTALE.
 *
 * Nothing can slip between: the locks are free only when the old connections have ended,
 * and with them the transactions that were open. */
#include "common/clock.h"
#include "common/control.h"
#include "common/log.h"
#include "common/store/heir.h"
#include "common/store/postgres_inside.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int64_t postgres_number(const PGresult *res, int row, int column)
{
    return strtoll(PQgetvalue(res, row, column), NULL, 10);
}

int postgres_try_lock(struct postgres *p, const char *how, int key, bool *ret, struct err *err)
{
    char sql[96];
    PGresult *res = NULL;
    snprintf(sql, sizeof sql, "SELECT pg_try_advisory_%s(%d, %d)::int", how, (int)p->layout_oid, key);
    int r = postgres_exec(p, POSTGRES_CLAIMING, sql, &res, err);
    *ret = r == 0 && postgres_number(res, 0, 0);
    PQclear(res);
    return r;
}

static void unlock(struct postgres *p, int key)
{
    char sql[96];
    snprintf(sql, sizeof sql, "SELECT pg_advisory_unlock(%d, %d)", (int)p->layout_oid, key);
    (void)postgres_exec(p, POSTGRES_CLAIMING, sql, NULL, NULL); /* else it goes with the connection */
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

/* ── Who has it ────────────────────────────────────────────────────────── */

/* The row of a holder, in words, from this column on; -1: there is none. */
#define HOLDER_ROW                                                                                           \
    "coalesce(c.epoch, 0), c.pid, c.host, (extract(epoch FROM c.taken_at) * 1000000)::bigint, "              \
    "CASE WHEN c.renewed_at = '-infinity' THEN -1 ELSE "                                                     \
    "greatest((extract(epoch FROM clock_timestamp() - c.renewed_at) * 1000000)::bigint, 0) END, c.listens, " \
    "c.lease_us FROM (SELECT 1) one LEFT JOIN claim c ON c.role = %d AND c.shard = %d"
enum { EPOCH, PID, HOST, SINCE, SILENT, LISTENS, LEASE };

static void read_holder(const PGresult *res, int from, struct store_holder *ret)
{
    *ret = (struct store_holder){
        .epoch = (uint64_t)postgres_number(res, 0, from + EPOCH),
        .pid = postgres_number(res, 0, from + PID),
        .since_us = postgres_number(res, 0, from + SINCE),
        .silent_us = postgres_number(res, 0, from + SILENT),
    };
    snprintf(ret->host, sizeof ret->host, "%s", PQgetvalue(res, 0, from + HOST));
    snprintf(ret->listens, sizeof ret->listens, "%s", PQgetvalue(res, 0, from + LISTENS));
    if (ret->silent_us < 0 || ret->epoch == 0)
        ret->silent_us = INT64_MAX;
}

int postgres_get_holder(struct store *base, enum store_role role, struct store_holder *ret, struct err *err)
{
    struct postgres *p = postgres_of(sql_of(base));
    char sql[640];
    PGresult *res = NULL;
    snprintf(sql, sizeof sql, "SELECT " HOLDER_ROW, (int)role, postgres_shard(p));
    int r = postgres_exec(p, "ask who is at work", sql, &res, err);
    if (r < 0)
        return r;
    read_holder(res, 0, ret);
    PQclear(res);
    return ret->epoch ? 0
                      : err_set(err, -ENOENT, "%s: there never was a %s", p->sql.name, store_role_name(role));
}

int postgres_claimed(struct store *base, enum store_role role, bool *ret, struct err *err)
{
    struct postgres *p = postgres_of(sql_of(base));
    char sql[320];
    PGresult *res = NULL;
    int r = postgres_ready(p, err);
    if (r < 0)
        return r;
    snprintf(sql, sizeof sql, "SELECT count(*) " POSTGRES_HOLDERS, p->layout_oid,
             postgres_key(p, POSTGRES_LOCK_CLAIM, role));
    r = postgres_exec(p, "ask who is at work", sql, &res, err);
    *ret = r == 0 && postgres_number(res, 0, 0) > 0;
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
    *ret = r == 0 && postgres_number(res, 0, 0) > 0;
    PQclear(res);
    return r;
}

/* Its host is ours and there is no such process: it need not be waited for. On another machine of the
 * same name that is wrong, and then a holder that lost its connection loses its part with it. */
static bool has_died(const struct store_holder *h)
{
    char host[64];
    own_host(host);
    return h->pid > 0 && strcmp(h->host, host) == 0 && kill((pid_t)h->pid, 0) < 0 && errno == ESRCH;
}

/* ── Taking it ─────────────────────────────────────────────────────────── */

/* The lease has run out: end the holder's connection. That of the one who the row speaks
 * of: somebody may have got the lock this moment and not have signed. */
static int end_silent_holder(struct postgres *p, enum store_role role, uint64_t epoch, struct err *err)
{
    char sql[640];
    PGresult *res = NULL;
    snprintf(sql, sizeof sql,
             "SELECT pg_terminate_backend(backend)::int, "
             "(extract(epoch FROM clock_timestamp() - renewed_at))::bigint, pid, host FROM claim "
             "WHERE role = %d AND shard = %d AND epoch = %llu AND renewed_at <> '-infinity' "
             "AND renewed_at < clock_timestamp() - lease_us * interval '1 us' "
             "AND backend IN (SELECT l.pid " POSTGRES_HOLDERS ")",
             (int)role, postgres_shard(p), (unsigned long long)epoch, p->layout_oid,
             postgres_key(p, POSTGRES_LOCK_CLAIM, role));
    int r = postgres_exec(p, POSTGRES_CLAIMING, sql, &res, err);
    if (r == 0 && PQntuples(res) > 0)
        p->claim[role].ended = epoch;
    if (r == 0 && PQntuples(res) > 0)
        log_warn("store.taken_over", "role=%s silent_s=%lld process=%lld host=%s", store_role_name(role),
                 (long long)postgres_number(res, 0, 1), (long long)postgres_number(res, 0, 2),
                 PQgetvalue(res, 0, 3));
    PQclear(res);
    return r;
}

/* Whoever still writes for the former holder. *ret: nobody does, and nobody begins to. */
static int end_scribes(struct postgres *p, enum store_role role, bool *ret, struct err *err)
{
    char sql[640];
    int key = postgres_key(p, POSTGRES_LOCK_SCRIBE, role), r = postgres_try_lock(p, "lock", key, ret, err);
    if (r < 0 || *ret)
        return r;
    snprintf(sql, sizeof sql,
             "SELECT count(pg_terminate_backend(l.pid)) " POSTGRES_HOLDERS " AND l.pid <> pg_backend_pid()",
             p->layout_oid, key);
    r = postgres_exec(p, POSTGRES_CLAIMING, sql, NULL, err);
    for (int i = 0; r == 0 && !*ret && i < POSTGRES_LOCK_TRIES; i++) {
        usleep(POSTGRES_ASK_AGAIN_US);
        r = postgres_try_lock(p, "lock", key, ret, err);
    }
    return r;
}

static int sign(struct postgres *p, enum store_role role, struct err *err)
{
    char sql[800], host[64];
    PGresult *res = NULL;
    own_host(host);
    snprintf(
        sql, sizeof sql,
        "INSERT INTO claim (role, shard, epoch, backend, pid, host, taken_at, renewed_at, lease_us) VALUES "
        "(%d, %d, 1, pg_backend_pid(), %ld, '%s', clock_timestamp(), clock_timestamp(), %lld) "
        "ON CONFLICT (role, shard) DO UPDATE SET epoch = claim.epoch + 1, backend = excluded.backend, "
        "pid = excluded.pid, host = excluded.host, taken_at = excluded.taken_at, "
        "renewed_at = excluded.renewed_at, lease_us = excluded.lease_us, listens = '' RETURNING epoch",
        (int)role, postgres_shard(p), (long)getpid(), host, (long long)p->lease_us);
    int r = postgres_exec(p, POSTGRES_CLAIMING, sql, &res, err);
    if (r == 0) {
        p->claim[role].held = true;
        p->claim[role].epoch = (uint64_t)postgres_number(res, 0, 0);
        p->claim[role].renewed = clock_mono();
    }
    PQclear(res);
    return r;
}

/* We have the first lock. 1, or 0 and -errno without any. */
static int take(struct postgres *p, enum store_role role, struct err *err)
{
    bool alone = false;
    int r = end_scribes(p, role, &alone, err);
    if (r == 0 && alone) {
        r = sign(p, role, err);
        unlock(p, postgres_key(p, POSTGRES_LOCK_SCRIBE, role));
    }
    if (r == 0 && alone)
        return 1;
    unlock(p, postgres_key(p, POSTGRES_LOCK_CLAIM, role));
    return r;
}

/* Tries the lock and reads the row, in one trip: *ret_got when the lock is ours now. */
static int look(struct postgres *p, enum store_role role, bool *ret_got, struct store_holder *ret,
                int64_t *ret_lease_us, struct err *err)
{
    char sql[760];
    PGresult *res = NULL;
    int r = postgres_ready(p, err); /* which finds out the store's key */
    if (r < 0)
        return r;
    snprintf(sql, sizeof sql, "SELECT pg_try_advisory_lock(%d, %d)::int, " HOLDER_ROW, (int)p->layout_oid,
             postgres_key(p, POSTGRES_LOCK_CLAIM, role), (int)role, postgres_shard(p));
    r = postgres_exec(p, POSTGRES_CLAIMING, sql, &res, err);
    if (r < 0)
        return r;
    *ret_got = postgres_number(res, 0, 0);
    read_holder(res, 1, ret);
    *ret_lease_us = postgres_number(res, 0, 1 + LEASE);
    PQclear(res);
    return 0;
}

int postgres_ask_claim(struct store *base, enum store_role role, struct store_holder *ret, struct err *err)
{
    struct postgres *p = postgres_of(sql_of(base));
    struct heir_view v = { 0 };
    bool got = false;
    if (p->claim[role].held)
        return 1;
    if (p->sql.read_only)
        return err_set(err, -EROFS, "%s: cannot " POSTGRES_CLAIMING ": it was opened for reading only",
                       p->sql.name);
    p->eager = true;
    int r = look(p, role, &got, ret, &v.lease_us, err);
    if (r < 0)
        return r;
    mono_ns now = clock_mono();
    if (!got)
        p->claim[role].free_since = 0;
    else if (p->claim[role].free_since == 0 || p->claim[role].watched != p->session)
        p->claim[role].free_since = now;
    p->claim[role].watched = p->session;
    v.locked = !got;
    v.ever = ret->epoch > 0;
    v.given_back = ret->silent_us == INT64_MAX;
    v.dead = got && (has_died(ret) || p->claim[role].ended == ret->epoch);
    v.silent_us = ret->silent_us;
    v.free_since = p->claim[role].free_since;
    enum heir_word word = heir_decide(&v, now);
    if (word == HEIR_TAKE)
        return take(p, role, err);
    if (got)
        unlock(p, postgres_key(p, POSTGRES_LOCK_CLAIM, role));
    return word == HEIR_END_HOLDER ? end_silent_holder(p, role, ret->epoch, err) : 0;
}

static int taken(const struct postgres *p, enum store_role role, const struct store_holder *h,
                 struct err *err)
{
    char who[160] = "", host[64];
    own_host(host);
    if (h->epoch > 0) {
        bool elsewhere = strcmp(h->host, host) != 0;
        snprintf(who, sizeof who, " (process %lld%s%s)", (long long)h->pid, elsewhere ? " on " : "",
                 elsewhere ? h->host : "");
    }
    return err_set(err, -EBUSY, "%s: another %s%s is at work with this store: two would tell everybody twice",
                   p->sql.name, store_role_name(role), who);
}

int postgres_claim(struct store *base, enum store_role role, int64_t wait_us, struct err *err)
{
    struct store_holder holder = { 0 };
    for (mono_ns until = clock_mono() + wait_us * NS_PER_US;;) {
        int r = postgres_ask_claim(base, role, &holder, err);
        if (r != 0)
            return r < 0 ? r : 0;
        if (clock_mono() >= until)
            return taken(postgres_of(sql_of(base)), role, &holder, err);
        usleep(POSTGRES_ASK_AGAIN_US);
    }
}
