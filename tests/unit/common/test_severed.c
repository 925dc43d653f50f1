/* Ended for what was sent, or left by itself: every state of a connection. */
#include "common/severed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void each_state_has_its_judgement(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct severed_facts facts;
        enum severed want;
    } rows[] = {
        {"left, all was read",        { .closed = true, .quiet_ms = 0 },                  SEVERED_NO   },
        { "left long ago",            { .closed = true, .quiet_ms = 9000 },               SEVERED_NO   },
        { "left, a local one",        { .closed = true, .quiet_ms = -1 },                 SEVERED_NO   },
        { "cut in the middle",        { .unread = 70000, .quiet_ms = 0 },                 SEVERED_YES  },
        { "cut, then it left",        { .unread = 1, .closed = true, .quiet_ms = 5000 },  SEVERED_YES  },
        { "cut in a local one",       { .unread = 70000, .quiet_ms = -1 },                SEVERED_YES  },
        { "cut, all had been read",   { .quiet_ms = 2 },                                  SEVERED_YES  },
        { "silent for too long",      { .quiet_ms = SEVERED_QUIET_MS },                   SEVERED_NO   },
        { "silent, a local one",      { .quiet_ms = -1 },                                 SEVERED_LATER},
        { "still silent",             { .quiet_ms = -1, .last = true },                   SEVERED_NO   },
        { "not closed by us yet",     { .ours = true, .unread = 70000, .quiet_ms = 0 },   SEVERED_LATER},
        { "another one's descriptor",
         { .ours = true, .unread = 70000, .quiet_ms = 0, .last = true },
         SEVERED_NO                                                                                    },
        { "no greeting",              { .refused = true, .closed = true, .quiet_ms = 0 }, SEVERED_YES  },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (severed_judge(&rows[i].facts) != rows[i].want)
            fail_msg("%s: %d", rows[i].what, (int)severed_judge(&rows[i].facts));
}

static void the_words_say_what_is_known(void **state)
{
    (void)state;
    char text[200];
    severed_words(&(struct severed_facts){ .unread = 71234 }, 262144, text, sizeof text);
    assert_non_null(strstr(text, "71234 bytes unread"));
    assert_non_null(strstr(text, "more than 262144 bytes"));
    severed_words(&(struct severed_facts){ .quiet_ms = 1 }, 262144, text, sizeof text);
    assert_null(strstr(text, "unread"));
    assert_non_null(strstr(text, "more than 262144 bytes"));
    severed_words(&(struct severed_facts){ .refused = true }, 262144, text, sizeof text);
    assert_non_null(strstr(text, "not ZeroMQ"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_state_has_its_judgement),
        cmocka_unit_test(the_words_say_what_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
