#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* worker/ntop.c stands before the C library's: the contract is that one's. */
static void it_is_inet_ntop(void **state)
{
    (void)state;
    static const struct {
        int family;
        const char *text;
    } rows[] = {
        {AF_INET,   "0.0.0.0"        },
        { AF_INET,  "1.2.3.4"        },
        { AF_INET,  "10.99.100.109"  },
        { AF_INET,  "255.255.255.255"},
        { AF_INET6, "::"             },
        { AF_INET6, "2001:db8::ff:1" },
        { AF_INET6, "::ffff:1.2.3.4" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char bytes[16];
        char buf[INET6_ADDRSTRLEN], tight[INET6_ADDRSTRLEN];
        socklen_t need = (socklen_t)strlen(rows[i].text) + 1;
        assert_int_equal(inet_pton(rows[i].family, rows[i].text, bytes), 1);
        assert_ptr_equal(inet_ntop(rows[i].family, bytes, buf, sizeof buf), buf);
        assert_string_equal(buf, rows[i].text);
        assert_ptr_equal(inet_ntop(rows[i].family, bytes, tight, need), tight);
        errno = 0;
        assert_null(inet_ntop(rows[i].family, bytes, tight, need - 1));
        assert_int_equal(errno, ENOSPC);
    }
    errno = 0;
    assert_null(inet_ntop(AF_UNIX, "", (char[64]){ 0 }, 64));
    assert_int_equal(errno, EAFNOSUPPORT);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(it_is_inet_ntop) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
