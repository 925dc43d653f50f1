#include "coordinator/patience.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_site_is_left_alone_for_as_long_as_it_asked(void **state)
{
    (void)state;
    scoped(patience) struct patience *p = NULL;
    assert_int_equal(patience_new(&p), 0);
    assert_int_equal(patience_left_s(p, 1, 0), 0);
    assert_int_equal(patience_asked(p, 1, 60, 5 * NS_PER_S), 0);
    assert_int_equal(patience_left_s(p, 1, 5 * NS_PER_S), 60);
    assert_int_equal(patience_left_s(p, 2, 5 * NS_PER_S), 0);
    assert_int_equal(patience_left_s(p, 1, 65 * NS_PER_S - 1), 1);
    assert_int_equal(patience_left_s(p, 1, 65 * NS_PER_S), 0);
    assert_int_equal(patience_count(p), 0);

    patience_asked(p, 1, 60, 0); /* the newest word counts, also a shorter one */
    patience_asked(p, 1, 10, 0);
    assert_int_equal(patience_left_s(p, 1, 0), 10);
    patience_asked(p, 1, 0, 0);
    assert_int_equal(patience_left_s(p, 1, 0), 0);
    patience_asked(p, 1, 10, 0);
    patience_forget(p, 1);
    patience_forget(p, 1);
    assert_int_equal(patience_left_s(p, 1, 0), 0);
}

static void the_oldest_makes_room(void **state)
{
    (void)state;
    scoped(patience) struct patience *p = NULL;
    assert_int_equal(patience_new(&p), 0);
    for (uint64_t i = 1; i <= PATIENCE_MAX_SITES + 2; i++)
        assert_int_equal(patience_asked(p, i, 60, 0), 0);
    assert_int_equal(patience_count(p), PATIENCE_MAX_SITES);
    assert_int_equal(patience_left_s(p, 2, 0), 0);
    assert_int_equal(patience_left_s(p, 3, 0), 60);
    assert_int_equal(patience_left_s(p, PATIENCE_MAX_SITES + 2, 0), 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_site_is_left_alone_for_as_long_as_it_asked),
        cmocka_unit_test(the_oldest_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
