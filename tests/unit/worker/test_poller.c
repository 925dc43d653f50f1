#include "worker/poller.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A pair of sockets whose near end is waited for, and a story of what is done
 * to it, one letter a step:
 *
 *   i o b   want IN, OUT, both          f   forget
 *   w       the far end writes a byte   r   read one byte
 *   c       the far end closes          n   close both and open a new pair under the same number
 *
 * After each step the loop turns twice, and a letter says what was told:
 * i, o, b for IN, OUT, both; - for nothing. Only the last turn's telling counts,
 * so that "still told" and "told once" can be told apart. */
struct story {
    const char *name, *steps, *told;
};

static const struct story stories[] = {
    {"writing is possible at once and goes on",                    "o",        "o"       },
    { "nothing to read is not told",                               "i",        "-"       },
    { "what was there before it was wanted is told",               "owi",      "ooi"     },
    { "what was there before it was wanted first is told",         "wi",       "-i"      },
    { "what is left behind is told again",                         "iwwr",     "-iii"    },
    { "and not when all was read",                                 "iwr",      "-i-"     },
    { "a second byte after the first was read",                    "iwrw",     "-i-i"    },
    { "back to writing after reading",                             "iwro",     "-i-o"    },
    { "both at once",                                              "bw",       "ob"      },
    { "only the other one any more",                               "bwo",      "obo"     },
    { "the end is something to read",                              "ic",       "-i"      },
    { "the end is told to who writes",                             "oc",       "oo"      },
    { "forgotten is silent",                                       "iwf",      "-i-"     },
    { "forgotten and still open is silent, whatever comes",        "ifw",      "---"     },
    { "wanted again after it was forgotten",                       "iwfi",     "-i-i"    },
    { "wanted again otherwise after it was forgotten",             "iwfo",     "-i-o"    },
    { "forgotten twice",                                           "iff",      "---"     },
    { "a new socket under an old number",                          "iwfni",    "-i---"   },
    { "a new socket under an old number that was never forgotten", "iwnfi",    "-i---"   },
    { "a new socket under an old number speaks",                   "iwfniwro", "-i---i-o"},
};

struct scene {
    struct loop *loop;
    struct poller *poller;
    int near, far;
    unsigned told;
    unsigned calls;
};

static void on_told(void *arg, int fd, unsigned events)
{
    struct scene *s = arg;
    assert_int_equal(fd, s->near);
    s->told |= events;
    s->calls++;
}

static void open_pair(struct scene *s)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    s->near = pair[0];
    s->far = pair[1];
}

static void begin(struct scene *s)
{
    *s = (struct scene){ 0 };
    assert_int_equal(loop_new(&s->loop), 0);
    assert_int_equal(poller_new(&s->poller, s->loop, on_told, s), 0);
    open_pair(s);
}

static void end(struct scene *s)
{
    poller_free(s->poller);
    close(s->near);
    if (s->far >= 0)
        close(s->far);
    loop_free(s->loop);
}

static void renew(struct scene *s)
{
    int pair[2], number = s->near;
    close(s->far);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(dup2(pair[0], number), number);
    close(pair[0]);
    s->far = pair[1];
}

static void step(struct scene *s, char what)
{
    char byte = 'x';
    switch (what) {
    case 'i': assert_int_equal(poller_want(s->poller, s->near, POLLER_IN), 0); break;
    case 'o': assert_int_equal(poller_want(s->poller, s->near, POLLER_OUT), 0); break;
    case 'b': assert_int_equal(poller_want(s->poller, s->near, POLLER_IN | POLLER_OUT), 0); break;
    case 'f': poller_forget(s->poller, s->near); break;
    case 'w': assert_int_equal(write(s->far, &byte, 1), 1); break;
    case 'r': assert_int_equal(read(s->near, &byte, 1), 1); break;
    case 'c': close(s->far), s->far = -1; break;
    case 'n': renew(s); break;
    default: fail();
    }
}

static char turn(struct scene *s)
{
    loop_turn(s->loop, 0);
    s->told = 0;
    loop_turn(s->loop, 0);
    switch (s->told & (POLLER_IN | POLLER_OUT)) {
    case 0: return '-';
    case POLLER_IN: return 'i';
    case POLLER_OUT: return 'o';
    default: return 'b';
    }
}

static void tells_what_is_wanted_for_as_long_as_it_lasts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        const struct story *t = &stories[i];
        char told[16] = "";
        struct scene s;
        begin(&s);
        for (size_t k = 0; t->steps[k]; k++) {
            step(&s, t->steps[k]);
            told[k] = turn(&s);
        }
        if (strcmp(told, t->told) != 0)
            fail_msg("%s: %s told %s, not %s", t->name, t->steps, told, t->told);
        end(&s);
    }
}

/* Many numbers: room grows, and each is told of its own. */
struct crowd {
    struct poller *poller;
    int far[600];
    unsigned told[4096];
};

static void on_one_of_many(void *arg, int fd, unsigned events)
{
    struct crowd *c = arg;
    char byte;
    assert_true(events & POLLER_IN);
    assert_int_equal(read(fd, &byte, 1), 1);
    c->told[fd]++;
}

static void many_at_once(void **state)
{
    (void)state;
    struct loop *l = NULL;
    static struct crowd c;
    int near[400];
    assert_int_equal(loop_new(&l), 0);
    assert_int_equal(poller_new(&c.poller, l, on_one_of_many, &c), 0);
    for (int i = 0; i < 400; i++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        near[i] = pair[0];
        c.far[i] = pair[1];
        assert_int_equal(poller_want(c.poller, near[i], POLLER_IN), 0);
        assert_int_equal(write(c.far[i], "x", 1), 1);
    }
    loop_turn(l, 0); /* one turn is enough for all of them */
    for (int i = 0; i < 400; i++) {
        assert_int_equal(c.told[near[i]], 1);
        close(near[i]);
        close(c.far[i]);
    }
    poller_free(c.poller);
    loop_free(l);
}

static void no_descriptor_is_no_crash(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    poller_forget(s.poller, -1);
    poller_forget(s.poller, 100000);
    assert_int_equal(poller_want(s.poller, -1, POLLER_IN), -ENOSPC);
    assert_int_equal(poller_want(s.poller, 5000, POLLER_IN), -EBADF);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_is_wanted_for_as_long_as_it_lasts),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(no_descriptor_is_no_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
