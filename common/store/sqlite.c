/* The SQLite backend: one file, no server, one machine.
 *
 * The journal is a write-ahead log, so that readers and the one writer of the
 * moment do not hold each other up, and it is synced at every commit
 * (synchronous=FULL): what has been acknowledged as recorded survives the loss
 * of power. Commits are large, so this costs little. The log's files stay when
 * the last handle closes, so that somebody who may read the store but not write
 * in its folder can open it at any time.
 *
 * application_id in the file's header says that it is ours, user_version which
 * layout it has.
 */
#include "common/store/migrate.h"
#include "common/store/sqlite_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define APPLICATION_ID    1447380052 /* "VEDT", see the first step of the schema */
#define USUAL_PATIENCE_US (5 * US_PER_S)
#define MEMORY            ":memory:"

static const struct migrate_step steps[] = {
    {
     1,
#include "common/store/schema/sqlite/0001_first.sql.h"
     },
    {
     2,
#include "common/store/schema/sqlite/0002_states.sql.h"
     },
    {
     3,
#include "common/store/schema/sqlite/0003_dropped.sql.h"
     },
    {
     4,
#include "common/store/schema/sqlite/0004_history.sql.h"
     },
    {
     5,
#include "common/store/schema/sqlite/0005_descriptors.sql.h"
     },
    {
     6,
#include "common/store/schema/sqlite/0006_episodes.sql.h"
     },
    {
     7,
#include "common/store/schema/sqlite/0007_locations.sql.h"
     },
    {
     8,
#include "common/store/schema/sqlite/0008_days.sql.h"
     },
    {
     9,
#include "common/store/schema/sqlite/0009_keys.sql.h"
     },
    {
     10,
#include "common/store/schema/sqlite/0010_key_ends.sql.h"
     },
    {
     11,
#include "common/store/schema/sqlite/0011_shards.sql.h"
     },
    {
     12,
#include "common/store/schema/sqlite/0012_settled.sql.h"
     },
    {
     13,
#include "common/store/schema/sqlite/0013_cluster.sql.h"
     },
};
#define OUR_VERSION ((unsigned)(sizeof steps / sizeof *steps))

/* ── What is there, before SQLite is asked ─────────────────────────────── */

static int make_file(const char *path, struct err *err)
{
    /* Owners' channels may hold secrets: not for everybody's eyes. */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd >= 0)
        close(fd);
    else if (errno == ENOENT || errno == ENOTDIR)
        return err_set(err, -ENOENT, "sqlite:%s: there is no such folder", path);
    else if (errno == EACCES || errno == EPERM || errno == EROFS)
        return err_set(err, -EROFS, "sqlite:%s: cannot make it: %s", path, strerror(errno));
    else if (errno == ENOSPC || errno == EDQUOT)
        return err_set(err, -ENOSPC, "sqlite:%s: cannot make it: %s", path, strerror(errno));
    else if (errno != EEXIST)
        return err_set(err, -EIO, "sqlite:%s: cannot make it: %s", path, strerror(errno));
    return 0;
}

/* The file is never opened and closed here: closing would drop the locks that
 * other handles of this process have on it (fcntl(2), "advisory record locking"). */
static int check_place(const char *path, enum store_mode mode, struct err *err)
{
    struct stat st;
    if (stat(path, &st) < 0) {
        if ((errno == ENOENT || errno == ENOTDIR) && mode == STORE_CREATE)
            return make_file(path, err);
        if (errno == ENOENT || errno == ENOTDIR)
            return err_set(err, -ENOENT, "sqlite:%s: there is no store", path);
        return err_set(err, errno == EACCES ? -EROFS : -EIO, "sqlite:%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(st.st_mode))
        return err_set(err, -EINVAL, "sqlite:%s is not a store of Vedette: it is no file", path);
    if (mode == STORE_READ && faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0)
        return err_set(err, -EROFS, "sqlite:%s: no right to read it", path);
    if (mode != STORE_READ && faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) < 0)
        return err_set(err, -EROFS, "sqlite:%s: no right to write it (%s)", path, strerror(errno));
    return 0;
}

/* On a file system that is mounted read-only nothing can change, and SQLite
 * need not make the files that it otherwise keeps beside a database. */
static bool is_frozen(const char *path)
{
    char wal[4096];
    struct statvfs fs;
    struct stat st;
    if (statvfs(path, &fs) < 0 || !(fs.f_flag & ST_RDONLY))
        return false;
    if ((size_t)snprintf(wal, sizeof wal, "%s-wal", path) >= sizeof wal)
        return false;
    return stat(wal, &st) < 0 || st.st_size == 0;
}

/* "file:" URI that says so; every byte that means something in a URI is escaped. */
static char *frozen_uri(const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-";
    char *uri = malloc(strlen(path) * 3 + sizeof "file:?immutable=1");
    if (!uri)
        return NULL;
    char *to = stpcpy(uri, "file:");
    for (const char *p = path; *p; p++) {
        if (strchr(plain, *p))
            *to++ = *p;
        else
            to += sprintf(to, "%%%02X", (unsigned char)*p);
    }
    strcpy(to, "?immutable=1");
    return uri;
}

/* ── Whose file it is ──────────────────────────────────────────────────── */

struct identity {
    int64_t application, version, tables;
};

static int ask_identity(struct sql *s, struct identity *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_IDENTITY, "open",
                      "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema) "
                      "FROM pragma_application_id, pragma_user_version",
                      err);
    if (r == 0)
        r = query_step(&q, err);
    if (r <= 0)
        return r < 0 ? r : err_set(err, -EIO, "%s: says nothing of itself", s->name);
    *ret = (struct identity){ query_int(&q, 0), query_int(&q, 1), query_int(&q, 2) };
    return 0;
}

/* Sets *ret_version, 0 for a place where a store can be made. */
static int check_identity(struct sql *s, enum store_mode mode, unsigned *ret_version, struct err *err)
{
    struct identity is;
    int r = ask_identity(s, &is, err);
    if (r < 0)
        return r;

    if (is.application != APPLICATION_ID) {
        if (is.application || is.tables)
            return err_set(err, -EINVAL,
                           "%s is not a store of Vedette: it is another program's "
                           "database",
                           s->name);
        if (mode != STORE_CREATE)
            return err_set(err, -ENOENT, "%s: there is no store: the file is empty", s->name);
    }
    *ret_version = (unsigned)is.version;
    if (mode == STORE_READ && *ret_version < OUR_VERSION)
        return err_set(err, -EPROTO,
                       "%s: its layout has version %u, this program reads version %u: "
                       "open it for writing once, which brings it up to date",
                       s->name, *ret_version, OUR_VERSION);
    r = migrate_check_version(*ret_version, OUR_VERSION, err);
    return r < 0 ? err_where(err, r, "%s", s->name) : 0;
}

/* ── Bringing it up to date ────────────────────────────────────────────── */

static int run_sql(void *arg, const char *sql, struct err *err)
{
    struct sqlite *s = arg;
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : sqlite_fail(s, rc, "bring it up to date", err);
}

static int step_version(void *arg, unsigned *ret, struct err *err)
{
    struct sqlite *s = arg;
    struct identity is = { 0 };
    int r = ask_identity(&s->sql, &is, err);
    *ret = (unsigned)is.version;
    return r;
}

static int step_begin(void *arg, struct err *err)
{
    struct sqlite *s = arg;
    return sql_begin(&s->sql, SQL_LEDGER, "bring it up to date", err);
}

static int step_set_version(void *arg, unsigned version, struct err *err)
{
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA user_version = %u", version);
    return run_sql(arg, sql, err);
}

static int step_commit(void *arg, struct err *err)
{
    struct sqlite *s = arg;
    return sql_end(&s->sql, 0, "bring it up to date", err);
}

static void step_rollback(void *arg)
{
    struct sqlite *s = arg;
    sql_rollback(&s->sql);
}

static const struct migrate_how how = {
    .version = step_version,
    .begin = step_begin,
    .run = run_sql,
    .set_version = step_set_version,
    .commit = step_commit,
    .rollback = step_rollback,
};

/* ── Opening ───────────────────────────────────────────────────────────── */

/* Several processes may make the same store at once, and SQLite does not wait
 * when it is asked to change the kind of journal: we do. */
static int want_wal(struct sqlite *s, struct err *err)
{
    for (int64_t waited_us = 0;; waited_us += 10 * US_PER_MS) {
        int rc = sqlite3_exec(s->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            return 0;
        if (rc != SQLITE_BUSY || waited_us >= s->sql.patience_us)
            return sqlite_fail(s, rc, "open", err);
        usleep(10 * US_PER_MS);
    }
}

static int settle(struct sqlite *s, enum store_mode mode, struct err *err)
{
    unsigned version = 0;
    int one = 1;
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_timeout(s->db, (int)(s->sql.patience_us / US_PER_MS));
    (void)sqlite3_file_control(s->db, "main", SQLITE_FCNTL_PERSIST_WAL, &one);

    int r = check_identity(&s->sql, mode, &version, err);
    if (r == 0)
        r = run_sql(s, "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192", err);
    s->sql.read_only = mode == STORE_READ;
    if (r < 0 || mode == STORE_READ)
        return r;

    if (sqlite3_db_readonly(s->db, "main"))
        return err_set(err, -EROFS, "%s: no right to write it", s->sql.name);
    r = want_wal(s, err);
    if (r == 0)
        r = run_sql(s,
                    "PRAGMA synchronous = FULL; PRAGMA cache_size = -32768;"
                    "PRAGMA wal_autocheckpoint = 8192; PRAGMA journal_size_limit = 67108864",
                    err);
    if (r == 0 && version < OUR_VERSION) {
        r = migrate(&how, s, steps, sizeof steps / sizeof *steps, err);
        if (r == -EPROTO)
            return err_where(err, r, "%s", s->sql.name);
    }
    return r;
}

static void sqlite_close(struct store *base)
{
    struct sqlite *s = sqlite_of(sql_of(base));
    sql_edit_abort(base);
    for (int i = 0; i < QUERY_COUNT; i++)
        sqlite3_finalize(s->kept[i]);
    sqlite3_close(s->db);
    sqlite_give_up_claims(s);
    sql_forget_words(&s->sql);
    sql_forget_packing(&s->sql);
    free(s->sql.name);
    free(s);
}

static inline void scope_end_sqlite(struct sqlite **s)
{
    if (*s)
        sqlite_close(&(*s)->sql.base);
}

static int open_database(struct sqlite *s, const char *path, enum store_mode mode, struct err *err)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= mode == STORE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    bool memory = strcmp(path, MEMORY) == 0;
    char *uri = NULL;
    char *plain = NULL;

    /* A path is a path, also where SQLite would take it for a URI. */
    if (!memory && mode == STORE_READ && is_frozen(path))
        uri = frozen_uri(path);
    else if (asprintf(&plain, "%s%s", memory || path[0] == '/' ? "" : "./", path) < 0)
        plain = NULL;
    if (!uri && !plain)
        return sql_out_of_memory(&s->sql, err);

    int rc = sqlite3_open_v2(uri ? uri : plain, &s->db, flags | (uri ? SQLITE_OPEN_URI : 0), NULL);
    free(uri);
    free(plain);
    return rc == SQLITE_OK ? 0 : sqlite_fail(s, rc, "open", err);
}

static int sqlite_open(struct store **ret, const char *path, enum store_mode mode, struct err *err)
{
    bool memory = strcmp(path, MEMORY) == 0;
    if (memory && mode != STORE_CREATE)
        return err_set(err, -ENOENT, "sqlite:%s is always a new store: there is none to open", path);

    scoped(sqlite) struct sqlite *s = calloc(1, sizeof *s);
    if (s) {
        s->sql.base.backend = &store_sqlite;
        s->sql.driver = &sqlite_driver;
        s->sql.patience_us = USUAL_PATIENCE_US;
        for (int i = 0; i < STORE_ROLE_COUNT; i++)
            s->claimed[i] = -1;
        if (asprintf(&s->sql.name, "sqlite:%s", path) < 0)
            s->sql.name = NULL;
    }
    if (!s || !s->sql.name)
        return err_set(err, -EIO, "sqlite:%s: out of memory", path);

    int r = memory ? 0 : check_place(path, mode, err);
    if (r == 0)
        r = open_database(s, path, mode, err);
    if (r == 0)
        r = settle(s, mode, err);
    if (r < 0)
        return r;
    *ret = &moved(s)->sql.base;
    return 0;
}

static void sqlite_set_patience(struct store *base, int64_t wait_us)
{
    struct sqlite *s = sqlite_of(sql_of(base));
    s->sql.patience_us = wait_us < 0 ? 0 : wait_us > US_PER_HOUR ? US_PER_HOUR : wait_us;
    sqlite3_busy_timeout(s->db, (int)(s->sql.patience_us / US_PER_MS));
}

const struct store_backend store_sqlite = {
    .scheme = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .set_patience = sqlite_set_patience,
    .claim = sqlite_claim,
    .keep_claim = sqlite_keep_claim,
    .claimed = sqlite_claimed,
    .has_others = sqlite_has_others,
    .ask_claim = sqlite_ask_claim,
    .get_holder = sqlite_get_holder,
    .set_listens = sqlite_set_listens,
    .set_lease = sqlite_set_lease,
    .lease = sqlite_lease,
    .claim_epoch = sqlite_claim_epoch,
    .join_claim = sqlite_join_claim,
    .check_room = sqlite_check_room,
    SQL_MEMBERS,
    .newest_change = sql_newest_change,
};
