/* Times that workers were in doubt. */
#include "common/store/sql_inside.h"

int sql_put_episodes(struct sql *s, const struct record *rec, struct err *err)
{
    scoped(query) struct query q = { 0 };
    if (rec->n_episodes == 0)
        return 0;
    int r = query_new(&q, s, Q_EPISODE_PUT, "record",
                      "INSERT INTO episode (id, worker, began_us, ended_us, ending, reason) "
                      "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET worker = excluded.worker, "
                      "began_us = excluded.began_us, ended_us = excluded.ended_us, "
                      "ending = excluded.ending, reason = excluded.reason",
                      err);
    for (size_t i = 0; r == 0 && i < rec->n_episodes; i++) {
        const struct episode *e = &rec->episodes[i];
        query_put_int(&q, (int64_t)e->id);
        query_put_text(&q, e->worker);
        query_put_int(&q, e->began_us);
        query_put_int(&q, e->ended_us);
        query_put_int(&q, e->end);
        query_put_text(&q, e->reason);
        r = query_send(&q, err);
    }
    return r;
}

#define EPISODES(where)                                                   \
    "SELECT id, worker, began_us, ended_us, ending, reason FROM episode " \
    "WHERE " where " ORDER BY id DESC LIMIT ?"

int sql_each_episode(struct store *base, const struct episode_filter *f, store_episode_fn *fn, void *arg,
                     struct err *err)
{
    static const char *const doing = "read the episodes";
    struct sql *s = sql_of(base);
    scoped(query) struct query q = { 0 };
    int r = f->open_only ? query_new(&q, s, Q_EPISODES_OPEN, doing, EPISODES("ending = 0"), err)
                         : query_new(&q, s, Q_EPISODES_ALL, doing, EPISODES("true"), err);
    if (r < 0)
        return r;
    query_put_int(&q, f->max && f->max < INT64_MAX ? (int64_t)f->max : INT64_MAX);
    while ((r = query_step(&q, err)) > 0) {
        struct episode e = {
            .id = (uint64_t)query_int(&q, 0),
            .began_us = query_int(&q, 2),
            .ended_us = query_int(&q, 3),
            .end = (enum episode_end)query_int(&q, 4),
        };
        query_copy(&q, 1, e.worker, sizeof e.worker);
        query_copy(&q, 5, e.reason, sizeof e.reason);
        r = fn(arg, &e);
        if (r != 0)
            break;
    }
    return r;
}
