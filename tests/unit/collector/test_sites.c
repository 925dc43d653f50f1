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
    assert_string_equal(w->site->url, "http://y/");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_follow_every_change),
        cmocka_unit_test(test_owners_are_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
