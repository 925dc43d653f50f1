/* Places that are taken, and such that are free. */
#include "cli/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_port_that_somebody_listens_on(void **state)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    char endpoint[80];
    struct err err = { 0 };
    (void)state;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", ntohs(at.sin_port));
    assert_int_equal(ports_check_one("endpoint.control", endpoint, &err), -EADDRINUSE);
    assert_non_null(strstr(err.text, endpoint));
    assert_non_null(strstr(err.text, "endpoint.control"));
    snprintf(endpoint, sizeof endpoint, "tcp://localhost:%u", ntohs(at.sin_port));
    assert_int_equal(ports_check_one("endpoint.control", endpoint, &err), -EADDRINUSE);
    close(fd);
    assert_int_equal(ports_check_one("endpoint.control", endpoint, &err), 0);
}

static void a_path_that_somebody_listens_on(void **state)
{
    char folder[] = "/tmp/vedette-ports-XXXXXX", endpoint[120];
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    struct err err = { 0 };
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(at.sun_path, sizeof at.sun_path, "%s/lane", folder);
    snprintf(endpoint, sizeof endpoint, "ipc://%s", at.sun_path);
    assert_int_equal(ports_check_one("endpoint.feed", endpoint, &err), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(ports_check_one("endpoint.feed", endpoint, &err), -EADDRINUSE);
    close(fd);
    /* What a dead process leaves behind is not in anybody's way. */
    assert_int_equal(ports_check_one("endpoint.feed", endpoint, &err), 0);
    unlink(at.sun_path);
    rmdir(folder);
}

static void what_cannot_be_told_is_free(void **state)
{
    static const char *const endpoints[] = { "tcp://127.0.0.1:*", "tcp://127.0.0.1:0", "inproc://x",
                                             "nonsense", "" };
    (void)state;
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++)
        assert_int_equal(ports_check_one("endpoint.jobs", endpoints[i], NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_that_somebody_listens_on),
        cmocka_unit_test(a_path_that_somebody_listens_on),
        cmocka_unit_test(what_cannot_be_told_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
