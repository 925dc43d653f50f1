/* Contracts of every store: hours that are added up, and forgetting. */
#include "tests/unit/common/stores.h"

#define MINUTE_US (60 * US_PER_S)

static unsigned roll_all(struct store *s, wall_us until_us)
{
    unsigned calls = 0;
    for (bool more = true; more; calls++)
        OK(store_roll_up(s, until_us, &more, &err));
    return calls;
}

static unsigned prune_all(struct store *s, wall_us results_us, wall_us rollups_us, size_t max)
{
    unsigned calls = 0;
    for (bool more = true; more; calls++)
        OK(store_prune(s, results_us, rollups_us, max, &more, &err));
    return calls;
}

/* ── A roll-up is the ledger, folded ───────────────────────────────────── */

CONTRACT(what_a_roll_up_holds)
{
    struct result r[] = {
        a_look(1, NOON, VERDICT_UP),
        a_look(1, NOON + 1, VERDICT_UP),
        a_look(1, NOON + 2, VERDICT_UP),
        a_look(1, NOON + 3, VERDICT_DOWN),
        a_look(1, NOON + 4, VERDICT_UNKNOWN),
        a_look(1, NOON + 3, VERDICT_UP),
        a_look(1, NOON + US_PER_HOUR - 1, VERDICT_UNKNOWN),
        a_look(1, NOON + US_PER_HOUR, VERDICT_DOWN),
        a_look(2, NOON, VERDICT_DOWN),
        a_look(1, NOON + 5, VERDICT_UP),
    };
    r[0].took_us = 300;
    r[1].took_us = 100;
    r[2].took_us = 200;
    r[3].took_us = 5;
    r[4].took_us = 70000;
    r[5].run.look = 1; /* a confirming look counts for neither */
    r[5].took_us = 1;
    strcpy(r[9].run.location, "there");
    assert_int_equal(record_results(s, r, 10), 10);
    WALK("", store_each_rollup(s, 0, LONG_AGO, FOREVER, write_rollup, &seen, &err));
    roll_all(s, FOREVER);
    WALK("1/here@0:3+1-2? 1/there@0:1+0-0? 1/here@1:0+1-0? ",
         store_each_rollup(s, 1, LONG_AGO, FOREVER, write_rollup, &seen, &err));
    WALK("2/here@0:0+1-0? ", store_each_rollup(s, 2, LONG_AGO, FOREVER, write_rollup, &seen, &err));
    WALK("", store_each_rollup(s, 3, LONG_AGO, FOREVER, write_rollup, &seen, &err));
    WALK("1/here@1:0+1-0? ", store_each_rollup(s, 1, NOON + 1, FOREVER, write_rollup, &seen, &err));
    WALK("1/here@0:3+1-2? 1/there@0:1+0-0? ",
         store_each_rollup(s, 1, NOON, NOON + US_PER_HOUR, write_rollup, &seen, &err));
    WALK("1/here@0:3+1-2? 1/there@0:1+0-0? 2/here@0:0+1-0? 1/here@1:0+1-0? ",
         store_each_rollup(s, 0, LONG_AGO, FOREVER, write_rollup, &seen, &err));
}

static int same_times(void *arg, const struct rollup *u)
{
    const struct rollup *a = arg;
    assert_int_equal(a->took_sum_us, u->took_sum_us);
    assert_int_equal(a->took_min_us, u->took_min_us);
    assert_int_equal(a->took_max_us, u->took_max_us);
    return 7;
}

CONTRACT(times_are_of_looks_that_ended_up)
{
    static const struct {
        enum verdict verdict;
        uint32_t took_us;
        struct rollup after;
    } rows[] = {
        {VERDICT_DOWN,     9,   { 0 }                                                                                       },
        { VERDICT_UP,      300, { .took_sum_us = 300, .took_min_us = 300, .took_max_us = 300 }                              },
        { VERDICT_UNKNOWN, 999, { .took_sum_us = 300, .took_min_us = 300, .took_max_us = 300 }                              },
        { VERDICT_UP,
         UINT32_MAX,            { .took_sum_us = 300 + (uint64_t)UINT32_MAX, .took_min_us = 300, .took_max_us = UINT32_MAX }},
        { VERDICT_DOWN,
         1,                     { .took_sum_us = 300 + (uint64_t)UINT32_MAX, .took_min_us = 300, .took_max_us = UINT32_MAX }},
        { VERDICT_UP,
         0,                     { .took_sum_us = 300 + (uint64_t)UINT32_MAX, .took_min_us = 0, .took_max_us = UINT32_MAX }  },
        { VERDICT_UP,
         7,                     { .took_sum_us = 307 + (uint64_t)UINT32_MAX, .took_min_us = 0, .took_max_us = UINT32_MAX }  },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct result r = a_look(1, NOON + i, rows[i].verdict);
        struct rollup after = rows[i].after;
        r.took_us = rows[i].took_us;
        assert_int_equal(record_results(s, &r, 1), 1);
        roll_all(s, NOON + i + 1);
        assert_int_equal(store_each_rollup(s, 1, LONG_AGO, FOREVER, same_times, &after, NULL), 7);
    }
}

CONTRACT(a_slice_is_at_most_a_minute_and_none_beyond_until)
{
    for (int minute = 0; minute < 3; minute++)
        for (int i = 0; i < 3; i++) {
            struct result r = a_look(1, NOON + minute * MINUTE_US + i, VERDICT_UP);
            assert_int_equal(record_results(s, &r, 1), 1);
        }
    bool more = false;
    OK(store_roll_up(s, NOON, &more, &err)); /* nothing before it */
    assert_false(more);
    OK(store_roll_up(s, NOON + MINUTE_US + 1, &more, &err));
    assert_true(more);
    WALK("1/here@0:3+0-0? ", store_each_rollup(s, 1, LONG_AGO, FOREVER, write_rollup, &seen, &err));
    OK(store_roll_up(s, NOON + MINUTE_US + 1, &more, &err));
    assert_false(more);
    WALK("1/here@0:4+0-0? ", store_each_rollup(s, 1, LONG_AGO, FOREVER, write_rollup, &seen, &err));
    OK(store_roll_up(s, NOON + MINUTE_US, &more, &err)); /* a mark never goes back */
    assert_false(more);
    assert_int_equal(roll_all(s, FOREVER), 2);
    WALK("1/here@0:9+0-0? ", store_each_rollup(s, 1, LONG_AGO, FOREVER, write_rollup, &seen, &err));
    assert_int_equal(roll_all(s, FOREVER), 1);
    WALK("1/here@0:9+0-0? ", store_each_rollup(s, 1, LONG_AGO, FOREVER, write_rollup, &seen, &err));
}

CONTRACT(a_late_line_is_added_when_it_is_recorded)
{
    struct result r = a_look(1, NOON, VERDICT_UP), late = a_look(1, NOON + 7, VERDICT_DOWN);
    assert_int_equal(record_results(s, &r, 1), 1);
    roll_all(s, NOON + 10);
    assert_int_equal(record_results(s, &late, 1), 1);
    WALK("1/here@0:1+1-0? ", store_each_rollup(s, 1, LONG_AGO, FOREVER, write_rollup, &seen, &err));
    assert_int_equal(record_results(s, &late, 1), 0); /* once */
    assert_int_equal(record_results(s, &r, 1), 0);
    late.run.look = 1; /* and no confirming look */
    assert_int_equal(record_results(s, &late, 1), 1);
    late.run.look = 0;
    late.run.slot_us = NOON + 10; /* not late */
    assert_int_equal(record_results(s, &late, 1), 1);
    WALK("1/here@0:1+1-0? ", store_each_rollup(s, 1, LONG_AGO, FOREVER, write_rollup, &seen, &err));
    roll_all(s, FOREVER);
    WALK("1/here@0:1+2-0? ", store_each_rollup(s, 1, LONG_AGO, FOREVER, write_rollup, &seen, &err));
}

CONTRACT(a_missed_span_counts_in_the_hours_of_its_slots)
{
    struct site site = a_site("site");
    site.every_ms = 25 * 60 * 1000;
    site.id = add_site(s, &site, NOON);
    int64_t every_us = site.every_ms * US_PER_MS;
    wall_us first = site_next_slot(site.id, site.every_ms, NOON);
    struct result span = a_look(site.id, first, VERDICT_UNKNOWN);
    span.cause = CAUSE_MISSED;
    span.span = 11;
    unsigned expected[8] = { 0 };
    for (unsigned i = 0; i < span.span; i++)
        expected[(first + i * every_us - NOON) / US_PER_HOUR]++;

    scoped(text) struct text words = TEXT_UP_TO(1000);
    for (unsigned hour = 0; hour < 8; hour++)
        if (expected[hour])
            text_addf(&words, "1/here@%u:0+0-%u? ", hour, expected[hour]);
    assert_int_equal(record_results(s, &span, 1), 1);
    /* Its interval is that of its time, whatever the site's is now. */
    site.every_ms = 60 * 1000;
    change_site(s, &site, NOON + US_PER_DAY);
    roll_all(s, first + 1); /* the whole line, with its first slot */
    WALK(text_str(&words), store_each_rollup(s, site.id, LONG_AGO, FOREVER, write_rollup, &seen, &err));

    /* The same when it comes late, cut in two by a line that is there. */
    struct result other = a_look(site.id, first + 3 * every_us, VERDICT_UP);
    strcpy(other.run.location, "there");
    assert_int_equal(record_results(s, &other, 1), 1);
    roll_all(s, FOREVER);
    strcpy(span.run.location, "there");
    assert_int_equal(record_results(s, &span, 1), 1);
    text_clear(&words);
    for (unsigned hour = 0; hour < 8; hour++) {
        unsigned up = (unsigned)((other.run.slot_us - NOON) / US_PER_HOUR) == hour;
        if (!expected[hour])
            continue;
        text_addf(&words, "1/here@%u:0+0-%u? ", hour, expected[hour]);
        text_addf(&words, "1/there@%u:%u+0-%u? ", hour, up, expected[hour] - up);
    }
    WALK(text_str(&words), store_each_rollup(s, site.id, LONG_AGO, FOREVER, write_rollup, &seen, &err));
}

/* ── The same, with everything at once ─────────────────────────────────── */

#define SITES 3
#define SLOTS 240

/* What the store must hold, kept the simple way: a verdict for each slot. */
struct model {
    uint32_t every_ms[SITES + 1];
    char slot[SITES + 1][SLOTS]; /* + - ? or 0 */
    char found[SITES + 1][SLOTS];
    struct rollup hours[SITES + 1][200];
};

static wall_us slot_at(const struct model *m, uint64_t site, unsigned i)
{
    return site_next_slot(site, m->every_ms[site], NOON) + i * (int64_t)m->every_ms[site] * US_PER_MS;
}

static int find_line(void *arg, const struct result *r)
{
    struct model *m = arg;
    uint64_t site = r->run.site_id;
    int64_t every_us = m->every_ms[site] * US_PER_MS;
    for (uint32_t i = 0; i < r->span; i++) {
        int64_t at = (r->run.slot_us - slot_at(m, site, 0)) / every_us + i;
        assert_int_equal(m->found[site][at], 0); /* one line for each run */
        m->found[site][at] = "+-?"[r->verdict];
    }
    return 0;
}

static int check_hour(void *arg, const struct rollup *u)
{
    struct model *m = arg;
    struct rollup *h = &m->hours[u->site_id][(u->hour_us - NOON) / US_PER_HOUR];
    if (h->up != u->up || h->down != u->down || h->unknown != u->unknown || h->took_sum_us != u->took_sum_us)
        fail_msg("site %d, hour %d: %u+%u-%u? in the store, %u+%u-%u? in the ledger", (int)u->site_id,
                 (int)((u->hour_us - NOON) / US_PER_HOUR), u->up, u->down, u->unknown, h->up, h->down,
                 h->unknown);
    *h = (struct rollup){ 0 };
    return 0;
}

static void fold(struct model *m)
{
    for (uint64_t site = 1; site <= SITES; site++)
        for (unsigned i = 0; i < SLOTS; i++) {
            struct rollup *h = &m->hours[site][(slot_at(m, site, i) - NOON) / US_PER_HOUR];
            h->up += m->slot[site][i] == '+';
            h->down += m->slot[site][i] == '-';
            h->unknown += m->slot[site][i] == '?';
            h->took_sum_us += m->slot[site][i] == '+' ? 25000 : 0;
        }
}

static bool model_add(struct model *m, const struct result *r, unsigned at)
{
    bool fresh = false;
    for (uint32_t i = 0; i < r->span; i++)
        if (!m->slot[r->run.site_id][at + i]) {
            m->slot[r->run.site_id][at + i] = "+-?"[r->verdict];
            fresh = true;
        }
    return fresh;
}

static void play(struct store *s, unsigned seed)
{
    struct model *m = calloc(1, sizeof *m);
    wall_us rolled = NOON;
    assert_non_null(m);
    static const uint32_t intervals[] = { 7 * 60 * 1000, 60 * 1000, 47 * 60 * 1000 };
    srandom(seed);
    for (unsigned i = 1; i <= SITES; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%u", i);
        struct site site = a_site(name);
        site.every_ms = m->every_ms[i] = intervals[i - 1];
        assert_int_equal(add_site(s, &site, NOON), i);
    }

    for (int step = 0; step < 1500; step++) {
        unsigned site = 1 + (unsigned)random() % SITES, at = (unsigned)random() % SLOTS;
        struct result r = a_look(site, slot_at(m, site, at), (enum verdict)(random() % 3));
        if (random() % 4 == 0) {
            r.verdict = VERDICT_UNKNOWN;
            r.cause = CAUSE_MISSED;
            r.span = 1 + (unsigned)random() % 12;
            if (r.span > SLOTS - at)
                r.span = SLOTS - at;
        }
        bool expected = model_add(m, &r, at);
        if (record_results(s, &r, 1) != expected)
            fail_msg("seed %u, step %d: site %u, slot %u, span %u was%s new", seed, step, site, at, r.span,
                     expected ? "" : " not");
        if (random() % 100 == 0) {
            rolled += random() % (20 * US_PER_HOUR);
            roll_all(s, rolled);
        }
        bool more;
        if (random() % 10 == 0) /* lines arrive before, while and after their hour is packed */
            OK(store_pack(s, FOREVER, &more, &err));
    }
    roll_all(s, FOREVER);
    if (seed % 2)
        for (bool more = true; more;)
            OK(store_pack(s, FOREVER, &more, &err));

    OK(store_each_result(s, 0, LONG_AGO, FOREVER, SIZE_MAX, find_line, m, &err));
    assert_memory_equal(m->found, m->slot, sizeof m->slot);
    fold(m);
    OK(store_each_rollup(s, 0, LONG_AGO, FOREVER, check_hour, m, &err));
    for (unsigned site = 1; site <= SITES; site++) /* none is left over */
        for (unsigned h = 0; h < 200; h++)
            assert_int_equal(m->hours[site][h].up + m->hours[site][h].down + m->hours[site][h].unknown, 0);
    free(m);
}

static void test_roll_ups_are_the_fold_of_the_ledger(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 5; seed++) {
        scoped(store) struct store *s = store_at("sqlite::memory:", STORE_CREATE);
        play(s, seed);
    }
    struct place p;
    place_kind = PLACE_POSTGRES;
    place_make(&p);
    struct store *s = store_at(p.url, STORE_CREATE);
    play(s, 6);
    store_close(s);
    place_remove(&p);
    place_kind = PLACE_SQLITE;
}

/* ── Forgetting ────────────────────────────────────────────────────────── */

CONTRACT(forgets_what_is_old_and_rolled_up)
{
    for (int i = 0; i < 10; i++) {
        struct result r = a_look(1, NOON + i * US_PER_S, VERDICT_UP);
        assert_int_equal(record_results(s, &r, 1), 1);
    }
    struct incident in = { .id = 1, .site_id = 1 };
    struct evidence e = { 1, a_look(1, NOON, VERDICT_DOWN) };
    struct site_state st = { .site_id = 1 };
    struct notice n = a_notice(1, 1, NOTICE_DOWN);
    struct record rec = { .incidents = &in,
                          .n_incidents = 1,
                          .evidence = &e,
                          .n_evidence = 1,
                          .states = &st,
                          .n_states = 1,
                          .notices = &n,
                          .n_notices = 1 };
    OK(store_record(s, &rec, &err));

    assert_int_equal(prune_all(s, FOREVER, LONG_AGO, 100), 1); /* nothing is rolled up */
    struct summary sum;
    OK(store_get_summary(s, &sum, &err));
    assert_int_equal(sum.looks, 10);

    roll_all(s, NOON + 8 * US_PER_S);
    bool more = false;
    OK(store_prune(s, NOON + 5 * US_PER_S, LONG_AGO, 3, &more, &err));
    assert_true(more);
    WALK("1@9+ 1@8+ 1@7+ 1@6+ 1@5+ 1@4+ 1@3+ ",
         store_each_result(s, 1, LONG_AGO, FOREVER, 99, write_look, &seen, &err));
    OK(store_prune(s, NOON + 5 * US_PER_S, LONG_AGO, 3, &more, &err));
    assert_false(more);
    WALK("1@9+ 1@8+ 1@7+ 1@6+ 1@5+ ",
         store_each_result(s, 0, LONG_AGO, FOREVER, 99, write_look, &seen, &err));
    assert_int_equal(prune_all(s, FOREVER, LONG_AGO, 1), 3);
    WALK("1@9+ 1@8+ ", store_each_result(s, 1, LONG_AGO, FOREVER, 99, write_look, &seen, &err));
    OK(store_get_summary(s, &sum, &err));
    assert_int_equal(sum.looks, 2);

    /* What was counted once is not counted again. */
    struct result again = a_look(1, NOON, VERDICT_DOWN);
    assert_int_equal(record_results(s, &again, 1), 0);
    roll_all(s, FOREVER);
    WALK("1/here@0:10+0-0? ", store_each_rollup(s, 1, LONG_AGO, FOREVER, write_rollup, &seen, &err));

    struct incident_filter incidents = { 0 };
    struct notice_filter notices = { 0 };
    WALK("1:1! ", store_each_incident(s, &incidents, write_incident, &seen, &err));
    WALK("1@0- ", store_each_evidence(s, 1, write_look, &seen, &err));
    WALK("1:1p ", store_each_notice(s, &notices, write_notice, &seen, &err));
}

CONTRACT(forgets_roll_ups)
{
    for (int hour = 0; hour < 5; hour++) {
        struct result r[] = { a_look(1, NOON + hour * US_PER_HOUR, VERDICT_UP),
                              a_look(2, NOON + hour * US_PER_HOUR, VERDICT_UP) };
        assert_int_equal(record_results(s, r, 2), 2);
    }
    roll_all(s, FOREVER);
    bool more = false;
    OK(store_prune(s, LONG_AGO, NOON + US_PER_HOUR + 1, 3, &more, &err));
    assert_true(more);
    OK(store_prune(s, LONG_AGO, NOON + US_PER_HOUR + 1, 3, &more, &err));
    assert_false(more);
    WALK("1/here@2:1+0-0? 1/here@3:1+0-0? 1/here@4:1+0-0? ",
         store_each_rollup(s, 1, LONG_AGO, FOREVER, write_rollup, &seen, &err));
    struct summary sum;
    OK(store_get_summary(s, &sum, &err));
    assert_int_equal(sum.looks, 10);
    assert_int_equal(prune_all(s, FOREVER, FOREVER, 4), 3); /* both: 10 lines, 6 hours */
    WALK("", store_each_rollup(s, 0, LONG_AGO, FOREVER, write_rollup, &seen, &err));
    WALK("", store_each_result(s, 0, LONG_AGO, FOREVER, 9, write_look, &seen, &err));
}

CONTRACT(forgets_spans_with_their_lines)
{
    struct site site = a_site("site");
    site.id = add_site(s, &site, NOON);
    wall_us first = site_next_slot(site.id, site.every_ms, NOON);
    struct result span = a_look(site.id, first, VERDICT_UNKNOWN);
    span.cause = CAUSE_MISSED;
    span.span = 5;
    assert_int_equal(record_results(s, &span, 1), 1);
    roll_all(s, first + 1);
    prune_all(s, first + 1, LONG_AGO, 99);
    WALK("", store_each_result(s, 0, LONG_AGO, FOREVER, 9, write_look, &seen, &err));
    assert_int_equal(record_results(s, &span, 1), 0);
    WALK("1/here@0:0+0-5? ", store_each_rollup(s, site.id, LONG_AGO, FOREVER, write_rollup, &seen, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_roll_up_holds),
        cmocka_unit_test(test_times_are_of_looks_that_ended_up),
        cmocka_unit_test(test_a_slice_is_at_most_a_minute_and_none_beyond_until),
        cmocka_unit_test(test_a_late_line_is_added_when_it_is_recorded),
        cmocka_unit_test(test_a_missed_span_counts_in_the_hours_of_its_slots),
        cmocka_unit_test(test_roll_ups_are_the_fold_of_the_ledger),
        cmocka_unit_test(test_forgets_what_is_old_and_rolled_up),
        cmocka_unit_test(test_forgets_roll_ups),
        cmocka_unit_test(test_forgets_spans_with_their_lines),
    };
    return cmocka_run_group_tests_name("store: history", tests, NULL, NULL);
}
