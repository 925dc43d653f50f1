/* Reading roll-ups, packed ones and others. */
#include "common/store/sql_inside.h"

#include "common/array.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void query_hour(const struct query *q, struct hour *ret)
{
    *ret = (struct hour){
        .hour = query_int(q, 0),
        .location_id = (uint32_t)query_int(q, 2),
        .up = (uint32_t)query_int(q, 3),
        .down = (uint32_t)query_int(q, 4),
        .unknown = (uint32_t)query_int(q, 5),
        .took_sum_us = (uint64_t)query_int(q, 6),
        .took_min_us = (uint32_t)query_int(q, 7),
        .took_max_us = (uint32_t)query_int(q, 8),
    };
}

/* The first and last hour that have roll-ups; -ENOENT when none has. */
static int known_hours(struct sql *s, int64_t *first, int64_t *last, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r =
        query_new(&q, s, Q_ROLLUP_HOURS, "read the roll-ups",
                  "SELECT min(first), max(last) FROM "
                  "(SELECT (SELECT min(hour) FROM rollup) AS first, (SELECT max(hour) FROM rollup) AS last "
                  "UNION ALL SELECT (SELECT min(day) FROM rollup_day) * 24, "
                  "(SELECT max(day) FROM rollup_day) * 24 + 23) AS known",
                  err);
    if (r == 0)
        r = query_step(&q, err);
    if (r < 0)
        return r;
    if (r == 0 || query_is_null(&q, 0))
        return -ENOENT;
    *first = query_int(&q, 0);
    *last = query_int(&q, 1);
    return 0;
}

struct walk {
    struct sql *s;
    int64_t from, to; /* hours */
    store_rollup_fn *fn;
    void *arg;
};

static int tell(const struct walk *w, uint64_t site_id, const struct hour *h, struct err *err)
{
    const char *location = "";
    struct rollup u = {
        .hour_us = h->hour * US_PER_HOUR,
        .site_id = site_id,
        .up = h->up,
        .down = h->down,
        .unknown = h->unknown,
        .took_sum_us = h->took_sum_us,
        .took_min_us = h->took_min_us,
        .took_max_us = h->took_max_us,
    };
    int r = sql_word_text(w->s, h->location_id, &location, err);
    if (r < 0)
        return r;
    snprintf(u.location, sizeof u.location, "%s", location);
    return w->fn(w->arg, &u);
}

/* In order, those between the hours. */
static int tell_all(const struct walk *w, uint64_t site_id, struct hours *h, int64_t from, int64_t to,
                    struct err *err)
{
    int r = 0;
    if (h->n)
        qsort(h->at, h->n, sizeof *h->at, hours_compare);
    for (size_t i = 0; r == 0 && i < h->n; i++)
        if (h->at[i].hour >= from && h->at[i].hour < to)
            r = tell(w, site_id, &h->at[i], err);
    h->n = 0;
    return r;
}

/* A row of either table: `hours` is NULL in one that is not packed. */
static int take_row(const struct query *q, int64_t day, struct hours *to, struct err *err)
{
    if (!query_is_null(q, 9))
        return query_hours(q, 9, day, (uint64_t)query_int(q, 1), to, err);
    if (array_room(to->at, to->n, to->room) < 0)
        return sql_out_of_memory(q->s, err);
    query_hour(q, &to->at[to->n++]);
    return 0;
}

#define PACKED_COLUMNS "day * 24, site_id, 0, 0, 0, 0, 0, 0, 0, hours"
#define HOURS_OF_DAY                                                                          \
    "?1 * 24, ?1 * 24 + 1, ?1 * 24 + 2, ?1 * 24 + 3, ?1 * 24 + 4, ?1 * 24 + 5, ?1 * 24 + 6, " \
    "?1 * 24 + 7, ?1 * 24 + 8, ?1 * 24 + 9, ?1 * 24 + 10, ?1 * 24 + 11, ?1 * 24 + 12, "       \
    "?1 * 24 + 13, ?1 * 24 + 14, ?1 * 24 + 15, ?1 * 24 + 16, ?1 * 24 + 17, ?1 * 24 + 18, "    \
    "?1 * 24 + 19, ?1 * 24 + 20, ?1 * 24 + 21, ?1 * 24 + 22, ?1 * 24 + 23"

static int each_of_site(const struct walk *w, uint64_t site_id, struct err *err)
{
    scoped(query) struct query q = { 0 };
    scoped(hours) struct hours h = { 0 };
    int r = query_new(&q, w->s, Q_ROLLUPS_SITE, "read the roll-ups",
                      "SELECT " PACKED_COLUMNS " FROM rollup_day WHERE day = ?1 AND site_id = ?2 "
                      "UNION ALL SELECT " ROLLUP_COLUMNS ", NULL FROM rollup "
                      "WHERE hour IN (" HOURS_OF_DAY ") AND site_id = ?2",
                      err);
    for (int64_t day = w->from / 24; r == 0 && day * 24 < w->to; day++) {
        query_put_int(&q, day);
        query_put_int(&q, (int64_t)site_id);
        while ((r = query_step(&q, err)) > 0 && (r = take_row(&q, day, &h, err)) == 0)
            continue;
        query_again(&q);
        if (r == 0)
            r = tell_all(w, site_id, &h, w->from, w->to, err);
    }
    return r;
}

/* A site's hours are all packed, or none is, so that rows come in the order of sites. */
static int each_of_hour(const struct walk *w, struct query *q, int64_t hour, struct hours *h, struct err *err)
{
    uint64_t site_id = 0;
    int r;
    query_put_int(q, hour / 24);
    query_put_int(q, hour);
    while ((r = query_step(q, err)) > 0) {
        uint64_t next = (uint64_t)query_int(q, 1);
        r = next == site_id ? 0 : tell_all(w, site_id, h, hour, hour + 1, err);
        if (r == 0)
            r = take_row(q, hour / 24, h, err);
        if (r != 0)
            return r;
        site_id = next;
    }
    return r < 0 ? r : tell_all(w, site_id, h, hour, hour + 1, err);
}

static int each_of_all(const struct walk *w, struct err *err)
{
    scoped(query) struct query q = { 0 };
    scoped(hours) struct hours h = { 0 };
    int r = query_new(&q, w->s, Q_ROLLUPS_ALL, "read the roll-ups",
                      "SELECT " PACKED_COLUMNS " FROM rollup_day WHERE day = ?1 "
                      "UNION ALL SELECT " ROLLUP_COLUMNS ", NULL FROM rollup WHERE hour = ?2 ORDER BY 2, 3",
                      err);
    for (int64_t hour = w->from; r == 0 && hour < w->to; hour++) {
        r = each_of_hour(w, &q, hour, &h, err);
        query_again(&q);
    }
    return r;
}

int sql_each_rollup(struct store *base, uint64_t site_id, wall_us from_us, wall_us to_us, store_rollup_fn *fn,
                    void *arg, struct err *err)
{
    struct walk w = { sql_of(base), hour_at_or_after(from_us), hour_at_or_after(to_us), fn, arg };
    int64_t first = 0, last = 0;
    int r = known_hours(w.s, &first, &last, err);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if (w.from < first)
        w.from = first;
    if (w.to > last + 1)
        w.to = last + 1;
    return site_id ? each_of_site(&w, site_id, err) : each_of_all(&w, err);
}
