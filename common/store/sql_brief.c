/* Sites as the coordinator reads them: a million at the start, edits in small
 * portions while it works. */
#include "common/store/sql_inside.h"

#include <errno.h>

#define BRIEF_COLUMNS                                                                                    \
    "id, url, every_ms, timeout_ms, method, status, contains, full_handshake, paused, removed, change, " \
    "changed_us, locations"

/* Strings are SQLite's, until the next step. */
static int read_brief(const struct query *q, struct site *ret, struct err *err)
{
    const char *status = query_text(q, 5);
    *ret = (struct site){
        .id = (uint64_t)query_int(q, 0),
        .name = "",
        .url = query_text(q, 1),
        .tags = "",
        .every_ms = (uint32_t)query_int(q, 2),
        .timeout_ms = (uint32_t)query_int(q, 3),
        .method = (enum method)query_int(q, 4),
        .contains = query_text(q, 6),
        .full_handshake = query_int(q, 7),
        .paused = query_int(q, 8),
        .removed = query_int(q, 9),
        .change = (uint64_t)query_int(q, 10),
        .changed_us = query_int(q, 11),
        .locations = query_text(q, 12),
    };
    if (*status && status_set_parse(status, &ret->status, NULL) < 0)
        return err_set(err, -EIO, "%s: site %llu has a list of statuses that makes no sense: '%.60s'",
                       q->s->name, (unsigned long long)ret->id, status);
    return 0;
}

int sql_each_brief(struct store *base, store_site_fn *fn, void *arg, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, sql_of(base), Q_BRIEFS_ALL, "read the sites",
                      "SELECT " BRIEF_COLUMNS " FROM site WHERE removed = 0 ORDER BY id", err);
    while (r == 0 && (r = query_step(&q, err)) > 0) {
        struct site site;
        r = read_brief(&q, &site, err);
        if (r == 0)
            r = fn(arg, &site);
    }
    return r;
}

/* Rows to fn, at most `most`; *mark is behind the last. How many, or what went wrong. */
static int each_edited(struct query *q, struct site_mark *mark, unsigned most, store_site_fn *fn, void *arg,
                       struct err *err)
{
    int r = 0;
    unsigned n = 0;
    while (n < most && (r = query_step(q, err)) > 0) {
        struct site site;
        r = read_brief(q, &site, err);
        if (r == 0)
            r = fn(arg, &site);
        if (r != 0)
            return r;
        *mark = (struct site_mark){ site.change, site.id };
        n++;
    }
    return r < 0 ? r : (int)n;
}

/* The rest of the edit that the mark is in, then later ones: both are ranges of
 * the index on `change`, whose entries end with the id. */
int sql_next_briefs(struct store *base, struct site_mark *mark, unsigned most, store_site_fn *fn, void *arg,
                    struct err *err)
{
    struct site_mark at = *mark;
    int n = 0;
    if (at.id < INT64_MAX) {
        scoped(query) struct query q = { 0 };
        int r = query_new(&q, sql_of(base), Q_BRIEFS_EDIT, "read the sites",
                          "SELECT " BRIEF_COLUMNS
                          " FROM site INDEXED BY site_change WHERE change = ? AND id > ? ORDER BY id LIMIT ?",
                          err);
        if (r < 0)
            return r;
        query_put_int(&q, (int64_t)at.change);
        query_put_int(&q, (int64_t)at.id);
        query_put_int(&q, most);
        n = each_edited(&q, &at, most, fn, arg, err);
    }
    if (n >= 0 && (unsigned)n < most) {
        scoped(query) struct query q = { 0 };
        int r = query_new(&q, sql_of(base), Q_BRIEFS_SINCE, "read the sites",
                          "SELECT " BRIEF_COLUMNS
                          " FROM site INDEXED BY site_change WHERE change > ? ORDER BY change, id LIMIT ?",
                          err);
        if (r < 0)
            return r;
        query_put_int(&q, (int64_t)mark->change);
        query_put_int(&q, most - (unsigned)n);
        r = each_edited(&q, &at, most - (unsigned)n, fn, arg, err);
        n = r < 0 ? r : n + r;
    }
    if (n >= 0)
        *mark = at;
    return n;
}

/* What states may be behind is in the ledger (store_each_state); one statement, so
 * that nothing slips from there into the states between two. 71 is CAUSE_MISSED. */
int sql_each_last_slot(struct store *base, store_slot_fn *fn, void *arg, struct err *err)
{
    _Static_assert(CAUSE_MISSED == 71, "as the query has it");
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, sql_of(base), Q_LAST_SLOTS, "read the states",
                      "SELECT site_id, last_slot_us FROM state UNION ALL "
                      "SELECT site_id, slot_us FROM look WHERE slot_us >= (SELECT states_us FROM meta) "
                      "AND look = 0 AND cause <> 71",
                      err);
    while (r == 0 && (r = query_step(&q, err)) > 0)
        r = fn(arg, (uint64_t)query_int(&q, 0), query_int(&q, 1));
    return r;
}
