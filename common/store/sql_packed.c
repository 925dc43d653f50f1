/* Hours that are packed: one row with all lines of a site in an hour. */
#include "common/store/sql_inside.h"

#include "common/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DOING     "read the ledger"
#define WINDOW_US (60 * US_PER_S) /* of all sites' lines so much is held in memory at once */

void packed_done(struct packed *p)
{
    free(p->line);
    free(p->bytes);
    *p = (struct packed){ 0 };
}

static int add(struct sql *s, struct packed *p, const struct line *line, struct err *err)
{
    if (array_room(p->line, p->n, p->room) < 0)
        return sql_out_of_memory(s, err);
    p->line[p->n++] = *line;
    return 0;
}

static int damaged(const struct sql *s, int64_t hour, uint64_t site_id, struct err *err)
{
    return err_set(err, -EIO, "%s: the lines of site %llu in hour %lld are damaged", s->name,
                   (unsigned long long)site_id, (long long)hour);
}

static int unpack(struct sql *s, struct packed *p, int64_t hour, uint64_t site_id, size_t len,
                  struct err *err)
{
    struct lines_cursor c;
    struct line line;
    int r = lines_open(&c, p->bytes, len);
    while (r == 0 && (r = lines_next(&c, &line)) > 0)
        r = add(s, p, &line, err);
    return r == -EBADMSG ? damaged(s, hour, site_id, err) : r;
}

static int copy_bytes(const struct query *q, int column, uint8_t **ret, size_t *ret_len, struct err *err)
{
    const void *bytes = query_bytes(q, column, ret_len);
    *ret = malloc(*ret_len + 1);
    if (!*ret)
        return sql_out_of_memory(q->s, err);
    if (*ret_len)
        memcpy(*ret, bytes, *ret_len);
    return 0;
}

int sql_packed_get(struct sql *s, int64_t hour, uint64_t site_id, struct packed *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    size_t len = 0;
    int r = query_new(&q, s, Q_PACKED_GET, DOING, "SELECT lines FROM history WHERE hour = ? AND site_id = ?",
                      err);
    if (r < 0)
        return r;
    query_put_int(&q, hour);
    query_put_int(&q, (int64_t)site_id);
    packed_done(ret);
    r = query_step(&q, err);
    if (r <= 0)
        return r;
    r = copy_bytes(&q, 0, &ret->bytes, &len, err);
    return r < 0 ? r : unpack(s, ret, hour, site_id, len, err);
}

int sql_packed_put(struct sql *s, int64_t hour, uint64_t site_id, size_t n, const void *bytes, size_t len,
                   struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_PACKED_PUT, "pack the ledger",
                      "INSERT INTO history (hour, site_id, n, lines) VALUES (?, ?, ?, ?) "
                      "ON CONFLICT (hour, site_id) DO UPDATE SET n = excluded.n, lines = excluded.lines",
                      err);
    if (r < 0)
        return r;
    query_put_int(&q, hour);
    query_put_int(&q, (int64_t)site_id);
    query_put_int(&q, (int64_t)n);
    query_put_bytes(&q, bytes, len);
    return query_send(&q, err);
}

bool packed_has(const struct packed *p, wall_us slot_us, uint32_t look, int64_t location_id)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->line[i].slot_us == slot_us && p->line[i].look == look && p->line[i].location_id == location_id)
            return true;
    return false;
}

static int compare(const void *a, const void *b)
{
    return lines_compare(a, b);
}

static int pack_again(struct sql *s, int64_t hour, uint64_t site_id, struct packed *p, struct err *err)
{
    struct lines_before before;
    uint8_t *bytes = malloc(LINES_HEAD + p->n * LINES_MOST);
    size_t len = LINES_HEAD;
    if (!bytes)
        return sql_out_of_memory(s, err);
    lines_head(bytes);
    lines_begin(&before);
    for (size_t i = 0; i < p->n; i++)
        len += lines_put(bytes + len, &before, &p->line[i]);
    int r = sql_packed_put(s, hour, site_id, p->n, bytes, len, err);
    free(bytes);
    return r;
}

int sql_packed_add(struct sql *s, uint64_t site_id, const struct line *line, bool *ret_added, struct err *err)
{
    scoped(packed) struct packed p = { 0 };
    int64_t hour = line->slot_us / US_PER_HOUR;
    int r = sql_packed_get(s, hour, site_id, &p, err);
    *ret_added = r == 0 && !packed_has(&p, line->slot_us, line->look, line->location_id);
    if (!*ret_added)
        return r;
    r = add(s, &p, line, err);
    if (r < 0)
        return r;
    qsort(p.line, p.n, sizeof *p.line, compare);
    if (s->driver->count_packed)
        r = s->driver->count_packed(s, hour, 1, err);
    return r < 0 ? r : pack_again(s, hour, site_id, &p, err);
}

/* ── Reading ───────────────────────────────────────────────────────────── */

struct walk {
    struct sql *s;
    wall_us from_us, to_us;
    size_t *left;
    store_result_fn *fn;
    void *arg;
};

static int tell(struct walk *w, uint64_t site_id, const struct line *line, struct err *err)
{
    struct result res;
    int r = sql_result_of(w->s, site_id, line, &res, err);
    (*w->left)--;
    return r < 0 ? r : w->fn(w->arg, &res);
}

/* Newest slot first, and each slot's looks in order. */
static int tell_hour(struct walk *w, uint64_t site_id, const struct packed *p, struct err *err)
{
    int r = 0;
    for (size_t end = p->n; r == 0 && end > 0;) {
        size_t first = end - 1;
        wall_us slot_us = p->line[first].slot_us;
        while (first > 0 && p->line[first - 1].slot_us == slot_us)
            first--;
        for (size_t i = first; r == 0 && i < end && *w->left; i++)
            if (slot_us >= w->from_us && slot_us < w->to_us)
                r = tell(w, site_id, &p->line[i], err);
        end = first;
    }
    return r;
}

struct of_site {
    uint64_t site_id;
    struct line line;
};
struct window {
    struct of_site *at;
    size_t n, room;
    uint8_t **bytes; /* of the rows that lines were taken from */
    size_t n_bytes, room_bytes;
};

static void window_done(struct window *w)
{
    for (size_t i = 0; i < w->n_bytes; i++)
        free(w->bytes[i]);
    free(w->bytes);
    free(w->at);
}

/* Newest slot first, then by site, look, location. */
static int compare_in_window(const void *a, const void *b)
{
    const struct of_site *x = a, *y = b;
    if (x->line.slot_us != y->line.slot_us)
        return x->line.slot_us > y->line.slot_us ? -1 : 1;
    if (x->site_id != y->site_id)
        return x->site_id < y->site_id ? -1 : 1;
    return lines_compare(&x->line, &y->line);
}

static int take_row(struct window *win, const struct query *q, int64_t hour, wall_us from_us, wall_us to_us,
                    struct err *err)
{
    uint64_t site_id = (uint64_t)query_int(q, 0);
    struct lines_cursor c;
    struct line line;
    size_t len = 0, before = win->n;
    uint8_t *bytes = NULL;
    int r = copy_bytes(q, 1, &bytes, &len, err);
    if (r == 0)
        r = lines_open(&c, bytes, len);
    while (r == 0 && (r = lines_next(&c, &line)) > 0) {
        r = 0;
        if (line.slot_us < from_us || line.slot_us >= to_us)
            continue;
        if (array_room(win->at, win->n, win->room) < 0)
            r = sql_out_of_memory(q->s, err);
        else
            win->at[win->n++] = (struct of_site){ site_id, line };
    }
    if (r == -EBADMSG)
        r = damaged(q->s, hour, site_id, err);
    if (r == 0 && win->n > before && array_room(win->bytes, win->n_bytes, win->room_bytes) < 0)
        r = sql_out_of_memory(q->s, err);
    if (r == 0 && win->n > before)
        win->bytes[win->n_bytes++] = bytes;
    else
        free(bytes);
    return r;
}

static int tell_window(struct walk *w, int64_t hour, wall_us from_us, wall_us to_us, struct err *err)
{
    scoped(query) struct query q = { 0 };
    struct window win = { 0 };
    int r =
        query_new(&q, w->s, Q_PACKED_HOUR, DOING, "SELECT site_id, lines FROM history WHERE hour = ?", err);
    if (r < 0)
        return r;
    query_put_int(&q, hour);
    while ((r = query_step(&q, err)) > 0 && (r = take_row(&win, &q, hour, from_us, to_us, err)) == 0)
        continue;
    if (r == 0 && win.n)
        qsort(win.at, win.n, sizeof *win.at, compare_in_window);
    for (size_t i = 0; r == 0 && i < win.n && *w->left; i++)
        r = tell(w, win.at[i].site_id, &win.at[i].line, err);
    window_done(&win);
    return r;
}

/* Of all sites: a minute at a time, so that an hour of a million sites need not be in memory. */
static int tell_all(struct walk *w, int64_t hour, struct err *err)
{
    wall_us begin_us = hour * US_PER_HOUR;
    int r = 0;
    for (wall_us at = begin_us + US_PER_HOUR; r == 0 && *w->left && at > begin_us; at -= WINDOW_US) {
        wall_us from_us = at - WINDOW_US > w->from_us ? at - WINDOW_US : w->from_us;
        wall_us to_us = at < w->to_us ? at : w->to_us;
        if (from_us < to_us)
            r = tell_window(w, hour, from_us, to_us, err);
    }
    return r;
}

/* The newest hour before that one which has rows; -ENOENT. */
static int hour_before(struct sql *s, int64_t before, int64_t *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_PACKED_BEFORE, DOING,
                      "SELECT hour FROM history WHERE hour < ? ORDER BY hour DESC LIMIT 1", err);
    if (r < 0)
        return r;
    query_put_int(&q, before);
    return query_number(&q, ret, err);
}

int sql_each_packed(struct sql *s, uint64_t site_id, wall_us from_us, wall_us to_us, size_t *left,
                    store_result_fn *fn, void *arg, struct err *err)
{
    struct walk w = { s, from_us, to_us, left, fn, arg };
    int64_t hour = (to_us - 1) / US_PER_HOUR + 1;
    int r = 0;
    while (r == 0 && *left) {
        scoped(packed) struct packed p = { 0 };
        r = hour_before(s, hour, &hour, err);
        if (r == -ENOENT || (r == 0 && (hour + 1) * US_PER_HOUR <= from_us))
            return 0;
        if (r == 0 && site_id == 0)
            r = tell_all(&w, hour, err);
        else if (r == 0)
            r = sql_packed_get(s, hour, site_id, &p, err);
        if (r == 0)
            r = tell_hour(&w, site_id, &p, err);
    }
    return r;
}
