#include "worker/presence.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* One letter for each second. What comes in: w welcome, b beat, W and B of
 * another coordinator, s it stands by, . nothing. What goes out: h hello, b heartbeat, f full
 * heartbeat, R new sockets and hello, H hello and full heartbeat, . nothing. */
static const struct {
    const char *name, *hears, *says;
} stories[] = {
    {"hello until welcomed",                   "....w.....",
     "hhhhf"
      "bbbbf"                                                                                                },
    { "heartbeats as long as it lives",        "wbbbbbbbbbbbbbb",                   "fbbbbfbbbbfbbbb"        },
    { "nobody answers: new sockets, for ever", ".....................",             "hhhhhhhhhhRhhhhhhhhhR"  },
    { "silence after the welcome",             "w..............",
     "fbbbbfbbbb"
      "Rhhhh"                                                                                                },
    { "late, and still alive",                 "w........b.........b...",           "fbbbbfbbbbfbbbbfbbbbfbb"},
    { "another coordinator does not know us",  "wbbBWBB",                           "fbbhfbb"                },
    { "a welcome twice is one",                "wwbw",                              "fbbb"                   },
    { "it stands by: asked every second",      "ssssssssssssssw",                   ".hhhhhhhhhhhhhf"        },
    { "one that steps back, and acts again",   "wbbsss.sswb",                       "fbb.hhhhhfb"            },
    { "one that stood by has news: hello now", "sssbw",                             ".hhhf"                  },
    { "it stood by and fell silent",           "s..............",                   ".hhhhhhhhhRhhhh"        },
    { "hello again every half minute",         "wbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
     "fbbbbfbbbbfbbbbfbbbbfbbbbfbbbbHbb"                                                                     },
};

static char letter(unsigned acts)
{
    if (acts & PRESENCE_RECONNECT)
        return acts == (PRESENCE_RECONNECT | PRESENCE_HELLO) ? 'R' : '?';
    if (acts & PRESENCE_HELLO)
        return acts & PRESENCE_FULL_BEAT ? 'H' : acts & PRESENCE_BEAT ? '?' : 'h';
    return acts & PRESENCE_FULL_BEAT ? 'f' : acts & PRESENCE_BEAT ? 'b' : '.';
}

static void a_lane_speaks_when_it_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct presence p;
        char says[64] = "";
        presence_init(&p, 0);
        for (size_t t = 0; stories[i].hears[t]; t++) {
            mono_ns now = (mono_ns)t * NS_PER_S;
            char c = stories[i].hears[t];
            if (c == 'w' || c == 'W')
                presence_welcomed(&p, c == 'w' ? 7 : 8, now);
            else if (c == 'b' || c == 'B')
                presence_heard(&p, c == 'b' ? 7 : 8, now);
            else if (c == 's')
                presence_standby(&p, now);
            says[t] = letter(presence_step(&p, now));
            assert_true(presence_next(&p) > now); /* nothing is left to do now */
            assert_true(presence_next(&p) <= now + NS_PER_S);
        }
        if (strcmp(says, stories[i].says) != 0)
            fail_msg("%s: says %s, not %s", stories[i].name, says, stories[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_lane_speaks_when_it_should) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
