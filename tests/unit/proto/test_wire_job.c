#include "tests/unit/proto/pieces.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct wire_arena *arena;
static uint8_t buf[WIRE_MAX_BYTES];
static char text[4096];

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

static struct job usual(void)
{
    return (struct job){
        .id = job_id_make(3, 12345),
        .run = { .site_id = 77, .slot_us = 1772357400000000, .look = 0, .location = "berlin-2" },
        .attempt = 1,
        .url = "https://shop.example.com/health",
        .method = METHOD_AUTO,
        .timeout_ms = 20000,
        .start_by_ms = 2000,
        .contains = "",
        .avoid = "",
    };
}

static int pack(const struct job *jobs, size_t n)
{
    struct job_batch b = { .epoch = 3, .stamp_ms = 99, .jobs = jobs, .n_jobs = n };
    return wire_pack_jobs(&b, buf, sizeof buf);
}

static void assert_run(const struct run *a, const struct run *b)
{
    assert_int_equal(a->site_id, b->site_id);
    assert_int_equal(a->slot_us, b->slot_us);
    assert_int_equal(a->look, b->look);
    assert_string_equal(a->location, b->location);
}

static void assert_job(const struct job *a, const struct job *b)
{
    assert_run(&a->run, &b->run);
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->attempt, b->attempt);
    assert_string_equal(a->url, b->url);
    assert_int_equal(a->method, b->method);
    assert_int_equal(a->timeout_ms, b->timeout_ms);
    assert_int_equal(a->start_by_ms, b->start_by_ms);
    assert_int_equal(a->status.count, b->status.count);
    for (unsigned i = 0; i < a->status.count; i++) {
        assert_int_equal(a->status.range[i].lo, b->status.range[i].lo);
        assert_int_equal(a->status.range[i].hi, b->status.range[i].hi);
    }
    assert_string_equal(a->contains, b->contains);
    assert_string_equal(a->avoid, b->avoid);
    assert_int_equal(a->avoid_key, b->avoid_key);
    assert_int_equal(a->seal, b->seal);
    assert_int_equal(a->full_handshake, b->full_handshake);
    assert_int_equal(a->patience_s, b->patience_s);
}

/* Packs within its size, and comes back the same. */
static void assert_comes_back(const struct job *jobs, size_t n)
{
    struct job_batch got;
    struct err err = { 0 };
    size_t most = 0;
    int len = pack(jobs, n);
    assert_true(len > 0);
    for (size_t i = 0; i < n; i++)
        most += wire_job_size(&jobs[i]);
    assert_true(n == 0 || (size_t)len <= most);
    if (wire_unpack_jobs(arena, buf, (size_t)len, &got, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(got.epoch, 3);
    assert_int_equal(got.stamp_ms, 99);
    assert_int_equal(got.n_jobs, n);
    for (size_t i = 0; i < n; i++)
        assert_job(&got.jobs[i], &jobs[i]);
}

static struct job largest(void)
{
    static char url[SITE_MAX_URL + 1], contains[EXPECT_MAX_KEYWORD + 1], avoid[WORKER_NAME_SIZE];
    struct job j = usual();
    j.id = UINT64_MAX;
    j.run = (struct run){ .site_id = UINT64_MAX, .slot_us = WALL_MAX, .look = 2 * SITE_MAX_LOOKS + 1 };
    long_text(j.run.location, LOCATION_SIZE, "l", 'x', LOCATION_SIZE - 1);
    j.attempt = UINT8_MAX;
    j.url = long_text(url, sizeof url, "https://", '\xfc', SITE_MAX_URL);
    j.method = METHOD_GET;
    j.full_handshake = true;
    j.patience_s = PATIENCE_MAX_S;
    j.timeout_ms = SITE_MAX_TIMEOUT_MS;
    j.start_by_ms = UINT32_MAX;
    j.status.count = EXPECT_MAX_RANGES;
    for (int i = 0; i < EXPECT_MAX_RANGES; i++) {
        j.status.range[i].lo = 998;
        j.status.range[i].hi = 999;
    }
    j.contains = long_text(contains, sizeof contains, "\n\x01", 'k', EXPECT_MAX_KEYWORD);
    j.avoid = long_text(avoid, sizeof avoid, "W", '_', WORKER_NAME_SIZE - 1);
    j.avoid_key = UINT64_MAX;
    j.seal = UINT64_MAX;
    return j;
}

static struct job smallest(void)
{
    struct job j = usual();
    j.id = 1;
    j.run = (struct run){ .site_id = 1, .location = "a" };
    j.url = "http://";
    j.timeout_ms = SITE_MIN_TIMEOUT_MS;
    j.start_by_ms = 0;
    j.status = (struct status_set){ .count = 1, .range = { { 100, 100 } } };
    j.avoid = "w";
    return j;
}

static void every_member_comes_back_at_its_limits(void **state)
{
    (void)state;
    struct job jobs[] = { usual(), largest(), smallest() };
    for (size_t i = 0; i < 3; i++)
        assert_comes_back(&jobs[i], 1);
    assert_comes_back(jobs, 3);
    assert_comes_back(jobs, 0);
    struct job again[] = { largest(), largest(), usual() };
    assert_comes_back(again, 3);
}

static void a_job_without_optional_texts_may_have_null(void **state)
{
    (void)state;
    struct job j = usual(), same = usual();
    struct job_batch got;
    j.contains = j.avoid = NULL;
    int len = pack(&j, 1);
    assert_true(len > 0 && (size_t)len <= wire_job_size(&j));
    assert_int_equal(wire_unpack_jobs(arena, buf, (size_t)len, &got, NULL), 0);
    assert_job(&got.jobs[0], &same);
}

static void a_batch_of_most_jobs_comes_back(void **state)
{
    (void)state;
    static struct job jobs[WIRE_MAX_JOBS + 1];
    for (size_t i = 0; i <= WIRE_MAX_JOBS; i++) {
        jobs[i] = usual();
        jobs[i].id += i;
        /* Every third comes from elsewhere: said with the job, not with the batch. */
        snprintf(jobs[i].run.location, LOCATION_SIZE, i % 3 ? "oslo" : "bern");
    }
    assert_comes_back(jobs, WIRE_MAX_JOBS);
    assert_int_equal(pack(jobs, WIRE_MAX_JOBS + 1), -EINVAL);
}

static void what_does_not_fit_is_not_packed(void **state)
{
    (void)state;
    struct job j = usual();
    struct job_batch b = { .epoch = 1, .jobs = &j, .n_jobs = 1 };
    int len = wire_pack_jobs(&b, buf, sizeof buf);
    for (int room = 0; room < len; room++)
        assert_int_equal(wire_pack_jobs(&b, buf, (size_t)room), -EMSGSIZE);
    assert_int_equal(wire_pack_jobs(&b, buf, (size_t)len), len);

    static struct job large[40];
    static uint8_t more[2 * WIRE_MAX_BYTES];
    for (int i = 0; i < 40; i++)
        large[i] = largest();
    b = (struct job_batch){ .epoch = 1, .jobs = large, .n_jobs = 40 };
    assert_int_equal(wire_pack_jobs(&b, more, sizeof more), -EMSGSIZE);
}

#define REFUSED(change)                         \
    do {                                        \
        struct job j = usual();                 \
        change;                                 \
        assert_int_equal(pack(&j, 1), -EINVAL); \
    } while (0)

static void what_the_receiver_refuses_is_not_packed(void **state)
{
    (void)state;
    REFUSED(j.id = 0);
    REFUSED(j.run.site_id = 0);
    REFUSED(j.run.slot_us = -1);
    REFUSED(j.run.slot_us = WALL_MAX + 1);
    REFUSED(j.run.look = 2 * SITE_MAX_LOOKS + 2);
    REFUSED(strcpy(j.run.location, ""));
    REFUSED(strcpy(j.run.location, "Berlin"));
    REFUSED(strcpy(j.run.location, "2berlin"));
    REFUSED(memset(j.run.location, 'x', LOCATION_SIZE));
    REFUSED(j.attempt = 0);
    REFUSED(j.url = NULL);
    REFUSED(j.url = "");
    REFUSED(j.url = "ftp://example.com/");
    REFUSED(j.url = "HTTP://example.com/");
    REFUSED(j.url = "http://example.com/a b");
    REFUSED(j.url = "http://example.com/\n");
    REFUSED(j.url = "http://example.com/\x7f");
    REFUSED(j.url = long_text(text, sizeof text, "http://", 'u', SITE_MAX_URL + 1));
    REFUSED(j.method = METHOD_COUNT);
    REFUSED(j.timeout_ms = SITE_MIN_TIMEOUT_MS - 1);
    REFUSED(j.timeout_ms = SITE_MAX_TIMEOUT_MS + 1);
    REFUSED(j.status.count = EXPECT_MAX_RANGES + 1);
    REFUSED((j.status = (struct status_set){ .count = 1, .range = { { 99, 200 } } }));
    REFUSED((j.status = (struct status_set){ .count = 1, .range = { { 200, 1000 } } }));
    REFUSED((j.status = (struct status_set){ .count = 1, .range = { { 300, 200 } } }));
    REFUSED(j.contains = long_text(text, sizeof text, "", 'k', EXPECT_MAX_KEYWORD + 1));
    REFUSED(j.avoid = "a worker");
    REFUSED(j.avoid = long_text(text, sizeof text, "", 'w', WORKER_NAME_SIZE));

    struct job j = usual();
    struct job_batch b = { .epoch = 0x1000000, .jobs = &j, .n_jobs = 1 };
    assert_int_equal(wire_pack_jobs(&b, buf, sizeof buf), -EINVAL);
}

/* --- what others send --- */

static void tell_batch(struct piece *p, const struct instead *story)
{
    static struct piece run, job;
    tell_run(&run, story);
    job.len = 0;
    tell_number(&job, story, "id", 1, 12345);
    tell_inner(&job, story, "run", 2, &run);
    tell_number(&job, story, "attempt", 3, 1);
    tell_text(&job, story, "url", 4, "http://example.com/");
    tell_number(&job, story, "method", 5, METHOD_HEAD);
    tell_number(&job, story, "timeout_ms", 6, 20000);
    tell_number(&job, story, "start_by_ms", 7, 2000);
    tell_text(&job, story, "status", 8, "\xc8\x01\xab\x02"); /* packed: 200, 299 */
    tell_text(&job, story, "contains", 9, "OK");
    tell_text(&job, story, "avoid", 10, "w1");
    tell_number(&job, story, "full_handshake", 11, 1);
    tell_number(&job, story, "patience_s", 12, 90);
    tell_number(&job, story, "avoid_key", 13, 8);
    tell_fixed(&job, story, "seal", 14, 0x1122334455667788);

    tell_version(p, story);
    tell_number(p, story, "epoch", 3, 3);
    tell_number(p, story, "stamp_ms", 4, 99);
    tell_text(p, story, "location", 5, "oslo");
    tell_inner(p, story, "job", 6, &job);
}

static void bytes_made_by_hand_are_understood(void **state)
{
    (void)state;
    static struct piece p;
    struct job_batch got;
    tell_batch(&p, NULL);
    assert_int_equal(wire_unpack_jobs(arena, p.bytes, p.len, &got, NULL), 0);

    struct job expected = usual();
    expected.id = 12345;
    expected.run.look = 1;
    expected.url = "http://example.com/";
    expected.method = METHOD_HEAD;
    expected.status = (struct status_set){ .count = 1, .range = { { 200, 299 } } };
    expected.contains = "OK";
    expected.avoid = "w1";
    expected.full_handshake = true;
    expected.patience_s = 90;
    expected.avoid_key = 8;
    expected.seal = 0x1122334455667788;
    assert_int_equal(got.n_jobs, 1);
    assert_job(&got.jobs[0], &expected);

    /* And ours are the same bytes, but for the location that is said once. */
    struct job_batch b = { .epoch = 3, .stamp_ms = 99, .jobs = got.jobs, .n_jobs = 1 };
    int len = wire_pack_jobs(&b, buf, sizeof buf);
    tell_batch(&p, &(struct instead)TEXT("location", "berlin-2"));
    assert_int_equal(len, p.len - 2 - strlen("berlin-2"));
}

static const char nul_inside[] = "http://a/\0b";

static const struct {
    struct instead what;
    int code;
    const char *says;
} refused[] = {
    { WITHOUT("major"), -EBADMSG, "without a version" },
    { NUMBER("major", 0), -EBADMSG, "without a version" },
    { NUMBER("major", 2), -EPROTO, "protocol version 2 came, this program speaks version 1." },
    { NUMBER("epoch", 0x1000000), -EBADMSG, "epoch 16777216" },
    { TEXT("location", "an-unreasonably-long-location-na"), -EBADMSG, "location is too long" },
    { TEXT("job", "\xff"), -EBADMSG, "are no JobBatch" },
    { NUMBER("job", 5), -EBADMSG, "are no JobBatch" },
    { WITHOUT("run"), -EBADMSG, "job 0: the run is missing" },
    { NUMBER("site_id", 0), -EBADMSG, "job 0: the site's id is 0" },
    { TEXT("site_id", "x"), -EBADMSG, "are no JobBatch" },
    { NUMBER("slot_us", UINT64_MAX), -EBADMSG, "slot is before 1970" },
    { NUMBER("slot_us", INT64_MAX), -EBADMSG, "slot is after the year 9999" },
    { NUMBER("look", 2 * SITE_MAX_LOOKS + 2), -EBADMSG, "look 12 is more than 11" },
    { NUMBER("look", 65536), -EBADMSG, "look 65536 is too high" },
    { TEXT("run.location", "Oslo"), -EBADMSG, "location" },
    { BYTES("run.location", "os\0lo", 5), -EBADMSG, "NUL" },
    { BYTES("run.location", "\0", 1), -EBADMSG, "NUL" },
    { TEXT("run.location", "an-unreasonably-long-location-na"), -EBADMSG, "too long" },
    { WITHOUT("id"), -EBADMSG, "job's id is 0" },
    { WITHOUT("attempt"), -EBADMSG, "attempt is 0" },
    { NUMBER("attempt", 256), -EBADMSG, "attempt 256" },
    { WITHOUT("url"), -EBADMSG, "URL" },
    { TEXT("url", "file:///etc/passwd"), -EBADMSG, "URL" },
    { TEXT("url", "http://a/\tb"), -EBADMSG, "URL" },
    { BYTES("url", nul_inside, sizeof nul_inside - 1), -EBADMSG, "NUL" },
    { NUMBER("method", 3), -EBADMSG, "3 is no method" },
    { NUMBER("method", UINT64_MAX), -EBADMSG, "no method" },
    { NUMBER("timeout_ms", 49), -EBADMSG, "timeout of 49 ms" },
    { NUMBER("timeout_ms", 120001), -EBADMSG, "timeout of 120001 ms" },
    { TEXT("status", "\xc8\x01"), -EBADMSG, "1 numbers are not" },
    { TEXT("status", "ddddddddddddddddd"), -EBADMSG, "17 numbers are not" },
    { TEXT("status", "dddddddddddddddddd"), -EBADMSG, "18 numbers are not" },
    { TEXT("status", "cd"), -EBADMSG, "ranges within" },
    { TEXT("status", "d\xe8\x07"), -EBADMSG, "1000 is no status" },
    { TEXT("status", "\xab\x02\xc8\x01"), -EBADMSG, "ranges within" },
    { NUMBER("patience_s", 86401), -EBADMSG, "patience for 86401 s" },
    { BYTES("contains", "a\0b", 3), -EBADMSG, "keyword" },
    { TEXT("avoid", "two words"), -EBADMSG, "worker to avoid" },
    { BYTES("avoid", "w\0", 2), -EBADMSG, "worker to avoid" },
};

static void what_is_out_of_bounds_is_refused_with_a_sentence(void **state)
{
    (void)state;
    static struct piece p;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct job_batch got = { .epoch = 4711 };
        struct err err = { 0 };
        tell_batch(&p, &refused[i].what);
        int r = wire_unpack_jobs(arena, p.bytes, p.len, &got, &err);
        if (r != refused[i].code || err.code != r || !strstr(err.text, refused[i].says))
            fail_msg("%s: %d, '%s' instead of %d, '%s'", refused[i].what.member, r, err.text, refused[i].code,
                     refused[i].says);
        assert_int_equal(got.epoch, 4711); /* written only on success */
        assert_int_equal(wire_unpack_jobs(arena, p.bytes, p.len, &got, NULL), r);
    }
}

static void too_long_texts_are_refused(void **state)
{
    (void)state;
    static struct piece p;
    struct job_batch got;
    tell_batch(&p, &(struct instead){ "url", .text = long_text(text, sizeof text, "http://", 'u', 2048) });
    assert_int_equal(wire_unpack_jobs(arena, p.bytes, p.len, &got, NULL), 0);
    tell_batch(&p, &(struct instead){ "url", .text = long_text(text, sizeof text, "http://", 'u', 2049) });
    assert_int_equal(wire_unpack_jobs(arena, p.bytes, p.len, &got, NULL), -EBADMSG);
    tell_batch(&p, &(struct instead){ "contains", .text = long_text(text, sizeof text, "", 'k', 256) });
    assert_int_equal(wire_unpack_jobs(arena, p.bytes, p.len, &got, NULL), 0);
    tell_batch(&p, &(struct instead){ "contains", .text = long_text(text, sizeof text, "", 'k', 257) });
    assert_int_equal(wire_unpack_jobs(arena, p.bytes, p.len, &got, NULL), -EBADMSG);
}

static void more_jobs_than_most_are_refused(void **state)
{
    (void)state;
    static struct piece p, run, job;
    struct job_batch got;
    struct err err = { 0 };
    tell_version(&p, NULL);
    tell_run(&run, NULL);
    job.len = 0;
    piece_number(&job, 1, 5);
    piece_bytes(&job, 2, run.bytes, run.len);
    piece_number(&job, 3, 1);
    piece_bytes(&job, 4, "http://a/", 9);
    piece_number(&job, 6, 1000);
    for (int i = 0; i < WIRE_MAX_JOBS; i++)
        piece_bytes(&p, 6, job.bytes, job.len);
    assert_int_equal(wire_unpack_jobs(arena, p.bytes, p.len, &got, NULL), 0);
    piece_bytes(&p, 6, job.bytes, job.len);
    assert_int_equal(wire_unpack_jobs(arena, p.bytes, p.len, &got, &err), -EBADMSG);
    assert_string_equal(err.text, "257 jobs are more than 256");
}

static void an_older_peer_lacks_members_and_a_newer_has_more(void **state)
{
    (void)state;
    static struct piece p;
    static const char *const optional[] = { "patience_s",  "minor",  "epoch",  "stamp_ms", "location", "look",
                                            "start_by_ms", "method", "status", "contains", "avoid" };
    struct job_batch got;
    for (size_t i = 0; i < sizeof optional / sizeof *optional; i++) {
        tell_batch(&p, &(struct instead)WITHOUT(optional[i]));
        assert_int_equal(wire_unpack_jobs(arena, p.bytes, p.len, &got, NULL), 0);
        assert_int_equal(got.n_jobs, 1);
    }
    assert_string_equal(got.jobs[0].avoid, "");
    assert_int_equal(got.jobs[0].method, METHOD_HEAD);

    tell_batch(&p, &(struct instead)WITHOUT("run.location"));
    assert_int_equal(wire_unpack_jobs(arena, p.bytes, p.len, &got, NULL), 0);
    assert_string_equal(got.jobs[0].run.location, "oslo"); /* the batch's */

    tell_batch(&p, &(struct instead)NUMBER("minor", 9));
    piece_number(&p, 500, 1);
    piece_bytes(&p, 501, "something new", 13);
    assert_int_equal(wire_unpack_jobs(arena, p.bytes, p.len, &got, NULL), 0);
    assert_string_equal(got.jobs[0].url, "http://example.com/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_comes_back_at_its_limits),
        cmocka_unit_test(a_job_without_optional_texts_may_have_null),
        cmocka_unit_test(a_batch_of_most_jobs_comes_back),
        cmocka_unit_test(what_does_not_fit_is_not_packed),
        cmocka_unit_test(what_the_receiver_refuses_is_not_packed),
        cmocka_unit_test(bytes_made_by_hand_are_understood),
        cmocka_unit_test(what_is_out_of_bounds_is_refused_with_a_sentence),
        cmocka_unit_test(too_long_texts_are_refused),
        cmocka_unit_test(more_jobs_than_most_are_refused),
        cmocka_unit_test(an_older_peer_lacks_members_and_a_newer_has_more),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
