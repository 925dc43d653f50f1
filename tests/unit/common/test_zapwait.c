/* Questions that wait: in order, until somebody has looked, and not for ever. */
#include "common/zapwait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS(n) ((mono_ns)(n)*NS_PER_MS)

/* A story: what happens when, and who may be answered then. */
static void they_wait_until_somebody_has_looked(void **state)
{
    (void)state;
    static const struct {
        long at_ms;
        char put;        /* asks; 0: nobody */
        int settle;      /* somebody looked after so many had asked; -1: nobody */
        const char *out; /* answered */
        long next_ms;    /* -1: never */
    } rows[] = {
        {0,     0,   -1, "",   -1   },
        { 0,    'a', -1, "",   1000 },
        { 100,  'b', -1, "",   1000 },
        { 150,  0,   0,  "",   1000 }, /* began to look before either asked */
        { 200,  0,   1,  "a",  1100 },
        { 210,  'c', -1, "",   1100 },
        { 220,  0,   3,  "bc", -1   },
        { 300,  0,   2,  "",   -1   },
        { 400,  'd', -1, "",   1400 }, /* an old look is none for those who come
  later */
        { 1399, 0,   -1, "",   1400 },
        { 1400, 0,   -1, "d",  -1   }, /* nobody looks */
        { 1400, 'e', -1, "",   2400 },
        { 9999, 'f', -1, "e",  10999},
        { 9999, 0,   6,  "f",  -1   },
    };
    struct zapwait w = { .n = 0 };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct zap_question q = { .id = { rows[i].put }, .id_len = 1 };
        char out[8] = "";
        mono_ns now = MS(rows[i].at_ms);
        if (rows[i].put)
            assert_true(zapwait_put(&w, &q, now));
        if (rows[i].settle >= 0)
            zapwait_settle(&w, (uint64_t)rows[i].settle);
        while (zapwait_take(&w, now, &q))
            strncat(out, q.id, 1);
        mono_ns next = rows[i].next_ms < 0 ? MONO_NEVER : MS(rows[i].next_ms);
        if (strcmp(out, rows[i].out) != 0 || zapwait_next(&w) != next)
            fail_msg("row %zu: '%s', next at %lld ms", i, out, (long long)(zapwait_next(&w) / NS_PER_MS));
    }
    assert_int_equal(zapwait_asked(&w), 6);
}

static void only_so_many_wait(void **state)
{
    (void)state;
    struct zapwait w = { .n = 0 };
    struct zap_question q = { .id_len = 0 };
    for (int i = 0; i < ZAPWAIT_MAX; i++)
        assert_true(zapwait_put(&w, &q, 0));
    assert_false(zapwait_put(&w, &q, 0));
    assert_int_equal(zapwait_asked(&w), ZAPWAIT_MAX);
    zapwait_settle(&w, 1);
    assert_true(zapwait_take(&w, 0, &q));
    assert_false(zapwait_take(&w, 0, &q));
    assert_true(zapwait_put(&w, &q, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_wait_until_somebody_has_looked),
        cmocka_unit_test(only_so_many_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
