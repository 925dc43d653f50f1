/* Lanes: how they are, as time passes and they speak, and how much they can be given. */
#include "coordinator/roster.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MS NS_PER_MS

static const struct roster_rules rules = { .suspect_after = 3 * NS_PER_S,
                                           .dead_after = 10 * NS_PER_S,
                                           .window = 16 };

static struct roster *fresh(void)
{
    struct roster *r = NULL;
    assert_int_equal(roster_new(&r, &rules), 0);
    return r;
}

static struct control words(const char *worker, uint16_t lane, uint64_t nonce, uint32_t slots)
{
    struct control c = { .kind = CONTROL_HELLO, .lane = lane, .nonce = nonce, .slots = slots };
    strcpy(c.worker, worker);
    strcpy(c.software, "vedette test");
    return c;
}

static int join(struct roster *r, const char *worker, uint16_t lane, uint64_t nonce, mono_ns now)
{
    struct control c = words(worker, lane, nonce, 100);
    enum roster_welcome how;
    int index = roster_hello(r, &c, 0, now, now / NS_PER_US, &how);
    assert_true(index >= 0);
    return index;
}

/* The changes that are waiting, as letters of what they led to: r s d D G. */
static const char *changes(struct roster *r, mono_ns now)
{
    static char text[ROSTER_MAX_LANES + 1];
    struct roster_change x;
    size_t n = 0;
    while (roster_take_change(r, now, &x)) {
        text[n++] = "rsdDG"[x.to];
        assert_int_equal(roster_lane(r, x.lane)->health, x.to);
        assert_int_not_equal(x.from, x.to);
    }
    text[n] = '\0';
    return text;
}

/* What happens to one lane, a letter each: h heartbeat, ? heartbeat in doubt,
 * . nothing, d draining, g goodbye, H hello; and a second after each of them.
 * Then what is told: - for nothing. */
static const struct {
    const char *name, *events, *told;
} stories[] = {
    {"all is well",                     "Hhhhhhhhh",     "r--------"    },
    { "silent for three seconds",       "H....h",        "r--s-r"       },
    { "silent for ten",                 "H...........h", "r--s------D-r"},
    { "doubts itself",                  "Hh??h",         "r-s-r"        },
    { "doubts itself and falls silent", "H?..........",  "rs---------D" },
    { "drains and goes",                "Hhd.hg..",      "r-d--G--"     },
    { "drains and falls silent",        "Hd..........",  "rd---------D" },
    { "goes and is back",               "HhgH",          "r-Gr"         },
    { "dead and back by hello",         "H..........H",  "r--s------Dr" },
    { "a goodbye is final",             "Hgh",           "rG-"          },
};

static void test_stories_of_one_lane(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct roster *r = fresh();
        char told[64] = "";
        int lane = -1;
        for (size_t k = 0; stories[i].events[k]; k++) {
            mono_ns now = NS_PER_S * (mono_ns)(100 + k) + NS_PER_S / 2;
            struct control beat = words("w", 0, 1, 0);
            beat.free_slots = 100;
            beat.suspect = stories[i].events[k] == '?';
            switch (stories[i].events[k]) {
            case 'H': lane = join(r, "w", 0, 1, now); break;
            case 'h':
            case '?':
                if (roster_heard(r, lane, 1, (const uint8_t *)"p", 1, now, 0))
                    roster_heartbeat(r, lane, &beat);
                break;
            case 'd':
                roster_heard(r, lane, 1, (const uint8_t *)"p", 1, now, 0);
                roster_draining(r, lane);
                break;
            case 'g': roster_goodbye(r, lane); break;
            default: break;
            }
            const char *news = changes(r, now + NS_PER_S * 6 / 10);
            strcat(told, *news ? news : "-");
            assert_true(roster_next(r) > now);
        }
        if (strcmp(told, stories[i].told) != 0)
            fail_msg("%s: told %s and not %s", stories[i].name, told, stories[i].told);
        roster_free(r);
    }
}

static void test_whose_a_name_is(void **state)
{
    (void)state;
    static const struct {
        const char *name, *worker;
        uint64_t nonce;
        mono_ns at;
        char health; /* after d(raining), g(oodbye) */
        bool holds;
    } rows[] = {
        {"another process, a moment later", "w1", 2, NS_PER_S,     ' ', true },
        { "itself again",                   "w1", 1, NS_PER_S,     ' ', false},
        { "another name",                   "w2", 2, NS_PER_S,     ' ', false},
        { "the holder is silent",           "w1", 2, 3 * NS_PER_S, ' ', false},
        { "the holder is draining",         "w1", 2, NS_PER_S,     'd', true },
        { "the holder has said goodbye",    "w1", 2, NS_PER_S,     'g', false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct roster *r = fresh();
        int lane = join(r, "w1", 0, 1, 0);
        if (rows[i].health == 'd')
            roster_draining(r, lane);
        if (rows[i].health == 'g')
            roster_goodbye(r, lane);
        if (roster_holds(r, lane, rows[i].worker, rows[i].nonce, rows[i].at) != rows[i].holds)
            fail_msg("%s", rows[i].name);
        assert_false(roster_holds(r, lane + 1, rows[i].worker, rows[i].nonce, rows[i].at));
        roster_free(r);
    }
}

static void beat_in_doubt(struct roster *r, int lane, uint64_t nonce, bool suspect, mono_ns now)
{
    struct control c = { .free_slots = 100, .suspect = suspect };
    strcpy(c.text, "its canaries do not answer");
    assert_true(roster_heard(r, lane, nonce, (const uint8_t *)"p", 1, now, 0));
    roster_heartbeat(r, lane, &c);
}

static void test_who_is_in_doubt_rests_while_others_are_ready(void **state)
{
    (void)state;
    struct roster *r = fresh();
    int sick = join(r, "sick", 0, 1, 0), well = join(r, "well", 0, 2, 0);
    assert_int_equal(roster_ready(r, 0), 2);
    assert_false(roster_may_rest(r, sick));

    beat_in_doubt(r, sick, 1, true, NS_PER_S);
    assert_string_equal(roster_lane(r, sick)->reason, "its canaries do not answer");
    assert_int_equal(roster_ready(r, 0), 1);
    assert_true(roster_may_rest(r, sick));
    assert_false(roster_may_rest(r, well));
    assert_false(roster_has_other(r, 0, "well"));

    /* Nobody is ready: what those in doubt see up is better than nothing. */
    beat_in_doubt(r, well, 2, true, NS_PER_S);
    assert_int_equal(roster_ready(r, 0), 2);
    assert_false(roster_may_rest(r, sick));
    assert_int_equal(roster_window(r, 0, 0, 0), 32);

    /* ... but not of one that is silent. */
    beat_in_doubt(r, sick, 1, true, 4 * NS_PER_S);
    changes(r, 4 * NS_PER_S + 1);
    assert_true(roster_lane(r, well)->silent);
    assert_int_equal(roster_ready(r, 0), 1);
    assert_int_equal(roster_present(r), 2); /* it may be looking all the same */

    beat_in_doubt(r, sick, 1, false, 5 * NS_PER_S);
    assert_string_equal(roster_lane(r, sick)->reason, "");
    assert_int_equal(roster_lane(r, sick)->health, WORKER_READY);
    roster_free(r);
}

static void test_who_is_accused_by_others_is_in_doubt(void **state)
{
    (void)state;
    struct roster *r = fresh();
    int a = join(r, "odd", 0, 1, 0), b = join(r, "odd", 1, 1, 0), c = join(r, "even", 0, 2, 0);
    assert_string_equal(changes(r, 0), "rrr");
    roster_accuse(r, "odd", 2 * NS_PER_S, NS_PER_S);
    assert_string_equal(changes(r, NS_PER_S), "ss");
    assert_true(roster_may_rest(r, a) && roster_may_rest(r, b) && !roster_may_rest(r, c));
    roster_accuse(r, "nobody", 2 * NS_PER_S, NS_PER_S);

    roster_accuse(r, "odd", 2500 * MS, 2 * NS_PER_S); /* said again */
    assert_string_equal(changes(r, 2400 * MS), "");
    assert_int_equal(roster_next(r), 2500 * MS);
    assert_string_equal(changes(r, 2500 * MS), "rr"); /* not said again */
    assert_int_equal(roster_ready(r, 0), 3);
    roster_free(r);
}

static void heartbeat(struct roster *r, int lane, uint32_t free_slots, uint32_t unrecorded)
{
    struct control c = { .free_slots = free_slots, .unrecorded = unrecorded };
    roster_heartbeat(r, lane, &c);
}

static void test_a_restart_is_told_from_a_repeated_hello(void **state)
{
    (void)state;
    struct roster *r = fresh();
    enum roster_welcome how;
    struct control c = words("w", 3, 77, 10);
    int lane = roster_hello(r, &c, 0, 0, 0, &how);
    assert_int_equal(how, ROSTER_JOINED);
    assert_int_equal(roster_hello(r, &c, 0, 1, 1, &how), lane);
    assert_int_equal(how, ROSTER_AGAIN);
    roster_recorded(r, lane);
    assert_int_equal(roster_lane(r, lane)->done, 1);
    heartbeat(r, lane, 4, 0); /* a hello said again is no reason to believe in more room */
    assert_int_equal(roster_hello(r, &c, 0, 1, 1, &how), lane);
    assert_int_equal(roster_window(r, 0, 0, 0), 4);
    c.nonce = 78;
    assert_int_equal(roster_hello(r, &c, 0, 2, 2, &how), lane);
    assert_int_equal(how, ROSTER_RESTARTED);
    assert_int_equal(roster_lane(r, lane)->done, 0);
    assert_int_equal(roster_lane(r, lane)->nonce_before, 77);

    /* what the earlier one said, and arrives now, is not the lane's word */
    assert_false(roster_heard(r, lane, 77, (const uint8_t *)"p", 1, 3, 3));
    assert_true(roster_heard(r, lane, 78, (const uint8_t *)"qq", 2, 3, 3));
    assert_int_equal(roster_lane(r, lane)->peer_len, 2);
    assert_int_equal(roster_find(r, "w", 3), lane);
    assert_int_equal(roster_find(r, "w", 4), -ENOENT);
    assert_int_equal(roster_find(r, "v", 3), -ENOENT);
    roster_free(r);
}

static void test_our_own_absence_is_nobodys_silence(void **state)
{
    (void)state;
    struct roster *r = fresh();
    join(r, "w", 0, 1, 0);
    assert_string_equal(changes(r, 0), "r");
    roster_excuse(r, 60 * NS_PER_S);
    assert_string_equal(changes(r, 62 * NS_PER_S), "");
    assert_string_equal(changes(r, 64 * NS_PER_S), "s");
    roster_free(r);
}

static void times(void (*fn)(struct roster *r, int lane), struct roster *r, int lane, int n)
{
    for (int i = 0; i < n; i++)
        fn(r, lane);
}

/* One lane of 100 slots: what it said last, what happened since, what may be sent. */
static const struct {
    const char *name;
    uint32_t free_slots, unrecorded;
    int taken, recorded;
    uint32_t untaken, pipeline, window;
} rooms[] = {
    {"all free",                                            100, 0,  0,  0,  0,  0,   16 },
    { "some on their way",                                  100, 0,  0,  0,  10, 0,   6  },
    { "too many on their way",                              100, 0,  0,  0,  30, 0,   0  },
    { "little room",                                        5,   0,  0,  0,  0,  0,   5  },
    { "room used up since",                                 20,  0,  18, 0,  0,  0,   2  },
    { "and given back",                                     20,  0,  18, 10, 0,  0,   12 },
    { "what had given back before it spoke does not count", 20,  10, 18, 10, 0,  0,   2  },
    { "but what comes after that does",                     20,  10, 18, 14, 0,  0,   6  },
    { "never more than it has",                             100, 0,  0,  50, 0,  500, 100},
    { "a fast lane far away has a longer window",           100, 0,  0,  0,  0,  50,  50 },
    { "full",                                               0,   0,  0,  0,  0,  50,  0  },
};

static void test_room(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        struct roster *r = fresh();
        int lane = join(r, "w", 0, 1, 0);
        heartbeat(r, lane, rooms[i].free_slots, rooms[i].unrecorded);
        times(roster_taken, r, lane, rooms[i].taken);
        times(roster_recorded, r, lane, rooms[i].recorded);
        uint32_t window = roster_window(r, 0, rooms[i].untaken, rooms[i].pipeline);
        if (window != rooms[i].window)
            fail_msg("%s: %u and not %u", rooms[i].name, window, rooms[i].window);
        assert_int_equal(roster_window(r, 1, 0, 100), 0); /* nobody there */
        roster_free(r);
    }
}

static void test_busy_closes_and_opens_again(void **state)
{
    (void)state;
    struct roster *r = fresh();
    int lane = join(r, "w", 0, 1, 0);
    heartbeat(r, lane, 50, 20);
    roster_busy(r, lane);
    assert_int_equal(roster_window(r, 0, 0, 0), 0);
    times(roster_recorded, r, lane, 3);
    assert_int_equal(roster_window(r, 0, 0, 0), 3);
    heartbeat(r, lane, 40, 0);
    assert_int_equal(roster_window(r, 0, 0, 0), 16);
    roster_free(r);
}

static void test_only_ready_lanes_count(void **state)
{
    (void)state;
    struct roster *r = fresh();
    int a = join(r, "a", 0, 1, 0), a1 = join(r, "a", 1, 1, 0), b = join(r, "b", 0, 1, 0);
    assert_int_equal(roster_ready(r, 0), 3);
    assert_int_equal(roster_window(r, 0, 0, 0), 48);
    assert_true(roster_has_other(r, 0, "a"));
    assert_true(roster_has_other(r, 0, "b"));

    struct control doubt = { .free_slots = 100, .suspect = true };
    roster_heartbeat(r, b, &doubt);
    assert_int_equal(roster_window(r, 0, 0, 0), 32);
    assert_false(roster_has_other(r, 0, "a")); /* two lanes of one worker are one witness */
    roster_draining(r, a);
    roster_goodbye(r, a1);
    assert_int_equal(roster_ready(r, 0), 1); /* only the one in doubt is left */
    roster_draining(r, b);
    assert_int_equal(roster_ready(r, 0), 0);
    assert_int_equal(roster_window(r, 0, 0, 500), 0);
    roster_free(r);
}

static void test_the_ceiling_and_who_is_forgotten(void **state)
{
    (void)state;
    struct roster *r = fresh();
    enum roster_welcome how;
    for (int i = 0; i < ROSTER_MAX_LANES; i++)
        join(r, "w", (uint16_t)i, 1, 0);
    struct control c = words("x", 0, 1, 1);
    assert_int_equal(roster_hello(r, &c, 0, 0, 0, &how), -ENOSPC);
    assert_int_equal(roster_end(r), ROSTER_MAX_LANES);
    changes(r, 0);
    roster_goodbye(r, 17);
    assert_string_equal(changes(r, MS), "G");
    assert_int_equal(roster_hello(r, &c, 0, MS, 0, &how), -ENOSPC); /* kept for people to see */

    for (int i = 0; i < ROSTER_MAX_LANES; i++)
        roster_heard(r, i, 1, (const uint8_t *)"p", 1, ROSTER_KEEP_NS + NS_PER_S, 0);
    changes(r, ROSTER_KEEP_NS + NS_PER_S);
    assert_null(roster_lane(r, 17));
    assert_int_equal(roster_find(r, "w", 17), -ENOENT);
    assert_int_equal(roster_hello(r, &c, 0, ROSTER_KEEP_NS + NS_PER_S, 0, &how), 17);
    assert_int_equal(how, ROSTER_JOINED);
    roster_free(r);
    roster_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whose_a_name_is),
        cmocka_unit_test(test_who_is_in_doubt_rests_while_others_are_ready),
        cmocka_unit_test(test_who_is_accused_by_others_is_in_doubt),
        cmocka_unit_test(test_stories_of_one_lane),
        cmocka_unit_test(test_a_restart_is_told_from_a_repeated_hello),
        cmocka_unit_test(test_our_own_absence_is_nobodys_silence),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_busy_closes_and_opens_again),
        cmocka_unit_test(test_only_ready_lanes_count),
        cmocka_unit_test(test_the_ceiling_and_who_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
