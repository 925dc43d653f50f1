/* In which part of the sites a site is. */
#include "common/shard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SITES = 100000, MOST = 64 };

/* For ever: other numbers would move all sites of everybody. */
static void test_it_is_what_it_was(void **state)
{
    static const struct {
        uint64_t id;
        uint32_t shards, shard;
    } rows[] = {
        {0,                               0,    0 },
        { 1,                              1,    0 },
        { 7,                              0,    0 },
        { UINT64_C(1),                    2,    0 },
        { UINT64_C(2),                    2,    0 },
        { UINT64_C(3),                    2,    0 },
        { UINT64_C(4),                    2,    1 },
        { UINT64_C(1),                    3,    0 },
        { UINT64_C(2),                    3,    2 },
        { UINT64_C(1000000),              2,    1 },
        { UINT64_C(1000000),              64,   4 },
        { UINT64_C(123456789),            64,   61},
        { UINT64_C(18446744073709551615), 64,   60},
        { UINT64_C(9223372036854775808),  7,    1 },
        { UINT64_C(42),                   1000, 82},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(shard_of(rows[i].id, rows[i].shards), rows[i].shard);
}

/* Ids count up from 1, and whatever is taken of them: all have the same share. */
static void test_all_parts_are_alike(void **state)
{
    static const uint64_t steps[] = { 1, 2, 64, 1000 };
    (void)state;
    for (uint32_t n = 2; n <= MOST; n += n < 8 ? 1 : 19)
        for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
            uint32_t count[MOST] = { 0 };
            for (uint64_t i = 1; i <= SITES; i++)
                count[shard_of(i * steps[k], n)]++;
            for (uint32_t s = 0; s < n; s++) /* within 15 %: above five deviations, also of 64 parts */
                assert_in_range(count[s], SITES * 85 / 100 / n, SITES * 115 / 100 / n);
        }
}

/* With one part more those move that it gets, and no other. */
static void test_few_move(void **state)
{
    (void)state;
    for (uint32_t n = 1; n < 20; n++) {
        uint32_t moved = 0;
        for (uint64_t id = 1; id <= SITES; id++) {
            uint32_t before = shard_of(id, n), after = shard_of(id, n + 1);
            assert_true(after == before || after == n);
            moved += after != before;
        }
        assert_in_range(moved, SITES * 90 / 100 / (n + 1), SITES * 110 / 100 / (n + 1));
    }
}

static void test_a_site_is_in_one(void **state)
{
    (void)state;
    for (uint64_t id = 1; id <= 1000; id++) {
        uint32_t owners = 0;
        for (uint32_t s = 0; s < 5; s++)
            owners += shard_has((struct shard){ s, 5 }, id);
        assert_int_equal(owners, 1);
        assert_true(shard_has((struct shard){ 0, 0 }, id));
        assert_true(shard_has((struct shard){ 0, 1 }, id));
    }
}

/* Whoever counts, from wherever: all numbers are different, go up, and are their giver's. */
static void test_ids_are_nobody_elses(void **state)
{
    (void)state;
    assert_int_equal(shard_next_id((struct shard){ 0, 0 }, 41), 42);
    assert_int_equal(shard_next_id((struct shard){ 0, 1 }, 41), 42);
    for (uint32_t n = 2; n < 7; n++)
        for (uint32_t s = 0; s < n; s++)
            for (uint64_t newest = 0; newest < 50; newest++) {
                uint64_t id = shard_next_id((struct shard){ s, n }, newest);
                assert_in_range(id, newest + 1, newest + n);
                for (uint32_t other = 0; other < n; other++)
                    assert_int_equal(shard_gave((struct shard){ other, n }, id), other == s);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_what_it_was),
        cmocka_unit_test(test_all_parts_are_alike),
        cmocka_unit_test(test_few_move),
        cmocka_unit_test(test_a_site_is_in_one),
        cmocka_unit_test(test_ids_are_nobody_elses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
