/* What a connection looks like after its end, with real descriptors; the test
 * plays libzmq and closes its own ones. */
#include "common/connections.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
    struct connections *c;
    int peer, theirs;
};

static void begin(struct pair *p)
{
    int fd[2];
    assert_int_equal(connections_new(&p->c, 1000), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    p->peer = fd[0];
    p->theirs = fd[1];
    connections_begin(p->c, p->theirs);
    assert_int_equal(connections_next(p->c), MONO_NEVER);
}

static void end(struct pair *p)
{
    connections_free(p->c);
    close(p->peer);
}

static void cut_in_the_middle(void **state)
{
    (void)state;
    struct pair p;
    struct connections_cut cut;
    char want[64];
    begin(&p);
    assert_int_equal(write(p.peer, "0123456789", 10), 10);
    connections_end(p.c, p.theirs, false, 100);
    close(p.theirs);
    assert_int_equal(connections_next(p.c), 100);
    assert_true(connections_step(p.c, 100, &cut));
    snprintf(want, sizeof want, "ipc:%ld", (long)getpid());
    assert_string_equal(cut.peer, want);
    assert_non_null(strstr(cut.why, "10 bytes unread"));
    assert_false(connections_step(p.c, 100, &cut));
    assert_int_equal(connections_next(p.c), MONO_NEVER);
    end(&p);
}

static void left_by_itself(void **state)
{
    (void)state;
    struct pair p;
    struct connections_cut cut;
    begin(&p);
    close(p.peer);
    p.peer = -1;
    connections_end(p.c, p.theirs, false, 100);
    close(p.theirs);
    assert_false(connections_step(p.c, 100, &cut));
    assert_int_equal(connections_next(p.c), MONO_NEVER);
    end(&p);
}

/* The rest of a local peer's message may come after the look; a silent one's never does. */
static void what_comes_a_moment_later(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        struct pair p;
        struct connections_cut cut;
        begin(&p);
        connections_end(p.c, p.theirs, false, 0);
        close(p.theirs);
        assert_false(connections_step(p.c, 0, &cut));
        assert_int_equal(connections_next(p.c), CONNECTIONS_PAUSE_NS);
        if (late)
            assert_int_equal(write(p.peer, "x", 1), 1);
        bool found = false;
        for (mono_ns t = 0; t <= CONNECTIONS_DOUBT_NS; t += CONNECTIONS_PAUSE_NS)
            found |= connections_step(p.c, t, &cut);
        assert_int_equal(found, late);
        assert_int_equal(connections_next(p.c), MONO_NEVER);
        end(&p);
    }
}

/* News of an end that is older than what its number stands for by now. */
static void a_number_that_is_used_again(void **state)
{
    (void)state;
    struct pair p;
    struct connections_cut cut;
    begin(&p);
    assert_int_equal(write(p.peer, "unread", 6), 6);
    connections_end(p.c, p.theirs, false, 0); /* of an earlier one: ours is still open */
    assert_false(connections_step(p.c, 0, &cut));
    connections_begin(p.c, p.theirs); /* the news of ours */
    for (mono_ns t = 0; t <= CONNECTIONS_DOUBT_NS; t += CONNECTIONS_PAUSE_NS)
        assert_false(connections_step(p.c, t, &cut));
    assert_int_equal(connections_next(p.c), MONO_NEVER);
    connections_end(p.c, p.theirs, false, NS_PER_S);
    close(p.theirs);
    assert_true(connections_step(p.c, NS_PER_S, &cut));
    end(&p);
}

static void ends_of_what_never_began(void **state)
{
    (void)state;
    struct pair p;
    struct connections_cut cut;
    begin(&p);
    connections_begin(p.c, 9999);
    connections_end(p.c, 9999, false, 0);
    assert_int_equal(connections_next(p.c), MONO_NEVER);
    connections_end(p.c, -1, true, 5); /* refused: all that need be known */
    assert_true(connections_next(p.c) <= 5);
    assert_true(connections_step(p.c, 5, &cut));
    assert_string_equal(cut.peer, "");
    assert_non_null(strstr(cut.why, "not ZeroMQ"));
    assert_false(connections_step(p.c, 5, &cut));
    assert_int_equal(connections_next(p.c), MONO_NEVER);
    close(p.theirs);
    end(&p);
}

/* The last quarter of the descriptors is not taken, nor more than CONNECTIONS_MAX. */
static void descriptors_are_left(void **state)
{
    (void)state;
    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 80;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    int fd[2];
    struct connections *c = NULL;
    assert_int_equal(connections_new(&c, 1000), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    for (int i = 0; i < 200; i++) {
        connections_begin(c, fd[1]);
        connections_end(c, fd[1], false, 0); /* held: fd[1] stays open */
    }
    int next = dup(fd[0]);
    assert_in_range(next, 40, 60);
    close(next);
    connections_free(c);
    next = dup(fd[0]);
    assert_in_range(next, 0, 39);
    close(next);
    close(fd[0]);
    close(fd[1]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_in_the_middle),         cmocka_unit_test(left_by_itself),
        cmocka_unit_test(what_comes_a_moment_later), cmocka_unit_test(a_number_that_is_used_again),
        cmocka_unit_test(ends_of_what_never_began),  cmocka_unit_test(descriptors_are_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
