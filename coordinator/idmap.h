/* idmap.h - from a site's id to what is kept of it: a million of them.
 *
 * Holds pointers to structs of others whose first member is a uint64_t id. One
 * table, asked by linear probing: 12 to 24 bytes for each site, and two steps
 * outside the processor's cache to find one among millions: the table and what is
 * asked for. A little of each id beside the pointer spares visits to others on the
 * way. (uthash's handle
 * inside each struct is 56 bytes and its chains are several such steps; it is
 * what is used wherever there are not a million.)
 */
#ifndef COORDINATOR_IDMAP_H
#define COORDINATOR_IDMAP_H

#include <stddef.h>
#include <stdint.h>

struct idmap {
    uintptr_t *slot; /* private, as is the rest */
    size_t count;
    unsigned bits; /* 1 << bits slots; 0: none */
};

void idmap_init(struct idmap *m);
void idmap_done(struct idmap *m); /* what it points to is its owners' */

void *idmap_find(const struct idmap *m, uint64_t id); /* NULL: not there */
int idmap_add(struct idmap *m, void *one);            /* whose id is not there yet; -ENOMEM */
void idmap_drop(struct idmap *m, uint64_t id);        /* not there: nothing */

/* For many that are asked for soon: one step of fetching them into the processor's
 * cache, without waiting for it. First all of them with step 0, then with step 1. */
void idmap_fetch(const struct idmap *m, uint64_t id, int step);

/* Each one once, in no order, as long as nothing is added or dropped. Starts
 * with *cursor 0; NULL at the end. */
void *idmap_next(const struct idmap *m, size_t *cursor);

#endif
