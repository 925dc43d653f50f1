/* What people change while an outage goes on, and what else a keeper is told: through
 * a keeper and a real store. */
#include "tests/unit/collector/outages.h"

#include <errno.h>

/* ── Edits ─────────────────────────────────────────────────────────────── */

static void test_removed_while_down(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 0);
    world_saw(&w, id, 0, 0, '-', "w1");
    w.news[0] = '\0';
    world_remove_site(&w, id);
    world_pass(&w, 1000);
    expect(&w, "its outage is withdrawn", "new withdrawn tell:withdrawn");
    world_saw(&w, id, 1, 0, '-', "w1");
    expect(&w, "what was out changes nothing", "");
    assert_int_equal(w.n_recorded, 2); /* but is in the ledger, and acknowledged */
    assert_int_equal(world_incidents(&w, true), 0);
    world_done(&w);
}

static void test_removed_while_down_and_nobody_was_here(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 0);
    world_saw(&w, id, 0, 0, '-', "w1");
    world_tell(&w, 0, NOTICE_SENT);
    w.news[0] = '\0';
    world_remove_site(&w, id);
    world_crash(&w);
    world_pass(&w, 200);
    expect(&w, "noticed at the start", "crash new withdrawn tell:withdrawn");
    world_crash(&w);
    world_pass(&w, 200);
    expect(&w, "once", "crash tell:withdrawn"); /* still pending, handed out again */
    assert_int_equal(world_notices(&w, false), 2);
    world_done(&w);
}

/* What an edit means while a site is down; '.' nothing. */
static const struct {
    const char *name;
    bool paused, crash;
    const char *url;
    uint32_t every_ms;
    const char *news;
} edits[] = {
    {"paused",                         true,  false, "https://shop.example.com/",  10000, "new withdrawn tell:withdrawn"},
    { "another URL",                   false, false, "https://shop.example.com/x", 10000, "new withdrawn tell:withdrawn"},
    { "another interval",              false, false, "https://shop.example.com/",  20000, ""                            },
    { "paused, nobody here",           true,  true,  "https://shop.example.com/",  10000,
     "crash new withdrawn tell:withdrawn"                                                                               },
    { "another URL, nobody here",      false, true,  "https://x.example.com/",     10000,
     "crash new withdrawn tell:withdrawn"                                                                               },
    { "another interval, nobody here", false, true,  "https://shop.example.com/",  20000, "crash"                       },
};

static void test_edited_while_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        struct world w;
        uint64_t id = begin(&w, 0);
        world_saw(&w, id, 0, 0, '-', "w1");
        world_tell(&w, 0, NOTICE_SENT);
        w.news[0] = '\0';
        struct site s = world_site("shop", edits[i].url, 1, 0);
        s.id = id;
        s.paused = edits[i].paused;
        s.every_ms = edits[i].every_ms;
        world_edit_site(&w, &s);
        if (edits[i].crash)
            world_crash(&w);
        world_pass(&w, 1000);
        expect(&w, edits[i].name, edits[i].news);
        world_done(&w);
    }
}

/* The coordinator may know an edit first: the new URL's good answer is there before
 * the keeper would have asked the store again. */
static void test_a_look_that_is_faster_than_the_news_of_the_edit(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 0);
    world_saw(&w, id, 0, 0, '-', "w1");
    w.news[0] = '\0';
    struct site s = world_site("shop", "https://other.example.com/", 1, 0);
    s.id = id;
    world_edit_site(&w, &s);
    struct result good = world_result(&w, id, 1, 0, '+', "w1");
    world_give(&w, &good);
    world_pass(&w, 100);
    expect(&w, "the old outage is withdrawn, not over", "new withdrawn up tell:withdrawn");
    world_done(&w);
}

static void test_edited_while_suspected(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 2);
    world_saw(&w, id, 0, 0, '-', "w1");
    struct site s = world_site("shop", "https://other.example.com/", 1, 2);
    s.id = id;
    world_edit_site(&w, &s);
    world_pass(&w, 1000);
    expect(&w, "the round is dropped", "ask1 suspected new");
    world_saw(&w, id, 0, 1, '-', "w2");
    world_saw(&w, id, 0, 2, '-', "w2");
    expect(&w, "its looks count for nothing", "");
    struct result old = world_result(&w, id, 1, 0, '-', "w1");
    old.at_us -= 10 * US_PER_S; /* begun before the edit */
    world_give(&w, &old);
    world_pass(&w, 100);
    expect(&w, "nor does a look of the old URL", "");
    world_saw(&w, id, 2, 0, '+', "w1");
    expect(&w, "the new one's does", "up");
    world_done(&w);
}

static void test_a_site_added_a_moment_ago(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 0);
    struct site s = world_site("new", "https://new.example.com/", 1, 0);
    world_pass(&w, 60);
    uint64_t id = world_edit_site(&w, &s);
    world_saw(&w, id, 1, 0, '-', "w1");
    expect(&w, "is judged although nobody has told us", "suspected down open tell:down");
    struct result nobody = world_result(&w, 4711, 1, 0, '-', "w1");
    world_give(&w, &nobody);
    world_pass(&w, 100);
    expect(&w, "a site that is not there is no site", "");
    assert_int_equal(w.n_recorded, 2);
    world_done(&w);
}

/* ── Owners ────────────────────────────────────────────────────────────── */

static void test_owners_and_channels(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    uint64_t three = world_add_owner(&w, "three", 0, 3), none = world_add_owner(&w, "none", 0, 0);
    struct site s = world_site("a", "https://a.example.com/", three, 0);
    uint64_t a = world_edit_site(&w, &s);
    s = world_site("b", "https://b.example.com/", none, 0);
    uint64_t b = world_edit_site(&w, &s);
    s = world_site("c", "https://c.example.com/", 0, 0);
    uint64_t c = world_edit_site(&w, &s);
    w.wall += US_PER_S;
    world_start(&w);
    world_saw(&w, a, 1, 0, '-', "w1");
    expect(&w, "each channel once", "suspected down open tell:down tell:down tell:down");
    assert_string_equal(w.delivered[0]->channel, "console:");
    assert_string_equal(w.delivered[1]->channel, "mailto:a@example.com");
    assert_string_not_equal(w.delivered[0]->key, w.delivered[1]->key);
    world_saw(&w, b, 1, 0, '-', "w1");
    world_saw(&w, c, 1, 0, '-', "w1");
    expect(&w, "incidents without notices", "suspected down open suspected down open");
    assert_int_equal(world_incidents(&w, true), 3);
    world_done(&w);
}

static void test_reminders(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    uint64_t owner = world_add_owner(&w, "team", 60, 1);
    struct site s = world_site("a", "https://a.example.com/", owner, 0);
    uint64_t id = world_edit_site(&w, &s);
    w.wall += US_PER_S;
    world_start(&w);
    world_saw(&w, id, 1, 0, '-', "w1");
    world_pass(&w, 58000);
    expect(&w, "not yet", "suspected down open tell:down");
    world_pass(&w, 62000);
    expect(&w, "two of them", "tell:still_down tell:still_down");
    assert_int_equal(w.delivered[1]->number, 1);
    assert_int_equal(w.delivered[2]->number, 2);
    for (unsigned i = 0; i < 3; i++)
        world_tell(&w, i, NOTICE_SENT);
    w.news[0] = '\0';
    w.wall += 600 * US_PER_S; /* nobody is here for ten minutes */
    world_crash(&w);
    world_pass(&w, 1500);
    expect(&w, "the newest, and no burst", "crash tell:still_down");
    assert_int_equal(w.delivered[3]->number, 12);
    world_crash(&w);
    world_pass(&w, 1500);
    expect(&w, "and not again", "crash tell:still_down"); /* the same one, pending */
    assert_int_equal(w.delivered[4]->number, 12);
    world_saw(&w, id, 90, 0, '+', "w1");
    world_pass(&w, 120000);
    expect(&w, "over is over", "up recovered tell:back");
    world_done(&w);
}

/* ── Slots that nobody looked at ───────────────────────────────────────── */

static void give_missed(struct world *w, uint64_t id, int slot, uint32_t span)
{
    struct result r = world_result(w, id, slot, 0, '~', "coordinator");
    r.cause = CAUSE_MISSED;
    r.span = span;
    r.job_id = 0;
    r.at_us = r.run.slot_us;
    r.status = 0;
    world_give(w, &r);
    world_pass(w, 100);
}

static void test_missed_slots(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 0);
    world_saw(&w, id, 0, 0, '+', "w1");
    give_missed(&w, id, 1, 1);
    expect(&w, "one is nothing", "up");
    give_missed(&w, id, 2, 1);
    expect(&w, "more than two intervals are", "unknown");
    assert_int_equal(world_state(&w, id).last_cause, CAUSE_MISSED);
    world_saw(&w, id, 2, 0, '-', "w1"); /* late, for a slot that is in the ledger as missed */
    expect(&w, "the ledger's word stands", "");
    world_saw(&w, id, 3, 0, '+', "w1");
    expect(&w, "up again", "up");
    give_missed(&w, id, 4, 50);
    expect(&w, "a long span at once", "unknown");
    world_saw(&w, id, 54, 0, '-', "w1");
    give_missed(&w, id, 55, 50);
    expect(&w, "it never ends an outage", "suspected down open tell:down");
    world_done(&w);
}

/* ── Vitals ────────────────────────────────────────────────────────────── */

static void give_vitals(struct world *w, enum worker_health first, enum worker_health second)
{
    struct worker_vitals lanes[] = {
        {.worker = "w1",  .lane = 0, .location = "local", .health = first },
        { .worker = "w1", .lane = 1, .location = "local", .health = second},
    };
    struct report report = {
        .kind = REPORT_VITALS,
        .vitals = {.epoch = 1,
                   .at_us = w->wall,
                   .scheduled = 12,
                   .parts = 1,
                   .workers = lanes,
                   .n_workers = 2}
    };
    struct parcel *p = parcel_make(&report);
    keeper_take(w->keeper, p, world_now(w));
    parcel_free(p);
    world_pass(w, 1100);
}

static void test_vitals(void **state)
{
    (void)state;
    struct world w;
    struct vitals v;
    begin(&w, 0);
    give_vitals(&w, WORKER_READY, WORKER_READY);
    expect(&w, "both lanes are new", "w1/0:ready w1/1:ready");
    give_vitals(&w, WORKER_READY, WORKER_READY);
    expect(&w, "nothing has changed", "");
    give_vitals(&w, WORKER_READY, WORKER_DEAD);
    expect(&w, "one is dead", "w1/1:dead");
    assert_int_equal(store_get_vitals(w.store, &v, NULL), 0);
    assert_int_equal(v.scheduled, 12);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_removed_while_down),
        cmocka_unit_test(test_removed_while_down_and_nobody_was_here),
        cmocka_unit_test(test_edited_while_down),
        cmocka_unit_test(test_a_look_that_is_faster_than_the_news_of_the_edit),
        cmocka_unit_test(test_edited_while_suspected),
        cmocka_unit_test(test_a_site_added_a_moment_ago),
        cmocka_unit_test(test_owners_and_channels),
        cmocka_unit_test(test_reminders),
        cmocka_unit_test(test_missed_slots),
        cmocka_unit_test(test_vitals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
