/* The keeper's and the notifier's numbers, after an outage and with notices that wait. */
#include "collector/collector_metrics.h"
#include "tests/unit/collector/outages.h"

#include <errno.h>

static struct text out = TEXT_UP_TO(1 << 20);

static bool has(struct sheet *s, const char *line)
{
    char whole[300];
    text_clear(&out);
    metrics_write(&collector_metrics, (const struct sheet *const *)&s, 1, &out);
    snprintf(whole, sizeof whole, "\n%s\n", line);
    return strstr(text_str(&out), whole);
}

static void assert_has(struct sheet *s, const char *line)
{
    if (!has(s, line))
        fail_msg("no '%s' in\n%s", line, text_str(&out));
}

static enum board_word put_keeper(struct world *w, struct sheet *s, char why[300])
{
    sheet_clear(s);
    why[0] = '\0';
    return collector_metrics_keeper(w->keeper, w->mono, s, why, 300);
}

static void an_outage_in_numbers(void **state)
{
    (void)state;
    struct world w;
    scoped(sheet) struct sheet *s = NULL;
    char why[300];
    assert_int_equal(metrics_check(&collector_metrics, NULL), 0);
    assert_int_equal(sheet_new(&s), 0);
    uint64_t id = begin(&w, 1);
    world_saw(&w, id, 0, 0, '+', "w1");
    world_saw(&w, id, 1, 0, '-', "w1");
    assert_int_equal(put_keeper(&w, s, why), BOARD_CAN);
    assert_has(s, "vedette_collector_rounds_open 1");
    assert_has(s, "vedette_collector_sites{health=\"suspected\"} 1");
    world_saw(&w, id, 1, 1, '-', "w2");
    put_keeper(&w, s, why);
    assert_has(s, "vedette_collector_rounds_open 0");
    assert_has(s, "vedette_collector_rounds_total{outcome=\"down\"} 1");
    assert_has(s, "vedette_collector_settle_delay_seconds_count 1");
    assert_has(s, "vedette_collector_incidents_open 1");
    assert_has(s, "vedette_collector_sites{health=\"down\"} 1");
    assert_has(s, "vedette_collector_sites{health=\"up\"} 0");
    assert_has(s, "vedette_collector_looks_total{look=\"scheduled\",verdict=\"up\"} 1");
    assert_has(s, "vedette_collector_looks_total{look=\"scheduled\",verdict=\"down\"} 1");
    assert_has(s, "vedette_collector_looks_total{look=\"confirming\",verdict=\"down\"} 1");
    assert_has(s, "vedette_collector_record_delay_seconds_count 3");
    assert_has(s, "vedette_collector_notices_pending 1");
    assert_has(s, "vedette_collector_store_away_seconds 0");
    world_saw(&w, id, 1, 1, '-', "w2"); /* once more */
    put_keeper(&w, s, why);
    assert_has(s, "vedette_collector_duplicates_total 1");
    assert_has(s, "vedette_collector_record_delay_seconds_count 3");
    world_done(&w);
}

/* ── Notices that wait ─────────────────────────────────────────────────── */

static bool nobody(void *arg, const struct told *t)
{
    (void)arg, (void)t;
    return true;
}

static void give(struct notifier *n, uint64_t id, const char *channel, wall_us at)
{
    static const struct site_kept site = { .id = 7, .name = "x", .url = "https://x.example/", .tags = "" };
    static const struct owner owner = { .id = 3, .name = "team" };
    struct incident i = { .id = id, .site_id = 7, .began_us = 1, .cause = CAUSE_HTTP_5XX };
    struct notice_facts f = {
        .kind = NOTICE_DOWN, .incident = &i, .site = &site, .owner = &owner, .reason = "", .now = at
    };
    notifier_take(n, notice_make(id, &f, channel));
}

static void notices_by_age_and_channel(void **state)
{
    (void)state;
    struct config config;
    scoped(sheet) struct sheet *s = NULL;
    struct loop *loop = NULL;
    struct notifier *n = NULL;
    wall_us now = clock_wall();
    config_init(&config);
    assert_int_equal(sheet_new(&s), 0);
    assert_int_equal(loop_new(&loop), 0);
    assert_int_equal(notifier_new(&n, loop, &config, nobody, NULL, NULL), 0);
    notifier_stop(n); /* they stay */
    give(n, 1, "mailto:a@example.com", now - 5 * US_PER_S);
    give(n, 2, "mailto:b@example.com", now - 300 * US_PER_S);
    give(n, 3, "mailto:a@example.com", now - 3 * US_PER_HOUR);
    give(n, 4, "exec:/bin/true", now - 1800 * US_PER_S);
    assert_int_equal(collector_metrics_notifier(n, now, s), BOARD_CAN);
    assert_has(s, "vedette_collector_outbox_notices{channel=\"mailto\",age=\"1m\"} 1");
    assert_has(s, "vedette_collector_outbox_notices{channel=\"mailto\",age=\"10m\"} 1");
    assert_has(s, "vedette_collector_outbox_notices{channel=\"mailto\",age=\"1h\"} 0");
    assert_has(s, "vedette_collector_outbox_notices{channel=\"mailto\",age=\"older\"} 1");
    assert_has(s, "vedette_collector_outbox_notices{channel=\"exec\",age=\"1h\"} 1");
    assert_has(s, "vedette_collector_outbox_oldest_seconds{channel=\"mailto\"} 10800");
    assert_has(s, "vedette_collector_outbox_oldest_seconds{channel=\"webhook\"} 0");
    assert_has(s, "vedette_collector_deliveries_total{channel=\"console\",outcome=\"sent\"} 0");
    notifier_free(n);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_outage_in_numbers),
        cmocka_unit_test(notices_by_age_and_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
