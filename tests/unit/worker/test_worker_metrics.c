/* A worker's numbers: what looks count as, and what is the process'. */
#include "worker/worker_metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct text out = TEXT_UP_TO(1 << 20);

static bool has(struct sheet *s, const char *line)
{
    char whole[300];
    text_clear(&out);
    metrics_write(&worker_metrics, (const struct sheet *const *)&s, 1, &out);
    snprintf(whole, sizeof whole, "\n%s\n", line);
    return strstr(text_str(&out), whole);
}

static void the_table_is_sound(void **state)
{
    struct err err = { 0 };
    (void)state;
    if (metrics_check(&worker_metrics, &err) < 0)
        fail_msg("%s", err.text);
}

static void looks_are_counted_by_what_they_saw(void **state)
{
    struct lane_counts c = { .jobs = { 0 } };
    struct result up = { .verdict = VERDICT_UP, .took_us = 2000 };
    struct result down = { .verdict = VERDICT_DOWN, .cause = CAUSE_HTTP_5XX, .took_us = 4000 };
    struct result unknown = { .verdict = VERDICT_UNKNOWN, .cause = CAUSE_HELD_BACK };
    (void)state;
    for (int i = 0; i < 3; i++)
        lane_counts_look(&c, &up);
    lane_counts_look(&c, &down);
    lane_counts_look(&c, &unknown);
    assert_int_equal(c.looks[VERDICT_UP][CAUSE_NONE], 3);
    assert_int_equal(c.looks[VERDICT_DOWN][CAUSE_HTTP_5XX], 1);
    assert_int_equal(c.looks[VERDICT_UNKNOWN][CAUSE_HELD_BACK], 1);
    assert_int_equal(spread_count(&c.took[VERDICT_UP]), 3);
    assert_int_equal(c.took[VERDICT_DOWN].sum_us, 4000);
}

/* What the host does not have, or does not tell, is missing: 0 would be an alarm. */
static void room_of_the_host(void **state)
{
    const struct limits limits = { .holds_per_s = 3000, .hung_per_s = 100 };
    struct machine_room room = { .ports = 28232, .ports_held = 1200 };
    const struct worker_view view = { "w1", "eu", &limits, &room };
    scoped(sheet) struct sheet *s = NULL;
    (void)state;
    assert_int_equal(sheet_new(&s), 0);
    worker_metrics_process(&view, s);
    assert_true(has(s, "vedette_worker_info{worker=\"w1\",location=\"eu\"} 1"));
    assert_true(has(s, "vedette_worker_holds_looks_per_second 3000"));
    assert_true(has(s, "vedette_worker_holds_hung_looks_per_second 100"));
    assert_true(has(s, "vedette_worker_host_ports_limit 28232"));
    assert_true(has(s, "vedette_worker_host_ports_held 1200"));
    assert_null(strstr(text_str(&out), "\nvedette_worker_host_conntrack"));
    room = (struct machine_room){ .conntrack = 5, .conntrack_most = 262144 };
    sheet_clear(s);
    worker_metrics_process(&view, s);
    assert_true(has(s, "vedette_worker_host_conntrack_entries 5"));
    assert_true(has(s, "vedette_worker_host_conntrack_limit 262144"));
    assert_null(strstr(text_str(&out), "\nvedette_worker_host_ports"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(looks_are_counted_by_what_they_saw),
        cmocka_unit_test(room_of_the_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
