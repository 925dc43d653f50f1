/* How long a child waits before it is started again. */
#include "cli/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Lives in milliseconds, and the waits that follow them. */
static void backs_off(void **state)
{
    static const struct {
        const char *name;
        int n;
        int lived_ms[10], wait_ms[10];
    } stories[] = {
        {"doubling up to ten seconds",
         8,                                       { 0, 10, 10, 10, 10, 10, 10, 10 },
         { 250, 500, 1000, 2000, 4000, 8000, 10000, 10000 }                                                      },
        { "a long life is forgiven",           5, { 0, 0, 0, 30000, 0 },             { 250, 500, 1000, 250, 500 }},
        { "just too short a life is not",      3, { 0, 0, 29999 },                   { 250, 500, 1000 }          },
        { "the first life may have been long", 2, { 100000, 0 },                     { 250, 500 }                },
        { "time that went backwards is short", 2, { -5, -5 },                        { 250, 500 }                },
    };
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct backoff b = { 0 };
        for (int k = 0; k < stories[i].n; k++) {
            mono_ns wait = backoff_step(&b, stories[i].lived_ms[k] * NS_PER_MS);
            if (wait != stories[i].wait_ms[k] * NS_PER_MS)
                fail_msg("%s: wait %d is %lld ms", stories[i].name, k, (long long)(wait / NS_PER_MS));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(backs_off) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
