/* What the coordinator has to report, until it is recorded. */
#include "coordinator/accounts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define S NS_PER_S

static struct accounts *fresh(void)
{
    struct accounts *a = NULL;
    assert_int_equal(accounts_new(&a), 0);
    return a;
}

static struct account missed(uint64_t site, wall_us slot, uint32_t span)
{
    return (struct account){
        .site_id = site, .slot_us = slot * US_PER_S, .span = span, .every_ms = 1000, .cause = CAUSE_MISSED
    };
}

static struct account lost(uint64_t site, wall_us slot, uint16_t look)
{
    return (struct account){ .site_id = site,
                             .slot_us = slot * US_PER_S,
                             .span = 1,
                             .every_ms = 1000,
                             .look = look,
                             .cause = CAUSE_LOST,
                             .job_id = 5 };
}

static void add(struct accounts *a, struct account x, mono_ns now)
{
    assert_int_equal(accounts_add(a, &x, now), 0);
}

static void expect(struct accounts *a, mono_ns now, uint64_t site, wall_us slot, uint32_t span)
{
    struct account x;
    assert_true(accounts_take(a, now, &x));
    assert_int_equal(x.site_id, site);
    assert_int_equal(x.slot_us, slot * US_PER_S);
    assert_int_equal(x.span, span);
}

static void expect_none(struct accounts *a, mono_ns now)
{
    struct account x;
    assert_false(accounts_take(a, now, &x));
    assert_true(accounts_next(a) > now);
}

static void test_neighbours_become_one_line_until_it_is_sent(void **state)
{
    (void)state;
    struct accounts *a = fresh();
    assert_int_equal(accounts_next(a), MONO_NEVER);
    add(a, missed(1, 10, 1), 0);
    add(a, missed(2, 11, 1), 0);
    add(a, missed(1, 11, 1), 0);
    add(a, missed(1, 12, 5), 0);
    assert_int_equal(accounts_count(a), 2);
    expect_none(a, 0);
    assert_int_equal(accounts_next(a), ACCOUNTS_MERGE_NS);
    struct account x, y;
    assert_true(accounts_take(a, ACCOUNTS_MERGE_NS, &x));
    assert_true(accounts_take(a, ACCOUNTS_MERGE_NS, &y));
    assert_int_equal(x.span + y.span, 8);
    assert_int_equal(x.site_id == 1 ? x.span : y.span, 7);

    add(a, missed(1, 17, 1), S); /* what has been sent does not grow any more */
    assert_int_equal(accounts_count(a), 3);
    add(a, missed(1, 19, 1), S); /* a gap */
    add(a, missed(1, 20, 1), S);
    expect(a, 2 * S, 1, 17, 1);
    expect(a, 2 * S, 1, 19, 2);
    expect_none(a, 2 * S);
    accounts_free(a);
}

static void test_another_interval_is_another_line(void **state)
{
    (void)state;
    struct accounts *a = fresh();
    struct account x = missed(1, 11, 1);
    add(a, missed(1, 10, 1), 0);
    x.every_ms = 2000;
    add(a, x, 0);
    assert_int_equal(accounts_count(a), 2);
    accounts_free(a);
}

static void test_sent_again_until_recorded(void **state)
{
    (void)state;
    struct accounts *a = fresh();
    add(a, lost(1, 10, 0), 0);
    expect(a, 0, 1, 10, 1); /* lost ones go out at once */
    mono_ns now = 0;
    const int waits[] = { 10, 20, 40, 60, 60, 60 };
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        expect_none(a, now + waits[i] * S - 1);
        now += waits[i] * S;
        expect(a, now, 1, 10, 1);
    }
    assert_false(accounts_recorded(a, 1, 10 * US_PER_S, 1, 0)); /* another look */
    assert_false(accounts_recorded(a, 1, 11 * US_PER_S, 0, 0));
    assert_true(accounts_recorded(a, 1, 10 * US_PER_S, 0, 0));
    assert_false(accounts_recorded(a, 1, 10 * US_PER_S, 0, 0));
    assert_int_equal(accounts_count(a), 0);
    assert_int_equal(accounts_next(a), MONO_NEVER);
    accounts_free(a);
}

static void test_what_could_not_be_sent(void **state)
{
    (void)state;
    struct accounts *a = fresh();
    struct account x;
    add(a, lost(1, 10, 2), 0);
    assert_true(accounts_take(a, 0, &x));
    accounts_unsend(a, &x, S);
    expect_none(a, S - 1);
    expect(a, S, 1, 10, 1);
    expect_none(a, 11 * S - 1); /* as if it were the first time */
    expect(a, 11 * S, 1, 10, 1);
    accounts_free(a);
}

static void test_a_run_has_one_line(void **state)
{
    (void)state;
    struct accounts *a = fresh();
    add(a, lost(1, 10, 0), 0);
    add(a, lost(1, 10, 0), 0);
    add(a, lost(1, 10, 1), 0);
    assert_int_equal(accounts_count(a), 2);
    accounts_free(a);
}

/* A collector that says nothing: a bounded number is out, and these are repeated
 * although a great many others wait to be sent for the first time. */
static void test_at_most_so_many_at_once(void **state)
{
    (void)state;
    struct accounts *a = fresh();
    struct account x;
    for (uint64_t i = 1; i <= ACCOUNTS_AT_ONCE + 1000; i++)
        add(a, lost(i, 10, 0), 0);
    for (int i = 0; i < ACCOUNTS_AT_ONCE; i++)
        assert_true(accounts_take(a, 0, &x));
    expect_none(a, 0);
    assert_int_equal(accounts_next(a), 10 * S);
    for (int i = 0; i < ACCOUNTS_AT_ONCE; i++)
        assert_true(accounts_take(a, 10 * S, &x));
    expect_none(a, 10 * S);

    assert_true(accounts_recorded(a, x.site_id, x.slot_us, 0, 0));
    assert_true(accounts_next(a) <= 10 * S);
    assert_true(accounts_take(a, 10 * S, &x));
    expect_none(a, 10 * S);
    accounts_free(a);
}

static void test_the_ceiling_gives_up_the_oldest(void **state)
{
    (void)state;
    struct accounts *a = fresh();
    add(a, missed(1, 10, 33), 0);
    for (uint64_t i = 2; i <= ACCOUNTS_MAX; i++)
        add(a, lost(i, 10, 0), 0);
    assert_int_equal(accounts_count(a), ACCOUNTS_MAX);
    assert_int_equal(accounts_given_up(a), 0);
    add(a, lost(ACCOUNTS_MAX + 1, 10, 0), 0);
    assert_int_equal(accounts_count(a), ACCOUNTS_MAX);
    assert_int_equal(accounts_given_up(a), 33);
    accounts_free(a);
}

static void test_leaving_waits_for_no_neighbours(void **state)
{
    (void)state;
    struct accounts *a = fresh();
    add(a, missed(1, 10, 1), 0);
    expect_none(a, 0);
    accounts_hurry(a, 0);
    expect(a, 0, 1, 10, 1);
    accounts_free(a);
    accounts_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_neighbours_become_one_line_until_it_is_sent),
        cmocka_unit_test(test_another_interval_is_another_line),
        cmocka_unit_test(test_sent_again_until_recorded),
        cmocka_unit_test(test_what_could_not_be_sent),
        cmocka_unit_test(test_a_run_has_one_line),
        cmocka_unit_test(test_at_most_so_many_at_once),
        cmocka_unit_test(test_the_ceiling_gives_up_the_oldest),
        cmocka_unit_test(test_leaving_waits_for_no_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
