/* The lanes: which endpoints are let in, and that what has the wrong form is
 * dropped without harm to what follows. */
#include "common/bus.h"
#include "common/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

/* Wait for a message, or for its being dropped; a second is long on loopback. */
static int take(void *socket, struct bus_message *m)
{
    zmq_pollitem_t item = { .socket = socket, .events = ZMQ_POLLIN };
    if (zmq_poll(&item, 1, 3000) <= 0)
        return 0;
    return bus_take(socket, m);
}

static void *raw(void *context, int type, const char *endpoint)
{
    void *socket = zmq_socket(context, type);
    assert_non_null(socket);
    assert_int_equal(zmq_connect(socket, endpoint), 0);
    return socket;
}

static void too_many_parts_are_dropped(void **state)
{
    (void)state;
    struct bus *bus = NULL;
    void *pull = NULL;
    char endpoint[128];
    assert_int_equal(bus_new(&bus), 0);
    assert_int_equal(bus_open(bus, LANE_RESULTS, SIDE_TO, "tcp://127.0.0.1:*", &pull, NULL), 0);
    assert_int_equal(bus_endpoint(pull, endpoint, sizeof endpoint), 0);

    void *context = zmq_ctx_new();
    void *push = raw(context, ZMQ_PUSH, endpoint);
    struct bus_message m;
    for (int i = 0; i < 20; i++)
        assert_int_equal(zmq_send(push, "x", 1, i < 19 ? ZMQ_SNDMORE : 0), 1);
    assert_int_equal(zmq_send(push, "good", 4, 0), 4);
    assert_int_equal(take(pull, &m), -EBADMSG);
    assert_string_equal(bus_message_from(&m), "127.0.0.1");
    assert_int_equal(take(pull, &m), 1);
    assert_int_equal(m.len, 4);
    assert_memory_equal(m.bytes, "good", 4);
    bus_message_done(&m);
    assert_int_equal(bus_take(pull, &m), 0);

    zmq_close(push);
    zmq_ctx_term(context);
    bus_close(pull);
    bus_free(bus);
}

/* Longer than anybody of ours sends, it arrives for its receiver to refuse it and
 * say whose it was; longer than BUS_MAX_HEARD it does not. */
static void what_is_too_long(void **state)
{
    (void)state;
    struct bus *bus = NULL;
    void *pull = NULL;
    char endpoint[128];
    assert_int_equal(bus_new(&bus), 0);
    assert_int_equal(bus_open(bus, LANE_RESULTS, SIDE_TO, "tcp://127.0.0.1:*", &pull, NULL), 0);
    assert_int_equal(bus_endpoint(pull, endpoint, sizeof endpoint), 0);

    void *context = zmq_ctx_new();
    void *push = raw(context, ZMQ_PUSH, endpoint);
    static char big[BUS_MAX_HEARD + 1];
    struct bus_message m;
    assert_int_equal(zmq_send(push, big, BUS_MAX_BYTES + 1, 0), BUS_MAX_BYTES + 1);
    assert_int_equal(take(pull, &m), 1);
    assert_int_equal(m.len, BUS_MAX_BYTES + 1);
    assert_string_equal(bus_message_from(&m), "127.0.0.1");
    bus_message_done(&m);

    assert_int_equal(zmq_send(push, big, sizeof big, 0), (int)sizeof big);
    void *other = raw(context, ZMQ_PUSH, endpoint);
    assert_int_equal(zmq_send(other, "good", 4, 0), 4);
    assert_int_equal(take(pull, &m), 1);
    assert_int_equal(m.len, 4);
    bus_message_done(&m);
    assert_int_equal(bus_send(pull, big, BUS_MAX_BYTES + 1), -EMSGSIZE);

    int none = 0;
    zmq_setsockopt(push, ZMQ_LINGER, &none, sizeof none);
    zmq_close(push);
    zmq_close(other);
    zmq_ctx_term(context);
    bus_close(pull);
    bus_free(bus);
}

static void control_knows_who_speaks(void **state)
{
    (void)state;
    struct bus *bus = NULL;
    void *router = NULL, *dealer = NULL;
    struct bus_message m;
    assert_int_equal(bus_new(&bus), 0);
    assert_int_equal(bus_open(bus, LANE_CONTROL, SIDE_TO, "inproc://control", &router, NULL), 0);
    assert_int_equal(bus_open(bus, LANE_CONTROL, SIDE_FROM, "inproc://control", &dealer, NULL), 0);

    assert_int_equal(bus_send(dealer, "hello", 5), 0);
    assert_int_equal(take(router, &m), 1);
    assert_memory_equal(m.bytes, "hello", 5);
    assert_true(m.peer_len > 0);
    assert_int_equal(bus_send_to(router, m.peer, m.peer_len, "welcome", 7), 0);
    bus_message_done(&m);
    assert_int_equal(take(dealer, &m), 1);
    assert_memory_equal(m.bytes, "welcome", 7);
    bus_message_done(&m);
    assert_int_equal(bus_send_to(router, (const uint8_t *)"nobody", 6, "x", 1), -EHOSTUNREACH);

    bus_close(dealer);
    bus_close(router);
    bus_free(bus);
}

static void the_feed_says_what_about(void **state)
{
    (void)state;
    struct bus *bus = NULL;
    void *pub = NULL, *sub = NULL;
    struct bus_message m;
    assert_int_equal(bus_new(&bus), 0);
    assert_int_equal(bus_open(bus, LANE_FEED, SIDE_FROM, "inproc://feed", &pub, NULL), 0);
    assert_int_equal(bus_open(bus, LANE_FEED, SIDE_TO, "inproc://feed", &sub, NULL), 0);

    int r = 0;
    mono_ns until = clock_mono() + 3 * NS_PER_S;
    while (r == 0 && clock_mono() < until) { /* the subscription takes a moment to arrive */
        assert_int_equal(bus_send_topic(pub, "incident", "news", 4), 0);
        r = bus_take(sub, &m);
    }
    assert_int_equal(r, 1);
    assert_string_equal(m.topic, "incident");
    assert_memory_equal(m.bytes, "news", 4);
    bus_message_done(&m);

    bus_close(sub);
    bus_close(pub);
    bus_free(bus);
}

static void nobody_to_take_it_is_said(void **state)
{
    (void)state;
    struct bus *bus = NULL;
    void *push = NULL;
    assert_int_equal(bus_new(&bus), 0);
    assert_int_equal(bus_open(bus, LANE_JOBS, SIDE_FROM, "inproc://jobs", &push, NULL), 0);
    assert_int_equal(bus_send(push, "x", 1), -EAGAIN);
    bus_close(push);
    bus_free(bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_many_parts_are_dropped), cmocka_unit_test(what_is_too_long),
        cmocka_unit_test(control_knows_who_speaks),   cmocka_unit_test(the_feed_says_what_about),
        cmocka_unit_test(nobody_to_take_it_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
