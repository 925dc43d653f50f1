/* What is packed in the store, whoever has written there: a damaged piece ends with an error or with its last
 * line, and what can be read is written again as what it is. Then: lines and hours of any content come back
 * as they were. The first byte says which. */
/* libFuzzer: -max_len=2048 */
#include "common/store/hours.h"
#include "common/store/lines.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>

/* ── Lines ─────────────────────────────────────────────────────────────── */

static bool same_lines(const struct line *a, const struct line *b)
{
    return lines_compare(a, b) == 0 && a->job_id == b->job_id && a->late_us == b->late_us &&
           a->span == b->span && a->worker_id == b->worker_id && a->lane == b->lane &&
           a->took_us == b->took_us && memcmp(&a->phases, &b->phases, sizeof a->phases) == 0 &&
           a->tls_expires_s == b->tls_expires_s && a->status == b->status && a->verdict == b->verdict &&
           a->cause == b->cause && a->method == b->method && a->redirects == b->redirects &&
           a->suspect == b->suspect && a->address_len == b->address_len &&
           a->address_text == b->address_text && memcmp(a->address, b->address, a->address_len) == 0 &&
           a->detail_len == b->detail_len &&
           (a->detail_len == 0 || memcmp(a->detail, b->detail, a->detail_len) == 0);
}

static void must_come_back(struct lines_before *before, struct lines_cursor *c, const struct line *l)
{
    static uint8_t bytes[LINES_MOST];
    struct line again;
    size_t len = lines_put(bytes, before, l);
    must(len <= LINES_MOST);
    c->at = bytes;
    c->end = bytes + len;
    must(lines_next(c, &again) == 1 && same_lines(l, &again));
    must(c->at == c->end);
}

static void read_lines(struct script *s)
{
    struct lines_cursor c, again;
    struct lines_before before;
    struct line l;
    int r = lines_open(&c, s->at, script_left(s));
    if (r < 0)
        return;
    lines_begin(&before);
    lines_begin(&again.before);
    for (size_t n = 0; (r = lines_next(&c, &l)) == 1; n++) {
        must(n < script_left(s));
        must(l.address_len <= sizeof l.address);
        must_come_back(&before, &again, &l);
    }
    must(r == 0 || r == -EBADMSG);
}

static struct line some_line(struct script *s)
{
    uint8_t how = script_byte(s);
    struct line l = {
        .slot_us = (wall_us)script_number(s, how & 1 ? 7 : 4),
        .job_id = script_number(s, how & 2 ? 8 : 3),
        .late_us = (int64_t)script_number(s, how & 4 ? 7 : 3) - (how & 8 ? 1000000 : 0),
        .look = script_byte(s) & 7,
        .location_id = script_byte(s),
        .span = 1 + script_byte(s),
        .worker_id = (uint32_t)script_number(s, 2),
        .lane = script_byte(s),
        .took_us = (uint32_t)script_number(s, how & 16 ? 4 : 2),
        .phases = {(uint32_t)script_number(s, 2), script_byte(s), 0,
                   (uint32_t)script_number(s, how & 16 ? 4 : 2), 0},
        .tls_expires_s = (int64_t)script_number(s, 4),
        .status = (uint16_t)script_number(s, 2),
        .verdict = script_byte(s) % 3,
        .cause = script_byte(s),
        .method = script_byte(s) % 3,
        .redirects = script_byte(s),
        .suspect = how >> 5 & 1,
    };
    size_t len;
    l.detail = (const char *)script_bytes(s, 159, &len);
    l.detail_len = (uint8_t)len;
    const uint8_t *address = script_bytes(s, how & 64 ? 16 : 0, &len);
    memcpy(l.address, address, len);
    l.address_len = (uint8_t)len;
    l.address_text = how >> 7;
    return l;
}

static void write_lines(struct script *s)
{
    struct lines_before before;
    struct lines_cursor c;
    lines_begin(&before);
    lines_begin(&c.before);
    while (script_left(s) > 0) {
        struct line l = some_line(s);
        must_come_back(&before, &c, &l);
    }
}

/* ── Hours ─────────────────────────────────────────────────────────────── */

enum { DAY = 20000 };

static void must_be_again(struct hour *before, struct hours_cursor *c, const struct hour *h)
{
    uint8_t bytes[HOURS_MOST];
    struct hour again;
    size_t len = hours_put(bytes, before, h);
    must(len <= HOURS_MOST);
    c->at = bytes;
    c->end = bytes + len;
    must(hours_next(c, &again) == 1 && hours_compare(h, &again) == 0 && again.up == h->up &&
         again.down == h->down && again.unknown == h->unknown && again.took_sum_us == h->took_sum_us &&
         again.took_min_us == h->took_min_us && again.took_max_us == h->took_max_us);
    must(c->at == c->end);
}

static void read_hours(struct script *s)
{
    struct hours_cursor c, again;
    struct hour before, h, sum = { 0 };
    int r = hours_open(&c, DAY, s->at, script_left(s));
    if (r < 0)
        return;
    hours_begin(&before, DAY);
    hours_begin(&again.before, DAY);
    for (size_t n = 0; (r = hours_next(&c, &h)) == 1; n++) {
        must(n < script_left(s));
        must_be_again(&before, &again, &h);
        hours_add(&sum, &h);
    }
    must(r == 0 || r == -EBADMSG);
}

static void write_hours(struct script *s)
{
    struct hours_cursor c;
    struct hour before;
    hours_begin(&before, DAY);
    hours_begin(&c.before, DAY);
    while (script_left(s) > 0) {
        uint8_t how = script_byte(s);
        struct hour h = {
            .hour = DAY * 24 + script_byte(s) % 24,
            .location_id = script_byte(s),
            .up = (uint32_t)script_number(s, how & 1 ? 4 : 1),
            .down = script_byte(s),
            .unknown = script_byte(s),
            .took_sum_us = script_number(s, how & 2 ? 8 : 3),
            .took_min_us = (uint32_t)script_number(s, how & 4 ? 4 : 2),
            .took_max_us = (uint32_t)script_number(s, how & 8 ? 4 : 2),
        };
        must_be_again(&before, &c, &h);
    }
}

static void (*const parts[])(struct script *) = { read_lines, write_lines, read_hours, write_hours };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = { data, data + size };
    parts[script_below(&s, sizeof parts / sizeof *parts)](&s);
    return 0;
}
