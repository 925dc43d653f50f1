/* The outbox beyond what the notifier may hold, with a real store. */
#include "tests/unit/collector/world.h"

static struct {
    uint64_t last;
    unsigned handed;
    bool full;
} hands;

static int deliver(void *arg, struct notice *take)
{
    (void)arg;
    if (hands.full)
        return -1;
    assert_true(take->id > hands.last); /* oldest first, none twice */
    hands.last = take->id;
    hands.handed++;
    notice_free(take);
    return 0;
}

static struct notice plain(uint64_t id)
{
    struct notice n = { .id = id,
                        .incident_id = id,
                        .site_id = 1,
                        .owner_id = 1,
                        .channel = "console:",
                        .payload = "{}",
                        .trouble = "" };
    snprintf(n.key, sizeof n.key, "key-%llu", (unsigned long long)id);
    return n;
}

static void record(struct store *s, uint64_t from, uint64_t to)
{
    struct notice *n = calloc(to - from + 1, sizeof *n);
    struct record r = { .notices = n };
    struct err err = { 0 };
    for (uint64_t id = from; id <= to; id++)
        n[r.n_notices++] = plain(id);
    if (store_record(s, &r, &err) < 0)
        fail_msg("%s", err.text);
    free(n);
}

static void told(struct postbox *p, struct store *s, uint64_t from, uint64_t to, enum notice_state state)
{
    for (uint64_t id = from; id <= to; id++) {
        struct told t = { .notice_id = id, .state = state };
        struct notice_outcome o = { .notice_id = id, .state = state, .trouble = "" };
        struct record r = { .outcomes = &o, .n_outcomes = 1 };
        assert_int_equal(store_record(s, &r, NULL), 0);
        postbox_told(p, &t);
    }
}

static void test_more_than_the_notifier_may_hold(void **state)
{
    (void)state;
    struct world w;
    scoped(postbox) struct postbox *p = NULL;
    memset(&hands, 0, sizeof hands);
    world_init(&w);
    record(w.store, 1, POSTBOX_MAX + 500); /* left behind by the process before */
    assert_int_equal(postbox_new(&p, (struct shard){ 0 }, deliver, NULL), 0);
    assert_int_equal(postbox_fill(p, w.store, NULL), 0);
    assert_int_equal(hands.handed, POSTBOX_MAX);
    assert_int_equal(postbox_pending(p), POSTBOX_MAX + 500);

    uint64_t next = POSTBOX_MAX + 501;
    record(w.store, next, next);
    struct notice fresh = plain(next);
    postbox_put(p, notice_copy(&fresh)); /* waits behind the older ones */
    assert_int_equal(hands.handed, POSTBOX_MAX);
    told(p, w.store, 1, 5, NOTICE_PENDING); /* an attempt that failed frees no place */
    told(p, w.store, 1, POSTBOX_MAX / 2 - 1, NOTICE_SENT);
    assert_int_equal(postbox_fill(p, w.store, NULL), 0);
    assert_int_equal(hands.handed, POSTBOX_MAX); /* not yet: fetching is not free */
    told(p, w.store, POSTBOX_MAX / 2, POSTBOX_MAX / 2, NOTICE_FAILED);
    assert_int_equal(postbox_fill(p, w.store, NULL), 0);
    assert_int_equal(hands.handed, next);
    assert_int_equal(hands.last, next);
    assert_int_equal(postbox_pending(p), next - POSTBOX_MAX / 2);
    world_done(&w);
}

static void test_a_notifier_without_room_is_asked_again(void **state)
{
    (void)state;
    struct world w;
    scoped(postbox) struct postbox *p = NULL;
    memset(&hands, 0, sizeof hands);
    world_init(&w);
    assert_int_equal(postbox_new(&p, (struct shard){ 0 }, deliver, NULL), 0);
    assert_int_equal(postbox_fill(p, w.store, NULL), 0);
    hands.full = true;
    record(w.store, 1, 1);
    struct notice n = plain(1);
    postbox_put(p, notice_copy(&n));
    assert_int_equal(hands.handed, 0);
    assert_int_equal(postbox_pending(p), 1);
    hands.full = false;
    assert_int_equal(postbox_fill(p, w.store, NULL), 0);
    assert_int_equal(hands.handed, 1);
    world_done(&w);
}

/* Notices of all shards lie in one store: each is handed over by one of them. */
static void test_each_shard_delivers_its_own(void **state)
{
    (void)state;
    struct world w;
    unsigned all = 0;
    world_init(&w);
    record(w.store, 1, 30);
    for (uint32_t shard = 0; shard < 3; shard++) {
        scoped(postbox) struct postbox *p = NULL;
        memset(&hands, 0, sizeof hands);
        assert_int_equal(postbox_new(&p, (struct shard){ shard, 3 }, deliver, NULL), 0);
        assert_int_equal(postbox_fill(p, w.store, NULL), 0);
        assert_int_equal(hands.last % 3, shard);
        assert_int_equal(postbox_pending(p), 10);
        all += hands.handed;
    }
    assert_int_equal(all, 30);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_than_the_notifier_may_hold),
        cmocka_unit_test(test_a_notifier_without_room_is_asked_again),
        cmocka_unit_test(test_each_shard_delivers_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
