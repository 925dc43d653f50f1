/* A daemon in step with the keys in the store. */
#include "tests/unit/common/stores.h"

#include "common/gate.h"
#include "common/log.h"

struct scene {
    struct place place;
    struct store *store;
    struct bus *bus;
    struct loop *loop;
    struct gate *gate;
    size_t revoked, left;
};

static void on_revoked(void *arg, const struct access_list *let_in, size_t revoked)
{
    struct scene *s = arg;
    s->revoked += revoked;
    s->left = access_list_count(let_in);
}

static uint64_t add_key(struct scene *s)
{
    struct access_key k = { .role = ACCESS_WORKER, .location = "eu", .made_us = NOON };
    struct key_pair pair;
    uint64_t id = 0;
    assert_int_equal(key_pair_make(&pair, NULL), 0);
    strcpy(k.public, pair.public);
    OK(store_add_key(s->store, &k, &id, &err));
    return id;
}

static int begin(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    log_setup("test", LOG_OFF);
    place_make(&s->place);
    s->store = store_at(s->place.url, STORE_CREATE);
    assert_int_equal(loop_new(&s->loop), 0);
    assert_int_equal(bus_new(&s->bus), 0);
    *state = s;
    return 0;
}

static int end(void **state)
{
    struct scene *s = *state;
    gate_free(s->gate);
    loop_free(s->loop);
    bus_free(s->bus);
    store_close(s->store);
    place_remove(&s->place);
    free(s);
    return 0;
}

static void serve(struct scene *s)
{
    struct bus_keys keys = { .serves = true, .loopback = true };
    assert_int_equal(key_pair_make(&keys.own, NULL), 0);
    strcpy(keys.server, keys.own.public);
    OK(bus_use_keys(s->bus, &keys, &err));
}

static void a_bus_without_keys_has_no_gate(void **state)
{
    struct scene *s = *state;
    OK(gate_new(&s->gate, s->loop, s->bus, "sqlite:/tmp/there-is/no.db", on_revoked, s, &err));
    assert_null(s->gate);
}

static void without_a_store_nobody_could_be_let_in(void **state)
{
    struct scene *s = *state;
    serve(s);
    REFUSED(gate_new(&s->gate, s->loop, s->bus, "sqlite:/tmp/there-is/no.db", on_revoked, s, &err), -ENOENT,
            "no store");
    assert_null(s->gate);
}

static void revoking_is_told_and_adding_is_not(void **state)
{
    struct scene *s = *state;
    serve(s);
    uint64_t first = add_key(s);
    add_key(s);
    OK(gate_new(&s->gate, s->loop, s->bus, s->place.url, on_revoked, s, &err));
    assert_non_null(s->gate);
    add_key(s);
    mono_ns begun = clock_mono();
    while (clock_mono() - begun < 1500 * NS_PER_MS)
        loop_turn(s->loop, 50);
    assert_int_equal(s->revoked, 0);

    begun = clock_mono();
    OK(store_revoke_key(s->store, first, NOON, &err));
    while (s->revoked == 0 && clock_mono() - begun < 5 * NS_PER_S)
        loop_turn(s->loop, 50);
    assert_int_equal(s->revoked, 1);
    assert_int_equal(s->left, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_bus_without_keys_has_no_gate, begin, end),
        cmocka_unit_test_setup_teardown(without_a_store_nobody_could_be_let_in, begin, end),
        cmocka_unit_test_setup_teardown(revoking_is_told_and_adding_is_not, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
