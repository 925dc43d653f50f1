/* A growing string with a ceiling. */
#include "common/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_grows(void **state)
{
    (void)state;
    scoped(text) struct text t = TEXT_UP_TO(100000);
    char expected[32];
    assert_string_equal(text_str(&t), "");
    for (int i = 0; i < 5000; i++) {
        text_addf(&t, "%04d", i);
        text_add(&t, "|");
    }
    assert_int_equal(t.failed, 0);
    assert_int_equal(t.len, 25000);
    assert_int_equal(strlen(text_str(&t)), 25000);
    for (int i = 0; i < 5000; i++) {
        snprintf(expected, sizeof expected, "%04d|", i);
        assert_memory_equal(text_str(&t) + i * 5, expected, 5);
    }
}

static void test_the_ceiling(void **state)
{
    (void)state;
    scoped(text) struct text t = TEXT_UP_TO(5);
    text_add(&t, "abc");
    text_add(&t, "de"); /* exactly full */
    assert_int_equal(t.failed, 0);
    text_add(&t, "");
    assert_int_equal(t.failed, 0);
    text_add(&t, "f");
    assert_int_equal(t.failed, -EMSGSIZE);
    assert_string_equal(text_str(&t), "abcde");

    text_clear(&t);
    assert_string_equal(text_str(&t), "");
    assert_int_equal(t.failed, 0);
    text_addf(&t, "%s", "123456"); /* does not fit: nothing of it is there */
    assert_int_equal(t.failed, -EMSGSIZE);
    assert_string_equal(text_str(&t), "");
}

static void test_the_first_failure_is_kept(void **state)
{
    (void)state;
    scoped(text) struct text t = TEXT_UP_TO(4);
    text_add(&t, "ab");
    text_add(&t, "cdefg");
    text_add(&t, "x"); /* would fit */
    text_addf(&t, "%d", 1);
    text_add_bytes(&t, "y", 1);
    assert_int_equal(t.failed, -EMSGSIZE);
    assert_string_equal(text_str(&t), "ab");
    assert_int_equal(t.len, 2);
}

static void test_nothing_fits_into_nothing(void **state)
{
    (void)state;
    scoped(text) struct text t = TEXT_UP_TO(0);
    text_add(&t, "");
    assert_int_equal(t.failed, 0);
    text_add(&t, "a");
    assert_int_equal(t.failed, -EMSGSIZE);
    assert_string_equal(text_str(&t), "");
}

static void test_bytes(void **state)
{
    (void)state;
    scoped(text) struct text t = TEXT_UP_TO(100);
    text_add_bytes(&t, NULL, 0);
    text_add_bytes(&t, "a\0b", 3);
    assert_int_equal(t.len, 3);
    assert_memory_equal(text_str(&t), "a\0b", 4);
    text_add_bytes(&t, "x", (size_t)-1); /* no overflow of the sum */
    assert_int_equal(t.failed, -EMSGSIZE);
}

static void test_done_leaves_an_empty_one(void **state)
{
    (void)state;
    struct text t = TEXT_UP_TO(10);
    text_add(&t, "abc");
    text_done(&t);
    assert_null(t.at);
    assert_string_equal(text_str(&t), "");
    text_add(&t, "0123456789"); /* the ceiling is still there */
    assert_int_equal(t.failed, 0);
    text_add(&t, "x");
    assert_int_equal(t.failed, -EMSGSIZE);
    text_done(&t);
}

static void test_cut(void **state)
{
    (void)state;
    scoped(text) struct text t = TEXT_UP_TO(10);
    text_cut(&t, 0); /* nothing yet */
    assert_string_equal(text_str(&t), "");
    text_add(&t, "abcdef");
    text_cut(&t, 9);
    assert_string_equal(text_str(&t), "abcdef");
    text_add(&t, "too much for it");
    assert_int_equal(t.failed, -EMSGSIZE);
    text_cut(&t, 3);
    assert_string_equal(text_str(&t), "abc");
    text_add(&t, "!");
    assert_string_equal(text_str(&t), "abc!");
    assert_int_equal(t.failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows),
        cmocka_unit_test(test_the_ceiling),
        cmocka_unit_test(test_the_first_failure_is_kept),
        cmocka_unit_test(test_nothing_fits_into_nothing),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_done_leaves_an_empty_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
