/* What a stranger may send: halves, noise, floods, other versions. */
#include "tests/unit/proto/pieces.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct wire_arena *arena;

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

/* --- each kind of message as one function --- */

static int jobs(const uint8_t *bytes, size_t len, struct err *err)
{
    struct job_batch got;
    return wire_unpack_jobs(arena, bytes, len, &got, err);
}

static int report(const uint8_t *bytes, size_t len, struct err *err)
{
    struct report got;
    return wire_unpack_report(arena, bytes, len, &got, err);
}

static int control(const uint8_t *bytes, size_t len, struct err *err)
{
    struct control got;
    return wire_unpack_control(arena, bytes, len, &got, err);
}

static int feedback(const uint8_t *bytes, size_t len, struct err *err)
{
    struct feedback got;
    return wire_unpack_feedback(arena, bytes, len, &got, err);
}

static int event(const uint8_t *bytes, size_t len, struct err *err)
{
    struct event got;
    return wire_unpack_event(arena, bytes, len, &got, err);
}

static int (*const unpack[])(const uint8_t *bytes, size_t len, struct err *err) = { jobs, report, control,
                                                                                    feedback, event };
#define KINDS (sizeof unpack / sizeof *unpack)

static const struct run run = { .site_id = 77, .slot_us = 1772357400000000, .look = 1, .location = "oslo" };

static int sample_jobs(uint8_t *buf)
{
    struct job two[2];
    for (int i = 0; i < 2; i++)
        two[i] = (struct job){ .id = 5,
                               .run = run,
                               .attempt = 1,
                               .url = "http://a/",
                               .timeout_ms = 1000,
                               .status = { .count = 1, .range = { { 200, 299 } } },
                               .contains = "OK" };
    struct job_batch b = { .epoch = 3, .stamp_ms = 99, .jobs = two, .n_jobs = 2 };
    return wire_pack_jobs(&b, buf, WIRE_MAX_BYTES);
}

static int sample_report(uint8_t *buf)
{
    struct result two[2];
    for (int i = 0; i < 2; i++)
        two[i] = (struct result){ .job_id = 5,
                                  .run = run,
                                  .span = 1,
                                  .verdict = VERDICT_DOWN,
                                  .cause = CAUSE_RESET,
                                  .worker = "w1",
                                  .detail = "reset by peer" };
    struct report rep = { .kind = REPORT_RESULTS, .results = two, .n_results = 2 };
    return wire_pack_report(&rep, buf, WIRE_MAX_BYTES);
}

static int sample_control(uint8_t *buf)
{
    static const uint64_t ids[] = { 1000, 1003, 1001 };
    struct control c = { .kind = CONTROL_HEARTBEAT,
                         .worker = "w1",
                         .nonce = 7,
                         .location = "oslo",
                         .all_ids = true,
                         .ids = ids,
                         .n_ids = 3 };
    return wire_pack_control(&c, buf, WIRE_MAX_BYTES);
}

static int sample_feedback(uint8_t *buf)
{
    struct recorded r = { .job_id = 5, .worker = "w1", .run = run };
    struct look_again a = { .run = run, .avoid = "w1", .within_ms = 15000 };
    struct feedback f = { .recorded = &r, .n_recorded = 1, .again = &a, .n_again = 1 };
    return wire_pack_feedback(&f, buf, WIRE_MAX_BYTES);
}

static int sample_event(uint8_t *buf)
{
    struct event e = { .kind = EVENT_HEALTH,
                       .seq = 1,
                       .site_id = 77,
                       .site = "shop",
                       .url = "http://a/",
                       .result = { .job_id = 5, .run = run, .span = 1, .worker = "w1" },
                       .health_to = HEALTH_UP };
    return wire_pack_event(&e, buf, WIRE_MAX_BYTES);
}

static int (*const sample[KINDS])(uint8_t *buf) = { sample_jobs, sample_report, sample_control,
                                                    sample_feedback, sample_event };

/* --- stories --- */

/* A copy of its own for each length, so that reading past the end is seen. */
static void cut_off_anywhere_is_no_trouble(void **state)
{
    (void)state;
    static uint8_t buf[WIRE_MAX_BYTES];
    for (size_t k = 0; k < KINDS; k++) {
        int len = sample[k](buf);
        assert_true(len > 0);
        assert_int_equal(unpack[k](buf, (size_t)len, NULL), 0);
        for (int cut = 0; cut < len; cut++) {
            uint8_t *part = malloc((size_t)cut + 1);
            assert_non_null(part);
            memcpy(part, buf, (size_t)cut);
            struct err err = { 0 };
            int r = unpack[k](part, (size_t)cut, &err);
            /* Between two members a shorter message may stand by itself. */
            assert_true(r == 0 || r == -EBADMSG);
            assert_int_equal(r == 0, err.text[0] == '\0');
            free(part);
        }
    }
}

static uint32_t random_next(uint64_t *seed) /* Knuth's 64-bit LCG */
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

static void random_changes_are_no_trouble(void **state)
{
    (void)state;
    static uint8_t good[WIRE_MAX_BYTES], bad[WIRE_MAX_BYTES];
    uint64_t seed = 20260301;
    unsigned understood = 0, refused = 0;
    for (size_t k = 0; k < KINDS; k++) {
        int len = sample[k](good);
        for (int round = 0; round < 20000; round++) {
            memcpy(bad, good, (size_t)len);
            for (uint32_t n = 1 + random_next(&seed) % 4; n > 0; n--)
                bad[random_next(&seed) % (uint32_t)len] = (uint8_t)random_next(&seed);
            struct err err = { 0 };
            int r = unpack[k](bad, (size_t)len, &err);
            assert_true(r == 0 || r == -EBADMSG || r == -EPROTO || r == -EMSGSIZE);
            if (r == 0)
                understood++;
            else
                refused++;
            assert_int_equal(r, err.code);
        }
    }
    assert_true(understood > 1000 && refused > 1000); /* neither side was left out */
}

static void noise_is_no_trouble(void **state)
{
    (void)state;
    static uint8_t noise[WIRE_MAX_BYTES + 1];
    uint64_t seed = 1;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)random_next(&seed);
    for (size_t k = 0; k < KINDS; k++) {
        for (size_t len = 0; len < 300; len++)
            assert_true(unpack[k](noise + 17 * len, len, NULL) < 0);
        assert_int_equal(unpack[k](noise, WIRE_MAX_BYTES + 1, NULL), -EMSGSIZE);
    }
}

static void too_long_is_told_before_anything_else(void **state)
{
    (void)state;
    static struct piece p;
    for (size_t k = 0; k < KINDS; k++) {
        struct err err = { 0 };
        p.len = 0;
        piece_number(&p, 1, 2);
        assert_int_equal(unpack[k](p.bytes, WIRE_MAX_BYTES + 1, &err), -EMSGSIZE);
        assert_non_null(strstr(err.text, "longer than 65536"));
    }
}

/* The same small member as often as it fits: `id` is a list, two bytes each. */
static void flood(struct piece *p, unsigned id)
{
    p->len = 0;
    piece_number(p, 1, WIRE_MAJOR);
    while (p->len + 2 <= WIRE_MAX_BYTES)
        piece_bytes(p, id, "", 0);
}

static void empty_members_without_end_cost_no_more_than_the_arena(void **state)
{
    (void)state;
    static struct piece p;
    static const unsigned list[KINDS] = { 6, 7, 7, 3, 9 };
    for (size_t k = 0; k < KINDS; k++) {
        struct err err = { 0 };
        flood(&p, list[k]);
        int r = unpack[k](p.bytes, p.len, &err);
        assert_true(r == -EMSGSIZE || r == -EBADMSG);
        flood(&p, 900); /* a member nobody knows */
        r = unpack[k](p.bytes, p.len, &err);
        assert_true(r == 0 || r == -EMSGSIZE || r == -EBADMSG);
    }
    flood(&p, 6);
    struct err err = { 0 };
    assert_int_equal(jobs(p.bytes, p.len, &err), -EMSGSIZE);
    assert_non_null(strstr(err.text, "unfolds to more than 4194304 bytes"));

    static uint8_t buf[WIRE_MAX_BYTES];
    int len = sample_jobs(buf);
    assert_int_equal(jobs(buf, (size_t)len, NULL), 0); /* and the next one has it all again */
}

/* A newer major may have made another thing of every other member. */
static void a_newer_major_is_known_whatever_else_it_says(void **state)
{
    (void)state;
    static struct piece p;
    for (size_t k = 0; k < KINDS; k++) {
        struct err err = { 0 };
        p.len = 0;
        piece_number(&p, 1, 2);
        piece_number(&p, 2, 5);
        for (unsigned id = 3; id < 22; id++)
            piece_varint(&p, id << 3 | 5), memcpy(p.bytes + p.len, "abcd", 4), p.len += 4;
        assert_int_equal(unpack[k](p.bytes, p.len, &err), -EPROTO);
        assert_non_null(strstr(err.text, "of protocol version 2 came, this program speaks version 1."));

        p.len = 0; /* the same from our own major is nonsense */
        piece_number(&p, 1, WIRE_MAJOR);
        for (unsigned id = 3; id < 22; id++)
            piece_varint(&p, id << 3 | 5), memcpy(p.bytes + p.len, "abcd", 4), p.len += 4;
        assert_int_equal(unpack[k](p.bytes, p.len, &err), -EBADMSG);
    }
}

static void members_of_a_newer_minor_are_passed_over(void **state)
{
    (void)state;
    static struct piece p;
    for (size_t k = 0; k < KINDS; k++) {
        p.len = (size_t)sample[k](p.bytes);
        piece_number(&p, 2, 7);
        piece_number(&p, 1000, UINT64_MAX);
        piece_bytes(&p, 1001, "new", 3);
        piece_varint(&p, 1002 << 3 | 1), memcpy(p.bytes + p.len, "12345678", 8), p.len += 8;
        assert_int_equal(unpack[k](p.bytes, p.len, NULL), 0);
    }
}

static void what_was_unpacked_stays_until_the_next(void **state)
{
    (void)state;
    static uint8_t buf[WIRE_MAX_BYTES];
    struct job_batch got;
    int len = sample_jobs(buf);
    assert_int_equal(wire_unpack_jobs(arena, buf, (size_t)len, &got, NULL), 0);
    memset(buf, 0xff, sizeof buf); /* the received bytes may go */
    assert_string_equal(got.jobs[1].url, "http://a/");
    assert_string_equal(got.jobs[1].contains, "OK");

    scoped(wire_arena) struct wire_arena *other = NULL;
    assert_int_equal(wire_arena_new(&other), 0);
    struct feedback f;
    len = sample_feedback(buf);
    assert_int_equal(wire_unpack_feedback(other, buf, (size_t)len, &f, NULL), 0);
    assert_string_equal(got.jobs[1].url, "http://a/");
    wire_arena_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_off_anywhere_is_no_trouble),
        cmocka_unit_test(random_changes_are_no_trouble),
        cmocka_unit_test(noise_is_no_trouble),
        cmocka_unit_test(too_long_is_told_before_anything_else),
        cmocka_unit_test(empty_members_without_end_cost_no_more_than_the_arena),
        cmocka_unit_test(a_newer_major_is_known_whatever_else_it_says),
        cmocka_unit_test(members_of_a_newer_minor_are_passed_over),
        cmocka_unit_test(what_was_unpacked_stays_until_the_next),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
