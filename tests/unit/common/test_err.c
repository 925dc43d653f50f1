/* A number for the program, a sentence for the person. */
#include "common/err.h"
#include "common/scope.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_set(void **state)
{
    (void)state;
    struct err err = { 0 };
    assert_int_equal(err_set(&err, -EINVAL, "interval %s is too short, %d at least", "5", 100), -EINVAL);
    assert_int_equal(err.code, -EINVAL);
    assert_string_equal(err.text, "interval 5 is too short, 100 at least");
    assert_int_equal(err_set(&err, -ENOENT, "gone"), -ENOENT);
    assert_string_equal(err.text, "gone");
    assert_int_equal(err_set(NULL, -EPERM, "nobody listens"), -EPERM);
}

static void test_where(void **state)
{
    (void)state;
    struct err err = { .code = -EINVAL, .text = "too short" };
    assert_int_equal(err_where(&err, -EINVAL, "every"), -EINVAL);
    assert_int_equal(err_where(&err, -ERANGE, "%s:%d", "sites.yaml", 12), -ERANGE);
    assert_string_equal(err.text, "sites.yaml:12: every: too short");
    assert_int_equal(err.code, -ERANGE);
    assert_int_equal(err_where(NULL, -EPERM, "nobody listens"), -EPERM);
}

static void test_what_is_too_long_is_cut(void **state)
{
    (void)state;
    char longest[1000];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    struct err err = { 0 };
    err_set(&err, -EINVAL, "%s", longest);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    err_where(&err, -EINVAL, "here"); /* the end is lost, not the beginning */
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_memory_equal(err.text, "here: aaaa", 10);
    err_where(&err, -EINVAL, "%s", longest);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_memory_equal(err.text, longest, sizeof err.text - 1);
}

static int released;
static void count_release(int *p)
{
    released += p != NULL;
}
DEFINE_SCOPED(counted, int *, count_release)

static int *hand_on(int *value)
{
    scoped(counted) int *mine = value;
    return moved(mine);
}

static void test_scopes(void **state)
{
    (void)state;
    int value = 1;
    released = 0;
    {
        scoped(counted) int *p = &value;
        scoped(counted) int *none = NULL;
        assert_null(none);
        assert_int_equal(*p, 1);
    }
    assert_int_equal(released, 1);
    assert_ptr_equal(hand_on(&value), &value);
    assert_int_equal(released, 1); /* what is moved is not released */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_where),
        cmocka_unit_test(test_what_is_too_long_is_cut),
        cmocka_unit_test(test_scopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
