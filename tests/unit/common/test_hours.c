/* Roll-ups come back as they were, in few bytes, and damaged ones are noticed. */
#include "common/store/hours.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DAY = 20513, MOST = 24 * 4 };

struct day {
    uint8_t bytes[HOURS_HEAD + MOST * HOURS_MOST];
    size_t len;
};

static void pack(struct day *d, const struct hour *h, size_t n)
{
    struct hour before;
    hours_head(d->bytes);
    hours_begin(&before, DAY);
    d->len = HOURS_HEAD;
    for (size_t i = 0; i < n; i++) {
        size_t len = hours_put(d->bytes + d->len, &before, &h[i]);
        assert_in_range(len, 1, HOURS_MOST);
        d->len += len;
    }
}

static void expect(const struct day *d, const struct hour *h, size_t n)
{
    struct hours_cursor c;
    struct hour got;
    assert_int_equal(hours_open(&c, DAY, d->bytes, d->len), 0);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(hours_next(&c, &got), 1);
        if (hours_compare(&got, &h[i]) != 0 || got.up != h[i].up || got.down != h[i].down ||
            got.unknown != h[i].unknown || got.took_sum_us != h[i].took_sum_us ||
            got.took_min_us != h[i].took_min_us || got.took_max_us != h[i].took_max_us)
            fail_msg("hour %zu came back changed", i);
    }
    assert_int_equal(hours_next(&c, &got), 0);
}

/* Twelve looks of some 150 ms. */
static struct hour usual(int i)
{
    uint32_t least = 120000 + (uint32_t)(i * 7919 % 9000);
    return (struct hour){
        .hour = (int64_t)DAY * 24 + i,
        .location_id = 1,
        .up = 12,
        .took_sum_us = 12 * UINT64_C(150000) + (uint64_t)(i * 104729 % 90000),
        .took_min_us = least,
        .took_max_us = least + 60000 + (uint32_t)(i * 15485863 % 50000),
    };
}

static void a_usual_day_is_small(void **state)
{
    (void)state;
    struct day d;
    struct hour h[24];
    for (int i = 0; i < 24; i++)
        h[i] = usual(i);
    pack(&d, h, 24);
    expect(&d, h, 24);
    assert_in_range(d.len, 24 * 7, 24 * 9 + 12);
    pack(&d, h, 0);
    expect(&d, h, 0);
    assert_int_equal(d.len, HOURS_HEAD);
}

/* Down for an hour, the largest numbers, such as cannot be, gaps, other locations, another day. */
static void odd_ones_come_back(void **state)
{
    (void)state;
    const int64_t first = (int64_t)DAY * 24;
    const struct hour h[] = {
        {first + 3,       1,          0,          12,         0,          0,          0,          0         },
        { first + 4,      1,          1,          11,         0,          5,          5,          5         },
        { first + 5,      1,          UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT64_MAX, UINT32_MAX, UINT32_MAX},
        { first + 6,      1,          UINT32_MAX, 0,          0,          0,          UINT32_MAX, 0         },
        { first + 23,     1,          0,          0,          0,          0,          0,          0         },
        { first,          2,          12,         0,          0,          1200,       100,        100       },
        { first + 1,      2,          12,         0,          0,          UINT64_MAX, 0,          UINT32_MAX},
        { first + 7,      UINT32_MAX, 1,          2,          3,          4,          5,          6         },
        { first + 100000, UINT32_MAX, 1,          2,          3,          4,          5,          6         },
    };
    struct day d;
    pack(&d, h, sizeof h / sizeof *h);
    expect(&d, h, sizeof h / sizeof *h);
}

static void any_numbers_come_back(void **state)
{
    (void)state;
    srandom(7);
    for (int run = 0; run < 300; run++) {
        struct hour h[MOST];
        struct day d;
        for (int i = 0; i < MOST; i++) {
            unsigned small = (unsigned)random() % 33;
            h[i] = usual(i % 24);
            h[i].location_id = (uint32_t)i / 24;
            h[i].up = (uint32_t)random() >> small % 32;
            h[i].took_sum_us = (uint64_t)random() << small;
            h[i].took_min_us = (uint32_t)random() >> (small + 7) % 32;
            h[i].took_max_us = (uint32_t)random() >> (small + 11) % 32;
        }
        pack(&d, h, MOST);
        expect(&d, h, MOST);
    }
}

/* Whatever lies there, reading ends, and what is cut short is not taken for whole. */
static void damage_is_noticed(void **state)
{
    (void)state;
    struct day d;
    struct hour h[24], got;
    struct hours_cursor c;
    for (int i = 0; i < 24; i++)
        h[i] = usual(i);
    pack(&d, h, 24);
    assert_int_equal(hours_open(&c, DAY, d.bytes, 0), -EBADMSG);
    size_t whole = 0;
    for (size_t len = HOURS_HEAD; len < d.len; len++) {
        int r, n = 0;
        uint8_t *exact = malloc(len); /* so that reading beyond it is seen */
        memcpy(exact, d.bytes, len);
        assert_int_equal(hours_open(&c, DAY, exact, len), 0);
        while ((r = hours_next(&c, &got)) > 0)
            n++;
        assert_true(r == 0 || r == -EBADMSG);
        assert_true(n < 24);
        whole += r == 0;
        free(exact);
    }
    assert_int_equal(whole, 24); /* between two hours, from none on */
    srandom(11);
    for (int run = 0; run < 2000; run++) {
        for (size_t i = 1; i < d.len; i++)
            d.bytes[i] = (uint8_t)random();
        assert_int_equal(hours_open(&c, DAY, d.bytes, d.len), 0);
        while (hours_next(&c, &got) > 0)
            continue;
    }
    d.bytes[0] = 9; /* a layout of the future */
    assert_int_equal(hours_open(&c, DAY, d.bytes, d.len), -EBADMSG);
}

static void hours_are_added_up(void **state)
{
    (void)state;
    struct hour sum = { .down = 2 };
    const struct hour nothing = { .unknown = 1 }, down = { .down = 1 };
    const struct hour slow = { .up = 2, .took_sum_us = 700, .took_min_us = 300, .took_max_us = 400 };
    const struct hour quick = { .up = 1, .took_sum_us = 200, .took_min_us = 200, .took_max_us = 200 };
    const struct hour slowest = { .up = 1, .took_sum_us = 900, .took_min_us = 900, .took_max_us = 900 };
    const struct hour more[] = { nothing, slow, down, quick, slowest };
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        hours_add(&sum, &more[i]);
    assert_int_equal(sum.up, 4);
    assert_int_equal(sum.down, 3);
    assert_int_equal(sum.unknown, 1);
    assert_int_equal(sum.took_sum_us, 1800);
    assert_int_equal(sum.took_min_us, 200);
    assert_int_equal(sum.took_max_us, 900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_usual_day_is_small),  cmocka_unit_test(odd_ones_come_back),
        cmocka_unit_test(any_numbers_come_back), cmocka_unit_test(damage_is_noticed),
        cmocka_unit_test(hours_are_added_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
