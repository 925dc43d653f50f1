/* Ids that are never reused, and the names of locations and workers. */
#include "common/job.h"

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
#define M40      ((UINT64_C(1) << 40) - 1)
#define TEN      "abcdefghij"

static void test_ids(void **state)
{
    (void)state;
    static const struct {
        uint32_t epoch;
        uint64_t counter, id;
    } rows[] = {
        {0,         0,       0                          },
        { 0,        1,       1                          },
        { 1,        0,       UINT64_C(1) << 40          },
        { 1,        M40,     (UINT64_C(1) << 40) + M40  },
        { 3,        12345,   (UINT64_C(3) << 40) + 12345},
        { 0xffffff, M40,     UINT64_MAX                 },
        { 2,        M40 + 1, UINT64_C(2) << 40          }, /* a counter does not spill into the epoch */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t id = job_id_make(rows[i].epoch, rows[i].counter);
        assert_true(id == rows[i].id);
        assert_int_equal(job_id_epoch(id), rows[i].epoch);
    }
    /* Whatever an earlier coordinator gave out is below. */
    assert_true(job_id_make(7, M40) < job_id_make(8, 0));
}

static const struct {
    const char *name;
    bool location, worker;
} names[] = {
    {"",                              false, false},
    { "a",                            true,  true },
    { "local",                        true,  true },
    { "eu-west-1",                    true,  true },
    { "a-",                           true,  true },
    { "1a",                           false, true },
    { "-a",                           false, true },
    { "Local",                        false, true },
    { "a_b",                          false, true },
    { "a.b",                          false, true },
    { "host.example.com-4711",        false, true },
    { "A-Z.a_z-0.9",                  false, true },
    { "a b",                          false, false},
    { "a/b",                          false, false},
    { "a\n",                          false, false},
    { "\xc3\xa4",                     false, false},
    { "a,b",                          false, false},
    { TEN TEN TEN "a",                true,  true }, /* 31 */
    { TEN TEN TEN "ab",               false, true }, /* 32 */
    { TEN TEN TEN TEN TEN TEN "abc",  false, true }, /* 63 */
    { TEN TEN TEN TEN TEN TEN "abcd", false, false}, /* 64 */
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        if (location_valid(names[i].name) != names[i].location ||
            worker_name_valid(names[i].name) != names[i].worker)
            fail_msg("'%s': location %d, worker %d", names[i].name, location_valid(names[i].name),
                     worker_name_valid(names[i].name));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_ids), cmocka_unit_test(test_names) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
