#include "collector/quorum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A story is a row of things that happen, at seconds after the first failure:
 *
 *   "1-"   look 1 voted down       "1+" up       "1?" it said nothing
 *   "@5"   it is 5 s now
 *
 * and after each of them what the quorum says: the looks it asks for, then
 *   "." wait, "D" down, "R" rejected, "U" undecided.
 * The first word is what it says at once. within is 15 s, timeout 20 s. */
static const struct {
    const char *name;
    unsigned looks;
    const char *events, *says;
} stories[] = {
    {"the first failure is believed",        0, "",                             "D"                       },
    { "one look confirms",                   1, "1-",                           "1. D"                    },
    { "one look rejects",                    1, "1+",                           "1. R"                    },
    { "two looks, spread over the time",     2, "1- @4 @5 2-",                  "1. . . 2. D"             },
    { "the second rejects",                  2, "1- @5 2+",                     "1. . 2. R"               },
    { "a slow look holds up no other",       2, "@5 2- 1-",                     "1. 12. . D"              },
    { "votes may come in any order",         2, "@5 2- 1+",                     "1. 12. . R"              },
    { "three looks",                         3, "1- @4 2- @8 3-",               "1. . 2. . 3. D"          },
    { "an empty look is replaced",           1, "1? @4 2-",                     "1. . 2. D"               },
    { "... up to 2 * looks + 1 in all",      1, "1? @4 2? @8 3?",               "1. . 2. . 3. U"          },
    { "an empty look is no vote for up",     2, "1? @5 2- @8 3-",               "1. . 2. . 3. D"          },
    { "five, and one after the other",       2, "1? @5 2? @8 3? @11 4? @14 5?", "1. . 2. . 3. . 4. . 5. U"},
    { "none begins after the time",          2, "1- @16",                       "1. . U"                  },
    { "... but an open one may still end",   2, "1- @14 @16 @30 2-",            "1. . 2. . . D"           },
    { "nobody answers for ever",             1, "@16 @40 @44 @45",              "1. . . . U"              },
    { "no answer: the question is repeated", 1, "@7 @8 @15 1-",                 "1. . 1. . D"             },
    { "a second vote for a look is ignored", 2, "1- 1- @5 2-",                  "1. . . 2. D"             },
    { "a vote for no such look is ignored",  1, "0- 12- 99+ 1-",                "1. . . . D"              },
    { "a rejection wins over all failures",  2, "1- 2+",                        "1. . R"                  },
};

static int says(struct quorum *q, mono_ns now, char *out)
{
    for (;;) {
        struct quorum_answer a = quorum_next(q, now);
        if (a.word == QUORUM_ASK) {
            out += sprintf(out, "%u", a.look);
            assert_true(a.within_ms >= 1 && a.within_ms <= q->rule.within_ms);
            continue;
        }
        if (a.word == QUORUM_WAIT)
            assert_true(a.until > now);
        return sprintf(out, "%c", ".?DRU"[a.word]);
    }
}

static void test_it_tells_the_expected_story(void **state)
{
    (void)state;
    const mono_ns first = 1000 * NS_PER_S;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct quorum q;
        struct confirm rule = { (uint8_t)stories[i].looks, 15000 };
        mono_ns now = first;
        char heard[200] = "", events[100];
        quorum_init(&q, rule, 20000, first, "w0");
        says(&q, now, heard);
        strcpy(events, stories[i].events);
        for (char *save, *e = strtok_r(events, " ", &save); e; e = strtok_r(NULL, " ", &save)) {
            if (e[0] == '@')
                now = first + atoi(e + 1) * NS_PER_S;
            else {
                char kind = e[strlen(e) - 1], worker[16];
                snprintf(worker, sizeof worker, "w%d", atoi(e));
                quorum_vote(&q, (unsigned)atoi(e),
                            kind == '-'   ? VERDICT_DOWN
                            : kind == '+' ? VERDICT_UP
                                          : VERDICT_UNKNOWN,
                            worker);
            }
            strcat(heard, " ");
            says(&q, now, heard + strlen(heard));
        }
        if (strcmp(heard, stories[i].says) != 0)
            fail_msg("%s: it said '%s', expected '%s'", stories[i].name, heard, stories[i].says);
    }
}

static void test_another_worker_is_asked_for(void **state)
{
    (void)state;
    struct quorum q;
    quorum_init(&q, (struct confirm){ 4, 60000 }, 1000, 0, "w1");
    struct quorum_answer a = quorum_next(&q, 0);
    assert_int_equal(a.word, QUORUM_ASK);
    assert_string_equal(a.avoid, "w1");

    quorum_vote(&q, 1, VERDICT_DOWN, "w2"); /* a tie: who looked last */
    a = quorum_next(&q, 12 * NS_PER_S);
    assert_int_equal(a.look, 2);
    assert_string_equal(a.avoid, "w2");

    quorum_vote(&q, 2, VERDICT_DOWN, "w1"); /* w1 has looked twice */
    a = quorum_next(&q, 24 * NS_PER_S);
    assert_int_equal(a.look, 3);
    assert_string_equal(a.avoid, "w1");
    assert_int_equal(quorum_witnesses(&q), 2);
}

static void test_what_remains_of_the_time_is_said(void **state)
{
    (void)state;
    struct quorum q;
    quorum_init(&q, (struct confirm){ 2, 15000 }, 1000, 0, "w1");
    assert_int_equal(quorum_next(&q, 0).within_ms, 15000);
    quorum_vote(&q, 1, VERDICT_DOWN, "w2");
    struct quorum_answer a = quorum_next(&q, 2 * NS_PER_S);
    assert_int_equal(a.word, QUORUM_WAIT);
    assert_int_equal(a.until, 5 * NS_PER_S);
    a = quorum_next(&q, 6 * NS_PER_S);
    assert_int_equal(a.word, QUORUM_ASK);
    assert_int_equal(a.within_ms, 9000);
}

static void test_witnesses_are_workers_and_not_looks(void **state)
{
    (void)state;
    struct quorum q;
    quorum_init(&q, (struct confirm){ 3, 15000 }, 1000, 0, "w1");
    assert_int_equal(quorum_witnesses(&q), 1);
    quorum_vote(&q, 1, VERDICT_DOWN, "w1");
    assert_int_equal(quorum_witnesses(&q), 1);
    quorum_vote(&q, 2, VERDICT_UNKNOWN, "w2"); /* saw nothing */
    assert_int_equal(quorum_witnesses(&q), 1);
    quorum_vote(&q, 3, VERDICT_DOWN, "w3");
    assert_int_equal(quorum_witnesses(&q), 2);
}

/* Read back from the ledger: look 2 has voted, look 1's answer is not there. */
static void test_a_gap_is_asked_for(void **state)
{
    (void)state;
    struct quorum q;
    quorum_init(&q, (struct confirm){ 2, 15000 }, 1000, 0, "w1");
    assert_true(quorum_vote(&q, 2, VERDICT_DOWN, "w2"));
    struct quorum_answer a = quorum_next(&q, 6 * NS_PER_S);
    assert_int_equal(a.word, QUORUM_ASK);
    assert_int_equal(a.look, 1);
    assert_int_equal(quorum_next(&q, 6 * NS_PER_S).word, QUORUM_WAIT);
}

/* However the votes fall and whenever we look: it always ends, in time, with at
 * most 2 * looks + 1 looks, and as the rule says. */
static void test_it_always_ends_as_the_rule_says(void **state)
{
    (void)state;
    srand(42);
    for (int n = 0; n < 20000; n++) {
        struct quorum q;
        unsigned looks = (unsigned)rand() % (SITE_MAX_LOOKS + 1), down = 0, up = 0, highest = 0;
        struct confirm rule = { (uint8_t)looks, 1 + (uint32_t)rand() % 20000 };
        uint32_t timeout_ms = 50 + (uint32_t)rand() % 20000;
        mono_ns now = 0, end = (rule.within_ms + timeout_ms) * NS_PER_MS + QUORUM_GRACE_NS;
        quorum_init(&q, rule, timeout_ms, 0, "w");
        for (;;) {
            struct quorum_answer a = quorum_next(&q, now);
            if (a.word == QUORUM_ASK) {
                assert_true(now <= rule.within_ms * NS_PER_MS);
                assert_true(a.look >= 1 && a.look <= 2 * looks + 1);
                highest = a.look > highest ? a.look : highest;
                continue;
            }
            if (a.word != QUORUM_WAIT) {
                assert_true(now <= end + NS_PER_S);
                assert_int_equal(a.word == QUORUM_DOWN, up == 0 && down >= looks);
                assert_int_equal(a.word == QUORUM_REJECTED, up > 0);
                break;
            }
            if (highest > 0 && rand() % 2) {
                unsigned look = 1 + (unsigned)rand() % highest, luck = (unsigned)rand() % 8;
                enum verdict v = luck == 0 ? VERDICT_UP : luck < 5 ? VERDICT_DOWN : VERDICT_UNKNOWN;
                if (quorum_vote(&q, look, v, "v")) {
                    down += v == VERDICT_DOWN;
                    up += v == VERDICT_UP;
                }
            } else
                now = rand() % 2 ? a.until : now + (a.until - now) / 2 + 1;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_tells_the_expected_story),
        cmocka_unit_test(test_another_worker_is_asked_for),
        cmocka_unit_test(test_what_remains_of_the_time_is_said),
        cmocka_unit_test(test_witnesses_are_workers_and_not_looks),
        cmocka_unit_test(test_a_gap_is_asked_for),
        cmocka_unit_test(test_it_always_ends_as_the_rule_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
