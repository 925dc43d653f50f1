/* locationread.h - from where a site is looked at, as a list of sites has it. */
#ifndef CLI_LOCATIONREAD_H
#define CLI_LOCATIONREAD_H

#include "common/err.h"
#include "common/site.h"
#include "common/yaml.h"

/* "eu" or [us, eu] as location.h keeps them: "eu,us". -EINVAL and what is wrong: names that are none,
 * or there twice, and more of them than SITE_MAX_LOCATIONS. Whether somebody is at these places
 * the cluster's settings say, see apply.h. */
int locationread_list(const struct yaml_node *n, char list[SITE_LOCATIONS_SIZE], struct err *err);
/* From how many of them, 1 to SITE_MAX_LOCATIONS. */
int locationread_from(const struct yaml_node *n, uint8_t *ret, struct err *err);

#endif
