/* misspelt.h - the option that somebody probably meant.
 *
 * argp and getopt_long say only that an option is not known. This looks over the
 * arguments before they do. Pure.
 */
#ifndef CLI_MISSPELT_H
#define CLI_MISSPELT_H

#include <argp.h>
#include <stddef.h>

/* The first long option of argv that is in none of the tables (each ends with a
 * name and key of 0; NULL is an empty one), not even abbreviated, and that is near
 * to one that is: that one's name, and the wrong word without "--" in `wrong`. NULL
 * when there is none; then argp's own message is the better one. */
const char *misspelt_option(int argc, char **argv, const struct argp_option *const *tables, size_t n_tables,
                            char *wrong, size_t size);

#endif
