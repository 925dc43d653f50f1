/* Contracts of reading sites in brief: all of them, and edits in portions. */
#include "tests/unit/common/stores.h"

static int write_brief(void *arg, const struct site *site)
{
    text_addf(arg, "%llu:%s%s ", (unsigned long long)site->id, site->url, site->removed ? "(gone)" : "");
    return 0;
}

/* One edit that adds so many sites, whose URLs begin like that. */
static void add_some(struct store *s, const char *prefix, int n)
{
    OK(store_edit_begin(s, NOON, &err));
    for (int i = 0; i < n; i++) {
        char url[32];
        uint64_t id = 0;
        snprintf(url, sizeof url, "%s%d", prefix, i);
        struct site site = a_site(url);
        site.url = url;
        OK(store_edit_site(s, &site, &id, &err));
    }
    OK(store_edit_commit(s, &err));
}

static void remove_one(struct store *s, uint64_t id)
{
    OK(store_edit_begin(s, NOON, &err));
    OK(store_edit_remove_site(s, id, &err));
    OK(store_edit_commit(s, &err));
}

static void portion(struct store *s, struct site_mark *mark, unsigned most, const char *expected)
{
    struct err err = { 0 };
    struct text seen = TEXT_UP_TO(4096);
    int n = store_next_briefs(s, mark, most, write_brief, &seen, &err), words = 0;
    if (n < 0)
        fail_msg("%s", err.text);
    assert_string_equal(text_str(&seen), expected);
    for (const char *at = expected; *at; at++)
        words += *at == ' ';
    assert_int_equal(n, words);
    text_done(&seen);
}

static int same_brief(void *arg, const struct site *b)
{
    const struct site *a = arg;
    assert_string_equal(b->url, a->url);
    assert_string_equal(b->contains, a->contains);
    assert_string_equal(b->locations, a->locations);
    assert_string_equal(b->name, "");
    assert_string_equal(b->tags, "");
    assert_int_equal(b->every_ms, a->every_ms);
    assert_int_equal(b->timeout_ms, a->timeout_ms);
    assert_int_equal(b->method, a->method);
    assert_int_equal(b->status.count, 2);
    assert_int_equal(b->status.range[1].lo, 401);
    assert_int_equal(b->changed_us, NOON);
    assert_int_equal(b->change, 1);
    assert_true(b->full_handshake);
    assert_true(b->paused);
    return 7;
}

CONTRACT(what_is_in_a_brief)
{
    struct site site = a_site("a");
    site.contains = "OK";
    site.locations = "eu,us";
    site.tags = "prod";
    site.method = METHOD_GET;
    site.status = (struct status_set){
        .count = 2, .range = {{ 200, 299 }, { 401, 401 }}
    };
    site.full_handshake = true;
    site.paused = true;
    add_site(s, &site, NOON);
    struct site_mark mark = { 0, 0 };
    assert_int_equal(store_each_brief(s, same_brief, &site, NULL), 7);
    assert_int_equal(store_next_briefs(s, &mark, 9, same_brief, &site, NULL), 7);
    assert_int_equal(mark.change, 0); /* what was not dealt with comes again */
}

CONTRACT(all_that_are_not_removed)
{
    WALK("", store_each_brief(s, write_brief, &seen, &err));
    add_some(s, "a", 3);
    remove_one(s, 2);
    WALK("1:a0 3:a2 ", store_each_brief(s, write_brief, &seen, &err));
}

CONTRACT(edits_in_portions)
{
    struct site_mark mark = { 0, 0 };
    portion(s, &mark, 5, "");
    add_some(s, "a", 5); /* edit 1: ids 1 to 5 */
    add_some(s, "b", 3); /* edit 2: ids 6 to 8 */
    portion(s, &mark, 2, "1:a0 2:a1 ");
    portion(s, &mark, 2, "3:a2 4:a3 ");
    /* in the middle of it one that was read, and one that was not, are edited */
    remove_one(s, 1);
    remove_one(s, 5);
    portion(s, &mark, 2, "6:b0 7:b1 ");
    portion(s, &mark, 2, "8:b2 1:a0(gone) ");
    portion(s, &mark, 2, "5:a4(gone) ");
    portion(s, &mark, 2, "");
    add_some(s, "c", 1);
    portion(s, &mark, 2, "9:c0 ");

    mark = (struct site_mark){ 2, UINT64_MAX };
    portion(s, &mark, 100, "1:a0(gone) 5:a4(gone) 9:c0 ");
    mark = (struct site_mark){ 1, 2 };
    portion(s, &mark, 100, "3:a2 4:a3 6:b0 7:b1 8:b2 1:a0(gone) 5:a4(gone) 9:c0 ");
}

static int write_slot(void *arg, uint64_t site_id, wall_us slot_us)
{
    text_addf(arg, "%llu@%lld ", (unsigned long long)site_id, (long long)(slot_us - NOON));
    return 0;
}

CONTRACT(last_slots)
{
    add_some(s, "a", 3);
    WALK("", store_each_last_slot(s, write_slot, &seen, &err));
    struct site_state states[] = {
        {.site_id = 1,  .health = HEALTH_UP, .last_slot_us = NOON + 5},
        { .site_id = 3, .health = HEALTH_UP, .last_slot_us = NOON + 7},
    };
    struct record record = { .states = states, .n_states = 2 };
    OK(store_record(s, &record, &err));
    WALK("1@5 3@7 ", store_each_last_slot(s, write_slot, &seen, &err));

    /* what states are behind is told as well; confirming looks and missed slots are not */
    struct result looks[] = {
        a_look(1, NOON + 10, VERDICT_UP),      a_look(1, NOON + 20, VERDICT_UP),
        a_look(3, NOON + 12, VERDICT_DOWN),    a_look(3, NOON + 4, VERDICT_UP),
        a_look(2, NOON + 30, VERDICT_UNKNOWN), a_look(2, NOON + 31, VERDICT_UP),
    };
    looks[4].cause = CAUSE_MISSED;
    looks[5].run.look = 1;
    struct record behind = { .results = looks, .n_results = 6, .states_us = NOON + 8 };
    OK(store_record(s, &behind, &err));
    WALK("1@5 3@7 1@10 3@12 1@20 ", store_each_last_slot(s, write_slot, &seen, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_in_a_brief),
        cmocka_unit_test(test_all_that_are_not_removed),
        cmocka_unit_test(test_edits_in_portions),
        cmocka_unit_test(test_last_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
