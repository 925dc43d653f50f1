#include "common/store/lines.h"

#include "common/store/bytes.h"

#include <errno.h>
#include <string.h>

#define LAYOUT 1

/* What is different from the line before. The first seven fit in one byte. */
enum {
    DIFFERS_SLOT = 1 << 0, /* not by the step of the former two */
    DIFFERS_WHAT = 1 << 1, /* verdict, cause, status, method, redirects, suspect */
    DIFFERS_WHO = 1 << 2,  /* worker, lane */
    DIFFERS_ADDRESS = 1 << 3,
    DIFFERS_EXPIRY = 1 << 4,
    DIFFERS_RUN = 1 << 5, /* look, location, span */
    HAS_DETAIL = 1 << 6,
    IS_ODD = 1 << 7,  /* job and lateness are whole, beside the numbers */
    IS_WIDE = 1 << 8, /* some number takes four bytes: lengths are 0, 2, 3, 4 and not 0, 1, 2, 3 */
};

#define MANY_LANES 3 /* so many and more are written apart */

#define NUMBERS 8
static const uint8_t lengths[2][4] = {
    {0,  1, 2, 3},
    { 0, 2, 3, 4},
};

void lines_begin(struct lines_before *b)
{
    *b = (struct lines_before){ .line = { .span = 1 } };
}

void lines_head(uint8_t *to)
{
    *to = LAYOUT;
}

int lines_compare(const struct line *a, const struct line *b)
{
    if (a->slot_us != b->slot_us)
        return a->slot_us < b->slot_us ? -1 : 1;
    if (a->look != b->look)
        return a->look < b->look ? -1 : 1;
    return (a->location_id > b->location_id) - (a->location_id < b->location_id);
}

/* ── The numbers that every line has ───────────────────────────────────── */

/* What the phases leave unexplained is less than the whole. May wrap; the way back does, too. */
static uint32_t explained_us(const struct phases *p)
{
    return p->dns_us + p->connect_us + p->tls_us + p->wait_us + p->body_us;
}

static void gather(uint32_t n[NUMBERS], const struct line *l, int64_t job)
{
    n[0] = (uint32_t)bytes_zigzag(job);
    n[1] = (uint32_t)l->late_us;
    n[2] = (uint32_t)bytes_zigzag((int32_t)(l->took_us - explained_us(&l->phases)));
    n[3] = l->phases.dns_us;
    n[4] = l->phases.connect_us;
    n[5] = l->phases.tls_us;
    n[6] = l->phases.wait_us;
    n[7] = l->phases.body_us;
}

static int64_t spread(const uint32_t n[NUMBERS], struct line *l)
{
    l->late_us = n[1];
    l->phases = (struct phases){ n[3], n[4], n[5], n[6], n[7] };
    l->took_us = (uint32_t)bytes_unzigzag(n[2]) + explained_us(&l->phases);
    return bytes_unzigzag(n[0]);
}

static bool is_wide(const uint32_t n[NUMBERS])
{
    uint32_t all = 0;
    for (int i = 0; i < NUMBERS; i++)
        all |= n[i];
    return all >> 24;
}

static void put_numbers(uint8_t **to, const uint32_t n[NUMBERS], bool wide)
{
    uint16_t codes = 0;
    uint8_t *at = *to + 2;
    for (int i = 0; i < NUMBERS; i++) {
        unsigned code = 0;
        while (code < 3 && (uint64_t)n[i] >> (8 * lengths[wide][code]))
            code++;
        codes |= (uint16_t)(code << (2 * i));
        for (unsigned k = 0; k < lengths[wide][code]; k++)
            *at++ = (uint8_t)(n[i] >> (8 * k));
    }
    (*to)[0] = (uint8_t)codes;
    (*to)[1] = (uint8_t)(codes >> 8);
    *to = at;
}

static void get_numbers(struct bytes_reader *r, uint32_t n[NUMBERS], bool wide)
{
    unsigned codes = bytes_get_byte(r);
    codes |= (unsigned)bytes_get_byte(r) << 8;
    for (int i = 0; i < NUMBERS; i++) {
        n[i] = 0;
        for (unsigned k = 0; k < lengths[wide][codes >> (2 * i) & 3]; k++)
            n[i] |= (uint32_t)bytes_get_byte(r) << (8 * k);
    }
}

/* ── Lines ─────────────────────────────────────────────────────────────── */

static bool same_what(const struct line *a, const struct line *b)
{
    return a->verdict == b->verdict && a->cause == b->cause && a->status == b->status &&
           a->method == b->method && a->redirects == b->redirects && a->suspect == b->suspect;
}

static bool same_address(const struct line *a, const struct line *b)
{
    return a->address_len == b->address_len && a->address_text == b->address_text &&
           memcmp(a->address, b->address, a->address_len) == 0;
}

static bool fits(int64_t v)
{
    return v >= INT32_MIN && v <= INT32_MAX;
}

/* How far the job is from the one that was to be expected: of the next slot, one
 * round of the cluster further; of a confirming look, soon after. */
static int64_t job_further(const struct lines_before *before, const struct line *l)
{
    uint64_t step = l->slot_us == before->line.slot_us ? 0 : before->job_step;
    return (int64_t)(l->job_id - before->line.job_id - step); /* may wrap */
}

static unsigned differences(const struct lines_before *before, const struct line *l)
{
    const struct line *b = &before->line;
    return (l->slot_us == bytes_sum(b->slot_us, before->step_us) ? 0 : DIFFERS_SLOT) |
           (same_what(l, b) ? 0 : DIFFERS_WHAT) |
           (l->worker_id == b->worker_id && l->lane == b->lane ? 0 : DIFFERS_WHO) |
           (same_address(l, b) ? 0 : DIFFERS_ADDRESS) |
           (l->tls_expires_s == b->tls_expires_s ? 0 : DIFFERS_EXPIRY) |
           (l->look == b->look && l->location_id == b->location_id && l->span == b->span ? 0 : DIFFERS_RUN) |
           (l->detail_len ? HAS_DETAIL : 0) |
           /* Another epoch, or a look that began before its slot or an hour after. */
           (fits(job_further(before, l)) && l->late_us >= 0 && l->late_us <= UINT32_MAX ? 0 : IS_ODD);
}

static void put_differences(uint8_t **to, unsigned flags, const struct lines_before *before,
                            const struct line *l)
{
    if (flags & DIFFERS_SLOT)
        bytes_put_signed(to, bytes_difference(l->slot_us, before->line.slot_us));
    if (flags & DIFFERS_WHAT) {
        *(*to)++ = (uint8_t)(l->verdict | l->method << 2 | l->suspect << 4);
        *(*to)++ = l->cause;
        *(*to)++ = l->redirects;
        bytes_put(to, l->status);
    }
    if (flags & DIFFERS_WHO) {
        bytes_put(to, (uint64_t)l->worker_id << 2 | (l->lane < MANY_LANES ? l->lane : MANY_LANES));
        if (l->lane >= MANY_LANES)
            bytes_put(to, l->lane);
    }
    if (flags & DIFFERS_ADDRESS) {
        *(*to)++ = (uint8_t)(l->address_len | l->address_text << 7);
        memcpy(*to, l->address, l->address_len);
        *to += l->address_len;
    }
    if (flags & DIFFERS_EXPIRY)
        bytes_put_signed(to, bytes_difference(l->tls_expires_s, before->line.tls_expires_s));
    if (flags & DIFFERS_RUN) {
        bytes_put(to, l->look);
        bytes_put(to, l->location_id);
        bytes_put(to, l->span);
    }
    if (flags & HAS_DETAIL) {
        *(*to)++ = l->detail_len;
        memcpy(*to, l->detail, l->detail_len);
        *to += l->detail_len;
    }
    if (flags & IS_ODD) {
        bytes_put(to, l->job_id);
        bytes_put_signed(to, l->late_us);
    }
}

static void step_on(struct lines_before *before, const struct line *l)
{
    /* A slot's confirming looks and other locations have it in common. */
    if (l->slot_us != before->line.slot_us) {
        bool first = before->line.slot_us == 0;
        before->step_us = first ? 0 : bytes_difference(l->slot_us, before->line.slot_us);
        before->job_step = first ? 0 : l->job_id - before->line.job_id;
    }
    before->line = *l;
}

size_t lines_put(uint8_t *to, struct lines_before *before, const struct line *line)
{
    uint32_t numbers[NUMBERS];
    uint8_t *at = to;
    unsigned flags = differences(before, line);
    struct line small = *line;
    if (flags & IS_ODD)
        small.late_us = 0;
    gather(numbers, &small, flags & IS_ODD ? 0 : job_further(before, line));
    if (is_wide(numbers))
        flags |= IS_WIDE;
    bytes_put(&at, flags);
    put_differences(&at, flags, before, line);
    put_numbers(&at, numbers, flags & IS_WIDE);
    step_on(before, line);
    return (size_t)(at - to);
}

int lines_open(struct lines_cursor *c, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    if (len < LINES_HEAD || at[0] != LAYOUT)
        return -EBADMSG;
    *c = (struct lines_cursor){ .at = at + LINES_HEAD, .end = at + len };
    lines_begin(&c->before);
    return 0;
}

static void get_what(struct bytes_reader *r, struct line *l)
{
    uint8_t bits = bytes_get_byte(r);
    l->verdict = bits & 3;
    l->method = bits >> 2 & 3;
    l->suspect = bits >> 4 & 1;
    l->cause = bytes_get_byte(r);
    l->redirects = bytes_get_byte(r);
    l->status = (uint16_t)bytes_get(r);
}

static void get_address(struct bytes_reader *r, struct line *l)
{
    uint8_t kind = bytes_get_byte(r);
    l->address_len = kind & 0x7f;
    l->address_text = kind >> 7;
    if (l->address_len > sizeof l->address)
        r->broken = -EBADMSG;
    else
        bytes_copy(r, l->address, l->address_len);
}

static void get_detail(struct bytes_reader *r, struct line *l)
{
    l->detail_len = bytes_get_byte(r);
    l->detail = (const char *)r->at;
    if ((size_t)(r->end - r->at) < l->detail_len)
        r->broken = -EBADMSG;
    else
        r->at += l->detail_len;
}

static void get_differences(struct bytes_reader *r, unsigned flags, const struct lines_before *before,
                            struct line *l)
{
    l->slot_us = (wall_us)((uint64_t)l->slot_us +
                           (uint64_t)(flags & DIFFERS_SLOT ? bytes_get_signed(r) : before->step_us));
    if (flags & DIFFERS_WHAT)
        get_what(r, l);
    if (flags & DIFFERS_WHO) {
        uint64_t who = bytes_get(r);
        l->worker_id = (uint32_t)(who >> 2);
        l->lane = (who & 3) < MANY_LANES ? who & 3 : (uint32_t)bytes_get(r);
    }
    if (flags & DIFFERS_ADDRESS)
        get_address(r, l);
    if (flags & DIFFERS_EXPIRY)
        l->tls_expires_s = (int64_t)((uint64_t)l->tls_expires_s + (uint64_t)bytes_get_signed(r));
    if (flags & DIFFERS_RUN) {
        l->look = (uint32_t)bytes_get(r);
        l->location_id = (uint32_t)bytes_get(r);
        l->span = (uint32_t)bytes_get(r);
    }
    l->detail_len = 0;
    if (flags & HAS_DETAIL)
        get_detail(r, l);
}

int lines_next(struct lines_cursor *c, struct line *ret)
{
    struct bytes_reader r = { c->at, c->end, 0 };
    uint32_t numbers[NUMBERS];
    if (c->at == c->end)
        return 0;
    *ret = c->before.line;
    unsigned flags = (unsigned)bytes_get(&r);
    get_differences(&r, flags, &c->before, ret);
    uint64_t job = flags & IS_ODD ? bytes_get(&r) : 0;
    int64_t late_us = flags & IS_ODD ? bytes_get_signed(&r) : 0;
    get_numbers(&r, numbers, flags & IS_WIDE);
    int64_t further = spread(numbers, ret);
    if (flags & IS_ODD) {
        ret->job_id = job;
        ret->late_us = late_us;
    } else
        ret->job_id += (uint64_t)further + (ret->slot_us == c->before.line.slot_us ? 0 : c->before.job_step);
    if (r.broken)
        return r.broken;
    c->at = r.at;
    step_on(&c->before, ret);
    return 1;
}
