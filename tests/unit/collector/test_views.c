/* What follows for a site from what its locations see. */
#include "collector/views.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SLOT 1000

/* A letter for each location: u up, d down, s suspected, n new, ? unknown for long, ! unknown since
 * a moment ago, m unknown because nobody is there. A capital has looked at the slot in question, a
 * small one only before. */
static struct views *views_of(const char *letters)
{
    static const char *const lists[] = { "", "", "ap,eu", "ap,eu,us", "af,ap,eu,us" };
    struct views *v = NULL;
    assert_int_equal(views_new(&v, 7, lists[strlen(letters)], NULL), 0);
    static const char all[] = "nusd?!m";
    static const enum health healths[] = { HEALTH_NEW,     HEALTH_UP,      HEALTH_SUSPECTED, HEALTH_DOWN,
                                           HEALTH_UNKNOWN, HEALTH_UNKNOWN, HEALTH_UNKNOWN };
    for (unsigned i = 0; letters[i]; i++) {
        struct site_state *s = &v->at[i].seen.state;
        char letter = (char)(letters[i] < 'A' ? letters[i] : letters[i] | 0x20);
        s->health = healths[strchr(all, letter) - all];
        s->last_slot_us = letters[i] >= 'a' ? SLOT - 10 : SLOT;
        s->since_us = letter == '?' ? SLOT - 50 : SLOT;
        s->last_cause = letter == 'm' ? CAUSE_MISSED : CAUSE_LOST;
    }
    return v;
}

static struct views_answer say(const struct views *v, unsigned from, wall_us slot, bool waited)
{
    const struct views_rule rule = { .from = from, .slot = slot, .waited = waited, .unknown_us = SLOT - 20 };
    return views_say(v, &rule);
}

static const struct {
    const char *name, *views;
    unsigned from;
    bool waited;
    const char *word;
    unsigned down, alive, need;
} stories[] = {
    {"nobody has looked yet",                            "nn",   2, false, "nothing",   0, 2, 2},
    { "one has, and it is up",                           "Un",   2, false, "up",        0, 2, 2},
    { "both see it up",                                  "UU",   2, false, "up",        0, 2, 2},
    { "one suspects, the other saw it up before",        "Su",   2, false, "up",        0, 2, 2},
    { "one suspects, the other has not looked ever",     "Sn",   2, false, "nothing",   0, 2, 2},
    { "both suspect",                                    "SS",   2, false, "suspected", 0, 2, 2},
    { "one confirmed, one suspects",                     "DS",   2, false, "suspected", 1, 2, 2},
    { "one confirmed, the other sees it up",             "DU",   2, false, "up",        1, 2, 2},
    { "and one is enough",                               "DU",   1, false, "down",      1, 2, 1},
    { "one suspects, and one is enough",                 "SU",   1, false, "suspected", 0, 2, 1},
    { "both confirmed",                                  "DD",   2, false, "down",      2, 2, 2},
    { "one confirmed now, the other before",             "Dd",   2, false, "suspected", 1, 2, 2},
    { "the other does not know",                         "D?",   2, false, "down",      1, 1, 1},
    { "one suspects, the other does not know",           "S?",   2, false, "suspected", 0, 1, 1},
    { "one sees it up, the other does not know",         "U?",   2, false, "up",        0, 1, 1},
    { "nobody knows",                                    "??",   2, false, "unknown",   0, 0, 0},
    { "nobody knows for the moment",                     "!!",   2, false, "unknown",   0, 2, 2},
    { "the other does not know for the moment",          "D!",   2, false, "nothing",   1, 2, 2},
    { "and not by the end of the round",                 "D!",   2, true,  "down",      1, 1, 1},
    { "one suspects, the other does not know for now",   "S!",   2, false, "nothing",   0, 2, 2},
    { "one sees it up, the other does not know for now", "U!",   2, false, "up",        0, 2, 2},
    { "two agree, the third does not know for now",      "DD!",  2, false, "down",      2, 3, 2},
    { "at the other nobody is",                          "Dm",   2, false, "down",      1, 1, 1},
    { "one of three, one does not know for now",         "DU!",  2, false, "up",        1, 3, 2},
    { "the other has not looked yet",                    "Du",   2, false, "up",        1, 2, 2},
    { "and does not look in time",                       "Du",   2, true,  "down",      1, 1, 1},
    { "or never looked",                                 "Dn",   2, true,  "down",      1, 1, 1},
    { "all that count have not looked in time",          "ud",   2, true,  "unknown",   0, 0, 0},
    { "two of three",                                    "DDU",  2, false, "down",      2, 3, 2},
    { "three of three are asked for",                    "DDU",  3, false, "up",        2, 3, 3},
    { "and one of them does not know",                   "DD?",  3, false, "down",      2, 2, 2},
    { "one of three, and one does not know",             "DU?",  2, false, "up",        1, 2, 2},
    { "one of three, and two do not know",               "D??",  2, false, "down",      1, 1, 1},
    { "one of three, the others are late",               "Duu",  2, false, "up",        1, 3, 2},
    { "one of three, one is late and one sees it up",    "DuU",  2, true,  "up",        1, 2, 2},
    { "two of four, and the others see it up",           "DUDU", 2, false, "down",      2, 4, 2},
    { "three of four, one of them only suspects",        "DSDU", 3, false, "suspected", 2, 4, 3},
};

static void what_they_say(void **state)
{
    static const char *const words[] = { "nothing", "up", "suspected", "down", "unknown" };
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        scoped(views) struct views *v = views_of(stories[i].views);
        struct views_answer a = say(v, stories[i].from, SLOT, stories[i].waited);
        if (strcmp(words[a.word], stories[i].word) != 0 || a.down != stories[i].down ||
            a.alive != stories[i].alive || a.need != stories[i].need)
            fail_msg("%s: %s, %u down of %u alive, %u needed", stories[i].name, words[a.word], a.down,
                     a.alive, a.need);
    }
}

/* Of an outage that is open, also old views count. */
static void an_open_outage_asks_for_no_new_looks(void **state)
{
    static const struct {
        const char *views;
        enum views_word word;
    } rows[] = {
        {"dd",  VIEWS_DOWN     },
        { "Dd", VIEWS_DOWN     },
        { "Ud", VIEWS_UP       },
        { "?d", VIEWS_DOWN     },
        { "U?", VIEWS_UP       },
        { "Sd", VIEWS_SUSPECTED},
        { "??", VIEWS_UNKNOWN  },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scoped(views) struct views *v = views_of(rows[i].views);
        assert_int_equal(say(v, 2, 0, false).word, rows[i].word);
    }
}

static void who_has_not_had_a_say(void **state)
{
    static const struct {
        const char *views;
        unsigned open;
    } rows[] = {
        {"DU",  0},
        { "Du", 1},
        { "DS", 1},
        { "Dn", 1},
        { "D?", 0},
        { "D!", 1},
        { "dS", 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scoped(views) struct views *v = views_of(rows[i].views);
        assert_int_equal(say(v, 2, SLOT, false).open, rows[i].open);
    }
}

static void views_move_with_their_locations(void **state)
{
    (void)state;
    scoped(views) struct views *before = NULL;
    scoped(views) struct views *after = NULL;
    const struct result look = {
        .run = {.site_id = 7, .slot_us = 5},
          .verdict = VERDICT_DOWN, .status = 503
    };
    assert_int_equal(views_new(&before, 7, "ap,eu", NULL), 0);
    before->at[0].seen.state.health = HEALTH_UP;
    before->at[1].seen.state.health = HEALTH_DOWN;
    assert_int_equal(view_failed(&before->at[1], &look), 0);
    assert_int_equal(view_failed(&before->at[1], &look), 0); /* the newer one */
    assert_true(views_are(before, "ap,eu"));
    assert_false(views_are(before, "eu") || views_are(before, "ap,eu,us") || views_are(before, ""));
    assert_true(views_are(NULL, "") && views_are(NULL, "eu"));
    assert_false(views_are(NULL, "ap,eu"));

    assert_int_equal(views_new(&after, 7, "eu,us", before), 0);
    assert_int_equal(after->n, 2);
    assert_int_equal(views_place(after, "eu"), 0);
    assert_int_equal(views_place(after, "us"), 1);
    assert_int_equal(views_place(after, "ap"), -ENOENT);
    assert_int_equal(after->at[0].seen.state.health, HEALTH_DOWN);
    assert_int_equal(after->at[0].failed->status, 503);
    assert_int_equal(after->at[1].seen.state.health, HEALTH_NEW);
    assert_int_equal(after->at[1].seen.state.site_id, 7);
    view_well(&after->at[0]);
    assert_null(after->at[0].failed);
    views_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_they_say),
        cmocka_unit_test(an_open_outage_asks_for_no_new_looks),
        cmocka_unit_test(who_has_not_had_a_say),
        cmocka_unit_test(views_move_with_their_locations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
