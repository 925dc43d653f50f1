/* Arrays that grow: what is in them stays, and stays in order. */
#include "common/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct thing {
    uint64_t number;
    char filling[40];
};

static void what_is_in_it_stays(void **state)
{
    (void)state;
    struct thing *at = NULL;
    size_t n = 0, room = 0, moves = 0;
    for (uint64_t i = 0; i < 10000; i++) {
        size_t before = room;
        assert_int_equal(array_room(at, n, room), 0);
        assert_true(room > n);
        moves += room != before;
        at[n++] = (struct thing){ .number = i };
    }
    for (uint64_t i = 0; i < n; i++)
        assert_int_equal(at[i].number, i);
    assert_int_equal(moves, 11); /* 16 to 16,384 */
    free(at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_it_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
