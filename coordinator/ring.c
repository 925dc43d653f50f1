#include "coordinator/ring.h"

#include "common/array.h"
#include "common/site.h"

#include <errno.h>
#include <stdlib.h>

enum {
    BITS_STEP = 2,  /* grows to four times as many buckets ... */
    CROWDED = 2,    /* ... when each has that many on average */
    BITS_MOST = 22, /* so that phase times buckets stays in 64 bits */
    FETCH = 8,      /* who is that many buckets ahead is fetched into the processor's cache */
    MANY = 32,      /* in one bucket: sites with one phase, such as somebody would have to look for */
};

int ring_init(struct ring *r, uint32_t every_ms, wall_us passed)
{
    *r = (struct ring){ .every_us = (int64_t)every_ms * US_PER_MS, .passed = passed, .seen = passed };
    r->bucket = calloc(1, sizeof *r->bucket);
    return r->bucket ? 0 : -ENOMEM;
}

void ring_done(struct ring *r)
{
    free(r->bucket);
    free(r->ahead);
    *r = (struct ring){ 0 };
}

/* ── Buckets ───────────────────────────────────────────────────────────── */

static int64_t phase_of(const struct ring *r, wall_us t)
{
    int64_t phase = t % r->every_us;
    return phase < 0 ? phase + r->every_us : phase;
}

static size_t bucket_of(const struct ring *r, int64_t phase)
{
    return (size_t)(((uint64_t)phase << r->bits) / (uint64_t)r->every_us);
}

/* The first phase behind a bucket. */
static int64_t bucket_end(const struct ring *r, size_t i)
{
    uint64_t scaled = (uint64_t)(i + 1) * (uint64_t)r->every_us;
    return (int64_t)((scaled + ((uint64_t)1 << r->bits) - 1) >> r->bits);
}

static void put(struct ring *r, struct ring_seat *seat)
{
    struct ring_seat **bucket = &r->bucket[bucket_of(r, phase_of(r, seat->next))];
    seat->peer = *bucket;
    *bucket = seat;
}

/* Without the memory for it, buckets get longer. */
static void grow(struct ring *r)
{
    struct ring larger = *r;
    larger.bits += BITS_STEP;
    larger.bucket = calloc((size_t)1 << larger.bits, sizeof *larger.bucket);
    if (!larger.bucket)
        return;
    for (size_t i = 0; i < (size_t)1 << r->bits; i++)
        for (struct ring_seat *seat = r->bucket[i], *peer; seat; seat = peer) {
            peer = seat->peer;
            put(&larger, seat);
        }
    free(r->bucket);
    *r = larger;
}

/* Put in order anew from here on: somebody came, or left, whom `ahead` did not expect. */
static void look_again(struct ring *r, wall_us from)
{
    if (r->at < r->end && r->ahead[r->at].slot <= from)
        from = r->ahead[r->at].slot;
    if (from <= r->seen)
        r->seen = from - 1;
    r->at = r->end = 0;
}

void ring_add(struct ring *r, struct ring_seat *seat)
{
    if (r->count >= (size_t)CROWDED << r->bits && r->bits < BITS_MOST)
        grow(r);
    put(r, seat);
    r->count++;
    if (seat->next <= r->seen)
        look_again(r, seat->next > r->passed ? seat->next : r->passed + 1);
}

void ring_drop(struct ring *r, struct ring_seat *seat)
{
    struct ring_seat **at = &r->bucket[bucket_of(r, phase_of(r, seat->next))];
    while (*at != seat)
        at = &(*at)->peer;
    *at = seat->peer;
    r->count--;
    if (r->at < r->end)
        look_again(r, r->seen + 1);
}

/* ── The hand ──────────────────────────────────────────────────────────── */

static int note(struct ring *r, wall_us slot, struct ring_seat *seat)
{
    if (array_room(r->ahead, r->end, r->room) < 0)
        return -ENOMEM;
    r->ahead[r->end++] = (struct ring_visit){ slot, seat };
    return 0;
}

static int by_slot(const void *a, const void *b)
{
    const struct ring_visit *x = a, *y = b;
    return (x->slot > y->slot) - (x->slot < y->slot);
}

static void sort(struct ring_visit *v, size_t n)
{
    if (n > MANY) {
        qsort(v, n, sizeof *v, by_slot);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        struct ring_visit x = v[i];
        size_t k = i;
        for (; k > 0 && v[k - 1].slot > x.slot; k--)
            v[k] = v[k - 1];
        v[k] = x;
    }
}

/* The slots of one bucket that come after `seen`. */
static int open_bucket(struct ring *r)
{
    wall_us from = r->seen + 1;
    int64_t phase = phase_of(r, from);
    size_t i = bucket_of(r, phase);
    wall_us last = from - phase + bucket_end(r, i) - 1;

    r->at = r->end = 0;
    __builtin_prefetch(r->bucket[(i + FETCH) & (((size_t)1 << r->bits) - 1)]);
    for (struct ring_seat *seat = r->bucket[i]; seat; seat = seat->peer) {
        wall_us slot = seat->next;
        if (slot < from) /* it was leapt over */
            slot += (from - slot + r->every_us - 1) / r->every_us * r->every_us;
        if (slot > last)
            continue; /* comes in the next lap */
        int e = note(r, slot, seat);
        if (e < 0) {
            r->end = 0;
            return e;
        }
    }
    sort(r->ahead, r->end);
    r->seen = last;
    return 0;
}

int ring_first(struct ring *r, struct ring_visit *ret)
{
    *ret = (struct ring_visit){ WALL_NEVER, NULL };
    while (r->count > 0 && r->at == r->end) {
        int e = open_bucket(r);
        if (e < 0)
            return e;
    }
    if (r->at < r->end)
        *ret = r->ahead[r->at];
    return 0;
}

void ring_pass(struct ring *r)
{
    r->passed = r->ahead[r->at++].slot;
}

void ring_leap(struct ring *r, wall_us passed)
{
    r->passed = r->seen = passed;
    r->at = r->end = 0;
}
