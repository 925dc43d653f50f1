/* Contracts of every store: packing is seen by nobody but the disk. */
#include "tests/unit/common/stores.h"

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

static void record_one(struct store *s, const struct result *r)
{
    assert_int_equal(record_results(s, r, 1), 1);
}

static uint64_t looks(struct store *s)
{
    struct summary sum;
    OK(store_get_summary(s, &sum, &err));
    return sum.looks;
}

/* Sites 1 to 3 at one-minute slots for so many hours. */
static void fill(struct store *s, int hours)
{
    for (int i = 0; i < hours * 60; i++)
        for (uint64_t site = 1; site <= 3; site++) {
            struct result r =
                a_look(site, NOON + i * 60 * US_PER_S + (wall_us)site, i % 7 ? VERDICT_UP : VERDICT_DOWN);
            record_one(s, &r);
        }
}

static int write_all(void *arg, const struct result *r)
{
    text_addf(arg, "%llu@%lld.%u/%s %llu x%u %d %d %u %d %u %d %lld %u %u %u %u %u %u %lld %s %s %u '%s'\n",
              (unsigned long long)r->run.site_id, (long long)r->run.slot_us, r->run.look, r->run.location,
              (unsigned long long)r->job_id, r->span, r->verdict, r->cause, r->status, r->method,
              r->redirects, r->suspect, (long long)r->at_us, r->took_us, r->phases.dns_us,
              r->phases.connect_us, r->phases.tls_us, r->phases.wait_us, r->phases.body_us,
              (long long)r->tls_expires_us, r->address, r->worker, r->lane, r->detail);
    return 0;
}

/* All that a reader can ask for, as text. */
static void read_all(struct store *s, struct text *t)
{
    for (uint64_t site = 0; site <= 4; site++) {
        OK(store_each_result(s, site, LONG_AGO, FOREVER, SIZE_MAX, write_all, t, &err));
        OK(store_each_result(s, site, NOON + 70 * 60 * US_PER_S, NOON + 130 * 60 * US_PER_S, SIZE_MAX,
                             write_all, t, &err));
        OK(store_each_result(s, site, LONG_AGO, FOREVER, 100, write_all, t, &err));
        OK(store_each_result(s, site, LONG_AGO, NOON + 60 * US_PER_S, 1, write_all, t, &err));
    }
    text_addf(t, "%llu", (unsigned long long)looks(s));
}

static void fill_oddly(struct store *s)
{
    static const char *const addresses[] = { "", "192.0.2.1", "2001:db8::1", "2001:DB8::1", "/run/x.sock" };
    for (unsigned i = 0; i < 40; i++) {
        struct result r = a_look(4, NOON + (wall_us)(i / 4) * 17 * 60 * US_PER_S, (enum verdict)(i % 3));
        r.run.look = i % 4 / 2;
        strcpy(r.run.location, i % 2 ? "there" : "here");
        r.job_id = i % 5 ? job_id_make(i, 7 * i) : 0;
        r.suspect = i % 2;
        r.at_us -= i % 3 ? 0 : 3 * US_PER_S;
        r.phases = (struct phases){ i, 2 * i, 3 * i, 4000 * i, i == 9 ? UINT32_MAX : 0 };
        r.tls_expires_us = i % 4 ? NOON : 0;
        strcpy(r.address, addresses[i % 5]);
        snprintf(r.worker, sizeof r.worker, "w%u", i % 6);
        r.lane = (uint16_t)(i * i);
        snprintf(r.detail, sizeof r.detail, "%s", i % 2 ? "" : "what it said");
        record_one(s, &r);
    }
}

CONTRACT(nobody_sees_the_difference)
{
    scoped(text) struct text before = TEXT_UP_TO(4u << 20), after = TEXT_UP_TO(4u << 20);
    fill(s, 4);
    fill_oddly(s);
    read_all(s, &before);
    assert_int_equal(pack_all(s, FOREVER), 1); /* nothing is rolled up */
    roll_all(s, NOON + 3 * US_PER_HOUR + 60 * US_PER_S);
    assert_true(pack_all(s, FOREVER) > 3);
    read_all(s, &after);
    assert_string_equal(text_str(&before), text_str(&after));
    assert_int_equal(pack_all(s, FOREVER), 1); /* the fourth hour is not over */
}

CONTRACT(a_run_has_one_line_also_when_it_is_packed)
{
    fill(s, 2);
    roll_all(s, FOREVER);
    /* At every moment of the work: the old ones are there, and a late one is taken once. */
    unsigned late = 0;
    for (bool more = true; more; late++) {
        struct result again[3], fresh = a_look(1 + late % 3, NOON + (late + 1) * US_PER_S, VERDICT_UP);
        for (uint64_t site = 1; site <= 3; site++)
            again[site - 1] =
                a_look(site, NOON + 60 * US_PER_S * (wall_us)(late % 120) + (wall_us)site, VERDICT_UNKNOWN);
        assert_int_equal(record_results(s, again, 3), 0);
        record_one(s, &fresh);
        assert_int_equal(record_results(s, &fresh, 1), 0);
        assert_int_equal(looks(s), 360 + late + 1);
        OK(store_pack(s, FOREVER, &more, &err));
        assert_true(late < 100);
    }
    assert_true(late > 4);
    unsigned lines = 0;
    scoped(text) struct text t = TEXT_UP_TO(1u << 20);
    OK(store_each_result(s, 0, LONG_AGO, FOREVER, SIZE_MAX, write_look, &t, &err));
    for (const char *p = text_str(&t); *p; p++)
        lines += *p == '@';
    assert_int_equal(lines, 360 + late);
}

CONTRACT(what_a_state_may_be_behind_is_not_packed)
{
    struct record rec = { .states_us = NOON + US_PER_HOUR };
    fill(s, 3);
    roll_all(s, FOREVER);
    OK(store_record(s, &rec, &err));
    pack_all(s, FOREVER);
    assert_int_equal(pack_all(s, FOREVER), 1);
    rec.states_us = NOON + 3 * US_PER_HOUR;
    OK(store_record(s, &rec, &err));
    assert_true(pack_all(s, FOREVER) > 1);
}

CONTRACT(packed_hours_are_forgotten_as_a_whole)
{
    fill(s, 4);
    roll_all(s, FOREVER);
    pack_all(s, NOON + 3 * US_PER_HOUR);
    bool more = true;
    for (int calls = 0; more; calls++) {
        OK(store_prune(s, NOON + 2 * US_PER_HOUR + 1, LONG_AGO, 100, &more, &err));
        assert_true(calls < 10);
    }
    assert_int_equal(looks(s), 360); /* two hours */
    struct result r = a_look(1, NOON + 2 * US_PER_HOUR - 60 * US_PER_S + 1, VERDICT_UP);
    assert_int_equal(record_results(s, &r, 1), 0);
    r.run.slot_us += 60 * US_PER_S + 5;
    record_one(s, &r); /* its hour is still there */
    WALK("1@7200+ ", store_each_result(s, 1, LONG_AGO, NOON + 2 * US_PER_HOUR + 60 * US_PER_S, 1, write_look,
                                       &seen, &err));
    for (more = true; more;)
        OK(store_prune(s, FOREVER, LONG_AGO, 100, &more, &err)); /* packed ones and others */
    assert_int_equal(looks(s), 0);
    WALK("", store_each_result(s, 0, LONG_AGO, FOREVER, 9, write_look, &seen, &err));
}

/* ── Deaths in between ────────────────────────────────────────────── */

extern size_t sql_pack_bytes; /* how much is gathered at once */

/* More sites than fit at once, and a process that dies after each slice. */
EVERYWHERE(many_walks_and_many_deaths)
{
    struct place p;
    size_t usual = sql_pack_bytes;
    scoped(text) struct text before = TEXT_UP_TO(4u << 20), after = TEXT_UP_TO(4u << 20);
    place_make(&p);
    {
        scoped(store) struct store *s = store_at(p.url, STORE_CREATE);
        for (uint64_t i = 0; i < 600; i++) {
            struct result r = a_look(1 + i * 37 % 200, NOON + (wall_us)i * 10 * US_PER_S, VERDICT_UP);
            record_one(s, &r);
        }
        roll_all(s, FOREVER);
        OK(store_each_result(s, 0, LONG_AGO, FOREVER, SIZE_MAX, write_all, &before, &err));
    }
    sql_pack_bytes = 10000;
    for (bool more = true, first = true; more; first = false) {
        scoped(store) struct store *s = store_at(p.url, STORE_WRITE);
        for (int i = 0; more && i < (first ? 2 : 9); i++) /* walks are lost, rows are not */
            OK(store_pack(s, FOREVER, &more, &err));
        text_clear(&after);
        OK(store_each_result(s, 0, LONG_AGO, FOREVER, SIZE_MAX, write_all, &after, &err));
        assert_string_equal(text_str(&before), text_str(&after));
    }
    sql_pack_bytes = usual;
    place_remove(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_sees_the_difference),
        cmocka_unit_test(test_a_run_has_one_line_also_when_it_is_packed),
        cmocka_unit_test(test_what_a_state_may_be_behind_is_not_packed),
        cmocka_unit_test(test_packed_hours_are_forgotten_as_a_whole),
        cmocka_unit_test(test_many_walks_and_many_deaths),
    };
    return cmocka_run_group_tests_name("store: packing", tests, NULL, NULL);
}
