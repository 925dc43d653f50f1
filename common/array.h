/* array.h - arrays that grow at the end.
 *
 *     struct list { struct thing *at; size_t n, room; };
 *
 *     if (array_room(l->at, l->n, l->room) < 0)
 *         return -ENOMEM;
 *     l->at[l->n++] = thing;
 *
 * Room doubles, so that adding costs the same on average however many there are.
 * Whoever has the array names its ceiling, and frees it with free(). All zero is an
 * empty one.
 */
#ifndef COMMON_ARRAY_H
#define COMMON_ARRAY_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define ARRAY_FIRST_ROOM 16

/* Not for use by itself. The array with room for more than n, *room told; NULL: no
 * memory, and nothing has changed. */
static inline void *array_with_room(void *at, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return at;
    size_t more = *room ? *room * 2 : ARRAY_FIRST_ROOM;
    void *larger = reallocarray(at, more, size);
    if (larger)
        *room = more;
    return larger;
}

/* Room for one more behind the first n: 0 with `at` and `room` as they are then, or
 * -ENOMEM with both as they were. What the elements lie in may move. */
#define array_room(at, n, room)                                            \
    ({                                                                     \
        void *larger_ = array_with_room((at), (n), &(room), sizeof *(at)); \
        if (larger_)                                                       \
            (at) = larger_;                                                \
        larger_ ? 0 : -ENOMEM;                                             \
    })

#endif
