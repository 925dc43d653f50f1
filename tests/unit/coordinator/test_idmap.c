/* Ids come and go in every order; who is there is found, who is not is not. */
#include "common/pool.h"
#include "coordinator/idmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { IDS = 5000 };

struct thing {
    uint64_t id;
    unsigned seen;
};

/* How ids may be spread. */
static uint64_t in_a_row(unsigned i)
{
    return i + 1;
}

static uint64_t far_apart(unsigned i)
{
    return (uint64_t)(i + 1) << 40;
}

static uint64_t multiples(unsigned i)
{
    return (i + 1) * UINT64_C(1024);
}

static uint64_t at_the_end(unsigned i)
{
    return UINT64_MAX - i;
}

static const struct {
    const char *name;
    uint64_t (*id)(unsigned i);
} spreads[] = {
    {"in a row",         in_a_row  },
    { "far apart",       far_apart },
    { "multiples",       multiples },
    { "at the very end", at_the_end},
};

static void check(const struct idmap *m, struct thing *thing, const bool *there, const char *name)
{
    size_t n = 0, cursor = 0;
    for (unsigned i = 0; i < IDS; i++) {
        if ((idmap_find(m, thing[i].id) != NULL) != there[i])
            fail_msg("%s: number %u is%s there", name, i, there[i] ? " not" : "");
        n += there[i];
        thing[i].seen = 0;
    }
    assert_int_equal(m->count, n);
    for (struct thing *t; (t = idmap_next(m, &cursor)); n--)
        assert_int_equal(t->seen++, 0);
    assert_int_equal(n, 0);
}

static void test_ids_come_and_go(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof spreads / sizeof *spreads; s++) {
        static struct thing thing[IDS];
        bool there[IDS] = { false };
        struct idmap m;
        idmap_init(&m);
        assert_null(idmap_find(&m, 1));
        idmap_drop(&m, 1);
        srandom(7);
        for (unsigned i = 0; i < IDS; i++)
            thing[i].id = spreads[s].id(i);
        for (unsigned step = 0; step < 20 * IDS; step++) {
            unsigned i = (unsigned)random() % IDS;
            /* mostly coming at first, mostly going at last */
            bool come = (unsigned)random() % (20 * IDS) > step;
            if (come && !there[i])
                assert_int_equal(idmap_add(&m, &thing[i]), 0);
            else if (!come)
                idmap_drop(&m, thing[i].id);
            there[i] = come;
            if (step % IDS == 0)
                check(&m, thing, there, spreads[s].name);
        }
        check(&m, thing, there, spreads[s].name);
        idmap_done(&m);
    }
}

static void test_a_pool_hands_out_again_what_came_back(void **state)
{
    (void)state;
    struct pool p;
    char *one[3000];
    pool_init(&p, 45);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3000; i++) {
            one[i] = pool_take(&p);
            assert_non_null(one[i]);
            assert_int_equal((uintptr_t)one[i] % sizeof(void *), 0);
            for (int k = 0; k < 45; k++)
                assert_int_equal(one[i][k], 0);
            memset(one[i], i % 255 + 1, 45);
        }
        for (int i = 0; i < 3000; i++) {
            assert_int_equal((unsigned char)one[i][44], i % 255 + 1); /* nobody else's */
            pool_give(&p, one[i]);
        }
    }
    size_t before = p.left;
    pool_take(&p);
    assert_int_equal(p.left, before);
    pool_done(&p);
    pool_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_come_and_go),
        cmocka_unit_test(test_a_pool_hands_out_again_what_came_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
