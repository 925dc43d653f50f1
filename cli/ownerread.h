/* ownerread.h - what a YAML site list says of an owner, field by field.
 *
 * A part of siteread; nobody else needs it.
 */
#ifndef CLI_OWNERREAD_H
#define CLI_OWNERREAD_H

#include "cli/fields.h"

/* One item of the list `owners`, into r->list; mistakes into r->mistakes. An owner with
 * a mistake is added all the same if he has a name, so that his sites are none too. */
void ownerread_add(struct reader *r, const struct yaml_node *n);

#endif
