/* The queue between two threads. */
#include "common/queue.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void *item(uintptr_t n)
{
    return (void *)n;
}

static void test_first_in_first_out_up_to_the_ceiling(void **state)
{
    (void)state;
    struct queue *q = NULL;
    assert_int_equal(queue_new(&q, 3), 0);
    assert_null(queue_take(q));

    for (uintptr_t round = 0; round < 5; round++) { /* often enough to go round the ring */
        for (uintptr_t i = 1; i <= 3; i++) {
            assert_int_equal(queue_room(q), 4 - i);
            assert_int_equal(queue_put(q, item(round * 10 + i)), 0);
            assert_int_equal(queue_count(q), i);
        }
        assert_int_equal(queue_put(q, item(99)), -EAGAIN);
        assert_int_equal(queue_room(q), 0);
        assert_ptr_equal(queue_take(q), item(round * 10 + 1));
        assert_int_equal(queue_put(q, item(round * 10 + 4)), 0);
        for (uintptr_t i = 2; i <= 4; i++)
            assert_ptr_equal(queue_take(q), item(round * 10 + i));
        assert_null(queue_take(q));
        assert_int_equal(queue_count(q), 0);
    }
    queue_free(q, NULL);
}

static void test_what_is_left_is_released(void **state)
{
    (void)state;
    struct queue *q = NULL;
    assert_int_equal(queue_new(&q, 8), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(queue_put(q, malloc(10)), 0);
    free(queue_take(q));
    queue_free(q, free); /* a leak would be reported */
    queue_free(NULL, free);
}

static void test_sizes_that_cannot_be(void **state)
{
    (void)state;
    struct queue *q = NULL;
    assert_int_equal(queue_new(&q, 0), -EINVAL);
    assert_int_equal(queue_new(&q, SIZE_MAX / 2), -EINVAL);
    assert_null(q);
}

enum { ITEMS = 50000, PUTTERS = 2 };

struct putter {
    pthread_t thread;
    struct queue *q;
    uintptr_t from;
};

static void *put_all(void *arg)
{
    struct putter *p = arg;
    for (uintptr_t i = 0; i < ITEMS; i++)
        while (queue_put(p->q, item(p->from + i)) == -EAGAIN)
            sched_yield();
    return NULL;
}

/* Each thread's items arrive once, all, and in its order. */
static void test_from_several_threads(void **state)
{
    (void)state;
    struct queue *q = NULL;
    struct putter putter[PUTTERS];
    uintptr_t next[PUTTERS];
    assert_int_equal(queue_new(&q, 64), 0);
    for (int i = 0; i < PUTTERS; i++) {
        next[i] = 1 + (uintptr_t)i * ITEMS;
        putter[i] = (struct putter){ .q = q, .from = next[i] };
        assert_int_equal(pthread_create(&putter[i].thread, NULL, put_all, &putter[i]), 0);
    }
    for (int got = 0; got < PUTTERS * ITEMS;) {
        uintptr_t n = (uintptr_t)queue_take(q);
        if (!n) {
            sched_yield();
            continue;
        }
        assert_int_equal(n, next[(n - 1) / ITEMS]);
        next[(n - 1) / ITEMS]++;
        got++;
    }
    for (int i = 0; i < PUTTERS; i++)
        pthread_join(putter[i].thread, NULL);
    assert_null(queue_take(q));
    queue_free(q, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_in_first_out_up_to_the_ceiling),
        cmocka_unit_test(test_what_is_left_is_released),
        cmocka_unit_test(test_sizes_that_cannot_be),
        cmocka_unit_test(test_from_several_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
