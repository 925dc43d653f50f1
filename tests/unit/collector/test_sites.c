#include "collector/sites.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct site site(uint64_t id, const char *url)
{
    return (struct site){ .id = id, .name = url, .url = url, .tags = "", .contains = "" };
}

/* new up suspected down unknown paused */
static void expect(const struct sites *s, const char *what, const unsigned (*want)[6])
{
    struct pulse p = { 0 };
    sites_count(s, &p);
    const uint64_t got[6] = { p.fresh, p.up, p.suspected, p.down, p.unknown, p.paused };
    for (int i = 0; i < 6; i++)
        if (got[i] != (*want)[i])
            fail_msg("%s: count %d is %u, expected %u", what, i, (unsigned)got[i], (*want)[i]);
}
#define COUNTS(...) (&(const unsigned[6]){ __VA_ARGS__ })

static void test_counts_follow_every_change(void **state)
{
    (void)state;
    scoped(sites) struct sites *s = NULL;
    struct watched *w = NULL;
    assert_int_equal(sites_new(&s), 0);
    for (uint64_t id = 1; id <= 3; id++) {
        struct site x = site(id, "http://x/");
        assert_int_equal(sites_set(s, &x, &w), 0);
    }
    expect(s, "three new ones", COUNTS(3, 0, 0, 0, 0, 0));
    struct site_state loaded = { .site_id = 1, .health = HEALTH_DOWN, .incident_id = 9 },
                      stray = { .site_id = 99 };
    sites_load_state(s, &loaded);
    sites_load_state(s, &stray);
    expect(s, "one loaded", COUNTS(2, 0, 0, 1, 0, 0));

    w = sites_find(s, 2);
    w->state.health = HEALTH_UP;
    sites_moved(s, w, HEALTH_NEW);
    expect(s, "one moved", COUNTS(1, 1, 0, 1, 0, 0));
    struct site x = site(2, "http://y/");
    x.paused = true;
    assert_int_equal(sites_set(s, &x, &w), 0);
    expect(s, "one paused", COUNTS(1, 0, 0, 1, 0, 1));
    assert_string_equal(w->site.url, "http://y/");
    assert_int_equal(w->state.health, HEALTH_UP); /* what was known stays */
    x.removed = true;
    assert_int_equal(sites_set(s, &x, &w), 0);
    expect(s, "and removed", COUNTS(1, 0, 0, 1, 0, 0));
    assert_non_null(sites_find(s, 2)); /* a tombstone */
    assert_int_equal(sites_find(s, 1)->state.incident_id, 9);
}

static void test_owners_are_replaced(void **state)
{
    (void)state;
    scoped(sites) struct sites *s = NULL;
    char name[] = "team", channel[] = "console:";
    struct owner o = { .id = 5, .name = name, .channel = { channel }, .n_channels = 1, .remind_s = 60 };
    assert_int_equal(sites_new(&s), 0);
    assert_null(sites_owner(s, 5));
    assert_int_equal(sites_set_owner(s, &o), 0);
    memset(name, 'x', 4); /* a copy was kept */
    memset(channel, 'x', 8);
    assert_string_equal(sites_owner(s, 5)->name, "team");
    assert_string_equal(sites_owner(s, 5)->channel[0], "console:");
    o = (struct owner){ .id = 5, .name = "other" };
    assert_int_equal(sites_set_owner(s, &o), 0);
    assert_string_equal(sites_owner(s, 5)->name, "other");
    assert_int_equal(sites_owner(s, 5)->n_channels, 0);
    o.name = "";
    assert_int_equal(sites_set_owner(s, &o), 0);
    assert_null(sites_owner(s, 5));
}

/* ── Sweeps ────────────────────────────────────────────────────────────── */

#define NOW (INT64_C(1000) * US_PER_S)

struct swept {
    unsigned n;
    uint64_t last;
};

static void write_one(void *arg, struct watched *w)
{
    struct swept *x = arg;
    assert_true(w->unwritten);
    assert_true(w->site.id > x->last); /* in their order, for the pages' sake */
    x->last = w->site.id;
    x->n++;
    w->unwritten = false;
}

static void test_a_sweep_writes_what_was_left_and_promises_no_more(void **state)
{
    (void)state;
    scoped(sites) struct sites *s = NULL;
    struct watched *w = NULL;
    struct swept x = { 0 };
    wall_us told = 0;
    assert_int_equal(sites_new(&s), 0);
    for (uint64_t id = 1; id <= 3 * SITES_SWEEP_LEAST; id++) {
        struct site one = site(id * 7, "http://x/");
        assert_int_equal(sites_set(s, &one, &w), 0);
        w->state.last_slot_us = (wall_us)id;
    }
    sites_begin_sweeps(s, 1000); /* what a former process may have left: 1000 and later */
    assert_true(sites_may_wait(s, 1000));
    assert_false(sites_may_wait(s, 999));

    sites_sweep(s, NOW, write_one, &x, &told);
    assert_int_equal(x.n, 1);
    assert_int_equal(told, 0);
    /* It has passed some: what it will promise must be written at once. */
    assert_false(sites_may_wait(s, NOW - SITES_SWEEP_LAG - 1));
    assert_true(sites_may_wait(s, NOW - SITES_SWEEP_LAG));
    sites_sweep(s, NOW + 1, write_one, &x, &told);
    assert_int_equal(x.n, SITES_SWEEP_LEAST + 1);
    sites_sweep(s, NOW + 2, write_one, &x, &told);
    assert_int_equal(x.n, 2 * SITES_SWEEP_LEAST + 1);
    if (told == 0)
        sites_sweep(s, NOW + 3, write_one, &x, &told);
    assert_int_equal(told, NOW - SITES_SWEEP_LAG);
    assert_false(sites_may_wait(s, told - 1));
    assert_true(sites_may_wait(s, told));
}

static void test_nothing_waits_before_the_first_sweep(void **state)
{
    (void)state;
    scoped(sites) struct sites *s = NULL;
    struct site one = site(5, "http://x/");
    struct watched *w = NULL;
    struct swept x = { 0 };
    wall_us told = 0;
    assert_int_equal(sites_new(&s), 0);
    assert_int_equal(sites_set(s, &one, &w), 0);
    sites_begin_sweeps(s, WALL_NEVER);
    assert_false(sites_may_wait(s, NOW));
    sites_sweep(s, NOW, write_one, &x, &told);
    assert_int_equal(x.n, 0);
    assert_int_equal(told, NOW - SITES_SWEEP_LAG);
    assert_true(sites_may_wait(s, NOW));
}

static void test_ids_may_lie_far_apart(void **state)
{
    (void)state;
    static const uint64_t ids[] = { 0, 1, 1023, 1024, 5000000, 123456789 };
    scoped(sites) struct sites *s = NULL;
    struct watched *w = NULL;
    assert_int_equal(sites_new(&s), 0);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct site one = site(ids[i], "http://x/");
        assert_null(sites_find(s, ids[i]));
        assert_int_equal(sites_set(s, &one, &w), 0);
        assert_ptr_equal(sites_find(s, ids[i]), w);
        assert_int_equal(w->state.site_id, ids[i]);
    }
    assert_null(sites_find(s, 2));
    assert_null(sites_find(s, UINT64_MAX));
    struct site beyond = site(SITES_MAX_ID + 1, "http://x/");
    assert_true(sites_set(s, &beyond, &w) < 0);
    struct site named = { .id = 1, .name = "n", .url = "http://x/", .tags = "a,b", .contains = "" };
    assert_int_equal(sites_set(s, &named, &w), 0);
    assert_string_equal(w->site.name, "n");
    assert_string_equal(w->site.url, "http://x/");
    assert_string_equal(w->site.tags, "a,b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_follow_every_change),
        cmocka_unit_test(test_owners_are_replaced),
        cmocka_unit_test(test_a_sweep_writes_what_was_left_and_promises_no_more),
        cmocka_unit_test(test_nothing_waits_before_the_first_sweep),
        cmocka_unit_test(test_ids_may_lie_far_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
