#include "tests/unit/proto/pieces.h"

#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
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

static struct result usual(void)
{
    return (struct result){
        .job_id = job_id_make(3, 12345),
        .run = { .site_id = 77, .slot_us = 1772357400000000, .location = "berlin-2" },
        .span = 1,
        .verdict = VERDICT_DOWN,
        .cause = CAUSE_HTTP_5XX,
        .status = 503,
        .method = METHOD_GET,
        .redirects = 2,
        .at_us = 1772357400012345,
        .took_us = 51234,
        .phases = { .dns_us = 1000, .connect_us = 10000, .tls_us = 20000, .wait_us = 20000, .body_us = 234 },
        .tls_expires_us = 1780000000000000,
        .address = "192.0.2.17",
        .worker = "w1.example",
        .lane = 1,
        .detail = "HTTP 503 Service Unavailable",
    };
}

static struct result largest(void)
{
    struct result x = usual();
    x.job_id = UINT64_MAX;
    x.seal = UINT64_MAX;
    x.run.site_id = UINT64_MAX;
    x.run.slot_us = WALL_MAX;
    x.run.look = 2 * SITE_MAX_LOOKS + 1;
    long_text(x.run.location, LOCATION_SIZE, "l", 'x', LOCATION_SIZE - 1);
    x.span = UINT32_MAX;
    x.verdict = VERDICT_UNKNOWN;
    x.cause = CAUSE_MISSED;
    x.status = 999;
    x.redirects = UINT8_MAX;
    x.suspect = true;
    x.at_us = WALL_MAX;
    x.took_us = UINT32_MAX;
    x.phases = (struct phases){ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };
    x.tls_expires_us = INT64_MIN; /* a certificate may say anything */
    long_text(x.address, ADDRESS_SIZE, "", 'f', ADDRESS_SIZE - 1);
    long_text(x.worker, WORKER_NAME_SIZE, "W", '_', WORKER_NAME_SIZE - 1);
    x.lane = UINT16_MAX;
    long_text(x.detail, DETAIL_SIZE, "", '\xe4', DETAIL_SIZE - 1);
    return x;
}

static struct result smallest(void)
{
    return (struct result){ .job_id = 1, .run = { .site_id = 1, .location = "a" }, .span = 1, .worker = "w" };
}

static int pack(const struct result *results, size_t n)
{
    struct report rep = { .kind = REPORT_RESULTS, .results = results, .n_results = n };
    return wire_pack_report(&rep, buf, sizeof buf);
}

static void assert_result(const struct result *a, const struct result *b)
{
    assert_int_equal(a->job_id, b->job_id);
    assert_int_equal(a->seal, b->seal);
    assert_int_equal(a->run.site_id, b->run.site_id);
    assert_int_equal(a->run.slot_us, b->run.slot_us);
    assert_int_equal(a->run.look, b->run.look);
    assert_string_equal(a->run.location, b->run.location);
    assert_int_equal(a->span, b->span);
    assert_int_equal(a->patience_s, b->patience_s);
    assert_int_equal(a->verdict, b->verdict);
    assert_int_equal(a->cause, b->cause);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->method, b->method);
    assert_int_equal(a->redirects, b->redirects);
    assert_int_equal(a->suspect, b->suspect);
    assert_int_equal(a->at_us, b->at_us);
    assert_int_equal(a->took_us, b->took_us);
    assert_memory_equal(&a->phases, &b->phases, sizeof a->phases);
    assert_int_equal(a->tls_expires_us, b->tls_expires_us);
    assert_string_equal(a->address, b->address);
    assert_string_equal(a->worker, b->worker);
    assert_int_equal(a->lane, b->lane);
    assert_string_equal(a->detail, b->detail);
}

static void assert_comes_back(const struct result *results, size_t n)
{
    struct report got;
    struct err err = { 0 };
    size_t most = 0;
    int len = pack(results, n);
    assert_true(len > 0);
    for (size_t i = 0; i < n; i++)
        most += wire_result_size(&results[i]);
    assert_true(n == 0 || (size_t)len <= most);
    if (wire_unpack_report(arena, buf, (size_t)len, &got, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(got.kind, REPORT_RESULTS);
    assert_int_equal(got.n_results, n);
    for (size_t i = 0; i < n; i++)
        assert_result(&got.results[i], &results[i]);
}

static void every_member_comes_back_at_its_limits(void **state)
{
    (void)state;
    struct result some[] = { usual(), largest(), smallest(), usual() };
    for (size_t i = 0; i < 3; i++)
        assert_comes_back(&some[i], 1);
    assert_comes_back(some, 4);
    assert_comes_back(some, 0);
}

/* What the first says for all must not rub off on one that says otherwise. */
static void worker_lane_and_location_stay_with_their_result(void **state)
{
    (void)state;
    struct result some[5];
    for (int i = 0; i < 5; i++)
        some[i] = usual();
    some[1].lane = 0;
    strcpy(some[2].worker, "w2");
    strcpy(some[3].run.location, "oslo");
    strcpy(some[4].worker, "w3");
    some[4].lane = 0;
    assert_comes_back(some, 5);
}

static void a_full_report_comes_back_and_no_fuller_one_goes(void **state)
{
    (void)state;
    static struct result some[WIRE_MAX_RESULTS + 1];
    for (size_t i = 0; i <= WIRE_MAX_RESULTS; i++) {
        some[i] = usual();
        some[i].job_id += i;
    }
    assert_comes_back(some, WIRE_MAX_RESULTS);
    assert_int_equal(pack(some, WIRE_MAX_RESULTS + 1), -EINVAL);
    for (size_t i = 0; i < WIRE_MAX_RESULTS; i++)
        some[i] = largest();
    assert_int_equal(pack(some, WIRE_MAX_RESULTS), -EMSGSIZE);
}

/* Each verdict with each cause: the whole table of what goes with what. */
static void causes_go_with_their_verdicts(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        bool praise = c == CAUSE_NONE || c == CAUSE_BLOCKED_WAF || c == CAUSE_ASKS_PATIENCE;
        struct result x = usual();
        x.cause = (enum cause)c;
        x.verdict = VERDICT_UP;
        assert_int_equal(pack(&x, 1) > 0, praise);
        x.verdict = VERDICT_DOWN;
        assert_int_equal(pack(&x, 1) > 0, cause_valid(c) && !praise && c < CAUSE_POLICY);
        x.verdict = VERDICT_UNKNOWN;
        assert_int_equal(pack(&x, 1) > 0, cause_valid(c) && !praise);
        if (cause_valid(c) && !praise)
            assert_comes_back(&x, 1);
    }
}

/* result.proto tells other readers of the feed what a cause's number means. */
static void result_proto_lists_every_cause(void **state)
{
    (void)state;
    static char text[65536];
    FILE *f = fopen("proto/result.proto", "r");
    assert_non_null(f);
    size_t len = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[len] = '\0';

    for (unsigned c = 0; c < CAUSE_END; c++) {
        char line[64], *p = line;
        if (!cause_valid(c))
            continue;
        snprintf(line, sizeof line, "  CAUSE_%s = %u;\n", cause_name((enum cause)c), c);
        for (; *p; p++)
            *p = (char)toupper((unsigned char)*p);
        if (!strstr(text, line))
            fail_msg("proto/result.proto lacks%s", line);
    }
}

#define REFUSED(change)                         \
    do {                                        \
        struct result x = usual();              \
        change;                                 \
        assert_int_equal(pack(&x, 1), -EINVAL); \
    } while (0)

static void what_the_receiver_refuses_is_not_packed(void **state)
{
    (void)state;
    REFUSED(x.job_id = 0);
    REFUSED(x.run.site_id = 0);
    REFUSED(x.run.slot_us = -1);
    REFUSED(x.run.look = 2 * SITE_MAX_LOOKS + 2);
    REFUSED(x.run.location[0] = '\0');
    REFUSED(x.span = 0);
    REFUSED(x.span = 2); /* only what was missed spans slots */
    REFUSED(x.verdict = VERDICT_COUNT);
    REFUSED(x.cause = CAUSE_END);
    REFUSED(x.status = 99);
    REFUSED(x.status = 1000);
    REFUSED(x.method = METHOD_COUNT);
    REFUSED(x.at_us = -1);
    REFUSED(x.worker[0] = '\0');
    REFUSED(strcpy(x.worker, "a worker"));
    REFUSED(memset(x.worker, 'w', sizeof x.worker));
    REFUSED(memset(x.address, '1', sizeof x.address));
    REFUSED(memset(x.detail, 'd', sizeof x.detail));

    struct result x = usual();
    struct report rep = { .kind = (enum report_kind)0, .results = &x, .n_results = 1 };
    assert_int_equal(wire_pack_report(&rep, buf, sizeof buf), -EINVAL);
    rep.kind = (enum report_kind)3;
    assert_int_equal(wire_pack_report(&rep, buf, sizeof buf), -EINVAL);
}

static void nobody_was_there_needs_no_job(void **state)
{
    (void)state;
    struct result x = usual();
    x.job_id = 0;
    x.verdict = VERDICT_UNKNOWN;
    x.cause = CAUSE_MISSED;
    x.span = 40;
    assert_comes_back(&x, 1);
    x.cause = CAUSE_LOST; /* a confirming look that nobody could begin in time */
    x.span = 1;
    assert_comes_back(&x, 1);
}

/* A site chooses what it answers: its bytes must neither be able to hold up a
 * worker's report nor reach a terminal. */
static void what_a_site_said_is_passed_on_calmed(void **state)
{
    (void)state;
    struct result x = usual();
    struct report got;
    strcpy(x.detail, "Location: \x1b[2Jhttp://x/\r\n\t\x7fz\xc3\xa4");
    strcpy(x.address, "::1\n");
    int len = pack(&x, 1);
    assert_int_equal(wire_unpack_report(arena, buf, (size_t)len, &got, NULL), 0);
    assert_string_equal(got.results[0].detail, "Location: ?[2Jhttp://x/????z\xc3\xa4");
    assert_string_equal(got.results[0].address, "::1?");
}

/* --- what others send --- */

static void tell_result(struct piece *p, const struct instead *story)
{
    static struct piece run;
    tell_run(&run, story);
    p->len = 0;
    tell_number(p, story, "job_id", 1, 12345);
    tell_inner(p, story, "run", 2, &run);
    tell_number(p, story, "verdict", 3, VERDICT_DOWN);
    tell_number(p, story, "cause", 4, CAUSE_HTTP_5XX);
    tell_number(p, story, "status", 5, 503);
    tell_number(p, story, "method", 6, METHOD_GET);
    tell_number(p, story, "redirects", 7, 2);
    tell_number(p, story, "suspect", 8, 1);
    tell_number(p, story, "at_us", 9, 1772357400012345);
    tell_number(p, story, "took_us", 10, 51234);
    tell_number(p, story, "dns_us", 11, 11);
    tell_number(p, story, "connect_us", 12, 12);
    tell_number(p, story, "tls_us", 13, 13);
    tell_number(p, story, "wait_us", 14, 14);
    tell_number(p, story, "body_us", 15, 15);
    tell_number(p, story, "tls_expires_us", 16, 1780000000000000);
    tell_text(p, story, "address", 17, "2001:db8::1");
    tell_text(p, story, "worker", 18, "w9");
    tell_number(p, story, "lane", 19, 4);
    tell_text(p, story, "detail", 20, "HTTP 503");
    tell_number(p, story, "more", 21, 0);
    tell_fixed(p, story, "seal", 23, 0x1122334455667788);
}

static void tell_report(struct piece *p, const struct instead *story)
{
    static struct piece result;
    tell_result(&result, story);
    tell_version(p, story);
    tell_number(p, story, "kind", 3, REPORT_RESULTS);
    tell_text(p, story, "said.worker", 4, "w1");
    tell_number(p, story, "said.lane", 5, 1);
    tell_text(p, story, "said.location", 6, "oslo");
    tell_inner(p, story, "result", 7, &result);
}

static void bytes_made_by_hand_are_understood(void **state)
{
    (void)state;
    static struct piece p;
    struct report got;
    struct result expected = usual();
    expected.job_id = 12345;
    expected.run.look = 1;
    expected.suspect = true;
    expected.phases = (struct phases){ 11, 12, 13, 14, 15 };
    strcpy(expected.address, "2001:db8::1");
    strcpy(expected.worker, "w9");
    expected.lane = 4;
    strcpy(expected.detail, "HTTP 503");
    expected.seal = 0x1122334455667788;

    tell_report(&p, NULL);
    assert_int_equal(wire_unpack_report(arena, p.bytes, p.len, &got, NULL), 0);
    assert_int_equal(got.n_results, 1);
    assert_result(&got.results[0], &expected);
}

static const struct {
    struct instead what;
    int code;
    const char *says;
} refused[] = {
    { WITHOUT("major"), -EBADMSG, "without a version" },
    { NUMBER("major", 7), -EPROTO, "version 7 came, this program speaks version 1." },
    { WITHOUT("kind"), -EBADMSG, "0 is no kind of report" },
    { NUMBER("kind", 3), -EBADMSG, "3 is no kind of report" },
    { BYTES("said.worker", "w\0x", 3), -EBADMSG, "NUL" },
    { NUMBER("said.lane", 65536), -EBADMSG, "lane 65536" },
    { TEXT("result", "\x08"), -EBADMSG, "are no Report" },
    { WITHOUT("job_id"), -EBADMSG, "result 0: the job's id is 0" },
    { WITHOUT("run"), -EBADMSG, "result 0: the run is missing" },
    { NUMBER("site_id", 0), -EBADMSG, "site's id is 0" },
    { NUMBER("slot_us", UINT64_MAX), -EBADMSG, "before 1970" },
    { TEXT("run.location", "?"), -EBADMSG, "location" },
    { NUMBER("verdict", 3), -EBADMSG, "3 is no verdict" },
    { NUMBER("verdict", UINT64_MAX), -EBADMSG, "no verdict" },
    { WITHOUT("verdict"), -EBADMSG, "verdict up cannot have cause http_5xx" },
    { NUMBER("cause", CAUSE_LOST), -EBADMSG, "verdict down cannot have cause lost" },
    { WITHOUT("cause"), -EBADMSG, "verdict down cannot have cause none" },
    { NUMBER("cause", 50), -EBADMSG, "50 is no cause" },
    { NUMBER("cause", UINT64_MAX), -EBADMSG, "no cause" },
    { NUMBER("status", 99), -EBADMSG, "status 99" },
    { NUMBER("status", 1000), -EBADMSG, "status 1000" },
    { NUMBER("status", 65536 + 200), -EBADMSG, "status 65736" },
    { NUMBER("method", 3), -EBADMSG, "3 is no method" },
    { NUMBER("redirects", 256), -EBADMSG, "redirects 256" },
    { NUMBER("at_us", INT64_MAX), -EBADMSG, "beginning of the look is after the year 9999" },
    { NUMBER("at_us", UINT64_MAX), -EBADMSG, "beginning of the look is before 1970" },
    { BYTES("address", "1\0", 2), -EBADMSG, "address" },
    { TEXT("worker", "w\n"), -EBADMSG, "worker" },
    { NUMBER("lane", 65536), -EBADMSG, "lane 65536" },
    { BYTES("detail", "d\0", 2), -EBADMSG, "detail" },
    { NUMBER("more", 1), -EBADMSG, "span of 2" },
    { NUMBER("more", UINT32_MAX), -EBADMSG, "too high" },
};

static void what_is_out_of_bounds_is_refused_with_a_sentence(void **state)
{
    (void)state;
    static struct piece p;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct report got = { .n_results = 4711 };
        struct err err = { 0 };
        tell_report(&p, &refused[i].what);
        int r = wire_unpack_report(arena, p.bytes, p.len, &got, &err);
        if (r != refused[i].code || !strstr(err.text, refused[i].says))
            fail_msg("%s: %d, '%s' instead of %d, '%s'", refused[i].what.member, r, err.text, refused[i].code,
                     refused[i].says);
        assert_int_equal(got.n_results, 4711);
    }
}

static void patience_goes_with_its_cause_only(void **state)
{
    (void)state;
    struct report got;
    struct result x = usual();
    x.patience_s = 1;
    assert_int_equal(pack(&x, 1), -EINVAL);
    x.verdict = VERDICT_UP;
    x.cause = CAUSE_ASKS_PATIENCE;
    x.patience_s = PATIENCE_MAX_S + 1;
    assert_int_equal(pack(&x, 1), -EINVAL);
    x.patience_s = PATIENCE_MAX_S;
    int len = pack(&x, 1);
    assert_true(len > 0);
    assert_int_equal(wire_unpack_report(arena, buf, (size_t)len, &got, NULL), 0);
    assert_result(&got.results[0], &x);
}

static void an_older_peer_lacks_members(void **state)
{
    (void)state;
    static struct piece p;
    static const char *const optional[] = { "status",     "redirects",      "suspect", "at_us",    "took_us",
                                            "connect_us", "tls_expires_us", "address", "detail",   "more",
                                            "method",     "said.worker",    "lane",    "said.lane" };
    struct report got;
    for (size_t i = 0; i < sizeof optional / sizeof *optional; i++) {
        tell_report(&p, &(struct instead)WITHOUT(optional[i]));
        assert_int_equal(wire_unpack_report(arena, p.bytes, p.len, &got, NULL), 0);
    }
    tell_report(&p, &(struct instead)WITHOUT("worker"));
    assert_int_equal(wire_unpack_report(arena, p.bytes, p.len, &got, NULL), 0);
    assert_string_equal(got.results[0].worker, "w1"); /* both are the report's */
    assert_int_equal(got.results[0].lane, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_comes_back_at_its_limits),
        cmocka_unit_test(worker_lane_and_location_stay_with_their_result),
        cmocka_unit_test(a_full_report_comes_back_and_no_fuller_one_goes),
        cmocka_unit_test(causes_go_with_their_verdicts),
        cmocka_unit_test(result_proto_lists_every_cause),
        cmocka_unit_test(what_the_receiver_refuses_is_not_packed),
        cmocka_unit_test(nobody_was_there_needs_no_job),
        cmocka_unit_test(what_a_site_said_is_passed_on_calmed),
        cmocka_unit_test(bytes_made_by_hand_are_understood),
        cmocka_unit_test(what_is_out_of_bounds_is_refused_with_a_sentence),
        cmocka_unit_test(patience_goes_with_its_cause_only),
        cmocka_unit_test(an_older_peer_lacks_members),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
