/* Addresses of links, and whom they are for. */
#include "common/endpoint.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void each_is_what_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *endpoint;
        int check;
        bool local, everywhere;
        const char *host, *connect;
    } rows[] = {
        {"tcp://127.0.0.1:7711",            0,       true,  false, "127.0.0.1",           "tcp://127.0.0.1:7711"      },
        { "tcp://127.9.8.7:1",              0,       true,  false, "127.9.8.7",           "tcp://127.9.8.7:1"         },
        { "tcp://localhost:7711",           0,       true,  false, "localhost",           "tcp://localhost:7711"      },
        { "tcp://[::1]:7711",               0,       true,  false, "[::1]",               "tcp://[::1]:7711"          },
        { "tcp://127.0.0.1:*",              0,       true,  false, "127.0.0.1",           "tcp://127.0.0.1:*"         },
        { "ipc:///run/vedette/control",     0,       true,  false, "",                    "ipc:///run/vedette/control"},
        { "inproc://x",                     0,       true,  false, "",                    "inproc://x"                },
        { "tcp://0.0.0.0:7711",             0,       false, true,  "0.0.0.0",             "tcp://127.0.0.1:7711"      },
        { "tcp://*:7711",                   0,       false, true,  "*",                   "tcp://127.0.0.1:7711"      },
        { "tcp://[::]:7711",                0,       false, true,  "[::]",                "tcp://[::1]:7711"          },
        { "tcp://10.0.0.1:7711",            0,       false, false, "10.0.0.1",            "tcp://10.0.0.1:7711"       },
        { "tcp://128.0.0.1:7711",           0,       false, false, "128.0.0.1",           "tcp://128.0.0.1:7711"      },
        { "tcp://[2001:db8::1]:7711",       0,       false, false, "[2001:db8::1]",       "tcp://[2001:db8::1]:7711"  },
        { "tcp://control.example.com:7711", 0,       false, false, "control.example.com",
         "tcp://control.example.com:7711"                                                                             },
        { "tcp://127.0.0.1.example:7711",   0,       false, false, "127.0.0.1.example",
         "tcp://127.0.0.1.example:7711"                                                                               },
        { "tcp://127.0.0.1",                -EINVAL, 0,     0,     NULL,                  NULL                        },
        { "tcp://127.0.0.1:0",              -EINVAL, 0,     0,     NULL,                  NULL                        },
        { "tcp://127.0.0.1:70000",          -EINVAL, 0,     0,     NULL,                  NULL                        },
        { "tcp://127.0.0.1:12x",            -EINVAL, 0,     0,     NULL,                  NULL                        },
        { "tcp://:7711",                    -EINVAL, 0,     0,     NULL,                  NULL                        },
        { "tcp://a b:7711",                 -EINVAL, 0,     0,     NULL,                  NULL                        },
        { "tcp://user@host:7711",           -EINVAL, 0,     0,     NULL,                  NULL                        },
        { "tcp://[::1:7711",                -EINVAL, 0,     0,     NULL,                  NULL                        },
        { "tcp://2001:db8::1:7711",         -EINVAL, 0,     0,     NULL,                  NULL                        },
        { "udp://127.0.0.1:7711",           -EINVAL, 0,     0,     NULL,                  NULL                        },
        { "ipc://",                         -EINVAL, 0,     0,     NULL,                  NULL                        },
        { "",                               -EINVAL, 0,     0,     NULL,                  NULL                        },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = { 0 };
        char host[64], at[64];
        if (endpoint_check(rows[i].endpoint, &err) != rows[i].check)
            fail_msg("%s: %d (%s)", rows[i].endpoint, err.code, err.text);
        if (rows[i].check < 0) {
            assert_true(strlen(err.text) > 0);
            continue;
        }
        if (endpoint_is_local(rows[i].endpoint) != rows[i].local ||
            endpoint_is_everywhere(rows[i].endpoint) != rows[i].everywhere)
            fail_msg("%s: for whom?", rows[i].endpoint);
        endpoint_host(rows[i].endpoint, host, sizeof host);
        assert_string_equal(host, rows[i].host);
        assert_int_equal(endpoint_to_connect(rows[i].endpoint, at, sizeof at), 0);
        assert_string_equal(at, rows[i].connect);
    }
}

static void another_host_and_the_same_port(void **state)
{
    (void)state;
    char at[40];
    assert_int_equal(endpoint_at("tcp://0.0.0.0:7720", "203.0.113.9", at, sizeof at), 0);
    assert_string_equal(at, "tcp://203.0.113.9:7720");
    assert_int_equal(endpoint_at("tcp://[::]:7720", "[2001:db8::1]", at, sizeof at), 0);
    assert_string_equal(at, "tcp://[2001:db8::1]:7720");
    assert_int_equal(endpoint_at("ipc:///run/x", "h", at, sizeof at), -EINVAL);
    assert_int_equal(
        endpoint_at("tcp://0.0.0.0:7720", "a-name-that-is-too-long-for-it.example", at, sizeof at),
        -ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_what_it_is),
        cmocka_unit_test(another_host_and_the_same_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
