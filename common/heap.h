/* heap.h - what comes first: a binary heap of nodes that live inside somebody
 * else, ordered by a 64-bit key (a time, of either kind).
 *
 * Setting, moving and dropping cost O(log n), asking for the first O(1). Keys
 * lie beside the pointers in one array, so that sifting touches no node but the
 * ones that move. Which of several equal keys comes first is not said.
 */
#ifndef COMMON_HEAP_H
#define COMMON_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    uint32_t place; /* private: 0 outside a heap, otherwise index + 1. Start with { 0 } */
};

struct heap {
    struct heap_item {
        int64_t key;
        struct heap_node *node;
    } * item;
    size_t count; /* nodes inside */
    size_t room;  /* private */
};

void heap_init(struct heap *h);
void heap_done(struct heap *h); /* the nodes are their owners' */

/* Put a node in, or move it to another key. -ENOMEM; moving never fails. */
int heap_set(struct heap *h, struct heap_node *n, int64_t key);
void heap_drop(struct heap *h, struct heap_node *n); /* not inside: nothing */

/* The node with the smallest key; NULL when empty. It stays inside. */
struct heap_node *heap_first(const struct heap *h);
int64_t heap_first_key(const struct heap *h);                      /* INT64_MAX when empty */
int64_t heap_key(const struct heap *h, const struct heap_node *n); /* of a node that is inside */
void heap_shift(struct heap *h, int64_t by);                       /* add to every key */
static inline bool heap_has(const struct heap_node *n)
{
    return n->place != 0;
}

/* The struct that a node is inside of. */
#define heap_owner(n, type, member) ((type *)((char *)(n)-offsetof(type, member)))

#endif
