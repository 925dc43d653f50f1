/* When sites are due: on their grid, each slot at most once, whatever the clock
 * and the caller do. */
#include "common/site.h"
#include "coordinator/schedule.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S  US_PER_S
#define MS US_PER_MS

static const wall_us T0 = 1700000000 * US_PER_S;

static struct schedule *fresh(void)
{
    struct schedule *s = NULL;
    assert_int_equal(schedule_new(&s), 0);
    return s;
}

static void expect(struct schedule *s, wall_us now, uint64_t id, wall_us slot, uint32_t missed)
{
    struct schedule_due d;
    assert_true(schedule_take(s, now, &d));
    assert_int_equal(d.site_id, id);
    assert_int_equal(d.slot_us, slot);
    assert_int_equal(d.missed, missed);
    if (missed > 0)
        assert_int_equal(d.missed_us, slot - (int64_t)missed * d.every_ms * MS);
    assert_int_equal(d.next_us, site_next_slot(id, d.every_ms, slot + 1));
}

static void expect_none(struct schedule *s, wall_us now)
{
    struct schedule_due d;
    assert_false(schedule_take(s, now, &d));
}

static void test_slots_lie_on_the_grid_and_a_restart_continues_it(void **state)
{
    (void)state;
    struct schedule *s = fresh(), *other = fresh();
    assert_int_equal(schedule_next(s), WALL_NEVER);
    assert_int_equal(schedule_set(s, 7, 60000, T0), 0);

    wall_us slot = site_next_slot(7, 60000, T0);
    assert_int_equal(schedule_next(s), slot);
    expect_none(s, slot - 1);
    expect(s, slot, 7, slot, 0);
    expect_none(s, slot);
    expect(s, slot + 60 * S + 3 * S, 7, slot + 60 * S, 0); /* three seconds late changes nothing */

    /* somebody else, started in between, looks at the same instants */
    schedule_set(other, 7, 60000, slot + 61 * S);
    assert_int_equal(schedule_next(other), schedule_next(s));
    assert_int_equal(schedule_next(s), slot + 120 * S);
    schedule_free(s);
    schedule_free(other);
}

static void test_who_asks_late_gets_the_newest_and_is_told_of_the_others(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    wall_us slot = site_next_slot(9, 1000, T0);
    schedule_set(s, 9, 1000, T0);
    expect(s, slot, 9, slot, 0);
    expect(s, slot + 10 * S + S / 2, 9, slot + 10 * S, 9);
    expect_none(s, slot + 10 * S + S / 2);
    expect(s, slot + 11 * S, 9, slot + 11 * S, 0);
    /* a clock that was set forward by 30 years tells no lies and does not hang */
    wall_us far = slot + 30 * 365 * US_PER_DAY;
    expect(s, far, 9, far, (uint32_t)((far - slot) / S - 11 - 1));
    schedule_free(s);
}

static void test_a_clock_set_back_hands_out_nothing_twice(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    wall_us slot = site_next_slot(3, 10000, T0);
    schedule_set(s, 3, 10000, T0);
    for (int i = 0; i < 6; i++)
        expect(s, slot + i * 10 * S, 3, slot + i * 10 * S, 0);
    for (wall_us now = slot - 60 * S; now < slot + 60 * S; now += S)
        expect_none(s, now);
    /* neither does an edit of its interval */
    schedule_set(s, 3, 5000, slot - 60 * S);
    assert_true(schedule_next(s) > slot + 50 * S);
    assert_int_equal(schedule_next(s), site_next_slot(3, 5000, slot + 50 * S + 1));
    schedule_free(s);
}

static void test_a_changed_interval_has_a_grid_of_its_own(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    schedule_set(s, 5, 300000, T0);
    wall_us slot = schedule_next(s);
    expect(s, slot, 5, slot, 0);
    wall_us now = slot + 7 * S;
    schedule_set(s, 5, 30000, now);
    assert_int_equal(schedule_count(s), 1);
    assert_int_equal(schedule_next(s), site_next_slot(5, 30000, now));
    assert_true(schedule_next(s) - now < 30 * S);
    /* and back again: the old places */
    schedule_set(s, 5, 300000, now);
    assert_int_equal(schedule_next(s), slot + 300 * S);
    schedule_free(s);
}

/* A site that was never looked at: interval, and the latest that its first slot may be. */
static const struct {
    const char *name;
    uint32_t every_ms;
    int64_t soon_us;
    bool on_grid;
} newcomers[] = {
    {"five minutes",  300000,            5 * S + 2 * MS, false},
    { "a week",       SITE_MAX_EVERY_MS, 5 * S + 2 * MS, false},
    { "six seconds",  6000,              5 * S + 2 * MS, false},
    { "five seconds", 5000,              5 * S,          true },
    { "one second",   1000,              S,              true },
    { "the shortest", SITE_MIN_EVERY_MS, S / 10,         true },
};

static void test_a_newcomer_is_looked_at_soon(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof newcomers / sizeof *newcomers; i++)
        for (uint64_t id = 1; id <= 200; id++) {
            struct schedule *s = fresh();
            uint32_t every = newcomers[i].every_ms;
            assert_int_equal(schedule_set_new(s, id, every, T0 + 123), 0);
            wall_us first = schedule_next(s);
            if (first < T0 + 123 || first > T0 + 123 + newcomers[i].soon_us)
                fail_msg("%s, id %d: first slot after %lld us", newcomers[i].name, (int)id,
                         (long long)(first - T0 - 123));
            if (newcomers[i].on_grid)
                assert_int_equal(first, site_next_slot(id, every, T0 + 123));
            struct schedule_due d;
            assert_true(schedule_take(s, first, &d));
            assert_int_equal(d.slot_us, first);
            assert_int_equal(d.missed, 0);
            assert_int_equal(schedule_next(s), site_next_slot(id, every, first + 1));
            schedule_free(s);
        }
}

static void test_newcomers_do_not_come_all_at_once(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    for (uint64_t id = 1; id <= 1000; id++)
        schedule_set_new(s, id, 300000, T0);
    int in_second[8] = { 0 };
    struct schedule_due d;
    while (schedule_take(s, T0 + 6 * S, &d))
        in_second[(d.slot_us - T0) / S]++;
    for (int i = 0; i < 5; i++)
        assert_in_range(in_second[i], 130, 270);
    schedule_free(s);
}

/* A hundred thousand at once are no stampede, and none waits longer than its interval;
 * where the queue has gone, the next newcomer is soon again. */
static void test_a_crowd_of_newcomers_is_spread_wider(void **state)
{
    (void)state;
    enum { CROWD = 100000, EARLY = 301 * S / 4 / S * SCHEDULE_SOON_RATE };
    static bool seen[CROWD + 1];
    struct schedule *s = fresh();
    for (uint64_t id = 1; id <= CROWD; id++)
        schedule_set_new(s, id, 300000, T0);
    struct schedule_due d;
    unsigned first[301] = { 0 }, n = 0;
    for (int i = 0; i <= 300; i++)
        while (schedule_take(s, T0 + i * S + S - 1, &d))
            if (!seen[d.site_id]) {
                seen[d.site_id] = true;
                first[i]++;
                n++;
            }
    assert_int_equal(n, CROWD);
    unsigned grid = (CROWD - EARLY) / 300;
    for (int i = 0; i < 75; i++)
        assert_in_range(first[i], i < 70 ? SCHEDULE_SOON_RATE * 2 / 3 : grid / 2,
                        grid + 2 * SCHEDULE_SOON_RATE + 100);
    for (int i = 80; i < 300; i++)
        assert_in_range(first[i], grid / 2, grid * 3 / 2);
    schedule_set_new(s, CROWD + 1, 300000, T0 + 301 * S);
    assert_true(schedule_take(s, T0 + 306 * S + MS, &d));
    while (d.site_id != CROWD + 1)
        assert_true(schedule_take(s, T0 + 306 * S + MS, &d));
    schedule_free(s);
}

static void test_a_first_look_that_was_not_early_is_an_ordinary_one(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    schedule_set_new(s, 11, 60000, T0);
    struct schedule_due d;
    wall_us grid = site_next_slot(11, 60000, T0 + 10 * S);
    assert_true(schedule_take(s, grid + 130 * S, &d));
    assert_int_equal(d.slot_us, grid + 120 * S);
    assert_int_equal(d.missed, 2);
    assert_int_equal(d.missed_us, grid);
    schedule_free(s);
}

static void test_recalling_what_was_due_before(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    wall_us slot = site_next_slot(4, 60000, T0);
    schedule_set(s, 4, 60000, slot + 1);
    assert_false(schedule_recall(s, 99, slot));
    assert_false(schedule_recall(s, 4, slot + 60 * S)); /* to come anyway */
    assert_true(schedule_recall(s, 4, slot));
    expect(s, slot + 5 * S, 4, slot, 0);
    assert_false(schedule_recall(s, 4, slot)); /* handed out */
    expect(s, slot + 60 * S, 4, slot + 60 * S, 0);
    schedule_free(s);
}

static void test_dropped_sites_are_not_due(void **state)
{
    (void)state;
    struct schedule *s = fresh();
    for (uint64_t id = 1; id <= 10; id++)
        schedule_set(s, id, 1000, T0);
    for (uint64_t id = 2; id <= 10; id++)
        schedule_drop(s, id);
    schedule_drop(s, 77);
    assert_int_equal(schedule_count(s), 1);
    expect(s, T0 + S, 1, site_next_slot(1, 1000, T0), 0);
    expect_none(s, T0 + S);
    schedule_free(s);
    schedule_free(NULL);
}

static const struct {
    const char *name;
    uint32_t every_ms;
    int64_t after, now;
    uint32_t count;
} overdue[] = {
    {"nothing has come",     60000, 0,   59,  0 },
    { "one has",             60000, 0,   60,  1 },
    { "one has for a while", 60000, 0,   119, 1 },
    { "ten minutes of them", 60000, 0,   600, 10},
    { "from between two",    60000, 30,  600, 10},
    { "just looked at",      1000,  600, 600, 0 },
};

static void test_what_is_overdue(void **state)
{
    (void)state;
    wall_us slot = site_next_slot(21, 60000, T0);
    for (size_t i = 0; i < sizeof overdue / sizeof *overdue; i++) {
        wall_us first, base = overdue[i].every_ms == 1000 ? site_next_slot(21, 1000, T0) : slot;
        uint32_t n = schedule_overdue(21, overdue[i].every_ms, base + overdue[i].after * S,
                                      base + overdue[i].now * S, &first);
        if (n != overdue[i].count)
            fail_msg("%s: %u and not %u", overdue[i].name, n, overdue[i].count);
        assert_int_equal(first, site_next_slot(21, overdue[i].every_ms, base + overdue[i].after * S + 1));
    }
}

/* A million sites: the memory they take, that no instant gets more than its
 * share, and that each is due once in its interval. */
static void test_a_million_sites(void **state)
{
    (void)state;
    enum { SITES = 1000000, EVERY_S = 300 };
    struct mallinfo2 before = mallinfo2();
    struct schedule *s = fresh();
    for (uint64_t id = 1; id <= SITES; id++)
        assert_int_equal(schedule_set(s, id, EVERY_S * 1000, T0), 0);
    struct mallinfo2 after = mallinfo2();
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    size_t bytes = (after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / SITES;
    assert_in_range(bytes, 50, 200);
#else
    (void)before;
    (void)after;
#endif
    unsigned *second = calloc(EVERY_S, sizeof *second);
    unsigned char *seen = calloc(SITES + 1, 1);
    wall_us last = T0;
    struct schedule_due d;
    for (size_t i = 0; i < SITES; i++) {
        assert_true(schedule_take(s, T0 + EVERY_S * S - 1, &d));
        assert_int_equal(d.missed, 0);
        assert_true(d.slot_us >= last);
        last = d.slot_us;
        second[(d.slot_us - T0) / S]++;
        assert_int_equal(seen[d.site_id]++, 0);
    }
    expect_none(s, T0 + EVERY_S * S - 1);
    for (int i = 0; i < EVERY_S; i++)
        assert_in_range(second[i], SITES / EVERY_S * 85 / 100, SITES / EVERY_S * 115 / 100);
    free(second);
    free(seen);
    schedule_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_lie_on_the_grid_and_a_restart_continues_it),
        cmocka_unit_test(test_who_asks_late_gets_the_newest_and_is_told_of_the_others),
        cmocka_unit_test(test_a_clock_set_back_hands_out_nothing_twice),
        cmocka_unit_test(test_a_changed_interval_has_a_grid_of_its_own),
        cmocka_unit_test(test_a_newcomer_is_looked_at_soon),
        cmocka_unit_test(test_newcomers_do_not_come_all_at_once),
        cmocka_unit_test(test_a_crowd_of_newcomers_is_spread_wider),
        cmocka_unit_test(test_a_first_look_that_was_not_early_is_an_ordinary_one),
        cmocka_unit_test(test_recalling_what_was_due_before),
        cmocka_unit_test(test_dropped_sites_are_not_due),
        cmocka_unit_test(test_what_is_overdue),
        cmocka_unit_test(test_a_million_sites),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
