/* Links with keys, over real sockets: who is let in, who is not, who is not any
 * more, and that it is known who sent what. */
#include "common/bus.h"
#include "common/doorcheck.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

/* A cluster that listens, and two of its workers, each in a world of its own. */
struct scene {
    struct key_pair cluster, worker[2];
    struct bus *bus, *guest[2];
    void *door;
    void *visitor[2]; /* closed at the end, of a test that failed as well: a context waits for its sockets */
    char endpoint[128];
    unsigned said; /* so many different messages */
};

static struct bus *bus_with(const struct key_pair *own, const char *server, bool serves)
{
    struct bus_keys keys = { .own = *own, .serves = serves, .loopback = true };
    struct bus *b = NULL;
    struct err err = { 0 };
    snprintf(keys.server, sizeof keys.server, "%s", server);
    assert_int_equal(bus_new(&b), 0);
    if (bus_use_keys(b, &keys, &err) < 0)
        fail_msg("%s", err.text);
    return b;
}

/* The first `n` workers, of "eu" and "us". */
static void let_in(struct scene *s, size_t n)
{
    struct access_list *l = NULL;
    assert_int_equal(access_list_new(&l), 0);
    for (size_t i = 0; i < n; i++) {
        struct access_key k = { .id = i + 1, .role = ACCESS_WORKER };
        strcpy(k.public, s->worker[i].public);
        strcpy(k.location, i ? "us" : "eu");
        assert_int_equal(access_list_add(l, &k, 0), 0);
    }
    bus_let_in(s->bus, l);
}

static int begin(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    assert_int_equal(key_pair_make(&s->cluster, NULL), 0);
    s->bus = bus_with(&s->cluster, s->cluster.public, true);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(key_pair_make(&s->worker[i], NULL), 0);
        s->guest[i] = bus_with(&s->worker[i], s->cluster.public, false);
    }
    *state = s;
    return 0;
}

static int end(void **state)
{
    struct scene *s = *state;
    for (size_t i = 0; i < 2; i++) {
        bus_close(s->visitor[i]);
        bus_free(s->guest[i]); /* lingers over what was sent */
    }
    bus_close(s->door);
    bus_free(s->bus);
    free(s);
    return 0;
}

static void open_door(struct scene *s, enum lane lane, enum side side)
{
    struct err err = { 0 };
    int r = lane == LANE_JOBS ? bus_open_jobs(s->bus, "tcp://127.0.0.1:*", "eu", &s->door, &err)
                              : bus_open(s->bus, lane, side, "tcp://127.0.0.1:*", &s->door, &err);
    if (r < 0)
        fail_msg("%s", err.text);
    assert_int_equal(bus_endpoint(s->door, s->endpoint, sizeof s->endpoint), 0);
}

static int take(void *socket, struct bus_message *m, long wait_ms)
{
    zmq_pollitem_t item = { .socket = socket, .events = ZMQ_POLLIN };
    return zmq_poll(&item, 1, wait_ms) > 0 ? bus_take(socket, m) : 0;
}

static void *come(struct scene *s, size_t i, enum lane lane, enum side side)
{
    struct err err = { 0 };
    if (bus_open(s->guest[i], lane, side, s->endpoint, &s->visitor[i], &err) < 0)
        fail_msg("%s", err.text);
    return s->visitor[i];
}

static void leave(struct scene *s, size_t i)
{
    bus_close(s->visitor[i]);
    s->visitor[i] = NULL;
}

/* Whether the next message is that one; of others that are still on their way nothing is meant. */
static bool hear(struct scene *s, const char *words, struct access_user *ret)
{
    struct bus_message m;
    if (take(s->door, &m, 20) != 1)
        return false;
    bool same = m.len == strlen(words) && memcmp(m.bytes, words, m.len) == 0;
    if (same)
        *ret = m.user;
    bus_message_done(&m);
    return same;
}

/* Says it until it is heard; false when it is not for as long as that. */
static bool is_heard(struct scene *s, void *from, struct access_user *ret, long wait_ms)
{
    char words[16];
    mono_ns until = clock_mono() + wait_ms * NS_PER_MS;
    snprintf(words, sizeof words, "%u", s->said++);
    while (clock_mono() < until) {
        (void)bus_send(from, words, strlen(words));
        if (hear(s, words, ret))
            return true;
    }
    return false;
}

static void a_known_key_is_known_by_each_message(void **state)
{
    struct scene *s = *state;
    struct access_user u;
    let_in(s, 2);
    open_door(s, LANE_CONTROL, SIDE_TO);
    for (size_t i = 0; i < 2; i++) {
        void *lane = come(s, i, LANE_CONTROL, SIDE_FROM);
        assert_true(is_heard(s, lane, &u, 5000));
        assert_int_equal(u.role, ACCESS_WORKER);
        assert_int_equal(u.id, i + 1);
        assert_string_equal(u.location, i ? "us" : "eu");
    }
}

static void a_stranger_is_heard_by_nobody(void **state)
{
    struct scene *s = *state;
    struct access_user u;
    let_in(s, 1);
    open_door(s, LANE_RESULTS, SIDE_TO);
    void *known = come(s, 0, LANE_RESULTS, SIDE_FROM), *stranger = come(s, 1, LANE_RESULTS, SIDE_FROM);
    assert_true(is_heard(s, known, &u, 5000));
    assert_false(is_heard(s, stranger, &u, 700));

    let_in(s, 2);                                  /* he tries again by himself, and needs not be told to */
    assert_true(is_heard(s, stranger, &u, 15000)); /* libzmq gives up a handshake after 5 s */
    assert_int_equal(u.id, 2);
}

static void on_unknown(void *arg)
{
    atomic_fetch_add((atomic_uint *)arg, 1);
}

static bool was_asked(atomic_uint *asked, unsigned times)
{
    mono_ns until = clock_mono() + 10 * NS_PER_S;
    while (atomic_load(asked) < times && clock_mono() < until)
        usleep(1000);
    return atomic_load(asked) >= times;
}

/* libzmq keeps who is refused for the rest of the handshake's time, 5 s: nobody is before
 * it was looked whether he is known by now. */
static void a_new_key_is_asked_for_before_it_is_refused(void **state)
{
    struct scene *s = *state;
    struct access_user u;
    atomic_uint asked = 0;
    let_in(s, 1);
    busguard_ask(bus_guard(s->bus), on_unknown, &asked);
    open_door(s, LANE_RESULTS, SIDE_TO);
    mono_ns begun = clock_mono();
    void *known = come(s, 0, LANE_RESULTS, SIDE_FROM), *fresh = come(s, 1, LANE_RESULTS, SIDE_FROM);
    assert_true(was_asked(&asked, 1));
    assert_true(is_heard(s, known, &u, 5000)); /* meanwhile nobody waits for him */
    let_in(s, 2);
    busguard_settle(bus_guard(s->bus), busguard_asked(bus_guard(s->bus)));
    assert_true(is_heard(s, fresh, &u, 15000));
    /* A second question is for a test that was held up for the second that it has. */
    assert_true(clock_mono() - begun < 5 * NS_PER_S || atomic_load(&asked) > 1);
    assert_int_equal(u.id, 2);
    busguard_ask(bus_guard(s->bus), NULL, NULL);
}

/* A store that does not answer leaves him where he would be without the question. */
static void who_asks_in_vain_is_refused(void **state)
{
    struct scene *s = *state;
    struct access_user u;
    atomic_uint asked = 0;
    let_in(s, 1);
    busguard_ask(bus_guard(s->bus), on_unknown, &asked);
    open_door(s, LANE_RESULTS, SIDE_TO);
    void *stranger = come(s, 1, LANE_RESULTS, SIDE_FROM);
    assert_true(was_asked(&asked, 1));
    assert_false(is_heard(s, stranger, &u, 1500));
    let_in(s, 2);
    assert_true(is_heard(s, stranger, &u, 15000)); /* at the next handshake */
    busguard_ask(bus_guard(s->bus), NULL, NULL);
}

static void plain_words_are_heard_by_nobody(void **state)
{
    struct scene *s = *state;
    struct access_user u;
    let_in(s, 2);
    open_door(s, LANE_RESULTS, SIDE_TO);
    void *context = zmq_ctx_new(), *plain = zmq_socket(context, ZMQ_PUSH);
    int none = 0;
    zmq_setsockopt(plain, ZMQ_LINGER, &none, sizeof none);
    assert_int_equal(zmq_connect(plain, s->endpoint), 0);
    assert_false(is_heard(s, plain, &u, 500));
    zmq_close(plain);
    zmq_ctx_term(context);
}

static bool gets_job(struct scene *s, void *worker, long wait_ms)
{
    struct bus_message m;
    mono_ns until = clock_mono() + wait_ms * NS_PER_MS;
    while (clock_mono() < until) {
        (void)bus_send(s->door, "job", 3);
        if (take(worker, &m, 20) == 1) {
            bus_message_done(&m);
            return true;
        }
    }
    return false;
}

static void jobs_are_for_their_own_location(void **state)
{
    struct scene *s = *state;
    let_in(s, 2);
    open_door(s, LANE_JOBS, SIDE_FROM);
    void *eu = come(s, 0, LANE_JOBS, SIDE_TO), *us = come(s, 1, LANE_JOBS, SIDE_TO);
    assert_true(gets_job(s, eu, 5000));
    leave(s, 0);
    assert_false(gets_job(s, us, 500));
}

static void a_revoked_session_ends_and_the_others_come_back(void **state)
{
    struct scene *s = *state;
    struct access_user u;
    struct err err = { 0 };
    let_in(s, 2);
    open_door(s, LANE_CONTROL, SIDE_TO);
    void *stays = come(s, 0, LANE_CONTROL, SIDE_FROM), *goes = come(s, 1, LANE_CONTROL, SIDE_FROM);
    assert_true(is_heard(s, stays, &u, 5000));
    assert_true(is_heard(s, goes, &u, 5000));

    let_in(s, 1);
    assert_true(is_heard(s, goes, &u, 5000)); /* this alone ends nothing */
    mono_ns before = clock_mono();
    if (bus_rebind(s->door, NULL, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(clock_mono() - before < 5 * NS_PER_S); /* it tries for half a second or somewhat more */
    for (int i = 0; i < 3; i++)
        assert_false(is_heard(s, goes, &u, 300));
    assert_true(is_heard(s, stays, &u, 5000));
    assert_int_equal(u.id, 1);
}

static void the_own_key_may_do_everything(void **state)
{
    struct scene *s = *state;
    struct access_user u;
    open_door(s, LANE_FEEDBACK, SIDE_TO);
    assert_int_equal(bus_open(s->bus, LANE_FEEDBACK, SIDE_FROM, s->endpoint, &s->visitor[0], NULL), 0);
    assert_true(is_heard(s, s->visitor[0], &u, 5000));
    assert_int_equal(u.role, ACCESS_SELF);
}

static void without_keys_nothing_leaves_the_host(void **state)
{
    (void)state;
    static const char *const far[] = { "tcp://0.0.0.0:7711", "tcp://*:7711", "tcp://[::]:7711",
                                       "tcp://192.0.2.1:7711", "tcp://example.com:7711" };
    struct bus *b = NULL;
    void *socket = NULL;
    assert_int_equal(bus_new(&b), 0);
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        struct err err = { 0 };
        assert_int_equal(bus_open(b, LANE_CONTROL, SIDE_TO, far[i], &socket, &err), -EINVAL);
        assert_non_null(strstr(err.text, "need keys"));
        assert_int_equal(bus_open(b, LANE_CONTROL, SIDE_FROM, far[i], &socket, &err), -EINVAL);
        assert_true(bus_is_keyed(b, far[i]));
    }
    assert_null(socket);
    assert_false(bus_is_keyed(b, "tcp://127.0.0.1:7711"));
    assert_false(bus_is_keyed(b, "ipc:///run/x"));
    bus_free(b);
}

static void a_worker_cannot_listen(void **state)
{
    struct scene *s = *state;
    struct err err = { 0 };
    void *socket = NULL;
    assert_int_equal(bus_open(s->guest[0], LANE_CONTROL, SIDE_TO, "tcp://127.0.0.1:*", &socket, &err),
                     -EINVAL);
    assert_non_null(strstr(err.text, "keys.server_file"));
    assert_false(bus_is_keyed(s->bus, "ipc:///run/x"));
}

/* What bus_use_keys asks at the start: with nobody to answer, libzmq lets all in. */
static void a_lock_that_does_not_work_is_noticed(void **state)
{
    (void)state;
    struct key_pair own, other;
    assert_int_equal(key_pair_make(&own, NULL), 0);
    assert_int_equal(key_pair_make(&other, NULL), 0);
    const struct {
        const char *answers; /* with that key as its own; NULL: nobody does */
        int want;
        const char *words;
    } rows[] = {
        {NULL,          -EACCES, "nobody knows was let in"},
        { own.public,   0,       ""                       },
        { other.public, -EIO,    "own key is not let in"  },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = { 0 };
        struct busguard *g = NULL;
        void *context = zmq_ctx_new();
        assert_int_equal(rows[i].answers ? busguard_new(&g, context, rows[i].answers) : 0, 0);
        if (doorcheck(context, &own, &err) != rows[i].want || !strstr(err.text, rows[i].words))
            fail_msg("row %zu: %d (%s)", i, err.code, err.text);
        busguard_free(g);
        zmq_ctx_term(context);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_known_key_is_known_by_each_message, begin, end),
        cmocka_unit_test_setup_teardown(a_stranger_is_heard_by_nobody, begin, end),
        cmocka_unit_test_setup_teardown(a_new_key_is_asked_for_before_it_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(who_asks_in_vain_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(plain_words_are_heard_by_nobody, begin, end),
        cmocka_unit_test_setup_teardown(jobs_are_for_their_own_location, begin, end),
        cmocka_unit_test_setup_teardown(a_revoked_session_ends_and_the_others_come_back, begin, end),
        cmocka_unit_test_setup_teardown(the_own_key_may_do_everything, begin, end),
        cmocka_unit_test(without_keys_nothing_leaves_the_host),
        cmocka_unit_test_setup_teardown(a_worker_cannot_listen, begin, end),
        cmocka_unit_test(a_lock_that_does_not_work_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
