/* Contracts of how each location sees a site. */
#include "tests/unit/common/stores.h"

static int write_view(void *arg, const struct site_view *v)
{
    const struct site_state *s = &v->state;
    text_addf(arg, "%llu@%s:%s,%lld,%lld,%llu,%s,%u,%s ", (unsigned long long)s->site_id, v->location,
              health_name(s->health), (long long)(s->since_us - NOON), (long long)(s->last_slot_us - NOON),
              (unsigned long long)s->blips, cause_name(s->last_cause), s->last_status, s->last_worker);
    return 0;
}

static void views(struct store *s, uint64_t site_id, const char *expected)
{
    struct err err = { 0 };
    struct text seen = TEXT_UP_TO(4096);
    if (store_each_view(s, site_id, write_view, &seen, &err) != 0)
        fail_msg("%s", err.text);
    assert_string_equal(text_str(&seen), expected);
    text_done(&seen);
}

static uint64_t edit(struct store *s, uint64_t id, const char *name, const char *locations)
{
    struct site site = a_site(name);
    site.id = id;
    site.locations = locations;
    OK(store_edit_begin(s, NOON, &err));
    OK(store_edit_site(s, &site, &id, &err));
    OK(store_edit_commit(s, &err));
    return id;
}

static struct site_view a_view(uint64_t site_id, const char *location, enum health health, wall_us slot_us)
{
    struct site_view v = {
        .state = {.site_id = site_id,
                  .health = health,
                  .since_us = NOON + 1,
                  .last_slot_us = NOON + slot_us,
                  .blips = 2,
                  .last_at_us = NOON + slot_us,
                  .last_verdict = health == HEALTH_UP ? VERDICT_UP : VERDICT_DOWN,
                  .last_cause = health == HEALTH_UP ? CAUSE_NONE : CAUSE_HTTP_5XX,
                  .last_status = health == HEALTH_UP ? 200 : 503,
                  .last_worker = "w1"}
    };
    snprintf(v.location, sizeof v.location, "%s", location);
    return v;
}

static void put(struct store *s, const struct site_view *views, size_t n)
{
    const struct record record = { .views = views, .n_views = n };
    OK(store_record(s, &record, &err));
}

CONTRACT(views_come_back_in_order)
{
    uint64_t a = edit(s, 0, "a", "ap,eu,us"), b = edit(s, 0, "b", "eu,us");
    const struct site_view some[] = {
        a_view(b, "us", HEALTH_UP, 5),
        a_view(a, "us", HEALTH_DOWN, 5),
        a_view(a, "eu", HEALTH_UP, 6),
    };
    views(s, 0, "");
    put(s, some, 3);
    views(s, 0, "1@eu:up,1,6,2,none,200,w1 1@us:down,1,5,2,http_5xx,503,w1 2@us:up,1,5,2,none,200,w1 ");
    views(s, b, "2@us:up,1,5,2,none,200,w1 ");
    views(s, 77, "");
}

CONTRACT(the_newer_view_stays)
{
    uint64_t a = edit(s, 0, "a", "eu,us");
    const struct site_view newer = a_view(a, "eu", HEALTH_UP, 9), older = a_view(a, "eu", HEALTH_DOWN, 8),
                           same = a_view(a, "eu", HEALTH_UNKNOWN, 9);
    put(s, &newer, 1);
    put(s, &older, 1);
    views(s, a, "1@eu:up,1,9,2,none,200,w1 ");
    put(s, &same, 1);
    views(s, a, "1@eu:unknown,1,9,2,http_5xx,503,w1 ");
}

CONTRACT(only_locations_that_the_site_has)
{
    uint64_t a = edit(s, 0, "a", "eu,us");
    const struct site_view both[] = { a_view(a, "eu", HEALTH_UP, 5), a_view(a, "us", HEALTH_UP, 5) };
    put(s, both, 2);
    edit(s, a, "a", "ap,us");
    views(s, 0, "1@us:up,1,5,2,none,200,w1 ");
    edit(s, a, "a", "us"); /* one location: the state says all */
    views(s, 0, "");
    edit(s, a, "a", "eu-west,us-east"); /* parts of a name are no name */
    views(s, 0, "");
    edit(s, a, "a", "eu,us");
    OK(store_edit_begin(s, NOON, &err));
    OK(store_edit_remove_site(s, a, &err));
    OK(store_edit_commit(s, &err));
    views(s, 0, "");
}

CONTRACT(what_is_no_list_of_locations_is_refused)
{
    static const char *const bad[] = { "EU",    "eu,,us", ",eu", "eu,", "eu us", "a,b,c,d,e,f,g,h,i",
                                       "eu;us", "1eu" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct site site = a_site("a");
        uint64_t id = 0;
        site.locations = bad[i];
        OK(store_edit_begin(s, NOON, &err));
        REFUSED(store_edit_site(s, &site, &id, &err), -EINVAL, "no list of locations");
        store_edit_abort(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views_come_back_in_order),
        cmocka_unit_test(test_the_newer_view_stays),
        cmocka_unit_test(test_only_locations_that_the_site_has),
        cmocka_unit_test(test_what_is_no_list_of_locations_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
