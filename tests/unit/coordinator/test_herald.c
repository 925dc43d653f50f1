/* Who says on the loop that the list was edited, whatever the store does meanwhile. */
#include "tests/unit/common/stores.h"

#include "common/clock.h"
#include "common/loop.h"
#include "coordinator/herald.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#define EVERY_US (20 * US_PER_MS)

struct scene {
    struct loop *loop;
    struct herald *herald;
    struct loop_timer guard;
    unsigned news, away;
    bool is_away;
    char words[480];
};

static void on_herald(void *arg, const struct err *err)
{
    struct scene *s = arg;
    if (err) {
        snprintf(s->words, sizeof s->words, "%s", err->text);
        s->away++;
    } else
        s->news++;
    s->is_away = err != NULL;
    loop_stop(s->loop, 1);
}

static void on_guard(void *arg)
{
    struct scene *s = arg;
    loop_stop(s->loop, 0);
}

/* Whether the herald spoke within that time. */
static bool hear(struct scene *s, int64_t ms)
{
    loop_timer_at(&s->guard, clock_mono() + ms * NS_PER_MS);
    int r = loop_run(s->loop);
    loop_timer_at(&s->guard, MONO_NEVER);
    return r == 1;
}

static void begin(struct scene *s, const char *url)
{
    *s = (struct scene){ 0 };
    assert_int_equal(loop_new(&s->loop), 0);
    loop_timer_init(s->loop, &s->guard, on_guard, s);
    OK(herald_new(&s->herald, s->loop, url, EVERY_US, on_herald, s, &err));
}

static void end(struct scene *s)
{
    herald_free(s->herald);
    loop_timer_done(&s->guard);
    loop_free(s->loop);
}

static void test_each_edit_is_told(void **state)
{
    (void)state;
    struct place p;
    struct scene s;
    place_make(&p);
    struct store *editor = store_at(p.url, STORE_CREATE);
    begin(&s, p.url);
    assert_true(hear(&s, 20000)); /* the first answer is news */
    for (unsigned n = 1; n <= 3; n++) {
        assert_false(hear(&s, 200)); /* nothing happens, and nothing is told */
        OK(store_edit_begin(editor, NOON, &err));
        OK(store_edit_commit(editor, &err));
        assert_true(hear(&s, 20000));
        assert_int_equal(s.news, n + 1);
    }
    assert_int_equal(s.away, 0);
    end(&s);
    store_close(editor);
    place_remove(&p);
}

static void test_a_store_that_is_not_there_yet(void **state)
{
    (void)state;
    struct place p;
    struct scene s;
    place_make(&p);
    begin(&s, p.url);
    assert_true(hear(&s, 20000));
    assert_true(s.is_away);
    assert_non_null(strstr(s.words, "there is no store"));
    assert_false(hear(&s, 300)); /* once */
    struct store *editor = store_at(p.url, STORE_CREATE);
    assert_true(hear(&s, 20000));
    assert_false(s.is_away);
    assert_int_equal(s.away, 1);
    end(&s);
    store_close(editor);
    place_remove(&p);
}

/* A host that takes connections and says nothing keeps whoever asks it waiting. */
static void test_a_silent_server_holds_up_nobody(void **state)
{
    (void)state;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    char url[80];
    struct scene s;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    snprintf(url, sizeof url, "postgresql://127.0.0.1:%u/nobody", ntohs(at.sin_port));

    begin(&s, url);
    mono_ns since = clock_mono();
    for (int i = 0; i < 5; i++)
        assert_false(hear(&s, 50));
    assert_true(clock_mono() - since < 4 * NS_PER_S); /* the server's answer would be waited for longer */
    end(&s);                                          /* while it still waits */
    sleep(4); /* the thread that was left behind gives up by itself: sanitizers would see what it leaves */
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_edit_is_told),
        cmocka_unit_test(test_a_store_that_is_not_there_yet),
        cmocka_unit_test(test_a_silent_server_holds_up_nobody),
    };
    return cmocka_run_group_tests_name("herald", tests, NULL, NULL);
}
