/* The sites are cut in parts, each with a coordinator and a collector of its own: what
 * the store remembers once for all of them, and what for each. */
#include "common/store/sql_inside.h"

#include <errno.h>

#define CUTTING "agree on the shards"

void sql_set_shard(struct store *base, struct shard shard)
{
    sql_of(base)->shard = shard;
}

static uint32_t of(const struct sql *s)
{
    return s->shard.of > 1 ? s->shard.of : 1;
}

int sql_shards(struct store *base, uint32_t *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int64_t n = 1;
    int r = query_new(&q, sql_of(base), Q_SHARDS, CUTTING, "SELECT shards FROM meta", err);
    if (r == 0)
        r = query_number(&q, &n, err);
    if (r == 0)
        *ret = (uint32_t)n;
    return r;
}

static int run(struct sql *s, enum query_id id, const char *text, int64_t number, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, id, CUTTING, text, err);
    if (r < 0)
        return r;
    query_put_int(&q, number);
    return query_run(&q, err);
}

/* What was remembered for each of the former parts is of other sites. */
static int cut(struct sql *s, struct err *err)
{
    int r = sql_begin(s, SQL_LEDGER, CUTTING, err);
    if (r < 0)
        return r;
    r = run(s, Q_SHARDS_SET, "UPDATE meta SET shards = ?", of(s), err);
    if (r == 0)
        r = run(s, Q_SWEEPS_FORGET, "DELETE FROM sweep WHERE shard >= ?", 0, err);
    return sql_end(s, r, CUTTING, err);
}

int sql_cut(struct store *base, struct err *err)
{
    struct sql *s = sql_of(base);
    uint32_t now = 1;
    bool others = false;
    int r = sql_shards(base, &now, err);
    if (r < 0 || now == of(s))
        return r;
    r = base->backend->has_others(base, &others, err);
    if (r == 0 && others)
        r = err_set(
            err, -EBUSY,
            "%s: those at work with this store cut its sites in %u parts (setting shards), and this one "
            "in %u: end them all first",
            s->name, now, of(s));
    return r == 0 ? cut(s, err) : r;
}

/* Lines before the earliest of all parts are in the states; nobody knows where that is
 * before each has swept once. */
int sql_put_sweep(struct sql *s, wall_us states_us, struct err *err)
{
    scoped(query) struct query put = { 0 }, q = { 0 };
    int r = query_new(&put, s, Q_SWEEP_PUT, CUTTING,
                      "INSERT INTO sweep (shard, states_us) VALUES (?, ?) "
                      "ON CONFLICT (shard) DO UPDATE SET states_us = excluded.states_us",
                      err);
    if (r < 0)
        return r;
    query_put_int(&put, s->shard.number);
    query_put_int(&put, states_us);
    r = query_run(&put, err);
    if (r == 0)
        r = query_new(&q, s, Q_STATES_US_SET, CUTTING,
                      "UPDATE meta SET states_us = (SELECT min(states_us) FROM sweep) "
                      "WHERE (SELECT count(*) FROM sweep) = ?",
                      err);
    if (r < 0)
        return r;
    query_put_int(&q, of(s));
    return query_send(&q, err);
}
