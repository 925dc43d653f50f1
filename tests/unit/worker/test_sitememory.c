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
    assert_true(sitememory_wants_get(m, 1, 25 * HOUR - 1));
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

static void the_one_unused_for_longest_makes_room(void **state)
{
    (void)state;
    struct sitememory *m = NULL;
    assert_int_equal(sitememory_new(&m, 3), 0);
    for (uint64_t i = 1; i <= 3; i++)
        sitememory_set_up(m, i, true);
    sitememory_set_up(m, 1, true); /* used again */
    sitememory_set_up(m, 4, true);
    assert_int_equal(sitememory_count(m), 3);
    assert_true(sitememory_was_up(m, 1));
    assert_false(sitememory_was_up(m, 2));
    assert_true(sitememory_was_up(m, 3) && sitememory_was_up(m, 4));
    sitememory_free(m);

    assert_int_equal(sitememory_new(&m, 0), 0); /* remembers nothing, and lives */
    sitememory_set_up(m, 1, true);
    assert_false(sitememory_was_up(m, 1));
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
        cmocka_unit_test(the_one_unused_for_longest_makes_room),
        cmocka_unit_test(urls_have_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
