/* Sites and owners as they are read. */
#include "common/store/sql_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SITE_COLUMNS                                                                                  \
    "id, name, url, tags, owner_id, every_ms, timeout_ms, method, status, contains, full_handshake, " \
    "looks, within_ms, paused, removed, change, changed_us, locations, confirm_from"

int sql_newest_change(struct store *base, uint64_t *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int64_t change = 0;
    int r = query_new(&q, sql_of(base), Q_CHANGE, "read it", "SELECT change FROM meta", err);
    if (r == 0)
        r = query_number(&q, &change, err);
    if (r == 0)
        *ret = (uint64_t)change;
    return r;
}

/* Strings are SQLite's, until the next step. */
static int read_site(const struct query *q, struct site *ret, struct err *err)
{
    const char *status = query_text(q, 8);
    *ret = (struct site){
        .id = (uint64_t)query_int(q, 0),
        .name = query_text(q, 1),
        .url = query_text(q, 2),
        .tags = query_text(q, 3),
        .owner_id = (uint64_t)query_int(q, 4),
        .every_ms = (uint32_t)query_int(q, 5),
        .timeout_ms = (uint32_t)query_int(q, 6),
        .method = (enum method)query_int(q, 7),
        .contains = query_text(q, 9),
        .full_handshake = query_int(q, 10),
        .confirm = {(uint8_t)query_int(q, 11), (uint32_t)query_int(q, 12)},
        .confirm_from = (uint8_t)query_int(q, 18),
        .locations = query_text(q, 17),
        .paused = query_int(q, 13),
        .removed = query_int(q, 14),
        .change = (uint64_t)query_int(q, 15),
        .changed_us = query_int(q, 16),
    };
    if (*status && status_set_parse(status, &ret->status, NULL) < 0)
        return err_set(err, -EIO, "%s: site %llu has a list of statuses that makes no sense: '%.60s'",
                       q->s->name, (unsigned long long)ret->id, status);
    return 0;
}

int sql_each_site(struct store *base, uint64_t since, store_site_fn *fn, void *arg, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = since ? query_new(&q, sql_of(base), Q_SITES_SINCE, "read the sites",
                              "SELECT " SITE_COLUMNS " FROM site WHERE change > ? ORDER BY id", err)
                  : query_new(&q, sql_of(base), Q_SITES_ALL, "read the sites",
                              "SELECT " SITE_COLUMNS " FROM site WHERE removed = 0 ORDER BY id", err);
    if (r < 0)
        return r;
    if (since)
        query_put_int(&q, (int64_t)since);

    while ((r = query_step(&q, err)) > 0) {
        struct site site;
        r = read_site(&q, &site, err);
        if (r == 0)
            r = fn(arg, &site);
        if (r != 0)
            break;
    }
    return r;
}

/* The channels in order; each is a copy that free_channels releases. */
static int read_channels(struct sql *s, struct owner *o, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_OWNER_CHANNELS, "read the owners",
                      "SELECT channel FROM owner_channel WHERE owner_id = ? ORDER BY number", err);
    if (r < 0)
        return r;
    query_put_int(&q, (int64_t)o->id);
    while ((r = query_step(&q, err)) > 0 && o->n_channels < OWNER_MAX_CHANNELS) {
        char *copy = strdup(query_text(&q, 0));
        if (!copy)
            return err_set(err, -EIO, "%s: out of memory", s->name);
        o->channel[o->n_channels++] = copy;
    }
    return r < 0 ? r : 0;
}

static void free_channels(struct owner *o)
{
    for (unsigned i = 0; i < o->n_channels; i++)
        free((char *)o->channel[i]);
}

int sql_each_owner(struct store *base, uint64_t since, store_owner_fn *fn, void *arg, struct err *err)
{
    struct sql *s = sql_of(base);
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_OWNERS_SINCE, "read the owners",
                      "SELECT id, name, remind_s, change FROM owner WHERE change > ? AND removed = 0 "
                      "ORDER BY id",
                      err);
    if (r < 0)
        return r;
    query_put_int(&q, (int64_t)since);

    while ((r = query_step(&q, err)) > 0) {
        struct owner o = {
            .id = (uint64_t)query_int(&q, 0),
            .name = query_text(&q, 1),
            .remind_s = (uint32_t)query_int(&q, 2),
            .change = (uint64_t)query_int(&q, 3),
        };
        r = read_channels(s, &o, err);
        if (r == 0)
            r = fn(arg, &o);
        free_channels(&o);
        if (r != 0)
            break;
    }
    return r;
}

/* 1 and a copy, 0 when there is none. */
static int take_site(struct query *q, struct site **ret, struct err *err)
{
    struct site site;
    int r = query_step(q, err);
    if (r <= 0)
        return r;
    r = read_site(q, &site, err);
    if (r < 0)
        return r;
    struct site *copy = site_copy(&site);
    if (!copy)
        return err_set(err, -EIO, "%s: out of memory", q->s->name);
    *ret = copy;
    return 1;
}

static int find_by_id(struct sql *s, const char *what, struct site **ret, struct err *err)
{
    char *end;
    if (*what < '0' || *what > '9')
        return 0;
    errno = 0;
    long long id = strtoll(what, &end, 10);
    if (errno || *end)
        return 0;

    scoped(query) struct query q = { 0 };
    int r =
        query_new(&q, s, Q_SITE_BY_ID, "find a site", "SELECT " SITE_COLUMNS " FROM site WHERE id = ?", err);
    if (r < 0)
        return r;
    query_put_int(&q, id);
    return take_site(&q, ret, err);
}

static int find_by_text(struct sql *s, enum query_id id, const char *sql, const char *what, struct site **ret,
                        struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, id, "find a site", sql, err);
    if (r < 0)
        return r;
    query_put_text(&q, what);
    return take_site(&q, ret, err);
}

int sql_find_site(struct store *base, const char *what, struct site **ret, struct err *err)
{
    struct sql *s = sql_of(base);
    int r = find_by_id(s, what, ret, err);
    if (r == 0)
        r = find_by_text(s, Q_SITE_BY_NAME,
                         "SELECT " SITE_COLUMNS " FROM site WHERE name = ? AND removed = 0", what, ret, err);
    if (r == 0)
        r = find_by_text(s, Q_SITE_BY_URL,
                         "SELECT " SITE_COLUMNS
                         " FROM site WHERE url = ? AND removed = 0 ORDER BY id LIMIT 1",
                         what, ret, err);
    if (r == 0)
        return err_set(err, -ENOENT, "%s: no site has the id, name or URL '%.200s'", s->name, what);
    return r < 0 ? r : 0;
}
