/* Lines of the ledger as rows and back, and finding those of one site.
 *
 * The key begins with the slot, so that a site's lines lie far apart: in a store
 * of a million sites, a million lines lie between two of them. But the slots of
 * a site are known: they are on the grids of the intervals that it has or had,
 * but for its first round, which came early. So the newest few thousand lines of the range are scanned,
 * whatever they are, and where that did not reach its other end the grids' slots are looked up one by one. */
#include "common/store/sql_inside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SCANNED_LINES "10000"

/* A site's lines may be older than the site by as much: clocks are set. */
#define CLOCK_DOUBT_US US_PER_DAY

/* Its 4 or 16 bytes; 0 when it is not the usual spelling of a plain address. */
static int address_bytes(const char *address, unsigned char bytes[16])
{
    char back[ADDRESS_SIZE];
    if (inet_pton(AF_INET, address, bytes) == 1) /* has only one spelling */
        return 4;
    if (inet_pton(AF_INET6, address, bytes) == 1 && inet_ntop(AF_INET6, bytes, back, sizeof back) &&
        strcmp(address, back) == 0)
        return 16;
    return 0;
}

size_t sql_address_bytes(const char *address, void *to, bool *ret_text)
{
    size_t len = *address ? (size_t)address_bytes(address, to) : 0;
    *ret_text = *address && !len;
    if (!*ret_text)
        return len;
    len = strnlen(address, ADDRESS_SIZE - 1);
    memcpy(to, address, len);
    memset((char *)to + len, 0, 2);
    len++;
    return len == 4 || len == 16 ? len + 1 : len;
}

static void put_address(struct query *q, const char *address)
{
    unsigned char bytes[ADDRESS_SIZE + 2];
    bool text;
    size_t len = sql_address_bytes(address, bytes, &text);
    if (!len)
        query_put_null(q);
    else if (text && q->s->driver->sqlite)
        query_put_text(q, address);
    else
        query_put_bytes(q, bytes, len);
}

static void get_address(const struct query *q, int column, char *to, size_t size)
{
    size_t len = 0;
    const void *bytes = query_bytes(q, column, &len);

    if (!bytes || query_is_text(q, column) || (len != 4 && len != 16))
        query_copy(q, column, to, size);
    else
        inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, to, (socklen_t)size);
}

/* What went well needs no explanation. */
bool sql_explains(const struct result *r)
{
    return *r->detail && !(r->verdict == VERDICT_UP && r->cause == CAUSE_NONE);
}

int sql_look_numbers(struct sql *s, const struct result *r, wall_us slot_us, uint32_t span,
                     int64_t location_id, int64_t to[LOOK_COLUMN_COUNT], struct err *err)
{
    int64_t worker_id = 0;
    int rc = sql_word(s, r->worker, &worker_id, err);
    if (rc < 0)
        return rc;
    const int64_t numbers[LOOK_COLUMN_COUNT] = {
        slot_us,
        (int64_t)r->run.site_id,
        r->run.look,
        location_id,
        (int64_t)r->job_id,
        span,
        r->verdict,
        r->cause,
        r->status,
        r->method,
        r->redirects,
        r->suspect,
        r->at_us - slot_us,
        r->took_us,
        r->phases.dns_us,
        r->phases.connect_us,
        r->phases.tls_us,
        r->phases.wait_us,
        r->phases.body_us,
        r->tls_expires_us / US_PER_S,
        0,
        worker_id,
        r->lane,
        0,
    };
    memcpy(to, numbers, sizeof numbers);
    return 0;
}

int query_put_result(struct query *q, const struct result *r, wall_us slot_us, uint32_t span,
                     int64_t location_id, struct err *err)
{
    int64_t number[LOOK_COLUMN_COUNT];
    int rc = sql_look_numbers(q->s, r, slot_us, span, location_id, number, err);
    if (rc < 0)
        return rc;
    for (int i = 0; i < LOOK_ADDRESS; i++)
        query_put_int(q, number[i]);
    put_address(q, r->address);
    for (int i = LOOK_ADDRESS + 1; i < LOOK_DETAIL; i++)
        query_put_int(q, number[i]);
    if (sql_explains(r))
        query_put_text(q, r->detail);
    else
        query_put_null(q);
    return 0;
}

static int name_of(struct sql *s, int64_t id, char *to, size_t size, struct err *err)
{
    const char *text = "";
    int r = sql_word_text(s, id, &text, err);
    if (r == 0)
        snprintf(to, size, "%s", text);
    return r;
}

static int get_word(const struct query *q, int column, char *to, size_t size, struct err *err)
{
    return name_of(q->s, query_int(q, column), to, size, err);
}

int query_result(const struct query *q, struct result *ret, struct err *err)
{
    *ret = (struct result){
        .run = {.slot_us = query_int(q, 0),
                .site_id = (uint64_t)query_int(q, 1),
                .look = (uint16_t)query_int(q,                     2) },
        .job_id = (uint64_t)query_int(q, 4),
        .span = (uint32_t)query_int(q, 5),
        .verdict = (enum verdict)query_int(q, 6),
        .cause = (enum cause)query_int(q, 7),
        .status = (uint16_t)query_int(q, 8),
        .method = (enum method)query_int(q, 9),
        .redirects = (uint8_t)query_int(q, 10),
        .suspect = query_int(q, 11),
        .at_us = query_int(q, 0) + query_int(q, 12),
        .took_us = (uint32_t)query_int(q, 13),
        .phases = { (uint32_t)query_int(q, 14), (uint32_t)query_int(q, 15),           (uint32_t)query_int(q, 16),
                (uint32_t)query_int(q, 17), (uint32_t)query_int(q, 18) },
        .tls_expires_us = query_int(q, 19) * US_PER_S,
        .lane = (uint16_t)query_int(q, 22),
    };
    get_address(q, 20, ret->address, sizeof ret->address);
    query_copy(q, 23, ret->detail, sizeof ret->detail);
    int r = get_word(q, 3, ret->run.location, sizeof ret->run.location, err);
    return r < 0 ? r : get_word(q, 21, ret->worker, sizeof ret->worker, err);
}

/* ── The same, packed ──────────────────────────────────────────────────── */

static void line_address(struct line *l, const char *address)
{
    l->address_len = (uint8_t)address_bytes(address, l->address);
    if (l->address_len || !*address)
        return;
    l->address_text = 1;
    l->address_len = (uint8_t)strlen(address);
    memcpy(l->address, address, l->address_len);
}

int sql_line_of(struct sql *s, const struct result *r, wall_us slot_us, uint32_t span, int64_t location_id,
                struct line *ret, struct err *err)
{
    int64_t worker_id = 0;
    int rc = sql_word(s, r->worker, &worker_id, err);
    if (rc < 0)
        return rc;
    *ret = (struct line){
        .slot_us = slot_us,
        .job_id = r->job_id,
        .late_us = r->at_us - slot_us,
        .look = r->run.look,
        .location_id = (uint32_t)location_id,
        .span = span,
        .worker_id = (uint32_t)worker_id,
        .lane = r->lane,
        .took_us = r->took_us,
        .phases = r->phases,
        .tls_expires_s = r->tls_expires_us / US_PER_S,
        .status = r->status,
        .verdict = (uint8_t)r->verdict,
        .cause = (uint8_t)r->cause,
        .method = (uint8_t)r->method,
        .redirects = r->redirects,
        .suspect = r->suspect,
        .detail = r->detail,
    };
    if (sql_explains(r))
        ret->detail_len = (uint8_t)strlen(r->detail);
    line_address(ret, r->address);
    return 0;
}

void query_line(const struct query *q, struct line *ret)
{
    size_t len = 0;
    *ret = (struct line){
        .slot_us = query_int(q, 0),
        .look = (uint32_t)query_int(q, 2),
        .location_id = (uint32_t)query_int(q, 3),
        .job_id = (uint64_t)query_int(q, 4),
        .span = (uint32_t)query_int(q, 5),
        .verdict = (uint8_t)query_int(q, 6),
        .cause = (uint8_t)query_int(q, 7),
        .status = (uint16_t)query_int(q, 8),
        .method = (uint8_t)query_int(q, 9),
        .redirects = (uint8_t)query_int(q, 10),
        .suspect = (uint8_t)query_int(q, 11),
        .late_us = query_int(q, 12),
        .took_us = (uint32_t)query_int(q, 13),
        .phases = {(uint32_t)query_int(q, 14), (uint32_t)query_int(q, 15), (uint32_t)query_int(q, 16),
                   (uint32_t)query_int(q, 17), (uint32_t)query_int(q, 18)},
        .tls_expires_s = query_int(q, 19),
        .worker_id = (uint32_t)query_int(q, 21),
        .lane = (uint32_t)query_int(q, 22),
        .detail = query_text(q, 23),
    };
    ret->detail_len = (uint8_t)strnlen(ret->detail, DETAIL_SIZE - 1);
    const void *bytes = query_bytes(q, 20, &len);
    ret->address_text = len && query_is_text(q, 20);
    if (ret->address_text)
        len = strnlen(bytes, len);
    ret->address_len = (uint8_t)(len < ADDRESS_SIZE ? len : ADDRESS_SIZE - 1);
    if (len)
        memcpy(ret->address, bytes, ret->address_len);
}

int sql_result_of(struct sql *s, uint64_t site_id, const struct line *l, struct result *ret, struct err *err)
{
    *ret = (struct result){
        .run = {.slot_us = l->slot_us, .site_id = site_id, .look = (uint16_t)l->look},
        .job_id = l->job_id,
        .span = l->span,
        .verdict = (enum verdict)l->verdict,
        .cause = (enum cause)l->cause,
        .status = l->status,
        .method = (enum method)l->method,
        .redirects = l->redirects,
        .suspect = l->suspect,
        .at_us = l->slot_us + l->late_us,
        .took_us = l->took_us,
        .phases = l->phases,
        .tls_expires_us = l->tls_expires_s * US_PER_S,
        .lane = (uint16_t)l->lane,
    };
    if (!l->address_text && (l->address_len == 4 || l->address_len == 16))
        inet_ntop(l->address_len == 4 ? AF_INET : AF_INET6, l->address, ret->address, sizeof ret->address);
    else
        snprintf(ret->address, sizeof ret->address, "%.*s", l->address_len, (const char *)l->address);
    snprintf(ret->detail, sizeof ret->detail, "%.*s", l->detail_len, l->detail ? l->detail : "");
    int r = name_of(s, l->location_id, ret->run.location, sizeof ret->run.location, err);
    return r < 0 ? r : name_of(s, l->worker_id, ret->worker, sizeof ret->worker, err);
}

int query_each_result(struct query *q, size_t *left, store_result_fn *fn, void *arg, struct err *err)
{
    int r = 0;
    while (*left && (r = query_step(q, err)) > 0) {
        struct result res;
        (*left)--;
        r = query_result(q, &res, err);
        if (r == 0)
            r = fn(arg, &res);
        if (r != 0)
            return r;
    }
    return r;
}

int sql_each_evidence(struct store *base, uint64_t incident_id, store_result_fn *fn, void *arg,
                      struct err *err)
{
    scoped(query) struct query q = { 0 };
    size_t left = SIZE_MAX;
    int r = query_new(&q, sql_of(base), Q_EVIDENCE, "read the evidence",
                      "SELECT " LOOK_COLUMNS " FROM evidence WHERE incident_id = ? "
                      "ORDER BY slot_us, site_id, look, location_id",
                      err);
    if (r < 0)
        return r;
    query_put_int(&q, (int64_t)incident_id);
    return query_each_result(&q, &left, fn, arg, err);
}

/* ── Finding ───────────────────────────────────────────────────────────── */

int sql_grids(struct sql *s, uint64_t site_id, struct grids *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_SITE_GRIDS, "read the ledger",
                      "SELECT every_ms, 9223372036854775807 AS until_us, added_us, "
                      "coalesce((SELECT first_slot_us FROM state WHERE site_id = ?1), 0) "
                      "FROM site WHERE id = ?1 UNION ALL "
                      "SELECT every_ms, until_us, 0, 0 FROM former_grid WHERE site_id = ?1 "
                      "ORDER BY until_us DESC",
                      err);
    if (r < 0)
        return r;
    query_put_int(&q, (int64_t)site_id);
    ret->n = 0;
    while ((r = query_step(&q, err)) > 0) {
        if (ret->n == 0) {
            ret->added_us = query_int(&q, 2);
            ret->first_us = query_int(&q, 3);
        }
        if (ret->n < SQL_MAX_GRIDS)
            ret->grid[ret->n] = (struct grid){ query_int(&q, 0) * US_PER_MS, query_int(&q, 1) };
        ret->n++;
    }
    return r;
}

struct search {
    struct sql *s;
    uint64_t site_id;
    wall_us from_us, to_us;
    size_t left;
    store_result_fn *fn;
    void *arg;
    struct grids grids;
};

static int scan(struct search *f, wall_us from_us, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = f->site_id ? query_new(&q, f->s, Q_LOOKS_OF_SITE, "read the ledger",
                                   "SELECT " LOOK_COLUMNS " FROM look WHERE slot_us >= ? AND slot_us < ? AND "
                                   "site_id = ? ORDER BY slot_us DESC, look, location_id",
                                   err)
                       : query_new(&q, f->s, Q_LOOKS_ALL, "read the ledger",
                                   "SELECT " LOOK_COLUMNS " FROM look WHERE slot_us >= ? AND slot_us < ? "
                                   "ORDER BY slot_us DESC, site_id, look, location_id",
                                   err);
    if (r < 0)
        return r;
    query_put_int(&q, from_us);
    query_put_int(&q, f->to_us);
    if (f->site_id)
        query_put_int(&q, (int64_t)f->site_id);
    return query_each_result(&q, &f->left, f->fn, f->arg, err);
}

/* The slot of the last line that is scanned; -ENOENT when the range has fewer. */
static int scan_edge(struct search *f, wall_us *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, f->s, Q_LOOKS_FAR, "read the ledger",
                      "SELECT slot_us FROM look WHERE slot_us >= ? AND slot_us < ? ORDER BY slot_us DESC "
                      "LIMIT 1 OFFSET " SCANNED_LINES,
                      err);
    if (r < 0)
        return r;
    query_put_int(&q, f->from_us);
    query_put_int(&q, f->to_us);
    return query_number(&q, ret, err);
}

static int look_up_slot(struct search *f, wall_us slot_us, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, f->s, Q_LOOKS_OF_SLOT, "read the ledger",
                      "SELECT " LOOK_COLUMNS " FROM look WHERE slot_us = ? AND site_id = ? "
                      "ORDER BY look, location_id",
                      err);
    if (r < 0)
        return r;
    query_put_int(&q, slot_us);
    query_put_int(&q, (int64_t)f->site_id);
    return query_each_result(&q, &f->left, f->fn, f->arg, err);
}

/* The newest slot that the site may have before `at`. */
static wall_us slot_before(const struct search *f, wall_us at)
{
    wall_us newest = f->grids.first_us && f->grids.first_us < at ? f->grids.first_us : INT64_MIN;
    for (size_t i = 0; i < f->grids.n; i++) {
        int64_t every_us = f->grids.grid[i].every_us;
        wall_us before = site_next_slot(f->site_id, (uint32_t)(every_us / US_PER_MS), at) - every_us;
        if (before > newest)
            newest = before;
    }
    return newest;
}

static int look_up_slots(struct search *f, wall_us at, wall_us from_us, struct err *err)
{
    int r = 0;
    while (r == 0 && f->left && (at = slot_before(f, at)) >= from_us)
        r = look_up_slot(f, at, err);
    return r;
}

static int oldest_slot(struct sql *s, wall_us *ret, struct err *err)
{
    scoped(query) struct query q = { 0 };
    int r = query_new(&q, s, Q_LOOK_OLDEST, "read the ledger",
                      "SELECT slot_us FROM look ORDER BY slot_us LIMIT 1", err);
    return r < 0 ? r : query_number(&q, ret, err);
}

static int find(struct search *f, struct err *err)
{
    wall_us edge_us = 0, oldest_us = 0;
    int r = f->site_id ? scan_edge(f, &edge_us, err) : -ENOENT;
    if (r == -ENOENT)
        return scan(f, f->from_us, err);
    if (r == 0)
        r = sql_grids(f->s, f->site_id, &f->grids, err);
    if (r < 0)
        return r;
    /* Nothing is known of its slots, or too much: slow, and complete. */
    if (f->grids.n == 0 || f->grids.n > SQL_MAX_GRIDS)
        return scan(f, f->from_us, err);

    r = scan(f, edge_us, err);
    if (r != 0)
        return r;
    r = oldest_slot(f->s, &oldest_us, err);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    wall_us from_us = f->from_us;
    if (from_us < oldest_us)
        from_us = oldest_us;
    if (from_us < f->grids.added_us - CLOCK_DOUBT_US)
        from_us = f->grids.added_us - CLOCK_DOUBT_US;
    return look_up_slots(f, edge_us, from_us, err);
}

int sql_each_result(struct store *base, uint64_t site_id, wall_us from_us, wall_us to_us, size_t max,
                    store_result_fn *fn, void *arg, struct err *err)
{
    struct search f = {
        .s = sql_of(base),
        .site_id = site_id,
        .from_us = from_us,
        .to_us = to_us,
        .left = max,
        .fn = fn,
        .arg = arg,
    };
    struct marks marks;
    int r = sql_marks(f.s, &marks, err);
    if (r == 0 && marks.packed_us > f.from_us)
        f.from_us = marks.packed_us;
    if (r == 0 && f.from_us < to_us)
        r = find(&f, err);
    if (r == 0 && f.left && from_us < marks.packed_us)
        r = sql_each_packed(f.s, site_id, from_us, to_us < marks.packed_us ? to_us : marks.packed_us, &f.left,
                            fn, arg, err);
    return r;
}
