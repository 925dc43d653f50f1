/* The hot path: a batch of lines as one array for each column, in one statement. That
 * costs the server about what COPY does, and, unlike COPY, it passes over lines that are there. */
#include "common/store/postgres_inside.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { OID_INT8 = 20, OID_TEXT = 25, OID_BYTEA = 17 }; /* pg_type.dat: they never change */
#define HEAD 20                                        /* bytes before an array's first element */

/* An array in PostgreSQL's binary format. */
struct array {
    uint8_t *bytes;
    size_t len, room;
};

static void put4(uint8_t *to, uint32_t v)
{
    v = htobe32(v);
    memcpy(to, &v, 4);
}

static int array_begin(struct array *a, uint32_t oid, size_t n, size_t room)
{
    const uint32_t head[] = { 1, 1 /* there may be NULLs */, oid, (uint32_t)n, 1 };
    a->bytes = malloc(HEAD + room);
    if (!a->bytes)
        return -ENOMEM;
    a->room = HEAD + room;
    a->len = HEAD;
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        put4(a->bytes + 4 * i, head[i]);
    return 0;
}

/* NULL for none. There is room. */
static void array_put(struct array *a, const void *v, size_t len)
{
    put4(a->bytes + a->len, v ? (uint32_t)len : UINT32_MAX);
    a->len += 4;
    if (v)
        memcpy(a->bytes + a->len, v, len);
    a->len += v ? len : 0;
}

static void array_put_int(struct array *a, int64_t v)
{
    uint64_t there = htobe64((uint64_t)v);
    array_put(a, &there, sizeof there);
}

static size_t most_of(int column)
{
    return 4 + (column == LOOK_ADDRESS ? ADDRESS_SIZE + 2 : column == LOOK_DETAIL ? DETAIL_SIZE : 8);
}

static int begin_all(struct array a[LOOK_COLUMN_COUNT], size_t n)
{
    int r = 0;
    for (int i = 0; r == 0 && i < LOOK_COLUMN_COUNT; i++)
        r = array_begin(&a[i],
                        i == LOOK_ADDRESS  ? OID_BYTEA
                        : i == LOOK_DETAIL ? OID_TEXT
                                           : OID_INT8,
                        n, n * most_of(i));
    return r;
}

static int put_line(struct sql *s, struct array a[LOOK_COLUMN_COUNT], const struct result *r, struct err *err)
{
    int64_t number[LOOK_COLUMN_COUNT];
    unsigned char address[ADDRESS_SIZE + 2];
    char detail[DETAIL_SIZE];
    bool text;
    int64_t location_id = 0;
    int rc = sql_word(s, r->run.location, &location_id, err);
    if (rc == 0)
        rc = sql_look_numbers(s, r, r->run.slot_us, r->span ? r->span : 1, location_id, number, err);
    if (rc < 0)
        return rc;
    for (int i = 0; i < LOOK_COLUMN_COUNT; i++)
        if (i != LOOK_ADDRESS && i != LOOK_DETAIL)
            array_put_int(&a[i], number[i]);
    size_t len = sql_address_bytes(r->address, address, &text);
    array_put(&a[LOOK_ADDRESS], len ? address : NULL, len);
    if (sql_explains(r))
        postgres_mend_copy(detail, r->detail, sizeof detail);
    array_put(&a[LOOK_DETAIL], sql_explains(r) ? detail : NULL, sql_explains(r) ? strlen(detail) : 0);
    return 0;
}

#define EIGHT "::int8[], "
static const char sql_text[] =
    "INSERT INTO look (" LOOK_COLUMNS ") SELECT * FROM unnest("
    "$1" EIGHT "$2" EIGHT "$3" EIGHT "$4" EIGHT "$5" EIGHT "$6" EIGHT "$7" EIGHT "$8" EIGHT "$9" EIGHT
    "$10" EIGHT "$11" EIGHT "$12" EIGHT "$13" EIGHT "$14" EIGHT "$15" EIGHT "$16" EIGHT "$17" EIGHT
    "$18" EIGHT "$19" EIGHT "$20" EIGHT "$21::bytea[], $22" EIGHT "$23" EIGHT "$24::text[]) "
    "ON CONFLICT DO NOTHING RETURNING slot_us, site_id, look, location_id";

/* Whether that row is of this run. */
static bool is_of(const struct query *q, struct sql *s, const struct result *r)
{
    int64_t location_id = 0; /* remembered: it has been put */
    return query_int(q, 0) == r->run.slot_us && (uint64_t)query_int(q, 1) == r->run.site_id &&
           query_int(q, 2) == r->run.look && sql_word(s, r->run.location, &location_id, NULL) == 0 &&
           query_int(q, 3) == location_id;
}

/* Rows come back in the order in which they were sent, but for those that were there. */
static int tell_fresh(struct query *q, struct sql *s, const struct result *r, size_t n, bool *ret_fresh,
                      int64_t *ret_added, struct err *err)
{
    int row = query_step(q, err);
    for (size_t i = 0; row >= 0 && i < n; i++) {
        bool fresh = row > 0 && is_of(q, s, &r[i]);
        if (ret_fresh)
            ret_fresh[i] = fresh;
        if (fresh) {
            ++*ret_added;
            row = query_step(q, err);
        }
    }
    if (row > 0)
        return err_set(err, -EIO, "%s: cannot record: the server answered for other lines than it was sent",
                       s->name);
    return row;
}

int postgres_add_lines(struct sql *s, const struct result *r, size_t n, bool *ret_fresh, int64_t *ret_added,
                       struct err *err)
{
    struct array a[LOOK_COLUMN_COUNT] = { 0 };
    scoped(query) struct query q = { 0 };
    *ret_added = 0;
    int rc = begin_all(a, n) < 0 ? sql_out_of_memory(s, err) : 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = put_line(s, a, &r[i], err);
    if (rc == 0)
        rc = query_new(&q, s, Q_LOOKS_ADD, "record", sql_text, err);
    for (int i = 0; rc == 0 && i < LOOK_COLUMN_COUNT; i++)
        query_put_bytes(&q, a[i].bytes, a[i].len);
    if (rc == 0)
        rc = tell_fresh(&q, s, r, n, ret_fresh, ret_added, err);
    for (int i = 0; i < LOOK_COLUMN_COUNT; i++)
        free(a[i].bytes);
    return rc;
}
