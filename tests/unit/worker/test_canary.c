#include "worker/canary.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECOND(n) ((mono_ns)(n)*NS_PER_S)

static bool in_doubt(const struct canary_flock *f, enum way way)
{
    unsigned silent, all;
    return flock_doubts(f, way, &silent, &all);
}

/* Rounds of all canaries: a letter for each canary, + answers, - does not. After
 * each round: whether there is doubt. */
static const struct {
    const char *name;
    unsigned n;
    const char *rounds, *doubt;
} stories[] = {
    {"all answer",                       2, "++ ++ ++",            "..."  },
    { "one does not, once",              1, "+ - + +",             "...." },
    { "one does not, twice",             1, "+ - - +",             "..!." },
    { "on and off",                      1, "- + - + -",           "....."},
    { "silent from the beginning",       1, "- - - -",             ".!!!" },
    { "one of three",                    3, "-++ -++ -++",         "..."  },
    { "half of two",                     2, "-+ -+ -+",            ".!!"  },
    { "half of four",                    4, "--++ --++ ++++",      ".!."  },
    { "two of five",                     5, "--+++ --+++",         ".."   },
    { "not the same ones",               2, "-+ +- -+ +-",         "...." },
    { "all of them, then half are back", 4, "---- ---- --++ +-++", ".!!." },
};

static void half_of_them_silent_is_doubt(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct canary_flock f;
        mono_ns now = SECOND(100);
        flock_init(&f);
        for (unsigned k = 0; k < stories[i].n; k++)
            assert_int_equal(flock_add(&f, WAY_V4, true, now), (int)k);
        const char *p = stories[i].rounds;
        for (size_t round = 0; stories[i].doubt[round]; round++, now += CANARY_EVERY_NS) {
            for (unsigned k = 0; k < stories[i].n; k++, p++) {
                assert_int_equal(flock_take(&f, now), (int)k);
                flock_answered(&f, k, *p == '+');
            }
            p += *p == ' ';
            assert_int_equal(flock_take(&f, now), -1);
            if (in_doubt(&f, WAY_V4) != (stories[i].doubt[round] == '!'))
                fail_msg("%s: round %zu", stories[i].name, round);
        }
    }
}

static void one_that_never_answered_may_not_be_there(void **state)
{
    (void)state;
    struct canary_flock f;
    static const struct {
        bool answers, doubt;
    } rounds[] = {
        {false,  false},
        { false, false},
        { false, false},
        { true,  false},
        { false, false},
        { false, true },
        { true,  false}
    };
    mono_ns now = SECOND(100);
    flock_init(&f);
    flock_add(&f, WAY_NAMES, false, now);
    for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++, now += CANARY_EVERY_NS) {
        assert_int_equal(flock_take(&f, now), 0);
        flock_answered(&f, 0, rounds[i].answers);
        assert_int_equal(in_doubt(&f, WAY_NAMES), rounds[i].doubt);
        if (i == 0) /* nor is it asked faster */
            assert_int_equal(flock_take(&f, now + CANARY_HURRIED_NS), -1);
    }
}

static void each_way_has_its_own(void **state)
{
    (void)state;
    struct canary_flock f;
    unsigned silent, all;
    flock_init(&f);
    assert_int_equal(flock_next(&f), MONO_NEVER);
    flock_add(&f, WAY_V4, true, 0);
    flock_add(&f, WAY_V6, true, 0);
    flock_add(&f, WAY_NAMES, true, 0);
    for (int round = 0; round < 2; round++)
        for (unsigned k = 0; k < 3; k++) {
            flock_take(&f, SECOND(10 * round));
            flock_answered(&f, k, k != 1);
        }
    assert_false(flock_doubts(&f, WAY_V4, &silent, &all));
    assert_false(in_doubt(&f, WAY_NAMES));
    assert_true(flock_doubts(&f, WAY_V6, &silent, &all));
    assert_int_equal(silent, 1);
    assert_int_equal(all, 1);
}

static void they_are_asked_every_five_seconds_and_faster_in_trouble(void **state)
{
    (void)state;
    struct canary_flock f;
    mono_ns now = SECOND(100);
    flock_init(&f);
    flock_add(&f, WAY_V4, true, now);
    assert_int_equal(flock_next(&f), now); /* at once */
    assert_int_equal(flock_take(&f, now), 0);
    assert_int_equal(flock_next(&f), now + CANARY_PATIENCE);
    flock_answered(&f, 0, true);
    assert_int_equal(flock_next(&f), now + CANARY_EVERY_NS);
    assert_int_equal(flock_take(&f, now + CANARY_EVERY_NS - 1), -1);

    flock_hurry(&f, now); /* looks fail */
    assert_int_equal(flock_next(&f), now + CANARY_HURRIED_NS);
    now += CANARY_HURRIED_NS;
    assert_int_equal(flock_take(&f, now), 0);
    flock_answered(&f, 0, false);
    now += SECOND(60); /* the hurry is over, but it was silent */
    assert_int_equal(flock_take(&f, now), 0);
    flock_answered(&f, 0, false);
    assert_int_equal(flock_next(&f), now + CANARY_HURRIED_NS);
    now += CANARY_HURRIED_NS;
    assert_int_equal(flock_take(&f, now), 0);
    flock_answered(&f, 0, true);
    assert_int_equal(flock_next(&f), now + CANARY_EVERY_NS);
}

static void a_question_is_given_up(void **state)
{
    (void)state;
    struct canary_flock f;
    mono_ns now = SECOND(100);
    flock_init(&f);
    flock_add(&f, WAY_V4, true, now);
    assert_int_equal(flock_take(&f, now), 0);
    assert_int_equal(flock_take(&f, now + SECOND(1)), -1); /* is being asked */
    assert_int_equal(flock_give_up(&f, now + CANARY_PATIENCE - 1), -1);
    assert_int_equal(flock_give_up(&f, now + CANARY_PATIENCE), 0);
    assert_int_equal(flock_give_up(&f, now + CANARY_PATIENCE), -1);
    flock_answered(&f, 0, true); /* too late: it counts for nothing */
    now += CANARY_PATIENCE;
    assert_int_equal(flock_take(&f, now), 0);
    assert_int_equal(flock_give_up(&f, now + CANARY_PATIENCE), 0);
    assert_true(in_doubt(&f, WAY_V4));

    now += CANARY_PATIENCE;
    assert_int_equal(flock_take(&f, now), 0);
    flock_void(&f, 0); /* we could not ask: neither an answer nor a silence */
    assert_true(in_doubt(&f, WAY_V4));
    assert_int_equal(flock_take(&f, now + CANARY_HURRIED_NS), 0);
    flock_answered(&f, 0, true);
    assert_false(in_doubt(&f, WAY_V4));
}

static void there_is_a_ceiling(void **state)
{
    (void)state;
    struct canary_flock f;
    flock_init(&f);
    for (int i = 0; i < CANARY_MAX; i++)
        assert_int_equal(flock_add(&f, WAY_V4, true, 0), i);
    assert_int_equal(flock_add(&f, WAY_V4, true, 0), -ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_of_them_silent_is_doubt),
        cmocka_unit_test(one_that_never_answered_may_not_be_there),
        cmocka_unit_test(each_way_has_its_own),
        cmocka_unit_test(they_are_asked_every_five_seconds_and_faster_in_trouble),
        cmocka_unit_test(a_question_is_given_up),
        cmocka_unit_test(there_is_a_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
