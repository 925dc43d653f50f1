/* Contracts of every store: what was concluded from the looks, and how we are. */
#include "tests/unit/common/stores.h"

/* ── States ────────────────────────────────────────────────────────────── */

static int write_state(void *arg, const struct site_state *st)
{
    text_addf(arg, "%llu:%s@%lld ", (unsigned long long)st->site_id, health_name(st->health),
              (long long)(st->last_slot_us - NOON));
    return 0;
}

static int same_state(void *arg, const struct site_state *b)
{
    const struct site_state *a = arg;
    assert_int_equal(a->site_id, b->site_id);
    assert_int_equal(a->health, b->health);
    assert_int_equal(a->since_us, b->since_us);
    assert_int_equal(a->last_slot_us, b->last_slot_us);
    assert_int_equal(a->incident_id, b->incident_id);
    assert_int_equal(a->blips, b->blips);
    assert_int_equal(a->last_at_us, b->last_at_us);
    assert_int_equal(a->last_verdict, b->last_verdict);
    assert_int_equal(a->last_cause, b->last_cause);
    assert_int_equal(a->last_status, b->last_status);
    assert_int_equal(a->last_took_us, b->last_took_us);
    assert_int_equal(a->tls_expires_us, b->tls_expires_us);
    assert_string_equal(a->last_worker, b->last_worker);
    return 7;
}

static void put_state(struct store *s, uint64_t id, enum health health, wall_us slot)
{
    struct site_state st = { .site_id = id, .health = health, .last_slot_us = NOON + slot };
    struct record rec = { .states = &st, .n_states = 1 };
    OK(store_record(s, &rec, &err));
}

CONTRACT(an_older_state_never_overwrites_a_newer)
{
    struct site a = a_site("a"), b = a_site("b"), c = a_site("c");
    add_site(s, &a, NOON);
    add_site(s, &b, NOON);
    add_site(s, &c, NOON);
    WALK("", store_each_state(s, 0, write_state, &seen, &err));
    put_state(s, 2, HEALTH_UP, 10);
    put_state(s, 1, HEALTH_SUSPECTED, 20);
    WALK("1:suspected@20 2:up@10 ", store_each_state(s, 0, write_state, &seen, &err));
    put_state(s, 1, HEALTH_UP, 19);
    WALK("1:suspected@20 ", store_each_state(s, 1, write_state, &seen, &err));
    put_state(s, 1, HEALTH_DOWN, 20); /* of the same round: the newer word */
    WALK("1:down@20 ", store_each_state(s, 1, write_state, &seen, &err));
    put_state(s, 1, HEALTH_UP, 21);
    WALK("1:up@21 ", store_each_state(s, 1, write_state, &seen, &err));
    WALK("", store_each_state(s, 3, write_state, &seen, &err));
    WALK("", store_each_state(s, 99, write_state, &seen, &err));

    OK(store_edit_begin(s, NOON, &err));
    OK(store_edit_remove_site(s, 1, &err));
    OK(store_edit_commit(s, &err));
    put_state(s, 1, HEALTH_DOWN, 30); /* a late result of a site that is gone */
    WALK("2:up@10 ", store_each_state(s, 0, write_state, &seen, &err));
    WALK("", store_each_state(s, 1, write_state, &seen, &err));
}

CONTRACT(a_state_comes_back_as_it_was)
{
    struct site_state st = { 1,           HEALTH_DOWN, NOON,    NOON + 1,  17,   3, NOON + 2, VERDICT_DOWN,
                             CAUSE_RESET, 503,         1234567, NOON + 30, "w.7" };
    struct record rec = { .states = &st, .n_states = 1 };
    OK(store_record(s, &rec, &err));
    assert_int_equal(store_each_state(s, 1, same_state, &st, NULL), 7);
    st.since_us++;
    st.incident_id = 0;
    st.blips++;
    st.last_at_us++;
    st.last_verdict = VERDICT_UP;
    st.last_cause = CAUSE_NONE;
    st.last_status = 200;
    st.last_took_us = 1;
    st.tls_expires_us = 0;
    st.last_worker = "";
    OK(store_record(s, &rec, &err));
    assert_int_equal(store_each_state(s, 0, same_state, &st, NULL), 7);
}

static void put_behind(struct store *s, const struct site_state *st, wall_us states_us,
                       const struct result *r, size_t n)
{
    struct record rec = {
        .states = st, .n_states = st ? 1 : 0, .states_us = states_us, .results = r, .n_results = n
    };
    OK(store_record(s, &rec, &err));
}

CONTRACT(a_state_that_is_behind_is_as_the_ledger_has_it)
{
    struct site site = a_site("a");
    wall_us mark = 0;
    site.id = add_site(s, &site, NOON);
    OK(store_get_states_us(s, &mark, &err));
    assert_true(mark == WALL_NEVER);

    struct site_state st = { .site_id = site.id,
                             .health = HEALTH_UP,
                             .since_us = NOON + 1,
                             .last_slot_us = NOON + 10,
                             .blips = 3,
                             .last_worker = "w0",
                             .tls_expires_us = NOON + 9 * US_PER_S };
    struct result line[] = {
        a_look(site.id, NOON + 11, VERDICT_UP),       a_look(site.id, NOON + 20, VERDICT_DOWN),
        a_look(site.id, NOON + 30, VERDICT_UP),       a_look(site.id, NOON + 40, VERDICT_UNKNOWN),
        a_look(site.id + 1, NOON + 50, VERDICT_DOWN),
    };
    line[2].run.look = 1; /* a confirming look is no newer round */
    line[3].cause = CAUSE_MISSED;
    put_behind(s, &st, 0, line, 5);
    assert_int_equal(store_each_state(s, site.id, same_state, &st, NULL), 7); /* no mark: none is behind */

    put_behind(s, NULL, NOON + 21, NULL, 0);
    assert_int_equal(store_each_state(s, site.id, same_state, &st, NULL), 7); /* nor before the mark */

    put_behind(s, NULL, NOON + 20, NULL, 0);
    OK(store_get_states_us(s, &mark, &err));
    assert_true(mark == NOON + 20);
    struct site_state now = st;
    now.last_slot_us = NOON + 20;
    now.last_at_us = line[1].at_us;
    now.last_verdict = VERDICT_DOWN;
    now.last_cause = CAUSE_HTTP_5XX;
    now.last_status = 503;
    now.last_took_us = line[1].took_us;
    now.last_worker = "w1"; /* its certificate's end was not seen by this look: it stays */
    assert_int_equal(store_each_state(s, site.id, same_state, &now, NULL), 7);
    assert_int_equal(store_each_state(s, 0, same_state, &now, NULL), 7);

    st.last_slot_us = NOON + 20; /* what is written is believed */
    put_behind(s, &st, 0, NULL, 0);
    assert_int_equal(store_each_state(s, 0, same_state, &st, NULL), 7);

    struct result later = a_look(site.id, NOON + 60, VERDICT_DOWN);
    put_behind(s, NULL, 0, &later, 1);
    WALK("1:up@60 ", store_each_state(s, 0, write_state, &seen, &err));
    site.url = "http://other.example.com/"; /* changed after that look had begun */
    change_site(s, &site, later.at_us + 1);
    assert_int_equal(store_each_state(s, 0, same_state, &st, NULL), 7);
}

/* ── Incidents and evidence ────────────────────────────────────────────── */

static int same_incident(void *arg, const struct incident *b)
{
    const struct incident *a = arg;
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->site_id, b->site_id);
    assert_int_equal(a->began_us, b->began_us);
    assert_int_equal(a->confirmed_us, b->confirmed_us);
    assert_int_equal(a->ended_us, b->ended_us);
    assert_int_equal(a->end, b->end);
    assert_int_equal(a->cause, b->cause);
    assert_int_equal(a->status, b->status);
    assert_string_equal(a->detail, b->detail);
    return 7;
}

CONTRACT(incidents_by_id_site_and_openness)
{
    struct incident in[] = {
        {.id = 1,                    .site_id = 1, .end = INCIDENT_RECOVERED},
        { .id = 2,                   .site_id = 2},
        { .id = 3,              .site_id = 1           },
        { .id = 4, .site_id = 3,            .end = INCIDENT_WITHDRAWN                         },
        { .id = 5, .site_id = 2,            .end = INCIDENT_RECOVERED                   },
    };
    struct record rec = { .incidents = in, .n_incidents = 5 };
    OK(store_record(s, &rec, &err));

    static const struct {
        struct incident_filter f;
        const char *expected;
    } rows[] = {
        {{ 0 },                                          "5:2 4:3 3:1! 2:2! 1:1 "},
        { { .max = 2 },                                  "5:2 4:3 "              },
        { { .open_only = true },                         "3:1! 2:2! "            },
        { { .open_only = true, .max = 1 },               "3:1! "                 },
        { { .site_id = 2 },                              "5:2 2:2! "             },
        { { .site_id = 2, .max = 1 },                    "5:2 "                  },
        { { .site_id = 2, .open_only = true },           "2:2! "                 },
        { { .site_id = 2, .open_only = true, .max = 1 }, "2:2! "                 },
        { { .site_id = 9 },                              ""                      },
        { { .id = 4 },                                   "4:3 "                  },
        { { .id = 4, .open_only = true },                ""                      },
        { { .id = 4, .site_id = 3 },                     "4:3 "                  },
        { { .id = 4, .site_id = 1 },                     ""                      },
        { { .id = 9 },                                   ""                      },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        WALK(rows[i].expected, store_each_incident(s, &rows[i].f, write_incident, &seen, &err));

    struct incident end = {
        3, 8, NOON, NOON + 1, NOON + 2, INCIDENT_RECOVERED, CAUSE_CLOSED, 502, "what was said"
    };
    struct record over = { .incidents = &end, .n_incidents = 1 };
    struct incident_filter third = { .id = 3 };
    OK(store_record(s, &over, &err));
    assert_int_equal(store_each_incident(s, &third, same_incident, &end, NULL), 7);
}

CONTRACT(evidence_is_added_once_and_survives_the_ledger)
{
    struct evidence e[] = {
        {1,  a_look(1, NOON, VERDICT_DOWN)},
        { 1, a_look(1, NOON, VERDICT_DOWN)},
        { 1, a_look(1, NOON, VERDICT_DOWN)},
        { 2, a_look(1, NOON, VERDICT_DOWN)}
    };
    e[1].result.run.look = 1;
    e[2].result.verdict = VERDICT_UP; /* the same run as the first */
    struct record rec = { .evidence = e, .n_evidence = 4 };
    OK(store_record(s, &rec, &err));
    OK(store_record(s, &rec, &err));
    WALK("1@0- 1@0.1- ", store_each_evidence(s, 1, write_look, &seen, &err));
    WALK("1@0- ", store_each_evidence(s, 2, write_look, &seen, &err));
    WALK("", store_each_evidence(s, 3, write_look, &seen, &err));
}

/* ── Notices ───────────────────────────────────────────────────────────── */

static int same_notice(void *arg, const struct notice *b)
{
    const struct notice *a = arg;
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->incident_id, b->incident_id);
    assert_int_equal(a->site_id, b->site_id);
    assert_int_equal(a->owner_id, b->owner_id);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->number, b->number);
    assert_string_equal(a->channel, b->channel);
    assert_string_equal(a->payload, b->payload);
    assert_string_equal(a->key, b->key);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->attempts, b->attempts);
    assert_int_equal(a->created_us, b->created_us);
    assert_int_equal(a->next_try_us, b->next_try_us);
    assert_int_equal(a->sent_us, b->sent_us);
    assert_string_equal(a->trouble, b->trouble);
    return 7;
}

CONTRACT(a_notice_comes_back_as_it_was)
{
    struct notice n = { 5,
                        4,
                        3,
                        2,
                        NOTICE_STILL_DOWN,
                        6,
                        "mailto:a@b.c",
                        "{\"a\":\"\\u00e4\"}",
                        "key-5",
                        NOTICE_FAILED,
                        9,
                        NOON,
                        NOON + 1,
                        NOON + 2,
                        "said no" };
    struct record rec = { .notices = &n, .n_notices = 1 };
    struct notice_filter all = { 0 };
    OK(store_record(s, &rec, &err));
    assert_int_equal(store_each_notice(s, &all, same_notice, &n, NULL), 7);
}

CONTRACT(one_notice_for_each_incident_owner_channel_kind_and_number)
{
    struct notice n[8];
    for (unsigned i = 0; i < 8; i++)
        n[i] = a_notice(i + 1, 1, NOTICE_STILL_DOWN);
    n[1].incident_id = 2;
    n[2].owner_id = 2;
    n[3].channel = "console:other";
    n[4].kind = NOTICE_BACK;
    n[5].number = 1;
    /* n[6] differs from n[0] in its id alone, n[7] in what it says */
    n[7].payload = "{\"other\":1}";
    struct record rec = { .notices = n, .n_notices = 8 };
    struct notice_filter all = { 0 };
    OK(store_record(s, &rec, &err));
    OK(store_record(s, &rec, &err));
    WALK("6:1p 5:1p 4:1p 3:1p 2:2p 1:1p ", store_each_notice(s, &all, write_notice, &seen, &err));
}

CONTRACT(an_outcome_changes_a_pending_notice_only)
{
    struct notice n = a_notice(1, 1, NOTICE_DOWN);
    struct record put = { .notices = &n, .n_notices = 1 };
    struct notice_filter all = { 0 };
    OK(store_record(s, &put, &err));

    struct notice_outcome o = { 1, NOTICE_PENDING, 1, NOON + 60, 0, "try later" };
    struct record rec = { .outcomes = &o, .n_outcomes = 1 };
    OK(store_record(s, &rec, &err));
    n.attempts = 1;
    n.next_try_us = NOON + 60;
    n.trouble = "try later";
    assert_int_equal(store_each_notice(s, &all, same_notice, &n, NULL), 7);

    o = (struct notice_outcome){ 1, NOTICE_SENT, 2, NOON + 61, NOON + 62, NULL };
    OK(store_record(s, &rec, &err));
    n.state = NOTICE_SENT;
    n.attempts = 2;
    n.next_try_us = NOON + 61;
    n.sent_us = NOON + 62;
    n.trouble = "";
    assert_int_equal(store_each_notice(s, &all, same_notice, &n, NULL), 7);

    static const enum notice_state later[] = { NOTICE_PENDING, NOTICE_FAILED, NOTICE_SENT };
    for (int i = 0; i < 3; i++) { /* sent is sent */
        o = (struct notice_outcome){ 1, later[i], 3, 0, 0, "again" };
        OK(store_record(s, &rec, &err));
        assert_int_equal(store_each_notice(s, &all, same_notice, &n, NULL), 7);
    }
    o.notice_id = 99; /* nobody's */
    OK(store_record(s, &rec, &err));
    /* A notice that is written again does not become pending again. */
    n.state = NOTICE_PENDING;
    OK(store_record(s, &put, &err));
    n.state = NOTICE_SENT;
    assert_int_equal(store_each_notice(s, &all, same_notice, &n, NULL), 7);
}

CONTRACT(pending_notices_come_oldest_first)
{
    struct notice n[5];
    for (unsigned i = 0; i < 5; i++)
        n[i] = a_notice(i + 1, 1 + i % 2, (enum notice_kind)(i / 2));
    struct notice_outcome o[] = {
        {.notice_id = 2,  .state = NOTICE_SENT  },
        { .notice_id = 5, .state = NOTICE_FAILED}
    };
    struct record rec = { .notices = n, .n_notices = 5, .outcomes = o, .n_outcomes = 2 };
    OK(store_record(s, &rec, &err));

    static const struct {
        struct notice_filter f;
        const char *expected;
    } rows[] = {
        {{ 0 },                                                 "5:1f 4:2p 3:1p 2:2s 1:1p "},
        { { .max = 2 },                                         "5:1f 4:2p "               },
        { { .pending_only = true },                             "1:1p 3:1p 4:2p "          },
        { { .pending_only = true, .max = 2 },                   "1:1p 3:1p "               },
        { { .incident_id = 1 },                                 "5:1f 3:1p 1:1p "          },
        { { .incident_id = 1, .pending_only = true },           "1:1p 3:1p "               },
        { { .incident_id = 2, .pending_only = true, .max = 1 }, "4:2p "                    },
        { { .incident_id = 3 },                                 ""                         },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        WALK(rows[i].expected, store_each_notice(s, &rows[i].f, write_notice, &seen, &err));
}

/* ── Vitals and the summary ────────────────────────────────────────────── */

static int write_worker(void *arg, const struct worker_vitals *w)
{
    text_addf(arg, "%s/%u:%s ", w->worker, w->lane, worker_health_name(w->health));
    return 0;
}

static int same_worker(void *arg, const struct worker_vitals *b)
{
    const struct worker_vitals *a = arg;
    assert_string_equal(a->worker, b->worker);
    assert_int_equal(a->lane, b->lane);
    assert_string_equal(a->location, b->location);
    assert_string_equal(a->software, b->software);
    assert_int_equal(a->health, b->health);
    assert_int_equal(a->doubts, b->doubts);
    assert_int_equal(a->joined_us, b->joined_us);
    assert_int_equal(a->heard_us, b->heard_us);
    assert_int_equal(a->slots, b->slots);
    assert_int_equal(a->descriptors, b->descriptors);
    assert_int_equal(a->descriptors_most, b->descriptors_most);
    assert_int_equal(a->in_hand, b->in_hand);
    assert_int_equal(a->done, b->done);
    return 7;
}

static void same_vitals(const struct vitals *a, const struct vitals *b)
{
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->at_us, b->at_us);
    assert_int_equal(a->started_us, b->started_us);
    assert_int_equal(a->sites, b->sites);
    assert_int_equal(a->scheduled, b->scheduled);
    assert_int_equal(a->concluded, b->concluded);
    assert_int_equal(a->missed, b->missed);
    assert_int_equal(a->confirming, b->confirming);
    assert_int_equal(a->again, b->again);
    assert_int_equal(a->in_flight, b->in_flight);
    assert_int_equal(a->waiting, b->waiting);
    assert_int_equal(a->late_p50_us, b->late_p50_us);
    assert_int_equal(a->late_p99_us, b->late_p99_us);
    assert_int_equal(a->late_max_us, b->late_max_us);
    assert_int_equal(a->dropped, b->dropped);
}

CONTRACT(the_newest_vitals_and_workers_of_the_last_hour)
{
    struct vitals got = { 0 };
    REFUSED(store_get_vitals(s, &got, &err), -ENOENT, "no coordinator");

    struct worker_vitals w[] = {
        {"b",            1,              "here", "vedette 0.1", WORKER_SUSPECT, true, NOON, NOON + 1, 100, 500, 20000, 3, 9, "", 0 },
        { .worker = "b", .lane = 0},
        { .worker = "a",          .lane = 2               },
    };
    struct vitals v = { 3, NOON, NOON - 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 1, w, 3, 13, 0, { "" } };
    OK(store_put_vitals(s, &v, &err));
    OK(store_get_vitals(s, &got, &err));
    assert_int_equal(got.n_workers, 0);
    same_vitals(&v, &got);
    WALK("a/2:ready b/0:ready b/1:suspect ", store_each_worker(s, write_worker, &seen, &err));

    v.epoch = 4;
    v.at_us = NOON + US_PER_HOUR - 1;
    v.n_workers = 1; /* only b/1 is still named */
    w[0].health = WORKER_READY;
    w[0].done = 77;
    OK(store_put_vitals(s, &v, &err));
    WALK("a/2:ready b/0:ready b/1:ready ", store_each_worker(s, write_worker, &seen, &err));
    v.at_us = NOON + US_PER_HOUR + 1;
    OK(store_put_vitals(s, &v, &err));
    WALK("b/1:ready ", store_each_worker(s, write_worker, &seen, &err));
    assert_int_equal(store_each_worker(s, same_worker, &w[0], NULL), 7);
    OK(store_get_vitals(s, &got, &err));
    assert_int_equal(got.epoch, 4);
}

CONTRACT(until_when_all_is_settled_is_the_newest_word_of_its_part)
{
    wall_us settled = 1;
    OK(store_get_settled(s, &settled, &err));
    assert_int_equal(settled, 0); /* nobody has told */
    struct vitals v = { .epoch = 3, .at_us = NOON, .settled_us = NOON - 5 };
    OK(store_put_vitals(s, &v, &err));
    OK(store_get_settled(s, &settled, &err));
    assert_int_equal(settled, NOON - 5);
    v.settled_us = 0; /* an older coordinator's, which does not know of it */
    OK(store_put_vitals(s, &v, &err));
    OK(store_get_settled(s, &settled, &err));
    assert_int_equal(settled, 0);
}

CONTRACT(the_summary_counts)
{
    struct summary sum;
    OK(store_get_summary(s, &sum, &err));
    assert_int_equal(sum.sites + sum.paused + sum.incidents_all + sum.looks, 0);
    assert_int_equal(sum.oldest_pending_us, 0);

    static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
    for (unsigned i = 0; i < 6; i++) {
        struct site site = a_site(names[i]);
        site.paused = i == 4;
        add_site(s, &site, NOON);
    }
    OK(store_edit_begin(s, NOON, &err));
    OK(store_edit_remove_site(s, 6, &err));
    OK(store_edit_commit(s, &err));
    put_state(s, 1, HEALTH_UP, 1);
    put_state(s, 2, HEALTH_UP, 1);
    put_state(s, 3, HEALTH_DOWN, 1);
    put_state(s, 5, HEALTH_UNKNOWN, 1);
    put_state(s, 6, HEALTH_DOWN, 1);
    struct incident in[] = {
        {.id = 1,       .site_id = 3             },
        { .id = 2, .site_id = 1, .end = INCIDENT_RECOVERED }
    };
    struct notice n[] = { a_notice(1, 1, NOTICE_DOWN), a_notice(2, 2, NOTICE_DOWN),
                          a_notice(3, 2, NOTICE_BACK), a_notice(4, 9, NOTICE_BACK) };
    n[0].state = NOTICE_SENT;
    n[3].state = NOTICE_FAILED;
    struct record rec = { .incidents = in, .n_incidents = 2, .notices = n, .n_notices = 4 };
    struct result look = a_look(1, NOON, VERDICT_UP);
    OK(store_record(s, &rec, &err));
    assert_int_equal(record_results(s, &look, 1), 1);

    OK(store_get_summary(s, &sum, &err));
    assert_int_equal(sum.sites, 4);
    assert_int_equal(sum.paused, 1);
    assert_int_equal(sum.health[HEALTH_NEW], 1);
    assert_int_equal(sum.health[HEALTH_UP], 2);
    assert_int_equal(sum.health[HEALTH_SUSPECTED], 0);
    assert_int_equal(sum.health[HEALTH_DOWN], 1);
    assert_int_equal(sum.health[HEALTH_UNKNOWN], 0);
    assert_int_equal(sum.incidents_open, 1);
    assert_int_equal(sum.incidents_all, 2);
    assert_int_equal(sum.notices[NOTICE_PENDING], 2);
    assert_int_equal(sum.notices[NOTICE_SENT], 1);
    assert_int_equal(sum.notices[NOTICE_FAILED], 1);
    assert_int_equal(sum.oldest_pending_us, NOON + 2);
    assert_int_equal(sum.looks, 1);
    assert_true(sum.bytes > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_older_state_never_overwrites_a_newer),
        cmocka_unit_test(test_a_state_comes_back_as_it_was),
        cmocka_unit_test(test_a_state_that_is_behind_is_as_the_ledger_has_it),
        cmocka_unit_test(test_incidents_by_id_site_and_openness),
        cmocka_unit_test(test_evidence_is_added_once_and_survives_the_ledger),
        cmocka_unit_test(test_a_notice_comes_back_as_it_was),
        cmocka_unit_test(test_one_notice_for_each_incident_owner_channel_kind_and_number),
        cmocka_unit_test(test_an_outcome_changes_a_pending_notice_only),
        cmocka_unit_test(test_pending_notices_come_oldest_first),
        cmocka_unit_test(test_the_newest_vitals_and_workers_of_the_last_hour),
        cmocka_unit_test(test_until_when_all_is_settled_is_the_newest_word_of_its_part),
        cmocka_unit_test(test_the_summary_counts),
    };
    return cmocka_run_group_tests_name("store: record", tests, NULL, NULL);
}
