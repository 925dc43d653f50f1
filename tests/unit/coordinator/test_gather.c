#include "coordinator/gather.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What a lane says, word by word, and what its full list is then.
 *   ab/1:3  a heartbeat with ids a and b, part 1 of 3      ./0:0  one without a list
 *   ab/0:0  a whole list at once; -/0:0 an empty one
 *   =abc    that heartbeat made a full list complete        nothing: it did not
 *   +2      two seconds go by       x  the lane is lost */
static const struct {
    const char *name, *story;
} stories[] = {
    {"a whole one",                  "ab/0:0 =ab"                                },
    { "0 of 1 is a whole one",       "ab/0:1 =ab"                                },
    { "an empty one",                "-/0:0 =-"                                  },
    { "none",                        "./0:0"                                     },
    { "in two parts",                "ab/0:2 cd/1:2 =abcd"                       },
    { "in three, and the next one",  "ab/0:3 cd/1:3 e/2:3 =abcde f/0:2 g/1:2 =fg"},
    { "a part may be empty",         "-/0:2 a/1:2 =a"                            },
    { "between other heartbeats",    "a/0:2 ./0:0 b/1:2 =ab"                     },
    { "the first is missing",        "b/1:2 c/0:2 d/1:2 =cd"                     },
    { "the second is missing",       "a/0:3 c/2:3 b/1:3"                         },
    { "twice the same",              "a/0:3 b/1:3 b/1:3 c/2:3"                   },
    { "a new first one starts over", "a/0:3 b/1:3 c/0:2 d/1:2 =cd"               },
    { "of another list",             "a/0:2 b/1:3 c/2:3"                         },
    { "a whole one in between",      "a/0:2 b/0:0 =b c/1:2"                      },
    { "slowly",                      "a/0:3 +1 b/1:3 +2 c/2:3 =abc"              },
    { "too slowly",                  "a/0:3 +2 b/1:3 +2 c/2:3"                   },
    { "lost in the middle",          "a/0:2 x b/1:2"                             },
};

static void tell(const char *story, char *complaint)
{
    struct gather *g = NULL;
    mono_ns now = 100 * NS_PER_S;
    uint64_t mine[16];
    const uint64_t *ids = NULL;
    size_t n = 0;
    bool complete = false;
    assert_int_equal(gather_new(&g, 2), 0);
    for (const char *p = story; *p; p += strcspn(p, " "), p += *p == ' ') {
        struct control c = { .kind = CONTROL_HEARTBEAT };
        if (*p == '=') {
            char got[32] = "-";
            for (size_t i = 0; i < n; i++)
                got[i] = (char)ids[i], got[i + 1] = '\0';
            if (!complete || strlen(got) != strcspn(p + 1, " ") || memcmp(got, p + 1, strlen(got)) != 0)
                sprintf(complaint, "%s at '%s'", complete ? got : "nothing", p);
            complete = false;
            continue;
        }
        if (complete)
            sprintf(complaint, "complete before '%s'", p);
        if (*p == '+') {
            now += strtol(p + 1, NULL, 10) * NS_PER_S;
        } else if (*p == 'x') {
            gather_forget(g, 1);
        } else {
            size_t len = *p == '-' || *p == '.' ? 0 : strcspn(p, "/");
            for (size_t i = 0; i < len; i++)
                mine[i] = (uint64_t)p[i];
            sscanf(strchr(p, '/'), "/%u:%u", &c.part, &c.parts);
            c.all_ids = *p != '.' && c.parts <= 1;
            c.ids = mine;
            c.n_ids = len;
            complete = gather_heard(g, 1, &c, now, &ids, &n);
        }
    }
    if (complete)
        sprintf(complaint, "complete at the end");
    gather_free(g);
}

static void test_parts_become_a_list(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        char complaint[100] = "";
        tell(stories[i].story, complaint);
        if (complaint[0])
            fail_msg("%s: %s", stories[i].name, complaint);
    }
}

static bool say(struct gather *g, int lane, uint32_t part, mono_ns now, size_t *n)
{
    static uint64_t mine[CONTROL_MAX_IDS];
    const uint64_t *ids;
    struct control c = { .kind = CONTROL_HEARTBEAT,
                         .part = part,
                         .parts = CONTROL_MAX_PARTS,
                         .ids = mine,
                         .n_ids = CONTROL_MAX_IDS };
    return gather_heard(g, lane, &c, now, &ids, n);
}

static void test_all_of_them_have_a_ceiling(void **state)
{
    (void)state;
    enum { EACH = CONTROL_MAX_PARTS * CONTROL_MAX_IDS, FIT = GATHER_MAX_IDS / EACH };
    struct gather *g = NULL;
    size_t n = 0;
    assert_int_equal(gather_new(&g, FIT + 1), 0);
    for (int lane = 0; lane <= FIT; lane++)
        assert_false(say(g, lane, 0, 0, &n));
    assert_int_equal(gather_count(g), GATHER_MAX_IDS);
    for (uint32_t part = 1; part < CONTROL_MAX_PARTS; part++) {
        assert_false(say(g, FIT, part, 0, &n)); /* there was no room for this one */
        assert_int_equal(say(g, 0, part, 0, &n), part == CONTROL_MAX_PARTS - 1);
    }
    assert_int_equal(n, EACH);
    assert_false(say(g, FIT, 0, 0, &n)); /* and now there is */
    assert_int_equal(gather_count(g), GATHER_MAX_IDS);
    assert_false(say(g, 0, 0, GATHER_WITHIN_NS + 1, &n)); /* those that were never finished make room */
    assert_int_equal(gather_count(g), EACH);
    gather_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_become_a_list),
        cmocka_unit_test(test_all_of_them_have_a_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
