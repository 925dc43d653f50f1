#include "tests/unit/proto/pieces.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct wire_arena *arena;
static uint8_t buf[WIRE_MAX_BYTES];
static struct recorded recorded[WIRE_MAX_FEEDBACK + 1];
static struct look_again again[WIRE_MAX_FEEDBACK + 1];

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

static const struct run usual_run = {
    .site_id = 77, .slot_us = 1772357400000000, .look = 1, .location = "berlin-2"
};

static struct run largest_run(void)
{
    struct run r = { .site_id = UINT64_MAX, .slot_us = WALL_MAX, .look = 2 * SITE_MAX_LOOKS + 1 };
    long_text(r.location, sizeof r.location, "l", '-', sizeof r.location - 1);
    return r;
}

static void fill(void)
{
    for (int i = 0; i <= WIRE_MAX_FEEDBACK; i++) {
        recorded[i] = (struct recorded){ .job_id = (uint64_t)i, .worker = "coordinator", .run = usual_run };
        again[i] = (struct look_again){ .run = usual_run, .within_ms = (uint32_t)i + 1 };
    }
    recorded[1] = (struct recorded){
        .job_id = UINT64_MAX, .lane = UINT16_MAX, .run = largest_run(), .patience_s = PATIENCE_MAX_S
    };
    recorded[2].held_back = true;
    long_text(recorded[1].worker, WORKER_NAME_SIZE, "w", '.', WORKER_NAME_SIZE - 1);
    recorded[2].run.look = 0;
    again[1] = (struct look_again){ .within_ms = SITE_MAX_WITHIN_MS, .run = largest_run() };
    long_text(again[1].avoid, WORKER_NAME_SIZE, "w", '.', WORKER_NAME_SIZE - 1);
}

static int pack(size_t n_recorded, size_t n_again)
{
    struct feedback f = {
        .recorded = recorded, .n_recorded = n_recorded, .again = again, .n_again = n_again
    };
    return wire_pack_feedback(&f, buf, sizeof buf);
}

static void assert_run(const struct run *a, const struct run *b)
{
    assert_int_equal(a->site_id, b->site_id);
    assert_int_equal(a->slot_us, b->slot_us);
    assert_int_equal(a->look, b->look);
    assert_string_equal(a->location, b->location);
}

static void both_lists_come_back(void **state)
{
    (void)state;
    static const size_t counts[][2] = { { 0, 0 }, { 3, 0 }, { 0, 3 }, { 256, 0 }, { 0, 256 }, { 256, 256 } };
    fill();
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        struct feedback got;
        int len = pack(counts[c][0], counts[c][1]);
        assert_true(len > 0);
        assert_int_equal(wire_unpack_feedback(arena, buf, (size_t)len, &got, NULL), 0);
        assert_int_equal(got.n_recorded, counts[c][0]);
        assert_int_equal(got.n_again, counts[c][1]);
        for (size_t i = 0; i < got.n_recorded; i++) {
            assert_int_equal(got.recorded[i].job_id, recorded[i].job_id);
            assert_string_equal(got.recorded[i].worker, recorded[i].worker);
            assert_int_equal(got.recorded[i].lane, recorded[i].lane);
            assert_int_equal(got.recorded[i].patience_s, recorded[i].patience_s);
            assert_int_equal(got.recorded[i].held_back, recorded[i].held_back);
            assert_run(&got.recorded[i].run, &recorded[i].run);
        }
        for (size_t i = 0; i < got.n_again; i++) {
            assert_string_equal(got.again[i].avoid, again[i].avoid);
            assert_int_equal(got.again[i].within_ms, again[i].within_ms);
            assert_run(&got.again[i].run, &again[i].run);
        }
    }
    assert_int_equal(pack(257, 0), -EINVAL);
    assert_int_equal(pack(0, 257), -EINVAL);
}

/* One whole list fits even where every name is as long as it may be. */
static void a_whole_list_of_long_names_fits(void **state)
{
    (void)state;
    fill();
    for (int i = 0; i < WIRE_MAX_FEEDBACK; i++) {
        recorded[i] = recorded[1];
        again[i] = again[1];
    }
    assert_true(pack(WIRE_MAX_FEEDBACK, 0) > 0);
    assert_true(pack(0, WIRE_MAX_FEEDBACK) > 0);
}

static void the_accused_are_named(void **state)
{
    (void)state;
    struct accused accused[WIRE_MAX_FEEDBACK + 1] = { 0 };
    struct feedback f = { .accused = accused, .n_accused = WIRE_MAX_FEEDBACK }, got;
    struct err err = { 0 };
    for (int i = 0; i <= WIRE_MAX_FEEDBACK; i++) {
        accused[i].for_ms = (uint32_t)i;
        long_text(accused[i].worker, WORKER_NAME_SIZE, "w", '.', WORKER_NAME_SIZE - 1);
    }
    int len = wire_pack_feedback(&f, buf, sizeof buf);
    assert_true(len > 0);
    assert_int_equal(wire_unpack_feedback(arena, buf, (size_t)len, &got, &err), 0);
    assert_int_equal(got.n_accused, WIRE_MAX_FEEDBACK);
    assert_int_equal(got.n_recorded + got.n_again, 0);
    assert_memory_equal(got.accused, accused, sizeof *accused * WIRE_MAX_FEEDBACK);

    f.n_accused = WIRE_MAX_FEEDBACK + 1;
    assert_int_equal(wire_pack_feedback(&f, buf, sizeof buf), -EINVAL);
    f.n_accused = 1;
    accused[0].for_ms = ACCUSED_MAX_MS + 1;
    assert_int_equal(wire_pack_feedback(&f, buf, sizeof buf), -EINVAL);
    accused[0] = (struct accused){ .worker = "no name" };
    assert_int_equal(wire_pack_feedback(&f, buf, sizeof buf), -EINVAL);
}

#define REFUSED(change)                        \
    do {                                       \
        fill();                                \
        assert_true(pack(1, 1) > 0);           \
        change;                                \
        assert_int_equal(pack(1, 1), -EINVAL); \
    } while (0)

static void what_the_receiver_refuses_is_not_packed(void **state)
{
    (void)state;
    REFUSED(recorded[0].run.site_id = 0);
    REFUSED(recorded[0].run.slot_us = -1);
    REFUSED(recorded[0].run.look = 12);
    REFUSED(recorded[0].run.location[0] = '\0');
    REFUSED(recorded[0].worker[0] = '\0');
    REFUSED(memset(recorded[0].worker, 'w', WORKER_NAME_SIZE));
    REFUSED(again[0].run.site_id = 0);
    REFUSED(again[0].run.look = 0);
    REFUSED(again[0].run.location[0] = 'X');
    REFUSED(strcpy(again[0].avoid, "a worker"));
    REFUSED(memset(again[0].avoid, 'w', WORKER_NAME_SIZE));
    REFUSED(again[0].within_ms = SITE_MAX_WITHIN_MS + 1);
    REFUSED(again[0].within_ms = 0);
    REFUSED(recorded[0].run.slot_us = WALL_MAX + 1);
}

static void tell_feedback(struct piece *p, const struct instead *story)
{
    static struct piece run, one;
    tell_run(&run, story);
    tell_version(p, story);

    one.len = 0;
    tell_number(&one, story, "job_id", 1, 5);
    tell_text(&one, story, "worker", 2, "w1");
    tell_number(&one, story, "lane", 3, 1);
    tell_inner(&one, story, "recorded.run", 4, &run);
    tell_number(&one, story, "patience_s", 5, 90);
    tell_number(&one, story, "held_back", 6, 1);
    tell_inner(p, story, "recorded", 3, &one);

    one.len = 0;
    tell_inner(&one, story, "again.run", 1, &run);
    tell_text(&one, story, "avoid", 2, "w1");
    tell_number(&one, story, "within_ms", 3, 15000);
    tell_inner(p, story, "again", 4, &one);
}

static const struct {
    struct instead what;
    int code;
    const char *says;
} stories[] = {
    { AS_USUAL, 0, "" },
    { WITHOUT("job_id"), 0, "" },
    { WITHOUT("lane"), 0, "" },
    { WITHOUT("avoid"), 0, "" },
    { WITHOUT("patience_s"), 0, "" },
    { WITHOUT("held_back"), 0, "" },
    { WITHOUT("within_ms"), -EBADMSG, "0 ms leave no time" },
    { WITHOUT("recorded"), 0, "" },
    { WITHOUT("again"), 0, "" },
    { WITHOUT("major"), -EBADMSG, "without a version" },
    { NUMBER("major", 2), -EPROTO, "upgrade it" },
    { TEXT("recorded", "\xff"), -EBADMSG, "are no Feedback" },
    { WITHOUT("recorded.run"), -EBADMSG, "run is missing" },
    { WITHOUT("again.run"), -EBADMSG, "run is missing" },
    { WITHOUT("site_id"), -EBADMSG, "recorded 0: the site's id is 0" },
    { WITHOUT("run.location"), -EBADMSG, "recorded 0: a location's name" },
    { WITHOUT("look"), -EBADMSG, "look again 0: look 0 is the scheduled one" },
    { WITHOUT("worker"), -EBADMSG, "recorded 0: a worker's name" },
    { BYTES("worker", "w\0", 2), -EBADMSG, "NUL" },
    { NUMBER("patience_s", 86401), -EBADMSG, "recorded 0: patience for 86401 s" },
    { NUMBER("lane", 65536), -EBADMSG, "lane 65536" },
    { TEXT("avoid", "w 1"), -EBADMSG, "look again 0: a worker's name" },
    { NUMBER("within_ms", SITE_MAX_WITHIN_MS + 1), -EBADMSG, "600001 ms" },
};

static void bytes_made_by_hand_are_understood_or_refused(void **state)
{
    (void)state;
    static struct piece p;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct feedback got = { .n_again = 4711 };
        struct err err = { 0 };
        tell_feedback(&p, &stories[i].what);
        int r = wire_unpack_feedback(arena, p.bytes, p.len, &got, &err);
        if (r != stories[i].code || !strstr(err.text, stories[i].says))
            fail_msg("%s: %d, '%s' instead of %d, '%s'", stories[i].what.member, r, err.text, stories[i].code,
                     stories[i].says);
        assert_int_equal(got.n_again == 4711, r < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_lists_come_back),
        cmocka_unit_test(a_whole_list_of_long_names_fits),
        cmocka_unit_test(the_accused_are_named),
        cmocka_unit_test(what_the_receiver_refuses_is_not_packed),
        cmocka_unit_test(bytes_made_by_hand_are_understood_or_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
