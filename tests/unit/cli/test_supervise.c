/* Real children: shells that are started, watched, ended. */
#include "cli/program.h"
#include "cli/supervise.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct scene {
    struct loop *loop;
    struct supervisor *s;
    char told[2000]; /* what happened, a word each */
    unsigned ended;  /* of a child, unasked */
    unsigned end_after;
    bool all_ended;
};

static void note(struct scene *c, const char *name, const char *what)
{
    size_t len = strlen(c->told);
    snprintf(c->told + len, sizeof c->told - len, "%s:%s ", name, what);
}

static void on_told(void *arg, const struct child_told *t)
{
    struct scene *c = arg;
    char what[60];
    if (t->news == CHILD_READY)
        note(c, t->name, "ready");
    if (t->news != CHILD_ENDED)
        return;
    snprintf(what, sizeof what, "%s%d%s", t->signal ? "signal" : "exit", t->signal ? t->signal : t->exit_code,
             t->first ? "first" : "");
    note(c, t->name, what);
    if (!t->expected && ++c->ended == c->end_after)
        supervisor_end(c->s);
}

static void on_line(void *arg, const char *name, bool to_stderr, const char *line)
{
    char what[200];
    snprintf(what, sizeof what, "%s=%s", to_stderr ? "err" : "out", line);
    note(arg, name, what);
}

static void on_all_ready(void *arg)
{
    struct scene *c = arg;
    note(c, "all", "ready");
    if (!c->end_after)
        supervisor_end(c->s);
}

static void on_all_ended(void *arg)
{
    struct scene *c = arg;
    c->all_ended = true;
    loop_stop(c->loop, 0);
}

static void on_timeout(void *arg)
{
    struct scene *c = arg;
    note(c, "test", "timeout");
    loop_stop(c->loop, 1);
}

static const struct supervise_hooks hooks = {
    .told = on_told, .line = on_line, .all_ready = on_all_ready, .all_ended = on_all_ended
};

static void play(struct scene *c, const char *const script[], const unsigned rank[], const char *const name[])
{
    struct loop_timer timeout;
    struct err err = { 0 };
    assert_int_equal(loop_new(&c->loop), 0);
    assert_int_equal(supervisor_new(&c->s, c->loop, &hooks, c), 0);
    for (size_t i = 0; script[i]; i++) {
        const char *argv[] = { "/bin/sh", "-c", script[i], NULL };
        assert_int_equal(supervisor_add(c->s, rank[i], name[i], argv), 0);
    }
    loop_timer_init(c->loop, &timeout, on_timeout, c);
    loop_timer_at(&timeout, loop_now(c->loop) + 30 * NS_PER_S);
    char waits[200];
    supervisor_waits_for(c->s, waits, sizeof waits);
    assert_memory_equal(waits, name[0], strlen(name[0]));
    assert_int_equal(supervisor_begin(c->s, &err), 0);
    loop_run(c->loop);
    assert_int_equal(supervisor_running(c->s), 0);
    supervisor_free(c->s);
    loop_timer_done(&timeout);
    loop_free(c->loop);
}

#define READY "echo ready >&$VEDETTE_READY_FD; "
#define LIVE  "trap 'exit 0' TERM; " READY "while :; do sleep 0.05; done"

static void before(const char *told, const char *first, const char *then)
{
    const char *a = strstr(told, first), *b = strstr(told, then);
    if (!a || !b || a > b)
        fail_msg("'%s' is not before '%s' in: %s", first, then, told);
}

static void starts_in_order_and_ends_the_other_way_round(void **state)
{
    const char *const script[] = { LIVE, "sleep 0.1;" LIVE, LIVE, NULL };
    const unsigned rank[] = { 2, 0, 1 };
    const char *const name[] = { "worker", "collector", "coordinator" };
    struct scene c = { 0 };
    (void)state;
    play(&c, script, rank, name);
    assert_true(c.all_ended);
    before(c.told, "collector:ready", "coordinator:ready");
    before(c.told, "coordinator:ready", "worker:ready");
    before(c.told, "worker:ready", "all:ready");
    before(c.told, "worker:exit0", "coordinator:exit0");
    before(c.told, "coordinator:exit0", "collector:exit0");
}

static void starts_again_what_ends(void **state)
{
    const char *const script[] = { READY "echo hello; echo trouble >&2; exit 7", LIVE, LIVE, NULL };
    const unsigned rank[] = { 0, 1, 2 };
    const char *const name[] = { "a", "b", "c" };
    struct scene c = { .end_after = 2 };
    (void)state;
    play(&c, script, rank, name);
    char *first = strstr(c.told, "a:exit7 ");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "a:exit7 "));
    assert_non_null(strstr(c.told, "a:out=hello"));
    assert_non_null(strstr(c.told, "a:err=trouble"));
}

static void knows_who_never_was_ready(void **state)
{
    const char *const script[] = { "exit 12", NULL };
    const unsigned rank[] = { 0 };
    const char *const name[] = { "a" };
    struct scene c = { .end_after = 1 };
    (void)state;
    play(&c, script, rank, name);
    assert_non_null(strstr(c.told, "a:exit12first"));
    assert_null(strstr(c.told, "ready"));
}

static void tells_the_signal(void **state)
{
    const char *const script[] = { READY "kill -9 $$", NULL };
    const unsigned rank[] = { 0 };
    const char *const name[] = { "a" };
    struct scene c = { .end_after = 1 };
    (void)state;
    play(&c, script, rank, name);
    assert_non_null(strstr(c.told, "a:signal9"));
}

static void knows_its_parent(void **state)
{
    const char *const script[] = { "echo parent=$VEDETTE_PARENT; echo last words without end >&2;" READY
                                   "exit 3",
                                   NULL };
    const unsigned rank[] = { 0 };
    const char *const name[] = { "a" };
    struct scene c = { .end_after = 1 };
    char parent[60];
    (void)state;
    play(&c, script, rank, name);
    snprintf(parent, sizeof parent, "a:out=parent=%d", (int)getpid());
    assert_non_null(strstr(c.told, parent));
}

static void says_when_there_is_no_program(void **state)
{
    struct loop *loop = NULL;
    struct supervisor *s = NULL;
    struct scene c = { 0 };
    struct err err = { 0 };
    const char *argv[] = { "/no/such/program", NULL };
    char path[4200];
    (void)state;
    assert_int_equal(loop_new(&loop), 0);
    c.loop = loop;
    assert_int_equal(supervisor_new(&s, loop, &hooks, &c), 0);
    assert_int_equal(supervisor_add(s, 0, "a", argv), 0);
    assert_true(supervisor_begin(s, &err) < 0);
    assert_non_null(strstr(err.text, "/no/such/program"));
    supervisor_free(s);
    loop_free(loop);
    assert_int_equal(program_find("vedette-no-such-thing", path, sizeof path, &err), -ENOENT);
    assert_int_equal(program_find("sh", path, sizeof path, &err), 0);
    assert_int_equal(access(path, X_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_in_order_and_ends_the_other_way_round),
        cmocka_unit_test(starts_again_what_ends),
        cmocka_unit_test(knows_who_never_was_ready),
        cmocka_unit_test(tells_the_signal),
        cmocka_unit_test(knows_its_parent),
        cmocka_unit_test(says_when_there_is_no_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
