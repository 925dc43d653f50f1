/* The whole of a store into another, whatever their databases are; and whether a store
 * makes sense.
 *
 * Tables and columns are the databases' own word, so that a new column needs no line here:
 * both stores have the newest layout, and so the same ones. What is copied is one
 * transaction at the target: whoever dies in between leaves it empty. */
#include "common/store/sql_inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DOING       "copy it"
#define MAX_COLUMNS 400
#define NAME_ROOM   40
#define TEXT_ROOM   2048

struct column {
    char table[NAME_ROOM], name[NAME_ROOM];
    char type; /* i: a number, t: text, b: bytes, a: an address */
};
struct layout {
    struct column column[MAX_COLUMNS]; /* by table */
    size_t n;
};

/* ── What there is ─────────────────────────────────────────────────────── */

static char type_of(const char *name, const char *type)
{
    if (strcmp(name, "address") == 0)
        return 'a';
    if (strcmp(type, "text") == 0 || strcmp(type, "TEXT") == 0)
        return 't';
    return strcmp(type, "bytea") == 0 || strcmp(type, "BLOB") == 0 ? 'b' : 'i';
}

/* Without what only one database has to know: its version, its holders, its partitions. */
static int read_layout(struct sql *s, struct layout *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r =
        query_new(&q, s, Q_ANY, DOING,
                  s->driver->sqlite
                      ? "SELECT m.name, p.name, p.type FROM sqlite_schema AS m, pragma_table_info(m.name) "
                        "AS p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, p.name"
                      : "SELECT table_name::text, column_name::text, data_type::text "
                        "FROM information_schema.columns WHERE table_schema = current_schema() AND "
                        "table_name NOT IN ('layout', 'claim') AND table_name NOT LIKE 'history\\_%' "
                        "ORDER BY table_name::text COLLATE \"C\", column_name::text COLLATE \"C\"",
                  err);
    ret->n = 0;
    while (r == 0 && (r = query_step(&q, err)) > 0) {
        struct column *c = &ret->column[ret->n];
        if (ret->n++ == MAX_COLUMNS)
            return err_set(err, -EIO, "%s: cannot " DOING ": it has more columns than we copy", s->name);
        query_copy(&q, 0, c->table, sizeof c->table);
        query_copy(&q, 1, c->name, sizeof c->name);
        c->type = type_of(c->name, query_text(&q, 2));
        r = 0;
    }
    return r;
}

static int check_same(const struct sql *from, const struct layout *a, const struct sql *to,
                      const struct layout *b, struct err *err)
{
    for (size_t i = 0; i < a->n || i < b->n; i++)
        if (i >= a->n || i >= b->n || strcmp(a->column[i].table, b->column[i].table) != 0 ||
            strcmp(a->column[i].name, b->column[i].name) != 0)
            return err_set(err, -EPROTO, "%s and %s have not the same columns (from %s.%s on)", from->name,
                           to->name, i < a->n ? a->column[i].table : b->column[i].table,
                           i < a->n ? a->column[i].name : b->column[i].name);
    return 0;
}

static int check_empty(struct sql *to, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int64_t used = 0;
    int r = query_new(&q, to, Q_ANY, DOING,
                      "SELECT (SELECT change + epoch + looks FROM meta) + (SELECT count(*) FROM word) + "
                      "(SELECT count(*) FROM incident) + (SELECT count(*) FROM notice)",
                      err);
    if (r == 0)
        r = query_number(&q, &used, err);
    if (r == 0 && used)
        r = err_set(err, -EEXIST, "%s is in use already: copy into a new store", to->name);
    return r;
}

/* ── Rows ──────────────────────────────────────────────────────────────── */

/* What is being copied: the columns of one table. */
struct table {
    const struct column *column;
    size_t n;
    char read[TEXT_ROOM], write[TEXT_ROOM];
    uint64_t rows;
    int hour, lines; /* of history: which columns these are */
};

static void put_column(struct query *to, const struct query *from, int i, char type)
{
    size_t len = 0;
    const void *bytes;
    if (query_is_null(from, i))
        query_put_null(to);
    else if (type == 'i')
        query_put_int(to, query_int(from, i));
    else if (type == 't' || (type == 'a' && query_is_text(from, i) && to->s->driver->sqlite))
        query_put_text(to, query_text(from, i));
    else if (type == 'a' && query_is_text(from, i)) {
        char address[ADDRESS_SIZE + 2];
        bool text;
        len = sql_address_bytes(query_text(from, i), address, &text);
        query_put_bytes(to, address, len);
    } else {
        bytes = query_bytes(from, i, &len);
        query_put_bytes(to, bytes, len);
    }
}

/* "INSERT INTO t (a, b) VALUES (?, ?)", and what it is read with. */
static void write_texts(struct table *t)
{
    const char *table = t->column[0].table;
    bool history = strcmp(table, "history") == 0;
    size_t read = (size_t)snprintf(t->read, TEXT_ROOM, "SELECT ");
    size_t write = (size_t)snprintf(t->write, TEXT_ROOM, "INSERT INTO %s (", table);
    for (size_t i = 0; i < t->n; i++) {
        const char *comma = i ? ", " : "";
        read += (size_t)snprintf(t->read + read, TEXT_ROOM - read, "%s%s", comma, t->column[i].name);
        write += (size_t)snprintf(t->write + write, TEXT_ROOM - write, "%s%s", comma, t->column[i].name);
        if (strcmp(t->column[i].name, "hour") == 0)
            t->hour = (int)i;
        if (strcmp(t->column[i].name, "n") == 0)
            t->lines = (int)i;
    }
    snprintf(t->read + read, TEXT_ROOM - read, " FROM %s%s", table, history ? " ORDER BY hour, site_id" : "");
    write += (size_t)snprintf(t->write + write, TEXT_ROOM - write, ") VALUES (");
    for (size_t i = 0; i < t->n; i++)
        write += (size_t)snprintf(t->write + write, TEXT_ROOM - write, i ? ", ?" : "?");
    snprintf(t->write + write, TEXT_ROOM - write, ")");
}

/* A database that keeps count of its packed lines by hour is told before and after them. */
struct counting {
    int64_t hour, lines;
};

static int count_row(struct sql *to, const struct table *t, const struct query *from, struct counting *c,
                     struct err *err)
{
    if (!to->driver->count_packed || strcmp(t->column[0].table, "history") != 0)
        return 0;
    int64_t hour = query_int(from, t->hour);
    int r = 0;
    if (hour != c->hour) {
        r = c->lines ? to->driver->count_packed(to, c->hour, c->lines, err) : 0;
        if (r == 0)
            r = to->driver->count_packed(to, hour, 0, err);
        *c = (struct counting){ hour, 0 };
    }
    c->lines += query_int(from, t->lines);
    return r;
}

static int copy_rows(struct sql *from, struct sql *to, struct table *t, struct err *err)
{
    scoped(query) struct query read = { 0 };
    scoped(query) struct query write = { 0 };
    struct counting c = { -1, 0 };
    int r = query_new(&read, from, Q_ANY_WALK, DOING, t->read, err);
    if (r == 0)
        r = query_new(&write, to, Q_ANY, DOING, t->write, err);
    while (r == 0 && (r = query_step(&read, err)) > 0) {
        r = count_row(to, t, &read, &c, err);
        for (size_t i = 0; r == 0 && i < t->n; i++)
            put_column(&write, &read, (int)i, t->column[i].type);
        if (r == 0)
            r = query_send(&write, err);
        t->rows++;
    }
    if (r == 0 && c.lines)
        r = to->driver->count_packed(to, c.hour, c.lines, err);
    return r;
}

static int copy_table(struct sql *from, struct sql *to, const struct column *column, size_t n,
                      store_copied_fn *fn, void *arg, struct err *err)
{
    static const char empty[] = "DELETE FROM meta"; /* the row that a new store has */
    struct table t = { .column = column, .n = n };
    int r = 0;
    write_texts(&t);
    if (strcmp(column->table, "meta") == 0) {
        scoped(query) struct query q = { 0 };
        r = query_new(&q, to, Q_ANY, DOING, empty, err);
        if (r == 0)
            r = query_run(&q, err);
    }
    if (r == 0)
        r = copy_rows(from, to, &t, err);
    return r < 0 ? r : fn ? fn(arg, column->table, t.rows) : 0;
}

static int copy_all(struct sql *from, struct sql *to, store_copied_fn *fn, void *arg, struct err *err)
{
    static struct layout layout[2]; /* large, and one copy at a time in a process is enough */
    int r = read_layout(from, &layout[0], err);
    if (r == 0)
        r = read_layout(to, &layout[1], err);
    if (r == 0)
        r = check_same(from, &layout[0], to, &layout[1], err);
    if (r == 0)
        r = check_empty(to, err);
    const struct layout *l = &layout[0];
    for (size_t i = 0, n; r == 0 && i < l->n; i += n) {
        n = 1;
        while (i + n < l->n && strcmp(l->column[i + n].table, l->column[i].table) == 0)
            n++;
        r = copy_table(from, to, &l->column[i], n, fn, arg, err);
    }
    return r;
}

int sql_copy(struct store *base_from, struct store *base_to, store_copied_fn *fn, void *arg, struct err *err)
{
    struct sql *from = sql_of(base_from), *to = sql_of(base_to);
    int r = sql_begin(from, SQL_EDITS, DOING, err); /* nobody edits it meanwhile */
    if (r < 0)
        return r;
    r = sql_begin(to, SQL_LEDGER, DOING, err);
    if (r == 0)
        r = sql_end(to, copy_all(from, to, fn, arg, err), DOING, err);
    sql_rollback(from);
    sql_forget_words(to);
    return r;
}

/* ── Whether it makes sense ────────────────────────────────────────────── */

static const struct {
    const char *what, *sql; /* which counts them */
} checks[] = {
    {"open incidents of sites that are not there",
     "SELECT count(*) FROM incident WHERE ending = 0 AND "
      "NOT EXISTS (SELECT 1 FROM site WHERE site.id = incident.site_id)"                        },
    { "sites with more than one open incident",
     "SELECT count(*) FROM (SELECT site_id FROM incident WHERE ending = 0 GROUP BY site_id "
      "HAVING count(*) > 1) AS twice"                                                           },
    { "states with an incident that is not open",
     "SELECT count(*) FROM state JOIN site ON site.id = site_id WHERE removed = 0 AND incident_id <> 0 AND "
      "NOT EXISTS (SELECT 1 FROM incident WHERE incident.id = incident_id AND ending = 0)"      },
    { "notices of incidents that are not there",
     "SELECT count(*) FROM notice WHERE incident_id <> 0 AND "
      "NOT EXISTS (SELECT 1 FROM incident WHERE incident.id = incident_id)"                     },
    { "looks in evidence of incidents that are not there",
     "SELECT count(*) FROM evidence WHERE NOT EXISTS (SELECT 1 FROM incident WHERE incident.id = "
      "incident_id)"                                                                            },
    { "sites of owners that are not there",
     "SELECT count(*) FROM site WHERE removed = 0 AND owner_id <> 0 AND "
      "NOT EXISTS (SELECT 1 FROM owner WHERE owner.id = owner_id AND owner.removed = 0)"        },
    { "sites from edits that have not been",
     "SELECT count(*) FROM site WHERE site.change > (SELECT change FROM meta)"                  },
    { "lines of the ledger that are counted and not there, or the other way round",
     "SELECT abs(looks - (SELECT count(*) FROM look WHERE slot_us >= packed_us) - "
      "coalesce((SELECT sum(n) FROM history WHERE hour < packed_us / 3600000000), 0)) FROM meta"},
};

static int count_faults(struct sql *s, const char *what, const char *sql, store_fault_fn *fn, void *arg,
                        struct err *err)
{
    scoped(query) struct query q = { 0 };
    int64_t n = 0;
    int r = query_new(&q, s, Q_ANY, "check it", sql, err);
    if (r == 0)
        r = query_number(&q, &n, err);
    return r < 0 || n == 0 ? r : fn(arg, what, (uint64_t)n);
}

/* Rows that cannot be unpacked, or do not hold as many lines as they say. */
static int check_packed(struct sql *s, store_fault_fn *fn, void *arg, struct err *err)
{
    scoped(query) struct query q = { 0 };
    uint64_t bad = 0;
    int r = query_new(&q, s, Q_ANY_WALK, "check it", "SELECT n, lines FROM history", err);
    while (r == 0 && (r = query_step(&q, err)) > 0) {
        struct lines_cursor c;
        struct line line;
        size_t len = 0;
        int64_t n = 0;
        const void *bytes = query_bytes(&q, 1, &len);
        int is = bytes ? lines_open(&c, bytes, len) : -EBADMSG;
        while (is == 0 && (is = lines_next(&c, &line)) > 0) {
            n++;
            is = 0;
        }
        bad += is < 0 || n != query_int(&q, 0);
        r = 0;
    }
    return r < 0 || bad == 0 ? r : fn(arg, "packed hours that are damaged", bad);
}

int sql_check(struct store *base, store_fault_fn *fn, void *arg, struct err *err)
{
    struct sql *s = sql_of(base);
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof checks / sizeof *checks; i++)
        r = count_faults(s, checks[i].what, checks[i].sql, fn, arg, err);
    if (r == 0)
        r = check_packed(s, fn, arg, err);
    if (r == 0)
        r = s->driver->sqlite
                ? count_faults(s, "pages that are damaged",
                               "SELECT count(*) FROM pragma_quick_check WHERE quick_check <> 'ok'", fn, arg,
                               err)
                : count_faults(
                      s, "days whose lines are counted wrong",
                      "SELECT count(*) FROM history_day WHERE lines <> coalesce((SELECT sum(n) FROM history "
                      "WHERE hour >= day * 24 AND hour < day * 24 + 24), 0)",
                      fn, arg, err);
    return r;
}
