#include "collector/jury.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define START     (1000 * NS_PER_S)
#define LOOKED_US INT64_C(1700000000000000) /* when looks began, by the wall clock */

static struct result look_of(const char *worker, uint64_t site, char saw)
{
    struct result r = { .run = { .site_id = site },
                        .at_us = LOOKED_US,
                        .suspect = saw == 's',
                        .verdict = saw == '+'   ? VERDICT_UP
                                   : saw == '~' ? VERDICT_UNKNOWN
                                                : VERDICT_DOWN };
    snprintf(r.worker, sizeof r.worker, "%s", worker);
    return r;
}

static void looks(struct jury *j, const char *worker, unsigned n, mono_ns now)
{
    const struct result r = look_of(worker, 1, '+');
    for (unsigned i = 0; i < n; i++)
        jury_look(j, &r, now);
}

/* "a- b+": worker a saw it fail, b saw it up. */
static void round_of(struct jury *j, const char *story, uint64_t site, mono_ns now)
{
    struct result r[8];
    size_t n = 0;
    for (const char *p = story; *p; p += p[2] ? 3 : 2, n++)
        r[n] = look_of((char[]){ p[0], '\0' }, site, p[1]);
    jury_round(j, r, n, now);
}

/* Looks of a and b, then so many rounds on so many sites. Is a doubted, is b? */
static const struct {
    const char *name;
    unsigned a, b;
    const char *round;
    unsigned rounds, sites;
    const char *also; /* one more kind of round, as often; "" none */
    bool a_doubted, b_doubted;
} stories[] = {
    {"nobody fails",                        100, 100, "a+ b+",       10, 10, "",      false, false},
    { "a fails alone",                      100, 100, "a- b+",       5,  5,  "",      true,  false},
    { "four times is too few",              100, 100, "a- b+",       4,  4,  "",      false, false},
    { "one site is the site's own affair",  100, 100, "a- b+",       50, 1,  "",      false, false},
    { "a share of one in fifty",            400, 400, "a- b+",       8,  8,  "",      false, false},
    { "b agrees: an outage",                100, 100, "a- b-",       20, 20, "",      false, false},
    { "two against one",                    100, 100, "a- b- c+",    20, 20, "",      false, false},
    { "its own second look is up",          100, 100, "a- a+",       20, 20, "",      false, false},
    { "its own second look agrees with b",  100, 100, "a- b+ a+",    20, 20, "",      false, false},
    { "three times in one round is once",   100, 100, "a- a- a- b+", 2,  2,  "",      false, false},
    { "nobody else says anything",          100, 100, "a- a-",       20, 20, "",      false, false},
    { "b has no opinion",                   100, 100, "a- b~",       20, 20, "",      false, false},
    { "it doubted itself",                  100, 100, "as b+",       20, 20, "",      false, false},
    { "shaky sites: both are contradicted", 100, 100, "a- b+",       10, 10, "b- a+", false, false},
    { "most of its failures are shared",    100, 100, "a- b+",       10, 10, "a- b-", false, false},
    { "b has hardly looked",                100, 10,  "a- b+",       20, 20, "",      false, false},
    { "a has hardly looked",                10,  100, "a- b+",       20, 20, "",      false, false},
};

static void who_stands_out_is_doubted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct jury *j = NULL;
        assert_int_equal(jury_new(&j), 0);
        looks(j, "a", stories[i].a, START);
        looks(j, "b", stories[i].b, START);
        for (unsigned k = 0; k < stories[i].rounds; k++) {
            /* both kinds in turn, whoever begins */
            round_of(j, stories[i].also[0] && k % 2 ? stories[i].also : stories[i].round,
                     k % stories[i].sites, START + k);
            if (stories[i].also[0])
                round_of(j, k % 2 ? stories[i].round : stories[i].also, k % stories[i].sites, START + k);
        }
        if (jury_doubts(j, "a", START + 100) != stories[i].a_doubted ||
            jury_doubts(j, "b", START + 100) != stories[i].b_doubted)
            fail_msg("%s", stories[i].name);
        jury_free(j);
    }
}

static void note_reason(void *arg, const char *worker, const char *reason)
{
    char *said = arg;
    snprintf(said, 200, "%s: %s", worker, reason);
}

static void doubt_ends_and_comes_back_for_longer(void **state)
{
    (void)state;
    struct jury *j = NULL;
    char said[200] = "";
    mono_ns now = START;
    assert_int_equal(jury_new(&j), 0);
    for (int i = 0; i < 3; i++) {
        looks(j, "a", 50, now);
        looks(j, "b", 50, now);
        for (unsigned k = 0; k < 6; k++)
            round_of(j, "a- b+", k, now);
        jury_each(j, now, note_reason, said);
        assert_string_equal(said, i == 0 ? "a: 5 of its 50 looks failed where other workers saw the site up"
                                         : said);
        mono_ns hold = (60 * NS_PER_S) << i;
        assert_true(jury_doubts(j, "a", now + hold - 1));
        assert_false(jury_doubts(j, "a", now + hold));
        now += hold + 400 * NS_PER_S; /* what was counted is forgotten */
        said[0] = '\0';
        jury_each(j, now, note_reason, said);
        assert_string_equal(said, "");
    }
    now += 7200 * NS_PER_S;
    looks(j, "a", 50, now);
    looks(j, "b", 50, now);
    for (unsigned k = 0; k < 6; k++)
        round_of(j, "a- b+", k, now);
    assert_false(jury_doubts(j, "a", now + 61 * NS_PER_S)); /* long ago: it begins anew */
    jury_free(j);
}

static struct jury *one_that_doubts_a(void)
{
    struct jury *j = NULL;
    assert_int_equal(jury_new(&j), 0);
    looks(j, "a", 50, START);
    looks(j, "b", 50, START);
    for (unsigned k = 0; k < 6; k++)
        round_of(j, "a- b+", k, START);
    assert_true(jury_doubts(j, "a", START));
    return j;
}

static void who_is_doubted_is_no_witness(void **state)
{
    (void)state;
    struct jury *j = one_that_doubts_a();
    for (unsigned k = 0; k < 30; k++)
        round_of(j, "b- a+", k, START); /* there is nobody left to compare b with */
    assert_false(jury_doubts(j, "b", START));
    jury_free(j);
}

static void who_doubts_itself_is_excused(void **state)
{
    (void)state;
    struct jury *j = one_that_doubts_a();
    jury_excuse(j, "a", LOOKED_US);
    jury_excuse(j, "unheard of", LOOKED_US);
    assert_false(jury_doubts(j, "a", START));

    looks(j, "a", 50, START);
    for (unsigned k = 0; k < 30; k++)
        round_of(j, "a- b+", k, START); /* rounds that end late, of looks from before */
    assert_false(jury_doubts(j, "a", START));
    jury_excuse(j, "a", LOOKED_US - 1);
    looks(j, "a", 50, START);
    for (unsigned k = 0; k < 6; k++)
        round_of(j, "a- b+", k, START);
    assert_true(jury_doubts(j, "a", START + 59 * NS_PER_S)); /* later ones count */
    assert_false(jury_doubts(j, "a", START + 60 * NS_PER_S));
    jury_free(j);
}

static void there_is_a_ceiling(void **state)
{
    (void)state;
    struct jury *j = NULL;
    char name[16];
    assert_int_equal(jury_new(&j), 0);
    for (int i = 0; i < JURY_MAX_WORKERS + 10; i++) {
        snprintf(name, sizeof name, "w%d", i);
        looks(j, name, 1, START);
    }
    mono_ns later = START + 7200 * NS_PER_S; /* all of them are forgotten to make room */
    looks(j, "a", 50, later);
    looks(j, "b", 50, later);
    for (unsigned k = 0; k < 6; k++)
        round_of(j, "a- b+", k, later);
    assert_true(jury_doubts(j, "a", later));
    jury_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_stands_out_is_doubted),
        cmocka_unit_test(doubt_ends_and_comes_back_for_longer),
        cmocka_unit_test(who_is_doubted_is_no_witness),
        cmocka_unit_test(who_doubts_itself_is_excused),
        cmocka_unit_test(there_is_a_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
