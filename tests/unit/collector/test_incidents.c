#include "collector/incidents.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE (60 * US_PER_S)

/* One site, its owner with two channels, and a batch. */
struct desk {
    struct sites *sites;
    struct incidents *incidents;
    struct batch batch;
    struct watched *site;
};

static void open_desk(struct desk *d, uint32_t remind_s)
{
    *d = (struct desk){ 0 };
    struct owner o = {
        .id = 3,
        .name = "team",
        .channel = {"console:", "exec:/bin/true"},
        .n_channels = 2,
        .remind_s = remind_s
    };
    struct site s = {
        .id = 7, .name = "shop", .url = "https://shop.example.com/", .tags = "", .contains = "", .owner_id = 3
    };
    assert_int_equal(sites_new(&d->sites), 0);
    assert_int_equal(sites_set_owner(d->sites, &o), 0);
    assert_int_equal(sites_set(d->sites, &s, &d->site), 0);
    assert_int_equal(incidents_new(&d->incidents, (struct shard){ 0 }, 41, 99), 0);
}

static void close_desk(struct desk *d)
{
    batch_done(&d->batch);
    incidents_free(d->incidents);
    sites_free(d->sites);
}

static void go_down(struct desk *d, wall_us at, wall_us now)
{
    struct result looks[] = {
        {.run = { .site_id = 7, .look = 0 },
         .at_us = at,
         .verdict = VERDICT_DOWN,
         .cause = CAUSE_RESET,
         .detail = "reset by peer",
         .worker = "w1" },
        { .run = { .site_id = 7, .look = 1 },
         .at_us = now,
         .verdict = VERDICT_DOWN,
         .cause = CAUSE_CLOSED,
         .worker = "w2"    },
    };
    d->site->state.health = HEALTH_DOWN;
    incidents_open(d->incidents, &d->batch, d->site, sites_owner(d->sites, 3), looks, 2, now);
}

static void test_opening(void **state)
{
    (void)state;
    struct desk d;
    open_desk(&d, 0);
    go_down(&d, 10 * MINUTE, 11 * MINUTE);
    const struct batch *b = &d.batch;
    assert_int_equal(d.site->state.incident_id, 42); /* counted on from the store */
    assert_int_equal(b->n_states, 1);
    assert_int_equal(b->n_incidents, 1);
    assert_int_equal(b->incidents[0].began_us, 10 * MINUTE);
    assert_int_equal(b->incidents[0].confirmed_us, 11 * MINUTE);
    assert_int_equal(b->incidents[0].cause, CAUSE_RESET);
    assert_string_equal(b->incidents[0].detail, "reset by peer");
    assert_int_equal(b->n_evidence, 2);
    assert_int_equal(b->evidence[1].incident_id, 42);
    assert_int_equal(b->n_notices, 2);
    assert_int_equal(b->notices[0]->id, 100);
    assert_int_equal(b->notices[1]->id, 101);
    assert_string_equal(b->notices[1]->channel, "exec:/bin/true");
    assert_int_equal(b->n_news, 1);
    assert_int_equal(b->news[0].event.end, INCIDENT_OPEN);
    assert_int_equal(incidents_open_count(d.incidents), 1);
    assert_int_equal(incidents_find(d.incidents, 42)->site_id, 7);
    close_desk(&d);
}

static const struct {
    const char *name;
    enum incident_end end;
    wall_us look_at; /* 0: there is no look */
    wall_us now, ended;
    enum notice_kind kind;
} endings[] = {
    {"seen up",                            INCIDENT_RECOVERED, 20 * MINUTE, 21 * MINUTE, 20 * MINUTE, NOTICE_BACK     },
    { "withdrawn",                         INCIDENT_WITHDRAWN, 0,           21 * MINUTE, 21 * MINUTE, NOTICE_WITHDRAWN},
    { "by a worker whose clock is behind", INCIDENT_RECOVERED, 9 * MINUTE,  21 * MINUTE, 10 * MINUTE,
     NOTICE_BACK                                                                                                      },
};

static void test_ending(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        struct desk d;
        open_desk(&d, 0);
        go_down(&d, 10 * MINUTE, 11 * MINUTE);
        batch_clear(&d.batch);
        struct result look = { .run = { .site_id = 7 }, .at_us = endings[i].look_at, .worker = "w1" };
        incidents_end(d.incidents, &d.batch, d.site, sites_owner(d.sites, 3), endings[i].end,
                      endings[i].look_at ? &look : NULL, "", endings[i].now);
        const struct batch *b = &d.batch;
        if (b->n_incidents != 1 || b->incidents[0].ended_us != endings[i].ended ||
            b->incidents[0].end != endings[i].end || b->n_notices != 2 ||
            b->notices[0]->kind != endings[i].kind)
            fail_msg("%s: not as expected", endings[i].name);
        assert_int_equal(b->n_evidence, endings[i].look_at ? 1 : 0);
        assert_int_equal(d.site->state.incident_id, 0);
        assert_int_equal(incidents_open_count(d.incidents), 0);

        batch_clear(&d.batch);
        incidents_end(d.incidents, &d.batch, d.site, NULL, endings[i].end, NULL, "", endings[i].now);
        assert_int_equal(d.batch.n_incidents + d.batch.n_notices, 0); /* over is over */
        close_desk(&d);
    }
}

/* Opened and ended in one batch: one row of the incident, both notices. */
static void test_short_outage(void **state)
{
    (void)state;
    struct desk d;
    open_desk(&d, 0);
    go_down(&d, 10 * MINUTE, 11 * MINUTE);
    struct result look = { .run = { .site_id = 7 }, .at_us = 12 * MINUTE, .worker = "w1" };
    incidents_end(d.incidents, &d.batch, d.site, sites_owner(d.sites, 3), INCIDENT_RECOVERED, &look, "",
                  12 * MINUTE);
    assert_int_equal(d.batch.n_incidents, 1);
    assert_int_equal(d.batch.incidents[0].end, INCIDENT_RECOVERED);
    assert_int_equal(d.batch.n_notices, 4);
    close_desk(&d);
}

static void test_reminders_come_on_their_grid(void **state)
{
    (void)state;
    struct desk d;
    open_desk(&d, 600);
    go_down(&d, 0, MINUTE); /* confirmed at minute 1, so due at 11, 21, ... */
    static const struct {
        int minute;
        uint32_t number; /* 0: none */
    } story[] = {
        {2,   0},
        { 10, 0},
        { 11, 1},
        { 12, 0},
        { 20, 0},
        { 22, 2},
        { 22, 0},
        { 65, 6},
        { 70, 0},
        { 71, 7}
    };
    for (size_t i = 0; i < sizeof story / sizeof *story; i++) {
        batch_clear(&d.batch);
        incidents_remind(d.incidents, &d.batch, d.sites, story[i].minute * MINUTE);
        if (d.batch.n_notices != (story[i].number ? 2 : 0))
            fail_msg("minute %d: %zu notices", story[i].minute, d.batch.n_notices);
        if (story[i].number) {
            assert_int_equal(d.batch.notices[0]->kind, NOTICE_STILL_DOWN);
            assert_int_equal(d.batch.notices[0]->number, story[i].number);
        }
    }
    incidents_set_reminders(d.incidents, 42, 50); /* as the store says after a start */
    batch_clear(&d.batch);
    incidents_remind(d.incidents, &d.batch, d.sites, 500 * MINUTE);
    assert_int_equal(d.batch.n_notices, 0);
    close_desk(&d);
}

static void test_nobody_to_tell(void **state)
{
    (void)state;
    struct desk d;
    open_desk(&d, 60);
    struct result look = { .run = { .site_id = 7 }, .at_us = 5, .verdict = VERDICT_DOWN };
    incidents_open(d.incidents, &d.batch, d.site, NULL, &look, 1, 10);
    assert_int_equal(d.batch.n_incidents, 1);
    assert_int_equal(d.batch.n_notices, 0);
    close_desk(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opening),        cmocka_unit_test(test_ending),
        cmocka_unit_test(test_short_outage),   cmocka_unit_test(test_reminders_come_on_their_grid),
        cmocka_unit_test(test_nobody_to_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
