/* Packing: an hour's lines, which lie in the order of their slots, are gathered by
 * site and written as one row for each.
 *
 * What is gathered is held packed, in memory, up to a ceiling; so an hour is
 * walked several times, each time for a part of the sites, in the order of ids.
 * meta.packing_site says which have their row. When all have, meta.packed_us moves
 * on: from then on the hour is read from its rows, and its lines in the table are
 * deleted, in the order in which they lie. Both are slices of a fraction of a
 * second.
 *
 * Lines that arrive meanwhile: of a site that has its row already, they are added
 * to it; of one that is being gathered, they are noted and added when it has. */
#include "common/store/sql_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

#define DOING        "pack the ledger"
#define SLICE_LINES  "100000" /* walked in one call */
#define SLICE_DELETE "10000"
#define SLICE_ROWS   4000 /* written in one call */
#define FIRST_ROOM   192
#define OVERHEAD     48 /* of two allocations and a place in the hash table */

size_t sql_pack_bytes = 32u << 20;

struct gathered { /* one site */
    uint64_t site_id;
    uint8_t *bytes;
    uint32_t len, room, n;
    struct lines_before before;
    UT_hash_handle hh;
};

struct late { /* a line that the walk may have passed */
    uint64_t site_id;
    wall_us slot_us;
    uint32_t look, location_id;
};
#define MAX_LATE 4096 /* beyond it the walk begins again */

struct packing {
    wall_us begin_us;    /* of the hour */
    uint64_t first, end; /* sites of this walk: first <= id < end */
    wall_us at_us;       /* lines with earlier slots were walked */
    bool walked;
    size_t bytes;
    struct gathered *sites;
    struct late *late;
    size_t n_late;
};

static void drop(struct packing *p, struct gathered *g)
{
    p->bytes -= sizeof *g + g->room + OVERHEAD;
    HASH_DEL(p->sites, g);
    free(g->bytes);
    free(g);
}

void sql_forget_packing(struct sql *s)
{
    struct gathered *g, *next;
    if (!s->packing)
        return;
    HASH_ITER (hh, s->packing->sites, g, next)
        drop(s->packing, g);
    free(s->packing->late);
    free(s->packing);
    s->packing = NULL;
}

int sql_packing_line(struct sql *s, const struct marks *m, uint64_t site_id, const struct line *line,
                     struct err *err)
{
    bool added;
    if (site_id < m->packing_site)
        return sql_packed_add(s, site_id, line, &added, err);
    struct packing *p = s->packing;
    if (!p || site_id >= p->end)
        return 0;
    if (!p->late)
        p->late = calloc(MAX_LATE, sizeof *p->late);
    if (!p->late || p->n_late == MAX_LATE)
        sql_forget_packing(s);
    else
        p->late[p->n_late++] = (struct late){ site_id, line->slot_us, line->look, line->location_id };
    return 0;
}

/* ── Gathering ─────────────────────────────────────────────────────────── */

static struct gathered *site_of(struct packing *p, uint64_t id)
{
    struct gathered *g = NULL;
    HASH_FIND(hh, p->sites, &id, sizeof id, g);
    if (g)
        return g;
    g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->bytes = malloc(FIRST_ROOM);
    if (!g->bytes) {
        free(g);
        return NULL;
    }
    g->room = FIRST_ROOM;
    g->site_id = id;
    g->len = LINES_HEAD;
    lines_head(g->bytes);
    lines_begin(&g->before);
    HASH_ADD(hh, p->sites, site_id, sizeof g->site_id, g);
    p->bytes += sizeof *g + g->room + OVERHEAD;
    return g;
}

static int gather(struct packing *p, uint64_t site_id, const struct line *line)
{
    uint8_t bytes[LINES_MOST];
    struct gathered *g = site_of(p, site_id);
    if (!g)
        return -ENOMEM;
    uint32_t len = (uint32_t)lines_put(bytes, &g->before, line);
    if (g->len + len > g->room) {
        uint32_t room = g->room + g->room / 2 + len;
        uint8_t *larger = realloc(g->bytes, room);
        if (!larger)
            return -ENOMEM;
        p->bytes += room - g->room;
        g->bytes = larger;
        g->room = room;
    }
    memcpy(g->bytes + g->len, bytes, len);
    g->len += len;
    g->n++;
    return 0;
}

static int by_id(const struct gathered *a, const struct gathered *b)
{
    return (a->site_id > b->site_id) - (a->site_id < b->site_id);
}

/* Too much: the upper half is for another walk. */
static void narrow(struct packing *p)
{
    struct gathered *g, *next;
    unsigned i = 0, keep = (HASH_COUNT(p->sites) + 1) / 2;
    if (HASH_COUNT(p->sites) < 2)
        return;
    HASH_SORT(p->sites, by_id);
    HASH_ITER (hh, p->sites, g, next) {
        if (i == keep)
            p->end = g->site_id;
        if (i++ >= keep)
            drop(p, g);
    }
}

/* Where this slice ends: after so many lines, between two slots. */
static int slice_end(struct sql *s, const struct packing *p, wall_us *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    wall_us end_us = p->begin_us + US_PER_HOUR;
    int r = query_new(&q, s, Q_PACK_EDGE, DOING,
                      "SELECT slot_us FROM look WHERE slot_us >= ? AND slot_us < ? ORDER BY slot_us "
                      "LIMIT 1 OFFSET " SLICE_LINES,
                      err);
    if (r < 0)
        return r;
    query_put_int(&q, p->at_us);
    query_put_int(&q, end_us);
    r = query_number(&q, ret, err);
    if (r == -ENOENT) {
        *ret = end_us;
        return 0;
    }
    if (r == 0 && *ret == p->at_us)
        ++*ret;
    return r;
}

static int walk_slice(struct sql *s, struct packing *p, struct err *err)
{
    scoped(query) struct query q = { 0 };
    wall_us until_us = 0;
    int r = slice_end(s, p, &until_us, err);
    if (r == 0)
        r = query_new(&q, s, Q_PACK_LINES, DOING,
                      "SELECT " LOOK_COLUMNS " FROM look WHERE slot_us >= ? AND slot_us < ? AND "
                      "site_id >= ? AND site_id < ? ORDER BY slot_us, site_id, look, location_id",
                      err);
    if (r < 0)
        return r;
    query_put_int(&q, p->at_us);
    query_put_int(&q, until_us);
    query_put_int(&q, (int64_t)p->first);
    query_put_int(&q, (int64_t)p->end);
    while ((r = query_step(&q, err)) > 0) {
        struct line line;
        uint64_t site_id = (uint64_t)query_int(&q, 1);
        if (site_id >= p->end)
            continue; /* narrower than it was asked */
        query_line(&q, &line);
        if (gather(p, site_id, &line) < 0)
            return sql_out_of_memory(s, err);
        if (p->bytes > sql_pack_bytes)
            narrow(p);
    }
    p->at_us = until_us;
    p->walked = until_us >= p->begin_us + US_PER_HOUR;
    if (p->walked)
        HASH_SORT(p->sites, by_id);
    return r;
}

/* ── Writing ───────────────────────────────────────────────────────────── */

static int set_marks(struct sql *s, wall_us packed_us, uint64_t packing_site, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_PACK_SET, DOING, "UPDATE meta SET packed_us = ?, packing_site = ?", err);
    if (r < 0)
        return r;
    query_put_int(&q, packed_us);
    query_put_int(&q, (int64_t)packing_site);
    return query_run(&q, err);
}

/* What is in the table counts: the transaction that brought it may have been undone. */
static int add_late(struct sql *s, const struct late *late, struct err *err)
{
    scoped(query) struct query q = { 0 };
    struct line line;
    bool added;
    int r = query_new(&q, s, Q_PACK_LATE, DOING,
                      "SELECT " LOOK_COLUMNS " FROM look WHERE slot_us = ? AND site_id = ? AND look = ? AND "
                      "location_id = ?",
                      err);
    if (r < 0)
        return r;
    query_put_int(&q, late->slot_us);
    query_put_int(&q, (int64_t)late->site_id);
    query_put_int(&q, late->look);
    query_put_int(&q, late->location_id);
    r = query_step(&q, err);
    if (r <= 0)
        return r;
    query_line(&q, &line);
    return sql_packed_add(s, late->site_id, &line, &added, err);
}

/* Those of sites that have their row now. */
static int add_all_late(struct sql *s, struct packing *p, uint64_t done, struct err *err)
{
    size_t left = 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < p->n_late; i++) {
        if (p->late[i].site_id >= done)
            p->late[left++] = p->late[i];
        else
            r = add_late(s, &p->late[i], err);
    }
    p->n_late = left;
    return r;
}

/* A database that keeps count is told before the rows of this slice are written. */
static int count_rows(struct sql *s, const struct packing *p, struct err *err)
{
    unsigned n = 0;
    int64_t lines = 0;
    for (const struct gathered *g = p->sites; g && n++ < SLICE_ROWS; g = g->hh.next)
        lines += g->n;
    return s->driver->count_packed && lines
               ? s->driver->count_packed(s, p->begin_us / US_PER_HOUR, lines, err)
               : 0;
}

/* In one transaction: rows, and how far they go. */
static int write_rows(struct sql *s, struct packing *p, struct err *err)
{
    struct gathered *g, *next;
    unsigned n = 0;
    uint64_t done = p->end;
    int r = count_rows(s, p, err);
    HASH_ITER (hh, p->sites, g, next) {
        if (r < 0 || n++ >= SLICE_ROWS) {
            done = g->site_id;
            break;
        }
        r = sql_packed_put(s, p->begin_us / US_PER_HOUR, g->site_id, g->n, g->bytes, g->len, err);
        drop(p, g);
    }
    if (r == 0)
        r = add_all_late(s, p, done, err);
    if (r < 0)
        return r;
    bool all = !p->sites && p->end == INT64_MAX;
    return set_marks(s, p->begin_us + (all ? US_PER_HOUR : 0), all ? 0 : done, err);
}

static int write_slice(struct sql *s, struct err *err)
{
    struct packing *p = s->packing;
    int r = sql_begin(s, SQL_LEDGER, DOING, err);
    if (r == 0)
        r = sql_end(s, write_rows(s, p, err), DOING, err);
    if (r < 0 || (!p->sites && p->end == INT64_MAX))
        sql_forget_packing(s); /* the marks say where to begin again */
    else if (!p->sites) {
        uint64_t width = p->end - p->first;
        p->first = p->end;
        p->end = width < INT64_MAX - p->end ? p->end + width : INT64_MAX;
        p->at_us = p->begin_us;
        p->walked = false;
    }
    return r;
}

/* ── Slice by slice ────────────────────────────────────────────────────── */

static int begin_hour(struct sql *s, const struct marks *m, struct err *err)
{
    s->packing = calloc(1, sizeof *s->packing);
    if (!s->packing)
        return sql_out_of_memory(s, err);
    *s->packing = (struct packing){
        .begin_us = m->packed_us,
        .at_us = m->packed_us,
        .first = m->packing_site,
        .end = INT64_MAX,
    };
    return 0;
}

static int drop_lines(struct sql *s, wall_us before_us, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r =
        query_new(&q, s, Q_PACK_DROP, DOING,
                  s->driver->sqlite
                      ? "DELETE FROM look WHERE (slot_us, site_id, look, location_id) IN "
                        "(SELECT slot_us, site_id, look, location_id FROM look WHERE slot_us < ? "
                        "ORDER BY slot_us, site_id, look, location_id LIMIT " SLICE_DELETE ")"
                      : "DELETE FROM look WHERE ctid = ANY (ARRAY(SELECT ctid FROM look WHERE slot_us < ? "
                        "ORDER BY slot_us, site_id, look, location_id LIMIT " SLICE_DELETE "))",
                  err);
    if (r < 0)
        return r;
    query_put_int(&q, before_us);
    return query_run(&q, err);
}

static int first_slot(struct sql *s, wall_us *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_LOOK_OLDEST, "read the ledger",
                      "SELECT slot_us FROM look ORDER BY slot_us LIMIT 1", err);
    return r < 0 ? r : query_number(&q, ret, err);
}

/* In a transaction of its own. */
static int alone(struct sql *s, int (*what)(struct sql *, wall_us, struct err *), wall_us at, struct err *err)
{
    int r = sql_begin(s, SQL_LEDGER, DOING, err);
    return r < 0 ? r : sql_end(s, what(s, at, err), DOING, err);
}

static int skip_to(struct sql *s, wall_us at, struct err *err)
{
    return set_marks(s, at, 0, err);
}

static int pack_slice(struct sql *s, const struct marks *m, wall_us first_us, struct err *err)
{
    wall_us hour_us = first_us / US_PER_HOUR * US_PER_HOUR;
    if (s->packing && (s->packing->begin_us != m->packed_us || m->packing_site > s->packing->end))
        sql_forget_packing(s); /* another handle has been at it */
    if (first_us < m->packed_us)
        return alone(s, drop_lines, m->packed_us, err);
    if (hour_us > m->packed_us)
        return alone(s, skip_to, hour_us, err);
    if (!s->packing) {
        int r = begin_hour(s, m, err);
        if (r < 0)
            return r;
    }
    return s->packing->walked ? write_slice(s, err) : walk_slice(s, s->packing, err);
}

/* Days of roll-ups when no hour of lines is left to do. */
int sql_pack(struct store *base, wall_us until_us, bool *ret_more, struct err *err)
{
    struct sql *s = sql_of(base);
    struct marks m;
    wall_us first_us = 0;
    *ret_more = false;
    int r = sql_marks(s, &m, err);
    if (r < 0)
        return r;
    if (until_us > m.rolled_up_us)
        until_us = m.rolled_up_us;
    r = first_slot(s, &first_us, err);
    if (r == -ENOENT)
        return sql_pack_days(s, until_us, ret_more, err);
    if (r < 0)
        return r;
    wall_us lines_us = until_us < m.states_us ? until_us : m.states_us;
    wall_us begin_us = first_us < m.packed_us ? m.packed_us : first_us / US_PER_HOUR * US_PER_HOUR;
    if (first_us >= m.packed_us && begin_us + US_PER_HOUR > lines_us)
        return sql_pack_days(s, until_us, ret_more, err);
    r = pack_slice(s, &m, first_us, err);
    *ret_more = r == 0;
    return r;
}
