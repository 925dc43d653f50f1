/* directory.h - who is meant by an id: sites and owners of one store.
 *
 * Owners are read at once; sites when they are asked for, and remembered. Do not
 * ask from within a walk over the same store.
 */
#ifndef CLI_DIRECTORY_H
#define CLI_DIRECTORY_H

#include "common/owner.h"
#include "common/store/store.h"

struct directory;

int directory_new(struct directory **ret, struct store *s, struct err *err);
void directory_free(struct directory *d); /* NULL is fine */
DEFINE_SCOPED(directory, struct directory *, directory_free)

/* Borrowed until the directory is freed. NULL: the store does not know it. */
const struct site *directory_site(struct directory *d, uint64_t id);
const struct owner *directory_owner(struct directory *d, uint64_t id);

/* Names for people; of one that is unknown "site 12". Borrowed until the next call. */
const char *directory_site_name(struct directory *d, uint64_t id);
const char *directory_owner_name(struct directory *d, uint64_t id);

#endif
