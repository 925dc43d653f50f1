#include "common/pool.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_LEAST = 4096, CHUNK_MOST = 256 * 1024 };

struct chunk {
    struct chunk *next;
    size_t bytes;
};

void pool_init(struct pool *p, size_t size)
{
    *p = (struct pool){ .size = (size + sizeof(void *) - 1) / sizeof(void *) * sizeof(void *) };
}

void pool_done(struct pool *p)
{
    for (struct chunk *c = p->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    *p = (struct pool){ .size = p->size };
}

/* Each twice as large as the one before, so that a small pool is small. */
static int grow(struct pool *p)
{
    const struct chunk *newest = p->chunks;
    size_t bytes = newest ? newest->bytes * 2 : CHUNK_LEAST;
    if (bytes > CHUNK_MOST)
        bytes = CHUNK_MOST;
    if (bytes < sizeof *newest + p->size)
        bytes = sizeof *newest + p->size;
    struct chunk *c = malloc(bytes);
    if (!c)
        return -1;
    *c = (struct chunk){ .next = p->chunks, .bytes = bytes };
    p->chunks = c;
    p->at = (char *)(c + 1);
    p->left = bytes - sizeof *c;
    return 0;
}

void *pool_take(struct pool *p)
{
    void *one = p->free;
    if (one) {
        p->free = *(void **)one;
    } else {
        if (p->left < p->size && grow(p) < 0)
            return NULL;
        one = p->at;
        p->at += p->size;
        p->left -= p->size;
    }
    return memset(one, 0, p->size);
}

void pool_give(struct pool *p, void *one)
{
    *(void **)one = p->free;
    p->free = one;
}
