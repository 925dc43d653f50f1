#include "collector/alarms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

enum { N = 500 };

/* Whatever is set, moved and dropped: they come out in order, each once. */
static void test_they_come_in_order(void **state)
{
    (void)state;
    struct alarms a = { 0 };
    struct alarm alarm[N] = { 0 };
    bool set[N] = { false };
    srand(7);
    for (int i = 0; i < 20 * N; i++) {
        int k = rand() % N;
        set[k] = rand() % 3 > 0;
        assert_int_equal(alarms_set(&a, &alarm[k], set[k] ? rand() % 1000 : ALARM_NEVER), 0);
    }
    size_t expected = 0, taken = 0;
    for (int i = 0; i < N; i++)
        expected += set[i];
    assert_int_equal(a.count, expected);

    int64_t last = -1;
    while (alarms_next(&a) != ALARM_NEVER) {
        int64_t next = alarms_next(&a);
        assert_true(next >= last);
        assert_null(alarms_take(&a, next - 1));
        struct alarm *first = alarms_take(&a, next);
        assert_non_null(first);
        assert_int_equal(first->due, next);
        assert_true(set[first - alarm]);
        set[first - alarm] = false;
        last = next;
        taken++;
    }
    assert_int_equal(taken, expected);
    alarms_done(&a);
}

static void test_dropping_what_is_not_set_is_nothing(void **state)
{
    (void)state;
    struct alarms a = { 0 };
    struct alarm one = { 0 }, two = { 0 };
    alarms_drop(&a, &one);
    assert_null(alarms_take(&a, INT64_MAX));
    assert_int_equal(alarms_set(&a, &one, 5), 0);
    alarms_drop(&a, &two);
    assert_ptr_equal(alarms_take(&a, 5), &one);
    alarms_drop(&a, &one);
    assert_int_equal(alarms_next(&a), ALARM_NEVER);
    alarms_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_they_come_in_order),
        cmocka_unit_test(test_dropping_what_is_not_set_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
