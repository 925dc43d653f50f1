/* Contracts of every store: roll-ups of days that are over are packed, and nobody but the disk sees it. */
#include "tests/unit/common/stores.h"

#include <sqlite3.h>

enum { SITES = 5, DAYS = 3 };

static void roll_all(struct store *s, wall_us until_us)
{
    for (bool more = true; more;)
        OK(store_roll_up(s, until_us, &more, &err));
}

static unsigned pack_all(struct store *s, wall_us until_us)
{
    unsigned calls = 0;
    for (bool more = true; more; calls++)
        OK(store_pack(s, until_us, &more, &err));
    return calls;
}

/* A look an hour and more, of two locations, with gaps and outages. */
static void fill(struct store *s)
{
    for (int hour = 0; hour < DAYS * 24; hour++)
        for (uint64_t site = 1; site <= SITES; site++)
            for (int i = 0; i < 3; i++) {
                struct result r = a_look(site, NOON + hour * US_PER_HOUR + (i + 1) * US_PER_S + (wall_us)site,
                                         (hour + i) % 11 == 0 ? VERDICT_DOWN : VERDICT_UP);
                if ((hour + (int)site) % 7 == 0)
                    continue;
                strcpy(r.run.location, i == 2 && site % 2 ? "there" : "here");
                r.took_us = (uint32_t)(1000 + hour * 1301 % 700000 + i * 97);
                assert_int_equal(record_results(s, &r, 1), 1);
            }
}

static int write_whole(void *arg, const struct rollup *u)
{
    text_addf(arg, "%llu/%s@%lld:%u+%u-%u? %llu %u %u\n", (unsigned long long)u->site_id, u->location,
              (long long)((u->hour_us - NOON) / US_PER_HOUR), u->up, u->down, u->unknown,
              (unsigned long long)u->took_sum_us, u->took_min_us, u->took_max_us);
    return 0;
}

/* All that a reader can ask for, as text. */
static void read_all(struct store *s, struct text *t)
{
    for (uint64_t site = 0; site <= SITES + 1; site++) {
        OK(store_each_rollup(s, site, LONG_AGO, FOREVER, write_whole, t, &err));
        OK(store_each_rollup(s, site, NOON + 5 * US_PER_HOUR, NOON + 30 * US_PER_HOUR, write_whole, t, &err));
        OK(store_each_rollup(s, site, NOON + 25 * US_PER_HOUR + 1, NOON + 27 * US_PER_HOUR, write_whole, t,
                             &err));
    }
}

#define ALL TEXT_UP_TO(4u << 20)

CONTRACT(nobody_sees_the_difference)
{
    scoped(text) struct text before = ALL, after = ALL, half = ALL;
    fill(s);
    roll_all(s, NOON + 2 * US_PER_DAY + US_PER_HOUR);
    read_all(s, &before);
    assert_true(before.len > 10000);
    pack_all(s, NOON + US_PER_DAY - 1); /* hours of lines; no day is over */
    read_all(s, &half);
    assert_string_equal(text_str(&before), text_str(&half));
    assert_true(pack_all(s, FOREVER) > 2);
    read_all(s, &after);
    assert_string_equal(text_str(&before), text_str(&after));
    assert_int_equal(pack_all(s, FOREVER), 1);
}

static int two_then_stop(void *arg, const struct rollup *u)
{
    (void)u;
    return ++*(int *)arg == 2 ? 77 : 0;
}

CONTRACT(a_walk_ends_where_its_callback_says)
{
    fill(s);
    roll_all(s, FOREVER);
    pack_all(s, FOREVER);
    struct err err = { 0 };
    for (uint64_t site = 0; site <= 1; site++) {
        int n = 0;
        assert_int_equal(store_each_rollup(s, site, LONG_AGO, FOREVER, two_then_stop, &n, &err), 77);
        assert_int_equal(n, 2);
    }
}

/* At every moment of the work, into days that are packed, are being packed, and never were there. */
CONTRACT(a_late_line_is_added_to_its_day)
{
    unsigned late = 0, ups = 0;
    for (int day = 0; day < 3; day += 2) {
        struct result r = a_look(1, NOON + day * US_PER_DAY + 5 * US_PER_HOUR, VERDICT_UP);
        r.took_us = 500;
        assert_int_equal(record_results(s, &r, 1), 1);
    }
    roll_all(s, FOREVER);
    for (bool more = true; more; late++) {
        struct result r =
            a_look(1, NOON + (late % 3) * US_PER_DAY + 5 * US_PER_HOUR + (late + 1) * US_PER_S, VERDICT_UP);
        r.took_us = late % 2 ? 100 : 900;
        assert_int_equal(record_results(s, &r, 1), 1);
        OK(store_pack(s, FOREVER, &more, &err));
        assert_true(late < 100);
    }
    assert_true(late > 3);
    scoped(text) struct text all = ALL;
    OK(store_each_rollup(s, 1, LONG_AGO, FOREVER, write_whole, &all, &err));
    for (const char *p = text_str(&all); *p; p = strchr(p, '\n') + 1) {
        unsigned hour, up;
        assert_int_equal(sscanf(p, "1/here@%u:%u+0-0?", &hour, &up), 2);
        assert_int_equal(hour % 24, 5);
        ups += up;
    }
    assert_int_equal(ups, late + 2);

    struct result other =
        a_look(1, NOON + 6 * US_PER_HOUR, VERDICT_DOWN); /* another hour, another location */
    strcpy(other.run.location, "there");
    assert_int_equal(record_results(s, &other, 1), 1);
    WALK("1/there@6:0+1-0? ",
         store_each_rollup(s, 1, NOON + 6 * US_PER_HOUR, NOON + 7 * US_PER_HOUR, write_rollup, &seen, &err));
}

CONTRACT(the_shortest_and_the_longest_are_those_of_all)
{
    static const struct {
        enum verdict verdict;
        uint32_t took_us;
    } looks[] = {
        {VERDICT_DOWN,  7  },
        { VERDICT_UP,   300},
        { VERDICT_UP,   200},
        { VERDICT_DOWN, 1  },
        { VERDICT_UP,   400}
    };
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        struct result r = a_look(1, NOON + (wall_us)(i + 1) * US_PER_S, looks[i].verdict);
        r.took_us = looks[i].took_us;
        assert_int_equal(record_results(s, &r, 1), 1);
        roll_all(s, FOREVER);
        pack_all(s, FOREVER); /* the first by the table, the others to what is packed */
    }
    scoped(text) struct text seen = ALL;
    OK(store_each_rollup(s, 1, LONG_AGO, FOREVER, write_whole, &seen, &err));
    assert_string_equal(text_str(&seen), "1/here@0:3+2-0? 900 200 400\n");
}

CONTRACT(packed_days_are_forgotten_as_a_whole)
{
    fill(s);
    roll_all(s, FOREVER);
    pack_all(s, FOREVER);
    bool more = true;
    for (int calls = 0; more; calls++) {
        OK(store_prune(s, LONG_AGO, NOON + 2 * US_PER_DAY - US_PER_HOUR, 30, &more, &err));
        assert_true(calls < 10);
    }
    scoped(text) struct text left = ALL;
    OK(store_each_rollup(s, 2, LONG_AGO, NOON + 2 * US_PER_DAY, write_rollup, &left, &err));
    assert_non_null(
        strstr(text_str(&left), "2/here@24:")); /* of the second day all is there, of the first nothing */
    assert_null(strstr(text_str(&left), "@23:"));
    for (more = true; more;)
        OK(store_prune(s, LONG_AGO, FOREVER, 30, &more, &err));
    WALK("", store_each_rollup(s, 0, LONG_AGO, FOREVER, write_rollup, &seen, &err));
}

/* ── What only this one has ────────────────────────────────────────────── */

extern unsigned sql_pack_sites; /* how many at once */

/* Two sites at a time, and a process that dies after each slice. */
static void test_many_slices_and_many_deaths(void **state)
{
    (void)state;
    struct place p;
    unsigned usual = sql_pack_sites, slices = 0;
    scoped(text) struct text before = ALL, after = ALL;
    place_make(&p);
    {
        scoped(store) struct store *s = store_at(p.url, STORE_CREATE);
        fill(s);
        roll_all(s, FOREVER);
        read_all(s, &before);
    }
    sql_pack_sites = 2;
    for (bool more = true; more; slices++) {
        scoped(store) struct store *s = store_at(p.url, STORE_WRITE);
        for (int i = 0; more && i < 7; i++) /* an hour of lines begins anew after each death */
            OK(store_pack(s, FOREVER, &more, &err));
        text_clear(&after);
        read_all(s, &after);
        assert_string_equal(text_str(&before), text_str(&after));
        assert_true(slices < 1000);
    }
    sql_pack_sites = usual;
    place_remove(&p);
}

/* What an earlier version has left. */
static const char *const first_six[] = {
#include "common/store/schema/sqlite/0001_first.sql.h"
    ,
#include "common/store/schema/sqlite/0002_states.sql.h"
    ,
#include "common/store/schema/sqlite/0003_dropped.sql.h"
    ,
#include "common/store/schema/sqlite/0004_history.sql.h"
    ,
#include "common/store/schema/sqlite/0005_descriptors.sql.h"
    ,
#include "common/store/schema/sqlite/0006_episodes.sql.h"
};

static void run_sql(sqlite3 *db, const char *sql)
{
    char *said = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &said) != SQLITE_OK)
        fail_msg("%s", said);
}

static void test_a_store_from_before_is_packed(void **state)
{
    (void)state;
    static const char all[] = "7/here@0:12+0-0? 7/here@23:11+1-0? 7/here@24:12+0-0? ";
    struct place p;
    sqlite3 *db = NULL;
    place_make(&p);
    assert_int_equal(sqlite3_open(p.url + strlen("sqlite:"), &db), SQLITE_OK);
    for (size_t i = 0; i < sizeof first_six / sizeof *first_six; i++)
        run_sql(db, first_six[i]);
    run_sql(db, "INSERT INTO word VALUES (1, 'here');"
                "INSERT INTO rollup VALUES (1772323200 / 3600, 7, 1, 12, 0, 0, 1200, 50, 300), "
                "(1772323200 / 3600 + 23, 7, 1, 11, 1, 0, 1100, 60, 200), "
                "(1772323200 / 3600 + 24, 7, 1, 12, 0, 0, 1300, 70, 400);"
                "UPDATE meta SET rolled_up_us = (1772323200 + 90000) * 1000000;"
                "PRAGMA user_version = 6");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    {
        scoped(store) struct store *s = store_at(p.url, STORE_WRITE);
        WALK(all, store_each_rollup(s, 7, LONG_AGO, FOREVER, write_rollup, &seen, &err));
        assert_true(pack_all(s, FOREVER) > 1);
        WALK(all, store_each_rollup(s, 0, LONG_AGO, FOREVER, write_rollup, &seen, &err));
    }
    place_remove(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_sees_the_difference),
        cmocka_unit_test(test_a_walk_ends_where_its_callback_says),
        cmocka_unit_test(test_a_late_line_is_added_to_its_day),
        cmocka_unit_test(test_the_shortest_and_the_longest_are_those_of_all),
        cmocka_unit_test(test_packed_days_are_forgotten_as_a_whole),
        cmocka_unit_test(test_many_slices_and_many_deaths),
        cmocka_unit_test(test_a_store_from_before_is_packed),
    };
    return cmocka_run_group_tests_name("store: packing roll-ups", tests, NULL, NULL);
}
