/* statusline.h - lines of `vedette status` that are the same wherever the numbers come from. */
#ifndef CLI_STATUSLINE_H
#define CLI_STATUSLINE_H

#include "common/store/store.h"

#include <jansson.h>

void statusline_label(const char *name); /* what stands before a line */
/* "sites      1,000: 990 up, 4 down, ..." */
void statusline_sites(const struct summary *s);
/* The same by name; NULL when memory is short. */
json_t *statusline_sites_json(const struct summary *s);

#endif
