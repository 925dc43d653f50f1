#include "common/store/hours.h"

#include "common/store/bytes.h"

#define LAYOUT 1

/* Two bits each in the first byte choose how long the numbers are. */
enum { SHORTEST, BEYOND, LONGEST, NUMBERS };
static const uint8_t lengths[NUMBERS][4] = {
    [SHORTEST] = {1,  2, 3, 5},
    [BEYOND] = { 0, 2, 3, 8},
    [LONGEST] = { 0, 2, 3, 4},
};
enum {
    IS_ELSEWHERE = 1 << 6, /* not the next hour at the same location */
    HAS_COUNTS = 1 << 7,
};

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

int hours_compare(const void *a, const void *b)
{
    const struct hour *x = a, *y = b;
    return x->hour != y->hour ? order(x->hour, y->hour) : order(x->location_id, y->location_id);
}

int hours_compare_packed(const void *a, const void *b)
{
    const struct hour *x = a, *y = b;
    return x->location_id != y->location_id ? order(x->location_id, y->location_id) : order(x->hour, y->hour);
}

void hours_begin(struct hour *before, int64_t day)
{
    *before = (struct hour){ .hour = day * 24 - 1 };
}

void hours_head(uint8_t *to)
{
    *to = LAYOUT;
}

/* May wrap; the way back does, too. */
static void gather(uint64_t n[NUMBERS], const struct hour *before, const struct hour *h)
{
    n[SHORTEST] = bytes_zigzag((int64_t)h->took_min_us - before->took_min_us);
    n[BEYOND] = h->took_sum_us - (uint64_t)h->up * h->took_min_us;
    n[LONGEST] = h->took_max_us - h->took_min_us;
}

static void spread(const uint64_t n[NUMBERS], const struct hour *before, struct hour *h)
{
    h->took_min_us = (uint32_t)(before->took_min_us + bytes_unzigzag(n[SHORTEST]));
    h->took_sum_us = n[BEYOND] + (uint64_t)h->up * h->took_min_us;
    h->took_max_us = (uint32_t)n[LONGEST] + h->took_min_us;
}

static unsigned code_of(int number, uint64_t v)
{
    unsigned code = 0;
    while (code < 3 && v >> (8 * lengths[number][code]))
        code++;
    return code;
}

size_t hours_put(uint8_t *to, struct hour *before, const struct hour *h)
{
    uint64_t n[NUMBERS];
    uint8_t *at = to + 1, head = 0;
    gather(n, before, h);
    if (h->location_id != before->location_id || h->hour != bytes_sum(before->hour, 1)) {
        head |= IS_ELSEWHERE;
        bytes_put(&at, h->location_id);
        bytes_put_signed(&at, bytes_difference(h->hour, before->hour));
    }
    if (h->up != before->up || h->down != before->down || h->unknown != before->unknown) {
        head |= HAS_COUNTS;
        bytes_put(&at, h->up);
        bytes_put(&at, h->down);
        bytes_put(&at, h->unknown);
    }
    for (int i = 0; i < NUMBERS; i++) {
        unsigned code = code_of(i, n[i]);
        head |= (uint8_t)(code << (2 * i));
        for (unsigned k = 0; k < lengths[i][code]; k++)
            *at++ = (uint8_t)(n[i] >> (8 * k));
    }
    *to = head;
    *before = *h;
    return (size_t)(at - to);
}

int hours_open(struct hours_cursor *c, int64_t day, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    if (len < HOURS_HEAD || *at != LAYOUT)
        return -EBADMSG;
    *c = (struct hours_cursor){ .at = at + HOURS_HEAD, .end = at + len };
    hours_begin(&c->before, day);
    return 0;
}

int hours_next(struct hours_cursor *c, struct hour *ret)
{
    struct bytes_reader r = { .at = c->at, .end = c->end };
    struct hour h = c->before;
    uint64_t n[NUMBERS] = { 0 };
    if (c->at == c->end)
        return 0;
    uint8_t head = bytes_get_byte(&r);
    h.hour = (int64_t)((uint64_t)h.hour + 1);
    if (head & IS_ELSEWHERE) {
        h.location_id = (uint32_t)bytes_get(&r);
        h.hour = (int64_t)((uint64_t)c->before.hour + (uint64_t)bytes_get_signed(&r));
    }
    if (head & HAS_COUNTS) {
        h.up = (uint32_t)bytes_get(&r);
        h.down = (uint32_t)bytes_get(&r);
        h.unknown = (uint32_t)bytes_get(&r);
    }
    for (int i = 0; i < NUMBERS; i++)
        for (unsigned k = 0; k < lengths[i][head >> (2 * i) & 3]; k++)
            n[i] |= (uint64_t)bytes_get_byte(&r) << (8 * k);
    spread(n, &c->before, &h);
    if (r.broken)
        return r.broken;
    c->at = r.at;
    c->before = *ret = h;
    return 1;
}

void hours_add(struct hour *to, const struct hour *more)
{
    if (more->up > 0 && (to->up == 0 || more->took_min_us < to->took_min_us))
        to->took_min_us = more->took_min_us;
    if (more->took_max_us > to->took_max_us)
        to->took_max_us = more->took_max_us;
    to->up += more->up;
    to->down += more->down;
    to->unknown += more->unknown;
    to->took_sum_us += more->took_sum_us;
}
