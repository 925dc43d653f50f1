/* The heap, against sorting. */
#include "common/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { NODES = 500 };

struct thing {
    int number;
    struct heap_node node;
    int64_t key;
};

static uint64_t random_of(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void test_the_smallest_comes_first_whatever_is_done(void **state)
{
    (void)state;
    for (uint64_t run = 1; run <= 20; run++) {
        struct heap h;
        struct thing t[NODES] = { 0 };
        uint64_t seed = run * 7919;
        heap_init(&h);
        for (int step = 0; step < 5000; step++) {
            struct thing *x = &t[random_of(&seed) % NODES];
            if (random_of(&seed) % 3 == 0) {
                heap_drop(&h, &x->node);
                assert_false(heap_has(&x->node));
            } else {
                x->key = (int64_t)(random_of(&seed) % 1000);
                assert_int_equal(heap_set(&h, &x->node, x->key), 0);
                assert_int_equal(heap_key(&h, &x->node), x->key);
            }
        }
        size_t inside = 0;
        for (int i = 0; i < NODES; i++)
            inside += heap_has(&t[i].node);
        assert_int_equal(h.count, inside);

        heap_shift(&h, 5);
        for (int64_t before = INT64_MIN; h.count > 0; inside--) {
            struct thing *x = heap_owner(heap_first(&h), struct thing, node);
            assert_int_equal(heap_first_key(&h), x->key + 5);
            assert_true(x->key >= before);
            before = x->key;
            heap_drop(&h, &x->node);
        }
        assert_int_equal(inside, 0);
        assert_null(heap_first(&h));
        assert_int_equal(heap_first_key(&h), INT64_MAX);
        heap_done(&h);
    }
}

static void test_never_stays_never_when_shifted(void **state)
{
    (void)state;
    struct heap h;
    struct heap_node n = { 0 };
    heap_init(&h);
    heap_set(&h, &n, INT64_MAX);
    heap_shift(&h, 1000);
    assert_int_equal(heap_first_key(&h), INT64_MAX);
    heap_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_smallest_comes_first_whatever_is_done),
        cmocka_unit_test(test_never_stays_never_when_shifted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
