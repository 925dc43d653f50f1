/* Packed hours lie in partitions, one for each day: forgetting a day drops a table, which
 * costs the same for a hundred sites and for a million. How many lines a day has is kept
 * beside, so that nobody needs to count them then. */
#include "common/store/postgres_inside.h"

#include <errno.h>
#include <stdio.h>

#define HOURS_A_DAY 24

/* Attached, not made in place: readers of other days go on meanwhile. */
static int make_day(struct postgres *p, int64_t day, struct err *err)
{
    char sql[400];
    snprintf(sql, sizeof sql,
             "CREATE TABLE history_%lld (LIKE history INCLUDING ALL); "
             "ALTER TABLE history ATTACH PARTITION history_%lld FOR VALUES FROM (%lld) TO (%lld); "
             "INSERT INTO history_day (day, lines) VALUES (%lld, 0)",
             (long long)day, (long long)day, (long long)(day * HOURS_A_DAY),
             (long long)((day + 1) * HOURS_A_DAY), (long long)day);
    return postgres_exec(p, "pack the ledger", sql, NULL, err);
}

int postgres_count_packed(struct sql *s, int64_t hour, int64_t lines, struct err *err)
{
    struct postgres *p = postgres_of(s);
    int64_t day = hour / HOURS_A_DAY;
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_HISTORY_DAY_COUNT, "pack the ledger",
                      "UPDATE history_day SET lines = lines + ? WHERE day = ?", err);
    if (r < 0)
        return r;
    query_put_int(&q, lines);
    query_put_int(&q, day);
    if (p->day_ready == day)
        return query_send(&q, err);
    r = query_run(&q, err);
    if (r == 0 && q.changed == 0) {
        r = make_day(p, day, err);
        query_put_int(&q, lines);
        query_put_int(&q, day);
        if (r == 0)
            r = query_run(&q, err);
    }
    if (r == 0)
        p->day_ready = day; /* until this transaction is undone */
    return r;
}

int postgres_drop_packed(struct sql *s, int64_t before_hour, int64_t *ret_lines, int64_t *ret_hour,
                         struct err *err)
{
    struct postgres *p = postgres_of(s);
    int64_t day = 0;
    char sql[160];
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_HISTORY_DAY_OLDEST, "forget",
                      "SELECT day, lines FROM history_day ORDER BY day LIMIT 1", err);
    if (r == 0)
        r = query_step(&q, err);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    day = query_int(&q, 0);
    if ((day + 1) * HOURS_A_DAY > before_hour)
        return -ENOENT;
    *ret_lines = query_int(&q, 1);
    *ret_hour = (day + 1) * HOURS_A_DAY;
    snprintf(sql, sizeof sql, "DROP TABLE history_%lld; DELETE FROM history_day WHERE day = %lld",
             (long long)day, (long long)day);
    p->day_ready = -1;
    return postgres_exec(p, "forget", sql, NULL, err);
}
