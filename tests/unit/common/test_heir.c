/* May whoever waits take the part: a row for each situation. */
#include "common/store/heir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define S       US_PER_S
#define NOW     (100 * NS_PER_S)
#define AGO(ms) (NOW - (ms)*NS_PER_MS)

static void test_situations(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct {
        const char *name;
        struct heir_view v; /* locked, ever, given_back, dead, silent_us, lease_us, free_since */
        enum heir_word word;
    } rows[] = {
        { "nobody ever was",                 { false, false, false, false, 0,       0,      AGO(0) },    HEIR_TAKE },
        { "given back",                      { false, true,  true,  false, INT64_MAX, 10 * S, AGO(0) },  HEIR_TAKE },
        { "its process died on this host",   { false, true,  false, true,  S / 2,   10 * S, AGO(0) },    HEIR_TAKE },
        { "it acts",                         { true,  true,  false, false, S / 2,   10 * S, 0 },         HEIR_WAIT },
        { "it acts, and is slow to renew",   { true,  true,  false, false, 9 * S,   10 * S, 0 },         HEIR_WAIT },
        { "to the moment",                   { true,  true,  false, false, 10 * S,  10 * S, 0 },         HEIR_WAIT },
        { "it is stopped",                   { true,  true,  false, false, 10 * S + 1, 10 * S, 0 },      HEIR_END_HOLDER },
        { "its lease is longer than ours",   { true,  true,  false, false, 20 * S,  30 * S, 0 },         HEIR_WAIT },
        { "the next has the lock, unsigned", { true,  true,  true,  false, INT64_MAX, 10 * S, 0 },       HEIR_WAIT },
        { "the first has the lock, unsigned", { true, false, false, false, 0,       0,      0 },         HEIR_WAIT },
        { "its connection was lost just now", { false, true, false, false, S / 2,   10 * S, AGO(0) },    HEIR_WAIT },
        { "a moment ago",                    { false, true,  false, false, 3 * S / 2, 10 * S, AGO(1200) }, HEIR_WAIT },
        { "too long ago",                    { false, true,  false, false, 2 * S,   10 * S, AGO(1000) }, HEIR_TAKE },
        { "the database was begun again",    { false, true,  false, false, 60 * S,  10 * S, AGO(0) },    HEIR_WAIT },
        { "... and nobody came back",        { false, true,  false, false, 61 * S,  10 * S, AGO(1000) }, HEIR_TAKE },
        { "its clock was put back",          { false, true,  false, false, 0,       10 * S, AGO(60000) }, HEIR_WAIT },
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (heir_decide(&rows[i].v, NOW) != rows[i].word)
            fail_msg("%s: %d", rows[i].name, (int)heir_decide(&rows[i].v, NOW));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_situations) };
    return cmocka_run_group_tests_name("heir", tests, NULL, NULL);
}
