/* apply.h - make a store say what a site list says.
 *
 * The whole of it is one edit: either the store says all of it afterwards, or
 * nothing has changed. Used by `vedette apply` and by `vedette up --sites`.
 */
#ifndef CLI_APPLY_H
#define CLI_APPLY_H

#include "cli/plan.h"
#include "common/config.h"
#include "common/store/store.h"

#include <stdio.h>

/* A list from a file. Its mistakes and notes are written to `trouble`; -EINVAL when
 * there were mistakes. */
int apply_read(struct sitelist **ret, const char *path, enum sitelist_twice twice, FILE *trouble,
               struct err *err);

/* Notes of sites that workers with these settings refuse for their port. */
void apply_warn(const struct sitelist *list, const struct config *config, FILE *trouble);

/* Every location that sites ask for is one that these settings name: else -EINVAL, and a line
 * for each place in the file that says otherwise. */
int apply_check_locations(const struct sitelist *list, const struct config *config, const char *path,
                          FILE *trouble, struct err *err);

/* What the store has, compared with the list. */
int apply_plan(struct plan **ret, struct store *s, const struct sitelist *list, bool prune, struct err *err);

/* The edit. A plan without rows makes none. *ret_change is the store's newest
 * change then. */
int apply_do(struct plan *p, struct store *s, wall_us now, uint64_t *ret_change, struct err *err);

/* For people: a line for each row, at most `most` of them, then the sum. */
void apply_print(const struct plan *p, FILE *out, size_t most);
/* For programs: one object. */
int apply_print_json(const struct plan *p, FILE *out, bool done);

#endif
