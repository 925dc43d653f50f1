#include "coordinator/domain.h"
#include "coordinator/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS         NS_PER_MS
#define TIMEOUT_MS 4000

static struct lease_run run_of(uint64_t site, wall_us slot)
{
    return (
        struct lease_run){ .site_id = site, .slot_us = slot, .timeout_ms = TIMEOUT_MS, .every_ms = 60000 };
}

/* What is done, for the sites a to h of one domain:
 *   lower case  its slot comes        upper case  its run is over
 *   !x  its run of the slot before is over, as one that retired      -x  forgotten
 *   *x  a worker has its run          ^x  ... that of the slot before
 *   +   a confirming look begins      digit  that many tens of milliseconds pass
 *   _   half of TURNS_COUNTS_NS passes       ~   ten seconds pass
 * and what comes of it: the letter that goes, (x) that was held back. */
static const struct {
    const char *name;
    struct turns_rules rules;
    const char *done, *came;
} stories[] = {
    {"without ceilings all go at once",                              { 0, 0 },   "abcdefgh",     "abcdefgh"},
    { "two at once",                                                 { 2, 0 },   "abcAdB",       "abcd"    },
    { "in order of arrival",                                         { 1, 0 },   "abcdABC",      "abcd"    },
    { "ten milliseconds apart",                                      { 0, 100 }, "abc111",       "abc"     },
    { "a pause is no credit",                                        { 0, 100 }, "a9bc",         "ab"      },
    { "both ceilings",                                               { 1, 100 }, "ab1A",         "ab"      },
    { "both, the other way round",                                   { 1, 100 }, "abA1",         "ab"      },
    { "the next slot takes the place",                               { 1, 0 },   "abcbAB",       "a(b)bc"  },
    { "... again and again",                                         { 1, 0 },   "abbbA",        "a(b)(b)b"},
    { "of one that is out it is the heir, in the same turn",         { 1, 0 },   "abaA",         "aab"     },
    { "... and the run before is over without a word",               { 1, 0 },   "aba!aA",       "aab"     },
    { "a run that is over twice is over once",                       { 1, 0 },   "abcAAA",       "ab"      },
    { "forgotten while it waits",                                    { 1, 0 },   "abc-bA",       "ac"      },
    { "forgotten while it is out",                                   { 1, 0 },   "ab-a",         "ab"      },
    { "nothing is heard of it any more",                             { 1, 0 },   "ab~",          "ab"      },
    { "the heir has its time, too",                                  { 1, 0 },   "aba5~~",       "aab"     },
    { "confirming looks wait for nobody and are kept a distance to", { 0, 100 }, "+a1b1",        "ab"      },
    { "... each of them",                                            { 0, 100 }, "+++a11",       ""        },
    { "... and then",                                                { 0, 100 }, "+++a111",      "a"       },
    { "who hangs counts no longer",                                  { 1, 0 },   "a*ab__",       "ab"      },
    { "... not before its time",                                     { 1, 0 },   "a*ab_9",       "a"       },
    { "... since a worker has it",                                   { 1, 0 },   "ab__*a_9",     "a"       },
    { "... and that long",                                           { 1, 0 },   "ab__*a__",     "ab"      },
    { "... when nobody has waited for that",                         { 1, 0 },   "a*a__bc",      "ab"      },
    { "... each at its own time",                                    { 2, 0 },   "a*a_b*bcd_9_", "abcd"    },
    { "... and what begins then counts",                             { 1, 0 },   "a*abc__*b_9",  "ab"      },
    { "... until it hangs, too",                                     { 1, 0 },   "a*abc__*b__",  "abc"     },
    { "... and its end makes no room",                               { 1, 0 },   "a*abc__A",     "ab"      },
    { "... but that of the other does",                              { 1, 0 },   "a*abc__AB",    "abc"     },
    { "... and it counts anew when another worker has it",           { 1, 0 },   "a*a__*ab_9",   "a"       },
    { "... for as long",                                             { 1, 0 },   "a*a__*ab__",   "ab"      },
    { "the distance is kept all the same",                           { 2, 100 }, "a1b*a*bcd__1", "abcd"    },
    { "whoever was told late of its beginning says nothing",         { 1, 0 },   "aA*ab",        "ab"      },
    { "a slot comes while its site is looked at: it follows",        { 1, 0 },   "a*aa!a",       "aa"      },
    { "... behind those who have waited before",                     { 1, 0 },   "a*aab!aB",     "aba"     },
    { "... and gives its place to the slot after",                   { 1, 0 },   "a*aaa____",    "a(a)a"   },
    { "... while it hangs, too",                                     { 1, 0 },   "a*a__ab!aB",   "aba"     },
    { "... which makes room for others meanwhile",                   { 1, 0 },   "a*aab__!aB",   "aba"     },
    { "... and is not its word",                                     { 1, 0 },   "a*aaA*a_",     "a"       },
    { "... not before the time of that look is over",                { 1, 0 },   "a*aa___9",     "a"       },
    { "... then, told or not",                                       { 1, 0 },   "a*aa____",     "aa"      },
    { "... with a worker that has it again",                         { 1, 0 },   "a*aa__^ab_9",  "a"       },
    { "... and is forgotten",                                        { 1, 0 },   "a*aa-ab",      "ab"      },
};

static void run_story(const struct turns_rules *rules, const char *done, char *came)
{
    scoped(turns) struct turns *t = NULL;
    wall_us slot[8] = { 0 };
    mono_ns now = NS_PER_S;
    assert_int_equal(turns_new(&t, rules), 0);
    for (const char *p = done; *p; p++) {
        struct lease_run held = { 0 }, run;
        char how = strchr("!-*^", *p) ? *p++ : '\0';
        unsigned i = (unsigned)((*p | 0x20) - 'a') & 7;
        if (*p == '+')
            turns_push_in(t, 5, now);
        else if (*p == '~')
            now += 10 * NS_PER_S;
        else if (*p == '_')
            now += TURNS_COUNTS_NS / 2;
        else if (*p >= '0' && *p <= '9')
            now += (*p - '0') * 10 * MS;
        else if (how == '-')
            turns_forget(t, i + 1, now);
        else if (how == '!')
            turns_over(t, i + 1, slot[i] - 1, 0, now);
        else if (how)
            turns_begun(t, i + 1, slot[i] - (how == '^'), 0, now);
        else if (*p < 'a')
            turns_over(t, i + 1, slot[i], 0, now);
        else {
            run = run_of(i + 1, ++slot[i]);
            int r = turns_ask(t, 5, &run, now, &held);
            assert_true(r >= 0);
            if (held.site_id)
                came += sprintf(came, "(%c)", (int)('a' + held.site_id - 1));
            if (r == 1)
                came += sprintf(came, "%c", *p);
        }
        while (turns_take(t, now, &run)) {
            came += sprintf(came, "%c", (int)('a' + run.site_id - 1));
            assert_int_equal(run.slot_us, slot[run.site_id - 1]);
        }
        assert_true(turns_next(t) > now);
    }
}

static void turns_come_as_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        char came[100] = "";
        run_story(&stories[i].rules, stories[i].done, came);
        if (strcmp(came, stories[i].came) != 0)
            fail_msg("%s: %s gave %s, not %s", stories[i].name, stories[i].done, came, stories[i].came);
    }
}

static void domains_do_not_disturb_each_other(void **state)
{
    (void)state;
    const struct turns_rules rules = { 1, 10 };
    scoped(turns) struct turns *t = NULL;
    struct lease_run held, a = run_of(1, 1), b = run_of(2, 1), c = run_of(3, 1);
    assert_int_equal(turns_new(&t, &rules), 0);
    assert_int_equal(turns_ask(t, 11, &a, 0, &held), 1);
    assert_int_equal(turns_ask(t, 12, &b, 0, &held), 1);
    assert_int_equal(turns_ask(t, 11, &c, 0, &held), 0);
    c.slot_us = 2; /* it has moved to another domain */
    assert_int_equal(turns_ask(t, 13, &c, 0, &held), 1);
    assert_int_equal(held.site_id, 3);
    assert_int_equal(held.slot_us, 1);
    assert_int_equal(turns_waiting(t), 0);
    a.slot_us = 9;
    assert_int_equal(turns_ask(t, 0, &a, 0, &held), 1);     /* of none */
    for (unsigned location = 1; location < 3; location++) { /* elsewhere: the same ceiling */
        struct lease_run x = run_of(2, 1);
        x.location = location;
        assert_int_equal(turns_ask(t, 12, &x, NS_PER_S, &held), 0);
    }
    assert_int_equal(turns_waiting(t), 2);
    turns_forget(t, 2, NS_PER_S);
    assert_int_equal(turns_waiting(t), 0);
}

/* An hour of a thousand sites on twenty domains, one of them far too large: the
 * ceilings hold in every second, every slot is looked at or held back, none of the
 * large one's sites is forgotten, and the small ones never wait for long. */
static void an_hour_of_a_crowded_domain(void **state)
{
    (void)state;
    enum { SITES = 1000, CROWD = 700, DOMAINS = 20, EVERY_S = 20, SECONDS = 600 };
    const struct turns_rules rules = { 4, 20 };
    static mono_ns until[SITES + 1], began[DOMAINS][20];
    static unsigned looks[SITES + 1], slots[SITES + 1], held[SITES + 1], n_began[DOMAINS], out[DOMAINS];
    scoped(turns) struct turns *t = NULL;
    struct lease_run run, before;
    assert_int_equal(turns_new(&t, &rules), 0);
    srandom(3);
    for (mono_ns now = 0; now < SECONDS * NS_PER_S; now += 5 * MS) {
        for (unsigned s = 1; s <= SITES; s++) {
            unsigned d = s <= CROWD ? 0 : 1 + s % (DOMAINS - 1);
            int r = -1;
            if (until[s] && now >= until[s]) {
                turns_over(t, s, slots[s], 0, now);
                until[s] = 0;
                out[d]--;
            }
            if (now % (EVERY_S * NS_PER_S) / (5 * MS) == (s - 1) * 4) {
                run = run_of(s, ++slots[s]);
                r = turns_ask(t, 100 + d, &run, now, &before);
                held[s] += before.site_id != 0;
            }
            while (r == 1 || (s == SITES && turns_take(t, now, &run))) {
                r = -1;
                unsigned who = (unsigned)run.site_id, at = who <= CROWD ? 0 : 1 + who % (DOMAINS - 1);
                looks[who]++;
                if (until[who]) /* an heir: goes when the one before is over, in the same turn */
                    continue;
                until[who] = now + 50 * MS + random() % (300 * MS);
                assert_true(++out[at] <= 4);
                mono_ns *one = &began[at][n_began[at]++ % 20];
                assert_true(*one == 0 || now - *one >= NS_PER_S - 5 * MS);
                *one = now;
            }
        }
    }
    for (unsigned s = 1; s <= SITES; s++) {
        assert_in_range(looks[s] + held[s], slots[s] - 1, slots[s]);
        assert_true(looks[s] >= (s <= CROWD ? SECONDS / EVERY_S / 4 : slots[s] - 1));
    }
    assert_true(turns_domains(t) <= DOMAINS);
}

/* ── A domain of which half is dead ────────────────────────────────────── */

enum { VILLAGE = 100, EVERY_MS = 60000, STEP_MS = 10, HANGS_MS = 20000 };

struct villager {
    wall_us slot;
    mono_ns due, began, ends; /* its look's; began 0: none is under way */
};

struct village {
    struct turns *t;
    struct villager of[VILLAGE + 1];
    mono_ns now, last_began, latest;
    unsigned looks, held, most_hanging;
};

static bool is_dead(uint64_t site)
{
    return site % 2 == 0;
}

static void begin_look(struct village *v, const struct lease_run *run)
{
    struct villager *who = &v->of[run->site_id];
    assert_int_equal(who->began, 0); /* never two at a time: intervals are long enough */
    assert_true(v->last_began == 0 || v->now - v->last_began >= NS_PER_S / 20);
    v->last_began = v->now;
    v->looks++;
    if (!is_dead(run->site_id) && v->now - who->due > v->latest)
        v->latest = v->now - who->due;
    who->began = v->now;
    who->ends = v->now + (is_dead(run->site_id) ? HANGS_MS : 50) * MS;
    turns_begun(v->t, run->site_id, run->slot_us, 0, v->now);
}

static void slot_comes(struct village *v, unsigned site)
{
    struct lease_run run = run_of(site, ++v->of[site].slot), before;
    run.timeout_ms = HANGS_MS;
    v->of[site].due = v->now;
    int r = turns_ask(v->t, 5, &run, v->now, &before);
    assert_true(r >= 0);
    v->held += before.site_id != 0;
    if (r == 1)
        begin_look(v, &run);
}

/* What the domain's owner sees: at most four that were not there two seconds ago. */
static void look_around(struct village *v)
{
    unsigned fresh = 0, there = 0;
    for (unsigned s = 1; s <= VILLAGE; s++) {
        there += v->of[s].began != 0;
        fresh += v->of[s].began != 0 && v->now - v->of[s].began < TURNS_COUNTS_NS;
    }
    assert_true(fresh <= 4);
    if (there > v->most_hanging)
        v->most_hanging = there;
}

static void village_step(struct village *v, unsigned gap_ms)
{
    struct lease_run run;
    for (unsigned s = 1; s <= VILLAGE; s++) {
        if (v->of[s].began && v->now >= v->of[s].ends) {
            v->of[s].began = 0;
            turns_over(v->t, s, v->of[s].slot, 0, v->now);
        }
        if (v->now / MS % EVERY_MS == (mono_ns)(s - 1) * gap_ms)
            slot_comes(v, s);
        while (turns_take(v->t, v->now, &run))
            begin_look(v, &run);
    }
    look_around(v);
}

/* For five intervals nobody is held back, and whoever answers is on time, or waits no
 * longer than it takes to begin with all of them. If a turn counted until the timeout,
 * 12 of the 50 dead sites would be looked at in an interval, and hardly any other. */
static void half_of_a_domain_is_dead(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned gap_ms; /* between the slots of two sites */
        mono_ns latest_ms;
        unsigned most_hanging;
    } rows[] = {
        {"spread over the interval", EVERY_MS / VILLAGE, 0,     20},
        { "all within five seconds", 50,                 26000, 44},
    };
    const struct turns_rules rules = { 4, 20 };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct village v = { 0 };
        assert_int_equal(turns_new(&v.t, &rules), 0);
        for (v.now = EVERY_MS * MS; v.now < 6 * EVERY_MS * MS; v.now += STEP_MS * MS)
            village_step(&v, rows[i].gap_ms);
        if (v.held > 0 || v.looks < 5 * VILLAGE || v.latest > rows[i].latest_ms * MS ||
            v.most_hanging > rows[i].most_hanging)
            fail_msg("%s: %u looks, %u held back, %lld ms late, %u at once", rows[i].name, v.looks, v.held,
                     (long long)(v.latest / MS), v.most_hanging);
        turns_free(v.t);
    }
}

static const struct {
    const char *one, *other;
    bool same;
} urls[] = {
    {"http://a.shop.co.uk/",        "https://b.shop.co.uk:8443/x?y", true },
    { "http://shop.co.uk/",         "http://other.co.uk/",           false},
    { "http://www.shop.com/",       "http://shop.com./",             true },
    { "http://shop.com/",           "http://shop.net/",              false},
    { "http://a.github.io/",        "http://b.github.io/",           false},
    { "http://x.a.github.io/",      "http://a.github.io/",           true },
    { "http://co.uk/",              "http://org.uk/",                false},
    { "http://shop.com?x",          "http://shop.com#y",             true },
    { "http://a.no-such-suffix/",   "http://b.no-such-suffix/",      false},
    { "http://x.a.no-such-suffix/", "http://y.a.no-such-suffix/",    true },
    { "http://xn--bcher-kva.de/",   "http://www.xn--bcher-kva.de/",  true },
};

static void domains_are_what_people_register(void **state)
{
    (void)state;
    static const char *const none[] = { "http://192.0.2.1/",    "http://[2001:db8::1]:80/",
                                        "http://shop.test/",    "http://localhost/",
                                        "http://a.localhost./", "http://www.example/",
                                        "http://x.invalid:80/", "http://127.0.0.1:8080/" };
    scoped(domains) struct domains *d = NULL;
    assert_int_equal(domains_new(&d), 0);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        uint64_t one = domains_key(d, urls[i].one), other = domains_key(d, urls[i].other);
        if (!one || !other || (one == other) != urls[i].same)
            fail_msg("%s and %s", urls[i].one, urls[i].other);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (domains_key(d, none[i]) != 0)
            fail_msg("%s", none[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_come_as_told),
        cmocka_unit_test(domains_do_not_disturb_each_other),
        cmocka_unit_test(an_hour_of_a_crowded_domain),
        cmocka_unit_test(half_of_a_domain_is_dead),
        cmocka_unit_test(domains_are_what_people_register),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
