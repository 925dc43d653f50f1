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
    struct key_pair cluster;
    struct bus *guest; /* of who comes */
    void *door, *visitor;
};

static void on_revoked(void *arg, const struct access_list *let_in, size_t revoked)
{
    struct scene *s = arg;
    s->revoked += revoked;
    s->left = access_list_count(let_in);
}

static struct key_pair add_key_until(struct scene *s, wall_us end, uint64_t *ret_id)
{
    struct access_key k = { .role = ACCESS_WORKER, .location = "eu", .made_us = NOON, .expires_us = end };
    struct key_pair pair;
    assert_int_equal(key_pair_make(&pair, NULL), 0);
    strcpy(k.public, pair.public);
    OK(store_add_key(s->store, &k, ret_id, &err));
    return pair;
}

static uint64_t add_key(struct scene *s)
{
    uint64_t id = 0;
    add_key_until(s, 0, &id);
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
    bus_close(s->visitor);
    bus_free(s->guest);
    gate_free(s->gate);
    loop_free(s->loop);
    bus_close(s->door);
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
    s->cluster = keys.own;
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

static void an_end_is_told_as_revoking_is(void **state)
{
    struct scene *s = *state;
    uint64_t id = 0;
    serve(s);
    add_key_until(s, clock_wall() + 2 * US_PER_S, &id);
    add_key_until(s, clock_wall() + US_PER_DAY, &id);
    add_key_until(s, NOON + 1, &id); /* over long ago */
    OK(gate_new(&s->gate, s->loop, s->bus, s->place.url, on_revoked, s, &err));
    mono_ns begun = clock_mono();
    while (s->revoked == 0 && clock_mono() - begun < 10 * NS_PER_S)
        loop_turn(s->loop, 50);
    assert_int_equal(s->revoked, 1);
    assert_int_equal(s->left, 1);
}

/* Made in the moment in which it is used. */
static void a_new_key_is_let_in_at_once(void **state)
{
    struct scene *s = *state;
    struct bus_keys keys = { .loopback = true };
    struct bus_message m;
    char endpoint[128];
    uint64_t id = 0;
    serve(s);
    OK(gate_new(&s->gate, s->loop, s->bus, s->place.url, on_revoked, s, &err));
    OK(bus_open(s->bus, LANE_RESULTS, SIDE_TO, "tcp://127.0.0.1:*", &s->door, &err));
    assert_int_equal(bus_endpoint(s->door, endpoint, sizeof endpoint), 0);
    assert_int_equal(bus_new(&s->guest), 0);

    mono_ns begun = clock_mono();
    keys.own = add_key_until(s, 0, &id);
    strcpy(keys.server, s->cluster.public);
    OK(bus_use_keys(s->guest, &keys, &err));
    OK(bus_open(s->guest, LANE_RESULTS, SIDE_FROM, endpoint, &s->visitor, &err));
    int heard = 0;
    while (heard == 0 && clock_mono() - begun < 20 * NS_PER_S) {
        (void)bus_send(s->visitor, "x", 1);
        usleep(5000);
        heard = bus_take(s->door, &m);
    }
    assert_int_equal(heard, 1);
    assert_int_equal(m.user.id, id);
    bus_message_done(&m);
    assert_true(clock_mono() - begun < 5 * NS_PER_S); /* as long as a refusal takes at least */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_bus_without_keys_has_no_gate, begin, end),
        cmocka_unit_test_setup_teardown(without_a_store_nobody_could_be_let_in, begin, end),
        cmocka_unit_test_setup_teardown(revoking_is_told_and_adding_is_not, begin, end),
        cmocka_unit_test_setup_teardown(an_end_is_told_as_revoking_is, begin, end),
        cmocka_unit_test_setup_teardown(a_new_key_is_let_in_at_once, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
