#include "worker/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A day of an outbox, word by word; time in seconds.
 *   +5 put in job 5 (=> as below)   s take what is due, expecting the jobs that follow
 *   u  the last taken could not be sent, again in 1 s        r5 job 5 is recorded
 *   @20 it is 20 s now              n  nothing is due before the second that follows */
static const struct {
    const char *name, *story;
} stories[] = {
    {"sent at once",                                  "+1 s1 s-"                                  },
    { "in order",                                     "+1 +2 +3 s123"                             },
    { "recorded, and gone",                           "+1 s1 r1 @1000 s-"                         },
    { "again after 10, 20, 40, 60, 60 s",
     "+1 s1 @9 s- @10 s1 @29 s- @30 s1 @69 s- @70 s1 @129 s- @130 s1 @189 s- @190 s1"             },
    { "new ones before old ones",                     "+1 s1 @10 +2 s21"                          },
    { "each waits for itself",                        "+1 s1 @5 +2 s2 @10 s1 @15 s2 @30 s1 @35 s2"},
    { "what could not be sent is tried soon",         "+1 +2 s12 u @0 s- @1 s12"                  },
    { "... and in the same order, before newer ones", "+1 +2 s12 u +3 @1 s123"                    },
    { "... and waits 10 s after that",                "+1 s1 u @1 s1 @10 s- @11 s1"               },
    { "recorded while it could not be sent",          "+1 +2 s12 u r1 @1 s2"                      },
    { "says when",                                    "n- +1 n0 s1 n10 @10 s1 n30 r1 n-"          },
    { "recorded twice is once",                       "+1 s1 r1 r1 s-"                            },
    { "the same job again after it is gone",          "+1 s1 r1 +1 s1"                            },
};

static void tell(const char *story, char *complaint)
{
    struct outbox *o = NULL;
    struct result taken[16];
    size_t n_taken = 0;
    mono_ns now = 0;
    assert_int_equal(outbox_new(&o, 16), 0);

    for (const char *p = story; *p; p++) {
        if (*p == ' ')
            continue;
        char what = *p++;
        struct result r = { .job_id = (uint64_t)(*p - '0') };
        char *end = (char *)p + 1;
        if (what == '+') {
            assert_int_equal(outbox_add(o, &r, now), 0);
        } else if (what == 'r') {
            outbox_forget(o, r.job_id);
        } else if (what == '@') {
            now = strtol(p, &end, 10) * NS_PER_S;
        } else if (what == 'u') {
            outbox_unsent(o, taken, n_taken, now + NS_PER_S);
            end = (char *)p;
        } else if (what == 'n') {
            mono_ns due = *p == '-' ? MONO_NEVER : strtol(p, &end, 10) * NS_PER_S;
            if (outbox_next(o) != due)
                sprintf(complaint, "next at '%s'", p);
        } else {
            char jobs[17] = "-";
            n_taken = outbox_take_due(o, now, taken, 16);
            for (size_t i = 0; i < n_taken; i++)
                jobs[i] = (char)('0' + taken[i].job_id), jobs[i + 1] = '\0';
            size_t len = strcspn(p, " ");
            if (strlen(jobs) != len || memcmp(jobs, p, len) != 0)
                sprintf(complaint, "took %s at '%s'", jobs, p);
            end = (char *)p + len;
        }
        p = end - 1;
    }
    outbox_free(o);
}

static void results_wait_until_they_are_recorded(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        char complaint[100] = "";
        tell(stories[i].story, complaint);
        if (complaint[0])
            fail_msg("%s: %s", stories[i].name, complaint);
    }
}

static void the_ceiling_is_an_ordinary_answer(void **state)
{
    (void)state;
    struct outbox *o = NULL;
    assert_int_equal(outbox_new(&o, 3), 0);
    for (uint64_t i = 1; i <= 3; i++) {
        assert_int_equal(outbox_room(o), 4 - i);
        assert_int_equal(outbox_add(o, &(struct result){ .job_id = i }, 0), 0);
    }
    assert_int_equal(outbox_room(o), 0);
    assert_int_equal(outbox_add(o, &(struct result){ .job_id = 4 }, 0), -ENOSPC);
    assert_true(outbox_forget(o, 2));
    assert_false(outbox_forget(o, 2));
    assert_int_equal(outbox_add(o, &(struct result){ .job_id = 1 }, 0), -EEXIST);
    assert_int_equal(outbox_add(o, &(struct result){ .job_id = 4 }, 0), 0);

    uint64_t ids[3];
    assert_int_equal(outbox_ids(o, ids, 3), 3);
    assert_int_equal(ids[0] + ids[1] + ids[2], 1 + 3 + 4);
    assert_int_equal(outbox_ids(o, ids, 2), 2);
    assert_true(outbox_has(o, 4) && !outbox_has(o, 2));
    outbox_free(o);
}

static void batches_take_turns(void **state)
{
    (void)state;
    struct outbox *o = NULL;
    struct result buf[10];
    uint64_t seen = 0;
    assert_int_equal(outbox_new(&o, 1000), 0);
    for (uint64_t i = 1; i <= 95; i++)
        assert_int_equal(outbox_add(o, &(struct result){ .job_id = i }, 0), 0);
    for (size_t n; (n = outbox_take_due(o, 0, buf, 10));)
        for (size_t i = 0; i < n; i++)
            assert_int_equal(buf[i].job_id, ++seen);
    assert_int_equal(seen, 95);
    outbox_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_wait_until_they_are_recorded),
        cmocka_unit_test(the_ceiling_is_an_ordinary_answer),
        cmocka_unit_test(batches_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
