#include "worker/courtesy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS   NS_PER_MS
#define LONG (60 * NS_PER_S)

static uint64_t place_of(const char *text)
{
    struct address a;
    assert_int_equal(address_parse(text, &a), 0);
    return courtesy_place(&a);
}

static void a_place_is_what_one_host_is_given(void **state)
{
    (void)state;
    static const struct {
        const char *one, *other;
        bool same;
    } rows[] = {
        {"192.0.2.1",      "192.0.2.1",          true },
        { "192.0.2.1",     "192.0.2.2",          false},
        { "2a00:1:2:3::1", "2a00:1:2:3:ffff::2", true },
        { "2a00:1:2:3::1", "2a00:1:2:4::1",      false},
        { "2a00::1",       "2a00:0:0:1::1",      false},
        { "0.0.0.1",       "::2",                false},
        { "127.0.0.1",     "127.9.9.9",          true }, /* none */
        { "127.0.0.1",     "::1",                true },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if ((place_of(rows[i].one) == place_of(rows[i].other)) != rows[i].same)
            fail_msg("%s and %s", rows[i].one, rows[i].other);
    assert_int_equal(place_of("127.0.0.1"), 0);
    assert_int_equal(place_of("127.255.255.255"), 0);
    assert_int_equal(place_of("::1"), 0);
    assert_true(place_of("128.0.0.1") && place_of("126.0.0.1") && place_of("0.0.0.0") && place_of("::"));
}

/* What is done, a letter each, for the turns a to h at one place:
 *   lower case  asks           upper case  leaves      *x  asks urgently
 *   digit       that many tens of milliseconds pass      ~   half of COURTESY_COUNTS_NS
 *   |n          so many threads share from now on
 * and what comes of it: the letter that goes, (x) that is sent away. */
static const struct {
    const char *name;
    struct courtesy_rules rules;
    const char *done, *came;
} stories[] = {
    {"without ceilings all go at once",                   { 0, 0, 1, 50 * MS },   "abcdefgh",             "abcdefgh"},
    { "two at once",                                      { 2, 0, 1, 90 * MS },   "abcAdB",               "abcd"    },
    { "in order of arrival",                              { 1, 0, 1, 90 * MS },   "abcd1A1B1C",           "abcd"    },
    { "who is urgent goes first",                         { 1, 0, 1, 90 * MS },   "abc*dAD",              "adb"     },
    { "two who are, in their order",                      { 1, 0, 1, 90 * MS },   "ab*c*dACD",            "acdb"    },
    { "who leaves while waiting is passed over",          { 1, 0, 1, 90 * MS },   "abcBA",                "ac"      },
    { "ten milliseconds apart",                           { 0, 100, 1, 90 * MS }, "abc111",               "abc"     },
    { "a pause is no credit",                             { 0, 100, 1, 90 * MS }, "a9bc",                 "ab"      },
    { "... and the next comes in its time",               { 0, 100, 1, 90 * MS }, "a9bc1",                "abc"     },
    { "both ceilings",                                    { 1, 100, 1, 90 * MS }, "ab1A",                 "ab"      },
    { "both, the other way round",                        { 1, 100, 1, 90 * MS }, "abA1",                 "ab"      },
    { "who waits too long is sent away",                  { 1, 0, 1, 50 * MS },   "ab41",                 "a(b)"    },
    { "the urgent one too",                               { 1, 0, 1, 50 * MS },   "a*b5",                 "a(b)"    },
    { "the one who came first, though another is urgent", { 1, 0, 1, 50 * MS },   "ab3*c2A",              "a(b)c"   },
    { "in vain: not even let in",                         { 0, 50, 1, 50 * MS },  "abcd",                 "a(d)"    },
    { "... and let in later",                             { 0, 50, 1, 50 * MS },  "abcd2d22222",          "a(d)bcd" },
    { "no waiting at all",                                { 1, 0, 1, 0 },         "ab",                   "a(b)"    },
    { "asking again for what one has",                    { 1, 0, 1, 50 * MS },   "aaa",                  "aaa"     },
    { "threads share: four of eight",                     { 8, 0, 2, 50 * MS },   "abcdefA",              "abcde"   },
    { "threads share: one is the least",                  { 2, 0, 8, 50 * MS },   "abA",                  "ab"      },
    { "threads share the rate",                           { 0, 100, 2, 90 * MS }, "ab11",                 "ab"      },
    { "who hangs counts no longer",                       { 1, 0, 1, LONG },      "ab~~",                 "ab"      },
    { "... not before its time",                          { 1, 0, 1, LONG },      "ab~9",                 "a"       },
    { "... nor who begins then",                          { 1, 0, 1, LONG },      "abc~~~",               "ab"      },
    { "... until it hangs, too",                          { 1, 0, 1, LONG },      "abc~~~~",              "abc"     },
    { "... when nobody has waited for that",              { 1, 0, 1, LONG },      "a~~bc",                "ab"      },
    { "... and has it still",                             { 1, 0, 1, LONG },      "a~~a",                 "aa"      },
    { "... and leaves without making room",               { 1, 0, 1, LONG },      "abc~~A",               "ab"      },
    { "... which others make",                            { 1, 0, 1, LONG },      "abc~~AB",              "abc"     },
    { "each at its own time",                             { 2, 0, 1, LONG },      "a~bcde~",              "abc"     },
    { "... also when the one between has left",           { 3, 0, 1, LONG },      "a9b9cdeBA~~",          "abcde"   },
    { "the distance is kept all the same",                { 2, 100, 1, LONG },    "a~~bcd1~",             "abc"     },
    { "the urgent one first",                             { 1, 0, 1, LONG },      "ab*c~~",               "ac"      },
    { "too late for who waited less long than it counts", { 1, 0, 1, 90 * MS },   "ab~",                  "a(b)"    },
    { "others share, too",                                { 4, 0, 1, 50 * MS },   "|2abcd",               "ab"      },
    { "... and have gone",                                { 4, 0, 1, 50 * MS },   "|2abcd|1",             "abcd"    },
    { "... fewer than threads of our own: not believed",  { 8, 0, 2, 50 * MS },   "|1abcdefA",            "abcde"   },
    { "... what is in hand stays",                        { 2, 0, 1, 50 * MS },   "ab|2cA",               "ab"      },
    { "... and then there is room",                       { 2, 0, 1, 50 * MS },   "ab|2cAB",              "abc"     },
    { "... or none of it counts any more",                { 2, 0, 1, LONG },      "a9b|2c~99999999992",   "ab"      },
    { "... a moment later",                               { 2, 0, 1, LONG },      "a9b|2c~999999999929",  "abc"     },
    { "... and nobody is sent away for it",               { 2, 0, 1, LONG },      "a9b|2cd~999999999929", "abc"     },
    { "... one is the least",                             { 8, 0, 1, 50 * MS },   "|9abA",                "ab"      },
    { "... the rate",                                     { 0, 100, 1, 90 * MS }, "|2ab1",                "a"       },
    { "... each at half of it",                           { 0, 100, 1, 90 * MS }, "|2ab11",               "ab"      },
};

static void run_story(const struct courtesy_rules *rules, const char *done, char *came)
{
    struct courtesy_turn turn[8] = { 0 };
    scoped(courtesy) struct courtesy *c = NULL;
    mono_ns now = NS_PER_S;
    char name[8] = "abcdefgh";
    assert_int_equal(courtesy_new(&c, rules), 0);
    for (const char *p = done; *p; p++) {
        enum courtesy_word word = COURTESY_WAIT;
        bool urgent = *p == '*';
        p += urgent;
        unsigned i = (unsigned)(*p | 0x20) - 'a';
        if (*p == '|')
            courtesy_share(c, (uint32_t)(*++p - '0'));
        else if (*p == '~')
            now += COURTESY_COUNTS_NS / 2;
        else if (*p >= '0' && *p <= '9')
            now += (*p - '0') * 10 * MS;
        else if (*p >= 'a')
            word = courtesy_ask(c, 7, urgent, &turn[i], &name[i], now);
        else
            courtesy_leave(c, &turn[i], now);
        if (word != COURTESY_WAIT)
            came += sprintf(came, word == COURTESY_GO ? "%c" : "(%c)", *p);
        mono_ns next = courtesy_next(c);
        char *owner = courtesy_take(c, now, &word);
        assert_true(next <= now || !owner);
        for (; owner; owner = courtesy_take(c, now, &word))
            came += sprintf(came, word == COURTESY_GO ? "%c" : "(%c)", *owner);
        assert_true(courtesy_next(c) > now);
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

static void places_do_not_disturb_each_other(void **state)
{
    (void)state;
    const struct courtesy_rules rules = { 1, 10, 1, NS_PER_S };
    scoped(courtesy) struct courtesy *c = NULL;
    struct courtesy_turn a = { 0 }, b = { 0 }, d = { 0 };
    enum courtesy_word word;
    assert_int_equal(courtesy_new(&c, &rules), 0);
    assert_int_equal(courtesy_ask(c, 1, false, &a, &a, 0), COURTESY_GO);
    assert_int_equal(courtesy_ask(c, 2, false, &b, &b, 0), COURTESY_GO);
    assert_int_equal(courtesy_ask(c, 1, false, &d, &d, 0), COURTESY_WAIT);
    assert_int_equal(courtesy_ask(c, 0, false, &d, &d, 0),
                     COURTESY_GO); /* it goes elsewhere, and waits no longer */
    assert_int_equal(courtesy_next(c), MONO_NEVER);
    assert_int_equal(courtesy_ask(c, 2, false, &a, &a, 0), COURTESY_WAIT);
    courtesy_leave(c, &b, 0);
    assert_int_equal(courtesy_next(c), NS_PER_S / 10);
    assert_null(courtesy_take(c, NS_PER_S / 10 - 1, &word));
    assert_ptr_equal(courtesy_take(c, NS_PER_S / 10, &word), &a);
    courtesy_leave(c, &a, NS_PER_S);
    courtesy_leave(c, &a, NS_PER_S); /* twice is once */
}

/* A thousand places where somebody waits, each with a time of its own. */
static void whose_time_is_first_is_told_first(void **state)
{
    (void)state;
    enum { PLACES = 1000 };
    const struct courtesy_rules rules = { 1, 0, 1, LONG };
    static struct courtesy_turn has[PLACES], waits[PLACES];
    scoped(courtesy) struct courtesy *c = NULL;
    enum courtesy_word word;
    assert_int_equal(courtesy_new(&c, &rules), 0);
    for (unsigned i = 0; i < PLACES; i++) {
        unsigned k = i * 387 % PLACES;
        assert_int_equal(courtesy_ask(c, 1 + k, false, &has[k], &has[k], i * MS), COURTESY_GO);
        assert_int_equal(courtesy_ask(c, 1 + k, false, &waits[k], &waits[k], i * MS), COURTESY_WAIT);
    }
    for (unsigned i = 0; i < PLACES; i++) {
        unsigned k = i * 387 % PLACES;
        mono_ns at = COURTESY_COUNTS_NS + i * MS;
        if (i % 3 == 0) { /* it leaves before it hangs */
            at -= MS / 2;
            courtesy_leave(c, &has[k], at);
        }
        assert_true(i % 3 == 0 ? courtesy_next(c) <= at : courtesy_next(c) == at);
        assert_ptr_equal(courtesy_take(c, at, &word), &waits[k]);
        assert_int_equal(word, COURTESY_GO);
        assert_null(courtesy_take(c, at, &word));
        courtesy_leave(c, &waits[k], at);
    }
    assert_int_equal(courtesy_next(c), MONO_NEVER);
}

/* A hundred thousand looks at few and at many places: in no second more than allowed
 * at any of them, never more at once that count, nobody is forgotten, and nothing is kept. */
static void whatever_comes_the_ceilings_hold(void **state)
{
    (void)state;
    enum { LOOKS = 4096, PLACES = 64, ROUNDS = 100000 };
    const struct courtesy_rules rules = { 3, 20, 1, 2 * NS_PER_S };
    static struct courtesy_turn turn[LOOKS];
    static mono_ns until[LOOKS]; /* 0 free, -1 waits, else when it leaves */
    static int ids[LOOKS];
    static mono_ns began[PLACES][20], began_at[LOOKS];
    unsigned at[LOOKS], n_began[PLACES] = { 0 }, gone = 0, away = 0, asked = 0, hung = 0;
    scoped(courtesy) struct courtesy *c = NULL;
    assert_int_equal(courtesy_new(&c, &rules), 0);
    srandom(7);
    mono_ns now = 0;
    for (int i = 0; i < ROUNDS; i++) {
        now += random() % (5 * MS);
        unsigned k = (unsigned)random() % LOOKS;
        enum courtesy_word word = COURTESY_WAIT;
        int *owner = NULL;
        if (until[k] == 0) {
            ids[k] = (int)k;
            at[k] = (unsigned)random() % (random() % 2 ? 3 : PLACES);
            word = courtesy_ask(c, 100 + at[k], random() % 8 == 0, &turn[k], &ids[k], now);
            until[k] = -1;
            asked++;
            owner = word == COURTESY_WAIT ? NULL : &ids[k];
        }
        for (unsigned j = 0; j < 50; j++) { /* some leave */
            unsigned m = (unsigned)random() % LOOKS;
            if (until[m] > 0 && now >= until[m]) {
                courtesy_leave(c, &turn[m], now);
                hung += now - began_at[m] >= COURTESY_COUNTS_NS;
                until[m] = 0;
            }
        }
        for (; owner || (owner = courtesy_take(c, now, &word)); owner = NULL) {
            unsigned m = (unsigned)*owner, p = at[m];
            if (word == COURTESY_AWAY) {
                until[m] = 0;
                away++;
                continue;
            }
            until[m] = now + random() % (400 * MS) + (random() % 8 ? 0 : 2 * COURTESY_COUNTS_NS);
            began_at[m] = now;
            gone++;
            unsigned counting = 0;
            for (unsigned o = 0; o < LOOKS; o++)
                counting += until[o] > 0 && at[o] == p && now - began_at[o] < COURTESY_COUNTS_NS;
            assert_true(counting <= 3);
            mono_ns *before = &began[p][n_began[p]++ % 20];
            assert_true(*before == 0 || now - *before >= NS_PER_S);
            *before = now;
        }
    }
    unsigned left = 0;
    for (unsigned k = 0; k < LOOKS; k++)
        left += until[k] == -1;
    assert_int_equal(gone + away + left, asked);
    assert_true(gone > 1000 && away > 100 && hung > 100);
    assert_true(courtesy_places(c) <= PLACES);

    /* All leave; the next places make those forgotten that nobody is at. */
    for (unsigned k = 0; k < LOOKS; k++)
        courtesy_leave(c, &turn[k], now);
    for (unsigned k = 0; k < 100; k++) {
        courtesy_ask(c, 1000 + k, false, &turn[0], &ids[0], now + 10 * NS_PER_S + k * NS_PER_S);
        courtesy_leave(c, &turn[0], now + 10 * NS_PER_S + k * NS_PER_S);
    }
    assert_true(courtesy_places(c) <= 2);
}

/* A hundred sites at one address, each every 30 s, and the host swallows all. A look
 * ends at its timeout of 10 s. One that fails is confirmed twice, at once and 5 s
 * later; a site of which two confirming looks have failed is down, and not confirmed
 * any more. */
enum { SITES = 100, INTERVALS = 5, VISITORS = SITES * INTERVALS * 3 };

struct visitor {
    struct courtesy_turn turn;
    int site;
    bool urgent, waits;
    mono_ns comes_at, ends_at; /* MONO_NEVER: not, or no more */
};

struct dead_host {
    struct courtesy *c;
    struct visitor visitor[VISITORS];
    int n, failed[SITES]; /* confirming looks of each site */
    unsigned looks, away, urgent_away;
};

static void will_come(struct dead_host *h, int site, bool urgent, mono_ns at)
{
    assert_true(h->n < VISITORS);
    h->visitor[h->n++] =
        (struct visitor){ .site = site, .urgent = urgent, .comes_at = at, .ends_at = MONO_NEVER };
}

static void is_told(struct dead_host *h, struct visitor *v, enum courtesy_word word, mono_ns now)
{
    v->comes_at = MONO_NEVER;
    v->waits = word == COURTESY_WAIT;
    h->away += word == COURTESY_AWAY;
    h->urgent_away += word == COURTESY_AWAY && v->urgent;
    if (word == COURTESY_GO)
        v->ends_at = now + 10 * NS_PER_S;
}

static void times_out(struct dead_host *h, struct visitor *v, mono_ns now)
{
    v->ends_at = MONO_NEVER;
    courtesy_leave(h->c, &v->turn, now);
    if (v->urgent)
        h->failed[v->site]++;
    for (int i = 0; !v->urgent && h->failed[v->site] < 2 && i < 2; i++)
        will_come(h, v->site, true, now + i * 5 * NS_PER_S);
}

static void moment(struct dead_host *h, mono_ns now)
{
    enum courtesy_word word;
    struct visitor *v;
    for (int i = 0; i < h->n; i++) {
        v = &h->visitor[i];
        if (v->ends_at <= now)
            times_out(h, v, now);
        if (v->comes_at > now)
            continue;
        h->looks++;
        is_told(h, v, courtesy_ask(h->c, 7, v->urgent, &v->turn, v, now), now);
    }
    while ((v = courtesy_take(h->c, now, &word)))
        is_told(h, v, word, now);
}

static int down(const struct dead_host *h)
{
    int n = 0;
    for (int i = 0; i < SITES; i++)
        n += h->failed[i] >= 2;
    return n;
}

static void a_dead_host_is_soon_known_to_be_dead(void **state)
{
    (void)state;
    const struct courtesy_rules rules = { 8, 50, 1, 5 * NS_PER_S };
    const mono_ns every = 30 * NS_PER_S;
    static struct dead_host h;
    assert_int_equal(courtesy_new(&h.c, &rules), 0);
    for (int k = 0; k < SITES * INTERVALS; k++)
        will_come(&h, k % SITES, false, k / SITES * every + k * 37 % SITES * (every / SITES));
    for (mono_ns now = 0; now < INTERVALS * every; now += 20 * MS) {
        moment(&h, now);
        if (now == 2 * every)
            assert_true(down(&h) >= SITES / 4);
    }
    assert_int_equal(down(&h), SITES);
    assert_int_equal(h.urgent_away, 0);
    assert_true(h.away < h.looks / 4);
    courtesy_free(h.c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_is_what_one_host_is_given),
        cmocka_unit_test(turns_come_as_told),
        cmocka_unit_test(places_do_not_disturb_each_other),
        cmocka_unit_test(whose_time_is_first_is_told_first),
        cmocka_unit_test(whatever_comes_the_ceilings_hold),
        cmocka_unit_test(a_dead_host_is_soon_known_to_be_dead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
