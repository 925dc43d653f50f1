/* Edits: one transaction from begin to commit, in which everything that is
 * written carries the edit's number. A call that is refused (a name that is
 * taken) leaves the edit as it was. After any other failure the edit cannot be
 * committed, because half of the failed call may be in it. */
#include "common/store/sql_inside.h"

#include <errno.h>
#include <string.h>

static int edit_open(struct sql *s, struct err *err)
{
    if (!s->edit.open)
        return err_set(err, -EINVAL, "%s: no edit was begun", s->name);
    if (s->edit.broken)
        return err_set(err, s->edit.broken, "%s: the edit has failed already", s->name);
    return 0;
}

/* Remember a failure that is not a refusal; returns r. */
static int edit_result(struct sql *s, int r)
{
    if (r < 0 && r != -EEXIST && r != -ENOENT)
        s->edit.broken = r;
    return r;
}

int sql_edit_begin(struct store *base, wall_us now, struct err *err)
{
    struct sql *s = sql_of(base);
    uint64_t change = 0;
    int r = sql_begin(s, SQL_EDITS, "edit it", err);
    if (r < 0)
        return r;
    r = sql_newest_change(base, &change, err);
    if (r < 0) {
        sql_rollback(s);
        return r;
    }
    s->edit.open = true;
    s->edit.broken = 0;
    s->edit.change = change + 1;
    s->edit.now = now;
    return 0;
}

int sql_edit_commit(struct store *base, struct err *err)
{
    struct sql *s = sql_of(base);
    int r = edit_open(s, err);
    if (!s->edit.open)
        return r;
    if (r == 0) {
        scoped(query) struct query q = { 0 };
        r = query_new(&q, s, Q_CHANGE_SET, "edit it", "UPDATE meta SET change = ?", err);
        if (r == 0) {
            query_put_int(&q, (int64_t)s->edit.change);
            r = query_run(&q, err);
        }
        if (r == 0 && s->driver->tell_edit)
            r = s->driver->tell_edit(s, err);
    }
    s->edit.open = false;
    return sql_end(s, r, "edit it", err);
}

void sql_edit_abort(struct store *base)
{
    struct sql *s = sql_of(base);
    if (!s->edit.open)
        return;
    s->edit.open = false;
    sql_rollback(s);
}

static int name_taken(const char *what, const char *name, struct err *err)
{
    return err_set(err, -EEXIST, "another %s has the name '%.200s'", what, name);
}

/* Run what adds a row unless its name is taken, which is a refusal: its id. */
static int add_named(struct query *q, const char *what, const char *name, uint64_t *ret_id, struct err *err)
{
    int64_t id = 0;
    int r = query_number(q, &id, err);
    if (r == -ENOENT)
        return name_taken(what, name, err);
    *ret_id = (uint64_t)id;
    return r;
}

/* Whether another has the name: not asked of the database by way of a failure, which
 * would end the transaction in some. Nobody else edits meanwhile. */
static int check_name(struct sql *s, enum query_id id, const char *sql, const char *what, const char *name,
                      uint64_t of_id, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, id, "edit it", sql, err);
    if (r < 0)
        return r;
    query_put_text(&q, name);
    query_put_int(&q, (int64_t)of_id);
    r = query_step(&q, err);
    return r > 0 ? name_taken(what, name, err) : r;
}

/* Whether a query with these parameters has a row: 1 or 0. */
static int has_row(struct sql *s, enum query_id id, const char *sql, uint64_t a, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, id, "edit it", sql, err);
    if (r < 0)
        return r;
    query_put_int(&q, (int64_t)a);
    return query_step(&q, err);
}

static int owner_lives(struct sql *s, uint64_t id, struct err *err)
{
    int r = has_row(s, Q_OWNER_LIVES, "SELECT 1 FROM owner WHERE id = ? AND removed = 0", id, err);
    if (r == 0)
        return err_set(err, -ENOENT, "there is no owner with the id %llu", (unsigned long long)id);
    return r < 0 ? r : 0;
}

/* ── Owners ────────────────────────────────────────────────────────────── */

static int put_owner_row(struct sql *s, const struct owner *o, uint64_t *ret_id, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = o->id ? owner_lives(s, o->id, err) : 0;
    if (r == 0 && o->id)
        r = check_name(s, Q_OWNER_NAMED, "SELECT 1 FROM owner WHERE name = ? AND removed = 0 AND id <> ?",
                       "owner", o->name, o->id, err);
    if (r == 0)
        r = o->id ? query_new(&q, s, Q_OWNER_SET, "write an owner",
                              "UPDATE owner SET name = ?, remind_s = ?, change = ? WHERE id = ?", err)
                  : query_new(&q, s, Q_OWNER_ADD, "write an owner",
                              "INSERT INTO owner (id, name, remind_s, change, removed) VALUES "
                              "((SELECT coalesce(max(id), 0) + 1 FROM owner), ?, ?, ?, 0) "
                              "ON CONFLICT (name) WHERE removed = 0 DO NOTHING RETURNING id",
                              err);
    if (r < 0)
        return r;
    query_put_text(&q, o->name);
    query_put_int(&q, o->remind_s);
    query_put_int(&q, (int64_t)s->edit.change);
    if (!o->id)
        return add_named(&q, "owner", o->name, ret_id, err);
    query_put_int(&q, (int64_t)o->id);
    *ret_id = o->id;
    return query_send(&q, err);
}

static int put_channels(struct sql *s, uint64_t id, const struct owner *o, struct err *err)
{
    scoped(query) struct query drop = { 0 };
    scoped(query) struct query add = { 0 };
    int r = query_new(&drop, s, Q_CHANNELS_DROP, "write an owner",
                      "DELETE FROM owner_channel WHERE owner_id = ?", err);
    if (r == 0)
        r = query_new(&add, s, Q_CHANNEL_ADD, "write an owner",
                      "INSERT INTO owner_channel (owner_id, number, channel) VALUES (?, ?, ?)", err);
    if (r < 0)
        return r;
    query_put_int(&drop, (int64_t)id);
    r = query_send(&drop, err);
    for (unsigned i = 0; r == 0 && o && i < o->n_channels; i++) {
        query_put_int(&add, (int64_t)id);
        query_put_int(&add, i);
        query_put_text(&add, o->channel[i]);
        r = query_send(&add, err);
    }
    return r;
}

int sql_edit_owner(struct store *base, const struct owner *o, uint64_t *ret_id, struct err *err)
{
    struct sql *s = sql_of(base);
    uint64_t id = 0;
    int r = edit_open(s, err);
    if (r < 0)
        return r;
    if (o->n_channels > OWNER_MAX_CHANNELS)
        return err_set(err, -EINVAL, "an owner has at most %d channels", OWNER_MAX_CHANNELS);
    r = put_owner_row(s, o, &id, err);
    if (r == 0)
        r = put_channels(s, id, o, err);
    if (r == 0 && ret_id)
        *ret_id = id;
    return edit_result(s, r);
}

int sql_edit_remove_owner(struct store *base, uint64_t id, struct err *err)
{
    struct sql *s = sql_of(base);
    int r = edit_open(s, err);
    if (r < 0)
        return r;
    r = owner_lives(s, id, err);
    if (r == 0)
        r = has_row(s, Q_OWNER_HAS_SITE, "SELECT 1 FROM site WHERE owner_id = ? AND removed = 0 LIMIT 1", id,
                    err);
    if (r > 0)
        return err_set(err, -EBUSY, "the owner with the id %llu still has sites", (unsigned long long)id);

    scoped(query) struct query q = { 0 };
    if (r == 0)
        r = query_new(&q, s, Q_OWNER_REMOVE, "remove an owner",
                      "UPDATE owner SET removed = 1, change = ? WHERE id = ?", err);
    if (r == 0) {
        query_put_int(&q, (int64_t)s->edit.change);
        query_put_int(&q, (int64_t)id);
        r = query_run(&q, err);
    }
    if (r == 0)
        r = put_channels(s, id, NULL, err); /* may hold secrets */
    return edit_result(s, r);
}

/* ── Sites ─────────────────────────────────────────────────────────────── */

/* How the site has been watched so far. */
struct watch {
    bool differs; /* from how it is to be watched */
    uint32_t every_ms;
    wall_us changed_us;
};

static int read_watch(struct sql *s, const struct site *to, struct watch *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_SITE_WATCH, "write a site",
                      "SELECT url, every_ms, paused, changed_us FROM site WHERE id = ? AND removed = 0", err);
    if (r < 0)
        return r;
    query_put_int(&q, (int64_t)to->id);
    r = query_step(&q, err);
    if (r == 0)
        return err_set(err, -ENOENT, "there is no site with the id %llu", (unsigned long long)to->id);
    if (r < 0)
        return r;
    ret->every_ms = (uint32_t)query_int(&q, 1);
    ret->changed_us = query_int(&q, 3);
    ret->differs = strcmp(query_text(&q, 0), to->url) != 0 || ret->every_ms != to->every_ms ||
                   (query_int(&q, 2) != 0) != to->paused;
    return 0;
}

static void put_site(struct query *q, const struct site *site, const char *status, uint64_t change,
                     wall_us changed_us)
{
    query_put_text(q, site->name);
    query_put_text(q, site->url);
    query_put_text(q, site->tags);
    query_put_int(q, (int64_t)site->owner_id);
    query_put_int(q, site->every_ms);
    query_put_int(q, site->timeout_ms);
    query_put_int(q, site->method);
    query_put_text(q, status);
    query_put_text(q, site->contains);
    query_put_int(q, site->full_handshake);
    query_put_int(q, site->confirm.looks);
    query_put_int(q, site->confirm.within_ms);
    query_put_int(q, site->confirm_from);
    query_put_text(q, site_locations(site));
    query_put_int(q, site->paused);
    query_put_int(q, (int64_t)change);
    query_put_int(q, changed_us);
}

/* The new row's id, or the changed one's. */
static int put_site_row(struct sql *s, const struct site *site, wall_us changed_us, uint64_t *ret_id,
                        struct err *err)
{
    char status[EXPECT_STATUS_SIZE] = "";
    scoped(query) struct query q = { 0 };
    int r = site->id
                ? query_new(
                      &q, s, Q_SITE_SET, "write a site",
                      "UPDATE site SET name = ?, url = ?, tags = ?, owner_id = ?, every_ms = ?, "
                      "timeout_ms = ?, method = ?, status = ?, contains = ?, full_handshake = ?, looks = ?, "
                      "within_ms = ?, confirm_from = ?, locations = ?, paused = ?, change = ?, changed_us = "
                      "? WHERE id = ?",
                      err)
                : query_new(
                      &q, s, Q_SITE_ADD, "write a site",
                      "INSERT INTO site (id, name, url, tags, owner_id, every_ms, timeout_ms, method, "
                      "status, contains, full_handshake, looks, within_ms, confirm_from, locations, paused, "
                      "change, changed_us, added_us, removed) "
                      "VALUES ((SELECT coalesce(max(id), 0) + 1 FROM site), "
                      "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) "
                      "ON CONFLICT (name) WHERE removed = 0 DO NOTHING RETURNING id",
                      err);
    if (r < 0)
        return r;
    if (site->status.count)
        status_set_format(status, sizeof status, &site->status);
    put_site(&q, site, status, s->edit.change, changed_us);
    query_put_int(&q, site->id ? (int64_t)site->id : s->edit.now);
    if (!site->id)
        return add_named(&q, "site", site->name, ret_id, err);
    *ret_id = site->id;
    return query_send(&q, err);
}

static int keep_former_grid(struct sql *s, uint64_t id, uint32_t every_ms, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_GRID_ADD, "write a site",
                      "INSERT INTO former_grid (site_id, every_ms, until_us) VALUES (?, ?, ?) "
                      "ON CONFLICT (site_id, every_ms) DO UPDATE SET until_us = excluded.until_us",
                      err);
    if (r < 0)
        return r;
    query_put_int(&q, (int64_t)id);
    query_put_int(&q, every_ms);
    query_put_int(&q, s->edit.now);
    return query_send(&q, err);
}

static bool locations_valid(const char *list)
{
    char name[LOCATION_SIZE];
    size_t len = strlen(list), names = 0;
    if (location_count(list) > SITE_MAX_LOCATIONS)
        return false;
    for (unsigned n = 0; location_next(&list, name); n++) {
        if (!location_valid(name))
            return false;
        names += strlen(name) + (n > 0);
    }
    return names == len;
}

static int check_site(const struct site *site, struct err *err)
{
    if (!site->name || !*site->name || !site->url || !*site->url)
        return err_set(err, -EINVAL, "a site needs a name and a URL");
    if (site->every_ms < SITE_MIN_EVERY_MS || site->every_ms > SITE_MAX_EVERY_MS)
        return err_set(err, -EINVAL, "%u ms is no interval for a site", site->every_ms);
    if (!locations_valid(site_locations(site)))
        return err_set(err, -EINVAL, "'%.200s' is no list of locations", site->locations);
    if ((unsigned)site->method >= METHOD_COUNT || !status_set_valid(&site->status))
        return err_set(err, -EINVAL, "the site '%.200s' asks for what is not known here", site->name);
    return 0;
}

int sql_edit_site(struct store *base, const struct site *site, uint64_t *ret_id, struct err *err)
{
    struct sql *s = sql_of(base);
    struct watch was = { .differs = true };
    uint64_t id = 0;
    int r = edit_open(s, err);
    if (r == 0)
        r = check_site(site, err);
    if (r < 0)
        return r;

    if (site->owner_id)
        r = owner_lives(s, site->owner_id, err);
    if (r == 0 && site->id)
        r = read_watch(s, site, &was, err);
    if (r == 0 && site->id)
        r = check_name(s, Q_SITE_NAMED, "SELECT 1 FROM site WHERE name = ? AND removed = 0 AND id <> ?",
                       "site", site->name, site->id, err);
    if (r == 0)
        r = put_site_row(s, site, was.differs ? s->edit.now : was.changed_us, &id, err);
    if (r == 0 && site->id && was.every_ms != site->every_ms)
        r = keep_former_grid(s, id, was.every_ms, err);
    if (r == 0 && ret_id)
        *ret_id = id;
    return edit_result(s, r);
}

int sql_edit_remove_site(struct store *base, uint64_t id, struct err *err)
{
    struct sql *s = sql_of(base);
    scoped(query) struct query q = { 0 };
    int r = edit_open(s, err);
    if (r == 0)
        r = query_new(&q, s, Q_SITE_REMOVE, "remove a site",
                      "UPDATE site SET removed = 1, change = ? WHERE id = ? AND removed = 0", err);
    if (r < 0)
        return r;
    query_put_int(&q, (int64_t)s->edit.change);
    query_put_int(&q, (int64_t)id);
    r = query_run(&q, err);
    if (r == 0 && q.changed == 0)
        return err_set(err, -ENOENT, "there is no site with the id %llu", (unsigned long long)id);
    return edit_result(s, r);
}
