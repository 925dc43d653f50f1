#include "common/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

/* A ring of as many places as the ceiling says, under a mutex that is held for
 * a handful of instructions. Thousands of items a second do not need more. */
struct queue {
    pthread_mutex_t lock;
    size_t ceiling, first, count;
    void *item[];
};

int queue_new(struct queue **ret, size_t ceiling)
{
    if (ceiling == 0 || ceiling > (SIZE_MAX - sizeof(struct queue)) / sizeof(void *))
        return -EINVAL;
    struct queue *q = malloc(sizeof *q + ceiling * sizeof *q->item);
    if (!q)
        return -ENOMEM;
    int r = pthread_mutex_init(&q->lock, NULL);
    if (r != 0) {
        free(q);
        return -r;
    }
    q->ceiling = ceiling;
    q->first = q->count = 0;
    *ret = q;
    return 0;
}

void queue_free(struct queue *q, void (*release)(void *item))
{
    if (!q)
        return;
    void *item;
    while (release && (item = queue_take(q)))
        release(item);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

int queue_put(struct queue *q, void *item)
{
    int r = -EAGAIN;
    pthread_mutex_lock(&q->lock);
    if (q->count < q->ceiling) {
        q->item[(q->first + q->count++) % q->ceiling] = item;
        r = 0;
    }
    pthread_mutex_unlock(&q->lock);
    return r;
}

void *queue_take(struct queue *q)
{
    void *item = NULL;
    pthread_mutex_lock(&q->lock);
    if (q->count > 0) {
        item = q->item[q->first];
        q->first = (q->first + 1) % q->ceiling;
        q->count--;
    }
    pthread_mutex_unlock(&q->lock);
    return item;
}

size_t queue_count(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    size_t count = q->count;
    pthread_mutex_unlock(&q->lock);
    return count;
}

size_t queue_room(struct queue *q)
{
    return q->ceiling - queue_count(q);
}
