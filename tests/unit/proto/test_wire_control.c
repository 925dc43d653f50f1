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

/* A message of each kind with what it needs. */
static struct control usual(enum control_kind kind)
{
    return (struct control){
        .kind = kind,
        .worker = "w1.example",
        .lane = 1,
        .nonce = 0x123456789abcdef0,
        .location = "oslo",
        .software = "vedette 0.1.0",
        .slots = 500,
        .free_slots = 480,
        .unrecorded = 12,
        .lag_us = 1500,
        .descriptors = 700,
        .descriptors_most = 20000,
        .suspect = true,
        .rest = true,
        .lanes = 48,
        .key = 8,
        .shard = 1,
        .shards = 3,
        .stamp_ms = 86400000,
        .all_ids = kind == CONTROL_HEARTBEAT,
        .epoch = 3,
        .jobs = "tcp://127.0.0.1:7720",
        .results = "tcp://127.0.0.1:7712",
        .text = "the name is taken",
    };
}

static void assert_comes_back(const struct control *c)
{
    struct control got;
    struct err err = { 0 };
    int len = wire_pack_control(c, buf, sizeof buf);
    assert_true(len > 0);
    if (wire_unpack_control(arena, buf, (size_t)len, &got, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(got.kind, c->kind);
    assert_string_equal(got.worker, c->worker);
    assert_int_equal(got.lane, c->lane);
    assert_int_equal(got.nonce, c->nonce);
    assert_string_equal(got.location, c->location);
    assert_string_equal(got.software, c->software);
    assert_int_equal(got.slots, c->slots);
    assert_int_equal(got.free_slots, c->free_slots);
    assert_int_equal(got.unrecorded, c->unrecorded);
    assert_int_equal(got.lag_us, c->lag_us);
    assert_int_equal(got.descriptors, c->descriptors);
    assert_int_equal(got.descriptors_most, c->descriptors_most);
    assert_int_equal(got.suspect, c->suspect);
    assert_int_equal(got.rest, c->rest);
    assert_int_equal(got.lanes, c->lanes);
    assert_int_equal(got.key, c->key);
    assert_int_equal(got.shard, c->shard);
    assert_int_equal(got.shards, c->shards);
    assert_int_equal(got.stamp_ms, c->stamp_ms);
    assert_int_equal(got.all_ids, c->all_ids);
    assert_int_equal(got.part, c->part);
    assert_int_equal(got.parts, c->parts);
    assert_int_equal(got.epoch, c->epoch);
    assert_string_equal(got.jobs, c->jobs);
    assert_string_equal(got.results, c->results);
    assert_string_equal(got.text, c->text);
    assert_int_equal(got.n_ids, c->n_ids);
    for (size_t i = 0; i < c->n_ids; i++)
        assert_int_equal(got.ids[i], c->ids[i]);
}

static void every_kind_comes_back(void **state)
{
    (void)state;
    for (int k = CONTROL_HELLO; k < CONTROL_KIND_END; k++) {
        struct control c = usual((enum control_kind)k);
        assert_comes_back(&c);
    }
}

static void every_member_comes_back_at_its_limits(void **state)
{
    (void)state;
    struct control c = usual(CONTROL_HELLO);
    long_text(c.worker, sizeof c.worker, "w", '.', sizeof c.worker - 1);
    long_text(c.location, sizeof c.location, "l", '-', sizeof c.location - 1);
    long_text(c.software, sizeof c.software, "", 's', sizeof c.software - 1);
    long_text(c.jobs, sizeof c.jobs, "ipc://", 'j', sizeof c.jobs - 1);
    long_text(c.results, sizeof c.results, "ipc://", 'r', sizeof c.results - 1);
    long_text(c.text, sizeof c.text, "", 't', sizeof c.text - 1);
    c.lane = UINT16_MAX;
    c.nonce = UINT64_MAX;
    c.slots = c.free_slots = CONTROL_MAX_SLOTS;
    c.unrecorded = CONTROL_MAX_UNRECORDED;
    c.lag_us = CONTROL_MAX_LAG_US;
    c.lanes = CONTROL_MAX_LANES;
    c.key = UINT64_MAX;
    c.shards = CONTROL_MAX_SHARDS;
    c.stamp_ms = CONTROL_MAX_STAMP_MS;
    c.shard = CONTROL_MAX_SHARDS - 1;
    c.descriptors = c.descriptors_most = CONTROL_MAX_DESCRIPTORS;
    c.epoch = 0xffffff;
    assert_comes_back(&c);
    c = (struct control){ .kind = CONTROL_BEAT };
    assert_comes_back(&c);
}

/* Each list with the most bytes that it may take. */
static void ids_come_back_and_are_small(void **state)
{
    (void)state;
    static uint64_t ids[CONTROL_MAX_IDS + 1];
    struct control c = usual(CONTROL_TAKEN);
    c.ids = ids;

    for (size_t i = 0; i < CONTROL_MAX_IDS; i++)
        ids[i] = job_id_make(3, 1000000 + i * 37 % 997);
    for (c.n_ids = 0; c.n_ids <= CONTROL_MAX_IDS; c.n_ids += c.n_ids < 4 ? 1 : 1023)
        assert_comes_back(&c);
    c.n_ids = CONTROL_MAX_IDS;
    assert_in_range(wire_pack_control(&c, buf, sizeof buf), 1, 2 * CONTROL_MAX_IDS + 300);

    for (size_t i = 0; i < CONTROL_MAX_IDS; i++)
        ids[i] = i % 2 ? 1 : UINT64_MAX / 2 + i; /* as far apart as can be */
    assert_comes_back(&c);

    ids[CONTROL_MAX_IDS] = 1;
    c.n_ids = CONTROL_MAX_IDS + 1;
    assert_int_equal(wire_pack_control(&c, buf, sizeof buf), -EINVAL);
}

static void a_full_list_in_parts_comes_back(void **state)
{
    (void)state;
    static const uint64_t ids[] = { 7, 5 };
    struct control c = usual(CONTROL_HEARTBEAT);
    c.ids = ids;
    c.n_ids = 2;
    c.parts = 1; /* as good as none */
    assert_comes_back(&c);
    c.all_ids = false;
    c.parts = CONTROL_MAX_PARTS;
    for (; c.part < c.parts; c.part++)
        assert_comes_back(&c);
}

#define REFUSED(of_kind, change)                                           \
    do {                                                                   \
        struct control c = usual(of_kind);                                 \
        change;                                                            \
        assert_int_equal(wire_pack_control(&c, buf, sizeof buf), -EINVAL); \
    } while (0)

static void what_the_receiver_refuses_is_not_packed(void **state)
{
    (void)state;
    static const uint64_t ids[] = { 5, 0 };
    static const enum control_kind of_worker[] = { CONTROL_HELLO,     CONTROL_TAKEN,    CONTROL_BUSY,
                                                   CONTROL_HEARTBEAT, CONTROL_DRAINING, CONTROL_GOODBYE };
    static const enum control_kind without_ids[] = { CONTROL_HELLO,   CONTROL_WELCOME, CONTROL_REFUSED,
                                                     CONTROL_BEAT,    CONTROL_DRAIN,   CONTROL_DRAINING,
                                                     CONTROL_GOODBYE, CONTROL_STANDBY };
    REFUSED((enum control_kind)0, (void)c);
    REFUSED(CONTROL_KIND_END, (void)c);
    for (size_t i = 0; i < sizeof of_worker / sizeof *of_worker; i++)
        REFUSED(of_worker[i], c.worker[0] = '\0');
    for (size_t i = 0; i < sizeof without_ids / sizeof *without_ids; i++)
        REFUSED(without_ids[i], (c.ids = ids, c.n_ids = 1));
    REFUSED(CONTROL_HEARTBEAT, (c.ids = ids, c.n_ids = 1, c.all_ids = false));
    REFUSED(CONTROL_TAKEN, (c.ids = ids, c.n_ids = 2)); /* one is 0 */
    REFUSED(CONTROL_TAKEN, c.parts = 2);
    REFUSED(CONTROL_HEARTBEAT, c.parts = 2); /* a part is not all ids */
    REFUSED(CONTROL_HEARTBEAT, (c.all_ids = false, c.parts = CONTROL_MAX_PARTS + 1));
    REFUSED(CONTROL_HEARTBEAT, (c.all_ids = false, c.parts = c.part = 2));
    REFUSED(CONTROL_HEARTBEAT, c.part = 1);
    REFUSED(CONTROL_HEARTBEAT, (c.all_ids = false, c.parts = 1, c.ids = ids, c.n_ids = 1));
    REFUSED(CONTROL_BEAT, strcpy(c.worker, "a worker"));
    REFUSED(CONTROL_HELLO, c.location[0] = '\0');
    REFUSED(CONTROL_BEAT, strcpy(c.location, "Oslo"));
    REFUSED(CONTROL_HELLO, c.slots = 0);
    REFUSED(CONTROL_HELLO, c.slots = CONTROL_MAX_SLOTS + 1);
    REFUSED(CONTROL_HEARTBEAT, c.free_slots = CONTROL_MAX_SLOTS + 1);
    REFUSED(CONTROL_HEARTBEAT, c.unrecorded = CONTROL_MAX_UNRECORDED + 1);
    REFUSED(CONTROL_HEARTBEAT, c.lag_us = CONTROL_MAX_LAG_US + 1);
    REFUSED(CONTROL_HEARTBEAT, c.descriptors = CONTROL_MAX_DESCRIPTORS + 1);
    REFUSED(CONTROL_HEARTBEAT, c.descriptors_most = CONTROL_MAX_DESCRIPTORS + 1);
    REFUSED(CONTROL_WELCOME, c.jobs[0] = '\0');
    REFUSED(CONTROL_WELCOME, c.results[0] = '\0');
    REFUSED(CONTROL_WELCOME, c.epoch = 0x1000000);
    REFUSED(CONTROL_WELCOME, c.shards = CONTROL_MAX_SHARDS + 1);
    REFUSED(CONTROL_WELCOME, c.shard = c.shards);
    REFUSED(CONTROL_BEAT, c.stamp_ms = -1);
    REFUSED(CONTROL_BEAT, c.stamp_ms = CONTROL_MAX_STAMP_MS + 1);
    REFUSED(CONTROL_WELCOME, (c.shard = 1, c.shards = 0));
    REFUSED(CONTROL_HELLO, memset(c.worker, 'w', sizeof c.worker));
    REFUSED(CONTROL_HELLO, memset(c.location, 'l', sizeof c.location));
    REFUSED(CONTROL_HELLO, memset(c.software, 's', sizeof c.software));
    REFUSED(CONTROL_WELCOME, memset(c.jobs, 'j', sizeof c.jobs));
    REFUSED(CONTROL_WELCOME, memset(c.results, 'r', sizeof c.results));
    REFUSED(CONTROL_REFUSED, memset(c.text, 't', sizeof c.text));
}

static void what_does_not_fit_is_not_packed(void **state)
{
    (void)state;
    struct control c = usual(CONTROL_HELLO);
    int len = wire_pack_control(&c, buf, sizeof buf);
    for (int room = 0; room < len; room++)
        assert_int_equal(wire_pack_control(&c, buf, (size_t)room), -EMSGSIZE);
}

/* --- what others send --- */

static void tell_control(struct piece *p, enum control_kind kind, const struct instead *story)
{
    tell_version(p, story);
    tell_number(p, story, "kind", 3, kind);
    tell_text(p, story, "worker", 4, "w1");
    tell_number(p, story, "lane", 5, 1);
    if (kind == CONTROL_TAKEN || kind == CONTROL_HEARTBEAT)
        tell_text(p, story, "ids", 7, "\xd0\x0f\x02\x09"); /* zigzag: 1000, +1, -5 */
    tell_text(p, story, "location", 8, "oslo");
    tell_text(p, story, "software", 9, "vedette 0.1.0");
    tell_number(p, story, "slots", 10, 500);
    tell_number(p, story, "all_ids", 15, kind == CONTROL_HEARTBEAT);
    tell_number(p, story, "epoch", 16, 3);
    tell_text(p, story, "jobs", 17, "ipc:///run/jobs");
    tell_text(p, story, "results", 18, "ipc:///run/results");
    tell_text(p, story, "text", 19, "why\r\nnot");
    tell_number(p, story, "part", 20, 0);
    tell_number(p, story, "parts", 21, 0);
}

static void bytes_made_by_hand_are_understood(void **state)
{
    (void)state;
    static struct piece p;
    struct control got;
    tell_control(&p, CONTROL_TAKEN, NULL);
    assert_int_equal(wire_unpack_control(arena, p.bytes, p.len, &got, NULL), 0);
    assert_int_equal(got.kind, CONTROL_TAKEN);
    assert_string_equal(got.worker, "w1");
    assert_string_equal(got.text, "why??not");
    assert_string_equal(got.results, "ipc:///run/results");
    assert_int_equal(got.n_ids, 3);
    assert_int_equal(got.ids[0], 1000);
    assert_int_equal(got.ids[1], 1001);
    assert_int_equal(got.ids[2], 996);

    /* A list may come in parts, and one by one. */
    piece_bytes(&p, 7, "\x02", 1);
    piece_number(&p, 7, 4);
    assert_int_equal(wire_unpack_control(arena, p.bytes, p.len, &got, NULL), 0);
    assert_int_equal(got.n_ids, 5);
    assert_int_equal(got.ids[4], 999);
}

static const struct {
    enum control_kind kind;
    struct instead what;
    int code;
    const char *says;
} refused[] = {
    { CONTROL_HELLO, WITHOUT("major"), -EBADMSG, "without a version" },
    { CONTROL_HELLO, NUMBER("major", 2), -EPROTO, "upgrade it" },
    { CONTROL_HELLO, WITHOUT("kind"), -EBADMSG, "0 is no kind" },
    { CONTROL_HELLO, NUMBER("kind", CONTROL_KIND_END), -EBADMSG, "13 is no kind" },
    { CONTROL_HELLO, NUMBER("kind", UINT64_MAX), -EBADMSG, "no kind" },
    { CONTROL_HELLO, WITHOUT("worker"), -EBADMSG, "hello: a worker's name" },
    { CONTROL_BEAT, TEXT("worker", "w 1"), -EBADMSG, "beat: a worker's name" },
    { CONTROL_HELLO, BYTES("worker", "w\0", 2), -EBADMSG, "NUL" },
    { CONTROL_HELLO, NUMBER("lane", 65536), -EBADMSG, "lane 65536" },
    { CONTROL_HELLO, WITHOUT("location"), -EBADMSG, "location" },
    { CONTROL_HELLO, WITHOUT("slots"), -EBADMSG, "without slots" },
    { CONTROL_HELLO, NUMBER("slots", UINT32_MAX), -EBADMSG, "hello: 4294967295 slots are more than 65536" },
    { CONTROL_HELLO, TEXT("software", "an unreasonably long software name"), -EBADMSG, "software" },
    { CONTROL_WELCOME, WITHOUT("jobs"), -EBADMSG, "welcome: an endpoint is missing" },
    { CONTROL_WELCOME, WITHOUT("results"), -EBADMSG, "welcome: an endpoint is missing" },
    { CONTROL_WELCOME, NUMBER("epoch", 0x1000000), -EBADMSG, "epoch" },
    { CONTROL_REFUSED, BYTES("text", "t\0", 2), -EBADMSG, "text" },
    { CONTROL_TAKEN, BYTES("ids", "\0", 1), -EBADMSG, "taken: id 0 is 0" },
    { CONTROL_TAKEN, TEXT("ids", "\x02\x01"), -EBADMSG, "taken: id 1 is 0" },
    { CONTROL_TAKEN, TEXT("ids", "\xff"), -EBADMSG, "are no Control" },
    { CONTROL_HEARTBEAT, WITHOUT("all_ids"), -EBADMSG, "heartbeat: such a message has no ids" },
    { CONTROL_HEARTBEAT, NUMBER("parts", 2), -EBADMSG, "heartbeat: such a message has no parts" },
    { CONTROL_HEARTBEAT, NUMBER("parts", 65), -EBADMSG, "heartbeat: 65 parts are more than 64" },
    { CONTROL_HEARTBEAT, NUMBER("part", 1), -EBADMSG, "heartbeat: there is no part 1 of 0" },
};

static void what_is_out_of_bounds_is_refused_with_a_sentence(void **state)
{
    (void)state;
    static struct piece p;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct control got = { .nonce = 4711 };
        struct err err = { 0 };
        tell_control(&p, refused[i].kind, &refused[i].what);
        int r = wire_unpack_control(arena, p.bytes, p.len, &got, &err);
        if (r != refused[i].code || !strstr(err.text, refused[i].says))
            fail_msg("%s: %d, '%s' instead of %d, '%s'", refused[i].what.member, r, err.text, refused[i].code,
                     refused[i].says);
        assert_int_equal(got.nonce, 4711);
    }
}

static void more_ids_than_most_are_refused(void **state)
{
    (void)state;
    static struct piece p;
    static char deltas[CONTROL_MAX_IDS + 2];
    struct control got;
    memset(deltas, 2, sizeof deltas - 1);
    tell_control(&p, CONTROL_TAKEN, &(struct instead)BYTES("ids", deltas, CONTROL_MAX_IDS));
    assert_int_equal(wire_unpack_control(arena, p.bytes, p.len, &got, NULL), 0);
    assert_int_equal(got.ids[CONTROL_MAX_IDS - 1], CONTROL_MAX_IDS);
    tell_control(&p, CONTROL_TAKEN, &(struct instead)BYTES("ids", deltas, CONTROL_MAX_IDS + 1));
    assert_int_equal(wire_unpack_control(arena, p.bytes, p.len, &got, NULL), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back),
        cmocka_unit_test(every_member_comes_back_at_its_limits),
        cmocka_unit_test(ids_come_back_and_are_small),
        cmocka_unit_test(a_full_list_in_parts_comes_back),
        cmocka_unit_test(what_the_receiver_refuses_is_not_packed),
        cmocka_unit_test(what_does_not_fit_is_not_packed),
        cmocka_unit_test(bytes_made_by_hand_are_understood),
        cmocka_unit_test(what_is_out_of_bounds_is_refused_with_a_sentence),
        cmocka_unit_test(more_ids_than_most_are_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
