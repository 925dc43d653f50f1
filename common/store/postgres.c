/* The PostgreSQL backend: for more hosts than one.
 *
 * The store is what lies in the schema that the connection's search_path begins with,
 * usually "public"; the table `layout` says that it is ours and of which version. A
 * URL is libpq's, with all that libpq knows: postgresql://user@host/database?sslmode=...;
 * a password is better kept in a file (passfile=..., ~/.pgpass).
 *
 * Commits are the server's: with synchronous_commit as it is by default, what was
 * acknowledged is on its disk. */
#include "common/store/migrate.h"
#include "common/store/postgres_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USUAL_PATIENCE_US (5 * US_PER_S)
#define MAKING            "bring it up to date"

static const struct migrate_step steps[] = {
    {
     1,
#include "common/store/schema/postgres/0001_first.sql.h"
     },
    {
     2,
#include "common/store/schema/postgres/0002_keys.sql.h"
     },
    {
     3,
#include "common/store/schema/postgres/0003_key_ends.sql.h"
     },
    {
     4,
#include "common/store/schema/postgres/0004_shards.sql.h"
     },
    {
     5,
#include "common/store/schema/postgres/0005_standby.sql.h"
     },
    {
     6,
#include "common/store/schema/postgres/0006_settled.sql.h"
     },
    {
     7,
#include "common/store/schema/postgres/0007_cluster.sql.h"
     },
};
#define OUR_VERSION ((unsigned)(sizeof steps / sizeof *steps))

/* ── What is there ─────────────────────────────────────────────────────── */

struct place {
    bool utf8, standby;
    int64_t tables;
    uint32_t layout_oid; /* 0: none of ours */
};

/* Not of our search_path alone: an object of a schema behind the first is not in the store. */
#define HERE "(SELECT oid FROM pg_namespace WHERE nspname = current_schema())"

static int look_there(struct postgres *p, struct place *ret, struct err *err)
{
    PGresult *res = PQexecParams(
        p->conn,
        "SELECT (current_setting('server_encoding') = 'UTF8')::int, pg_is_in_recovery()::int, "
        "(SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = " HERE "), "
        "coalesce((SELECT oid FROM pg_class WHERE relname = 'layout' AND relnamespace = " HERE
        " AND obj_description(oid, 'pg_class') = 'store of Vedette'), 0)::bigint, current_schema() IS NULL",
        0, NULL, NULL, NULL, NULL, 1);
    int r = 0;
    if (PQresultStatus(res) != PGRES_TUPLES_OK)
        r = postgres_fail(p, res, "connect", err);
    else if (postgres_int(res, 0, 4))
        r = err_set(err, -ENOENT, "%s: there is no store: its search_path names no schema that is there",
                    p->sql.name);
    else
        *ret = (struct place){ postgres_int(res, 0, 0), postgres_int(res, 0, 1), postgres_int(res, 0, 2),
                               (uint32_t)postgres_int(res, 0, 3) };
    PQclear(res);
    return r;
}

static int read_version(struct postgres *p, unsigned *ret, struct err *err)
{
    PGresult *res = PQexecParams(p->conn, "SELECT version FROM layout", 0, NULL, NULL, NULL, NULL, 1);
    int r = 0;
    if (PQresultStatus(res) != PGRES_TUPLES_OK)
        r = postgres_fail(p, res, "read its version", err);
    else
        *ret = PQntuples(res) ? (unsigned)postgres_int(res, 0, 0) : 0;
    PQclear(res);
    return r;
}

/* 0 for a place where a store can be made. */
static int ask_version(struct postgres *p, unsigned *ret, struct err *err)
{
    struct place there = { 0 };
    int r = look_there(p, &there, err);
    *ret = 0;
    if (r < 0)
        return r;
    p->layout_oid = there.layout_oid;
    if (!there.utf8)
        return err_set(err, -EINVAL, "%s: the database is not in UTF-8: make one with ENCODING 'UTF8'",
                       p->sql.name);
    if (there.standby && p->mode != STORE_READ)
        return err_set(err, -EROFS, "%s: no right to write it: the server is a standby", p->sql.name);
    if (there.layout_oid)
        return read_version(p, ret, err);
    if (there.tables)
        return err_set(err, -EINVAL, "%s is not a store of Vedette: there are another program's tables",
                       p->sql.name);
    return 0;
}

/* On each new connection but while the layout is being brought up to date. */
int postgres_inspect(struct postgres *p, struct err *err)
{
    unsigned version = 0;
    int r = ask_version(p, &version, err);
    if (r < 0)
        return r;
    if (version == 0 && p->mode != STORE_CREATE)
        return err_set(err, -ENOENT, "%s: there is no store: it is empty", p->sql.name);
    if (p->mode == STORE_READ && version < OUR_VERSION)
        return err_set(
            err, -EPROTO,
            "%s: its layout has version %u, this program reads version %u: open it for writing once, "
            "which brings it up to date",
            p->sql.name, version, OUR_VERSION);
    r = migrate_check_version(version, OUR_VERSION, err);
    return r < 0 ? err_where(err, r, "%s", p->sql.name) : 0;
}

/* ── Bringing it up to date ────────────────────────────────────────────── */

static int step_version(void *arg, unsigned *ret, struct err *err)
{
    return ask_version(arg, ret, err);
}

static int step_begin(void *arg, struct err *err)
{
    struct postgres *p = arg;
    int r = postgres_exec(p, MAKING,
                          "BEGIN; SET LOCAL statement_timeout = 0; "
                          "SELECT pg_advisory_xact_lock(1447380052, hashtext(current_schema()))",
                          NULL, err);
    p->writing = true;
    return r;
}

static int step_run(void *arg, const char *sql, struct err *err)
{
    return postgres_exec(arg, MAKING, sql, NULL, err);
}

static int step_set_version(void *arg, unsigned version, struct err *err)
{
    char sql[160];
    snprintf(sql, sizeof sql,
             "INSERT INTO layout VALUES (1, %u) ON CONFLICT (one) DO UPDATE SET version = excluded.version",
             version);
    return postgres_exec(arg, MAKING, sql, NULL, err);
}

static int step_commit(void *arg, struct err *err)
{
    struct postgres *p = arg;
    return postgres_driver.commit(&p->sql, MAKING, err);
}

static void step_rollback(void *arg)
{
    struct postgres *p = arg;
    postgres_driver.rollback(&p->sql);
}

static const struct migrate_how how = {
    .version = step_version,
    .begin = step_begin,
    .run = step_run,
    .set_version = step_set_version,
    .commit = step_commit,
    .rollback = step_rollback,
};

static int bring_up_to_date(struct postgres *p, struct err *err)
{
    unsigned version = 0;
    int r = migrate(&how, p, steps, sizeof steps / sizeof *steps, err);
    if (r == 0)
        r = ask_version(p, &version, err); /* and which table it is */
    return r;
}

/* ── Opening ───────────────────────────────────────────────────────────── */

static void postgres_close(struct store *base)
{
    struct postgres *p = postgres_of(sql_of(base));
    sql_edit_abort(base);
    postgres_give_up_claims(p);
    PQfinish(p->conn);
    postgres_free_statements(p);
    sql_forget_words(&p->sql);
    sql_forget_packing(&p->sql);
    free(p->sql.name);
    free(p->url);
    free(p);
}

static inline void scope_end_postgres(struct postgres **p)
{
    if (*p)
        postgres_close(&(*p)->sql.base);
}

/* What sentences call it: where it is, and no secrets. */
static char *name_of(const PQconninfoOption *options)
{
    const char *host = "", *port = "", *database = "", *of = "";
    char *name = NULL;
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        if (!o->val)
            continue;
        if (strcmp(o->keyword, "host") == 0)
            host = o->val;
        else if (strcmp(o->keyword, "port") == 0)
            port = o->val;
        else if (strcmp(o->keyword, "dbname") == 0)
            database = o->val;
    }
    if (*port)
        of = ":";
    bool socket = *host == '/';
    int n = socket ? asprintf(&name, "postgresql:///%s?host=%s", database, host)
                   : asprintf(&name, "postgresql://%s%s%s/%s", host, of, port, database);
    return n < 0 ? NULL : name;
}

static int read_url(struct postgres *p, const char *rest, struct err *err)
{
    char *wrong = NULL;
    if (strncmp(rest, "//", 2) != 0)
        return err_set(err, -EPROTONOSUPPORT,
                       "'postgresql:%.200s' is not a store: write it like postgresql://host/database", rest);
    if (asprintf(&p->url, "postgresql:%s", rest) < 0)
        p->url = NULL;
    PQconninfoOption *options = p->url ? PQconninfoParse(p->url, &wrong) : NULL;
    if (options)
        p->sql.name = name_of(options);
    PQconninfoFree(options);
    int r = 0;
    if (wrong) /* names what is wrong in it and not the rest, which may be a secret */
        r = err_set(err, -EPROTONOSUPPORT, "store: the URL is wrong: %.*s", (int)strcspn(wrong, "\n"), wrong);
    else if (!p->sql.name)
        r = err_set(err, -EIO, "store: out of memory");
    PQfreemem(wrong);
    return r;
}

static int postgres_open(struct store **ret, const char *rest, enum store_mode mode, struct err *err)
{
    scoped(postgres) struct postgres *p = calloc(1, sizeof *p);
    if (!p)
        return err_set(err, -EIO, "store: out of memory");
    p->sql.base.backend = &store_postgres;
    p->sql.driver = &postgres_driver;
    p->sql.patience_us = USUAL_PATIENCE_US;
    p->sql.read_only = mode == STORE_READ;
    p->mode = mode;
    p->day_ready = -1;
    p->lease_us = STORE_LEASE_US;

    int r = read_url(p, rest, err);
    if (r == 0)
        r = postgres_ready(p, err);
    if (r == 0 && mode != STORE_READ)
        r = bring_up_to_date(p, err);
    if (r < 0)
        return r;
    p->mode = mode == STORE_CREATE ? STORE_WRITE : mode; /* made once: a new connection must find it */
    *ret = &moved(p)->sql.base;
    return 0;
}

static void postgres_set_patience(struct store *base, int64_t wait_us)
{
    sql_of(base)->patience_us = wait_us < 0 ? 0 : wait_us > US_PER_HOUR ? US_PER_HOUR : wait_us;
}

/* A server that is full says so when it is written to, and not before. */
static int postgres_check_room(struct store *base, struct err *err)
{
    (void)base, (void)err;
    return 0;
}

const struct store_backend store_postgres = {
    .scheme = "postgresql",
    .open = postgres_open,
    .close = postgres_close,
    .set_patience = postgres_set_patience,
    .claim = postgres_claim,
    .keep_claim = postgres_keep_claim,
    .claimed = postgres_claimed,
    .has_others = postgres_has_others,
    .ask_claim = postgres_ask_claim,
    .get_holder = postgres_get_holder,
    .set_listens = postgres_set_listens,
    .set_lease = postgres_set_lease,
    .lease = postgres_lease,
    .claim_epoch = postgres_claim_epoch,
    .join_claim = postgres_join_claim,
    .check_room = postgres_check_room,
    SQL_MEMBERS,
    .newest_change = postgres_newest_change,
};
