/* How the coordinators and their workers are: of each shard only the newest is kept. A
 * worker serves several shards; to each coordinator it is another one. */
#include "common/store/sql_inside.h"

#include <errno.h>

#define DOING           "write the vitals"
#define FORGET_AFTER_US US_PER_HOUR

static int put_numbers(struct sql *s, const struct vitals *v, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(
        &q, s, Q_VITALS_PUT, DOING,
        "INSERT INTO vitals (shard, epoch, at_us, started_us, sites, scheduled, concluded, "
        "missed, confirming, again, in_flight, waiting, late_p50_us, late_p99_us, "
        "late_max_us, dropped, settled_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (shard) DO UPDATE SET epoch = excluded.epoch, at_us = "
        "excluded.at_us, started_us = excluded.started_us, sites = excluded.sites, "
        "scheduled = excluded.scheduled, concluded = excluded.concluded, missed = "
        "excluded.missed, confirming = excluded.confirming, again = excluded.again, "
        "in_flight = excluded.in_flight, waiting = excluded.waiting, late_p50_us = "
        "excluded.late_p50_us, late_p99_us = excluded.late_p99_us, late_max_us = "
        "excluded.late_max_us, dropped = excluded.dropped, settled_us = excluded.settled_us",
        err);
    if (r < 0)
        return r;
    const int64_t numbers[] = {
        s->shard.number,
        v->epoch,
        v->at_us,
        v->started_us,
        (int64_t)v->sites,
        (int64_t)v->scheduled,
        (int64_t)v->concluded,
        (int64_t)v->missed,
        (int64_t)v->confirming,
        (int64_t)v->again,
        (int64_t)v->in_flight,
        (int64_t)v->waiting,
        v->late_p50_us,
        v->late_p99_us,
        v->late_max_us,
        (int64_t)v->dropped,
        v->settled_us,
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        query_put_int(&q, numbers[i]);
    return query_send(&q, err);
}

static int put_workers(struct sql *s, const struct vitals *v, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_WORKER_PUT, DOING,
                      "INSERT INTO worker (worker, lane, shard, location, software, health, doubts, "
                      "joined_us, heard_us, slots, in_hand, done, descriptors, descriptors_most, named_us) "
                      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                      "ON CONFLICT (worker, lane, shard) DO UPDATE SET location = excluded.location, "
                      "software = excluded.software, health = excluded.health, doubts = "
                      "excluded.doubts, joined_us = excluded.joined_us, heard_us = "
                      "excluded.heard_us, slots = excluded.slots, in_hand = excluded.in_hand, done = "
                      "excluded.done, descriptors = excluded.descriptors, descriptors_most = "
                      "excluded.descriptors_most, named_us = excluded.named_us",
                      err);
    for (size_t i = 0; r == 0 && i < v->n_workers; i++) {
        const struct worker_vitals *w = &v->workers[i];
        query_put_text(&q, w->worker);
        query_put_int(&q, w->lane);
        query_put_int(&q, s->shard.number);
        query_put_text(&q, w->location);
        query_put_text(&q, w->software);
        query_put_int(&q, w->health);
        query_put_int(&q, w->doubts);
        query_put_int(&q, w->joined_us);
        query_put_int(&q, w->heard_us);
        query_put_int(&q, w->slots);
        query_put_int(&q, w->in_hand);
        query_put_int(&q, (int64_t)w->done);
        query_put_int(&q, w->descriptors);
        query_put_int(&q, w->descriptors_most);
        query_put_int(&q, v->at_us);
        r = query_send(&q, err);
    }
    return r;
}

static int forget_workers(struct sql *s, wall_us before_us, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_WORKERS_FORGET, DOING, "DELETE FROM worker WHERE named_us < ?", err);
    if (r < 0)
        return r;
    query_put_int(&q, before_us);
    return query_run(&q, err);
}

int sql_put_vitals(struct store *base, const struct vitals *v, struct err *err)
{
    struct sql *s = sql_of(base);
    int r = sql_begin(s, SQL_VITALS, DOING, err);
    if (r < 0)
        return r;
    r = put_numbers(s, v, err);
    if (r == 0)
        r = put_workers(s, v, err);
    if (r == 0)
        r = forget_workers(s, v->at_us - FORGET_AFTER_US, err);
    return sql_end(s, r, DOING, err);
}

/* PostgreSQL's sum() of a bigint is a numeric. */
static const char vitals_of_all[] =
    "SELECT max(epoch), min(at_us), max(started_us), CAST(sum(sites) AS bigint), "
    "CAST(sum(scheduled) AS bigint), CAST(sum(concluded) AS bigint), CAST(sum(missed) AS bigint), "
    "CAST(sum(confirming) AS bigint), CAST(sum(again) AS bigint), CAST(sum(in_flight) AS bigint), "
    "CAST(sum(waiting) AS bigint), max(late_p50_us), max(late_p99_us), max(late_max_us), "
    "CAST(sum(dropped) AS bigint) FROM vitals WHERE shard < (SELECT shards FROM meta) HAVING count(*) > 0";
static const char workers_of_all[] =
    "SELECT worker, lane, max(location), max(software), min(health), max(doubts), min(joined_us), "
    "max(heard_us), max(slots), CAST(sum(in_hand) AS bigint), CAST(sum(done) AS bigint), max(descriptors), "
    "max(descriptors_most) FROM worker WHERE shard < (SELECT shards FROM meta) GROUP BY worker, lane "
    "ORDER BY worker, lane";

int sql_get_vitals(struct store *base, struct vitals *ret, struct err *err)
{
    struct sql *s = sql_of(base);
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_VITALS, "read the vitals", vitals_of_all, err);
    if (r == 0)
        r = query_step(&q, err);
    if (r < 0)
        return r;
    if (r == 0)
        return err_set(err, -ENOENT, "%s: no coordinator has told how it is yet", s->name);
    *ret = (struct vitals){
        .epoch = (uint32_t)query_int(&q, 0),
        .at_us = query_int(&q, 1),
        .started_us = query_int(&q, 2),
        .sites = (uint64_t)query_int(&q, 3),
        .scheduled = (uint64_t)query_int(&q, 4),
        .concluded = (uint64_t)query_int(&q, 5),
        .missed = (uint64_t)query_int(&q, 6),
        .confirming = (uint64_t)query_int(&q, 7),
        .again = (uint64_t)query_int(&q, 8),
        .in_flight = (uint64_t)query_int(&q, 9),
        .waiting = (uint64_t)query_int(&q, 10),
        .late_p50_us = (uint32_t)query_int(&q, 11),
        .late_p99_us = (uint32_t)query_int(&q, 12),
        .late_max_us = (uint32_t)query_int(&q, 13),
        .dropped = (uint64_t)query_int(&q, 14),
    };
    return 0;
}

int sql_get_settled(struct store *base, wall_us *ret, struct err *err)
{
    struct sql *s = sql_of(base);
    scoped(query) struct query q = { 0 };
    int r =
        query_new(&q, s, Q_SETTLED, "read the vitals", "SELECT settled_us FROM vitals WHERE shard = ?", err);
    if (r < 0)
        return r;
    query_put_int(&q, s->shard.number);
    r = query_number(&q, ret, err);
    if (r == -ENOENT)
        *ret = 0;
    return r == -ENOENT ? 0 : r;
}

int sql_each_worker(struct store *base, store_worker_fn *fn, void *arg, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, sql_of(base), Q_WORKERS, "read the workers", workers_of_all, err);
    if (r < 0)
        return r;
    while ((r = query_step(&q, err)) > 0) {
        struct worker_vitals w = {
            .lane = (uint16_t)query_int(&q, 1),
            .health = (enum worker_health)query_int(&q, 4),
            .doubts = query_int(&q, 5),
            .joined_us = query_int(&q, 6),
            .heard_us = query_int(&q, 7),
            .slots = (uint32_t)query_int(&q, 8),
            .in_hand = (uint32_t)query_int(&q, 9),
            .done = (uint64_t)query_int(&q, 10),
            .descriptors = (uint32_t)query_int(&q, 11),
            .descriptors_most = (uint32_t)query_int(&q, 12),
        };
        query_copy(&q, 0, w.worker, sizeof w.worker);
        query_copy(&q, 2, w.location, sizeof w.location);
        query_copy(&q, 3, w.software, sizeof w.software);
        r = fn(arg, &w);
        if (r != 0)
            break;
    }
    return r;
}
