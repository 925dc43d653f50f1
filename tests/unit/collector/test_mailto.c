#include "tests/unit/collector/delivery.h"
#include "tests/unit/collector/listener.h"

#include <signal.h>

/* A mail server with one wish: to answer one of the commands otherwise. */
struct postman {
    const char *wish, *answer; /* "" for none; "." is the end of the message */
    char mail[16384], from[200], to[200];
    atomic_uint accepted;
};

static const char *answer_to(const struct postman *p, const char *command, const char *usual)
{
    return strcmp(p->wish, command) == 0 ? p->answer : usual;
}

static void take_mail(int fd, struct postman *p)
{
    char line[2048];
    p->mail[0] = '\0';
    while (listener_line(fd, line, sizeof line) && strcmp(line, ".") != 0)
        strcat(strcat(p->mail, line[0] == '.' ? line + 1 : line), "\n");
    const char *answer = answer_to(p, ".", "250 kept\r\n");
    if (answer[0] == '2')
        atomic_fetch_add(&p->accepted, 1);
    listener_say(fd, answer);
}

static void talk(int fd, void *arg)
{
    struct postman *p = arg;
    char line[2048];
    listener_say(fd, answer_to(p, "HI", "220 test\r\n"));
    while (listener_line(fd, line, sizeof line)) {
        if (strncmp(line, "EHLO", 4) == 0)
            listener_say(fd, answer_to(p, "EHLO", "250-test\r\n250 SIZE 100000\r\n"));
        else if (strncmp(line, "MAIL", 4) == 0) {
            snprintf(p->from, sizeof p->from, "%.190s", line);
            listener_say(fd, answer_to(p, "MAIL", "250 ok\r\n"));
        } else if (strncmp(line, "RCPT", 4) == 0) {
            snprintf(p->to, sizeof p->to, "%.190s", line);
            listener_say(fd, answer_to(p, "RCPT", "250 ok\r\n"));
        } else if (strcmp(line, "DATA") == 0) {
            const char *answer = answer_to(p, "DATA", "354 go on\r\n");
            listener_say(fd, answer);
            if (answer[0] == '3')
                take_mail(fd, p);
        } else if (strcmp(line, "QUIT") == 0) {
            listener_say(fd, "221 bye\r\n");
            return;
        } else
            listener_say(fd, "500 what?\r\n");
    }
}

static const struct {
    const char *wish, *answer;
    enum delivery_word word;
    const char *trouble;
} answers[] = {
    {"",      "",                              DELIVERY_DONE,    ""                                              },
    { "RCPT", "550 5.1.1 no such user\r\n",    DELIVERY_REFUSED,
     "the mail server answered: 550 5.1.1 no such user"                                                          },
    { "RCPT", "450 4.2.0 greylisted\r\n",      DELIVERY_AGAIN,   "the mail server answered: 450 4.2.0 greylisted"},
    { "MAIL", "550 5.7.1 not you\r\n",         DELIVERY_AGAIN,   "the mail server answered: 550 5.7.1 not you"   },
    { "DATA", "451 4.3.0 later\r\n",           DELIVERY_AGAIN,   "the mail server answered: 451 4.3.0 later"     },
    { ".",    "554 5.7.1 looks like spam\r\n", DELIVERY_REFUSED,
     "the mail server answered: 554 5.7.1 looks like spam"                                                       },
    { ".",    "452 4.3.1 disk full\r\n",       DELIVERY_AGAIN,   "the mail server answered: 452 4.3.1 disk full" },
    { "HI",   "421 4.3.2 going down\r\n",      DELIVERY_AGAIN,   "the mail server answered: 421 4.3.2 going down"},
    { "HI",   "554 no service for you\r\n",    DELIVERY_AGAIN,
     "the mail server answered: 554 no service for you"                                                          },
};

static void start(struct delivery *d, struct listener *l, struct postman *p)
{
    delivery_open(d);
    listener_start(l, talk, p);
    snprintf(d->config.mail.server, sizeof d->config.mail.server, "smtp://127.0.0.1:%u", l->port);
    strcpy(d->config.mail.from, "vedette@watch.example.com");
}

static void test_what_answers_mean(void **state)
{
    (void)state;
    struct delivery d;
    struct listener l;
    struct postman *p = calloc(1, sizeof *p);
    p->wish = "";
    start(&d, &l, p);
    struct notice *n = delivery_notice(NOTICE_DOWN, "mailto:shop@example.com");
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        p->wish = answers[i].wish;
        p->answer = answers[i].answer;
        unsigned before = p->accepted;
        enum delivery_word word = deliver(&d, n);
        if (word != answers[i].word || strcmp(d.end.trouble, answers[i].trouble) != 0)
            fail_msg("to %s %s: word %d, '%s'", answers[i].wish, answers[i].answer, word, d.end.trouble);
        assert_int_equal(p->accepted - before, answers[i].word == DELIVERY_DONE);
    }
    listener_stop(&l);
    notice_free(n);
    delivery_close(&d);
    free(p);
}

static void test_what_a_mail_looks_like(void **state)
{
    (void)state;
    struct delivery d;
    struct listener l;
    struct postman *p = calloc(1, sizeof *p);
    p->wish = "";
    start(&d, &l, p);
    struct notice *down = delivery_notice(NOTICE_DOWN, "mailto:shop@example.com");
    struct notice *back = delivery_notice(NOTICE_BACK, "mailto:shop@example.com");
    char line[200];
    assert_int_equal(deliver(&d, down), DELIVERY_DONE);
    assert_memory_equal(p->from, "MAIL FROM:<vedette@watch.example.com>", 37);
    assert_string_equal(p->to, "RCPT TO:<shop@example.com>");
    assert_memory_equal(p->mail,
                        "From: Vedette <vedette@watch.example.com>\nTo: <shop@example.com>\n"
                        "Subject: =?UTF-8?Q?=5Bdown=5D_caf=C3=A9=3A_HTTP_503?=\n"
                        "Date: Sun, 01 Mar 2026 14:02:21 +0000\n",
                        100);
    snprintf(line, sizeof line, "\nMessage-ID: <%s@watch.example.com>\n", down->key);
    assert_non_null(strstr(p->mail, line));
    assert_null(strstr(p->mail, "In-Reply-To"));
    assert_non_null(strstr(p->mail, "\nAuto-Submitted: auto-generated\n"));
    assert_non_null(strstr(p->mail, "\nX-Vedette-Kind: down\n"));
    assert_non_null(strstr(p->mail, "\nX-Vedette-Incident: 12\n"));
    assert_non_null(
        strstr(p->mail, "\nContent-Transfer-Encoding: quoted-printable\n\ncaf=C3=A9 is down since"));

    assert_int_equal(deliver(&d, back), DELIVERY_DONE);
    snprintf(line, sizeof line, "\nIn-Reply-To: <%s@watch.example.com>\n", down->key);
    assert_non_null(strstr(p->mail, line)); /* one thread in the mail reader */
    listener_stop(&l);
    notice_free(down);
    notice_free(back);
    delivery_close(&d);
    free(p);
}

static void test_tls_that_is_not_there(void **state)
{
    (void)state;
    struct delivery d;
    struct listener l;
    struct postman *p = calloc(1, sizeof *p);
    p->wish = "";
    start(&d, &l, p);
    struct notice *n = delivery_notice(NOTICE_DOWN, "mailto:shop@example.com");
    strcpy(d.config.mail.tls, "required");
    assert_int_equal(deliver(&d, n), DELIVERY_AGAIN);
    assert_int_equal(p->accepted, 0);
    strcpy(d.config.mail.tls, "never");
    assert_int_equal(deliver(&d, n), DELIVERY_DONE);
    listener_stop(&l);
    assert_int_equal(deliver(&d, n), DELIVERY_AGAIN); /* nobody listens */
    notice_free(n);
    delivery_close(&d);
    free(p);
}

/* A password goes nowhere in the clear. "127.1" is this machine too, but not beyond
 * doubt: it stands for any other. */
static void test_no_login_in_the_clear(void **state)
{
    (void)state;
    struct delivery d;
    struct listener l;
    struct postman *p = calloc(1, sizeof *p);
    p->wish = "";
    start(&d, &l, p);
    snprintf(d.config.mail.server, sizeof d.config.mail.server, "smtp://127.1:%u", l.port);
    strcpy(d.config.mail.tls, "opportunistic");
    strcpy(d.config.mail.user, "vedette");
    strcpy(d.config.mail.password, "secret");
    struct notice *n = delivery_notice(NOTICE_DOWN, "mailto:shop@example.com");
    assert_int_equal(deliver(&d, n), DELIVERY_AGAIN);
    assert_non_null(strstr(d.end.trouble, "mail.tls"));
    assert_int_equal(p->accepted, 0);
    d.config.mail.user[0] = d.config.mail.password[0] = '\0'; /* without one the mail itself may */
    assert_int_equal(deliver(&d, n), DELIVERY_DONE);
    listener_stop(&l);
    notice_free(n);
    delivery_close(&d);
    free(p);
}

/* A server that takes the message and then says nothing stops nobody. */
static void hang(int fd, void *arg)
{
    char line[2048];
    (void)arg;
    listener_say(fd, "220 test\r\n");
    while (listener_line(fd, line, sizeof line))
        if (strncmp(line, "EHLO", 4) == 0 || strncmp(line, "MAIL", 4) == 0 || strncmp(line, "RCPT", 4) == 0)
            listener_say(fd, "250 ok\r\n");
        else if (strcmp(line, "DATA") == 0)
            listener_say(fd, "354 go on\r\n");
}

static void test_a_server_that_falls_silent_stops_nobody(void **state)
{
    (void)state;
    struct delivery d, other;
    struct listener l;
    delivery_open(&d);
    listener_start(&l, hang, NULL);
    snprintf(d.config.mail.server, sizeof d.config.mail.server, "smtp://127.0.0.1:%u", l.port);
    struct notice *n = delivery_notice(NOTICE_DOWN, "mailto:shop@example.com");
    struct notice *program = delivery_notice(NOTICE_DOWN, "exec:/bin/true");
    d.ends = 0;
    channel_begin(d.channels, n, delivery_done, &d);
    mono_ns until = clock_mono() + 500 * NS_PER_MS;
    while (clock_mono() < until) {
        mono_ns before = clock_mono();
        loop_turn(d.loop, 20);
        assert_true(clock_mono() - before < 10 * NS_PER_S); /* it is waited for longer than that */
    }
    other.ends = 0;
    channel_begin(d.channels, program, delivery_done, &other);
    until = clock_mono() + 20 * NS_PER_S;
    while (other.ends == 0 && clock_mono() < until)
        loop_turn(d.loop, 20);
    assert_int_equal(other.ends, 1);
    assert_int_equal(d.ends, 0);

    mono_ns before = clock_mono();
    delivery_close(&d); /* ends it, without a word */
    assert_true(clock_mono() - before < 10 * NS_PER_S);
    assert_int_equal(d.ends, 0);
    listener_stop(&l);
    notice_free(n);
    notice_free(program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_answers_mean),
        cmocka_unit_test(test_what_a_mail_looks_like),
        cmocka_unit_test(test_tls_that_is_not_there),
        cmocka_unit_test(test_no_login_in_the_clear),
        cmocka_unit_test(test_a_server_that_falls_silent_stops_nobody),
    };
    signal(SIGPIPE, SIG_IGN); /* as every daemon does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
