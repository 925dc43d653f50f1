/* Whole outages through a keeper and a real store. */
#include "tests/unit/collector/world.h"

#include <errno.h>
#include <sqlite3.h>
#include <unistd.h>

/* One site "shop" of an owner with one channel, two confirming looks. */
static uint64_t begin(struct world *w, unsigned looks)
{
    world_init(w);
    uint64_t owner = world_add_owner(w, "team", 0, 1);
    struct site s = world_site("shop", "https://shop.example.com/", owner, looks);
    uint64_t id = world_edit_site(w, &s);
    w->wall += US_PER_S; /* what is looked at begins after the edit */
    w->mono += NS_PER_S;
    world_start(w);
    return id;
}

static void expect(struct world *w, const char *what, const char *news)
{
    if (strcmp(w->news, news) != 0)
        fail_msg("%s: heard '%s', expected '%s'", what, w->news, news);
    w->news[0] = '\0';
}

static void go_down(struct world *w, uint64_t id, int slot)
{
    world_saw(w, id, slot, 0, '-', "w1");
    world_saw(w, id, slot, 1, '-', "w2");
    world_pass(w, 2000);
    world_saw(w, id, slot, 2, '-', "w1");
}

static void test_an_outage_is_told_once_and_closed_once(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 2);
    world_saw(&w, id, 0, 0, '+', "w1");
    expect(&w, "first look", "up");
    world_saw(&w, id, 1, 0, '-', "w1");
    expect(&w, "a failure", "ask1 suspected");
    assert_string_equal(w.asked[0].avoid, "w1");
    assert_string_equal(w.asked[0].run.location, "local");
    assert_int_equal(w.asked[0].run.slot_us, world_slot(id, 1));
    world_saw(&w, id, 1, 1, '-', "w2");
    world_pass(&w, 2000);
    expect(&w, "the second look is asked for later", "ask2");
    world_saw(&w, id, 1, 2, '-', "w1");
    expect(&w, "confirmed", "down open tell:down");
    world_tell(&w, 0, NOTICE_SENT);
    expect(&w, "sent", "down=sent");

    wall_us began = world_state(&w, id).since_us;
    world_saw(&w, id, 2, 0, '-', "w2");
    world_saw(&w, id, 3, 0, '~', "w2");
    world_saw(&w, id, 4, 0, '-', "w1");
    expect(&w, "still down", "");
    assert_int_equal(world_state(&w, id).since_us, began);
    world_saw(&w, id, 5, 0, '+', "w1");
    expect(&w, "back", "up recovered tell:back");
    world_tell(&w, 1, NOTICE_SENT);
    world_saw(&w, id, 6, 0, '+', "w1");
    expect(&w, "and quiet", "back=sent");

    assert_int_equal(world_incidents(&w, false), 1);
    assert_int_equal(world_incidents(&w, true), 0);
    assert_int_equal(world_notices(&w, false), 2);
    assert_int_equal(world_notices(&w, true), 0);
    assert_int_equal(w.n_recorded, 9);
    world_done(&w);
}

static int keep_result(void *arg, const struct result *r)
{
    char *looks = arg;
    sprintf(looks + strlen(looks), "%u%c%s ", r->run.look, "+-?"[r->verdict], r -> worker);
    return 0;
}

static int keep_incident(void *arg, const struct incident *i)
{
    *(struct incident *)arg = *i;
    return 0;
}

static void test_an_incident_rests_on_evidence(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 2);
    struct incident i = { 0 };
    wall_us began = w.wall;
    go_down(&w, id, 0);
    world_saw(&w, id, 1, 0, '+', "w3");
    wall_us ended = world_state(&w, id).last_at_us;

    struct incident_filter f = { .max = 1 };
    assert_int_equal(store_each_incident(w.store, &f, keep_incident, &i, NULL), 0);
    assert_int_equal(i.site_id, id);
    assert_int_equal(i.began_us, began); /* the first failed look */
    assert_true(i.confirmed_us > began);
    assert_int_equal(i.ended_us, ended);
    assert_int_equal(i.end, INCIDENT_RECOVERED);
    assert_int_equal(i.cause, CAUSE_HTTP_5XX);
    assert_int_equal(i.status, 503);

    char looks[200] = "";
    assert_int_equal(store_each_evidence(w.store, i.id, keep_result, looks, NULL), 0);
    assert_non_null(strstr(looks, "0-w1"));
    assert_non_null(strstr(looks, "1-w2"));
    assert_non_null(strstr(looks, "2-w1"));
    assert_non_null(strstr(looks, "0+w3"));
    world_done(&w);
}

static void test_a_blip_tells_nobody(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 2);
    world_saw(&w, id, 0, 0, '-', "w1");
    world_saw(&w, id, 0, 1, '+', "w2");
    expect(&w, "rejected by a confirming look", "ask1 suspected up");
    world_saw(&w, id, 1, 0, '-', "w1");
    world_saw(&w, id, 2, 0, '+', "w1");
    expect(&w, "rejected by a scheduled look", "ask1 suspected up");
    world_saw(&w, id, 1, 1, '-', "w2"); /* too late */
    world_pass(&w, 30000);
    expect(&w, "and nothing comes after", "");
    assert_int_equal(world_state(&w, id).blips, 2);
    assert_int_equal(world_incidents(&w, false), 0);
    assert_int_equal(world_notices(&w, false), 0);
    world_done(&w);
}

static void test_without_confirming_looks(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 0);
    world_saw(&w, id, 0, 0, '-', "w1");
    expect(&w, "believed at once", "suspected down open tell:down");
    world_done(&w);
}

static void test_nobody_confirms(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 1);
    world_saw(&w, id, 0, 0, '-', "w1");
    world_pass(&w, 60000);
    expect(&w, "asked three times, then it is unknown", "ask1 suspected ask1 ask1 unknown");
    world_saw(&w, id, 7, 0, '-', "w1");
    world_saw(&w, id, 7, 1, '-', "w1");
    expect(&w, "the next round decides anew", "ask1 suspected down open tell:down");
    world_done(&w);
}

static void test_doubt_counts_for_nothing(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 1);
    world_saw(&w, id, 0, 0, 's', "w1");
    expect(&w, "a failure in doubt is not knowing", "unknown");
    world_saw(&w, id, 1, 0, '-', "w1");
    world_saw(&w, id, 1, 1, 's', "w2");
    world_pass(&w, 1500);
    expect(&w, "and confirms nothing", "ask1 suspected ask2");
    world_saw(&w, id, 1, 2, '-', "w3");
    expect(&w, "another look does", "down open tell:down");
    world_saw(&w, id, 2, 0, 'S', "w1");
    expect(&w, "what is up in doubt is up", "up recovered tell:back");
    world_done(&w);
}

static void test_what_comes_twice_or_late_changes_nothing(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 1);
    struct result first = world_result(&w, id, 3, 0, '-', "w1"), again = first;
    world_give(&w, &first);
    world_give(&w, &again); /* in the same batch */
    world_pass(&w, 100);
    world_give(&w, &again); /* and in a later one */
    again.job_id += 100;
    again.verdict = VERDICT_UP; /* another attempt of the same run */
    again.cause = CAUSE_NONE;
    world_give(&w, &again);
    world_saw(&w, id, 1, 0, '+', "w1"); /* an older round */
    expect(&w, "duplicates and late ones", "ask1 suspected");
    assert_int_equal(w.n_recorded, 5); /* every one is acknowledged */
    assert_int_equal(keeper_counts(w.keeper).results, 2);
    assert_int_equal(keeper_counts(w.keeper).duplicates, 3);
    assert_int_equal(world_state(&w, id).last_slot_us, world_slot(id, 3));

    world_saw(&w, id, 3, 1, '-', "w2");
    world_saw(&w, id, 3, 1, '-', "w2");
    world_saw(&w, id, 3, 2, '-', "w2");
    expect(&w, "told once", "down open tell:down");
    world_saw(&w, id, 2, 0, '+', "w1");
    expect(&w, "an older good look does not end it", "");
    assert_int_equal(world_incidents(&w, true), 1);
    world_done(&w);
}

static void test_states_that_were_left_to_the_sweep_are_known_after_a_kill(void **state)
{
    (void)state;
    struct world w;
    wall_us mark = 0;
    uint64_t id = begin(&w, 1);
    world_saw(&w, id, 0, 0, '+', "w1");
    world_pass(&w, 3000); /* the first sweep */
    assert_int_equal(store_get_states_us(w.store, &mark, NULL), 0);
    assert_true(mark <= w.wall && mark != WALL_NEVER);
    for (int slot = 1; slot <= 4; slot++)
        world_saw(&w, id, slot, 0, '+', slot == 4 ? "w4" : "w1");
    world_crash(&w);
    struct site_state st = world_state(&w, id);
    assert_int_equal(st.last_slot_us, world_slot(id, 4));
    world_forget(&w);
    world_saw(&w, id, 3, 0, '-', "w2"); /* late, of an older round */
    expect(&w, "an older failure after a restart", "");
    world_saw(&w, id, 5, 0, '-', "w2");
    expect(&w, "a newer one", "ask1 suspected");
    world_done(&w);
}

static void test_scheduled_looks_during_a_round(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 2);
    world_saw(&w, id, 0, 0, '-', "w1");
    world_saw(&w, id, 1, 0, '-', "w1"); /* does not begin the round again */
    world_saw(&w, id, 2, 0, '~', "w1");
    world_saw(&w, id, 0, 1, '-', "w2");
    world_pass(&w, 2000);
    world_saw(&w, id, 0, 2, '-', "w2");
    expect(&w, "the round goes on", "ask1 suspected ask2 down open tell:down");
    assert_int_equal(world_state(&w, id).last_slot_us, world_slot(id, 2));
    world_done(&w);
}

/* ── Restarts ──────────────────────────────────────────────────────────── */

static void test_restart_in_the_middle_of_a_confirmation(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 2);
    world_saw(&w, id, 0, 0, '-', "w1");
    world_saw(&w, id, 1, 0, '-', "w1"); /* the round is not the newest slot's */
    world_saw(&w, id, 0, 1, '-', "w2");
    expect(&w, "before", "ask1 suspected");
    world_crash(&w);
    world_pass(&w, 2000);
    expect(&w, "the round is open as it was", "crash ask2");
    assert_int_equal(w.asked[1].run.slot_us, world_slot(id, 0));
    world_saw(&w, id, 0, 1, '-', "w2"); /* sent again by its worker */
    expect(&w, "a vote counts once", "");
    world_crash(&w);
    world_saw(&w, id, 0, 2, '-', "w2");
    expect(&w, "confirmed", "crash ask2 down open tell:down");
    assert_int_equal(world_incidents(&w, false), 1);
    world_done(&w);
}

/* A new site is looked at first when there is room, and not on its grid. */
static void test_restart_in_the_middle_of_the_first_confirmation(void **state)
{
    (void)state;
    for (int later = 0; later <= 2; later++) { /* slots on the grid that count meanwhile */
        struct world w;
        uint64_t id = begin(&w, 2);
        wall_us first = w.wall - 300 * US_PER_MS;
        assert_true(first < world_slot(id, 1) && first != world_slot(id, 0));
        struct result r = world_result(&w, id, 0, 0, '-', "w1");
        r.run.slot_us = first;
        world_give(&w, &r);
        world_pass(&w, 100);
        for (int n = 1; n <= later; n++)
            world_saw(&w, id, n, 0, '-', "w1");
        expect(&w, "before", "ask1 suspected");
        world_crash(&w);
        world_pass(&w, 100);
        expect(&w, "the round is open as it was", "crash ask1");
        assert_int_equal(w.asked[w.n_asked - 1].run.slot_us, first);
        for (unsigned look = 1; look <= 2; look++) {
            r = world_result(&w, id, 0, look, '-', "w2");
            r.run.slot_us = first;
            world_give(&w, &r);
            world_pass(&w, 2000);
        }
        expect(&w, "confirmed", "ask2 down open tell:down");
        world_done(&w);
    }
}

static void test_restart_before_anything_was_committed(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 0);
    struct result r = world_result(&w, id, 0, 0, '-', "w1");
    world_give(&w, &r);
    assert_int_equal(w.n_recorded, 0); /* nobody was told */
    world_crash(&w);
    world_pass(&w, 200);
    expect(&w, "nothing is there", "crash");
    world_give(&w, &r); /* the worker sends it again */
    world_pass(&w, 200);
    expect(&w, "and it counts once", "suspected down open tell:down");
    assert_int_equal(w.n_recorded, 1);
    world_done(&w);
}

static void test_pending_notices_survive(void **state)
{
    (void)state;
    struct world w;
    uint64_t id = begin(&w, 0);
    world_saw(&w, id, 0, 0, '-', "w1");
    char key[NOTICE_KEY_SIZE];
    strcpy(key, w.delivered[0]->key);
    world_tell(&w, 0, NOTICE_PENDING); /* one attempt failed */
    w.news[0] = '\0';
    world_crash(&w);
    world_pass(&w, 100);
    expect(&w, "handed out again", "crash tell:down");
    assert_string_equal(w.delivered[1]->key, key);
    assert_int_equal(w.delivered[1]->attempts, 1);
    world_tell(&w, 1, NOTICE_SENT);
    w.news[0] = '\0';
    world_crash(&w);
    world_pass(&w, 100);
    expect(&w, "and not once it is sent", "crash");
    world_saw(&w, id, 1, 0, '+', "w1");
    expect(&w, "the outage is known", "up recovered tell:back");
    assert_int_not_equal(w.delivered[2]->id, w.delivered[1]->id);
    world_done(&w);
}

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

/* ── A store that fails ────────────────────────────────────────────────── */

static void test_a_store_that_is_locked_loses_nothing(void **state)
{
    (void)state;
    struct world w;
    struct err err = { 0 };
    char path[] = "/tmp/vedette-keeper-XXXXXX", file[64], url[80];
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof file, "%s/v.db", path);
    snprintf(url, sizeof url, "sqlite:%s", file);

    world_init(&w);
    store_close(w.store);
    assert_int_equal(store_open(&w.store, url, STORE_CREATE, &err), 0);
    store_set_patience(w.store, 0);
    uint64_t owner = world_add_owner(&w, "team", 0, 1);
    struct site s = world_site("shop", "https://shop.example.com/", owner, 0);
    uint64_t id = world_edit_site(&w, &s);
    w.wall += US_PER_S;
    world_start(&w);

    sqlite3 *other;
    assert_int_equal(sqlite3_open(file, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    world_saw(&w, id, 0, 0, '-', "w1");
    world_pass(&w, 3000);
    expect(&w, "nobody is told of what is not in the store", "");
    assert_int_equal(w.n_recorded, 0);
    assert_false(keeper_has_room(w.keeper)); /* results wait where they come from */
    assert_true(keeper_counts(w.keeper).store_failures >= 3);

    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    world_pass(&w, 5000);
    expect(&w, "and then once", "suspected down open tell:down");
    assert_int_equal(w.n_recorded, 1);
    assert_true(keeper_has_room(w.keeper));
    assert_int_equal(world_incidents(&w, false), 1);

    sqlite3_close(other);
    world_done(&w);
    const char *const ends[] = { "", "-wal", "-shm" };
    for (size_t i = 0; i < 3; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", file, ends[i]);
        unlink(name);
    }
    rmdir(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_outage_is_told_once_and_closed_once),
        cmocka_unit_test(test_an_incident_rests_on_evidence),
        cmocka_unit_test(test_a_blip_tells_nobody),
        cmocka_unit_test(test_without_confirming_looks),
        cmocka_unit_test(test_nobody_confirms),
        cmocka_unit_test(test_doubt_counts_for_nothing),
        cmocka_unit_test(test_what_comes_twice_or_late_changes_nothing),
        cmocka_unit_test(test_states_that_were_left_to_the_sweep_are_known_after_a_kill),
        cmocka_unit_test(test_scheduled_looks_during_a_round),
        cmocka_unit_test(test_restart_in_the_middle_of_a_confirmation),
        cmocka_unit_test(test_restart_in_the_middle_of_the_first_confirmation),
        cmocka_unit_test(test_restart_before_anything_was_committed),
        cmocka_unit_test(test_pending_notices_survive),
        cmocka_unit_test(test_removed_while_down),
        cmocka_unit_test(test_removed_while_down_and_nobody_was_here),
        cmocka_unit_test(test_edited_while_down),
        cmocka_unit_test(test_edited_while_suspected),
        cmocka_unit_test(test_a_site_added_a_moment_ago),
        cmocka_unit_test(test_owners_and_channels),
        cmocka_unit_test(test_reminders),
        cmocka_unit_test(test_missed_slots),
        cmocka_unit_test(test_vitals),
        cmocka_unit_test(test_a_store_that_is_locked_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
