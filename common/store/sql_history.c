/* Roll-ups and forgetting.
 *
 * meta.rolled_up_us divides the ledger: every line with an earlier slot is in
 * the roll-ups, no other is. Rolling up moves the mark and adds what it passes,
 * in one transaction; recording adds what arrives behind it, in the transaction
 * that inserts the line. meta.pruned_us likewise divides what is forgotten from
 * what is kept: what arrives behind it counts as repeated, because nobody can
 * tell any more whether it was counted. */
#include "common/store/sql_inside.h"

#include <errno.h>

#define SLICE_US    (60 * US_PER_S)
#define SLICE_LINES 10000 /* or so many rows of work: a call is for a fraction of a second */

static int add_hour(struct sql *s, uint64_t site_id, const struct hour *h, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_ROLL_ADD, "roll up",
                      "INSERT INTO rollup (hour, site_id, location_id, up, down, unknown, took_sum_us, "
                      "took_min_us, took_max_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
                      "ON CONFLICT (hour, site_id, location_id) DO UPDATE SET "
                      "took_min_us = CASE WHEN excluded.up = 0 OR "
                      "(rollup.up > 0 AND rollup.took_min_us < excluded.took_min_us) "
                      "THEN rollup.took_min_us ELSE excluded.took_min_us END, "
                      "took_max_us = CASE WHEN rollup.took_max_us > excluded.took_max_us "
                      "THEN rollup.took_max_us ELSE excluded.took_max_us END, "
                      "took_sum_us = rollup.took_sum_us + excluded.took_sum_us, "
                      "up = rollup.up + excluded.up, down = rollup.down + excluded.down, "
                      "unknown = rollup.unknown + excluded.unknown",
                      err);
    if (r < 0)
        return r;
    query_put_int(&q, h->hour);
    query_put_int(&q, (int64_t)site_id);
    query_put_int(&q, h->location_id);
    query_put_int(&q, h->up);
    query_put_int(&q, h->down);
    query_put_int(&q, h->unknown);
    query_put_int(&q, (int64_t)h->took_sum_us);
    query_put_int(&q, h->took_min_us);
    query_put_int(&q, h->took_max_us);
    return query_send(&q, err);
}

/* What n slots of a line are in their hour. */
static struct hour hour_of(const struct roll_line *line, int64_t hour, uint32_t n)
{
    bool up = line->verdict == VERDICT_UP;
    return (struct hour){
        .hour = hour,
        .location_id = (uint32_t)line->location_id,
        .up = up ? n : 0,
        .down = line->verdict == VERDICT_DOWN ? n : 0,
        .unknown = line->verdict == VERDICT_UNKNOWN ? n : 0,
        .took_sum_us = up ? (uint64_t)line->took_us * n : 0,
        .took_min_us = up ? line->took_us : 0,
        .took_max_us = up ? line->took_us : 0,
    };
}

int sql_roll_up_line(struct sql *s, const struct marks *m, const struct roll_line *line, size_t *work,
                     struct err *err)
{
    wall_us at = line->slots.slot_us;
    int64_t every_us = line->slots.every_us;
    uint32_t left = line->slots.n ? line->slots.n : 1;
    int r = 0;

    while (r == 0 && left) {
        int64_t hour = at / US_PER_HOUR;
        /* Slots whose distance is not known are all counted where they begin. */
        uint32_t n = left;
        if (left > 1 && every_us) {
            int64_t here = ((hour + 1) * US_PER_HOUR - 1 - at) / every_us + 1;
            n = here < left ? (uint32_t)here : left;
        }
        struct hour more = hour_of(line, hour, n);
        r = sql_day_is_packed(m, hour / 24, line->site_id) ? sql_day_add(s, line->site_id, &more, err)
                                                           : add_hour(s, line->site_id, &more, err);
        (*work)++;
        left -= n;
        at += n * every_us;
    }
    return r;
}

/* ── Rolling up ────────────────────────────────────────────────────────── */

/* The first slot at or after `from_us`; -ENOENT. */
static int next_slot(struct sql *s, wall_us from_us, wall_us *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_LOOK_NEXT, "read the ledger",
                      "SELECT slot_us FROM look WHERE slot_us > ? ORDER BY slot_us LIMIT 1", err);
    if (r < 0)
        return r;
    query_put_int(&q, from_us - 1);
    return query_number(&q, ret, err);
}

static int read_line(const struct query *q, struct roll_line *ret, struct err *err)
{
    *ret = (struct roll_line){
        .slots = {.slot_us = query_int(q, 0), .n = (uint32_t)query_int(q, 3)},
        .site_id = (uint64_t)query_int(q, 1),
        .location_id = query_int(q, 2),
        .verdict = (enum verdict)query_int(q, 4),
        .took_us = (uint32_t)query_int(q, 5),
    };
    if (ret->slots.n <= 1)
        return 0;
    struct span_seen seen;
    int r = sql_span_see(q->s, ret->site_id, ret->location_id, ret->slots.slot_us, &seen, err);
    if (r == 0)
        ret->slots.every_us = seen.covered ? seen.every_us : 0;
    return r;
}

/* The lines from one mark up to the other. Ends early, between two slots, after
 * enough work; *end_us is then where. */
static int roll_slice(struct sql *s, const struct marks *m, wall_us from_us, wall_us *end_us, struct err *err)
{
    scoped(query) struct query q = { 0 };
    size_t work = 0;
    wall_us last_us = from_us;
    int r = query_new(&q, s, Q_ROLL_LINES, "roll up",
                      "SELECT slot_us, site_id, location_id, span, verdict, took_us FROM look "
                      "WHERE slot_us >= ? AND slot_us < ? AND look = 0 ORDER BY slot_us",
                      err);
    if (r < 0)
        return r;
    query_put_int(&q, from_us);
    query_put_int(&q, *end_us);
    while ((r = query_step(&q, err)) > 0) {
        struct roll_line line;
        if (work >= SLICE_LINES && query_int(&q, 0) != last_us) {
            *end_us = query_int(&q, 0);
            return 0;
        }
        r = read_line(&q, &line, err);
        if (r == 0)
            r = sql_roll_up_line(s, m, &line, &work, err);
        if (r < 0)
            return r;
        last_us = line.slots.slot_us;
    }
    return r;
}

static int set_rolled(struct sql *s, wall_us at, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_ROLLED_SET, "roll up", "UPDATE meta SET rolled_up_us = ?", err);
    if (r < 0)
        return r;
    query_put_int(&q, at);
    return query_run(&q, err);
}

static int roll_one(struct sql *s, wall_us until_us, bool *ret_more, struct err *err)
{
    struct marks marks;
    wall_us first_us = 0, next_us = 0;
    int r = sql_marks(s, &marks, err);
    if (r < 0 || marks.rolled_up_us >= until_us)
        return r;

    wall_us end_us = until_us;
    r = next_slot(s, marks.rolled_up_us, &first_us, err);
    if (r == 0 && first_us < until_us) {
        if (first_us + SLICE_US < end_us)
            end_us = first_us + SLICE_US;
        r = roll_slice(s, &marks, first_us, &end_us, err);
        if (r == 0)
            r = next_slot(s, end_us, &next_us, err);
        *ret_more = r == 0 && next_us < until_us;
        if (!*ret_more)
            end_us = until_us;
    }
    return r < 0 && r != -ENOENT ? r : set_rolled(s, end_us, err);
}

int sql_roll_up(struct store *base, wall_us until_us, bool *ret_more, struct err *err)
{
    struct sql *s = sql_of(base);
    struct marks marks;
    bool more = false;
    int r = sql_marks(s, &marks, err);
    if (r == 0 && marks.rolled_up_us < until_us) { /* otherwise not worth a lock */
        r = sql_begin(s, SQL_LEDGER, "roll up", err);
        if (r < 0)
            return r;
        r = roll_one(s, until_us, &more, err);
        r = sql_end(s, r, "roll up", err);
    }
    if (r == 0)
        *ret_more = more;
    return r;
}

/* ── Forgetting ────────────────────────────────────────────────────────── */

/* How many rows that wrote, or what went wrong. */
static int64_t run_numbers(struct sql *s, enum query_id id, const char *sql, const int64_t *v, unsigned n,
                           struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, id, "forget", sql, err);
    if (r < 0)
        return r;
    for (unsigned i = 0; i < n; i++)
        query_put_int(&q, v[i]);
    r = query_run(&q, err);
    return r < 0 ? r : q.changed;
}
#define RUN(s, id, sql, err, ...) \
    run_numbers(s, id, sql, (const int64_t[]){ __VA_ARGS__ }, sizeof((int64_t[]){ __VA_ARGS__ }) / 8, err)

static int forget_until(struct sql *s, int64_t gone, wall_us pruned_us, struct err *err)
{
    int64_t r = RUN(s, Q_PRUNE_SET,
                    "UPDATE meta SET looks = looks - ?1, "
                    "pruned_us = CASE WHEN pruned_us < ?2 THEN ?2 ELSE pruned_us END",
                    err, gone, pruned_us);
    return r < 0 ? (int)r : 0;
}

/* Whether there is a line before `before_us`, and its slot. */
static int has_line(struct sql *s, wall_us before_us, bool *ret, wall_us *ret_slot_us, struct err *err)
{
    int r = next_slot(s, INT64_MIN + 1, ret_slot_us, err);
    *ret = r == 0 && *ret_slot_us < before_us;
    return r == -ENOENT ? 0 : r;
}

/* Whether a packed hour is over before that. */
static int has_packed(struct sql *s, wall_us before_us, bool *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int64_t hour = 0;
    int r =
        query_new(&q, s, Q_PACKED_OLDEST, "forget", "SELECT hour FROM history ORDER BY hour LIMIT 1", err);
    if (r == 0)
        r = query_number(&q, &hour, err);
    *ret = r == 0 && (hour + 1) * US_PER_HOUR <= before_us;
    return r == -ENOENT ? 0 : r;
}

/* Packed ones are forgotten by the day. */
static int has_rollup(struct sql *s, int64_t before_hour, bool *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int64_t n = 0;
    int r = query_new(&q, s, Q_PRUNE_HAS, "forget",
                      "SELECT EXISTS (SELECT 1 FROM rollup WHERE hour < ?1) OR "
                      "EXISTS (SELECT 1 FROM rollup_day WHERE day < ?1 / 24)",
                      err);
    if (r < 0)
        return r;
    query_put_int(&q, before_hour);
    r = query_number(&q, &n, err);
    *ret = r == 0 && n;
    return r;
}

#define LOOK_KEY   "slot_us, site_id, look, location_id"
#define ROLLUP_KEY "hour, site_id, location_id"
/* The first so many rows of a table in the order of its key. Where rows have an address, by that. */
#define FIRST_BY_KEY(table, key, where)                                                                     \
    "DELETE FROM " table " WHERE (" key ") IN (SELECT " key " FROM " table " WHERE " where " ORDER BY " key \
    " LIMIT ?)"
#define FIRST_BY_ADDRESS(table, key, where)                                                                  \
    "DELETE FROM " table " WHERE ctid = ANY (ARRAY(SELECT ctid FROM " table " WHERE " where " ORDER BY " key \
    " LIMIT ?))"

static int prune_looks(struct sql *s, wall_us before_us, int64_t max, bool *ret_more, struct err *err)
{
    wall_us oldest_us = 0;
    int64_t gone = RUN(s, Q_PRUNE_LOOKS,
                       s->driver->sqlite ? FIRST_BY_KEY("look", LOOK_KEY, "slot_us < ?")
                                         : FIRST_BY_ADDRESS("look", LOOK_KEY, "slot_us < ?"),
                       err, before_us, max);
    int64_t r = gone < 0 ? gone : has_line(s, before_us, ret_more, &oldest_us, err);
    wall_us pruned_us = *ret_more ? oldest_us : before_us;
    if (r >= 0)
        r = RUN(s, Q_PRUNE_SPANS, "DELETE FROM missed_span WHERE slot_us < ?", err, pruned_us);
    if (r >= 0)
        r = RUN(s, Q_PRUNE_GRIDS, "DELETE FROM former_grid WHERE until_us < ?", err, pruned_us - US_PER_DAY);
    if (r >= 0) /* the last: an edit, too, takes grids first and the numbers then */
        r = forget_until(s, gone, pruned_us, err);
    return r < 0 ? (int)r : 0;
}

/* As many rows of hours before that as hold `max` lines, which of them is the last, and
 * whether there are others. A row is a dozen lines or more. */
static int count_packed(struct sql *s, int64_t before_hour, int64_t max, int64_t *ret_lines,
                        int64_t ret_last[2], bool *ret_more, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r =
        query_new(&q, s, Q_PACKED_COUNT, "forget",
                  "SELECT hour, site_id, n FROM history WHERE hour < ? ORDER BY hour, site_id LIMIT ?", err);
    if (r < 0)
        return r;
    query_put_int(&q, before_hour);
    query_put_int(&q, max < INT64_MAX ? max + 1 : max);
    while ((r = query_step(&q, err)) > 0 && *ret_lines < max) {
        ret_last[0] = query_int(&q, 0);
        ret_last[1] = query_int(&q, 1);
        *ret_lines += query_int(&q, 2);
    }
    *ret_more = r > 0;
    return r < 0 ? r : 0;
}

/* Rows of hours that are over before that; *ret_more: there are others. */
static int prune_packed(struct sql *s, wall_us before_us, int64_t max, bool *ret_more, struct err *err)
{
    int64_t last[2] = { 0 }, lines = 0, hour = before_us / US_PER_HOUR;
    int64_t r = s->driver->drop_packed ? s->driver->drop_packed(s, hour, &lines, &last[0], err) : -ENOENT;
    if (r == 0) {
        *ret_more = true; /* of the next day, or of a part of one */
        return forget_until(s, lines, last[0] * US_PER_HOUR, err);
    }
    if (r == -ENOENT)
        r = count_packed(s, hour, max, &lines, last, ret_more, err);
    if (r < 0 || lines == 0)
        return (int)r;
    r = RUN(s, Q_PRUNE_PACKED, "DELETE FROM history WHERE (hour, site_id) <= (?, ?)", err, last[0], last[1]);
    if (r >= 0 && s->driver->count_packed)
        r = s->driver->count_packed(s, last[0], -lines, err);
    /* Of an hour that is gone in part nobody can tell what was there. */
    return r < 0 ? (int)r : forget_until(s, lines, (last[0] + 1) * US_PER_HOUR, err);
}

static int prune_rollups(struct sql *s, int64_t before_hour, int64_t max, bool *ret_more, struct err *err)
{
    int64_t r = RUN(s, Q_PRUNE_ROLLUPS,
                    s->driver->sqlite ? FIRST_BY_KEY("rollup", ROLLUP_KEY, "hour < ?")
                                      : FIRST_BY_ADDRESS("rollup", ROLLUP_KEY, "hour < ?"),
                    err, before_hour, max);
    if (r >= 0)
        r = sql_prune_days(s, before_hour / 24, max, err);
    return r < 0 ? (int)r : has_rollup(s, before_hour, ret_more, err);
}

int sql_prune(struct store *base, wall_us results_us, wall_us rollups_us, size_t max, bool *ret_more,
              struct err *err)
{
    struct sql *s = sql_of(base);
    struct marks marks;
    bool looks = false, rollups = false;
    wall_us oldest_us = 0;
    int64_t before_hour = hour_at_or_after(rollups_us);
    int64_t most = max < INT64_MAX ? (int64_t)max : INT64_MAX;
    bool packed = false;
    int r = sql_marks(s, &marks, err);
    wall_us before_us = r == 0 && marks.rolled_up_us < results_us ? marks.rolled_up_us : results_us;
    wall_us packed_before_us = before_us < marks.packed_us ? before_us : marks.packed_us;
    if (r == 0)
        r = has_packed(s, packed_before_us, &packed, err);
    if (r == 0)
        r = has_line(s, before_us, &looks, &oldest_us, err);
    /* First what is older; and lines that are packed are not counted twice: see sql_pack. */
    if (packed || oldest_us < marks.packed_us)
        looks = false;
    if (r == 0)
        r = has_rollup(s, before_hour, &rollups, err);
    bool again = packed;
    if (r == 0 && (packed || looks || rollups)) { /* otherwise not worth a lock */
        r = sql_begin(s, SQL_LEDGER, "forget", err);
        if (r < 0)
            return r;
        if (packed)
            r = prune_packed(s, packed_before_us, most, &packed, err);
        if (r == 0 && looks)
            r = prune_looks(s, before_us, most, &looks, err);
        if (r == 0 && rollups)
            r = prune_rollups(s, before_hour, most, &rollups, err);
        r = sql_end(s, r, "forget", err);
    }
    if (r == 0)
        *ret_more = again || looks || rollups;
    return r;
}
