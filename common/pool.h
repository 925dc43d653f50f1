/* pool.h - many structs of one size, in chunks: what is given back is handed out
 * again, so that a steady coming and going allocates nothing, and a million of
 * them carry no allocator's headers.
 *
 * Chunks go back to the system when the pool ends, not before: it stays as large
 * as it once had to be. The ceiling is the owner's.
 */
#ifndef COMMON_POOL_H
#define COMMON_POOL_H

#include <stddef.h>

struct pool {
    size_t size; /* of one, rounded up for pointers */
    void *free;  /* private, as is the rest */
    void *chunks;
    char *at;
    size_t left; /* in the newest chunk */
};

void pool_init(struct pool *p, size_t size);
void pool_done(struct pool *p); /* all that was taken is gone */

void *pool_take(struct pool *p); /* zeroed; NULL when memory is short */
void pool_give(struct pool *p, void *one);

#endif
