/* Waiting for a part, keeping it, giving it back, and what is written on its holder's
 * behalf: asked of every kind of store; then what only a server has, leases. */
#include "tests/unit/common/stores.h"

#include <signal.h>
#include <sys/wait.h>

#define PLACE(p)                 \
    struct place p;              \
    place_kind = PLACE_POSTGRES; \
    place_make(&p);              \
    place_kind = PLACE_SQLITE

/* From here on statements are for this store. */
static void say(const struct place *p, const char *sql)
{
    char text[400];
    snprintf(text, sizeof text, "SET search_path = %s; %s", p->schema, sql);
    postgres_say(text);
}

/* Asks until the answer is that, as whoever waits does; the time that took. */
static mono_ns asked_until(struct store *s, int answer, struct store_holder *h)
{
    mono_ns began = clock_mono();
    int r = -1;
    while (clock_mono() - began < 20 * NS_PER_S) {
        struct err err = { 0 };
        r = store_ask_claim(s, STORE_COLLECTOR, h, &err);
        if (r < 0)
            fail_msg("%d: %s", r, err.text);
        if (r == answer)
            return clock_mono() - began;
        usleep(20000);
    }
    fail_msg("it is %d", r);
    return 0;
}

EVERYWHERE(waiting_for_its_turn)
{
    struct place p;
    struct store_holder h;
    place_make(&p);
    struct store *s = store_at(p.url, STORE_CREATE), *next = store_at(p.url, STORE_WRITE);
    REFUSED(store_get_holder(s, STORE_COLLECTOR, &h, &err), -ENOENT, "never was a collector");
    assert_int_equal(store_claim_epoch(s, STORE_COLLECTOR), 0);
    assert_int_equal(store_ask_claim(s, STORE_COLLECTOR, &h, NULL), 1);
    assert_int_equal(store_ask_claim(s, STORE_COLLECTOR, &h, NULL), 1); /* ours already */
    assert_int_not_equal(store_claim_epoch(s, STORE_COLLECTOR), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(store_ask_claim(next, STORE_COLLECTOR, &h, NULL), 0);
    assert_int_equal(h.pid, getpid());
    assert_string_not_equal(h.host, "");
    assert_int_equal(store_ask_claim(next, STORE_COORDINATOR, NULL, NULL), 1); /* the other role is free */

    OK(store_get_holder(next, STORE_COLLECTOR, &h, &err));
    assert_int_equal(h.pid, getpid());
    assert_true(h.silent_us < 5 * US_PER_S);

    store_close(s); /* given back: at once */
    assert_true(asked_until(next, 1, &h) < NS_PER_S);
    assert_int_equal(h.pid, getpid());
    OK(store_keep_claim(next, &err));
    store_close(next);
    place_remove(&p);
}

EVERYWHERE(a_handle_writes_on_the_holders_behalf)
{
    struct place p;
    place_make(&p);
    struct store *s = store_at(p.url, STORE_CREATE), *scribe = store_at(p.url, STORE_WRITE),
                 *next = store_at(p.url, STORE_WRITE);
    struct result r = a_look(1, NOON, VERDICT_UP);
    OK(store_claim(s, STORE_COLLECTOR, 0, &err));
    OK(store_join_claim(scribe, STORE_COLLECTOR, store_claim_epoch(s, STORE_COLLECTOR), &err));
    assert_int_equal(record_results(scribe, &r, 1), 1);
    OK(store_keep_claim(scribe, &err));
    OK(store_keep_claim(s, &err));
    assert_int_equal(store_ask_claim(next, STORE_COLLECTOR, NULL, NULL), 0);
    store_close(scribe); /* gives nothing back */
    assert_int_equal(store_ask_claim(next, STORE_COLLECTOR, NULL, NULL), 0);
    OK(store_keep_claim(s, &err));
    store_close(s);
    asked_until(next, 1, NULL);
    store_close(next);
    place_remove(&p);
}

/* ── At a server ───────────────────────────────────────────────────────── */

static void test_where_it_listens(void **state)
{
    (void)state;
    PLACE(p);
    struct store *s = store_at(p.url, STORE_CREATE), *reader = store_at(p.url, STORE_READ);
    struct store_holder h;
    OK(store_claim(s, STORE_COLLECTOR, 0, &err));
    OK(store_get_holder(reader, STORE_COLLECTOR, &h, &err));
    assert_string_equal(h.listens, "");
    OK(store_set_listens(s, STORE_COLLECTOR, "results=ipc:///it's/here", &err));
    OK(store_get_holder(reader, STORE_COLLECTOR, &h, &err));
    assert_string_equal(h.listens, "results=ipc:///it's/here");
    assert_int_equal(h.epoch, store_claim_epoch(s, STORE_COLLECTOR));
    REFUSED(store_ask_claim(reader, STORE_COLLECTOR, NULL, &err), -EROFS, "reading only");
    store_close(s);
    s = store_at(p.url, STORE_WRITE);
    OK(store_claim(s, STORE_COLLECTOR, 0, &err)); /* it listens nowhere yet */
    OK(store_get_holder(reader, STORE_COLLECTOR, &h, &err));
    assert_string_equal(h.listens, "");
    store_close(reader);
    store_close(s);
    place_remove(&p);
}

/* Its connection has gone, and nothing else: it comes back before anybody takes over. */
static void test_a_lost_connection_is_no_death(void **state)
{
    (void)state;
    PLACE(p);
    struct store *s = store_at(p.url, STORE_CREATE), *next = store_at(p.url, STORE_WRITE);
    OK(store_claim(s, STORE_COLLECTOR, 0, &err));
    say(&p, "UPDATE claim SET renewed_at = clock_timestamp() + interval '20 s'; " /* this may take long */
            "SELECT pg_terminate_backend(backend) FROM claim");
    mono_ns began = clock_mono();
    while (clock_mono() - began < 500 * NS_PER_MS) {
        assert_int_equal(store_ask_claim(next, STORE_COLLECTOR, NULL, NULL), 0);
        usleep(50000);
    }
    OK(store_keep_claim(s, &err));
    assert_int_equal(store_ask_claim(next, STORE_COLLECTOR, NULL, NULL), 0);

    /* Who does not come back is succeeded: as if on another host, where its process cannot be seen. */
    say(&p, "UPDATE claim SET host = 'elsewhere'; SELECT pg_terminate_backend(backend) FROM claim");
    mono_ns took = asked_until(next, 1, NULL);
    assert_true(took >= 1500 * NS_PER_MS && took < 10 * NS_PER_S);
    REFUSED(store_keep_claim(s, &err), -ESTALE, "taken over");
    store_close(s);
    store_close(next);
    place_remove(&p);
}

/* Stopped: its connections stay, that which keeps the claim and that which writes. */
static void test_who_takes_over_ends_those_who_write(void **state)
{
    (void)state;
    PLACE(p);
    struct store *s = store_at(p.url, STORE_CREATE), *scribe = store_at(p.url, STORE_WRITE),
                 *next = store_at(p.url, STORE_WRITE);
    struct result r = a_look(1, NOON, VERDICT_UP), again = a_look(1, NOON + US_PER_S, VERDICT_UP);
    struct record rec = { .results = &again, .n_results = 1 };
    struct site a = a_site("a");
    OK(store_claim(s, STORE_COLLECTOR, 0, &err));
    uint64_t epoch = store_claim_epoch(s, STORE_COLLECTOR);
    OK(store_join_claim(scribe, STORE_COLLECTOR, epoch, &err));
    assert_int_equal(record_results(scribe, &r, 1), 1);
    OK(store_edit_begin(scribe, NOON, &err)); /* a transaction is open */
    OK(store_edit_site(scribe, &a, &a.id, &err));

    say(&p, "UPDATE claim SET renewed_at = clock_timestamp() - interval '11 s'");
    asked_until(next, 1, NULL);
    assert_int_equal(store_claim_epoch(next, STORE_COLLECTOR), epoch + 1);
    REFUSED(store_edit_commit(scribe, &err), -EIO, "connection was lost");
    REFUSED(store_record(scribe, &rec, &err), -ESTALE, "taken over");
    REFUSED(store_keep_claim(scribe, &err), -ESTALE, "taken over");
    REFUSED(store_keep_claim(s, &err), -ESTALE, "taken over");
    WALK("", store_each_site(next, 0, write_site, &seen, &err));

    /* One that comes with an epoch of the past is told so at once. */
    struct store *late = store_at(p.url, STORE_WRITE);
    REFUSED(store_join_claim(late, STORE_COLLECTOR, epoch, &err), -ESTALE, "taken over");
    store_close(late);
    assert_int_equal(record_results(next, &again, 1), 1);
    store_close(scribe);
    store_close(s); /* takes nothing with it */
    OK(store_keep_claim(next, &err));
    store_close(next);
    place_remove(&p);
}

/* The writing connection is lost for itself: it comes back, and the claim is still ours. */
static void test_a_scribe_comes_back(void **state)
{
    (void)state;
    PLACE(p);
    struct store *s = store_at(p.url, STORE_CREATE), *scribe = store_at(p.url, STORE_WRITE);
    struct result r = a_look(1, NOON, VERDICT_UP);
    OK(store_claim(s, STORE_COLLECTOR, 0, &err));
    OK(store_join_claim(scribe, STORE_COLLECTOR, store_claim_epoch(s, STORE_COLLECTOR), &err));
    say(&p, "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN claim c ON l.pid <> c.backend "
            "WHERE l.locktype = 'advisory' AND l.classid = 'layout'::regclass::oid");
    assert_int_equal(record_results(scribe, &r, 1), 1);
    OK(store_keep_claim(s, &err));
    store_close(scribe);
    store_close(s);
    place_remove(&p);
}

/* As long as its holder has asked for, not as whoever waits would like. */
static void test_the_lease_is_the_holders(void **state)
{
    (void)state;
    PLACE(p);
    struct store *s = store_at(p.url, STORE_CREATE), *next = store_at(p.url, STORE_WRITE);
    store_set_lease(s, 30 * US_PER_S);
    store_set_lease(next, 3 * US_PER_S);
    assert_int_equal(store_lease(s), 30 * US_PER_S);
    OK(store_claim(s, STORE_COLLECTOR, 0, &err));
    say(&p, "UPDATE claim SET renewed_at = clock_timestamp() - interval '20 s'");
    for (int i = 0; i < 3; i++)
        assert_int_equal(store_ask_claim(next, STORE_COLLECTOR, NULL, NULL), 0);
    OK(store_keep_claim(s, &err));
    say(&p, "UPDATE claim SET renewed_at = clock_timestamp() - interval '31 s'");
    asked_until(next, 1, NULL);
    store_close(s);
    s = store_at(p.url, STORE_WRITE);
    say(&p, "UPDATE claim SET renewed_at = clock_timestamp() - interval '4 s'");
    asked_until(s, 1, NULL);
    store_close(next);
    store_close(s);
    place_remove(&p);
}

/* All at the same moment. */
static void test_many_ask_and_one_gets_it(void **state)
{
    (void)state;
    enum { MANY = 8 };
    PLACE(p);
    struct store *s = store_at(p.url, STORE_CREATE), *next[MANY];
    OK(store_claim(s, STORE_COLLECTOR, 0, &err));
    for (int i = 0; i < MANY; i++)
        next[i] = store_at(p.url, STORE_WRITE);
    say(&p, "UPDATE claim SET renewed_at = clock_timestamp() - interval '11 s'");
    unsigned got = 0;
    for (int round = 0; round < 100 && got == 0; round++)
        for (int i = 0; i < MANY; i++)
            got += store_ask_claim(next[i], STORE_COLLECTOR, NULL, NULL) == 1;
    assert_int_equal(got, 1);
    store_close(s);
    for (int i = 0; i < MANY; i++)
        store_close(next[i]);
    place_remove(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waiting_for_its_turn),
        cmocka_unit_test(test_a_handle_writes_on_the_holders_behalf),
        cmocka_unit_test(test_where_it_listens),
        cmocka_unit_test(test_a_lost_connection_is_no_death),
        cmocka_unit_test(test_who_takes_over_ends_those_who_write),
        cmocka_unit_test(test_a_scribe_comes_back),
        cmocka_unit_test(test_the_lease_is_the_holders),
        cmocka_unit_test(test_many_ask_and_one_gets_it),
    };
    return cmocka_run_group_tests_name("store: claims", tests, NULL, NULL);
}
