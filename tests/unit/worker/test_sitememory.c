#include "worker/sitememory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HOUR (3600 * NS_PER_S)

static void get_is_believed_for_a_day(void **state)
{
    (void)state;
    struct sitememory *m = NULL;
    assert_int_equal(sitememory_new(&m, 10), 0);
    assert_false(sitememory_wants_get(m, 1, 0));
    sitememory_needs_get(m, 1, HOUR);
    assert_true(sitememory_wants_get(m, 1, HOUR));
    assert_true(sitememory_wants_get(m, 1, 25 * HOUR - 60 * NS_PER_S));
    assert_false(sitememory_wants_get(m, 1, 25 * HOUR));
    assert_false(sitememory_wants_get(m, 2, HOUR));

    assert_false(sitememory_was_up(m, 1));
    sitememory_set_up(m, 1, true);
    assert_true(sitememory_was_up(m, 1));
    assert_true(sitememory_wants_get(m, 1, 2 * HOUR)); /* one does not overwrite the other */
    sitememory_set_up(m, 1, false);
    assert_false(sitememory_was_up(m, 1));
    assert_int_equal(sitememory_count(m), 1);
    sitememory_free(m);
}

static void many_are_remembered(void **state)
{
    (void)state;
    enum { SITES = 200000 };
    struct sitememory *m = NULL;
    assert_int_equal(sitememory_new(&m, SITES), 0);
    for (uint64_t i = 0; i < SITES; i++) {
        sitememory_set_up(m, i, i % 3 > 0);
        if (i % 5 == 0)
            sitememory_needs_get(m, i, HOUR);
    }
    unsigned forgotten = 0, wrong = 0;
    for (uint64_t i = 0; i < SITES; i++) {
        bool up = sitememory_was_up(m, i), get = sitememory_wants_get(m, i, 2 * HOUR);
        forgotten += up != (i % 3 > 0) || get != (i % 5 == 0);
        wrong += (up && i % 3 == 0) || (get && i % 5 != 0);
    }
    assert_int_equal(wrong, 0);
    assert_in_range(forgotten, 0, SITES / 50); /* a row that is full by chance */
    sitememory_free(m);
}

static void there_is_a_ceiling(void **state)
{
    (void)state;
    enum { CEILING = 10000, MORE = 1000000 };
    struct sitememory *m = NULL;
    assert_int_equal(sitememory_new(&m, CEILING), 0);
    sitememory_set_up(m, 0, true);
    for (uint64_t i = 1; i < MORE; i++) {
        sitememory_set_up(m, i, true);
        if (i % 1000 == 0)
            sitememory_set_up(m, 0, true); /* used again and again */
    }
    assert_in_range(sitememory_count(m), CEILING, 4 * CEILING);
    assert_true(sitememory_was_up(m, 0) && sitememory_was_up(m, MORE - 1));
    assert_false(sitememory_was_up(m, 1));
    sitememory_free(m);

    assert_int_equal(sitememory_new(&m, 0), 0); /* remembers nothing, and lives */
    sitememory_set_up(m, 1, true);
    assert_false(sitememory_was_up(m, 1));
    sitememory_free(m);
}

static void long_uptimes_do_not_confuse(void **state)
{
    (void)state;
    struct sitememory *m = NULL;
    assert_int_equal(sitememory_new(&m, 10), 0);
    for (mono_ns day = 0; day < 400; day++) {
        sitememory_needs_get(m, (uint64_t)day, day * 24 * HOUR);
        assert_true(sitememory_wants_get(m, (uint64_t)day, day * 24 * HOUR + 23 * HOUR));
        assert_false(sitememory_wants_get(m, (uint64_t)day, day * 24 * HOUR + 25 * HOUR));
    }
    sitememory_free(m);
}

static void urls_have_keys(void **state)
{
    (void)state;
    assert_int_equal(sitememory_key("http://a.test/"), sitememory_key("http://a.test/"));
    assert_true(sitememory_key("http://a.test/") != sitememory_key("http://a.test/b"));
    assert_true(sitememory_key("") != sitememory_key("a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_is_believed_for_a_day),
        cmocka_unit_test(many_are_remembered),
        cmocka_unit_test(there_is_a_ceiling),
        cmocka_unit_test(long_uptimes_do_not_confuse),
        cmocka_unit_test(urls_have_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
