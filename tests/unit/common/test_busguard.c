/* Peers whose connection libzmq ends for what they send are told; those that
 * leave, and those that send much of what is allowed, are not. */
#include "common/bus.h"
#include "common/busguard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

enum { HUGE_BYTES = 20 << 20 };

struct post {
    struct loop *loop;
    struct bus *bus;
    void *socket, *strangers; /* a context of theirs */
    struct guarded *guarded;
    char endpoint[128];
    unsigned told, heard;
    size_t bytes;
    char peer[64], why[256];
};

static void on_dropped(void *arg, const char *peer, const char *why)
{
    struct post *p = arg;
    p->told++;
    snprintf(p->peer, sizeof p->peer, "%s", peer);
    snprintf(p->why, sizeof p->why, "%s", why);
}

static void on_readable(void *arg)
{
    struct post *p = arg;
    struct bus_message m;
    int r = bus_take(p->socket, &m);
    if (r != 1)
        return;
    p->heard++;
    p->bytes += m.len;
    bus_message_done(&m);
}

static void begin(struct post *p, enum lane lane, const char *endpoint)
{
    struct err err = { 0 };
    *p = (struct post){ .told = 0 };
    assert_int_equal(loop_new(&p->loop), 0);
    assert_int_equal(bus_new(&p->bus), 0);
    const struct bus_witness witness = { p->loop, on_dropped, p };
    if (bus_open_guarded(p->bus, lane, SIDE_TO, endpoint, &witness, &p->socket, &p->guarded, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(loop_watch(p->loop, p->socket, on_readable, p), 0);
    assert_int_equal(bus_endpoint(p->socket, p->endpoint, sizeof p->endpoint), 0);
    p->strangers = zmq_ctx_new();
}

static void end(struct post *p)
{
    zmq_ctx_term(p->strangers);
    loop_unwatch(p->loop, p->socket);
    guarded_free(p->guarded);
    bus_close(p->socket);
    bus_free(p->bus);
    loop_free(p->loop);
}

static void *stranger(struct post *p, int type)
{
    int linger = 3000;
    void *s = zmq_socket(p->strangers, type);
    assert_non_null(s);
    zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof linger);
    assert_int_equal(zmq_connect(s, p->endpoint), 0);
    return s;
}

static void say(void *socket, size_t len)
{
    char *bytes = calloc(1, len);
    assert_non_null(bytes);
    assert_int_equal(zmq_send(socket, bytes, len, 0), (int)len);
    free(bytes);
}

/* Until so many were told and heard, and no more. */
static void turn_until(struct post *p, unsigned told, unsigned heard)
{
    mono_ns until = clock_mono() + 10 * NS_PER_S;
    while ((p->told < told || p->heard < heard) && clock_mono() < until)
        assert_int_equal(loop_turn(p->loop, 50), 0);
    assert_int_equal(p->told, told);
    assert_int_equal(p->heard, heard);
}

static void turn_for(struct post *p, mono_ns ns)
{
    for (mono_ns until = clock_mono() + ns; clock_mono() < until;)
        assert_int_equal(loop_turn(p->loop, 20), 0);
}

static const struct {
    enum lane lane;
    int type;
} lanes[] = {
    {LANE_CONTROL,   ZMQ_DEALER},
    { LANE_RESULTS,  ZMQ_PUSH  },
    { LANE_FEEDBACK, ZMQ_PUSH  },
};

static void too_large_is_told(void **state)
{
    (void)state;
    static const size_t sizes[] = { BUS_MAX_HEARD + 1, 300 << 10, HUGE_BYTES };
    for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++) {
        struct post p;
        unsigned told = 0;
        begin(&p, lanes[i].lane, "tcp://127.0.0.1:*");
        for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
            void *s = stranger(&p, lanes[i].type);
            say(s, sizes[j]);
            turn_until(&p, ++told, p.heard);
            assert_string_equal(p.peer, "127.0.0.1");
            assert_non_null(strstr(p.why, "262144"));
            zmq_close(s);
        }
        void *s = stranger(&p, lanes[i].type);
        say(s, BUS_MAX_HEARD);
        turn_until(&p, told, 1); /* it goes on */
        zmq_close(s);
        end(&p);
    }
}

static void too_large_from_a_process_of_this_machine(void **state)
{
    (void)state;
    struct post p;
    char endpoint[64], peer[64];
    snprintf(endpoint, sizeof endpoint, "ipc:///tmp/test-busguard-%ld", (long)getpid());
    snprintf(peer, sizeof peer, "ipc:%ld", (long)getpid());
    begin(&p, LANE_RESULTS, endpoint);
    for (unsigned i = 0; i < 3; i++) {
        void *s = stranger(&p, ZMQ_PUSH);
        say(s, i ? HUGE_BYTES : BUS_MAX_HEARD + 1);
        turn_until(&p, i + 1, 0);
        assert_string_equal(p.peer, peer);
        zmq_close(s);
    }
    end(&p);
}

/* Coming, talking at length and going: nothing to tell, however often. */
static void leaving_is_not_told(void **state)
{
    (void)state;
    struct post p;
    begin(&p, LANE_RESULTS, "tcp://127.0.0.1:*");
    for (int i = 0; i < 40; i++) {
        void *s = stranger(&p, ZMQ_PUSH);
        say(s, 1000);
        zmq_close(s);
    }
    void *s = stranger(&p, ZMQ_PUSH);
    for (int i = 0; i < 400; i++)
        say(s, BUS_MAX_BYTES);
    zmq_close(s);
    turn_until(&p, 0, 440);
    turn_for(&p, 300 * NS_PER_MS);
    assert_int_equal(p.told, 0);
    assert_int_equal(p.bytes, 40 * 1000 + 400 * BUS_MAX_BYTES);
    end(&p);
}

static int plain_connection(const struct post *p)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    a.sin_port = htons((uint16_t)atoi(strrchr(p->endpoint, ':') + 1));
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* ZMTP 3.0's greeting, and READY of a PUSH (RFC 23), in one piece with what follows. */
static const char greeting[64] = "\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL";
static const char ready[] = "\x04\x1a\x05READY\x0bSocket-Type\0\0\0\4PUSH";

static void not_zeromq_is_told_and_a_mere_visit_is_not(void **state)
{
    (void)state;
    struct post p;
    begin(&p, LANE_RESULTS, "tcp://127.0.0.1:*");
    for (int i = 0; i < 20; i++)
        close(plain_connection(&p));
    turn_for(&p, 300 * NS_PER_MS);
    assert_int_equal(p.told, 0);
    int fd = plain_connection(&p);
    turn_for(&p, 300 * NS_PER_MS); /* see busguard.h: it must be held by then */
    assert_true(write(fd, "GET / HTTP/1.1\r\nHost: here\r\n\r\n", 30) == 30);
    turn_until(&p, 1, 0);
    assert_non_null(strstr(p.why, "not ZeroMQ"));
    close(fd);
    end(&p);
}

/* The head of a message of 2^40 bytes, and nothing after it. */
static void a_large_number_is_enough(void **state)
{
    (void)state;
    struct post p;
    char answer[512];
    begin(&p, LANE_RESULTS, "tcp://127.0.0.1:*");
    int fd = plain_connection(&p);
    assert_int_equal(write(fd, greeting, sizeof greeting), sizeof greeting);
    assert_int_equal(write(fd, ready, sizeof ready - 1), sizeof ready - 1);
    size_t got = 0;
    while (got < sizeof greeting + 10) { /* its greeting and the beginning of its READY */
        ssize_t n = read(fd, answer, sizeof answer);
        assert_true(n > 0);
        got += (size_t)n;
    }
    assert_int_equal(write(fd, "\2\0\0\1\0\0\0\0\0", 9), 9);
    turn_until(&p, 1, 0);
    assert_string_equal(p.peer, "127.0.0.1");
    close(fd);
    end(&p);
}

/* The side that connects: jobs. */
static void the_connecting_side_is_told_too(void **state)
{
    (void)state;
    struct post p;
    char endpoint[64];
    size_t size = sizeof endpoint;
    void *context = zmq_ctx_new(), *push = zmq_socket(context, ZMQ_PUSH);
    assert_int_equal(zmq_bind(push, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(push, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    begin(&p, LANE_JOBS, endpoint);
    say(push, 100);
    turn_until(&p, 0, 1);
    say(push, HUGE_BYTES);
    turn_until(&p, 1, 1);
    assert_string_equal(p.peer, "127.0.0.1");
    int none = 0;
    zmq_setsockopt(push, ZMQ_LINGER, &none, sizeof none);
    zmq_close(push);
    zmq_ctx_term(context);
    end(&p);
}

/* Many at once while the loop does not turn: each is counted when it does. */
static void a_loop_that_was_away(void **state)
{
    (void)state;
    enum { MANY = 50 };
    struct post p;
    void *s[MANY];
    begin(&p, LANE_FEEDBACK, "tcp://127.0.0.1:*");
    for (int i = 0; i < MANY; i++) {
        s[i] = stranger(&p, ZMQ_PUSH);
        say(s[i], 300 << 10);
    }
    usleep(200000); /* more than FINDINGS wait for the loop by now */
    turn_until(&p, MANY, 0);
    for (int i = 0; i < MANY; i++)
        zmq_close(s[i]);
    end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_large_is_told),
        cmocka_unit_test(too_large_from_a_process_of_this_machine),
        cmocka_unit_test(leaving_is_not_told),
        cmocka_unit_test(not_zeromq_is_told_and_a_mere_visit_is_not),
        cmocka_unit_test(a_large_number_is_enough),
        cmocka_unit_test(the_connecting_side_is_told_too),
        cmocka_unit_test(a_loop_that_was_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
