/* Which rule decided, in a sentence. */
#include "cli/evidence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Looks as a string: verdicts from look 0 on (- down, + up, ? unknown, ! down in doubt), and who looked. */
static size_t looks_of(const char *verdicts, const char *workers, struct result *ret)
{
    size_t n = strlen(verdicts);
    for (size_t i = 0; i < n; i++) {
        ret[i] = (struct result){ .run.look = (uint16_t)i };
        ret[i].verdict = verdicts[i] == '+'   ? VERDICT_UP
                         : verdicts[i] == '?' ? VERDICT_UNKNOWN
                                              : VERDICT_DOWN;
        ret[i].suspect = verdicts[i] == '!';
        snprintf(ret[i].worker, sizeof ret[i].worker, "w%c", workers[i]);
    }
    return n;
}

static void tells_why_it_is_down(void **state)
{
    static const struct {
        const char *verdicts, *workers;
        unsigned wanted;
        const char *rule;
    } rows[] = {
        {"---",    "122",   2,
         "A scheduled look failed, and 2 of 2 confirming looks failed too; 2 workers saw it: the site is "
          "down."                                                                                              },
        { "--",    "11",    1,
         "A scheduled look failed, and 1 of 1 confirming look failed too; 1 worker saw it: the site is "
          "down."                                                                                              },
        { "-",     "1",     0, "A scheduled look failed, and this site believes the first failure: it is down."},
        { "-",     "1",     2, "A scheduled look failed: it is down. No confirming look is on record."         },
        { "-?--",  "1221",  2,
         "A scheduled look failed, and 2 of 3 confirming looks failed too (1 said nothing and is not "
          "counted); 2 "
          "workers saw it: the site is down."                                                                  },
        { "-!?--", "13321", 2,
         "A scheduled look failed, and 2 of 4 confirming looks failed too (2 said nothing and are not "
          "counted); 2 "
          "workers saw it: the site is down."                                                                  },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct result looks[10];
        scoped(text) struct text t = TEXT_UP_TO(1000);
        size_t n = looks_of(rows[i].verdicts, rows[i].workers, looks);
        const struct site s = { .confirm.looks = (uint8_t)rows[i].wanted };
        evidence_tell_incident(&t, looks, n, &s, false);
        assert_string_equal(text_str(&t), rows[i].rule);
        text_clear(&t);
        evidence_tell_incident(&t, looks, n, &s, true);
        assert_true(strstr(text_str(&t), " was down.") && !strstr(text_str(&t), " is down."));
    }
}

static void tells_why_it_is_not(void **state)
{
    struct site s = {
        .confirm = {2, 15000}
    };
    static const struct {
        bool paused, seen;
        enum health health;
        const char *part;
    } rows[] = {
        {true,   true,  HEALTH_UP,        "It is paused"                                                   },
        { false, false, HEALTH_UP,        "has not been looked at yet"                                     },
        { false, true,  HEALTH_NEW,       "has not been looked at yet"                                     },
        { false, true,  HEALTH_UP,        "as it should be"                                                },
        { false, true,  HEALTH_SUSPECTED, "up to 2 confirming looks are under way"                         },
        { false, true,  HEALTH_UNKNOWN,   "our resolver is closed to the internet. That is nobody's outage"},
        { false, true,  HEALTH_DOWN,      "confirmed"                                                      },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scoped(text) struct text t = TEXT_UP_TO(1000);
        const struct site_state at = { .health = rows[i].health, .last_cause = CAUSE_DNS_CLOSED };
        s.paused = rows[i].paused;
        evidence_tell_health(&t, &s, rows[i].seen ? &at : NULL);
        if (!strstr(text_str(&t), rows[i].part))
            fail_msg("'%s' is not in '%s'", rows[i].part, text_str(&t));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(tells_why_it_is_down),
                                        cmocka_unit_test(tells_why_it_is_not) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
