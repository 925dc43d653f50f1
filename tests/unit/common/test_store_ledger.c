/* Contracts of every store: lines of the ledger, missed spans, all or nothing. */
#include "tests/unit/common/stores.h"

/* ── The ledger ────────────────────────────────────────────────────────── */

static int same_result(void *arg, const struct result *b)
{
    const struct result *a = arg;
    assert_int_equal(a->job_id, b->job_id);
    assert_int_equal(a->run.site_id, b->run.site_id);
    assert_int_equal(a->run.slot_us, b->run.slot_us);
    assert_int_equal(a->run.look, b->run.look);
    assert_string_equal(a->run.location, b->run.location);
    assert_int_equal(a->span, b->span);
    assert_int_equal(a->verdict, b->verdict);
    assert_int_equal(a->cause, b->cause);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->method, b->method);
    assert_int_equal(a->redirects, b->redirects);
    assert_int_equal(a->suspect, b->suspect);
    assert_int_equal(a->at_us, b->at_us);
    assert_int_equal(a->took_us, b->took_us);
    assert_memory_equal(&a->phases, &b->phases, sizeof a->phases);
    assert_int_equal(a->tls_expires_us, b->tls_expires_us);
    assert_string_equal(a->address, b->address);
    assert_string_equal(a->worker, b->worker);
    assert_int_equal(a->lane, b->lane);
    assert_string_equal(a->detail, b->detail);
    return 7;
}

CONTRACT(a_result_comes_back_as_it_was)
{
    static const char *const addresses[] = {
        "", "192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7", "fe80::1%eth0", "2001:DB8::1", "not an address"
    };
    for (unsigned i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct result r = {
            .job_id = UINT64_MAX - i,
            .run = {.site_id = 1,
                    .slot_us = NOON + i,
                    .look = UINT16_MAX,
                    .location = "a-location-of-31-characters-xxx"},
            .span = 1,
            .verdict = VERDICT_DOWN,
            .cause = CAUSE_CERT_EXPIRED,
            .status = 999,
            .method = METHOD_GET,
            .redirects = 10,
            .suspect = true,
            .at_us = NOON - 12345,
            .took_us = UINT32_MAX,
            .phases = { 1,           2, UINT32_MAX, 4,                5 },
            .tls_expires_us = NOON + 14 * US_PER_DAY,
            .worker = "worker.with-a_long.name",
            .lane = UINT16_MAX,
            .detail = "it's a \"detail\"",
        };
        snprintf(r.address, sizeof r.address, "%s", addresses[i]);
        struct evidence e = { 5, r };
        struct record rec = { .results = &r, .n_results = 1, .evidence = &e, .n_evidence = 1 };
        OK(store_record(s, &rec, &err));
        assert_int_equal(store_each_result(s, 1, NOON + i, NOON + i + 1, 9, same_result, &r, NULL), 7);
        assert_int_equal(store_each_result(s, 0, NOON + i, NOON + i + 1, 9, same_result, &r, NULL), 7);
        if (i == 0)
            assert_int_equal(store_each_evidence(s, 5, same_result, &r, NULL), 7);
    }
}

CONTRACT(a_detail_is_kept_where_there_is_something_to_explain)
{
    struct result r[] = { a_look(1, NOON, VERDICT_UP), a_look(2, NOON, VERDICT_UP),
                          a_look(3, NOON, VERDICT_UNKNOWN) };
    for (int i = 0; i < 3; i++)
        strcpy(r[i].detail, "words");
    r[1].cause = CAUSE_BLOCKED_WAF;
    assert_int_equal(record_results(s, r, 3), 3);
    strcpy(r[0].detail, "");
    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(store_each_result(s, i, LONG_AGO, FOREVER, 9, same_result, &r[i - 1], NULL), 7);
}

CONTRACT(a_run_keeps_the_line_it_has)
{
    struct result first[] = {
        a_look(1, NOON, VERDICT_UP),     a_look(1, NOON, VERDICT_DOWN), /* the same run */
        a_look(1, NOON, VERDICT_DOWN),                                  /* another look */
        a_look(1, NOON, VERDICT_DOWN),                                  /* another location */
        a_look(2, NOON, VERDICT_DOWN),                                  /* another site */
        a_look(1, NOON + 1, VERDICT_UP),                                /* another slot */
    };
    first[2].run.look = 1;
    strcpy(first[3].run.location, "there");
    bool fresh[6];
    struct record rec = { .results = first, .n_results = 6, .fresh = fresh };
    OK(store_record(s, &rec, &err));
    static const bool expected[] = { true, false, true, true, true, true };
    assert_memory_equal(fresh, expected, sizeof fresh);

    struct result again = a_look(1, NOON, VERDICT_UNKNOWN);
    again.job_id++;
    assert_int_equal(record_results(s, &again, 1), 0);
    assert_int_equal(record_results(s, first, 6), 0);
    struct summary sum;
    OK(store_get_summary(s, &sum, &err));
    assert_int_equal(sum.looks, 5);
    again = first[0];
    assert_int_equal(store_each_result(s, 1, NOON, NOON + 1, 1, same_result, &again, NULL), 7);
    rec.fresh = NULL; /* nobody need ask */
    OK(store_record(s, &rec, &err));
}

CONTRACT(lines_come_newest_slot_first)
{
    struct result r[6];
    for (unsigned i = 0; i < 6; i++) {
        r[i] = a_look(1 + i % 2, NOON + (i / 2) * US_PER_S, i % 2 ? VERDICT_DOWN : VERDICT_UP);
    }
    struct result confirm = r[3];
    confirm.run.look = 1;
    assert_int_equal(record_results(s, &confirm, 1), 1);
    assert_int_equal(record_results(s, r, 6), 6);

    WALK("1@2+ 2@2- 1@1+ 2@1- 2@1.1- 1@0+ 2@0- ",
         store_each_result(s, 0, LONG_AGO, FOREVER, 99, write_look, &seen, &err));
    WALK("2@2- 2@1- 2@1.1- 2@0- ", store_each_result(s, 2, LONG_AGO, FOREVER, 99, write_look, &seen, &err));
    WALK("2@2- 2@1- ", store_each_result(s, 2, LONG_AGO, FOREVER, 2, write_look, &seen, &err));
    WALK("", store_each_result(s, 2, LONG_AGO, FOREVER, 0, write_look, &seen, &err));
    WALK("", store_each_result(s, 3, LONG_AGO, FOREVER, 9, write_look, &seen, &err));
    /* from is in the range, to is not */
    WALK("2@1- 2@1.1- ",
         store_each_result(s, 2, NOON + US_PER_S, NOON + 2 * US_PER_S, 9, write_look, &seen, &err));
    WALK("", store_each_result(s, 2, NOON + US_PER_S, NOON + US_PER_S, 9, write_look, &seen, &err));
}

/* A ledger that is too long to be read through: a site's lines are found all
 * the same, those of its former intervals too. */
CONTRACT(one_site_among_many_lines)
{
    struct site a = a_site("a");
    a.every_ms = 60 * 1000;
    a.id = add_site(s, &a, NOON);
    wall_us minute = site_next_slot(a.id, 60 * 1000, NOON);
    wall_us sevens = site_next_slot(a.id, 7000, NOON + 20 * 60 * US_PER_S);
    struct result early = a_look(a.id, minute - 12345678, VERDICT_DOWN);
    struct site_state first = { .site_id = a.id, .last_slot_us = early.run.slot_us };
    struct record rec = { .results = &early, .n_results = 1, .states = &first, .n_states = 1 };
    OK(store_record(s, &rec, &err));
    first.last_slot_us = minute; /* the first is remembered */
    OK(store_record(s, &rec, &err));
    struct result mine[] = {
        a_look(a.id, minute, VERDICT_UP),
        a_look(a.id, minute + 60 * US_PER_S, VERDICT_DOWN),
        a_look(a.id, minute + 60 * US_PER_S, VERDICT_DOWN),
        a_look(a.id, sevens, VERDICT_UP),
        a_look(a.id, sevens + 70 * US_PER_S, VERDICT_UP),
    };
    mine[2].run.look = 1;
    assert_int_equal(record_results(s, mine, 5), 5);
    a.every_ms = 7000;
    change_site(s, &a, NOON + 20 * 60 * US_PER_S);
    a.every_ms = 300 * 1000;
    change_site(s, &a, NOON + 40 * 60 * US_PER_S);

    struct result crowd[500];
    for (unsigned batch = 0; batch < 50; batch++) {
        for (unsigned i = 0; i < 500; i++)
            crowd[i] = a_look(1000 + i, NOON + batch * 60 * US_PER_S + i * 1000, VERDICT_UP);
        rec = (struct record){ .results = crowd, .n_results = 500 };
        OK(store_record(s, &rec, &err));
    }
    struct result newest = a_look(a.id, site_next_slot(a.id, 300 * 1000, NOON + US_PER_HOUR), VERDICT_UP);
    assert_int_equal(record_results(s, &newest, 1), 1);

    scoped(text) struct text expected = TEXT_UP_TO(1000);
    write_look(&expected, &newest);
    write_look(&expected, &mine[4]);
    write_look(&expected, &mine[3]);
    write_look(&expected, &mine[1]);
    write_look(&expected, &mine[2]);
    size_t without_last = expected.len;
    write_look(&expected, &mine[0]);
    write_look(&expected, &early);
    WALK(text_str(&expected), store_each_result(s, a.id, LONG_AGO, FOREVER, 99, write_look, &seen, &err));
    expected.at[without_last] = '\0';
    WALK(text_str(&expected), store_each_result(s, a.id, LONG_AGO, FOREVER, 5, write_look, &seen, &err));
    WALK(text_str(&expected), store_each_result(s, a.id, minute + 1, FOREVER, 99, write_look, &seen, &err));
    WALK("", store_each_result(s, a.id + 1, LONG_AGO, FOREVER, 99, write_look, &seen, &err));
}

/* ── Missed spans ──────────────────────────────────────────────────────── */

/* Slots of a site that is looked at every minute: + - ? lines, . none. */
static void draw_slots(struct store *s, const struct site *site, const char *slots)
{
    for (unsigned i = 0; slots[i]; i++) {
        struct result r = a_look(site->id, site_next_slot(site->id, site->every_ms, NOON) + i * 60 * US_PER_S,
                                 slots[i] == '+'   ? VERDICT_UP
                                 : slots[i] == '-' ? VERDICT_DOWN
                                                   : VERDICT_UNKNOWN);
        if (slots[i] != '.')
            assert_int_equal(record_results(s, &r, 1), 1);
    }
}

/* The same, read back: M for every slot that a span line stands for. */
struct drawing {
    wall_us first_us;
    char slots[64];
};

static int draw_line(void *arg, const struct result *r)
{
    struct drawing *d = arg;
    size_t at = (size_t)((r->run.slot_us - d->first_us) / (60 * US_PER_S));
    for (uint32_t i = 0; i < r->span; i++) {
        if (d->slots[at + i] != '.')
            fail_msg("slot %zu has two lines: %s", at + i, d->slots);
        d->slots[at + i] = r->cause == CAUSE_MISSED ? 'M' : "+-?"[r->verdict];
    }
    return 0;
}

CONTRACT(a_missed_span_is_laid_around_the_lines_that_are_there)
{
    static const struct {
        const char *name, *before;
        unsigned first, span;
        const char *after;
        bool fresh;
    } rows[] = {
        {"nothing in the way",       "........", 2, 4, "..MMMM..", true },
        { "the first slot is taken", "..+.....", 2, 4, "..+MMM..", true },
        { "the last slot is taken",  ".....-..", 2, 4, "..MMM-..", true },
        { "one in the middle",       "...?....", 2, 4, "..M?MM..", true },
        { "every other one",         "..+.+...", 2, 5, "..+M+MM.", true },
        { "all taken",               "..++++..", 2, 4, "..++++..", false},
        { "around, not inside",      ".+....+.", 2, 4, ".+MMMM+.", true },
        { "one missed slot",         "........", 3, 1, "...M....", true },
        { "one missed slot, taken",  "...+....", 3, 1, "...+....", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct site site = a_site(rows[i].name);
        site.id = add_site(s, &site, NOON);
        struct drawing d = { .first_us = site_next_slot(site.id, site.every_ms, NOON) };
        struct result span = a_look(site.id, d.first_us + rows[i].first * 60 * US_PER_S, VERDICT_UNKNOWN);
        span.cause = CAUSE_MISSED;
        span.span = rows[i].span;
        span.at_us = span.run.slot_us;

        draw_slots(s, &site, rows[i].before);
        assert_int_equal(record_results(s, &span, 1), rows[i].fresh);
        for (int again = 0; again < 2; again++) {
            memset(d.slots, '.', strlen(rows[i].after));
            OK(store_each_result(s, site.id, LONG_AGO, FOREVER, 99, draw_line, &d, &err));
            if (strcmp(d.slots, rows[i].after) != 0)
                fail_msg("%s: %s, not %s", rows[i].name, d.slots, rows[i].after);
            assert_int_equal(record_results(s, &span, 1), 0); /* may be repeated */
        }
    }
}

CONTRACT(a_result_inside_a_missed_span_comes_too_late)
{
    struct site site = a_site("site");
    site.id = add_site(s, &site, NOON);
    wall_us first = site_next_slot(site.id, site.every_ms, NOON);
    struct result span = a_look(site.id, first, VERDICT_UNKNOWN);
    span.cause = CAUSE_MISSED;
    span.span = 10;
    assert_int_equal(record_results(s, &span, 1), 1);

    struct result late[] = {
        a_look(site.id, first, VERDICT_UP),
        a_look(site.id, first + 9 * 60 * US_PER_S, VERDICT_UP),
        a_look(site.id, first + 10 * 60 * US_PER_S, VERDICT_UP), /* behind it */
        a_look(site.id, first - 60 * US_PER_S, VERDICT_UP),      /* before it */
        a_look(site.id, first + 60 * US_PER_S, VERDICT_UP),      /* another location */
        a_look(site.id, first + 60 * US_PER_S, VERDICT_UP),      /* a confirming look is another run */
        a_look(site.id, first + 30 * US_PER_S, VERDICT_UP),      /* between its slots: another grid */
    };
    static const bool expected[] = { false, false, true, true, true, true, true };
    strcpy(late[4].run.location, "there");
    late[5].run.look = 1;
    bool fresh[7];
    struct record rec = { .results = late, .n_results = 7, .fresh = fresh };
    OK(store_record(s, &rec, &err));
    assert_memory_equal(fresh, expected, sizeof fresh);

    /* A second report that overlaps the first adds only what is new. */
    span.run.slot_us += 5 * 60 * US_PER_S;
    span.span = 12;
    assert_int_equal(record_results(s, &span, 1), 1);
    struct drawing d = { .first_us = first };
    memset(d.slots, '.', 18);
    OK(store_each_result(s, site.id, first + 9 * 60 * US_PER_S, FOREVER, 9, draw_line, &d, &err));
    assert_string_equal(d.slots, "..........+MMMMMM.");
}

CONTRACT(a_span_whose_grid_nobody_knows_is_one_line)
{
    struct result span = a_look(4711, NOON, VERDICT_UNKNOWN);
    span.cause = CAUSE_MISSED;
    span.span = 3;
    assert_int_equal(record_results(s, &span, 1), 1);
    assert_int_equal(record_results(s, &span, 1), 0);
    WALK("4711@0x3? ", store_each_result(s, 4711, LONG_AGO, FOREVER, 9, write_look, &seen, &err));
}

/* ── All or nothing ────────────────────────────────────────────────────── */

CONTRACT(a_record_that_cannot_be_writes_nothing)
{
    struct notice there = a_notice(7, 1, NOTICE_DOWN);
    struct record first = { .notices = &there, .n_notices = 1 };
    OK(store_record(s, &first, &err));

    struct result good = a_look(1, NOON, VERDICT_UP);
    struct site_state state = { .site_id = 1, .health = HEALTH_UP, .last_slot_us = NOON };
    struct incident in = { .id = 3, .site_id = 1 };
    struct evidence e = { 3, good };
    struct notice other = a_notice(7, 2, NOTICE_BACK); /* the id is another's */
    bool fresh;
    struct record rec = { .results = &good,
                          .n_results = 1,
                          .fresh = &fresh,
                          .states = &state,
                          .n_states = 1,
                          .incidents = &in,
                          .n_incidents = 1,
                          .evidence = &e,
                          .n_evidence = 1,
                          .notices = &other,
                          .n_notices = 1 };
    REFUSED(store_record(s, &rec, &err), -EINVAL, "id 7");
    struct result bad[] = { good, good, good, good };
    bad[0].verdict = VERDICT_COUNT;
    bad[1].cause = CAUSE_END;
    bad[2].method = METHOD_COUNT;
    bad[3].span = 2;
    bad[3].run.look = 1;
    for (int i = 0; i < 4; i++) {
        struct result pair[] = { good, bad[i] };
        struct record r = { .results = pair, .n_results = 2 };
        REFUSED(store_record(s, &r, &err), -EINVAL, "no sense");
    }

    struct summary sum;
    struct incident_filter all = { 0 };
    OK(store_get_summary(s, &sum, &err));
    assert_int_equal(sum.looks, 0);
    WALK("", store_each_result(s, 0, LONG_AGO, FOREVER, 9, write_look, &seen, &err));
    WALK("", store_each_incident(s, &all, write_incident, &seen, &err));
    WALK("", store_each_evidence(s, 3, write_look, &seen, &err));
    /* and the same names are still new to it */
    rec.n_notices = 0;
    OK(store_record(s, &rec, &err));
    assert_true(fresh);
    assert_int_equal(store_each_result(s, 1, LONG_AGO, FOREVER, 9, same_result, &good, NULL), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_result_comes_back_as_it_was),
        cmocka_unit_test(test_a_detail_is_kept_where_there_is_something_to_explain),
        cmocka_unit_test(test_a_run_keeps_the_line_it_has),
        cmocka_unit_test(test_lines_come_newest_slot_first),
        cmocka_unit_test(test_one_site_among_many_lines),
        cmocka_unit_test(test_a_missed_span_is_laid_around_the_lines_that_are_there),
        cmocka_unit_test(test_a_result_inside_a_missed_span_comes_too_late),
        cmocka_unit_test(test_a_span_whose_grid_nobody_knows_is_one_line),
        cmocka_unit_test(test_a_record_that_cannot_be_writes_nothing),
    };
    return cmocka_run_group_tests_name("store: ledger", tests, NULL, NULL);
}
