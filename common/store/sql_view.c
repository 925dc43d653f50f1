/* How each of several locations sees a site. */
#include "common/store/sql_inside.h"

#include <stdio.h>

int sql_put_views(struct sql *s, const struct record *rec, struct err *err)
{
    scoped(query) struct query q = { 0 };
    if (rec->n_views == 0)
        return 0;
    int r = query_new(&q, s, Q_VIEW_PUT, "record",
                      "INSERT INTO site_view (site_id, location_id, health, since_us, last_slot_us, blips, "
                      "last_at_us, last_verdict, last_cause, last_status, last_took_us, tls_expires_us, "
                      "last_worker_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                      "ON CONFLICT (site_id, location_id) DO UPDATE SET health = excluded.health, "
                      "since_us = excluded.since_us, last_slot_us = excluded.last_slot_us, "
                      "blips = excluded.blips, last_at_us = excluded.last_at_us, "
                      "last_verdict = excluded.last_verdict, last_cause = excluded.last_cause, "
                      "last_status = excluded.last_status, last_took_us = excluded.last_took_us, "
                      "tls_expires_us = excluded.tls_expires_us, "
                      "last_worker_id = excluded.last_worker_id "
                      "WHERE excluded.last_slot_us >= site_view.last_slot_us",
                      err);
    for (size_t i = 0; r == 0 && i < rec->n_views; i++) {
        const struct site_state *st = &rec->views[i].state;
        int64_t worker_id = 0, location_id = 0;
        r = sql_word(s, st->last_worker ? st->last_worker : "", &worker_id, err);
        if (r == 0)
            r = sql_word(s, rec->views[i].location, &location_id, err);
        if (r < 0)
            return r;
        const int64_t values[] = {
            (int64_t)st->site_id, location_id,        st->health,       st->since_us,   st->last_slot_us,
            (int64_t)st->blips,   st->last_at_us,     st->last_verdict, st->last_cause, st->last_status,
            st->last_took_us,     st->tls_expires_us, worker_id,
        };
        for (size_t k = 0; k < sizeof values / sizeof *values; k++)
            query_put_int(&q, values[k]);
        r = query_send(&q, err);
    }
    return r;
}

#define VIEWS(which)                                                                               \
    "SELECT site_id, word.text, health, since_us, last_slot_us, blips, last_at_us, last_verdict, " \
    "last_cause, last_status, last_took_us, tls_expires_us, last_worker_id, locations "            \
    "FROM site_view JOIN site ON site.id = site_id JOIN word ON word.id = location_id "            \
    "WHERE removed = 0" which " ORDER BY site_id, word.text"

/* Whether the site has several locations, and this is still one of them. */
static bool is_wanted(const struct query *q)
{
    const char *locations = query_text(q, 13);
    return location_count(locations) > 1 && location_place(locations, query_text(q, 1)) >= 0;
}

static int read_view(const struct query *q, struct site_view *ret, struct err *err)
{
    *ret = (struct site_view){
        .state = {.site_id = (uint64_t)query_int(q, 0),
                  .health = (enum health)query_int(q, 2),
                  .since_us = query_int(q, 3),
                  .last_slot_us = query_int(q, 4),
                  .blips = (uint64_t)query_int(q, 5),
                  .last_at_us = query_int(q, 6),
                  .last_verdict = (enum verdict)query_int(q, 7),
                  .last_cause = (enum cause)query_int(q, 8),
                  .last_status = (uint16_t)query_int(q, 9),
                  .last_took_us = (uint32_t)query_int(q, 10),
                  .tls_expires_us = query_int(q, 11)},
    };
    query_copy(q, 1, ret->location, sizeof ret->location);
    return sql_word_text(q->s, query_int(q, 12), &ret->state.last_worker, err);
}

int sql_each_view(struct store *base, uint64_t site_id, store_view_fn *fn, void *arg, struct err *err)
{
    static const char *const doing = "read the locations' views";
    scoped(query) struct query q = { 0 };
    int r = site_id ? query_new(&q, sql_of(base), Q_VIEWS, doing, VIEWS(" AND site_id = ?"), err)
                    : query_new(&q, sql_of(base), Q_VIEWS_ALL, doing, VIEWS(""), err);
    if (r < 0)
        return r;
    if (site_id)
        query_put_int(&q, (int64_t)site_id);
    while ((r = query_step(&q, err)) > 0) {
        struct site_view view;
        if (!is_wanted(&q))
            continue;
        r = read_view(&q, &view, err);
        if (r == 0)
            r = fn(arg, &view);
        if (r != 0)
            break;
    }
    return r;
}
