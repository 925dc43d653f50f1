/* Names asked of small name servers on this machine. What a server does is told
 * by its mode and by the first label of the name. */
#include "worker/resolver.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum mode { OPEN, CLOSED, SILENT };
enum { NS = 2, A = 1, AAAA = 28, NXDOMAIN = 3, SERVFAIL = 2, REFUSED = 5 };

struct server {
    pid_t pid;
    uint16_t port;
    unsigned *asked; /* how many questions, shared with the child */
};

/* ── A name server ─────────────────────────────────────────────────────── */

struct question {
    uint8_t bytes[512];
    size_t len; /* up to the end of the question */
    char name[256];
    int type;
};

static bool read_question(int fd, struct question *q, struct sockaddr_in *from)
{
    socklen_t from_len = sizeof *from;
    ssize_t n = recvfrom(fd, q->bytes, sizeof q->bytes, 0, (struct sockaddr *)from, &from_len);
    size_t at = 12, out = 0;
    if (n < 17)
        return false;
    for (; q->bytes[at]; at += q->bytes[at] + 1u)
        out += (size_t)sprintf(q->name + out, "%.*s.", q->bytes[at], q->bytes + at + 1);
    q->name[out] = '\0';
    q->type = q->bytes[at + 1] << 8 | q->bytes[at + 2];
    q->len = at + 5;
    return true;
}

static void reply(int fd, const struct sockaddr_in *to, struct question *q, int rcode, const void *data,
                  size_t len)
{
    static const uint8_t rest[] = {
        0xc0, 12, 0, 0, 0, 1, 0, 0, 0, 30, 0, 0
    }; /* name, type, class, 30 s, length */
    uint8_t *b = q->bytes;
    b[2] = 0x81;
    b[3] = (uint8_t)(0x80 | rcode);
    b[7] = len > 0; /* answers */
    b[9] = b[11] = 0;
    if (len > 0) {
        memcpy(b + q->len, rest, sizeof rest);
        b[q->len + 3] = (uint8_t)q->type;
        b[q->len + 11] = (uint8_t)len;
        memcpy(b + q->len + sizeof rest, data, len);
        q->len += sizeof rest + len;
    }
    sendto(fd, b, q->len, 0, (const struct sockaddr *)to, sizeof *to);
}

static bool begins(const char *name, const char *label)
{
    return strncmp(name, label, strlen(label)) == 0;
}

static void answer(int fd, const struct sockaddr_in *to, struct question *q, enum mode mode)
{
    static const uint8_t v4[] = { 192, 0, 2, 7 }, v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 },
                         root[] = { 1, 'a', 0 };
    if (mode == SILENT || begins(q->name, "hole"))
        return;
    if (mode == CLOSED)
        reply(fd, to, q, NXDOMAIN, NULL, 0);
    else if (q->name[0] == '\0' && q->type == NS)
        reply(fd, to, q, 0, root, sizeof root);
    else if (begins(q->name, "servfail"))
        reply(fd, to, q, SERVFAIL, NULL, 0);
    else if (begins(q->name, "refused"))
        reply(fd, to, q, REFUSED, NULL, 0);
    else if (begins(q->name, "nx"))
        reply(fd, to, q, NXDOMAIN, NULL, 0);
    else if (begins(q->name, "nodata") || (begins(q->name, "six") && q->type == A))
        reply(fd, to, q, 0, NULL, 0);
    else if (q->type == A)
        reply(fd, to, q, 0, v4, sizeof v4);
    else if (begins(q->name, "six") || begins(q->name, "both"))
        reply(fd, to, q, 0, v6, sizeof v6);
    else if (!begins(q->name, "half")) /* which never answers for AAAA */
        reply(fd, to, q, 0, NULL, 0);
}

static struct server start(enum mode mode)
{
    struct server s = { 0 };
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    getsockname(fd, (struct sockaddr *)&at, &len);
    s.port = ntohs(at.sin_port);
    s.asked = mmap(NULL, sizeof *s.asked, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    s.pid = fork();
    if (s.pid != 0) {
        close(fd);
        return s;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (struct question q;;) {
        struct sockaddr_in from;
        if (!read_question(fd, &q, &from))
            continue;
        ++*s.asked;
        answer(fd, &from, &q, mode);
    }
}

static void stop(struct server *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    munmap(s->asked, sizeof *s->asked);
}

/* ── Asking ────────────────────────────────────────────────────────────── */

struct asking {
    struct loop *loop;
    struct routes routes;
    struct resolver *resolver;
    unsigned told;
    struct dns_answer answer;
};

static void begin(struct asking *k, const char *servers, uint32_t v6)
{
    struct config c;
    struct err err = { 0 };
    *k = (struct asking){ 0 };
    config_init(&c);
    snprintf(c.worker.resolver, sizeof c.worker.resolver, "%s", servers);
    routes_init(&k->routes, 1, v6);
    assert_int_equal(loop_new(&k->loop), 0);
    if (resolver_new(&k->resolver, k->loop, &c, &k->routes, &err) < 0)
        fail_msg("%s", err.text);
}

static void end(struct asking *k)
{
    resolver_free(k->resolver);
    loop_free(k->loop);
}

static void on_answer(void *arg, const struct dns_answer *a)
{
    struct asking *k = arg;
    k->answer = *a;
    k->told++;
}

static void ask(struct asking *k, const char *name, bool fresh)
{
    struct resolver_wait w = { .fn = on_answer, .arg = k };
    unsigned before = k->told;
    int r = resolver_ask(k->resolver, name, fresh, &w, &k->answer);
    assert_true(r >= 0);
    while (r == 0 && k->told == before)
        loop_turn(k->loop, 100);
}

static const struct {
    const char *name;
    enum mode mode;
    uint32_t v6;
    enum name_status status;
    enum root_status root;
    unsigned n_v4, n_v6;
} stories[] = {
    {"a.test",         OPEN,   0, NAME_OK,         ROOT_UNKNOWN, 1, 0},
    { "both.test",     OPEN,   1, NAME_OK,         ROOT_UNKNOWN, 1, 1},
    { "both.test",     OPEN,   0, NAME_OK,         ROOT_UNKNOWN, 1, 0},
    { "four.test",     OPEN,   1, NAME_OK,         ROOT_UNKNOWN, 1, 0},
    { "half.test",     OPEN,   1, NAME_OK,         ROOT_UNKNOWN, 1, 0},
    { "six.test",      OPEN,   1, NAME_OK,         ROOT_UNKNOWN, 0, 1},
    { "nx.test",       OPEN,   1, NAME_NXDOMAIN,   ROOT_KNOWN,   0, 0},
    { "nodata.test",   OPEN,   1, NAME_NODATA,     ROOT_KNOWN,   0, 0},
    { "servfail.test", OPEN,   1, NAME_SERVFAIL,   ROOT_KNOWN,   0, 0},
    { "refused.test",  OPEN,   0, NAME_REFUSED,    ROOT_KNOWN,   0, 0},
    { "a.test",        CLOSED, 1, NAME_NXDOMAIN,   ROOT_DENIED,  0, 0},
    { "a..test",       OPEN,   0, NAME_IMPOSSIBLE, ROOT_UNKNOWN, 0, 0},
};

static void every_answer_is_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct server s = start(stories[i].mode);
        struct asking k;
        char at[40];
        snprintf(at, sizeof at, "127.0.0.1:%u", s.port);
        begin(&k, at, stories[i].v6);
        ask(&k, stories[i].name, false);
        const struct dns_answer *a = &k.answer;
        if (a->status != stories[i].status || a->root != stories[i].root || a->n_v4 != stories[i].n_v4 ||
            a->n_v6 != stories[i].n_v6)
            fail_msg("%s (row %zu): status %d root %d, %u and %u addresses", stories[i].name, i, a->status,
                     a->root, a->n_v4, a->n_v6);
        end(&k);
        stop(&s);
    }
}

/* Without a route for IPv6 its addresses are still asked for where there are no
 * others: "not from here" is something else than "nowhere". */
static void the_other_family_is_found_too(void **state)
{
    (void)state;
    struct server s = start(OPEN);
    struct asking k;
    char at[40];
    snprintf(at, sizeof at, "127.0.0.1:%u", s.port);
    begin(&k, at, 2);
    k.routes.look_again = MONO_NEVER; /* found out: none */
    ask(&k, "six.test", false);
    assert_int_equal(k.answer.n_v6, 1);
    assert_int_equal(*s.asked, 2);
    ask(&k, "a.test", false);
    assert_int_equal(*s.asked, 3); /* A was enough */
    end(&k);
    stop(&s);
}

static void many_who_ask_are_one_question(void **state)
{
    (void)state;
    struct server s = start(OPEN);
    struct asking k;
    struct resolver_wait w[20];
    struct dns_answer a;
    char at[40];
    snprintf(at, sizeof at, "127.0.0.1:%u", s.port);
    begin(&k, at, 0);
    for (int i = 0; i < 20; i++) {
        w[i] = (struct resolver_wait){ .fn = on_answer, .arg = &k };
        assert_int_equal(resolver_ask(k.resolver, "a.test", false, &w[i], &a), 0);
    }
    resolver_cancel(&w[3]);
    resolver_cancel(&w[3]);
    while (k.told < 19)
        loop_turn(k.loop, 100);
    loop_turn(k.loop, 20);
    assert_int_equal(k.told, 19);
    assert_int_equal(*s.asked, 1);

    assert_int_equal(resolver_ask(k.resolver, "a.test", false, &w[0], &a), 1); /* remembered */
    assert_int_equal(a.n_v4, 1);
    assert_int_equal(*s.asked, 1);
    ask(&k, "a.test", true); /* not believed */
    assert_int_equal(*s.asked, 2);
    end(&k);
    stop(&s);
}

static void a_dead_server_is_left_for_the_next(void **state)
{
    (void)state;
    struct server dead = start(SILENT), well = start(OPEN);
    struct asking k;
    char at[80];
    snprintf(at, sizeof at, "127.0.0.1:%u, 127.0.0.1:%u", dead.port, well.port);
    begin(&k, at, 0);
    ask(&k, "a.test", false);
    assert_int_equal(k.answer.status, NAME_OK);
    unsigned asked = *dead.asked;
    assert_true(asked > 0);
    ask(&k, "b.test", false); /* the other one first from now on */
    assert_int_equal(k.answer.status, NAME_OK);
    assert_int_equal(*dead.asked, asked);
    end(&k);
    stop(&dead);
    stop(&well);
}

static void a_failing_server_is_not_the_last_word(void **state)
{
    (void)state;
    struct server closed = start(OPEN), well = start(OPEN);
    struct asking k;
    char at[80];
    stop(&closed); /* nothing listens there any more */
    snprintf(at, sizeof at, "127.0.0.1:%u,127.0.0.1:%u", closed.port, well.port);
    begin(&k, at, 0);
    ask(&k, "servfail.test", false);
    assert_int_equal(k.answer.status, NAME_SERVFAIL);
    assert_int_equal(k.answer.root, ROOT_KNOWN);
    ask(&k, "a.test", false);
    assert_int_equal(k.answer.status, NAME_OK);
    end(&k);

    snprintf(at, sizeof at, "127.0.0.1:%u", closed.port);
    begin(&k, at, 0);
    ask(&k, "a.test", false);
    assert_int_equal(k.answer.status, NAME_UNREACHABLE);
    end(&k);
    stop(&well);
}

/* While a name hangs, the server is asked for the root, so that whoever loses
 * patience knows whose silence it is. */
static void silence_is_told_apart(void **state)
{
    (void)state;
    static const struct {
        enum mode mode;
        enum root_status root;
    } rows[] = {
        {OPEN,    ROOT_KNOWN  },
        { SILENT, ROOT_UNKNOWN}
    };
    for (size_t i = 0; i < 2; i++) {
        struct server s = start(rows[i].mode);
        struct asking k;
        struct resolver_wait w = { .fn = on_answer, .arg = &k };
        struct dns_answer a;
        char at[40];
        snprintf(at, sizeof at, "127.0.0.1:%u", s.port);
        begin(&k, at, 0);
        assert_int_equal(resolver_ask(k.resolver, "hole.test", false, &w, &a), 0);
        for (mono_ns until = clock_mono() + NS_PER_S; clock_mono() < until;)
            loop_turn(k.loop, 50);
        assert_int_equal(k.told, 0);
        assert_int_equal(resolver_root(k.resolver), rows[i].root);
        resolver_cancel(&w);
        end(&k); /* with the question open */
        stop(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_is_told_apart),
        cmocka_unit_test(the_other_family_is_found_too),
        cmocka_unit_test(many_who_ask_are_one_question),
        cmocka_unit_test(a_dead_server_is_left_for_the_next),
        cmocka_unit_test(a_failing_server_is_not_the_last_word),
        cmocka_unit_test(silence_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
