#include "collector/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* What happens: + a look up, - a look failed, ~ a look that said nothing;
 * the quorum: C confirmed, R rejected, U undecided; W withdrawn.
 * Health after each: n new, U up, s suspected, D down, ~ unknown.
 * Change: . none, h health, s suspected, ! went down, * came back, b blip, w withdrawn. */
static const struct {
    const char *name, *steps, *health, *changes;
} stories[] = {
    {"the first good look",                        "++",      "UU",      "h."     },
    { "a failure is only a suspicion",             "+-",      "Us",      "hs"     },
    { "down when it is confirmed",                 "+-C",     "UsD",     "hs!"    },
    { "down once, told once",                      "+-C---",  "UsDDDD",  "hs!..." },
    { "back by one good look",                     "+-C+",    "UsDU",    "hs!*"   },
    { "a second outage is another one",            "+-C+-C+", "UsDUsDU", "hs!*s!*"},
    { "a blip tells nobody",                       "+-R+",    "UsUU",    "hsb."   },
    { "a scheduled look rejects as well",          "+-++",    "UsUU",    "hsb."   },
    { "a second failed look changes nothing",      "+--C",    "UssD",    "hs.!"   },
    { "an empty look leaves the round open",       "+-~C",    "UssD",    "hs.!"   },
    { "no quorum: unknown, and decided anew",      "+-U-C",   "Us~sD",   "hshs!"  },
    { "not knowing is a state of its own",         "+~+",     "U~U",     "hhh"    },
    { "not knowing opens nothing",                 "~~~-",    "~~~s",    "h..s"   },
    { "not knowing ends nothing",                  "+-C~+",   "UsDDU",   "hs!.*"  },
    { "down from the start",                       "-C",      "sD",      "s!"     },
    { "unknown from the start",                    "~",       "~",       "h"      },
    { "withdrawn while down",                      "+-CW+",   "UsDnU",   "hs!wh"  },
    { "withdrawn while suspected tells nobody",    "+-W",     "Usn",     "hsh"    },
    { "withdrawn while up tells nobody",           "+W",      "Un",      "hh"     },
    { "withdrawn before any look",                 "W",       "n",       "."      },
    { "a late word of the quorum changes nothing", "+CRU",    "UUUU",    "h..."   },
    { "nor while it is down",                      "-CRUC",   "sDDDD",   "s!..."  },
    { "nor while nothing is known",                "~CRU",    "~~~~",    "h..."   },
    { "flapping never shouts",                     "+-R-R-R", "UsUsUsU", "hsbsbsb"},
};

static enum step step_of(char c)
{
    static const char letters[] = "+-~CRUW";
    return (enum step)(strchr(letters, c) - letters);
}

static void test_it_tells_the_expected_story(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct site_state s = { 0 };
        char health[32] = "", changes[32] = "";
        for (size_t k = 0; k < strlen(stories[i].steps); k++) {
            enum change c = state_step(&s, step_of(stories[i].steps[k]), (wall_us)k + 1);
            health[k] = "nUsD~"[s.health];
            changes[k] = ".hs!*bw"[c];
        }
        if (strcmp(health, stories[i].health) != 0 || strcmp(changes, stories[i].changes) != 0)
            fail_msg("%s: health %s for %s, changes %s for %s", stories[i].name, health, stories[i].health,
                     changes, stories[i].changes);
    }
}

static void test_since_when(void **state)
{
    (void)state;
    struct site_state s = { 0 };
    state_step(&s, STEP_UP, 10);
    state_step(&s, STEP_UP, 20);
    assert_int_equal(s.since_us, 10);
    state_step(&s, STEP_FAILED, 30);
    state_step(&s, STEP_CONFIRMED, 40);
    assert_int_equal(s.since_us, 30); /* the outage began with the first failed look */
    state_step(&s, STEP_UP, 50);
    assert_int_equal(s.since_us, 50);
    assert_int_equal(s.blips, 0);
    state_step(&s, STEP_FAILED, 60);
    state_step(&s, STEP_REJECTED, 70);
    assert_int_equal(s.blips, 1);
}

static void test_the_newest_look_is_kept(void **state)
{
    (void)state;
    struct site_state s = { .tls_expires_us = 99 };
    struct result r = { .at_us = 5,
                        .verdict = VERDICT_DOWN,
                        .cause = CAUSE_HTTP_5XX,
                        .status = 503,
                        .took_us = 7,
                        .worker = "w1" };
    state_note(&s, &r, r.worker);
    assert_int_equal(s.last_at_us, 5);
    assert_int_equal(s.last_verdict, VERDICT_DOWN);
    assert_int_equal(s.last_cause, CAUSE_HTTP_5XX);
    assert_int_equal(s.last_status, 503);
    assert_int_equal(s.last_took_us, 7);
    assert_string_equal(s.last_worker, "w1");
    assert_int_equal(s.tls_expires_us, 99); /* a look that never got to a certificate knows none */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_tells_the_expected_story),
        cmocka_unit_test(test_since_when),
        cmocka_unit_test(test_the_newest_look_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
