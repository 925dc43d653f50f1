/* plan.h - the difference between a site list and what a store has.
 *
 * Pure. A plan is told what the store has, row by row, then compared with a
 * list: what would be added, what changed and in which fields, and what is in
 * the store alone. Doing it is apply.h.
 *
 * Sites and owners are the same when they have the same name.
 */
#ifndef CLI_PLAN_H
#define CLI_PLAN_H

#include "cli/sitelist.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plan;

enum plan_what { PLAN_ADD, PLAN_CHANGE, PLAN_REMOVE, PLAN_WHAT_COUNT };
enum plan_of { PLAN_OWNER, PLAN_SITE, PLAN_OF_COUNT };

#define PLAN_MAX_FIELDS 14

struct plan_field {
    const char *name; /* as in the list: "every" */
    const char *from, *to;
};

/* Everything in it is borrowed from the plan, and from the list it was made with. */
struct plan_row {
    enum plan_what what;
    enum plan_of of;
    uint64_t id; /* 0 for what is added */
    const char *name;
    const struct sitelist_site *site;         /* what it shall be; NULL for others */
    const struct sitelist_owner *owner;       /* likewise */
    struct plan_field field[PLAN_MAX_FIELDS]; /* what differs; for PLAN_CHANGE */
    unsigned n_fields;
};

int plan_new(struct plan **ret);
void plan_free(struct plan *p); /* NULL is fine */
DEFINE_SCOPED(plan, struct plan *, plan_free)

/* What the store has; copied. Owners before their sites. -ENOMEM. */
int plan_know_owner(struct plan *p, const struct owner *o);
int plan_know_site(struct plan *p, const struct site *s);

/* Compare. Rows come in the order in which they can be done: owners added and
 * changed, sites added and changed, and with `prune` sites and then owners
 * removed that the list does not have. `list` must outlive the plan. Once. */
int plan_make(struct plan *p, const struct sitelist *list, bool prune);

size_t plan_count(const struct plan *p);
const struct plan_row *plan_row(const struct plan *p, size_t i);

size_t plan_number(const struct plan *p, enum plan_of of, enum plan_what what); /* rows of that kind */
size_t plan_same(const struct plan *p); /* sites that are as the list says */
size_t plan_left(const struct plan *p); /* sites that the list does not have, and that stay */

/* The id of the owner of that name, 0 when the store has none; and one that it
 * has got meanwhile. */
uint64_t plan_owner_id(const struct plan *p, const char *name);
int plan_owner_has_id(struct plan *p, const char *name, uint64_t id);

#endif
