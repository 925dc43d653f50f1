/* The loop keeps its promises: sockets and libuv's things in one turn, timers
 * never early, what a callback starts is waited for at once. */
#include "common/bus.h"
#include "common/loop.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct loop *loop;
    struct bus *bus;
    void *from, *to;
    unsigned calls;
    unsigned limit;
    mono_ns fired;
};

static void begin(struct fixture *f)
{
    *f = (struct fixture){ 0 };
    assert_int_equal(loop_new(&f->loop), 0);
    assert_int_equal(bus_new(&f->bus), 0);
    assert_int_equal(bus_open(f->bus, LANE_FEEDBACK, SIDE_TO, "inproc://x", &f->to, NULL), 0);
    assert_int_equal(bus_open(f->bus, LANE_FEEDBACK, SIDE_FROM, "inproc://x", &f->from, NULL), 0);
}

static void end(struct fixture *f)
{
    bus_close(f->from);
    bus_close(f->to);
    bus_free(f->bus);
    loop_free(f->loop);
}

static void take_one(void *arg)
{
    struct fixture *f = arg;
    struct bus_message m;
    if (bus_take(f->to, &m) == 1)
        bus_message_done(&m);
    if (++f->calls == f->limit)
        loop_stop(f->loop, 7);
}

/* Three wait, one is read a call: the handler must be called again without
 * any further message coming. */
static void a_handler_need_not_drain(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    f.limit = 3;
    for (int i = 0; i < 3; i++)
        assert_int_equal(bus_send(f.from, "x", 1), 0);
    loop_watch(f.loop, f.to, take_one, &f);
    assert_int_equal(loop_run(f.loop), 7);
    assert_int_equal(f.calls, 3);
    end(&f);
}

static void a_paused_socket_keeps_its_messages(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    f.limit = 1;
    assert_int_equal(bus_send(f.from, "x", 1), 0);
    loop_watch(f.loop, f.to, take_one, &f);
    loop_pause(f.loop, f.to, true);
    for (int i = 0; i < 3; i++)
        assert_int_equal(loop_turn(f.loop, 1), 0);
    assert_int_equal(f.calls, 0);
    loop_pause(f.loop, f.to, false);
    assert_int_equal(loop_turn(f.loop, 1000), 0);
    assert_int_equal(f.calls, 1);
    end(&f);
}

static void on_fd(void *arg)
{
    struct fixture *f = arg;
    f->calls++;
}

static void a_descriptor_is_watched_while_it_is_readable(void **state)
{
    (void)state;
    struct fixture f;
    int ends[2];
    char byte;
    begin(&f);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(loop_watch_fd(f.loop, ends[0], on_fd, &f), 0);
    assert_int_equal(loop_turn(f.loop, 0), 0);
    assert_int_equal(f.calls, 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(loop_turn(f.loop, 1000), 0);
    assert_int_equal(loop_turn(f.loop, 1000), 0);
    assert_int_equal(f.calls, 2);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(loop_turn(f.loop, 0), 0);
    assert_int_equal(f.calls, 2);
    assert_int_equal(write(ends[1], "x", 1), 1);
    loop_unwatch_fd(f.loop, ends[0]);
    loop_unwatch_fd(f.loop, ends[0]);
    assert_int_equal(loop_turn(f.loop, 0), 0);
    assert_int_equal(f.calls, 2);
    close(ends[0]);
    close(ends[1]);
    end(&f);
}

static void on_fire(void *arg)
{
    struct fixture *f = arg;
    f->fired = clock_mono();
    loop_stop(f->loop, 0);
}

static void a_timer_is_never_early(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    struct loop_timer t;
    loop_timer_init(f.loop, &t, on_fire, &f);
    for (int i = 0; i < 20; i++) {
        mono_ns at = clock_mono() + 300 * NS_PER_US * i;
        loop_timer_at(&t, at);
        assert_int_equal(loop_run(f.loop), 0);
        assert_true(f.fired >= at);
    }
    loop_timer_done(&t);
    end(&f);
}

static void never_means_never(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    struct loop_timer t;
    loop_timer_init(f.loop, &t, on_fire, &f);
    loop_timer_at(&t, clock_mono() + NS_PER_MS);
    loop_timer_at(&t, MONO_NEVER);
    mono_ns until = clock_mono() + 10 * NS_PER_MS;
    while (clock_mono() < until)
        assert_int_equal(loop_turn(f.loop, 2), 0);
    assert_int_equal(f.fired, 0);
    loop_timer_done(&t);
    end(&f);
}

/* A descriptor that a timer's callback begins to watch must wake the loop,
 * although libuv registers it only in a later uv_run. */
struct late {
    struct fixture *f;
    uv_poll_t poll;
    int pipe[2];
};

static void on_readable(uv_poll_t *p, int status, int events)
{
    (void)status;
    (void)events;
    struct late *late = p->data;
    late->f->calls++;
    uv_close((uv_handle_t *)p, NULL);
    loop_stop(late->f->loop, 0);
}

static void watch_late(void *arg)
{
    struct late *late = arg;
    uv_poll_init(loop_uv(late->f->loop), &late->poll, late->pipe[0]);
    late->poll.data = late;
    uv_poll_start(&late->poll, UV_READABLE, on_readable);
    assert_int_equal(write(late->pipe[1], "x", 1), 1);
}

static void what_a_callback_starts_is_waited_for(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    struct late late = { .f = &f };
    assert_int_equal(pipe(late.pipe), 0);
    struct loop_timer t, far;
    loop_timer_init(f.loop, &t, watch_late, &late);
    loop_timer_init(f.loop, &far, on_fire, &f);
    mono_ns now = clock_mono();
    loop_timer_at(&t, now + NS_PER_MS);
    loop_timer_at(&far, now + 20 * NS_PER_S);
    assert_int_equal(loop_run(f.loop), 0);
    assert_int_equal(f.calls, 1);
    assert_int_equal(f.fired, 0);
    loop_timer_done(&t);
    loop_timer_done(&far);
    end(&f);
    close(late.pipe[0]);
    close(late.pipe[1]);
}

static void *ring_from_elsewhere(void *arg)
{
    loop_bell_ring(arg);
    return NULL;
}

static void a_bell_wakes_from_another_thread(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    struct loop_bell bell;
    assert_int_equal(loop_bell_init(f.loop, &bell, on_fire, &f), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, ring_from_elsewhere, &bell), 0);
    assert_int_equal(loop_run(f.loop), 0);
    assert_true(f.fired > 0);
    pthread_join(thread, NULL);
    loop_bell_done(&bell);
    end(&f);
}

/* A handler that takes its time and wants to be called at once again. */
struct eager {
    struct loop *loop;
    struct loop_timer timer;
    unsigned calls;
};

static void call_me_again(void *arg)
{
    struct eager *e = arg;
    if (++e->calls > 100)
        loop_timer_at(&e->timer, MONO_NEVER);
    else {
        usleep(2000);
        loop_timer_at(&e->timer, loop_now(e->loop));
    }
}

static void a_timer_that_is_armed_again_waits_for_the_next_turn(void **state)
{
    (void)state;
    struct eager e = { 0 };
    assert_int_equal(loop_new(&e.loop), 0);
    loop_timer_init(e.loop, &e.timer, call_me_again, &e);
    loop_timer_at(&e.timer, 0);
    for (unsigned turn = 1; turn <= 5; turn++) {
        mono_ns before = loop_now(e.loop);
        assert_int_equal(loop_turn(e.loop, 1000), 0);
        assert_true(e.calls <= turn);
        assert_true(loop_now(e.loop) > before);
    }
    assert_true(e.calls >= 4);
    loop_timer_done(&e.timer);
    loop_free(e.loop);
}

static void watches_have_a_ceiling(void **state)
{
    (void)state;
    struct fixture f;
    char place[LOOP_MAX_WATCHES + 1];
    begin(&f);
    for (int i = 0; i < LOOP_MAX_WATCHES; i++)
        assert_int_equal(loop_watch(f.loop, &place[i], take_one, &f), 0);
    assert_int_equal(loop_watch(f.loop, &place[LOOP_MAX_WATCHES], take_one, &f), -ENOSPC);
    loop_unwatch(f.loop, &place[3]);
    assert_int_equal(loop_watch(f.loop, &place[LOOP_MAX_WATCHES], take_one, &f), 0);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handler_need_not_drain),
        cmocka_unit_test(a_paused_socket_keeps_its_messages),
        cmocka_unit_test(a_descriptor_is_watched_while_it_is_readable),
        cmocka_unit_test(a_timer_is_never_early),
        cmocka_unit_test(never_means_never),
        cmocka_unit_test(a_timer_that_is_armed_again_waits_for_the_next_turn),
        cmocka_unit_test(what_a_callback_starts_is_waited_for),
        cmocka_unit_test(a_bell_wakes_from_another_thread),
        cmocka_unit_test(watches_have_a_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
