/* Contracts of every pair of stores: what is in one is in the other after a copy, and
 * what cannot be is found. */
#include "tests/unit/common/stores.h"

#include <sqlite3.h>

static void fill(struct store *s)
{
    struct owner o = {
        .name = "team", .channel = {"mailto:a@b.c", "console:"},
             .n_channels = 2, .remind_s = 60
    };
    struct site a = a_site("a"), b = a_site("b"), gone = a_site("gone");
    uint32_t epoch;
    bool more = true;
    OK(store_edit_begin(s, NOON, &err));
    OK(store_edit_owner(s, &o, &o.id, &err));
    a.owner_id = o.id;
    a.contains = "it's \"quoted\" \xc3\xbc";
    OK(store_edit_site(s, &a, &a.id, &err));
    OK(store_edit_site(s, &b, &b.id, &err));
    OK(store_edit_site(s, &gone, &gone.id, &err));
    OK(store_edit_commit(s, &err));
    b.every_ms *= 2; /* it has a former grid now */
    change_site(s, &b, NOON + US_PER_S);
    OK(store_edit_begin(s, NOON, &err));
    OK(store_edit_remove_site(s, gone.id, &err));
    OK(store_edit_commit(s, &err));
    OK(store_next_epoch(s, &epoch, &err));
    OK(store_next_epoch(s, &epoch, &err));

    static const char *const addresses[] = { "", "192.0.2.1", "2001:db8::1", "/run/x.sock", "abc" };
    for (unsigned part = 0; part < 2; part++) { /* thirty hours: two days */
        struct result r[45];
        for (unsigned k = 0; k < 45; k++) {
            unsigned i = part * 45 + k;
            r[k] = a_look(1 + i % 2, NOON + (wall_us)i * 20 * 60 * US_PER_S, (enum verdict)(i % 7 == 0));
            strcpy(r[k].address, addresses[i % 5]);
            snprintf(r[k].detail, sizeof r[k].detail, "%s", i % 3 ? "" : "what it said");
            snprintf(r[k].worker, sizeof r[k].worker, "w%u", i % 4);
        }
        assert_int_equal(record_results(s, r, 45), 45);
    }
    while (more)
        OK(store_roll_up(s, NOON + 28 * US_PER_HOUR, &more, &err));
    for (more = true; more;)
        OK(store_pack(s, NOON + 28 * US_PER_HOUR, &more, &err));

    struct site_state st[] = {
        {.site_id = 1,
         .health = HEALTH_DOWN,
         .incident_id = 2,
         .last_slot_us = NOON + 5,
         .last_worker = "w1" },
        { .site_id = 2,           .health = HEALTH_UP,      .last_slot_us = NOON + 6, .last_worker = "w9"},
    };
    struct incident in[] = {
        {.id = 1,  .site_id = 2, .end = INCIDENT_RECOVERED, .began_us = NOON,     .ended_us = NOON + 9     },
        { .id = 2, .site_id = 1, .began_us = NOON + 3,      .cause = CAUSE_RESET, .detail = "reset by peer"},
    };
    struct evidence e[] = {
        {1,  a_look(2, NOON, VERDICT_DOWN)},
        { 2, a_look(1, NOON, VERDICT_DOWN)}
    };
    struct episode ep = { .id = 1, .worker = "w1", .began_us = NOON, .reason = "lag" };
    struct notice n[] = { a_notice(1, 1, NOTICE_DOWN), a_notice(2, 2, NOTICE_DOWN) };
    struct notice_outcome sent = { .notice_id = 1, .state = NOTICE_SENT, .attempts = 1, .sent_us = NOON + 4 };
    struct result missed = a_look(1, NOON + 31 * US_PER_HOUR, VERDICT_UNKNOWN);
    missed.cause = CAUSE_MISSED;
    missed.span = 5;
    struct record rec = { .states = st,
                          .n_states = 2,
                          .incidents = in,
                          .n_incidents = 2,
                          .evidence = e,
                          .n_evidence = 2,
                          .episodes = &ep,
                          .n_episodes = 1,
                          .notices = n,
                          .n_notices = 2,
                          .outcomes = &sent,
                          .n_outcomes = 1,
                          .results = &missed,
                          .n_results = 1 };
    OK(store_record(s, &rec, &err));
    struct worker_vitals w = { .worker = "w1", .location = "here", .software = "vedette", .done = 9 };
    struct vitals v = { .epoch = 2, .at_us = NOON, .sites = 2, .workers = &w, .n_workers = 1 };
    OK(store_put_vitals(s, &v, &err));
}

/* ── All that a reader can ask for, as text ────────────────────────────── */

static int tell_site(void *t, const struct site *s)
{
    text_addf(t, "site %llu %s %s '%s' %llu %u %u %d %lld %llu\n", (unsigned long long)s->id, s->name, s->url,
              s->contains, (unsigned long long)s->owner_id, s->every_ms, s->timeout_ms, s->removed,
              (long long)s->changed_us, (unsigned long long)s->change);
    return 0;
}

static int tell_owner(void *t, const struct owner *o)
{
    text_addf(t, "owner %llu %s %u %u %s\n", (unsigned long long)o->id, o->name, o->remind_s, o->n_channels,
              o->n_channels ? o->channel[o->n_channels - 1] : "");
    return 0;
}

static int tell_look(void *t, const struct result *r)
{
    text_addf(t, "look %llu@%lld.%u x%u %d/%d %s %s '%s' %s %llu\n", (unsigned long long)r->run.site_id,
              (long long)r->run.slot_us, r->run.look, r->span, r->verdict, r->cause, r->address, r->worker,
              r->detail, r->run.location, (unsigned long long)r->job_id);
    return 0;
}

static int tell_state(void *t, const struct site_state *s)
{
    text_addf(t, "state %llu %d %llu %lld %s\n", (unsigned long long)s->site_id, s->health,
              (unsigned long long)s->incident_id, (long long)s->last_slot_us, s->last_worker);
    return 0;
}

static int tell_incident(void *t, const struct incident *i)
{
    text_addf(t, "incident %llu %llu %d %lld '%s'\n", (unsigned long long)i->id,
              (unsigned long long)i->site_id, i->end, (long long)i->began_us, i->detail);
    return 0;
}

static int tell_notice(void *t, const struct notice *n)
{
    text_addf(t, "notice %llu %d %s %s %lld\n", (unsigned long long)n->id, n->state, n->key, n->payload,
              (long long)n->sent_us);
    return 0;
}

static int tell_worker(void *t, const struct worker_vitals *w)
{
    text_addf(t, "worker %s %s %llu\n", w->worker, w->location, (unsigned long long)w->done);
    return 0;
}

static int tell_episode(void *t, const struct episode *e)
{
    text_addf(t, "episode %llu %s '%s'\n", (unsigned long long)e->id, e->worker, e->reason);
    return 0;
}

static void tell_all(struct store *s, struct text *t)
{
    struct incident_filter incidents = { 0 };
    struct notice_filter notices = { 0 };
    struct episode_filter episodes = { 0 };
    struct summary sum;
    struct vitals v;
    OK(store_each_site(s, 1, tell_site, t, &err));
    OK(store_each_site(s, 0, tell_site, t, &err));
    OK(store_each_owner(s, 0, tell_owner, t, &err));
    OK(store_each_result(s, 0, LONG_AGO, FOREVER, SIZE_MAX, tell_look, t, &err));
    OK(store_each_result(s, 2, LONG_AGO, FOREVER, SIZE_MAX, tell_look, t, &err));
    OK(store_each_state(s, 0, tell_state, t, &err));
    OK(store_each_incident(s, &incidents, tell_incident, t, &err));
    OK(store_each_evidence(s, 1, tell_look, t, &err));
    OK(store_each_evidence(s, 2, tell_look, t, &err));
    OK(store_each_notice(s, &notices, tell_notice, t, &err));
    OK(store_each_episode(s, &episodes, tell_episode, t, &err));
    OK(store_each_rollup(s, 0, LONG_AGO, FOREVER, write_rollup, t, &err));
    OK(store_each_worker(s, tell_worker, t, &err));
    OK(store_get_vitals(s, &v, &err));
    OK(store_get_summary(s, &sum, &err));
    text_addf(t, "%u %llu looks\n", v.epoch, (unsigned long long)sum.looks);
}

static int no_fault(void *arg, const char *what, uint64_t n)
{
    (void)arg;
    fail_msg("%llu %s", (unsigned long long)n, what);
    return 0;
}

static int count_tables(void *arg, const char *table, uint64_t rows)
{
    (void)table, (void)rows;
    ++*(unsigned *)arg;
    return 0;
}

static void copy_between(enum place_kind from_kind, enum place_kind to_kind)
{
    scoped(text) struct text before = TEXT_UP_TO(4u << 20), after = TEXT_UP_TO(4u << 20);
    struct place from, to;
    unsigned tables = 0;
    place_kind = from_kind;
    place_make(&from);
    place_kind = to_kind;
    place_make(&to);
    struct store *a = store_at(from.url, STORE_CREATE), *b = store_at(to.url, STORE_CREATE);
    fill(a);
    tell_all(a, &before);
    OK(store_copy(a, b, count_tables, &tables, &err));
    assert_in_range(tables, 16, 40);
    tell_all(b, &after);
    assert_string_equal(text_str(&before), text_str(&after));
    OK(store_check(a, no_fault, NULL, &err));
    OK(store_check(b, no_fault, NULL, &err));

    /* It goes on where the other one was. */
    struct site more = a_site("more");
    uint32_t epoch = 0;
    uint64_t change = 0, incident, notice;
    assert_int_equal(add_site(b, &more, NOON), 4);
    OK(store_newest_change(b, &change, &err));
    assert_int_equal(change, 4);
    OK(store_next_epoch(b, &epoch, &err));
    assert_int_equal(epoch, 3);
    OK(store_newest_ids(b, &incident, &notice, &err));
    assert_int_equal(incident, 2);
    struct result again = a_look(1, NOON, VERDICT_DOWN), late = a_look(1, NOON + 7, VERDICT_UP);
    strcpy(late.worker, "somebody new");
    assert_int_equal(record_results(b, &again, 1), 0);
    assert_int_equal(record_results(b, &late, 1), 1);
    OK(store_check(b, no_fault, NULL, &err));

    REFUSED(store_copy(a, b, NULL, NULL, &err), -EEXIST, "in use");
    store_close(a);
    store_close(b);
    place_remove(&from);
    place_remove(&to);
    place_kind = PLACE_SQLITE;
}

static void test_a_copy_is_the_same_store(void **state)
{
    (void)state;
    copy_between(PLACE_SQLITE, PLACE_POSTGRES);
    copy_between(PLACE_POSTGRES, PLACE_SQLITE);
}

static int stop(void *arg, const char *table, uint64_t rows)
{
    (void)rows;
    return strcmp(table, arg) == 0 ? -ECANCELED : 0;
}

static void test_a_copy_that_ends_early_was_never_there(void **state)
{
    (void)state;
    for (enum place_kind kind = 0; kind < PLACE_KINDS; kind++) {
        struct place from, to;
        place_make(&from);
        place_kind = kind;
        place_make(&to);
        place_kind = PLACE_SQLITE;
        struct store *a = store_at(from.url, STORE_CREATE), *b = store_at(to.url, STORE_CREATE);
        fill(a);
        assert_int_equal(store_copy(a, b, stop, (void *)"state", NULL), -ECANCELED);
        WALK("", store_each_site(b, 0, write_site, &seen, &err));
        OK(store_copy(a, b, NULL, NULL, &err)); /* and can be done again */
        store_close(a);
        store_close(b);
        place_remove(&from);
        place_remove(&to);
    }
}

static int note_fault(void *arg, const char *what, uint64_t n)
{
    text_addf(arg, "%llu %s; ", (unsigned long long)n, what);
    return 0;
}

static void test_what_cannot_be_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *words;
    } rows[] = {
        {"DELETE FROM site WHERE id = 1",                                                              "1 open incidents of sites that are not there; "},
        { "UPDATE incident SET ending = 0, site_id = 1",                                               "1 sites with more than one open incident; "    },
        { "UPDATE incident SET ending = 1",                                                            "1 states with an incident that is not open; "  },
        { "DELETE FROM incident WHERE id = 1",                                                         "1 notices of incidents that are not there; 1 looks in "
                                               "evidence of incidents that are not there; "              },
        { "UPDATE owner SET removed = 1",                                                              "1 sites of owners that are not there; "        },
        { "UPDATE meta SET change = 1",                                                                "2 sites from edits that have not been; "       },
        { "UPDATE meta SET looks = looks + 3",
         "3 lines of the ledger that are counted and not there, or the other way round; "                                                              },
        { "UPDATE history SET n = n - 1 WHERE hour = (SELECT min(hour) FROM history) AND site_id = 1",
         "1 lines of the ledger that are counted and not there, or the other way round; "
          "1 packed hours that are damaged; "                                                                                                          },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scoped(text) struct text t = TEXT_UP_TO(4096);
        struct place p;
        sqlite3 *db = NULL;
        place_make(&p);
        struct store *s = store_at(p.url, STORE_CREATE);
        fill(s);
        assert_int_equal(sqlite3_open(strchr(p.url, ':') + 1, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, rows[i].sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        OK(store_check(s, note_fault, &t, &err));
        assert_string_equal(text_str(&t), rows[i].words);
        store_close(s);
        place_remove(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_copy_is_the_same_store),
        cmocka_unit_test(test_a_copy_that_ends_early_was_never_there),
        cmocka_unit_test(test_what_cannot_be_is_found),
    };
    return cmocka_run_group_tests_name("store: copy", tests, NULL, NULL);
}
