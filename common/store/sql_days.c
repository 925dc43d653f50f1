/* Roll-ups of days that are over, packed: one row with all hours of a site in a day.
 *
 * They move from the table rollup into that row in one transaction, some sites at
 * a time, so that a roll-up is never in both. Whoever reads asks both with one
 * statement, and needs no mark. Whoever adds to an hour goes by the marks, which
 * move in the same transaction: meta.packed_day, and packed_day_site within it. */
#include "common/store/sql_inside.h"

#include "common/array.h"

#include <errno.h>
#include <stdlib.h>

#define DOING     "pack the roll-ups"
#define DAY_HOURS 24

unsigned sql_pack_sites = 1000;

bool sql_day_is_packed(const struct marks *m, int64_t day, uint64_t site_id)
{
    return day < m->packed_day || (day == m->packed_day && site_id < m->packed_day_site);
}

/* ── One row ───────────────────────────────────────────────────────────── */

static int keep(const struct sql *s, struct hours *to, const struct hour *h, struct err *err)
{
    if (array_room(to->at, to->n, to->room) < 0)
        return sql_out_of_memory(s, err);
    to->at[to->n++] = *h;
    return 0;
}

int query_hours(const struct query *q, int column, int64_t day, uint64_t site_id, struct hours *to,
                struct err *err)
{
    struct hours_cursor c;
    struct hour h;
    size_t len = 0;
    const void *bytes = query_bytes(q, column, &len);
    int r = hours_open(&c, day, bytes, len);
    while (r == 0 && (r = hours_next(&c, &h)) > 0)
        r = keep(q->s, to, &h, err);
    if (r == -EBADMSG)
        return err_set(err, -EIO, "%s: the roll-ups of site %llu on day %lld are damaged", q->s->name,
                       (unsigned long long)site_id, (long long)day);
    return r;
}

static int get_day(struct sql *s, int64_t day, uint64_t site_id, struct hours *to, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r =
        query_new(&q, s, Q_DAY_GET, DOING, "SELECT hours FROM rollup_day WHERE day = ? AND site_id = ?", err);
    if (r < 0)
        return r;
    query_put_int(&q, day);
    query_put_int(&q, (int64_t)site_id);
    r = query_step(&q, err);
    return r > 0 ? query_hours(&q, 0, day, site_id, to, err) : r;
}

/* Sorts them. */
static int put_day(struct sql *s, int64_t day, uint64_t site_id, struct hour *at, size_t n, struct err *err)
{
    scoped(query) struct query q = { 0 };
    struct hour before;
    size_t len = HOURS_HEAD;
    uint8_t *bytes = malloc(HOURS_HEAD + n * HOURS_MOST);
    if (!bytes)
        return sql_out_of_memory(s, err);
    qsort(at, n, sizeof *at, hours_compare_packed);
    hours_head(bytes);
    hours_begin(&before, day);
    for (size_t i = 0; i < n; i++)
        len += hours_put(bytes + len, &before, &at[i]);

    int r = query_new(&q, s, Q_DAY_PUT, DOING,
                      "INSERT INTO rollup_day (day, site_id, hours) VALUES (?, ?, ?) "
                      "ON CONFLICT (day, site_id) DO UPDATE SET hours = excluded.hours",
                      err);
    if (r == 0) {
        query_put_int(&q, day);
        query_put_int(&q, (int64_t)site_id);
        query_put_bytes(&q, bytes, len);
        r = query_send(&q, err);
    }
    free(bytes);
    return r;
}

int sql_day_add(struct sql *s, uint64_t site_id, const struct hour *more, struct err *err)
{
    scoped(hours) struct hours day = { 0 };
    size_t i = 0;
    int r = get_day(s, more->hour / DAY_HOURS, site_id, &day, err);
    while (r == 0 && i < day.n && hours_compare(&day.at[i], more) != 0)
        i++;
    if (r == 0 && i < day.n)
        hours_add(&day.at[i], more);
    else if (r == 0)
        r = keep(s, &day, more, err);
    return r < 0 ? r : put_day(s, more->hour / DAY_HOURS, site_id, day.at, day.n, err);
}

/* ── Packing ───────────────────────────────────────────────────────────── */

/* An hour, and whose it is. */
struct of_site {
    struct hour hour;
    uint64_t site_id;
};

struct gathered {
    struct of_site *at;
    size_t n, room;
};

static int by_site(const void *a, const void *b)
{
    const struct of_site *x = a, *y = b;
    return (x->site_id > y->site_id) - (x->site_id < y->site_id);
}

static int set_marks(struct sql *s, int64_t day, uint64_t site_id, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_DAY_MARK, DOING, "UPDATE meta SET packed_day = ?, packed_day_site = ?", err);
    if (r < 0)
        return r;
    query_put_int(&q, day);
    query_put_int(&q, (int64_t)site_id);
    return query_run(&q, err);
}

/* The first site of the day from that one on; -ENOENT. */
static int next_site(struct sql *s, int64_t day, uint64_t from, uint64_t *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int64_t first = INT64_MAX, id = 0;
    int r =
        query_new(&q, s, Q_DAY_SITE, DOING,
                  "SELECT site_id FROM rollup WHERE hour = ? AND site_id >= ? ORDER BY site_id LIMIT 1", err);
    if (r < 0)
        return r;
    for (int64_t hour = day * DAY_HOURS; hour < (day + 1) * DAY_HOURS; hour++) {
        query_put_int(&q, hour);
        query_put_int(&q, (int64_t)from);
        r = query_number(&q, &id, err);
        if (r < 0 && r != -ENOENT)
            return r;
        if (r == 0 && id < first)
            first = id;
    }
    *ret = (uint64_t)first;
    return first == INT64_MAX ? -ENOENT : 0;
}

static int gather_hour(struct sql *s, int64_t hour, uint64_t first, uint64_t end, struct gathered *to,
                       struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_DAY_HOURS, DOING,
                      "SELECT " ROLLUP_COLUMNS " FROM rollup WHERE hour = ? AND site_id >= ? AND site_id < ?",
                      err);
    if (r < 0)
        return r;
    query_put_int(&q, hour);
    query_put_int(&q, (int64_t)first);
    query_put_int(&q, (int64_t)end);
    while ((r = query_step(&q, err)) > 0) {
        if (array_room(to->at, to->n, to->room) < 0)
            return sql_out_of_memory(s, err);
        to->at[to->n].site_id = (uint64_t)query_int(&q, 1);
        query_hour(&q, &to->at[to->n++].hour);
    }
    return r;
}

static int drop_hour(struct sql *s, int64_t hour, uint64_t first, uint64_t end, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_DAY_DROP, DOING,
                      "DELETE FROM rollup WHERE hour = ? AND site_id >= ? AND site_id < ?", err);
    if (r < 0)
        return r;
    query_put_int(&q, hour);
    query_put_int(&q, (int64_t)first);
    query_put_int(&q, (int64_t)end);
    return query_run(&q, err);
}

static int put_sites(struct sql *s, int64_t day, struct gathered *g, struct err *err)
{
    scoped(hours) struct hours one = { 0 };
    int r = 0;
    qsort(g->at, g->n, sizeof *g->at, by_site);
    for (size_t i = 0; r == 0 && i < g->n; i++) {
        r = keep(s, &one, &g->at[i].hour, err);
        if (r < 0 || (i + 1 < g->n && g->at[i + 1].site_id == g->at[i].site_id))
            continue;
        r = put_day(s, day, g->at[i].site_id, one.at, one.n, err);
        one.n = 0;
    }
    return r;
}

static int move_sites(struct sql *s, int64_t day, uint64_t first, uint64_t end, struct err *err)
{
    struct gathered g = { 0 };
    int r = 0;
    for (int64_t hour = day * DAY_HOURS; r == 0 && hour < (day + 1) * DAY_HOURS; hour++) {
        r = gather_hour(s, hour, first, end, &g, err);
        if (r == 0)
            r = drop_hour(s, hour, first, end, err);
    }
    if (r == 0)
        r = put_sites(s, day, &g, err);
    free(g.at);
    return r;
}

/* In a transaction. */
static int pack_slice(struct sql *s, int64_t day, struct err *err)
{
    struct marks m;
    uint64_t first = 0;
    int r = sql_marks(s, &m, err);
    if (r < 0)
        return r;
    r = next_site(s, day, day == m.packed_day ? m.packed_day_site : 0, &first, err);
    if (r == -ENOENT)
        return set_marks(s, day + 1, 0, err);
    if (r == 0)
        r = move_sites(s, day, first, first + sql_pack_sites, err);
    return r < 0 ? r : set_marks(s, day, first + sql_pack_sites, err);
}

static int oldest_hour(struct sql *s, int64_t *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_DAY_OLDEST, DOING, "SELECT hour FROM rollup ORDER BY hour LIMIT 1", err);
    return r < 0 ? r : query_number(&q, ret, err);
}

int sql_pack_days(struct sql *s, wall_us until_us, bool *ret_more, struct err *err)
{
    int64_t hour = 0;
    int r = oldest_hour(s, &hour, err);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    int64_t day = hour / DAY_HOURS;
    if ((day + 1) * US_PER_DAY > until_us)
        return 0;
    r = sql_begin(s, SQL_LEDGER, DOING, err);
    if (r == 0)
        r = sql_end(s, pack_slice(s, day, err), DOING, err);
    *ret_more = r == 0;
    return r;
}

/* ── Forgetting ────────────────────────────────────────────────────────── */

int sql_prune_days(struct sql *s, int64_t before_day, int64_t max, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r =
        query_new(&q, s, Q_DAY_PRUNE, "forget",
                  s->driver->sqlite
                      ? "DELETE FROM rollup_day WHERE (day, site_id) IN "
                        "(SELECT day, site_id FROM rollup_day WHERE day < ? ORDER BY day, site_id LIMIT ?)"
                      : "DELETE FROM rollup_day WHERE ctid = ANY (ARRAY(SELECT ctid FROM rollup_day "
                        "WHERE day < ? ORDER BY day, site_id LIMIT ?))",
                  err);
    if (r < 0)
        return r;
    query_put_int(&q, before_day);
    query_put_int(&q, max / DAY_HOURS + 1);
    return query_run(&q, err);
}
