/* location.h - where workers stand, by name; and lists of such names.
 *
 * A list is kept as one string: names in alphabetical order, each once, with commas
 * between them, and "" for none. Written so, two equal lists are equal strings.
 */
#ifndef COMMON_LOCATION_H
#define COMMON_LOCATION_H

#include <stdbool.h>
#include <stddef.h>

#define LOCATION_SIZE 32 /* with terminator; [a-z0-9-], begins with a letter */

/* As it may appear in configuration, in a list of sites, on the wire and in the store. */
bool location_valid(const char *name);

/* The next name of a list into `name`, and *list behind it; false when there are no more. What
 * is too long for a name is passed over. */
bool location_next(const char **list, char name[LOCATION_SIZE]);
unsigned location_count(const char *list);
/* A name's place in the list, 0 and up, or -ENOENT. */
int location_place(const char *list, const char *name);

#endif
