/* Messages that were dropped: who is told of, and when. */
#include "common/dropped.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE DROPPED_SAY_NS

/* Half a thousand at once, then silence: one line at once, the rest when the minute
 * is over although nothing comes any more, and then it is forgotten. */
static void the_rest_is_told_at_the_end_of_the_minute(void **state)
{
    (void)state;
    scoped(dropped) struct dropped *d = NULL;
    struct dropped_line line;
    assert_int_equal(dropped_new(&d), 0);
    assert_int_equal(dropped_next(d), MONO_NEVER);

    assert_true(dropped_note(d, "127.0.0.1", "first", 0, &line));
    assert_string_equal(line.peer, "127.0.0.1");
    assert_string_equal(line.why, "first");
    assert_int_equal(line.n, 1);
    assert_int_equal(line.total, 1);
    for (int i = 1; i < 500; i++)
        assert_false(dropped_note(d, "127.0.0.1", i < 499 ? "more" : "last", i, &line));
    assert_int_equal(dropped_next(d), MINUTE);
    assert_false(dropped_step(d, MINUTE - 1, &line));

    assert_true(dropped_step(d, MINUTE, &line));
    assert_int_equal(line.n, 499);
    assert_int_equal(line.total, 500);
    assert_string_equal(line.why, "last");
    assert_false(dropped_step(d, MINUTE, &line));
    assert_int_equal(dropped_next(d), 2 * MINUTE);

    assert_false(dropped_step(d, 2 * MINUTE, &line));
    assert_int_equal(dropped_next(d), MONO_NEVER);
    assert_int_equal(dropped_total(d), 500);
    assert_true(dropped_note(d, "127.0.0.1", "again", 3 * MINUTE, &line));
}

/* Who sends without end is told of once a minute, and hides nobody else. */
static void each_peer_has_its_own_minute(void **state)
{
    (void)state;
    scoped(dropped) struct dropped *d = NULL;
    struct dropped_line line;
    unsigned lines = 0;
    assert_int_equal(dropped_new(&d), 0);
    for (int s = 0; s < 300; s++) {
        lines += dropped_note(d, "noisy", "x", s * NS_PER_S, &line);
        while (dropped_step(d, s * NS_PER_S, &line))
            lines++;
        if (s == 90) {
            assert_true(dropped_note(d, "", "y", s * NS_PER_S, &line));
            assert_string_equal(line.peer, "unknown");
        }
    }
    assert_int_equal(lines, 5);
}

static void a_crowd_is_told_together(void **state)
{
    (void)state;
    scoped(dropped) struct dropped *d = NULL;
    struct dropped_line line;
    unsigned lines = 0, named = 0;
    uint64_t told = 0;
    char name[32];
    assert_int_equal(dropped_new(&d), 0);
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "peer-%d", i);
        if (dropped_note(d, name, "x", 0, &line)) {
            lines++;
            told += line.n;
            named += strcmp(line.peer, "others") != 0;
        }
    }
    while (dropped_step(d, MINUTE, &line))
        told += line.n;
    assert_int_equal(lines, DROPPED_MAX_PEERS + 1);
    assert_int_equal(named, DROPPED_MAX_PEERS);
    assert_int_equal(told, 10000);
}

struct counted {
    uint64_t total, others, named;
    unsigned peers;
};

static void count(void *arg, const char *peer, uint64_t n)
{
    struct counted *c = arg;
    c->peers++;
    c->total += n;
    *(strcmp(peer, "others") == 0 ? &c->others : &c->named) += n;
}

/* Counters only grow: nobody is forgotten, however long it is quiet, and the first ones keep their names. */
static void everybody_is_counted_for_good(void **state)
{
    (void)state;
    scoped(dropped) struct dropped *d = NULL;
    struct dropped_line line;
    char name[32];
    assert_int_equal(dropped_new(&d), 0);
    for (int i = 0; i < 100; i++)
        for (int k = 0; k < 3; k++) {
            snprintf(name, sizeof name, "peer-%d", i);
            dropped_note(d, name, "x", i * 10 * MINUTE, &line);
            while (dropped_step(d, i * 10 * MINUTE, &line))
                continue;
        }
    struct counted c = { 0 };
    dropped_each(d, count, &c);
    assert_int_equal(c.peers, DROPPED_MAX_PEERS + 1);
    assert_int_equal(c.total, 300);
    assert_int_equal(c.named, 3 * DROPPED_MAX_PEERS);
    assert_int_equal(c.others, 300 - 3 * DROPPED_MAX_PEERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rest_is_told_at_the_end_of_the_minute),
        cmocka_unit_test(each_peer_has_its_own_minute),
        cmocka_unit_test(a_crowd_is_told_together),
        cmocka_unit_test(everybody_is_counted_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
