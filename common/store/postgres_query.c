/* PostgreSQL as a driver of sql_inside.h.
 *
 * A query is prepared at its first use on each connection. Numbers go as text, whose
 * type the server infers, and come back in binary. Answers are read whole, but for
 * walks over what may be large: those have a cursor, so that a callback can ask
 * other things in between. What a write transaction sends without wanting an answer
 * goes through libpq's pipeline: hundreds of rows cost one round trip.
 */
#include "common/store/postgres_inside.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_SENT   2000   /* answers that wait to be read */
#define FETCHED     "2000" /* rows of a walk held at once */
#define MOST_COPIED 40     /* bytes of a parameter that are copied */
#define NAME_SIZE   24

struct postgres_statement {
    enum query_id id;
    uint64_t number, prepared; /* of Q_ANY: its own name, and the session in which it is */
    const char *sql;
    bool busy, ran;
    const char *value[POSTGRES_MOST_PARAMETERS];
    int length[POSTGRES_MOST_PARAMETERS], format[POSTGRES_MOST_PARAMETERS];
    char room[POSTGRES_MOST_PARAMETERS][MOST_COPIED];
    char *clean[POSTGRES_MOST_PARAMETERS]; /* text that had to be mended */
    PGresult *res;
    int row;
    uint64_t cursor;  /* its number, 0 for none */
    uint64_t session; /* in which that is */
    bool shares;      /* it is one of the walks that keep a transaction of reading open */
    bool last;        /* no more is to be fetched */
};

/* Those that may walk over a million rows, or call somebody back for long. */
static const bool walks[QUERY_COUNT] = {
    [Q_SITES_ALL] = true,     [Q_SITES_SINCE] = true, [Q_BRIEFS_ALL] = true,   [Q_LAST_SLOTS] = true,
    [Q_STATES] = true,        [Q_VIEWS_ALL] = true,   [Q_LOOKS_ALL] = true,    [Q_LOOKS_OF_SITE] = true,
    [Q_PACK_LINES] = true,    [Q_PACKED_HOUR] = true, [Q_ROLL_LINES] = true,   [Q_ROLLUPS_ALL] = true,
    [Q_INCIDENTS_ALL] = true, [Q_NOTICES_ALL] = true, [Q_PACKED_COUNT] = true, [Q_ANY_WALK] = true,
};

static struct postgres *of(const struct query *q)
{
    return postgres_of(q->s);
}

/* ── Statements ────────────────────────────────────────────────────────── */

/* As PostgreSQL has it: "?" and "?3" are "$1" and "$3", an index is not for us to choose. */
static char *translate(const char *sql)
{
    static const char hint[] = "INDEXED BY ";
    char *text = malloc(strlen(sql) * 2 + 1), *to = text;
    unsigned n = 0;
    if (!text)
        return NULL;
    while (*sql) {
        if (strncmp(sql, hint, sizeof hint - 1) == 0) {
            sql += sizeof hint - 1;
            sql += strcspn(sql, " ");
            sql += *sql == ' ';
        } else if (*sql != '?')
            *to++ = *sql++;
        else if (*++sql >= '0' && *sql <= '9')
            *to++ = '$';
        else
            to += sprintf(to, "$%u", ++n);
    }
    *to = '\0';
    return text;
}

static const char *name_of(const struct postgres_statement *st, char to[NAME_SIZE])
{
    if (st->id == Q_ANY)
        snprintf(to, NAME_SIZE, "a%llu", (unsigned long long)st->number);
    else
        snprintf(to, NAME_SIZE, "q%d", (int)st->id);
    return to;
}

static int prepare_there(struct postgres *p, struct postgres_statement *st, const char *doing,
                         struct err *err)
{
    char name[NAME_SIZE];
    uint64_t *prepared = st->id == Q_ANY ? &st->prepared : &p->prepared[st->id];
    if (*prepared == p->session)
        return 0;
    int r = postgres_flush(p, doing, err);
    if (r < 0)
        return r;
    char *text = translate(st->sql);
    if (!text)
        return sql_out_of_memory(&p->sql, err);
    PGresult *res = PQprepare(p->conn, name_of(st, name), text, 0, NULL);
    free(text);
    if (postgres_good(res))
        *prepared = p->session;
    else
        r = postgres_fail(p, res, doing, err);
    PQclear(res);
    return r;
}

static int prepare(struct query *q, enum query_id id, const char *sql, struct err *err)
{
    struct postgres *p = of(q);
    struct postgres_statement *st = p->kept[id];
    if (!st || st->busy) {
        q->own = st != NULL || id == Q_ANY || id == Q_ANY_WALK;
        st = calloc(1, sizeof *st);
        if (!st)
            return sql_out_of_memory(q->s, err);
        st->id = id;
        st->number = ++p->numbers;
        if (!q->own)
            p->kept[id] = st;
    }
    st->sql = sql;
    st->busy = true;
    q->st = st;
    return 0;
}

static void close_cursor(struct postgres *p, struct postgres_statement *st)
{
    char sql[48];
    bool ends = st->shares && --p->walks == 0; /* and its transaction with it */
    snprintf(sql, sizeof sql, "CLOSE c%llu", (unsigned long long)st->cursor);
    /* One inside a write transaction ends with that. */
    if (st->shares && p->conn && st->session == p->session) {
        PGresult *res = PQexec(p->conn, ends ? "COMMIT" : sql);
        PQclear(res);
        if (PQstatus(p->conn) == CONNECTION_BAD)
            postgres_drop(p);
    }
    if (ends)
        p->reading = false;
    st->cursor = 0;
    st->shares = false;
}

static void forget_answer(struct postgres *p, struct postgres_statement *st)
{
    if (st->cursor)
        close_cursor(p, st);
    PQclear(st->res);
    st->res = NULL;
    st->ran = false;
}

static void again(struct query *q)
{
    struct postgres_statement *st = q->st;
    forget_answer(of(q), st);
    for (int i = 0; i < q->at; i++) {
        free(st->clean[i]);
        st->clean[i] = NULL;
    }
}

static void done(struct query *q)
{
    struct postgres_statement *st = q->st;
    again(q);
    st->busy = false;
    if (q->own)
        free(st);
}

void postgres_free_statements(struct postgres *p)
{
    for (int i = 0; i < QUERY_COUNT; i++)
        free(p->kept[i]);
}

/* ── Parameters ────────────────────────────────────────────────────────── */

static void put(struct query *q, const char *value, size_t length, int format)
{
    struct postgres_statement *st = q->st;
    if (q->at >= POSTGRES_MOST_PARAMETERS) {
        q->trouble = -EINVAL;
        return;
    }
    st->value[q->at] = value;
    st->length[q->at] = (int)length;
    st->format[q->at++] = format;
}

static void put_int(struct query *q, int64_t v)
{
    struct postgres_statement *st = q->st;
    if (q->at < POSTGRES_MOST_PARAMETERS)
        snprintf(st->room[q->at], MOST_COPIED, "%lld", (long long)v);
    put(q, st->room[q->at % POSTGRES_MOST_PARAMETERS], 0, 0);
}

/* Bytes of the character there, 0 where it is none (RFC 3629). */
static size_t character(const unsigned char *at)
{
    size_t n = *at < 0x80 ? 1 : *at < 0xc2 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : *at < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < n; i++)
        if ((at[i] & 0xc0) != 0x80) /* also at the end of the text */
            return 0;
    bool too_long = (*at == 0xe0 && at[1] < 0xa0) || (*at == 0xf0 && at[1] < 0x90);
    bool no_character = (*at == 0xed && at[1] > 0x9f) || (*at == 0xf4 && at[1] > 0x8f);
    return too_long || no_character ? 0 : n;
}

/* The server refuses text that is not UTF-8, and some is what foreign hosts have said. */
static char *mend(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t n;
    while (*at && (n = character(at)) > 0)
        at += n;
    if (!*at)
        return NULL;
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy)
        postgres_mend_copy(copy, text, size);
    return copy;
}

void postgres_mend_copy(char *to, const char *text, size_t size)
{
    size_t n;
    snprintf(to, size, "%s", text);
    for (char *at = to; *at; at += n) {
        n = character((unsigned char *)at);
        if (n == 0) {
            *at = '?';
            n = 1;
        }
    }
}

static void put_text(struct query *q, const char *v)
{
    struct postgres_statement *st = q->st;
    char *mended = mend(v);
    if (mended && q->at < POSTGRES_MOST_PARAMETERS)
        st->clean[q->at] = mended;
    put(q, mended ? mended : v, 0, 0);
}

static void put_bytes(struct query *q, const void *v, size_t len)
{
    struct postgres_statement *st = q->st;
    if (len <= MOST_COPIED && q->at < POSTGRES_MOST_PARAMETERS)
        v = memcpy(st->room[q->at], v, len);
    put(q, v, len, 1);
}

static void put_null(struct query *q)
{
    put(q, NULL, 0, 0);
}

/* ── Running ───────────────────────────────────────────────────────────── */

static int run_whole(struct query *q, struct err *err)
{
    struct postgres *p = of(q);
    struct postgres_statement *st = q->st;
    char name[NAME_SIZE];
    for (int attempt = 0;; attempt++) {
        int r = postgres_connected(p, q->doing, err);
        if (r == 0)
            r = postgres_flush(p, q->doing, err);
        if (r < 0)
            return r;
        r = prepare_there(p, st, q->doing, err);
        if (r < 0 && postgres_worth_another(p, attempt))
            continue;
        if (r < 0)
            return r;
        st->res = PQexecPrepared(p->conn, name_of(st, name), q->at, st->value, st->length, st->format, 1);
        if (postgres_good(st->res))
            return 0;
        r = postgres_fail(p, st->res, q->doing, err);
        PQclear(st->res);
        st->res = NULL;
        if (!postgres_worth_another(p, attempt))
            return r;
    }
}

static int fetch(struct query *q, struct err *err)
{
    struct postgres *p = of(q);
    struct postgres_statement *st = q->st;
    char sql[64];
    PQclear(st->res);
    st->res = NULL;
    int r = postgres_connected(p, q->doing, err);
    if (r == 0 && st->session != p->session)
        r = err_set(err, -EIO, "%s: cannot %s: the connection was lost", p->sql.name, q->doing);
    if (r == 0)
        r = postgres_flush(p, q->doing, err);
    if (r < 0)
        return r;
    snprintf(sql, sizeof sql, "FETCH " FETCHED " FROM c%llu", (unsigned long long)st->cursor);
    st->res = PQexecParams(p->conn, sql, 0, NULL, NULL, NULL, NULL, 1);
    st->row = 0;
    if (!postgres_good(st->res))
        return postgres_fail(p, st->res, q->doing, err);
    st->last = PQntuples(st->res) < atoi(FETCHED);
    return 0;
}

static int declare(struct query *q, struct err *err)
{
    struct postgres *p = of(q);
    struct postgres_statement *st = q->st;
    char *text = translate(st->sql), *sql = NULL;
    int r = 0;
    if (!text ||
        asprintf(&sql, "DECLARE c%llu NO SCROLL CURSOR FOR %s", (unsigned long long)st->cursor, text) < 0) {
        sql = NULL;
        r = sql_out_of_memory(&p->sql, err);
    }
    if (r == 0)
        r = postgres_flush(p, q->doing, err);
    if (r == 0) {
        PGresult *res = PQexecParams(p->conn, sql, q->at, NULL, st->value, st->length, st->format, 0);
        if (!postgres_good(res))
            r = postgres_fail(p, res, q->doing, err);
        PQclear(res);
    }
    free(text);
    free(sql);
    return r;
}

/* Walks outside a write transaction share one that only reads. */
static int run_walk(struct query *q, struct err *err)
{
    struct postgres *p = of(q);
    struct postgres_statement *st = q->st;
    int r = postgres_connected(p, q->doing, err);
    if (r == 0 && !p->writing && !p->reading) {
        r = postgres_exec(p, q->doing, "BEGIN READ ONLY", NULL, err);
        p->reading = r == 0;
    }
    if (r < 0)
        return r;
    st->shares = !p->writing;
    st->session = p->session;
    st->cursor = ++p->numbers;
    p->walks += st->shares;
    r = declare(q, err);
    return r < 0 ? r : fetch(q, err); /* `again` closes it */
}

static int step(struct query *q, struct err *err)
{
    struct postgres_statement *st = q->st;
    int r = 0;
    if (q->trouble)
        return err_set(err, q->trouble, "%s: cannot %s: too many parameters", q->s->name, q->doing);
    if (!st->ran) {
        st->row = 0;
        st->last = true;
        r = walks[st->id] ? run_walk(q, err) : run_whole(q, err);
        st->ran = r == 0;
    } else if (++st->row >= PQntuples(st->res) && !st->last)
        r = fetch(q, err);
    if (r < 0)
        return r;
    if (st->row < PQntuples(st->res))
        return 1;
    q->changed = atoll(PQcmdTuples(st->res));
    return 0;
}

static int send_it(struct query *q, struct err *err)
{
    struct postgres *p = of(q);
    struct postgres_statement *st = q->st;
    char name[NAME_SIZE];
    int r = 0;
    if (q->trouble || !p->writing) {
        while ((r = step(q, err)) > 0)
            ;
        return r;
    }
    r = postgres_connected(p, q->doing, err);
    if (r == 0)
        r = prepare_there(p, st, q->doing, err);
    if (r < 0)
        return r;
    if ((p->sent == 0 && PQenterPipelineMode(p->conn) != 1) ||
        PQsendQueryPrepared(p->conn, name_of(st, name), q->at, st->value, st->length, st->format, 1) != 1)
        return postgres_fail(p, NULL, q->doing, err);
    return ++p->sent >= MOST_SENT ? postgres_flush(p, q->doing, err) : 0;
}

/* ── Columns ───────────────────────────────────────────────────────────── */

int64_t postgres_int(const PGresult *res, int row, int column)
{
    const char *at = PQgetvalue(res, row, column);
    uint64_t v8;
    uint32_t v4;
    uint16_t v2;
    switch (PQgetlength(res, row, column)) {
    case 8: memcpy(&v8, at, 8); return (int64_t)be64toh(v8);
    case 4: memcpy(&v4, at, 4); return (int32_t)be32toh(v4);
    case 2: memcpy(&v2, at, 2); return (int16_t)be16toh(v2);
    case 1: return *at;
    default: return 0;
    }
}

static int64_t get_int(const struct query *q, int column)
{
    const struct postgres_statement *st = q->st;
    return postgres_int(st->res, st->row, column);
}

static const char *get_text(const struct query *q, int column)
{
    const struct postgres_statement *st = q->st;
    return PQgetvalue(st->res, st->row, column); /* "" for NULL, and always a zero behind it */
}

static const void *get_bytes(const struct query *q, int column, size_t *ret_len)
{
    const struct postgres_statement *st = q->st;
    *ret_len = (size_t)PQgetlength(st->res, st->row, column);
    return *ret_len ? PQgetvalue(st->res, st->row, column) : NULL;
}

static bool is_null(const struct query *q, int column)
{
    const struct postgres_statement *st = q->st;
    return PQgetisnull(st->res, st->row, column);
}

static bool is_text(const struct query *q, int column)
{
    const struct postgres_statement *st = q->st;
    int len = PQgetlength(st->res, st->row, column);
    return len != 0 && len != 4 && len != 16;
}

const struct sql_driver postgres_driver = {
    .prepare = prepare,
    .done = done,
    .put_int = put_int,
    .put_text = put_text,
    .put_bytes = put_bytes,
    .put_null = put_null,
    .step = step,
    .again = again,
    .send = send_it,
    .get_int = get_int,
    .get_text = get_text,
    .get_bytes = get_bytes,
    .is_null = is_null,
    .is_text = is_text,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .add_lines = postgres_add_lines,
    .count_packed = postgres_count_packed,
    .drop_packed = postgres_drop_packed,
    .tell_edit = postgres_tell_edit,
};
