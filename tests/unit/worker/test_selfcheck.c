#include "worker/selfcheck.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* One second of looks: how many, how many of them fail, in how many places. */
struct second {
    unsigned looks, failed, places;
};

static const struct {
    const char *name;
    struct second usual;   /* ten minutes of it */
    struct second trouble; /* then eight seconds of it */
    bool doubts;
} stories[] = {
    {"all is well",                               { 100, 0, 0 },   { 100, 0, 0 },    false},
    { "a few fail",                               { 100, 0, 0 },   { 100, 3, 3 },    false},
    { "many fail, everywhere",                    { 100, 0, 0 },   { 100, 60, 40 },  true },
    { "all fail, everywhere",                     { 100, 1, 1 },   { 100, 100, 50 }, true },
    { "all fail, in one network: their provider", { 100, 0, 0 },   { 100, 100, 1 },  false},
    { "all fail, in four networks",               { 100, 0, 0 },   { 100, 100, 4 },  false},
    { "more than usual by a little",              { 100, 10, 10 }, { 100, 20, 10 },  false},
    { "more than usual by far",                   { 100, 10, 10 }, { 100, 90, 10 },  true },
    { "too few to tell",                          { 1, 0, 0 },     { 3, 3, 3 },      false},
    { "few but enough",                           { 5, 0, 0 },     { 5, 5, 5 },      true },
    { "one a second, all of them",                { 1, 0, 0 },     { 1, 1, 1 },      false},
};

static mono_ns pass(struct selfcheck *s, mono_ns now, int seconds, const struct second *each)
{
    for (int t = 0; t < seconds; t++, now += NS_PER_S)
        for (unsigned i = 0; i < each->looks; i++) {
            bool failed = i < each->failed;
            selfcheck_note(s, now + (mono_ns)i * 1000, WAY_V4, failed ? i % each->places : 0, failed);
        }
    return now;
}

static void doubt_comes_when_too_much_fails_in_too_many_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct selfcheck *s = NULL;
        assert_int_equal(selfcheck_new(&s, 30 * NS_PER_S), 0);
        mono_ns now = pass(s, 1000 * NS_PER_S, 600, &stories[i].usual);
        if (selfcheck_suspect(s, now))
            fail_msg("%s: doubts what is usual", stories[i].name);
        now = pass(s, now, 8, &stories[i].trouble);
        if (selfcheck_suspect(s, now) != stories[i].doubts)
            fail_msg("%s", stories[i].name);
        selfcheck_free(s);
    }
}

static void doubt_goes_half_a_minute_after_the_evidence(void **state)
{
    (void)state;
    const struct second well = { 50, 0, 0 }, bad = { 50, 50, 20 };
    struct selfcheck *s = NULL;
    assert_int_equal(selfcheck_new(&s, 30 * NS_PER_S), 0);
    mono_ns now = pass(s, NS_PER_S, 60, &well);
    now = pass(s, now, 120, &bad); /* an outage of ours does not become what is usual */
    assert_true(selfcheck_suspect(s, now));
    now = pass(s, now, 25, &well);
    assert_true(selfcheck_suspect(s, now));
    now = pass(s, now, 20, &well);
    assert_false(selfcheck_suspect(s, now));
    selfcheck_free(s);
}

static void each_way_is_judged_by_itself(void **state)
{
    (void)state;
    struct selfcheck *s = NULL;
    assert_int_equal(selfcheck_new(&s, 30 * NS_PER_S), 0);
    mono_ns now = NS_PER_S;
    /* Ten failures of IPv6 among a thousand good looks over IPv4 are a share of
     * one in a hundred, and all that there is of IPv6. */
    for (int i = 0; i < 1000; i++)
        selfcheck_note(s, now, WAY_V4, 1, false);
    for (int i = 0; i < 25; i++)
        selfcheck_note(s, now, WAY_V6, (uint64_t)i, true);
    assert_true(selfcheck_suspect(s, now));
    selfcheck_free(s);
}

static void running_out_of_something_is_evidence(void **state)
{
    (void)state;
    struct selfcheck *s = NULL;
    assert_int_equal(selfcheck_new(&s, 30 * NS_PER_S), 0);
    for (int i = 0; i < 4; i++)
        selfcheck_note_ours(s, NS_PER_S);
    assert_false(selfcheck_suspect(s, NS_PER_S));
    selfcheck_note_ours(s, 30 * NS_PER_S); /* the first four are long ago */
    assert_false(selfcheck_suspect(s, 30 * NS_PER_S));
    for (int i = 0; i < 4; i++)
        selfcheck_note_ours(s, 31 * NS_PER_S);
    assert_true(selfcheck_suspect(s, 31 * NS_PER_S));
    assert_false(selfcheck_suspect(s, 62 * NS_PER_S));
    selfcheck_free(s);
}

/* Where ten seconds have too few looks, two minutes are looked at. */
static void few_looks_take_longer(void **state)
{
    (void)state;
    struct selfcheck *s = NULL;
    assert_int_equal(selfcheck_new(&s, 30 * NS_PER_S), 0);
    mono_ns now = 1000 * NS_PER_S;
    for (int i = 0; i < 60; i++, now += 4 * NS_PER_S)
        selfcheck_note(s, now, WAY_V4, 1, false);
    for (unsigned i = 0; i < 4; i++, now += 4 * NS_PER_S)
        selfcheck_note(s, now, WAY_V4, 100 + i, true);
    assert_false(selfcheck_suspect(s, now)); /* four networks */
    selfcheck_note(s, now, WAY_V4, 104, true);
    assert_true(selfcheck_suspect(s, now));
    assert_non_null(strstr(selfcheck_reason(s, now), "over IPv4 failed"));
    selfcheck_free(s);
}

static void doubt_that_comes_back_soon_lasts_longer(void **state)
{
    (void)state;
    struct selfcheck *s = NULL;
    assert_int_equal(selfcheck_new(&s, 30 * NS_PER_S), 0);
    static const int holds_s[] = { 30, 60, 120, 240, 480, 480 };
    mono_ns now = 1000 * NS_PER_S;
    for (size_t i = 0; i < sizeof holds_s / sizeof *holds_s; i++) {
        selfcheck_note_canaries(s, now, WAY_NAMES, 1, 1);
        selfcheck_note_canaries(s, now + 1, WAY_NAMES, 1, 1); /* the same doubt */
        now += holds_s[i] * NS_PER_S;
        if (!selfcheck_suspect(s, now))
            fail_msg("time %zu: not in doubt for %d s", i, holds_s[i]);
        now += 2;
        if (selfcheck_suspect(s, now))
            fail_msg("time %zu: in doubt for more than %d s", i, holds_s[i]);
    }
    now += 700 * NS_PER_S; /* all was well for long: it begins anew */
    selfcheck_note_canaries(s, now, WAY_NAMES, 1, 1);
    assert_true(selfcheck_suspect(s, now + 29 * NS_PER_S));
    assert_false(selfcheck_suspect(s, now + 31 * NS_PER_S));
    selfcheck_free(s);
}

/* Where IPv6 is broken, IPv4 may be well; a silent resolver makes everything doubtful. */
static void doubt_bears_on_its_own_way(void **state)
{
    (void)state;
    static const struct {
        const char *name, *reason;
        bool doubts[WAY_COUNT];
    } rows[] = {
        {"canaries over IPv4",  "2 of 3 canaries over IPv4 do not answer", { true, false, false }},
        { "canaries for names", "1 of 1 canaries for names do not answer", { true, true, true }  },
        { "a shortage",         "runs out of descriptors",                 { true, true, true }  },
        { "a late loop",        "its loop is held up",                     { true, true, true }  },
        { "a stepped clock",    "its clock was stepped by +3600 s",        { true, true, true }  },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct selfcheck *s = NULL;
        mono_ns now = 100 * NS_PER_S;
        assert_int_equal(selfcheck_new(&s, 30 * NS_PER_S), 0);
        assert_string_equal(selfcheck_reason(s, now), "");
        selfcheck_tick(s, now, 0, 0);
        switch (i) {
        case 0: selfcheck_note_canaries(s, now, WAY_V4, 2, 3); break;
        case 1: selfcheck_note_canaries(s, now, WAY_NAMES, 1, 1); break;
        case 2:
            for (int k = 0; k < 5; k++)
                selfcheck_note_ours(s, now);
            break;
        case 3:
            for (int k = 0; k < 3; k++)
                selfcheck_tick(s, now + k * NS_PER_S, k * US_PER_S, NS_PER_S);
            now += 2 * NS_PER_S;
            break;
        default: selfcheck_tick(s, now, US_PER_HOUR, 0); break;
        }
        for (unsigned way = 0; way < WAY_COUNT; way++)
            if (selfcheck_doubts(s, (enum way)way, now) != rows[i].doubts[way])
                fail_msg("%s: way %u", rows[i].name, way);
        if (!selfcheck_suspect(s, now) || !strstr(selfcheck_reason(s, now), rows[i].reason))
            fail_msg("%s: %s", rows[i].name, selfcheck_reason(s, now));
        selfcheck_free(s);
    }
}

static void late_at(struct selfcheck *s, mono_ns now)
{
    selfcheck_tick(s, now, now / NS_PER_US, NS_PER_S);
}

static void one_late_turn_is_one_lateness(void **state)
{
    (void)state;
    struct selfcheck *s = NULL;
    assert_int_equal(selfcheck_new(&s, 30 * NS_PER_S), 0);
    mono_ns now = 100 * NS_PER_S;
    for (int i = 0; i < 500; i++) /* five hundred looks hear of the same late turn */
        late_at(s, now + i * NS_PER_MS / 2);
    assert_false(selfcheck_suspect(s, now));
    late_at(s, now + NS_PER_S);
    assert_false(selfcheck_suspect(s, now + NS_PER_S));
    late_at(s, now + 20 * NS_PER_S); /* long after */
    assert_false(selfcheck_suspect(s, now + 20 * NS_PER_S));
    late_at(s, now + 22 * NS_PER_S);
    late_at(s, now + 24 * NS_PER_S);
    assert_true(selfcheck_suspect(s, now + 24 * NS_PER_S));
    selfcheck_free(s);
}

static void lateness_is_remembered(void **state)
{
    (void)state;
    struct selfcheck *s = NULL;
    assert_int_equal(selfcheck_new(&s, 30 * NS_PER_S), 0);
    wall_us wall = 1000000 * US_PER_S;
    selfcheck_tick(s, 10 * NS_PER_S, wall, 400 * NS_PER_MS);
    assert_false(selfcheck_was_late_since(s, 0));
    selfcheck_tick(s, 11 * NS_PER_S, wall + US_PER_S, 600 * NS_PER_MS);
    assert_true(selfcheck_was_late_since(s, 0));
    assert_true(selfcheck_was_late_since(s, 11 * NS_PER_S));
    assert_false(selfcheck_was_late_since(s, 11 * NS_PER_S + 1)); /* began afterwards */
    selfcheck_free(s);
}

static void a_stepped_clock_is_noticed(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        wall_us step;
        bool noticed;
    } steps[] = {
        {"none",                     0,            false},
        { "slewed by half a second", US_PER_S / 2, false},
        { "an hour ahead",           US_PER_HOUR,  true },
        { "an hour back",            -US_PER_HOUR, true },
        { "two seconds",             2 * US_PER_S, true },
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct selfcheck *s = NULL;
        assert_int_equal(selfcheck_new(&s, 30 * NS_PER_S), 0);
        wall_us wall = 1000000 * US_PER_S;
        selfcheck_tick(s, 10 * NS_PER_S, wall, 0);
        assert_false(selfcheck_clock_stepped(s, 10 * NS_PER_S));
        selfcheck_tick(s, 11 * NS_PER_S, wall + US_PER_S + steps[i].step, 0);
        if (selfcheck_clock_stepped(s, 11 * NS_PER_S) != steps[i].noticed)
            fail_msg("%s", steps[i].name);
        selfcheck_tick(s, 80 * NS_PER_S, wall + 70 * US_PER_S + steps[i].step, 0);
        assert_false(selfcheck_clock_stepped(s, 80 * NS_PER_S)); /* a minute later it is the clock */
        selfcheck_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubt_comes_when_too_much_fails_in_too_many_places),
        cmocka_unit_test(doubt_goes_half_a_minute_after_the_evidence),
        cmocka_unit_test(each_way_is_judged_by_itself),
        cmocka_unit_test(running_out_of_something_is_evidence),
        cmocka_unit_test(few_looks_take_longer),
        cmocka_unit_test(doubt_that_comes_back_soon_lasts_longer),
        cmocka_unit_test(doubt_bears_on_its_own_way),
        cmocka_unit_test(one_late_turn_is_one_lateness),
        cmocka_unit_test(lateness_is_remembered),
        cmocka_unit_test(a_stepped_clock_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
