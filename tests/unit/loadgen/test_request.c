#include "loadgen/request.h"

#include <errno.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define GET "GET / HTTP/1.1\r\n"

static const struct {
    const char *bytes;
    int length; /* -1: all of it; -EBADMSG; 0: not yet */
    bool head, keep;
    const char *host;
} heads[] = {
    {GET "Host: s1.d1.test\r\n\r\n",                      -1,       false, true,  "s1.d1.test"   },
    { "HEAD /x?y HTTP/1.1\r\nHost:s1.d1.test:80\r\n\r\n", -1,       true,  true,  "s1.d1.test:80"},
    { GET "HOST: \t a \t\r\n\r\n",                        -1,       false, true,  "a"            },
    { GET "Connection: close\r\nHost: a\r\n\r\n",         -1,       false, false, "a"            },
    { "GET / HTTP/1.0\r\nHost: a\r\n\r\n",                -1,       false, false, "a"            },
    { "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", -1,       false, true,  ""             },
    { GET "\r\n",                                         -1,       false, true,  ""             },
    { GET "Host: a\r\n\r\nmore",                          27,       false, true,  "a"            },
    { "",                                                 0,        false, false, NULL           },
    { GET "Host: a\r\n",                                  0,        false, false, NULL           },
    { "GE",                                               0,        false, false, NULL           },
    { "\x16\x03\x01",                                     -EBADMSG, false, false, NULL           },
    { "nonsense",                                         -EBADMSG, false, false, NULL           },
    { "GET /\r\n\r\n",                                    -EBADMSG, false, false, NULL           },
    { "GET / HTTP/2.0\r\n\r\n",                           -EBADMSG, false, false, NULL           },
    { "\r\n\r\n",                                         -EBADMSG, false, false, NULL           },
    { "HELLO\r\nHost: a\r\n\r\n",                         -EBADMSG, false, false, NULL           },
};

static void every_head(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct request r;
        int n = request_read(heads[i].bytes, strlen(heads[i].bytes), &r);
        int expected = heads[i].length == -1 ? (int)strlen(heads[i].bytes) : heads[i].length;
        if (n != expected)
            fail_msg("row %zu: %d", i, n);
        if (n > 0 && (r.head != heads[i].head || r.keep != heads[i].keep ||
                      r.host_len != strlen(heads[i].host) || memcmp(r.host, heads[i].host, r.host_len) != 0))
            fail_msg("row %zu: read wrongly", i);
    }
}

static void a_head_in_pieces_is_one_head(void **state)
{
    static const char all[] = GET "Host: s1.d1.test\r\nAccept: */*\r\n\r\n";
    struct request r;
    (void)state;
    for (size_t n = 0; n < sizeof all - 1; n++)
        assert_int_equal(request_read(all, n, &r), 0);
    assert_int_equal(request_read(all, sizeof all - 1, &r), sizeof all - 1);
}

static void answers_have_the_length_that_they_say(void **state)
{
    static const unsigned statuses[] = { 200, 204, 301, 304, 404, 429, 503 };
    char buf[ANSWER_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        unsigned status = 0, promised = 0;
        const struct request get = { .keep = true }, head = { .head = true };
        int n = answer_write(buf, sizeof buf, &get, statuses[i], "s17.d5.test");
        const char *body = strstr(buf, "\r\n\r\n") + 4;
        assert_int_equal(n, strlen(buf));
        assert_int_equal(sscanf(buf, "HTTP/1.1 %u ", &status), 1);
        assert_int_equal(status, statuses[i]);
        assert_int_equal(sscanf(strstr(buf, "Content-Length: "), "Content-Length: %u", &promised), 1);
        assert_int_equal(strlen(body), promised);
        assert_int_equal(promised == 0, status == 204 || status == 304);
        assert_int_equal(strstr(buf, "Retry-After: ") != NULL, status == 429);
        assert_int_equal(strstr(buf, "Location: ") != NULL, status == 301);
        assert_int_equal(strstr(buf, "All is well") != NULL, status == 200);

        n = answer_write(buf, sizeof buf, &head, statuses[i], "s17.d5.test");
        assert_string_equal(buf + n - 4, "\r\n\r\n");
        assert_non_null(strstr(buf, "Connection: close"));
    }
    assert_int_equal(answer_write(buf, 40, &(struct request){ 0 }, 200, "a"), -ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_head),
        cmocka_unit_test(a_head_in_pieces_is_one_head),
        cmocka_unit_test(answers_have_the_length_that_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
