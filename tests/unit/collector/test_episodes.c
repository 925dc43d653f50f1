/* Workers in doubt: told to the operator once when it begins and once when it is over. */
#include "collector/episodes.h"
#include "collector/message.h"
#include "tests/unit/collector/world.h"

#include <errno.h>

/* A letter a second for worker w1's two lanes: . fine, ? in doubt, - silent, x gone, space: not
 * mentioned. Then what the batches had: [ began, ] over, L left. Settled after three seconds. */
static const struct {
    const char *name, *lane0, *lane1, *told;
} stories[] = {
    {"all is well",                     "......",        "......",        "      "       },
    { "one doubt",                      "..??.....",     ".........",     "  [    ] "    },
    { "doubt that comes and goes",      "?.?..?.?.....", ".............", "[          ] "},
    { "two doubts",                     "?....?....",    "..........",    "[   ][   ]"   },
    { "lanes take turns",               "?..........",   "...?..?....",   "[         ]"  },
    { "silent: nobody knows",           "?-------....",  "--------....",  "[          ]" },
    { "one lane silent, the other not", "?-.....",       "......",        "[   ]  "      },
    { "it leaves",                      "?xxxxx",        "xxxxxx",        "[   L "       },
    { "not mentioned",                  "?     ....",    "          ",    "[        ]"   },
};

static char told_in(const struct batch *b)
{
    assert_true(b->n_episodes <= 1);
    assert_int_equal(b->n_notices, b->n_episodes * 2); /* channels */
    if (b->n_episodes == 0)
        return ' ';
    for (size_t i = 0; i < b->n_notices; i++)
        assert_int_equal(b->notices[i]->kind,
                         b->episodes[0].end == EPISODE_OPEN ? NOTICE_IN_DOUBT : NOTICE_DOUBT_OVER);
    return "[]L"[b->episodes[0].end];
}

static void hear(struct episodes *s, char letter)
{
    switch (letter) {
    case '.': episodes_hear(s, "w1", WORKER_FINE, ""); break;
    case '?': episodes_hear(s, "w1", WORKER_DOUBTED, "its canaries are silent"); break;
    case '-': episodes_hear(s, "w1", WORKER_AWAY, ""); break;
    case 'x': episodes_hear(s, "w1", WORKER_LEFT, ""); break;
    default: break;
    }
}

static void told_once_and_over_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct episodes *s = NULL;
        struct incidents *numbers = NULL;
        struct batch b = { 0 };
        char told[64] = "";
        assert_int_equal(incidents_new(&numbers, (struct shard){ 0 }, 0, 0), 0);
        assert_int_equal(episodes_new(&s, "console:, mailto:ops@example.com", 3 * US_PER_S, NULL), 0);
        for (size_t t = 0; stories[i].lane0[t]; t++) {
            hear(s, stories[i].lane0[t]);
            hear(s, t < strlen(stories[i].lane1) ? stories[i].lane1[t] : ' ');
            episodes_step(s, &b, numbers, WORLD_START_US + (wall_us)t * US_PER_S);
            told[t] = told_in(&b);
            batch_clear(&b);
        }
        if (strcmp(told, stories[i].told) != 0)
            fail_msg("%s: told '%s' and not '%s'", stories[i].name, told, stories[i].told);
        episodes_free(s);
        incidents_free(numbers);
        batch_done(&b);
    }
}

static void a_location_where_nobody_is_is_told_of(void **state)
{
    static const char vacant[2][LOCATION_SIZE] = { "us", "eu" };
    static const struct {
        unsigned n;
        const char *told;
    } turns[] = {
        {0,  " "},
        { 1, "["},
        { 1, " "},
        { 0, " "},
        { 1, " "},
        { 0, " "},
        { 0, " "},
        { 0, " "},
        { 0, "]"},
    };
    (void)state;
    struct episodes *s = NULL;
    struct incidents *numbers = NULL;
    struct batch b = { 0 };
    char line[200], subject[200];
    scoped(text) struct text body = TEXT_UP_TO(4096);
    assert_int_equal(incidents_new(&numbers, (struct shard){ 0 }, 0, 0), 0);
    assert_int_equal(episodes_new(&s, "console:, mailto:ops@example.com", 3 * US_PER_S, NULL), 0);
    for (size_t t = 0; t < sizeof turns / sizeof *turns; t++) {
        episodes_hear(s, "w1", WORKER_FINE, "");
        episodes_hear_vacant(s, vacant, turns[t].n);
        episodes_step(s, &b, numbers, WORLD_START_US + (wall_us)t * US_PER_S);
        assert_int_equal(told_in(&b), turns[t].told[0]);
        if (b.n_episodes > 0) {
            bool over = b.episodes[0].end != EPISODE_OPEN;
            const char *facts = b.notices[0]->payload;
            assert_string_equal(episode_location(b.episodes[0].worker), "us");
            assert_int_equal(message_subject(facts, subject, sizeof subject, NULL), 0);
            assert_int_equal(message_line(facts, line, sizeof line, NULL), 0);
            assert_int_equal(message_body(facts, &body, NULL), 0);
            assert_string_equal(subject, over ? "[doubt over] location us is looked at from again, after 4.0s"
                                              : "[in doubt] location us: nobody looks from there");
            assert_non_null(strstr(line, over ? "TRUST location us" : "DOUBT location us since"));
            assert_non_null(strstr(text_str(&body), over ? "Nobody was there for" : "is missed, and sites"));
        }
        batch_clear(&b);
    }
    episodes_hear_vacant(s, vacant, 2); /* one a batch, where there are more: each its own */
    episodes_step(s, &b, numbers, WORLD_START_US + US_PER_HOUR);
    assert_int_equal(b.n_episodes, 2);
    episodes_free(s);
    incidents_free(numbers);
    batch_done(&b);
}

static void who_is_not_heard_of_for_an_hour_has_left(void **state)
{
    (void)state;
    struct episodes *s = NULL;
    struct incidents *numbers = NULL;
    struct batch b = { 0 };
    const struct episode open = { .id = 41, .worker = "w1", .began_us = 1, .reason = "x" };
    const struct episode done = { .id = 42, .worker = "w2", .began_us = 2, .end = EPISODE_TRUSTED };
    assert_int_equal(incidents_new(&numbers, (struct shard){ 0 }, 0, 0), 0);
    assert_int_equal(episodes_new(&s, "", 0, NULL), 0);
    assert_int_equal(episodes_load(s, &done, WORLD_START_US), 0);
    assert_int_equal(episodes_load(s, &open, WORLD_START_US), 0);
    assert_true(episodes_open(s, "w1") && !episodes_open(s, "w2"));
    episodes_step(s, &b, numbers, WORLD_START_US + US_PER_HOUR - 1);
    assert_int_equal(b.n_episodes, 0);
    episodes_step(s, &b, numbers, WORLD_START_US + US_PER_HOUR);
    assert_int_equal(b.n_episodes, 1);
    assert_int_equal(b.episodes[0].end, EPISODE_LEFT);
    assert_int_equal(b.n_notices, 0); /* nobody wants to know */
    batch_clear(&b);

    episodes_hear(s, "w2", WORKER_DOUBTED, "y");
    episodes_step(s, &b, numbers, WORLD_START_US + US_PER_HOUR);
    assert_int_equal(b.episodes[0].id, 43); /* never an id twice */
    batch_done(&b);
    episodes_free(s);
    incidents_free(numbers);
}

static void channels_are_vetted(void **state)
{
    (void)state;
    struct episodes *s = NULL;
    struct err err = { 0 };
    assert_int_equal(episodes_new(&s, "pigeon:loft", 0, &err), -EINVAL);
    assert_non_null(strstr(err.text, "operator.notify"));
}

/* ── Through the keeper ────────────────────────────────────────────────── */

static void vitals(struct world *w, bool doubts)
{
    struct worker_vitals lane = { .worker = "w1",
                                  .location = "local",
                                  .health = doubts ? WORKER_SUSPECT : WORKER_READY,
                                  .doubts = doubts };
    snprintf(lane.reason, sizeof lane.reason, "%s", doubts ? "its clock was stepped by +3600 s" : "");
    struct report report = {
        .kind = REPORT_VITALS,
        .vitals = {.epoch = 1,
                   .at_us = w->wall,
                   .started_us = WORLD_START_US,
                   .workers = &lane,
                   .n_workers = 1}
    };
    struct parcel *p = parcel_make(&report);
    keeper_take(w->keeper, p, world_now(w));
    parcel_free(p);
    world_pass(w, 1100);
}

static void heard(struct world *w, const char *what, const char *news)
{
    if (strcmp(w->news, news) != 0)
        fail_msg("%s: heard '%s', expected '%s'", what, w->news, news);
    w->news[0] = '\0';
}

static void an_episode_outlives_the_collector(void **state)
{
    (void)state;
    struct world w;
    struct err err = { 0 };
    char line[MESSAGE_SUBJECT_SIZE];
    world_init(&w);
    snprintf(w.config.operator.notify, sizeof w.config.operator.notify, "console:");
    w.config.operator.settled_us = 5 * US_PER_S;
    world_start(&w);
    world_pass(&w, 1000);
    vitals(&w, false);
    heard(&w, "it joins", "w1/0:ready");
    vitals(&w, true);
    heard(&w, "in doubt", "w1/0:suspect tell:in_doubt");
    vitals(&w, true);
    heard(&w, "still", "");
    assert_int_equal(message_subject(w.delivered[0]->payload, line, sizeof line, &err), 0);
    assert_string_equal(line, "[in doubt] worker w1: its clock was stepped by +3600 s");
    assert_string_equal(w.delivered[0]->channel, "console:");

    world_tell(&w, 0, NOTICE_SENT);
    heard(&w, "sent", "in_doubt=sent");
    world_crash(&w);
    world_pass(&w, 1000);
    vitals(&w, true);
    heard(&w, "known after a crash", "crash w1/0:suspect");
    for (int i = 0; i < 4; i++)
        vitals(&w, false);
    heard(&w, "not at once", "w1/0:ready");
    for (int i = 0; i < 3; i++)
        vitals(&w, false);
    heard(&w, "over", "tell:doubt_over");
    assert_int_equal(world_notices(&w, false), 2);
    assert_int_equal(world_incidents(&w, false), 0);
    world_done(&w);
}

static int keep_episode(void *arg, const struct episode *e)
{
    *(struct episode *)arg = *e;
    return 1;
}

static void the_operator_reads(void **state)
{
    (void)state;
    struct episode e = { .id = 3,
                         .worker = "w1",
                         .began_us = INT64_C(1772373731) * US_PER_S, /* 2026-03-01T14:02:11Z */
                         .reason = "2 of 3 canaries over IPv4 do not answer" };
    static const struct {
        enum episode_end end;
        const char *subject, *line, *in_body;
    } rows[] = {
        {EPISODE_OPEN,     "[in doubt] worker w1: 2 of 3 canaries over IPv4 do not answer",
         "DOUBT worker w1 since 2026-03-01 14:02:11 UTC: 2 of 3 canaries over IPv4 do not answer",                                  "no owner is\ntold of it"},
        { EPISODE_TRUSTED, "[doubt over] worker w1 is trusted again after 3m 0s",
         "TRUST worker w1 is trusted again after 3m 0s",                                                                            "was in doubt for 3m 0s" },
        { EPISODE_LEFT,    "[doubt over] worker w1 has left after 3m 0s",                   "TRUST worker w1 has left after 3m 0s",
         "has left"                                                                                                                                          },
    };
    char keys[3][NOTICE_KEY_SIZE];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char buf[MESSAGE_SUBJECT_SIZE];
        scoped(text) struct text body = TEXT_UP_TO(10000);
        e.end = rows[i].end;
        e.ended_us = e.end == EPISODE_OPEN ? 0 : e.began_us + 180 * US_PER_S;
        struct notice *n = notice_make_of_worker(7, &e, "console:", e.began_us);
        assert_int_equal(message_subject(n->payload, buf, sizeof buf, NULL), 0);
        assert_string_equal(buf, rows[i].subject);
        assert_int_equal(message_line(n->payload, buf, sizeof buf, NULL), 0);
        assert_string_equal(buf, rows[i].line);
        assert_int_equal(message_body(n->payload, &body, NULL), 0);
        assert_non_null(strstr(text_str(&body), rows[i].in_body));
        assert_int_equal(n->number, 3);
        assert_int_equal(n->incident_id + n->site_id + n->owner_id, 0);
        memcpy(keys[i], n->key, sizeof keys[i]);
        notice_free(n);
    }
    assert_string_not_equal(keys[0], keys[1]);
    assert_string_equal(keys[1], keys[2]);
}

static void the_store_keeps_episodes(void **state)
{
    (void)state;
    struct world w;
    struct episode got = { 0 };
    world_init(&w);
    struct episode e[] = {
        {.id = 1,  .worker = "w1", .began_us = 10, .ended_us = 0,  .end = EPISODE_OPEN,    .reason = "one"},
        { .id = 2, .worker = "w2", .began_us = 20, .ended_us = 30, .end = EPISODE_TRUSTED, .reason = "two"},
    };
    struct record r = { .episodes = e, .n_episodes = 2 };
    const struct episode_filter all = { 0 }, open = { .open_only = true };
    assert_int_equal(store_record(w.store, &r, NULL), 0);
    assert_int_equal(store_each_episode(w.store, &all, keep_episode, &got, NULL), 1);
    assert_memory_equal(&got, &e[1], sizeof got);
    assert_int_equal(store_each_episode(w.store, &open, keep_episode, &got, NULL), 1);
    assert_memory_equal(&got, &e[0], sizeof got);
    e[0].end = EPISODE_LEFT;
    e[0].ended_us = 50;
    assert_int_equal(store_record(w.store, &r, NULL), 0);
    assert_int_equal(store_each_episode(w.store, &open, keep_episode, &got, NULL), 0);
    store_close(w.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(told_once_and_over_once),
        cmocka_unit_test(a_location_where_nobody_is_is_told_of),
        cmocka_unit_test(who_is_not_heard_of_for_an_hour_has_left),
        cmocka_unit_test(channels_are_vetted),
        cmocka_unit_test(an_episode_outlives_the_collector),
        cmocka_unit_test(the_operator_reads),
        cmocka_unit_test(the_store_keeps_episodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
