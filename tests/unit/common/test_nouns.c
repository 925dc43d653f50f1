/* The names that the database, the feed and the documents share: each number
 * has one, no two have the same, and what is no number of ours is "?". */
#include "common/control.h"
#include "common/event.h"
#include "common/health.h"
#include "common/incident.h"
#include "common/vitals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* clang-format off */
#define CALL(enumeration, function) \
    static const char *call_##function(unsigned n) { return function((enum enumeration)n); }
CALL(control_kind, control_kind_name)
CALL(event_kind, event_kind_name)
CALL(health, health_name)
CALL(incident_end, incident_end_name)
CALL(notice_kind, notice_kind_name)
CALL(notice_state, notice_state_name)
CALL(worker_health, worker_health_name)
/* clang-format on */

static const struct {
    const char *what;
    unsigned first, end;
    const char *(*name)(unsigned n);
    const char *all; /* in order: written here once more, so that a change is a decision */
} tables[] = {
    {"control",        1, CONTROL_KIND_END,    call_control_kind_name,
     "hello welcome refused taken busy heartbeat beat recorded drain draining goodbye standby "                           },
    { "event",         1, EVENT_KIND_END,      call_event_kind_name,    "result health incident notice worker pulse view "},
    { "health",        0, HEALTH_COUNT,        call_health_name,        "new up suspected down unknown "                  },
    { "incident end",  0, INCIDENT_END_COUNT,  call_incident_end_name,  "open recovered withdrawn "                       },
    { "notice kind",   0, NOTICE_KIND_COUNT,   call_notice_kind_name,
     "down back still_down withdrawn in_doubt doubt_over "                                                                },
    { "notice state",  0, NOTICE_STATE_COUNT,  call_notice_state_name,  "pending sent failed superseded "                 },
    { "worker health", 0, WORKER_HEALTH_COUNT, call_worker_health_name, "ready suspect draining dead gone "               },
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char all[256] = "";
        for (unsigned n = tables[i].first; n < tables[i].end; n++) {
            strcat(all, tables[i].name(n));
            strcat(all, " ");
        }
        if (strcmp(all, tables[i].all) != 0)
            fail_msg("%s: %s", tables[i].what, all);
        if (tables[i].first > 0)
            assert_string_equal(tables[i].name(0), "?");
        assert_string_equal(tables[i].name(tables[i].end), "?");
        assert_string_equal(tables[i].name(UINT32_MAX), "?");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_names) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
