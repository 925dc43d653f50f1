#include "collector/rounds.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct result look(uint64_t site, unsigned number)
{
    return (struct result){
        .run = {.site_id = site, .slot_us = 77, .look = (uint16_t)number},
        .worker = "w1",
        .verdict = VERDICT_DOWN
    };
}

static void test_a_life(void **state)
{
    (void)state;
    scoped(rounds) struct rounds *s = NULL;
    struct round *r = NULL, *other = NULL;
    struct result zero = look(1, 0), one = look(1, 1), two = look(1, 2);
    assert_int_equal(rounds_new(&s), 0);
    assert_null(rounds_find(s, 1, 0));
    assert_int_equal(rounds_open(s, &zero, 0, (struct confirm){ 2, 1000 }, 500, 0, &r), 0);
    assert_ptr_equal(rounds_find(s, 1, 0), r);
    assert_int_equal(r->slot_us, 77);
    assert_int_equal(rounds_open(s, &zero, 0, (struct confirm){ 2, 1000 }, 500, 0, &other), -EEXIST);

    assert_int_equal(rounds_vote(r, &one, VERDICT_DOWN), 1);
    assert_int_equal(rounds_vote(r, &one, VERDICT_DOWN), 0); /* once */
    assert_int_equal(rounds_vote(r, &two, VERDICT_UNKNOWN), 1);
    assert_int_equal(r->n_looks, 3);
    assert_int_equal(r->looks[0].run.look, 0);
    assert_int_equal(r->looks[1].run.look, 1);
    assert_int_equal(r->looks[2].run.look, 2);
    rounds_close(s, r);
    assert_null(rounds_find(s, 1, 0));
    rounds_close(s, NULL);
    assert_int_equal(rounds_count(s), 0);
}

static void test_they_come_due_in_order(void **state)
{
    (void)state;
    scoped(rounds) struct rounds *s = NULL;
    struct round *r[3];
    const mono_ns due[] = { 30, 10, 20 };
    assert_int_equal(rounds_new(&s), 0);
    assert_int_equal(rounds_next(s), MONO_NEVER);
    for (unsigned i = 0; i < 3; i++) {
        struct result zero = look(i + 1, 0);
        assert_int_equal(rounds_open(s, &zero, 0, (struct confirm){ 1, 1000 }, 500, 0, &r[i]), 0);
        assert_int_equal(rounds_wait(s, r[i], due[i]), 0);
    }
    assert_int_equal(rounds_next(s), 10);
    assert_null(rounds_take_due(s, 9));
    assert_ptr_equal(rounds_take_due(s, 25), r[1]);
    rounds_close(s, r[2]); /* closed while it waits */
    assert_null(rounds_take_due(s, 25));
    assert_int_equal(rounds_next(s), 30);
    assert_ptr_equal(rounds_find(s, 2, 0), r[1]); /* taken, and still open */
}

static void test_the_ceiling_is_an_ordinary_outcome(void **state)
{
    (void)state;
    scoped(rounds) struct rounds *s = NULL;
    struct round *r = NULL;
    assert_int_equal(rounds_new(&s), 0);
    for (uint64_t i = 1; i <= ROUNDS_MAX; i++) {
        struct result zero = look(i, 0);
        assert_int_equal(rounds_open(s, &zero, 0, (struct confirm){ 1, 1000 }, 500, 0, &r), 0);
    }
    struct result more = look(ROUNDS_MAX + 1, 0);
    assert_int_equal(rounds_open(s, &more, 0, (struct confirm){ 1, 1000 }, 500, 0, &r), -ENOSPC);
    rounds_close(s, rounds_find(s, 5, 0));
    assert_int_equal(rounds_open(s, &more, 0, (struct confirm){ 1, 1000 }, 500, 0, &r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_life),
        cmocka_unit_test(test_they_come_due_in_order),
        cmocka_unit_test(test_the_ceiling_is_an_ordinary_outcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
