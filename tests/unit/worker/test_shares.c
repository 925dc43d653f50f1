/* How a lane's slots are divided among shards. */
#include "worker/shares.h"

#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { MOST = 8 };

#define THERE(in, m, w, q) \
    {                      \
        true, in, m, w, q  \
    }
#define AWAY(in)                \
    {                           \
        false, in, in, false, 0 \
    }

static const struct {
    const char *name;
    uint32_t slots, n;
    struct share share[4];
    uint32_t quota[4];
} rows[] = {
    {"one has all",                                   2048, 1, { THERE(0, 0, false, 0) },                             { 2048 }  },
    { "one that is away has what it holds",           2048, 1, { AWAY(7) },                                           { 7 }     },
    { "two that want nothing: half each",
     2048,                                                  2,
     { THERE(0, 0, false, 0), THERE(0, 0, false, 0) },
     { 1024, 1024 }                                                                                                             },
    { "what does not divide goes first",              5,    2, { THERE(0, 0, false, 0), THERE(0, 0, false, 0) },      { 3, 2 }  },
    { "used slots stay, the rest is laid out",
     100,                                                   2,
     { THERE(20, 40, false, 60), THERE(0, 0, false, 40) },
     { 67, 33 }                                                                                                                 },
    { "who reached its quota gets what others leave",
     100,                                                   2,
     { THERE(50, 50, false, 50), THERE(10, 10, false, 50) },
     { 90, 10 }                                                                                                                 },
    { "... and who was refused",                      100,  2, { THERE(10, 10, true, 50), THERE(10, 30, false, 50) }, { 70, 30 }},
    { "both want all: half each",                     100,  2, { THERE(50, 50, true, 50), THERE(50, 50, true, 50) },  { 50, 50 }},
    { "what is held is not taken back",
     100,                                                   2,
     { THERE(90, 90, true, 90), THERE(10, 10, true, 10) },
     { 90, 10 }                                                                                                                 },
    { "... but not filled again either",
     100,                                                   2,
     { THERE(60, 90, true, 90), THERE(10, 10, true, 10) },
     { 60, 40 }                                                                                                                 },
    { "one who is away leaves",                       100,  2, { AWAY(30), THERE(10, 10, false, 50) },                { 30, 70 }},
    { "three of them",
     90,                                                    3,
     { THERE(60, 60, true, 60), THERE(0, 5, false, 15), THERE(15, 15, true, 15) },
     { 60, 6, 24 }                                                                                                              },
    { "nobody is there",                              100,  2, { AWAY(3), AWAY(0) },                                  { 3, 0 }  },
};

static void a_division(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct share share[4], *at[4];
        for (uint32_t k = 0; k < rows[i].n; k++) {
            share[k] = rows[i].share[k];
            at[k] = &share[k];
        }
        shares_divide(at, rows[i].n, rows[i].slots);
        for (uint32_t k = 0; k < rows[i].n; k++)
            if (share[k].quota != rows[i].quota[k])
                fail_msg("%s: share %u has %u, not %u", rows[i].name, k, share[k].quota, rows[i].quota[k]);
    }
}

/* Whatever happens: quotas together are never more than the slots, and what is held
 * never more than the quotas. */
static void never_more_than_there_are(void **state)
{
    struct share share[MOST], *at[MOST];
    (void)state;
    srand(7);
    for (int story = 0; story < 200; story++) {
        uint32_t n = 1 + (uint32_t)rand() % MOST, slots = (uint32_t)rand() % 300;
        for (uint32_t k = 0; k < n; k++) {
            share[k] = (struct share){ .present = true };
            at[k] = &share[k];
        }
        for (int step = 0; step < 400; step++) {
            struct share *s = at[(uint32_t)rand() % n];
            uint64_t quotas = 0, held = 0;
            if (step % 20 == 0) {
                s->present = rand() % 3;
                shares_divide(at, n, slots);
            } else if (rand() % 3 == 0) {
                share_give(s);
            } else if (share_room(s) > 0) {
                share_take(s);
            } else {
                s->wanted = true;
            }
            for (uint32_t k = 0; k < n; k++) {
                quotas += share[k].quota;
                held += share[k].in_hand;
                assert_true(share[k].in_hand <= share[k].quota);
            }
            assert_true(quotas <= slots && held <= quotas);
        }
    }
}

/* One fills all it can, and then another one comes: both have half soon. */
static void a_late_comer_gets_its_half(void **state)
{
    struct share a = { .present = true }, b = { .present = false }, *at[] = { &a, &b };
    (void)state;
    shares_divide(at, 2, 1000);
    for (int second = 0; second < 40; second++) {
        b.present = second >= 10;
        while (share_room(&a) > 0)
            share_take(&a);
        while (b.present && share_room(&b) > 0)
            share_take(&b);
        for (int i = 0; i < 300; i++) { /* looks that end */
            share_give(&a);
            share_give(&b);
        }
        shares_divide(at, 2, 1000);
        if (second == 9)
            assert_int_equal(a.quota, 1000);
        if (second > 15) {
            assert_in_range(a.quota, 500, 700);
            assert_in_range(b.quota, 300, 500);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_division),
        cmocka_unit_test(never_more_than_there_are),
        cmocka_unit_test(a_late_comer_gets_its_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
