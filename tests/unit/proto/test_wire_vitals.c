#include "tests/unit/proto/pieces.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct wire_arena *arena;
static uint8_t buf[WIRE_MAX_BYTES];

static int begin(void **state)
{
    (void)state;
    return wire_arena_new(&arena);
}

static int end(void **state)
{
    (void)state;
    wire_arena_free(arena);
    return 0;
}

static struct vitals usual(const struct worker_vitals *workers, size_t n)
{
    return (struct vitals){
        .settled_us = 1800000000000000,
        .epoch = 0xffffff,
        .at_us = 1772357400000000,
        .started_us = 1772357000000000,
        .sites = 1,
        .scheduled = 2,
        .concluded = 3,
        .missed = 4,
        .confirming = 5,
        .again = 6,
        .in_flight = VITALS_MAX_COUNT,
        .waiting = 8,
        .late_p50_us = 9,
        .late_p99_us = 10,
        .late_max_us = UINT32_MAX,
        .dropped = 1000000007,
        .part = 1,
        .parts = 2,
        .workers = workers,
        .n_workers = n,
    };
}

static struct worker_vitals largest_worker(void)
{
    struct worker_vitals w = {
        .lane = UINT16_MAX,
        .health = WORKER_GONE,
        .doubts = true,
        .joined_us = WALL_MAX,
        .heard_us = WALL_MAX,
        .slots = CONTROL_MAX_SLOTS,
        .in_hand = UINT32_MAX,
        .descriptors = CONTROL_MAX_DESCRIPTORS,
        .descriptors_most = CONTROL_MAX_DESCRIPTORS - 1,
        .done = VITALS_MAX_COUNT,
        .key = UINT64_MAX,
        .reason = "1 of 1 canaries for names do not answer",
    };
    long_text(w.worker, sizeof w.worker, "w", '.', sizeof w.worker - 1);
    long_text(w.location, sizeof w.location, "l", '-', sizeof w.location - 1);
    long_text(w.software, sizeof w.software, "", 's', sizeof w.software - 1);
    return w;
}

static void assert_worker(const struct worker_vitals *a, const struct worker_vitals *b)
{
    assert_string_equal(a->worker, b->worker);
    assert_int_equal(a->lane, b->lane);
    assert_string_equal(a->location, b->location);
    assert_string_equal(a->software, b->software);
    assert_int_equal(a->health, b->health);
    assert_int_equal(a->doubts, b->doubts);
    assert_int_equal(a->joined_us, b->joined_us);
    assert_int_equal(a->heard_us, b->heard_us);
    assert_int_equal(a->slots, b->slots);
    assert_int_equal(a->in_hand, b->in_hand);
    assert_int_equal(a->descriptors, b->descriptors);
    assert_int_equal(a->descriptors_most, b->descriptors_most);
    assert_int_equal(a->done, b->done);
    assert_true(a->key == b->key);
    assert_string_equal(a->reason, b->reason);
}

static void assert_numbers(const struct vitals *a, const struct vitals *b)
{
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->at_us, b->at_us);
    assert_int_equal(a->started_us, b->started_us);
    assert_int_equal(a->settled_us, b->settled_us);
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
    assert_int_equal(a->n_vacant, b->n_vacant);
    assert_memory_equal(a->vacant, b->vacant, sizeof a->vacant);
    assert_int_equal(a->part, b->part);
    assert_int_equal(a->parts, b->parts);
}

static void vitals_with_most_workers_fit_and_come_back(void **state)
{
    (void)state;
    static struct worker_vitals workers[VITALS_MAX_WORKERS + 1];
    for (size_t i = 0; i <= VITALS_MAX_WORKERS; i++)
        workers[i] = largest_worker();
    workers[7] = (struct worker_vitals){ .worker = "w7", .location = "oslo" };

    struct report got, rep = { .kind = REPORT_VITALS };
    rep.vitals = usual(workers, VITALS_MAX_WORKERS);
    for (; rep.vitals.n_vacant < VITALS_MAX_VACANT; rep.vitals.n_vacant++)
        long_text(rep.vitals.vacant[rep.vitals.n_vacant], LOCATION_SIZE, "v", '-', LOCATION_SIZE - 1);
    int len = wire_pack_report(&rep, buf, sizeof buf);
    assert_true(len > 0);
    assert_int_equal(wire_unpack_report(arena, buf, (size_t)len, &got, NULL), 0);
    assert_int_equal(got.kind, REPORT_VITALS);
    assert_int_equal(got.n_results, 0);
    assert_int_equal(got.vitals.n_workers, VITALS_MAX_WORKERS);
    for (size_t i = 0; i < VITALS_MAX_WORKERS; i++)
        assert_worker(&got.vitals.workers[i], &workers[i]);
    assert_numbers(&got.vitals, &rep.vitals);

    rep.vitals.n_workers++;
    assert_int_equal(wire_pack_report(&rep, buf, sizeof buf), -EINVAL);
    rep.vitals.n_workers--;
    rep.vitals.n_vacant++;
    assert_int_equal(wire_pack_report(&rep, buf, sizeof buf), -EINVAL);
}

#define REFUSED(change)                                                     \
    do {                                                                    \
        struct worker_vitals w = largest_worker();                          \
        struct report rep = { .kind = REPORT_VITALS };                      \
        struct vitals *v = &rep.vitals;                                     \
        *v = usual(&w, 1);                                                  \
        change;                                                             \
        assert_int_equal(wire_pack_report(&rep, buf, sizeof buf), -EINVAL); \
    } while (0)

static void vitals_out_of_bounds_are_not_packed(void **state)
{
    (void)state;
    REFUSED(v->epoch = 0x1000000);
    REFUSED(v->at_us = -1);
    REFUSED(v->started_us = -1);
    REFUSED(v->settled_us = -1);
    REFUSED(v->part = 2);
    REFUSED(w.worker[0] = '\0');
    REFUSED(w.worker[3] = ' ');
    REFUSED(w.location[0] = '\0');
    REFUSED(w.health = WORKER_HEALTH_COUNT);
    REFUSED(w.joined_us = -1);
    REFUSED(w.heard_us = -1);
    REFUSED(v->at_us = WALL_MAX + 1);
    REFUSED(v->started_us = INT64_MAX);
    REFUSED(w.joined_us = INT64_MAX);
    REFUSED(w.heard_us = WALL_MAX + 1);
    REFUSED(w.slots = CONTROL_MAX_SLOTS + 1);
    REFUSED(w.done = VITALS_MAX_COUNT + 1);
    REFUSED(v->sites = VITALS_MAX_COUNT + 1);
    REFUSED(v->scheduled = UINT64_MAX);
    REFUSED(v->concluded = UINT64_MAX);
    REFUSED(v->missed = UINT64_MAX);
    REFUSED(v->confirming = UINT64_MAX);
    REFUSED(v->again = UINT64_MAX);
    REFUSED(v->in_flight = VITALS_MAX_COUNT + 1);
    REFUSED(v->waiting = UINT64_MAX);
    REFUSED(memset(w.software, 's', sizeof w.software));
}

/* --- what others send --- */

static void tell_worker(struct piece *p, const struct instead *story)
{
    p->len = 0;
    tell_text(p, story, "w.worker", 1, "w1");
    tell_number(p, story, "w.lane", 2, 1);
    tell_text(p, story, "w.location", 3, "oslo");
    tell_text(p, story, "w.software", 4, "vedette 0.1.0");
    tell_number(p, story, "w.health", 5, WORKER_READY);
    tell_number(p, story, "w.slots", 9, 500);
}

static void tell_vitals(struct piece *p, const struct instead *story)
{
    p->len = 0;
    tell_number(p, story, "v.epoch", 1, 3);
    tell_number(p, story, "v.at_us", 2, 1772357400000000);
    tell_number(p, story, "v.waiting", 11, 0);
    tell_number(p, story, "v.part", 15, 0);
    tell_number(p, story, "v.parts", 16, 1);
    tell_text(p, story, "v.vacant", 19, "us");
}

static void tell_report(struct piece *p, const struct instead *story)
{
    static struct piece vitals, worker;
    tell_vitals(&vitals, story);
    tell_worker(&worker, story);
    tell_version(p, story);
    tell_number(p, story, "kind", 3, REPORT_VITALS);
    tell_inner(p, story, "vitals", 8, &vitals);
    tell_inner(p, story, "vitals.worker", 9, &worker);
}

static void bytes_made_by_hand_are_understood(void **state)
{
    (void)state;
    static struct piece p;
    struct report got;
    tell_report(&p, NULL);
    assert_int_equal(wire_unpack_report(arena, p.bytes, p.len, &got, NULL), 0);
    assert_int_equal(got.kind, REPORT_VITALS);
    assert_int_equal(got.vitals.n_workers, 1);
    assert_int_equal(got.vitals.epoch, 3);
    assert_int_equal(got.vitals.parts, 1);
    assert_int_equal(got.vitals.n_vacant, 1);
    assert_string_equal(got.vitals.vacant[0], "us");
    assert_string_equal(got.vitals.workers[0].worker, "w1");
    assert_string_equal(got.vitals.workers[0].software, "vedette 0.1.0");
}

static const struct {
    struct instead what;
    int code;
    const char *says;
} stories[] = {
    { WITHOUT("v.part"), 0, "" },
    { WITHOUT("v.parts"), 0, "" },
    { WITHOUT("vitals.worker"), 0, "" },
    { WITHOUT("w.software"), 0, "" },
    { WITHOUT("v.vacant"), 0, "" },
    { TEXT("v.vacant", ""), -EBADMSG, "a location's name" },
    { WITHOUT("vitals"), -EBADMSG, "vitals are missing" },
    { NUMBER("v.epoch", 0x1000000), -EBADMSG, "epoch" },
    { NUMBER("v.at_us", UINT64_MAX), -EBADMSG, "before 1970" },
    { NUMBER("v.at_us", INT64_MAX), -EBADMSG, "after the year 9999" },
    { NUMBER("v.waiting", UINT64_MAX), -EBADMSG, "18446744073709551615 waiting looks are more" },
    { NUMBER("w.slots", 65537), -EBADMSG, "worker 0: 65537 slots are more than 65536" },
    { NUMBER("v.part", 1), -EBADMSG, "part 1 of 1" },
    { WITHOUT("w.worker"), -EBADMSG, "worker 0: a worker's name" },
    { NUMBER("w.lane", 65536), -EBADMSG, "worker 0: lane 65536" },
    { WITHOUT("w.location"), -EBADMSG, "worker 0: a location's name" },
    { NUMBER("w.health", 5), -EBADMSG, "5 is no health" },
    { BYTES("w.software", "s\0", 2), -EBADMSG, "software" },
};

static void what_is_out_of_bounds_is_refused_with_a_sentence(void **state)
{
    (void)state;
    static struct piece p;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct report got = { .n_results = 4711 };
        struct err err = { 0 };
        tell_report(&p, &stories[i].what);
        int r = wire_unpack_report(arena, p.bytes, p.len, &got, &err);
        if (r != stories[i].code || !strstr(err.text, stories[i].says))
            fail_msg("%s: %d, '%s' instead of %d, '%s'", stories[i].what.member, r, err.text, stories[i].code,
                     stories[i].says);
        assert_int_equal(got.n_results, r < 0 ? 4711 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vitals_with_most_workers_fit_and_come_back),
        cmocka_unit_test(vitals_out_of_bounds_are_not_packed),
        cmocka_unit_test(bytes_made_by_hand_are_understood),
        cmocka_unit_test(what_is_out_of_bounds_is_refused_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
