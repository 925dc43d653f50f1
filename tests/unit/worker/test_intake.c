#include "worker/intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *name;
    int64_t age_ms;
    const char *avoid;
    struct intake_lane lane;
    enum intake_word word;
} stories[] = {
    {"a job, and room",            0,    "",      { "w", false, false, 5, 5, 0 }, INTAKE_TAKEN},
    { "just in time",              2000, "",      { "w", false, false, 5, 5, 0 }, INTAKE_TAKEN},
    { "too late",                  2001, "",      { "w", false, false, 5, 5, 0 }, INTAKE_STALE},
    { "of an older coordinator",   -1,   "",      { "w", false, false, 5, 5, 0 }, INTAKE_STALE},
    { "no slots",                  0,    "",      { "w", false, false, 0, 5, 0 }, INTAKE_BUSY },
    { "no room for results",       0,    "",      { "w", false, false, 5, 0, 0 }, INTAKE_BUSY },
    { "draining",                  0,    "",      { "w", true, false, 5, 5, 0 },  INTAKE_BUSY },
    { "not for us",                0,    "w",     { "w", false, false, 5, 5, 0 }, INTAKE_BUSY },
    { "not for another",           0,    "other", { "w", false, false, 5, 5, 0 }, INTAKE_TAKEN},
    { "in hand already",           0,    "",      { "w", false, true, 5, 5, 0 },  INTAKE_TAKEN},
    { "in hand already, and full", 0,    "",      { "w", true, true, 0, 0, 0 },   INTAKE_TAKEN},
    { "too late, and full",        9999, "",      { "w", true, false, 0, 0, 0 },  INTAKE_STALE},
};

static void every_job_gets_its_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct job j = { .id = 1, .start_by_ms = 2000, .avoid = stories[i].avoid };
        if (intake_decide(&j, stories[i].age_ms, &stories[i].lane) != stories[i].word)
            fail_msg("%s", stories[i].name);
    }
}

/* Confirming looks are for another key's workers, whatever they are called. */
static void a_job_avoids_a_key(void **state)
{
    (void)state;
    static const struct {
        uint64_t avoid_key, key;
        enum intake_word word;
    } rows[] = {
        {0,  0, INTAKE_TAKEN},
        { 0, 8, INTAKE_TAKEN},
        { 8, 0, INTAKE_TAKEN},
        { 8, 7, INTAKE_TAKEN},
        { 8, 8, INTAKE_BUSY },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct job j = { .id = 1, .start_by_ms = 2000, .avoid = "other", .avoid_key = rows[i].avoid_key };
        struct intake_lane l = { .name = "w", .free_slots = 5, .outbox_room = 5, .key = rows[i].key };
        if (intake_decide(&j, 0, &l) != rows[i].word)
            fail_msg("row %zu", i);
    }
}

/* Batches as they arrive: when, by our clock, with which stamp of another. */
static const struct {
    const char *name;
    struct {
        int64_t at_ms, stamp_ms;
        uint32_t epoch;
        int64_t age_ms;
    } batch[6]; /* ended by epoch 0 */
} arrivals[] = {
    {"the first is young by definition",              { { 5000, 90000, 1, 0 } }                                              },
    { "on time",                                      { { 5000, 90000, 1, 0 }, { 6000, 91000, 1, 0 }, { 9000, 94000, 1, 0 } }},
    { "one lay for three seconds",                    { { 5000, 90000, 1, 0 }, { 9000, 91000, 1, 3000 } }                    },
    { "a faster one corrects the measure",
     { { 5000, 90000, 1, 0 }, { 6000, 91300, 1, 0 }, { 7000, 92000, 1, 300 } }                                               },
    { "stopped for a minute: all that waited is old",
     { { 5000, 90000, 1, 0 },
        { 65000, 91000, 1, 59000 },
        { 65000, 92000, 1, 58000 },
        { 65100, 150000, 1, 100 } }                                                                                          },
    { "a new coordinator has another clock",
     { { 5000, 90000, 1, 0 }, { 6000, 17, 2, 0 }, { 7000, 1017, 2, 0 }, { 7500, 91500, 1, -1 } }                             },
    { "clocks that drift are measured anew",
     { { 0, 0, 1, 0 },
        { 300000, 299900, 1, 100 },
        { 600000, 599800, 1, 100 },
        { 600100, 599900, 1, 100 } }                                                                                         },
};

static void what_lay_around_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof arrivals / sizeof *arrivals; i++) {
        struct intake in = { 0 };
        for (int b = 0; b < 6 && arrivals[i].batch[b].epoch; b++) {
            int64_t age = intake_age_ms(&in, arrivals[i].batch[b].epoch, arrivals[i].batch[b].stamp_ms,
                                        arrivals[i].batch[b].at_ms * NS_PER_MS);
            if (age != arrivals[i].batch[b].age_ms)
                fail_msg("%s: batch %d has lain for %lld ms", arrivals[i].name, b, (long long)age);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_gets_its_word),
        cmocka_unit_test(a_job_avoids_a_key),
        cmocka_unit_test(what_lay_around_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
