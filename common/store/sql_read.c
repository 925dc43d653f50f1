/* States, incidents and notices as they are read, and the numbers of `vedette
 * status`. */
#include "common/store/sql_inside.h"

#include <errno.h>
#include <stdio.h>

/* A state, and beside it the newest line that it may be behind; see store.h. 71
 * is CAUSE_MISSED. A late result may bring back the state of a site that is gone. */
#define STATES(newest)                                                                       \
    "SELECT state.site_id, health, since_us, last_slot_us, incident_id, blips, last_at_us, " \
    "last_verdict, last_cause, last_status, last_took_us, tls_expires_us, last_worker_id, "  \
    "newer.slot_us, late_us, verdict, cause, newer.status, took_us, tls_expires_s, "         \
    "worker_id FROM state LEFT JOIN site ON site.id = state.site_id LEFT JOIN (" newest      \
    ") AS newer ON newer.of_id = state.site_id AND newer.slot_us > last_slot_us "            \
    "AND paused = 0 AND newer.slot_us + late_us >= changed_us WHERE coalesce(removed, 0) = 0"
#define NEWER "FROM look WHERE slot_us >= (SELECT states_us FROM meta) AND look = 0 AND cause <> 71"
/* The line with the newest slot of each site. */
#define NEWEST_SQLITE(which)                                                              \
    "SELECT site_id AS of_id, max(slot_us) AS slot_us, late_us, verdict, cause, status, " \
    "took_us, tls_expires_s, worker_id " NEWER which " GROUP BY site_id"
#define NEWEST_POSTGRES(which)                                                          \
    "SELECT DISTINCT ON (site_id) site_id AS of_id, slot_us, late_us, verdict, cause, " \
    "status, took_us, tls_expires_s, worker_id " NEWER which " ORDER BY site_id, slot_us DESC"
#define OF_SITE " AND site_id = ?1"
_Static_assert(CAUSE_MISSED == 71, "as the query has it");

static void lay_over(const struct query *q, struct site_state *st)
{
    if (query_is_null(q, 13))
        return;
    st->last_slot_us = query_int(q, 13);
    st->last_at_us = st->last_slot_us + query_int(q, 14);
    st->last_verdict = (enum verdict)query_int(q, 15);
    st->last_cause = (enum cause)query_int(q, 16);
    st->last_status = (uint16_t)query_int(q, 17);
    st->last_took_us = (uint32_t)query_int(q, 18);
    if (query_int(q, 19))
        st->tls_expires_us = query_int(q, 19) * US_PER_S;
}

static int read_state(const struct query *q, struct site_state *ret, struct err *err)
{
    bool newer = !query_is_null(q, 13);
    *ret = (struct site_state){
        .site_id = (uint64_t)query_int(q, 0),
        .health = (enum health)query_int(q, 1),
        .since_us = query_int(q, 2),
        .last_slot_us = query_int(q, 3),
        .incident_id = (uint64_t)query_int(q, 4),
        .blips = (uint64_t)query_int(q, 5),
        .last_at_us = query_int(q, 6),
        .last_verdict = (enum verdict)query_int(q, 7),
        .last_cause = (enum cause)query_int(q, 8),
        .last_status = (uint16_t)query_int(q, 9),
        .last_took_us = (uint32_t)query_int(q, 10),
        .tls_expires_us = query_int(q, 11),
    };
    lay_over(q, ret);
    return sql_word_text(q->s, query_int(q, newer ? 20 : 12), &ret->last_worker, err);
}

int sql_each_state(struct store *base, uint64_t site_id, store_state_fn *fn, void *arg, struct err *err)
{
    static const char *const all[] = { STATES(NEWEST_POSTGRES("")) " ORDER BY state.site_id",
                                       STATES(NEWEST_SQLITE("")) " ORDER BY state.site_id" };
    static const char *const one[] = { STATES(NEWEST_POSTGRES(OF_SITE)) " AND state.site_id = ?1",
                                       STATES(NEWEST_SQLITE(OF_SITE)) " AND state.site_id = ?1" };
    scoped(query) struct query q = { 0 };
    struct sql *s = sql_of(base);
    int r = site_id ? query_new(&q, s, Q_STATE, "read the states", one[s->driver->sqlite], err)
                    : query_new(&q, s, Q_STATES, "read the states", all[s->driver->sqlite], err);
    if (r < 0)
        return r;
    if (site_id)
        query_put_int(&q, (int64_t)site_id);

    while ((r = query_step(&q, err)) > 0) {
        struct site_state state;
        r = read_state(&q, &state, err);
        if (r == 0)
            r = fn(arg, &state);
        if (r != 0)
            break;
    }
    return r;
}

int sql_get_states_us(struct store *base, wall_us *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, sql_of(base), Q_STATES_US, "read the states", "SELECT states_us FROM meta", err);
    return r < 0 ? r : query_number(&q, ret, err);
}

/* ── Incidents ─────────────────────────────────────────────────────────── */

#define INCIDENTS(where)                                                                   \
    "SELECT id, site_id, began_us, confirmed_us, ended_us, ending, cause, status, detail " \
    "FROM incident WHERE " where " ORDER BY id DESC LIMIT ?1"

static int ask_incidents(struct query *q, struct sql *s, const struct incident_filter *f, struct err *err)
{
    static const char *const doing = "read the incidents";
    int64_t key = (int64_t)(f->id ? f->id : f->site_id);
    int r = f->id          ? query_new(q, s, Q_INCIDENTS_ONE, doing, INCIDENTS("id = ?2"), err)
            : f->site_id   ? query_new(q, s, Q_INCIDENTS_SITE, doing,
                                       INCIDENTS("site_id = ?2 AND (?3 = 0 OR ending = 0)"), err)
            : f->open_only ? query_new(q, s, Q_INCIDENTS_OPEN, doing, INCIDENTS("ending = 0"), err)
                           : query_new(q, s, Q_INCIDENTS_ALL, doing, INCIDENTS("true"), err);
    if (r < 0)
        return r;
    query_put_int(q, f->max && f->max < INT64_MAX ? (int64_t)f->max : INT64_MAX);
    if (key)
        query_put_int(q, key);
    if (!f->id && f->site_id)
        query_put_int(q, f->open_only);
    return 0;
}

static bool incident_fits(const struct incident_filter *f, const struct incident *in)
{
    return (!f->site_id || in->site_id == f->site_id) && (!f->open_only || in->end == INCIDENT_OPEN);
}

int sql_each_incident(struct store *base, const struct incident_filter *f, store_incident_fn *fn, void *arg,
                      struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = ask_incidents(&q, sql_of(base), f, err);
    if (r < 0)
        return r;
    while ((r = query_step(&q, err)) > 0) {
        struct incident in = {
            .id = (uint64_t)query_int(&q, 0),
            .site_id = (uint64_t)query_int(&q, 1),
            .began_us = query_int(&q, 2),
            .confirmed_us = query_int(&q, 3),
            .ended_us = query_int(&q, 4),
            .end = (enum incident_end)query_int(&q, 5),
            .cause = (enum cause)query_int(&q, 6),
            .status = (uint16_t)query_int(&q, 7),
        };
        query_copy(&q, 8, in.detail, sizeof in.detail);
        r = incident_fits(f, &in) ? fn(arg, &in) : 0;
        if (r != 0)
            break;
    }
    return r;
}

/* ── Notices ───────────────────────────────────────────────────────────── */

#define NOTICES(where, order)                                                                            \
    "SELECT id, incident_id, site_id, owner_id, kind, number, channel, payload, key, state, "            \
    "attempts, created_us, next_try_us, sent_us, trouble FROM notice WHERE " where " ORDER BY id " order \
    " LIMIT ?1"

static int ask_notices(struct query *q, struct sql *s, const struct notice_filter *f, struct err *err)
{
    static const char *const doing = "read the notices";
    int r;
    if (f->pending_only && f->incident_id)
        r = query_new(q, s, Q_NOTICES_PENDING_INCIDENT, doing,
                      NOTICES("incident_id = ?2 AND state = 0", "ASC"), err);
    else if (f->pending_only)
        r = query_new(q, s, Q_NOTICES_PENDING, doing, NOTICES("state = 0", "ASC"), err);
    else if (f->incident_id)
        r = query_new(q, s, Q_NOTICES_INCIDENT, doing, NOTICES("incident_id = ?2", "DESC"), err);
    else
        r = query_new(q, s, Q_NOTICES_ALL, doing, NOTICES("true", "DESC"), err);
    if (r < 0)
        return r;
    query_put_int(q, f->max && f->max < INT64_MAX ? (int64_t)f->max : INT64_MAX);
    if (f->incident_id)
        query_put_int(q, (int64_t)f->incident_id);
    return 0;
}

int sql_each_notice(struct store *base, const struct notice_filter *f, store_notice_fn *fn, void *arg,
                    struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = ask_notices(&q, sql_of(base), f, err);
    if (r < 0)
        return r;
    while ((r = query_step(&q, err)) > 0) {
        struct notice n = {
            .id = (uint64_t)query_int(&q, 0),
            .incident_id = (uint64_t)query_int(&q, 1),
            .site_id = (uint64_t)query_int(&q, 2),
            .owner_id = (uint64_t)query_int(&q, 3),
            .kind = (enum notice_kind)query_int(&q, 4),
            .number = (uint32_t)query_int(&q, 5),
            .channel = query_text(&q, 6),
            .payload = query_text(&q, 7),
            .state = (enum notice_state)query_int(&q, 9),
            .attempts = (uint32_t)query_int(&q, 10),
            .created_us = query_int(&q, 11),
            .next_try_us = query_int(&q, 12),
            .sent_us = query_int(&q, 13),
            .trouble = query_text(&q, 14),
        };
        query_copy(&q, 8, n.key, sizeof n.key);
        r = fn(arg, &n);
        if (r != 0)
            break;
    }
    return r;
}

/* ── Summary ───────────────────────────────────────────────────────────── */

static int count_sites(struct sql *s, struct summary *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_SUMMARY_SITES, "count",
                      "SELECT paused, coalesce(health, 0), count(*) FROM site LEFT JOIN state "
                      "ON state.site_id = site.id WHERE removed = 0 GROUP BY 1, 2",
                      err);
    if (r < 0)
        return r;
    while ((r = query_step(&q, err)) > 0) {
        uint64_t health = (uint64_t)query_int(&q, 1), n = (uint64_t)query_int(&q, 2);
        if (query_int(&q, 0))
            ret->paused += n;
        else if (health < HEALTH_COUNT) {
            ret->health[health] += n;
            ret->sites += n;
        }
    }
    return r;
}

static int count_notices(struct sql *s, struct summary *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_SUMMARY_NOTICES, "count", "SELECT state, count(*) FROM notice GROUP BY state",
                      err);
    if (r < 0)
        return r;
    while ((r = query_step(&q, err)) > 0)
        if (query_int(&q, 0) >= 0 && query_int(&q, 0) < NOTICE_STATE_COUNT)
            ret->notices[query_int(&q, 0)] = (uint64_t)query_int(&q, 1);
    return r;
}

#define REST(bytes)                                             \
    "SELECT (SELECT count(*) FROM incident WHERE ending = 0), " \
    "(SELECT count(*) FROM incident), "                         \
    "coalesce((SELECT min(created_us) FROM notice WHERE state = 0), 0), looks, " bytes " FROM meta"
#define PAGES "(SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size)"
#define RELATIONS                                                                         \
    "(SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class WHERE relkind = 'r' " \
    "AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()))"

static int count_rest(struct sql *s, struct summary *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_SUMMARY_REST, "count", s->driver->sqlite ? REST(PAGES) : REST(RELATIONS), err);
    if (r == 0)
        r = query_step(&q, err);
    if (r <= 0)
        return r;
    ret->incidents_open = (uint64_t)query_int(&q, 0);
    ret->incidents_all = (uint64_t)query_int(&q, 1);
    ret->oldest_pending_us = query_int(&q, 2);
    ret->looks = (uint64_t)query_int(&q, 3);
    ret->bytes = (uint64_t)query_int(&q, 4);
    return 0;
}

int sql_get_summary(struct store *base, struct summary *ret, struct err *err)
{
    struct sql *s = sql_of(base);
    struct summary sum = { 0 };
    int r = count_sites(s, &sum, err);
    if (r == 0)
        r = count_notices(s, &sum, err);
    if (r == 0)
        r = count_rest(s, &sum, err);
    if (r == 0)
        *ret = sum;
    return r;
}
