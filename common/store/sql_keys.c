/* Keys that are let in, or were. */
#include "common/store/sql_inside.h"

#include <errno.h>

#define DOING "write a key"

int sql_keys_change(struct store *base, uint64_t *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int64_t change = 0;
    int r = query_new(&q, sql_of(base), Q_KEYS_CHANGE, "read the keys",
                      "SELECT count(*) + count(CASE WHEN revoked_us <> 0 THEN 1 END) FROM access_key", err);
    if (r == 0)
        r = query_number(&q, &change, err);
    if (r == 0)
        *ret = (uint64_t)change;
    return r;
}

static int check_key(const struct access_key *k, struct err *err)
{
    if (!key_valid(k->public) || k->role < ACCESS_WORKER || k->role >= ACCESS_ROLE_END)
        return err_set(err, -EINVAL, "that is no key");
    if (k->role == ACCESS_WORKER && !location_valid(k->location))
        return err_set(err, -EINVAL, "a worker's key needs a location");
    if (k->expires_us != 0 && k->expires_us <= k->made_us)
        return err_set(err, -EINVAL, "that key is over before it begins");
    return 0;
}

static int put_key(struct sql *s, const struct access_key *k, uint64_t *ret_id, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int64_t id = 0;
    int r = query_new(
        &q, s, Q_KEY_ADD, DOING,
        "INSERT INTO access_key (id, public, name, role, location, made_us, revoked_us, expires_us) VALUES "
        "((SELECT coalesce(max(id), 0) + 1 FROM access_key), ?, ?, ?, ?, ?, 0, ?) "
        "ON CONFLICT (public) DO NOTHING RETURNING id",
        err);
    if (r < 0)
        return r;
    query_put_text(&q, k->public);
    query_put_text(&q, k->name);
    query_put_int(&q, k->role);
    query_put_text(&q, k->location);
    query_put_int(&q, k->made_us);
    query_put_int(&q, k->expires_us);
    r = query_number(&q, &id, err);
    if (r == -ENOENT)
        return err_set(err, -EEXIST, "that key is in the store already");
    *ret_id = (uint64_t)id;
    return r;
}

int sql_add_key(struct store *base, const struct access_key *k, uint64_t *ret_id, struct err *err)
{
    struct sql *s = sql_of(base);
    uint64_t id = 0;
    int r = check_key(k, err);
    if (r == 0)
        r = sql_begin(s, SQL_EDITS, DOING, err);
    if (r < 0)
        return r;
    r = put_key(s, k, &id, err);
    r = sql_end(s, r, DOING, err);
    if (r == 0 && ret_id)
        *ret_id = id;
    return r;
}

/* 1 when it was, 0 when it is not there to be, or was before. */
static int mark_revoked(struct sql *s, uint64_t id, wall_us now, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_KEY_REVOKE, DOING,
                      "UPDATE access_key SET revoked_us = ? WHERE id = ? AND revoked_us = 0", err);
    if (r < 0)
        return r;
    query_put_int(&q, now);
    query_put_int(&q, (int64_t)id);
    r = query_run(&q, err);
    return r < 0 ? r : q.changed > 0;
}

static int is_there(struct sql *s, uint64_t id, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_KEY_IS, DOING, "SELECT 1 FROM access_key WHERE id = ?", err);
    if (r < 0)
        return r;
    query_put_int(&q, (int64_t)id);
    r = query_step(&q, err);
    return r == 0  ? err_set(err, -ENOENT, "there is no key with the id %llu", (unsigned long long)id)
           : r < 0 ? r
                   : 0;
}

int sql_revoke_key(struct store *base, uint64_t id, wall_us now, struct err *err)
{
    struct sql *s = sql_of(base);
    int r = sql_begin(s, SQL_EDITS, DOING, err);
    if (r < 0)
        return r;
    r = mark_revoked(s, id, now, err);
    if (r == 0)
        r = is_there(s, id, err);
    return sql_end(s, r < 0 ? r : 0, DOING, err);
}

int sql_each_key(struct store *base, store_key_fn *fn, void *arg, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, sql_of(base), Q_KEYS, "read the keys",
                      "SELECT id, public, name, role, location, made_us, revoked_us, expires_us FROM "
                      "access_key ORDER BY id",
                      err);
    if (r < 0)
        return r;
    while ((r = query_step(&q, err)) > 0) {
        struct access_key k = {
            .id = (uint64_t)query_int(&q, 0),
            .role = (enum access_role)query_int(&q, 3),
            .made_us = query_int(&q, 5),
            .revoked_us = query_int(&q, 6),
            .expires_us = query_int(&q, 7),
        };
        query_copy(&q, 1, k.public, sizeof k.public);
        query_copy(&q, 2, k.name, sizeof k.name);
        query_copy(&q, 4, k.location, sizeof k.location);
        r = fn(arg, &k);
        if (r != 0)
            break;
    }
    return r;
}
