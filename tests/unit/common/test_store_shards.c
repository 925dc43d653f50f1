/* The sites are cut in parts: who is at work with which, and what is kept for each. */
#include "tests/unit/common/stores.h"

static struct store *part(const struct place *p, uint32_t number, uint32_t of)
{
    struct store *s = store_at(p->url, STORE_CREATE);
    store_set_shard(s, (struct shard){ number, of });
    return s;
}

EVERYWHERE(each_part_has_its_own)
{
    struct place p;
    bool held = false;
    place_make(&p);
    struct store *first = part(&p, 0, 2), *second = part(&p, 1, 2), *rival = part(&p, 1, 2);
    OK(store_claim(first, STORE_COLLECTOR, 0, &err));
    OK(store_has_others(first, &held, &err));
    assert_false(held);
    OK(store_has_others(second, &held, &err));
    assert_true(held);
    OK(store_claimed(second, STORE_COLLECTOR, &held, &err));
    assert_false(held);
    OK(store_claim(second, STORE_COLLECTOR, 0, &err));
    REFUSED(store_claim(rival, STORE_COLLECTOR, 0, &err), -EBUSY, "another collector");
    OK(store_claimed(rival, STORE_COLLECTOR, &held, &err));
    assert_true(held);
    OK(store_keep_claim(first, &err));
    OK(store_keep_claim(second, &err));
    store_close(first);
    OK(store_keep_claim(second, &err));
    store_close(rival);
    store_close(second);
    place_remove(&p);
}

EVERYWHERE(all_cut_it_alike)
{
    struct place p;
    uint32_t n = 0;
    place_make(&p);
    struct store *first = part(&p, 0, 2), *second = part(&p, 1, 2), *other = part(&p, 2, 3);
    OK(store_shards(first, &n, &err));
    assert_int_equal(n, 1);
    OK(store_claim(first, STORE_COORDINATOR, 0, &err));
    OK(store_cut(first, &err));
    OK(store_claim(second, STORE_COORDINATOR, 0, &err));
    OK(store_cut(second, &err)); /* as it is */
    OK(store_claim(other, STORE_COORDINATOR, 0, &err));
    REFUSED(store_cut(other, &err), -EBUSY, "cut its sites in 2 parts");
    OK(store_shards(other, &n, &err));
    assert_int_equal(n, 2);
    store_close(first);
    REFUSED(store_cut(other, &err), -EBUSY, "end them all first");
    store_close(second);
    if (p.death_us > 0) { /* a server may notice a moment later */
        bool others = true;
        for (int i = 0; i < 200 && others; i++) {
            usleep(20000);
            OK(store_has_others(other, &others, &err));
        }
    }
    OK(store_cut(other, &err));
    OK(store_shards(other, &n, &err));
    assert_int_equal(n, 3);
    store_close(other);
    place_remove(&p);
}

/* What a server noticed of an end a moment later, is waited for. */
static void alone(struct store *s)
{
    bool others = true;
    for (int i = 0; i < 500 && others; i++) {
        OK(store_has_others(s, &others, &err));
        if (others)
            usleep(20000);
    }
    assert_false(others);
}

EVERYWHERE(it_is_of_one_cluster)
{
    static const char ours[] = "ours111111111111111111111111111111111111",
                      theirs[] = "theirs1111111111111111111111111111111111";
    struct place p;
    place_make(&p);
    struct store *first = part(&p, 0, 1), *second = part(&p, 0, 1), *other = part(&p, 0, 1);
    OK(store_claim(first, STORE_COORDINATOR, 0, &err));
    OK(store_join_cluster(first, "", &err)); /* one without keys says nothing */
    OK(store_join_cluster(first, ours, &err));
    OK(store_join_cluster(second, ours, &err));
    OK(store_join_cluster(second, "", &err));
    REFUSED(store_join_cluster(other, theirs, &err), -EBUSY, "another cluster is at work with this store");
    OK(store_claim(other, STORE_COLLECTOR, 0, &err));
    REFUSED(store_join_cluster(other, theirs, &err), -EBUSY, "begins with ours1111, ours with theirs11");
    store_close(first);
    alone(other);
    OK(store_join_cluster(other, theirs, &err)); /* nobody else is at work: a new key */
    REFUSED(store_join_cluster(second, ours, &err), -EBUSY, "ours with ours1111");
    store_close(second);
    store_close(other);
    place_remove(&p);
}

static wall_us states_us(struct store *s)
{
    wall_us at = 0;
    OK(store_get_states_us(s, &at, &err));
    return at;
}

static void sweep(struct store *s, wall_us at)
{
    const struct record r = { .states_us = at };
    OK(store_record(s, &r, &err));
}

/* What is read is never later than what all of them have written. */
EVERYWHERE(states_are_as_old_as_the_oldest_part)
{
    struct place p;
    place_make(&p);
    struct store *whole = store_at(p.url, STORE_CREATE);
    assert_true(states_us(whole) == WALL_NEVER);
    sweep(whole, NOON);
    assert_true(states_us(whole) == NOON);
    store_close(whole);

    struct store *first = part(&p, 0, 2), *second = part(&p, 1, 2);
    OK(store_cut(first, &err));
    sweep(first, NOON + 100);
    assert_true(states_us(first) == NOON); /* nobody knows of the other */
    sweep(second, NOON + 50);
    assert_true(states_us(first) == NOON + 50);
    sweep(second, NOON + 200);
    assert_true(states_us(first) == NOON + 100);
    store_close(first);

    struct store *again = part(&p, 0, 1);
    OK(store_cut(again, &err));
    assert_true(states_us(again) == NOON + 100);
    sweep(again, NOON + 150); /* what the second said was of other sites */
    assert_true(states_us(again) == NOON + 150);
    store_close(again);
    store_close(second);
    place_remove(&p);
}

static int count_worker(void *arg, const struct worker_vitals *w)
{
    struct worker_vitals *sum = arg;
    assert_true(sum->slots == 0); /* one line for each lane */
    *sum = *w;
    return 0;
}

EVERYWHERE(vitals_are_of_all_parts)
{
    struct place p;
    struct vitals got;
    struct worker_vitals seen = { .slots = 0 };
    place_make(&p);
    struct store *first = part(&p, 0, 2), *second = part(&p, 1, 2);
    struct worker_vitals w = { .worker = "w1",
                               .location = "local",
                               .health = WORKER_READY,
                               .joined_us = NOON,
                               .heard_us = NOON + 5,
                               .slots = 100,
                               .in_hand = 3,
                               .done = 10 };
    struct vitals v = { .epoch = 4,
                        .at_us = NOON + 9,
                        .started_us = NOON,
                        .sites = 20,
                        .scheduled = 100,
                        .concluded = 90,
                        .missed = 2,
                        .late_p99_us = 5000,
                        .workers = &w,
                        .n_workers = 1 };
    OK(store_cut(first, &err));
    assert_int_equal(store_get_vitals(first, &got, NULL), -ENOENT);
    OK(store_put_vitals(first, &v, &err));
    w.health = WORKER_DEAD; /* as the other one sees it */
    w.heard_us = NOON + 1;
    w.in_hand = 4;
    v.epoch = 5;
    v.at_us = NOON + 7;
    v.late_p99_us = 9000;
    OK(store_put_vitals(second, &v, &err));
    OK(store_get_vitals(first, &got, &err));
    assert_int_equal(got.epoch, 5);
    assert_true(got.at_us == NOON + 7);
    assert_int_equal(got.sites, 40);
    assert_int_equal(got.scheduled, 200);
    assert_int_equal(got.concluded, 180);
    assert_int_equal(got.missed, 4);
    assert_int_equal(got.late_p99_us, 9000);
    OK(store_each_worker(first, count_worker, &seen, &err));
    assert_string_equal(seen.worker, "w1");
    assert_int_equal(seen.health, WORKER_READY);
    assert_int_equal(seen.in_hand, 7);
    assert_int_equal(seen.done, 20);
    assert_int_equal(seen.slots, 100);
    assert_true(seen.heard_us == NOON + 5);

    struct store *whole = part(&p, 0, 1); /* the second part is nobody's any more */
    OK(store_cut(whole, &err));
    OK(store_get_vitals(whole, &got, &err));
    assert_int_equal(got.sites, 20);
    store_close(whole);
    store_close(first);
    store_close(second);
    place_remove(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_part_has_its_own),
        cmocka_unit_test(test_all_cut_it_alike),
        cmocka_unit_test(test_it_is_of_one_cluster),
        cmocka_unit_test(test_states_are_as_old_as_the_oldest_part),
        cmocka_unit_test(test_vitals_are_of_all_parts),
    };
    return cmocka_run_group_tests_name("store: shards", tests, NULL, NULL);
}
