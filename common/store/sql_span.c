/* Lines that stand for many slots which nobody looked at.
 *
 * One line for each run is the rule of the ledger, and such a line must keep to
 * it: a coordinator that comes back after a crash reports a span without
 * knowing which of its slots' results are still on their way, or have arrived.
 * So a span is cut around the lines that are there, and what remains is written
 * as one line for each run of free slots. A result that comes later for a slot
 * inside finds it taken. */
#include "common/store/sql_inside.h"

#include <errno.h>

/* Spans on one grid never overlap; a few on others may lie between. */
#define SPANS_LOOKED_BACK "8"

int sql_span_see(struct sql *s, uint64_t site_id, int64_t location_id, wall_us slot_us, struct span_seen *ret,
                 struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_SPAN_AT, "read the ledger",
                      "SELECT slot_us, last_us, every_us FROM missed_span WHERE site_id = ? AND "
                      "location_id = ? AND slot_us <= ? ORDER BY slot_us DESC LIMIT " SPANS_LOOKED_BACK,
                      err);
    if (r < 0)
        return r;
    query_put_int(&q, (int64_t)site_id);
    query_put_int(&q, location_id);
    query_put_int(&q, slot_us);

    *ret = (struct span_seen){ .until_us = WALL_NEVER };
    while ((r = query_step(&q, err)) > 0) {
        wall_us last_us = query_int(&q, 1);
        int64_t every_us = query_int(&q, 2);
        if (last_us < slot_us)
            continue;
        if ((slot_us - query_int(&q, 0)) % every_us == 0) {
            *ret = (struct span_seen){ .covered = true, .every_us = every_us, .until_us = last_us };
            return 0;
        }
        ret->until_us = slot_us;
    }
    return r;
}

int sql_span_add(struct sql *s, uint64_t site_id, int64_t location_id, const struct span_part *part,
                 struct err *err)
{
    wall_us last_us = part->slot_us + (int64_t)(part->n - 1) * part->every_us;
    scoped(query) struct query q = { 0 };
    scoped(query) struct query until = { 0 };
    int r = query_new(&q, s, Q_SPAN_ADD, "record",
                      "INSERT INTO missed_span (site_id, location_id, slot_us, last_us, every_us) "
                      "VALUES (?, ?, ?, ?, ?)",
                      err);
    if (r == 0)
        r = query_new(&until, s, Q_SPAN_UNTIL_SET, "record",
                      "UPDATE meta SET spans_until_us = ?1 WHERE spans_until_us < ?1", err);
    if (r < 0)
        return r;
    query_put_int(&q, (int64_t)site_id);
    query_put_int(&q, location_id);
    query_put_int(&q, part->slot_us);
    query_put_int(&q, last_us);
    query_put_int(&q, part->every_us);
    r = query_send(&q, err);
    if (r < 0)
        return r;
    query_put_int(&until, last_us);
    return query_send(&until, err);
}

/* The interval of the grid that the slot is on, 0 for none. A slot may be on
 * several: then it is the one that the site had at that time. */
static int grid_of(struct sql *s, uint64_t site_id, wall_us slot_us, int64_t *ret, struct err *err)
{
    struct grids g;
    int r = sql_grids(s, site_id, &g, err);
    *ret = 0;
    for (size_t i = 0; r == 0 && i < g.n && i < SQL_MAX_GRIDS; i++) /* the present one first */
        if (grid_has(&g.grid[i], site_id, slot_us) && (*ret == 0 || g.grid[i].until_us > slot_us))
            *ret = g.grid[i].every_us;
    return r;
}

static int ask_number(struct query *q, const struct run *run, int64_t location_id, wall_us slot_us,
                      bool by_run, int64_t *ret, struct err *err)
{
    query_put_int(q, slot_us);
    if (by_run) {
        query_put_int(q, (int64_t)run->site_id);
        query_put_int(q, location_id);
    }
    return query_number(q, ret, err);
}

/* The same where hours are packed: without lines of its own in one, all of it is free. */
static int see_packed(struct sql *s, const struct run *run, int64_t location_id, wall_us slot_us,
                      struct span_seen *ret, struct err *err)
{
    scoped(packed) struct packed p = { 0 };
    int64_t hour = slot_us / US_PER_HOUR;
    wall_us end_us = (hour + 1) * US_PER_HOUR - 1;
    int r = sql_packed_get(s, hour, run->site_id, &p, err);
    if (r < 0)
        return r;
    if (packed_has(&p, slot_us, 0, location_id))
        *ret = (struct span_seen){ .covered = true, .until_us = slot_us };
    else if (p.n)
        ret->until_us = slot_us;
    else if (end_us < ret->until_us)
        ret->until_us = end_us;
    return 0;
}

/* Whether this slot has a line, and until when (at least the slot itself) that
 * is so for the slots behind it. */
static int see_slot(struct sql *s, const struct run *run, int64_t location_id, wall_us slot_us,
                    wall_us packed_us, struct span_seen *ret, struct err *err)
{
    int64_t next = 0;
    int r = sql_span_see(s, run->site_id, location_id, slot_us, ret, err);
    if (r < 0 || ret->covered)
        return r;
    if (slot_us < packed_us)
        return see_packed(s, run, location_id, slot_us, ret, err);

    scoped(query) struct query is = { 0 };
    r = query_new(&is, s, Q_LOOK_IS, "read the ledger",
                  "SELECT 1 FROM look WHERE slot_us = ? AND site_id = ? AND look = 0 AND location_id = ?",
                  err);
    if (r == 0)
        r = ask_number(&is, run, location_id, slot_us, true, &next, err);
    if (r == 0) {
        *ret = (struct span_seen){ .covered = true, .until_us = slot_us };
        return 0;
    }
    if (r != -ENOENT)
        return r;

    /* Nothing can be in the way before the next line of anybody, or the next span of its own. */
    scoped(query) struct query line = { 0 };
    r = query_new(&line, s, Q_LOOK_NEXT, "read the ledger",
                  "SELECT slot_us FROM look WHERE slot_us > ? ORDER BY slot_us LIMIT 1", err);
    if (r == 0)
        r = ask_number(&line, run, location_id, slot_us, false, &next, err);
    if (r == 0 && next - 1 < ret->until_us)
        ret->until_us = next - 1;
    return r == -ENOENT ? 0 : r;
}

int sql_span_parts(struct sql *s, const struct result *res, int64_t location_id, span_part_fn *fn, void *arg,
                   struct err *err)
{
    struct span_part part = { .slot_us = res->run.slot_us, .n = res->span };
    struct marks marks;
    int r = sql_marks(s, &marks, err);
    if (r == 0)
        r = grid_of(s, res->run.site_id, part.slot_us, &part.every_us, err);
    if (r < 0)
        return r;
    if (part.every_us == 0) /* nobody can tell which slots are meant */
        return fn(arg, &part, err);

    wall_us last_us = part.slot_us + (int64_t)(part.n - 1) * part.every_us;
    part.n = 0;
    for (wall_us at = part.slot_us; at <= last_us;) {
        struct span_seen seen;
        r = see_slot(s, &res->run, location_id, at, marks.packed_us, &seen, err);
        if (r < 0)
            return r;
        wall_us until_us = seen.until_us < last_us ? seen.until_us : last_us;
        /* A span on another grid says nothing of the slots between its own. */
        if (seen.covered && seen.every_us != part.every_us)
            until_us = at;
        uint32_t n = (uint32_t)((until_us - at) / part.every_us) + 1;
        if (!seen.covered) {
            if (part.n == 0)
                part.slot_us = at;
            part.n += n;
        } else if (part.n) {
            r = fn(arg, &part, err);
            if (r < 0)
                return r;
            part.n = 0;
        }
        at += n * part.every_us;
    }
    return part.n ? fn(arg, &part, err) : 0;
}
