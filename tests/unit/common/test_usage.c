/* What this process takes, by its own doing. */
#include "common/usage.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void it_grows_with_what_is_taken(void **state)
{
    struct usage before, after;
    enum { MORE = 32 << 20, FILES = 7 };
    int fd[FILES];
    (void)state;
    usage_read(&before);
    assert_true(before.descriptors >= 3 && before.descriptors_most >= before.descriptors);
    assert_true(before.threads >= 1 && before.virtual_bytes >= before.resident_bytes);

    char *memory = malloc(MORE);
    assert_non_null(memory);
    memset(memory, 1, MORE);
    for (int i = 0; i < FILES; i++)
        fd[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    unsigned spent = 0;
    do {
        for (unsigned i = 0; i < 1000; i++)
            spent += (unsigned)memory[(spent + i) % MORE];
        usage_read(&after);
    } while (after.cpu_us <= before.cpu_us);
    assert_true(spent > 0);

    assert_int_equal(after.descriptors, before.descriptors + FILES);
    assert_int_equal(usage_descriptors(), after.descriptors);
    assert_true(after.resident_bytes > before.resident_bytes + MORE / 2);
    for (int i = 0; i < FILES; i++)
        close(fd[i]);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(it_grows_with_what_is_taken) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
