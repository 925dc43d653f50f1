#include "worker/wakeup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct ringing {
    struct wakeup *w;
    mono_ns set_for, again_at;
    unsigned rung, again;
    mono_ns early;
};

static void on_ring(void *arg)
{
    struct ringing *r = arg;
    r->rung++;
    if (clock_mono() < r->set_for)
        r->early++;
    if (r->again > 0) {
        r->again--;
        wakeup_at(r->w, r->again_at);
    }
}

static struct loop *begin(struct ringing *r)
{
    struct loop *l = NULL;
    *r = (struct ringing){ 0 };
    assert_int_equal(loop_new(&l), 0);
    assert_int_equal(wakeup_new(&r->w, l, on_ring, r), 0);
    return l;
}

static void rings_once_and_not_early(void **state)
{
    (void)state;
    struct ringing r;
    struct loop *l = begin(&r);
    r.set_for = clock_mono() + 30 * NS_PER_MS + 1;
    wakeup_at(r.w, r.set_for);
    while (clock_mono() < r.set_for + 60 * NS_PER_MS)
        loop_turn(l, 5);
    assert_int_equal(r.rung, 1);
    assert_int_equal(r.early, 0);
    wakeup_free(r.w);
    loop_free(l);
}

static void moved_and_stopped(void **state)
{
    (void)state;
    struct ringing r;
    struct loop *l = begin(&r);
    wakeup_at(r.w, clock_mono() + 10 * NS_PER_MS);
    wakeup_at(r.w, clock_mono() + 10000 * NS_PER_MS);
    for (mono_ns end = clock_mono() + 40 * NS_PER_MS; clock_mono() < end;)
        loop_turn(l, 5);
    assert_int_equal(r.rung, 0);
    wakeup_at(r.w, 0);
    wakeup_at(r.w, MONO_NEVER);
    loop_turn(l, 5);
    loop_turn(l, 5);
    assert_int_equal(r.rung, 0);
    wakeup_free(r.w);
    loop_free(l);
}

/* One that sets itself for the past rings once a turn, and does not hold it up. */
static void the_past_waits_for_the_next_turn(void **state)
{
    (void)state;
    struct ringing r;
    struct loop *l = begin(&r);
    r.again = 1000000;
    wakeup_at(r.w, 0);
    for (unsigned turns = 0; turns < 5; turns++) {
        unsigned before = r.rung;
        loop_turn(l, 100);
        assert_true(r.rung <= before + 1);
    }
    assert_true(r.rung >= 2);
    wakeup_free(r.w);
    loop_free(l);
}

static void freed_before_it_rings(void **state)
{
    (void)state;
    struct ringing r;
    struct loop *l = begin(&r);
    wakeup_at(r.w, 0);
    wakeup_free(r.w);
    for (int i = 0; i < 5; i++)
        loop_turn(l, 2);
    assert_int_equal(r.rung, 0);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rings_once_and_not_early),
        cmocka_unit_test(moved_and_stopped),
        cmocka_unit_test(the_past_waits_for_the_next_turn),
        cmocka_unit_test(freed_before_it_rings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
