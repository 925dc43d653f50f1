/* What is packed comes back as it was, and damaged bytes are noticed. */
#include "common/store/lines.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EVERY_US (300 * US_PER_S)
#define SLOT     (INT64_C(1772323200) * US_PER_S + 12345)

static struct line usual(int round)
{
    return (struct line){
        .slot_us = SLOT + round * EVERY_US,
        .job_id = (UINT64_C(3) << 40) + 17 + (uint64_t)round * 1000000,
        .late_us = 9000 + round,
        .location_id = 1,
        .span = 1,
        .worker_id = 2,
        .lane = 1,
        .took_us = 123456,
        .phases = {0,  23000, 41000, 59000, 0 },
        .tls_expires_s = 1780000000,
        .status = 200,
        .method = 1,
        .address_len = 4,
        .address = { 192, 0,   2,       7        },
    };
}

static void expect_same(const char *what, const struct line *a, const struct line *b)
{
    if (a->slot_us != b->slot_us || a->job_id != b->job_id || a->late_us != b->late_us ||
        a->look != b->look || a->location_id != b->location_id || a->span != b->span ||
        a->worker_id != b->worker_id || a->lane != b->lane || a->took_us != b->took_us ||
        memcmp(&a->phases, &b->phases, sizeof a->phases) != 0 || a->tls_expires_s != b->tls_expires_s ||
        a->status != b->status || a->verdict != b->verdict || a->cause != b->cause ||
        a->method != b->method || a->redirects != b->redirects || a->suspect != b->suspect ||
        a->address_len != b->address_len || a->address_text != b->address_text ||
        memcmp(a->address, b->address, a->address_len) != 0 || a->detail_len != b->detail_len ||
        (a->detail_len && memcmp(a->detail, b->detail, a->detail_len) != 0))
        fail_msg("%s: a line came back changed", what);
}

#define MOST 200

struct pack {
    uint8_t bytes[LINES_HEAD + MOST * LINES_MOST];
    size_t len;
};

static void pack_lines(struct pack *p, const struct line *line, size_t n)
{
    struct lines_before before;
    lines_head(p->bytes);
    lines_begin(&before);
    p->len = LINES_HEAD;
    for (size_t i = 0; i < n; i++) {
        size_t len = lines_put(p->bytes + p->len, &before, &line[i]);
        assert_true(len <= LINES_MOST);
        p->len += len;
    }
}

static void expect_back(const char *what, const struct line *line, size_t n)
{
    static struct pack p;
    struct lines_cursor c;
    struct line got;
    pack_lines(&p, line, n);
    assert_int_equal(lines_open(&c, p.bytes, p.len), 0);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(lines_next(&c, &got), 1);
        expect_same(what, &line[i], &got);
    }
    assert_int_equal(lines_next(&c, &got), 0);
}

/* Three usual lines, the second of them changed: the third shows that all goes on from there. */
#define ROW(what, change)                                                     \
    do {                                                                      \
        struct line line[] = { usual(0), usual(1), usual(2) }, *l = &line[1]; \
        change;                                                               \
        expect_back(what, line, 3);                                           \
    } while (0)

static void test_each_member_comes_back(void **state)
{
    (void)state;
    char detail[DETAIL_SIZE];
    memset(detail, 'd', sizeof detail);
    ROW("as usual", (void)l);
    ROW("another slot", l->slot_us += 7);
    ROW("the same slot", l->slot_us = line[0].slot_us);
    ROW("a job before the last", l->job_id = 1);
    ROW("the highest job", l->job_id = UINT64_MAX);
    ROW("a job just too far", l->job_id += (uint64_t)INT32_MAX + 1);
    ROW("no job", l->job_id = 0);
    ROW("early", l->late_us = -1);
    ROW("days early", l->late_us = -86400 * US_PER_S);
    ROW("an hour late", l->late_us = 3600 * US_PER_S);
    ROW("years late", l->late_us = INT64_MAX / 2);
    ROW("a confirming look", l->look = 5);
    ROW("elsewhere", l->location_id = 4000000000u);
    ROW("a span", l->span = UINT32_MAX);
    ROW("another worker", l->worker_id = 70000);
    ROW("lane 2", l->lane = 2);
    ROW("lane 3", l->lane = 3);
    ROW("lane 65535", l->lane = 65535);
    ROW("took nothing", l->took_us = 0);
    ROW("took all", l->took_us = UINT32_MAX);
    ROW("phases of nothing", l->phases = (struct phases){ 0 });
    ROW("phases of all", memset(&l->phases, 0xff, sizeof l->phases));
    ROW("two minutes", l->phases.wait_us = 120000000);
    ROW("no certificate", l->tls_expires_s = 0);
    ROW("a certificate from before", l->tls_expires_s = -1);
    ROW("another status", l->status = 65535);
    ROW("down", (l->verdict = VERDICT_DOWN, l->cause = CAUSE_HTTP_5XX, l->status = 503));
    ROW("the last cause", (l->verdict = VERDICT_UNKNOWN, l->cause = CAUSE_END - 1, l->suspect = 1));
    ROW("GET, redirected", (l->method = METHOD_GET, l->redirects = 255));
    ROW("no address", l->address_len = 0);
    ROW("a long address", (l->address_len = 16, memset(l->address, 0xfe, 16)));
    ROW("words for an address", (l->address_len = 45, l->address_text = 1, memset(l->address, 'a', 45)));
    ROW("four letters", (l->address_text = 1, memcpy(l->address, "abcd", 4)));
    ROW("a detail", (l->detail = "why", l->detail_len = 3));
    ROW("a long detail", (l->detail = detail, l->detail_len = DETAIL_SIZE - 1));
    expect_back("none at all", NULL, 0);
}

static uint64_t some(unsigned bits)
{
    uint64_t v = (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ (uint64_t)random();
    return bits == 0 ? 0 : v >> (64 - bits);
}

static struct line any(void)
{
    struct line l = {
        .slot_us = (wall_us)some(50),
        .job_id = some((unsigned)random() % 65),
        .late_us = (int64_t)some((unsigned)random() % 63) * (random() % 2 ? 1 : -1),
        .look = (uint32_t)some((unsigned)random() % 17),
        .location_id = (uint32_t)some((unsigned)random() % 33),
        .span = (uint32_t)some((unsigned)random() % 33),
        .worker_id = (uint32_t)some((unsigned)random() % 33),
        .lane = (uint32_t)some((unsigned)random() % 17),
        .took_us = (uint32_t)some((unsigned)random() % 33),
        .tls_expires_s = (int64_t)some((unsigned)random() % 40),
        .status = (uint16_t)some((unsigned)random() % 17),
        .verdict = (uint8_t)(random() % 3),
        .cause = (uint8_t)some(8),
        .method = (uint8_t)(random() % 3),
        .redirects = (uint8_t)some(8),
        .suspect = random() % 2,
        .address_len = random() % 2 ? 4 : 16,
        .detail = "some detail or other",
        .detail_len = (uint8_t)(random() % 3 ? 0 : random() % 20),
    };
    l.phases =
        (struct phases){ (uint32_t)some((unsigned)random() % 33), (uint32_t)some((unsigned)random() % 33),
                         (uint32_t)some((unsigned)random() % 33), (uint32_t)some((unsigned)random() % 33),
                         (uint32_t)some((unsigned)random() % 33) };
    for (unsigned i = 0; i < l.address_len; i++)
        l.address[i] = (uint8_t)random();
    return l;
}

static void test_any_lines_come_back(void **state)
{
    (void)state;
    static struct line line[MOST];
    srandom(1);
    for (int round = 0; round < 300; round++) {
        size_t n = 1 + (size_t)random() % MOST;
        for (size_t i = 0; i < n; i++)
            line[i] = i && random() % 2 ? line[i - 1] : any();
        expect_back("random", line, n);
    }
}

static void test_a_usual_line_is_small(void **state)
{
    (void)state;
    static struct pack p;
    struct line line[12];
    for (int i = 0; i < 12; i++) {
        line[i] = usual(i);
        line[i].late_us = 3000 * i;
        line[i].worker_id = 2 + (uint32_t)i % 4;
        line[i].phases.wait_us += 1000u * (uint32_t)i;
        line[i].took_us += 1000u * (uint32_t)i;
    }
    pack_lines(&p, line, 12);
    if (p.len > 12 * 18)
        fail_msg("%zu bytes for twelve lines", p.len);
}

/* Whatever the bytes: an answer, and never beyond them. */
static void test_damage_is_noticed(void **state)
{
    (void)state;
    static struct pack p;
    struct line line[4] = { usual(0), usual(1), usual(2), any() }, got;
    struct lines_cursor c;
    line[2].detail = "detail";
    line[2].detail_len = 6;
    pack_lines(&p, line, 4);
    assert_int_equal(lines_open(&c, p.bytes, 0), -EBADMSG);
    for (size_t len = LINES_HEAD; len < p.len; len++) {
        uint8_t *cut = malloc(len); /* a sanitizer sees what is read behind it */
        memcpy(cut, p.bytes, len);
        int r, n = 0;
        assert_int_equal(lines_open(&c, cut, len), 0);
        while ((r = lines_next(&c, &got)) > 0)
            n++;
        assert_true(n < 4 && (r == 0 || r == -EBADMSG));
        free(cut);
    }
    srandom(2);
    for (int round = 0; round < 20000; round++) {
        size_t len = LINES_HEAD + (size_t)random() % 60;
        uint8_t *junk = malloc(len);
        for (size_t i = 0; i < len; i++)
            junk[i] = (uint8_t)random();
        lines_head(junk);
        assert_int_equal(lines_open(&c, junk, len), 0);
        while (lines_next(&c, &got) > 0)
            assert_true(got.address_len <= ADDRESS_SIZE);
        junk[0]++;
        assert_int_equal(lines_open(&c, junk, len), -EBADMSG);
        free(junk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_member_comes_back),
        cmocka_unit_test(test_any_lines_come_back),
        cmocka_unit_test(test_a_usual_line_is_small),
        cmocka_unit_test(test_damage_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
