/* siteread.h - what a YAML site list says, field by field.
 *
 * A part of sitelist; nobody else needs it. It goes through all of the file and
 * collects mistakes instead of ending at the first.
 */
#ifndef CLI_SITEREAD_H
#define CLI_SITEREAD_H

#include "cli/mistakes.h"
#include "cli/sitelist.h"
#include "common/yaml.h"

/* Reads the tree into the list; see m for what was wrong with it. */
void siteread_yaml(struct sitelist *l, const struct yaml *y, struct mistakes *m);

#endif
