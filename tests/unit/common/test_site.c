/* The grid of due times, copies, and methods. */
#include "common/site.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const uint32_t intervals_ms[] = { SITE_MIN_EVERY_MS, 999, 1000, 60000, 300000, SITE_MAX_EVERY_MS };
static const wall_us moments[] = {
    0, 1, INT64_C(1772357400125999), INT64_C(951782400000000), -1, INT64_C(4102444799999000)
};

static void test_slots_are_on_the_grid(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(intervals_ms); i++)
        for (size_t k = 0; k < COUNT(moments); k++)
            for (uint64_t id = 1; id < 50; id++) {
                int64_t every = intervals_ms[i] * US_PER_MS, phase = site_phase_us(id, intervals_ms[i]);
                wall_us slot = site_next_slot(id, intervals_ms[i], moments[k]);
                assert_true(phase >= 0 && phase < every);
                assert_true(slot >= moments[k] && slot < moments[k] + every);
                assert_int_equal((slot - phase) % every, 0);
                /* the first at or after itself is itself, and the next one is one interval on */
                assert_int_equal(site_next_slot(id, intervals_ms[i], slot), slot);
                assert_int_equal(site_next_slot(id, intervals_ms[i], slot + 1), slot + every);
            }
}

/* Another process, another day: the same grid. These numbers must never change. */
static void test_the_grid_is_the_same_everywhere(void **state)
{
    (void)state;
    static const struct {
        uint64_t id;
        int64_t phase_us; /* in five minutes */
    } rows[] = {
        {1,        200822465},
        { 2,       56348110 },
        { 1000000, 64559847 }
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(site_phase_us(rows[i].id, 300000), rows[i].phase_us);
}

/* Sites that were added together do not fire together. */
static void test_phases_are_spread(void **state)
{
    (void)state;
    enum { SITES = 100000, BINS = 100 };
    unsigned bin[BINS] = { 0 };
    for (uint64_t id = 1; id <= SITES; id++)
        bin[site_phase_us(id, 300000) * BINS / (300000 * US_PER_MS)]++;
    for (int i = 0; i < BINS; i++)
        assert_in_range(bin[i], SITES / BINS * 85 / 100, SITES / BINS * 115 / 100);
}

static void test_a_copy_owns_its_strings(void **state)
{
    (void)state;
    char name[] = "shop", url[] = "http://shop.example/", tags[] = "prod", contains[] = "";
    struct site site = {
        .id = 7,
        .name = name,
        .url = url,
        .tags = tags,
        .contains = contains,
        .every_ms = 60000,
        .confirm = {2, 15000},
        .paused = true
    };
    scoped(site) struct site *copy = site_copy(&site);
    assert_non_null(copy);
    memset(name, 'x', sizeof name - 1);
    memset(url, 'x', sizeof url - 1);
    memset(tags, 'x', sizeof tags - 1);
    assert_string_equal(copy->name, "shop");
    assert_string_equal(copy->url, "http://shop.example/");
    assert_string_equal(copy->tags, "prod");
    assert_string_equal(copy->contains, "");
    assert_int_equal(copy->id, 7);
    assert_int_equal(copy->every_ms, 60000);
    assert_int_equal(copy->confirm.within_ms, 15000);
    assert_true(copy->paused);
    site_free(NULL);
}

static void test_methods(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum method method; /* METHOD_COUNT: refused */
    } rows[] = {
        {"auto",  METHOD_AUTO },
        { "HEAD", METHOD_HEAD },
        { "GET",  METHOD_GET  },
        { "head", METHOD_HEAD },
        { "Auto", METHOD_AUTO },
        { "POST", METHOD_COUNT},
        { "",     METHOD_COUNT},
        { "GET ", METHOD_COUNT},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        enum method m = METHOD_COUNT;
        struct err err = { 0 };
        assert_int_equal(method_parse(rows[i].text, &m, &err), rows[i].method == METHOD_COUNT ? -EINVAL : 0);
        assert_int_equal(m, rows[i].method);
        if (m == METHOD_COUNT)
            assert_non_null(strstr(err.text, "is not one of auto, HEAD, GET"));
    }
    for (unsigned m = 0; m < METHOD_COUNT; m++) {
        enum method back = METHOD_COUNT;
        assert_int_equal(method_parse(method_name((enum method)m), &back, NULL), 0);
        assert_int_equal(back, m);
    }
    assert_string_equal(method_name(METHOD_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_are_on_the_grid),
        cmocka_unit_test(test_the_grid_is_the_same_everywhere),
        cmocka_unit_test(test_phases_are_spread),
        cmocka_unit_test(test_a_copy_owns_its_strings),
        cmocka_unit_test(test_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
