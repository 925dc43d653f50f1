#include "common/canaryspec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *word;
    int code;
    enum canary_kind kind;
    const char *host;
    unsigned port;
} words[] = {
    {"coordinator",                  0,       CANARY_COORDINATOR, "",               0  },
    { "collector",                   0,       CANARY_COLLECTOR,   "",               0  },
    { "root",                        0,       CANARY_ROOT,        "",               0  },
    { "tcp://192.0.2.1:443",         0,       CANARY_TCP,         "192.0.2.1",      443},
    { "tcp://[2001:db8::1]:443",     0,       CANARY_TCP,         "2001:db8::1",    443},
    { "tcp://canary.example:80",     0,       CANARY_TCP,         "canary.example", 80 },
    { "http://canary.example/",      0,       CANARY_URL,         "",               0  },
    { "https://canary.example/ping", 0,       CANARY_URL,         "",               0  },
    { "",                            -EINVAL, 0,                  "",               0  },
    { "roots",                       -EINVAL, 0,                  "",               0  },
    { "ipc:///run/vedette/control",  -EINVAL, 0,                  "",               0  },
    { "tcp://canary.example",        -EINVAL, 0,                  "",               0  },
    { "tcp://:80",                   -EINVAL, 0,                  "",               0  },
    { "tcp://[]:80",                 -EINVAL, 0,                  "",               0  },
    { "tcp://[2001:db8::1:80",       -EINVAL, 0,                  "",               0  },
    { "tcp://2001:db8::1:80",        -EINVAL, 0,                  "",               0  },
    { "tcp://canary.example:0",      -EINVAL, 0,                  "",               0  },
    { "tcp://canary.example:65536",  -EINVAL, 0,                  "",               0  },
    { "tcp://canary.example:80x",    -EINVAL, 0,                  "",               0  },
    { "tcp://canary.example:",       -EINVAL, 0,                  "",               0  },
    { "tcp://canary/example:80",     -EINVAL, 0,                  "",               0  },
    { "http://user@canary.example/", -EINVAL, 0,                  "",               0  },
    { "ftp://canary.example/",       -EINVAL, 0,                  "",               0  },
};

static void words_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct canary_spec s;
        struct err err = { 0 };
        if (canary_spec_parse(words[i].word, &s, &err) != words[i].code)
            fail_msg("'%s': %s", words[i].word, err.text);
        if (words[i].code < 0) {
            assert_true(err.text[0]);
            continue;
        }
        if (s.kind != words[i].kind || strcmp(s.host, words[i].host) != 0 || s.port != words[i].port)
            fail_msg("'%s': kind %u, %s, port %u", words[i].word, (unsigned)s.kind, s.host, s.port);
    }
}

static void lists_are_read(void **state)
{
    (void)state;
    struct canary_spec s[CANARY_MAX];
    char many[400] = "", endless[300];
    assert_int_equal(canary_spec_list("", s, NULL), 0);
    assert_int_equal(canary_spec_list(" , ", s, NULL), 0);
    assert_int_equal(canary_spec_list("coordinator, collector, root", s, NULL), 3);
    assert_int_equal(s[2].kind, CANARY_ROOT);
    assert_int_equal(canary_spec_list("root,tcp://192.0.2.1:1", s, NULL), 2);
    assert_int_equal(canary_spec_list("root, stem", s, NULL), -EINVAL);
    for (int i = 0; i < CANARY_MAX; i++)
        strcat(many, "root,");
    assert_int_equal(canary_spec_list(many, s, NULL), CANARY_MAX);
    strcat(many, "root");
    assert_int_equal(canary_spec_list(many, s, NULL), -EINVAL);
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_int_equal(canary_spec_list(endless, s, NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_read),
        cmocka_unit_test(lists_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
