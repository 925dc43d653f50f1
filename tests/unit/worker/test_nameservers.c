#include "worker/nameservers.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *text;
    int n;             /* < 0: refused */
    const char *first; /* "address port" */
} rows[] = {
    {"192.0.2.1",                                          1,  "192.0.2.1 53"    },
    { "192.0.2.1:5353",                                    1,  "192.0.2.1 5353"  },
    { "2001:db8::1",                                       1,  "2001:db8::1 53"  },
    { "[2001:db8::1]",                                     1,  "2001:db8::1 53"  },
    { "[2001:db8::1]:5353",                                1,  "2001:db8::1 5353"},
    { "192.0.2.1, 192.0.2.2:54",                           2,  "192.0.2.1 53"    },
    { " 192.0.2.1 ,192.0.2.2,192.0.2.3,192.0.2.4",         4,  "192.0.2.1 53"    },
    { "192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4,192.0.2.5", -1, NULL              },
    { "ns.test",                                           -1, NULL              },
    { "192.0.2",                                           -1, NULL              },
    { "192.0.2.1:",                                        -1, NULL              },
    { "192.0.2.1:0",                                       -1, NULL              },
    { "192.0.2.1:65536",                                   -1, NULL              },
    { "192.0.2.1:53x",                                     -1, NULL              },
    { "[2001:db8::1",                                      -1, NULL              },
    { "[]:53",                                             -1, NULL              },
    { ":53",                                               -1, NULL              },
};

static void servers_are_read_with_their_ports(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct address a[NAMESERVERS_MAX];
        struct err err = { 0 };
        char address[ADDRESS_SIZE], first[64];
        int n = nameservers_list(rows[i].text, a, &err);
        if (rows[i].n < 0) {
            assert_true(n < 0 && strstr(err.text, "worker.resolver"));
            continue;
        }
        if (n != rows[i].n)
            fail_msg("'%s': %d, %s", rows[i].text, n, err.text);
        uint16_t port = address_family(&a[0]) == AF_INET ? a[0].v4.sin_port : a[0].v6.sin6_port;
        snprintf(first, sizeof first, "%s %u", address_format(address, &a[0]), ntohs(port));
        assert_string_equal(first, rows[i].first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(servers_are_read_with_their_ports) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
