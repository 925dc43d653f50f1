/* Whether we may act, in stories: what was answered when, and what follows. */
#include "common/leader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MS     NS_PER_MS
#define LEASE  (10 * NS_PER_S)
#define NO_ASK (-1) /* time passes */

struct line {
    int64_t asked_ms, at_ms; /* an answer to what was asked then; NO_ASK */
    enum leader_answer answer;
    enum leader_state state; /* then */
    int64_t until_ms;        /* 0: not looked at */
    int64_t ask_ms;          /* 0: not looked at; -1: never */
};

static void play(const char *name, mono_ns lease, const struct line *line, size_t n)
{
    struct leader l;
    leader_init(&l, lease, 0);
    for (size_t i = 0; i < n; i++) {
        mono_ns now = line[i].at_ms * MS;
        if (line[i].asked_ms != NO_ASK)
            leader_hear(&l, line[i].answer, line[i].asked_ms * MS, now);
        if (leader_now(&l, now) != line[i].state)
            fail_msg("%s, line %zu: %s, not %s", name, i, leader_state_name(leader_now(&l, now)),
                     leader_state_name(line[i].state));
        if (line[i].until_ms && l.until != line[i].until_ms * MS)
            fail_msg("%s, line %zu: until %lld ms", name, i, (long long)(l.until / MS));
        mono_ns ask = line[i].ask_ms < 0 ? MONO_NEVER : line[i].ask_ms * MS;
        if (line[i].ask_ms && l.ask != ask)
            fail_msg("%s, line %zu: asks at %lld ms", name, i, (long long)(l.ask / MS));
    }
}

#define STORY(name, lease, ...)                                  \
    static void test_##name(void **state)                        \
    {                                                            \
        static const struct line lines[] = { __VA_ARGS__ };      \
        (void)state;                                             \
        play(#name, lease, lines, sizeof lines / sizeof *lines); \
    }

/* clang-format off */
STORY(alone_from_the_beginning, LEASE,
    { 0,      2,     LEADER_OURS,         LEADER_LEADING, 9000,  1000 },
    { 1000,   1003,  LEADER_OURS,         LEADER_LEADING, 10000, 2000 },
    { NO_ASK, 9999,  0,                   LEADER_LEADING, 0,     0 },
    { NO_ASK, 10000, 0,                   LEADER_LAPSED,  0,     0 })

STORY(it_waits_and_takes_over, LEASE,
    { 0,      2,     LEADER_ANOTHERS,     LEADER_WAITING, 0,     202 },
    { 202,    204,   LEADER_NOBODY_KNOWS, LEADER_WAITING, 0,     404 },
    { 404,    5404,  LEADER_ANOTHERS,     LEADER_WAITING, 0,     5604 },
    { 5604,   5606,  LEADER_OURS,         LEADER_LEADING, 14604, 6604 })

STORY(a_renewal_is_lost, LEASE,
    { 0,      2,     LEADER_OURS,         LEADER_LEADING, 9000,  1000 },
    { 1000,   1002,  LEADER_NOBODY_KNOWS, LEADER_LEADING, 9000,  1202 },
    { 1202,   1204,  LEADER_OURS,         LEADER_LEADING, 10202, 2202 })

/* Counted from the question: what was on its way for 8 s holds for one more. */
STORY(an_answer_comes_late, LEASE,
    { 0,      2,     LEADER_OURS,         LEADER_LEADING, 9000,  1000 },
    { 1000,   9500,  LEADER_OURS,         LEADER_LEADING, 10000, 2000 },
    { NO_ASK, 10001, 0,                   LEADER_LAPSED,  0,     0 })

STORY(an_answer_comes_too_late, LEASE,
    { 0,      2,     LEADER_OURS,         LEADER_LEADING, 9000,  1000 },
    { 1000,   10500, LEADER_OURS,         LEADER_LAPSED,  10000, 2000 },
    { 10500,  10502, LEADER_OURS,         LEADER_LEADING, 19500, 11500 })

STORY(the_first_answer_comes_too_late, LEASE,
    { 0,      9000,  LEADER_OURS,         LEADER_LAPSED,  9000,  1000 },
    { 9000,   9100,  LEADER_ANOTHERS,     LEADER_DEPOSED, 0,     -1 })

STORY(the_database_is_away_and_comes_back, LEASE,
    { 0,      2,     LEADER_OURS,         LEADER_LEADING, 9000,  1000 },
    { 1000,   2000,  LEADER_NOBODY_KNOWS, LEADER_LEADING, 9000,  2200 },
    { 8000,   9100,  LEADER_NOBODY_KNOWS, LEADER_LAPSED,  0,     9300 },
    { 9300,   60000, LEADER_NOBODY_KNOWS, LEADER_LAPSED,  0,     60200 },
    { 60200,  60210, LEADER_OURS,         LEADER_LEADING, 69200, 61200 })

STORY(it_was_stopped_and_another_came, LEASE,
    { 0,      2,     LEADER_OURS,         LEADER_LEADING, 9000,  1000 },
    { NO_ASK, 40000, 0,                   LEADER_LAPSED,  0,     0 },
    { 40000,  40001, LEADER_ANOTHERS,     LEADER_DEPOSED, 0,     -1 },
    { 40200,  40201, LEADER_OURS,         LEADER_DEPOSED, 0,     -1 })

/* By the operator's hand, or a database whose clock jumped. */
STORY(deposed_in_the_middle_of_its_lease, LEASE,
    { 0,      2,     LEADER_OURS,         LEADER_LEADING, 9000,  1000 },
    { 1000,   1002,  LEADER_ANOTHERS,     LEADER_DEPOSED, 0,     -1 })

STORY(a_short_lease_is_renewed_ten_times_in_it, 3 * NS_PER_S,
    { 0,      2,     LEADER_OURS,         LEADER_LEADING, 2700,  300 })

STORY(without_a_lease_it_has_no_end, 0,
    { 0,      2,     LEADER_ANOTHERS,     LEADER_WAITING, 0,     202 },
    { 202,    204,   LEADER_OURS,         LEADER_LEADING, 0,     -1 },
    { NO_ASK, INT64_C(9000000000), 0,     LEADER_LEADING, 0,     -1 })
/* clang-format on */

/* Our clock is faster or slower than the database's: as long as that is less than a tenth, we stop before
 * the first moment in which anybody else may come. */
static void test_two_never_act_at_once(void **state)
{
    (void)state;
    for (int percent = -10; percent <= 10; percent++)
        for (int64_t trip_ms = 0; trip_ms <= 9000; trip_ms += 500) {
            struct leader l;
            leader_init(&l, LEASE, 0);
            leader_hear(&l, LEADER_OURS, 0, trip_ms * MS);
            /* The database renews no sooner than it is asked; its lease ends that much later, on our clock.
             */
            mono_ns free_at = LEASE * 100 / (100 + percent);
            assert_int_not_equal(leader_now(&l, free_at), LEADER_LEADING);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone_from_the_beginning),
        cmocka_unit_test(test_it_waits_and_takes_over),
        cmocka_unit_test(test_a_renewal_is_lost),
        cmocka_unit_test(test_an_answer_comes_late),
        cmocka_unit_test(test_an_answer_comes_too_late),
        cmocka_unit_test(test_the_first_answer_comes_too_late),
        cmocka_unit_test(test_the_database_is_away_and_comes_back),
        cmocka_unit_test(test_it_was_stopped_and_another_came),
        cmocka_unit_test(test_deposed_in_the_middle_of_its_lease),
        cmocka_unit_test(test_a_short_lease_is_renewed_ten_times_in_it),
        cmocka_unit_test(test_without_a_lease_it_has_no_end),
        cmocka_unit_test(test_two_never_act_at_once),
    };
    return cmocka_run_group_tests_name("leader", tests, NULL, NULL);
}
