/* How long a worker stays away, and what it says. */
#include "worker/exclusion.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void it_asks_less_and_less_often(void **state)
{
    (void)state;
    static const int pause_s[] = { 5, 10, 20, 40, 60, 60, 60 };
    struct exclusion e = { .pause = 0 };
    mono_ns now = 1000 * NS_PER_S;
    for (size_t i = 0; i < sizeof pause_s / sizeof *pause_s; i++) {
        mono_ns until = exclusion_begin(&e, now, 0);
        assert_int_equal(until - now, pause_s[i] * NS_PER_S);
        now = until;
    }
    exclusion_over(&e);
    assert_int_equal(exclusion_begin(&e, now, 0) - now, EXCLUSION_FIRST_NS);
}

/* A thousand workers of a cluster whose key was lost: spread over a quarter of the pause. */
static void not_all_at_once(void **state)
{
    (void)state;
    enum { MANY = 1000, PARTS = 10 };
    unsigned at[PARTS] = { 0 };
    for (uint64_t i = 0; i < MANY; i++) {
        struct exclusion e = { .pause = EXCLUSION_MOST_NS };
        mono_ns more = exclusion_begin(&e, 0, i * 11400714819323198485u >> 20) - EXCLUSION_MOST_NS;
        assert_in_range(more, 0, EXCLUSION_MOST_NS / 4 - 1);
        at[more * PARTS / (EXCLUSION_MOST_NS / 4)]++;
    }
    for (int i = 0; i < PARTS; i++)
        assert_in_range(at[i], MANY / PARTS / 2, MANY / PARTS * 2);
}

static void it_says_what_it_can_know(void **state)
{
    (void)state;
    const wall_us day = 1780000000000000;
    const struct {
        bool stranger;
        wall_us expires_us;
        const char *words;
    } rows[] = {
        {false,  0,       "was revoked, or is not known there"         },
        { false, day + 1, "was revoked, or is not known there"         },
        { false, day,     "token expired at 2026-05-28T20:26:40.000Z"  },
        { true,  0,       "another key than the cluster that this work"},
        { true,  day - 1, "another key than the cluster that this work"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char words[160];
        exclusion_words(rows[i].stranger, rows[i].expires_us, day, words, sizeof words);
        if (!strstr(words, rows[i].words))
            fail_msg("row %zu: %s", i, words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_asks_less_and_less_often),
        cmocka_unit_test(not_all_at_once),
        cmocka_unit_test(it_says_what_it_can_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
