#include "collector/signature.h"
#include "tests/unit/collector/delivery.h"
#include "tests/unit/collector/listener.h"

/* What the server has heard, and what it answers next. */
struct hook {
    const char *answer;
    char request[16384], body[16384];
    atomic_uint requests;
};

static void talk(int fd, void *arg)
{
    struct hook *h = arg;
    char line[2048];
    size_t len = 0;
    h->request[0] = '\0';
    while (listener_line(fd, line, sizeof line) && line[0]) {
        strcat(strcat(h->request, line), "\n");
        sscanf(line, "Content-Length: %zu", &len);
    }
    size_t have = 0;
    ssize_t n;
    while (have < len && (n = read(fd, h->body + have, len - have)) > 0)
        have += (size_t)n;
    h->body[have] = '\0';
    atomic_fetch_add(&h->requests, 1);
    listener_say(fd, h->answer);
}

static const struct {
    const char *answer;
    enum delivery_word word;
    int retry_after_s;
    const char *trouble; /* its beginning */
} answers[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",                                    DELIVERY_DONE,    0,     ""                                  },
    { "HTTP/1.1 204 No Content\r\n\r\n",                                                  DELIVERY_DONE,    0,     ""                                  },
    { "HTTP/1.1 202 Accepted\r\n\r\n",                                                    DELIVERY_DONE,    0,     ""                                  },
    { "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", DELIVERY_AGAIN,   0,
     "the receiver answered with HTTP 301"                                                                                                             }, /* redirects are not followed */
    { "HTTP/1.1 400 Bad\r\nContent-Length: 10\r\n\r\nno\nthanks.",                        DELIVERY_REFUSED, 0,
     "the receiver answered with HTTP 400: no thanks."                                                                                                 },
    { "HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n",                                   DELIVERY_REFUSED, 0,
     "the receiver answered with HTTP 404"                                                                                                             },
    { "HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n",                                   DELIVERY_AGAIN,   0,
     "the receiver answered with HTTP 408"                                                                                                             },
    { "HTTP/1.1 425 Early\r\nContent-Length: 0\r\n\r\n",                                  DELIVERY_AGAIN,   0,
     "the receiver answered with HTTP 425"                                                                                                             },
    { "HTTP/1.1 429 Slow\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n",                DELIVERY_AGAIN,   17,
     "the receiver answered with HTTP 429"                                                                                                             },
    { "HTTP/1.1 503 Away\r\nRetry-After: 99999999\r\nContent-Length: 0\r\n\r\n",          DELIVERY_AGAIN,   86400,
     "the receiver answered with HTTP 503"                                                                                                             },
    { "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",                                   DELIVERY_AGAIN,   0,
     "the receiver answered with HTTP 500"                                                                                                             },
    { "",                                                                                 DELIVERY_AGAIN,   0,     "Empty reply from server"           },
    { "SSH-2.0-OpenSSH_9.2\r\n",                                                          DELIVERY_AGAIN,   0,     "Received HTTP/0.9 when not allowed"},
};

static void test_what_answers_mean(void **state)
{
    (void)state;
    struct delivery d;
    struct listener l;
    struct hook *h = calloc(1, sizeof *h);
    char channel[100];
    delivery_open(&d);
    listener_start(&l, talk, h);
    snprintf(channel, sizeof channel, "webhook:http://127.0.0.1:%u/hook", l.port);
    struct notice *n = delivery_notice(NOTICE_DOWN, channel);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        h->answer = answers[i].answer;
        enum delivery_word word = deliver(&d, n);
        if (word != answers[i].word || d.end.retry_after_us != answers[i].retry_after_s * US_PER_S ||
            strncmp(d.end.trouble, answers[i].trouble, strlen(answers[i].trouble)) != 0)
            fail_msg("to '%s': word %d, retry after %lld us, '%s'", answers[i].answer, word,
                     (long long)d.end.retry_after_us, d.end.trouble);
    }
    assert_int_equal(h->requests, sizeof answers / sizeof *answers); /* each asked once */
    listener_stop(&l);
    notice_free(n);
    delivery_close(&d);
    free(h);
}

static const char *header(const struct hook *h, const char *name, char *buf)
{
    const char *at = strstr(h->request, name);
    buf[0] = '\0';
    if (at)
        sscanf(at + strlen(name), ": %200[^\n]", buf);
    return buf;
}

static void test_what_is_sent(void **state)
{
    (void)state;
    struct delivery d;
    struct listener l;
    struct hook *h = calloc(1, sizeof *h);
    char channel[100], value[210], timestamp[210], signature[SIGNATURE_SIZE];
    delivery_open(&d);
    listener_start(&l, talk, h);
    snprintf(channel, sizeof channel, "webhook:http://127.0.0.1:%u/hook?team=1", l.port);
    struct notice *n = delivery_notice(NOTICE_DOWN, channel);
    h->answer = "HTTP/1.1 204 No Content\r\n\r\n";
    assert_int_equal(deliver(&d, n), DELIVERY_DONE);
    assert_memory_equal(h->request, "POST /hook?team=1 HTTP/1.1\n", 27);
    assert_string_equal(h->body, n->payload);
    assert_string_equal(header(h, "Content-Type", value), "application/json");
    assert_string_equal(header(h, "Idempotency-Key", value), n->key);
    assert_string_equal(header(h, "X-Vedette-Signature", value), ""); /* no secret, no signature */
    assert_string_equal(header(h, "Expect", value), "");

    strcpy(d.config.webhook.secret, "s3cret");
    assert_int_equal(deliver(&d, n), DELIVERY_DONE);
    header(h, "X-Vedette-Timestamp", timestamp);
    assert_true(llabs(atoll(timestamp) - clock_wall() / US_PER_S) <= 10);
    signature_v1(signature, "s3cret", timestamp, h->body, strlen(h->body));
    assert_string_equal(header(h, "X-Vedette-Signature", value), signature);
    listener_stop(&l);
    notice_free(n);
    delivery_close(&d);
    free(h);
}

static void say_nothing(int fd, void *arg)
{
    char line[100];
    (void)arg;
    while (listener_line(fd, line, sizeof line))
        continue;
}

static void test_a_receiver_that_says_nothing(void **state)
{
    (void)state;
    struct delivery d;
    struct listener l;
    char channel[100];
    delivery_open(&d);
    d.config.webhook.timeout_us = 200 * US_PER_MS;
    listener_start(&l, say_nothing, NULL);
    snprintf(channel, sizeof channel, "webhook:http://127.0.0.1:%u/", l.port);
    struct notice *n = delivery_notice(NOTICE_DOWN, channel);
    assert_int_equal(deliver(&d, n), DELIVERY_AGAIN);
    assert_non_null(strstr(d.end.trouble, "timed out"));

    d.config.webhook.timeout_us = 10 * US_PER_S;
    d.ends = 0;
    channel_begin(d.channels, n, delivery_done, &d);
    for (int i = 0; i < 5; i++)
        loop_turn(d.loop, 20);
    delivery_close(&d); /* ends without a word */
    assert_int_equal(d.ends, 0);
    listener_stop(&l);
    notice_free(n);
}

static void test_nobody_listens(void **state)
{
    (void)state;
    struct delivery d;
    struct listener l;
    char channel[100];
    listener_start(&l, say_nothing, NULL);
    snprintf(channel, sizeof channel, "webhook:http://127.0.0.1:%u/", l.port);
    listener_stop(&l);
    delivery_open(&d);
    struct notice *n = delivery_notice(NOTICE_DOWN, channel);
    assert_int_equal(deliver(&d, n), DELIVERY_AGAIN);
    assert_true(d.end.trouble[0]);
    notice_free(n);
    n = delivery_notice(NOTICE_DOWN, "telegram:x"); /* of a later version, perhaps */
    assert_int_equal(deliver(&d, n), DELIVERY_REFUSED);
    notice_free(n);
    delivery_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_answers_mean),
        cmocka_unit_test(test_what_is_sent),
        cmocka_unit_test(test_a_receiver_that_says_nothing),
        cmocka_unit_test(test_nobody_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
