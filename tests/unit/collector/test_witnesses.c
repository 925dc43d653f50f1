/* Who is another witness: stories of who is there, by which key, and who has looked. */
#include "collector/witnesses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "a7r": worker a, by key 7, ready; also s(uspect), d(oubts itself), f(ull), g(one), x dead. "@us" before it:
 * at another location than "eu". */
static void tell(struct witnesses *w, const char *lanes)
{
    char all[120], *rest = all, *one;
    snprintf(all, sizeof all, "%s", lanes);
    witnesses_begin(w);
    while ((one = strsep(&rest, " "))) {
        struct worker_vitals v = { .location = "eu", .slots = 10 };
        if (strncmp(one, "@us", 3) == 0) {
            strcpy(v.location, "us");
            one += 3;
        }
        if (!*one)
            continue;
        v.worker[0] = one[0];
        v.key = (uint64_t)(one[1] - '0');
        v.health = one[2] == 's'   ? WORKER_SUSPECT
                   : one[2] == 'g' ? WORKER_GONE
                   : one[2] == 'x' ? WORKER_DEAD
                                   : WORKER_READY;
        v.doubts = one[2] == 'd';
        v.in_hand = one[2] == 'f' ? 10 : 3;
        witnesses_told(w, &v);
    }
    witnesses_end(w);
}

static bool repeated(const struct witnesses *w, const char *before, char who, const char *from)
{
    struct result looks[8] = { { 0 } }, look = { .worker = { who } };
    size_t n = strlen(before);
    for (size_t i = 0; i < n; i++)
        looks[i] = (struct result){ .worker = { before[i] }, .verdict = VERDICT_DOWN };
    strcpy(look.run.location, from);
    return witnesses_repeated(w, looks, n, &look);
}

static void a_key_is_one_witness_while_there_is_another(void **state)
{
    (void)state;
    static const struct {
        const char *lanes, *before;
        char who;
        bool repeats;
    } rows[] = {
        {"",                 "a",  'b', false}, /* nobody has told yet */
        { "a0r b0r",         "a",  'b', false}, /* links without keys */
        { "a0r b0r",         "a",  'a', false},
        { "a7r b7r",         "a",  'b', false}, /* one token for all of them */
        { "a7r b7r c8r",     "a",  'b', true }, /* one key, many names */
        { "a7r b7r c8r",     "a",  'a', true },
        { "a7r b7r c8r",     "a",  'c', false},
        { "a7r b7r c8r",     "ac", 'b', false},
        { "a7r b7r c8r",     "c",  'b', false},
        { "a7r b7r c0r",     "a",  'b', true }, /* one of this host, by the cluster's own key */
        { "a0r b0r c7r",     "a",  'b', true },
        { "a7r b7r c8s",     "a",  'b', false}, /* the other cannot be asked */
        { "a7r b7r c8d",     "a",  'b', false},
        { "a7r b7r c8f",     "a",  'b', false},
        { "a7r b7r c8g",     "a",  'b', false},
        { "a7r b7r c8x",     "a",  'b', false},
        { "a7r b7r @usc8r",  "a",  'b', false}, /* elsewhere */
        { "a7s b7r c8r",     "a",  'b', true }, /* who looked first need not be well any more */
        { "b7r c8r",         "a",  'b', false}, /* ... but known */
        { "a7r c8r",         "a",  'b', false},
        { "a7r a7r c8f c8r", "a",  'a', true }, /* two lanes each, one with room */
    };
    scoped(witnesses) struct witnesses *w = NULL;
    assert_int_equal(witnesses_new(&w), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tell(w, rows[i].lanes);
        if (repeated(w, rows[i].before, rows[i].who, "eu") != rows[i].repeats)
            fail_msg("%s: %s, then %c", rows[i].lanes, rows[i].before, rows[i].who);
    }
    tell(w, "a7r b7r c8r");
    assert_false(repeated(w, "a", 'b', "us"));
    assert_false(repeated(w, "", 'b', "eu"));
}

static void who_is_not_told_of_is_forgotten(void **state)
{
    (void)state;
    scoped(witnesses) struct witnesses *w = NULL;
    assert_int_equal(witnesses_new(&w), 0);
    tell(w, "a7r b7r c8r");
    tell(w, "c8r");
    tell(w, "a9r b7r c8r"); /* another worker has its name */
    assert_false(repeated(w, "a", 'b', "eu"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_one_witness_while_there_is_another),
        cmocka_unit_test(who_is_not_told_of_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
