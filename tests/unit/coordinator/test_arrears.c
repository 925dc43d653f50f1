/* Slots that came while nobody was there: which are looked at after all, which
 * are missed, and which were looked at by somebody whom we do not know. */
#include "common/job.h"
#include "coordinator/arrears.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define S     NS_PER_S
#define EPOCH 7
#define GRACE (10 * NS_PER_S)
#define WALL  (1700000000 * US_PER_S)

static struct arrears *fresh(void)
{
    struct arrears *a = NULL;
    assert_int_equal(arrears_new(&a, EPOCH, 0, GRACE), 0);
    return a;
}

static void empty_list(struct arrears *a, int lane, mono_ns now)
{
    assert_int_equal(arrears_in_hand(a, lane, NULL, 0, now), 0);
}

static void has_old_job(struct arrears *a, int lane, uint64_t n, mono_ns now)
{
    uint64_t ids[] = { job_id_make(EPOCH - 1, n), job_id_make(EPOCH, 1) };
    assert_int_equal(arrears_in_hand(a, lane, ids, 2, now), 0);
}

/* What is to be done at `now`, in words: "look 3@0 missed 3@-60x5". Slots are
 * told in seconds from WALL. */
static const char *todo(struct arrears *a, mono_ns now)
{
    static char text[512];
    struct arrears_due d;
    size_t n = 0;
    text[0] = '\0';
    while ((d = arrears_take(a, now, WALL + now / NS_PER_US)).what != ARREARS_NOTHING)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s %d@%dx%u", n ? " " : "",
                              d.what == ARREARS_LOOK ? "look" : "missed", (int)d.site_id,
                              (int)((d.first - WALL) / US_PER_S), d.count);
    mono_ns next = arrears_next(a, now);
    assert_true(next > now);
    assert_int_equal(next == MONO_NEVER, arrears_slots(a) == 0);
    return text;
}

static void owe(struct arrears *a, uint64_t site, int first_s, uint32_t count)
{
    assert_int_equal(arrears_add(a, site, 60000, WALL + first_s * US_PER_S, count), 0);
}

static void test_nothing_in_hand(void **state)
{
    (void)state;
    struct arrears *a = fresh();
    assert_int_equal(arrears_next(a, 0), MONO_NEVER);
    owe(a, 3, -310, 6); /* the youngest came ten seconds ago */
    assert_int_equal(arrears_slots(a), 6);
    assert_string_equal(todo(a, 0), "");
    empty_list(a, 0, S);
    assert_string_equal(todo(a, 2 * S), "");
    assert_string_equal(todo(a, S + ARREARS_LISTEN_NS), "look 3@-10x1");
    assert_string_equal(todo(a, GRACE - 1), "");
    assert_string_equal(todo(a, GRACE), "missed 3@-310x5");
    arrears_free(a);
}

static void test_a_young_one_that_grows_old_is_missed(void **state)
{
    (void)state;
    struct arrears *a = fresh();
    owe(a, 3, -57, 1); /* its successor comes in three seconds; nobody speaks for ten */
    assert_string_equal(todo(a, GRACE - 1), "");
    assert_string_equal(todo(a, GRACE), "missed 3@-57x1");
    arrears_free(a);
}

static void test_jobs_in_hand_hold_the_looks_back(void **state)
{
    (void)state;
    struct arrears *a = fresh();
    owe(a, 3, -10, 1);
    owe(a, 4, -5, 1);
    has_old_job(a, 0, 100, S);
    has_old_job(a, 1, 200, S);
    assert_int_equal(arrears_jobs(a), 2); /* ours are not counted */
    assert_string_equal(todo(a, 20 * S), "");

    /* one of them was site 3's */
    assert_true(arrears_recorded(a, job_id_make(EPOCH - 1, 100), 3, WALL - 10 * US_PER_S));
    assert_false(arrears_recorded(a, job_id_make(EPOCH - 1, 100), 3, WALL - 10 * US_PER_S));
    assert_string_equal(todo(a, 21 * S), "");
    empty_list(a, 1, 22 * S); /* the other is gone */
    assert_string_equal(todo(a, 22 * S), "look 4@-5x1");
    assert_int_equal(arrears_slots(a), 0);
    arrears_free(a);
}

static void test_patience_ends(void **state)
{
    (void)state;
    struct arrears *a = fresh();
    arrears_add(a, 3, 600000, WALL - 5 * US_PER_S, 1);
    has_old_job(a, 0, 100, S);
    assert_string_equal(todo(a, ARREARS_MOST_NS - 1), "");
    assert_string_equal(todo(a, ARREARS_MOST_NS), "look 3@-5x1");
    arrears_free(a);
}

static void test_a_dead_lane_holds_nothing(void **state)
{
    (void)state;
    struct arrears *a = fresh();
    owe(a, 3, -5, 1);
    has_old_job(a, 0, 100, S);
    arrears_lane_lost(a, 1);
    assert_string_equal(todo(a, 12 * S), "");
    arrears_lane_lost(a, 0);
    assert_string_equal(todo(a, 12 * S), "look 3@-5x1");
    arrears_free(a);
}

/* Six slots, every minute from -310 s; those that are recorded meanwhile; what is left to do. */
static const struct {
    const char *name;
    int recorded[7]; /* seconds from WALL; 1 ends the list */
    const char *left;
} strikes[] = {
    {"none",                     { 1 },                                   "look 3@-10x1 missed 3@-310x5"                               },
    { "the youngest",            { -10, 1 },                              "missed 3@-310x5"                                            },
    { "the oldest",              { -310, 1 },                             "look 3@-10x1 missed 3@-250x4"                               },
    { "one in the middle",       { -190, 1 },                             "look 3@-10x1 missed 3@-310x2 missed 3@-130x2"               },
    { "two in the middle",       { -250, -130, 1 },                       "look 3@-10x1 missed 3@-310x1 missed 3@-190x1 missed 3@-70x1"},
    { "all",                     { -310, -10, -250, -70, -190, -130, 1 }, ""                                                           },
    { "what is not of its grid", { -200, -370, 50, 1 },                   "look 3@-10x1 missed 3@-310x5"                               },
    { "the same twice",          { -70, -70, 1 },                         "look 3@-10x1 missed 3@-310x4"                               },
};

static void test_what_is_recorded_is_struck_off(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof strikes / sizeof *strikes; i++) {
        struct arrears *a = fresh();
        owe(a, 3, -310, 6);
        for (const int *at = strikes[i].recorded; *at != 1; at++)
            arrears_recorded(a, 0, 3, WALL + *at * US_PER_S);
        const char *left = todo(a, GRACE + ARREARS_LISTEN_NS);
        if (strcmp(left, strikes[i].left) != 0)
            fail_msg("%s: left is '%s' and not '%s'", strikes[i].name, left, strikes[i].left);
        arrears_free(a);
    }
}

static void test_forgotten_sites_owe_nothing(void **state)
{
    (void)state;
    struct arrears *a = fresh();
    owe(a, 3, -310, 6);
    owe(a, 4, -10, 1);
    arrears_forget(a, 3);
    arrears_forget(a, 99);
    assert_int_equal(arrears_slots(a), 1);
    assert_string_equal(todo(a, 11 * S), "look 4@-10x1");
    arrears_free(a);
    arrears_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_in_hand),
        cmocka_unit_test(test_a_young_one_that_grows_old_is_missed),
        cmocka_unit_test(test_jobs_in_hand_hold_the_looks_back),
        cmocka_unit_test(test_patience_ends),
        cmocka_unit_test(test_a_dead_lane_holds_nothing),
        cmocka_unit_test(test_what_is_recorded_is_struck_off),
        cmocka_unit_test(test_forgotten_sites_owe_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
