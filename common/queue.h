/* queue.h - a bounded queue of pointers from one thread to another.
 *
 * Any thread may put, any may take; neither waits. Whoever puts rings the
 * taker's bell (loop.h) afterwards. A full queue is an ordinary outcome: the
 * putter stops reading what feeds it.
 */
#ifndef COMMON_QUEUE_H
#define COMMON_QUEUE_H

#include "common/scope.h"

#include <stddef.h>

struct queue;

int queue_new(struct queue **ret, size_t ceiling);
/* What is still inside is given to `release` (may be NULL) first. */
void queue_free(struct queue *q, void (*release)(void *item)); /* NULL queue is fine */

int queue_put(struct queue *q, void *item); /* -EAGAIN when full; the item stays the caller's */
void *queue_take(struct queue *q);          /* NULL when empty; the item is the caller's */
size_t queue_count(struct queue *q);
size_t queue_room(struct queue *q);

#endif
