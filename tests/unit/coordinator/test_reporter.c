/* What the collector hears from the coordinator, on a real socket. */
#include "common/log.h"
#include "coordinator/reporter.h"
#include "proto/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
    char folder[64];
    struct config config;
    struct parts parts;
    struct bus *bus;
    struct reporter *reporter;
    struct wire_arena *arena;
    void *collector;
    mono_ns now;
    unsigned heard[301]; /* how often of each site, by id */
    size_t n_heard;
};

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct parts *p = &w->parts;
    struct err err = { 0 };
    snprintf(w->folder, sizeof w->folder, "/tmp/vedette-reporter-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    config_init(&w->config);
    snprintf(w->config.endpoint.results, ENDPOINT_SIZE, "ipc://%s/results", w->folder);
    p->config = &w->config;
    memcpy(p->results, w->config.endpoint.results, ENDPOINT_SIZE);
    strcpy(p->location[p->n_locations++], "local");
    assert_int_equal(loop_new(&p->loop), 0);
    assert_int_equal(catalog_new(&p->catalog), 0);
    assert_int_equal(roster_new(&p->roster, &(struct roster_rules){ .window = 1 }), 0);
    assert_int_equal(lease_new(&p->lease, &(struct lease_rules){ .attempts = 3 }, 1, 0), 0);
    assert_int_equal(accounts_new(&p->accounts), 0);
    assert_int_equal(schedule_new(&p->schedule), 0);
    assert_int_equal(turns_new(&p->turns, &(struct turns_rules){ .at_once = 1 }), 0);
    assert_int_equal(arrears_new(&p->arrears, 1, 0, 0), 0);
    assert_int_equal(wire_arena_new(&w->arena), 0);
    assert_int_equal(bus_new(&w->bus), 0);
    if (bus_open(w->bus, LANE_RESULTS, SIDE_TO, w->config.endpoint.results, &w->collector, &err) < 0 ||
        reporter_new(&w->reporter, w->bus, p, &err) < 0)
        fail_msg("%s", err.text);
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    char path[80];
    reporter_free(w->reporter);
    bus_close(w->collector);
    bus_free(w->bus);
    wire_arena_free(w->arena);
    accounts_free(w->parts.accounts);
    schedule_free(w->parts.schedule);
    turns_free(w->parts.turns);
    arrears_free(w->parts.arrears);
    lease_free(w->parts.lease);
    roster_free(w->parts.roster);
    catalog_free(w->parts.catalog);
    loop_free(w->parts.loop);
    snprintf(path, sizeof path, "%s/results", w->folder);
    unlink(path);
    rmdir(w->folder);
    free(w);
    return 0;
}

static void hear(struct world *w)
{
    struct bus_message m;
    struct report r;
    while (bus_take(w->collector, &m) == 1) {
        assert_int_equal(wire_unpack_report(w->arena, m.bytes, m.len, &r, NULL), 0);
        for (size_t i = 0; r.kind == REPORT_RESULTS && i < r.n_results; i++) {
            assert_in_range(r.results[i].run.site_id, 1, 300);
            w->heard[r.results[i].run.site_id]++;
            w->n_heard++;
        }
        bus_message_done(&m);
    }
}

/* Steps for two seconds of the coordinator's time. */
static void pass(struct world *w)
{
    for (int i = 0; i < 40; i++) {
        reporter_step(w->reporter, w->now);
        loop_turn(w->parts.loop, 2);
        hear(w);
        w->now += NS_PER_S / 20;
    }
}

static void add_lost(struct world *w, uint64_t site_id, wall_us slot)
{
    struct account x = { .site_id = site_id, .slot_us = slot, .span = 1, .cause = CAUSE_LOST, .at_us = 1 };
    assert_int_equal(accounts_add(w->parts.accounts, &x, w->now), 0);
}

static bool is_bad(uint64_t site_id)
{
    return site_id == 7 || site_id == 8 || site_id == 200;
}

static void test_one_bad_line_blocks_no_other(void **state)
{
    struct world *w = *state;
    pass(w); /* until the link is there */
    for (uint64_t id = 1; id <= 300; id++)
        add_lost(w, id, is_bad(id) ? -1 : 1000); /* no message may say 1969 */
    pass(w);
    assert_int_equal(w->n_heard, 297);
    for (uint64_t id = 1; id <= 300; id++)
        assert_int_equal(w->heard[id], !is_bad(id));
    assert_int_equal(accounts_count(w->parts.accounts), 297); /* until they are recorded */
    assert_int_equal(accounts_given_up(w->parts.accounts), 3);
    pass(w);
    assert_int_equal(w->n_heard, 297); /* and none is sent again yet */
    assert_true(reporter_next(w->reporter) <= w->now + REPORTER_VITALS_NS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_bad_line_blocks_no_other, begin, end),
    };
    log_setup("test", LOG_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
