/* fields.h - a YAML map read as a table of fields.
 *
 * A field is a name and a function that reads its value. What is not in the
 * table is a mistake that names the nearest field that is.
 */
#ifndef CLI_FIELDS_H
#define CLI_FIELDS_H

#include "cli/mistakes.h"
#include "common/yaml.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIELDS_MAX 16 /* in one table */

/* What a reading of a file passes through to its fields; see siteread.c. */
struct sitelist;
struct settings;
struct reader {
    struct mistakes *mistakes;
    struct sitelist *list;
    struct settings *defaults;
};

/* One field: `read` puts the value where it belongs in *to, or says what is wrong
 * with it. A reader of nested things tells their mistakes itself and returns 0.
 * A table ends with a name of NULL. */
struct field {
    const char *name;
    int (*read)(struct reader *r, const struct yaml_node *value, void *to, struct err *err);
};

/* Every key of a map through its field; mistakes are named `path`.field. */
void fields_read(struct reader *r, const struct yaml_node *map, const char *path, const struct field *fields,
                 void *to);
/* The same for a value that should be a map: -EINVAL when it is none, showing what one is like. */
int fields_nested(struct reader *r, const struct yaml_node *n, const char *path, const struct field *fields,
                  const char *like, void *to, struct err *err);

void fields_mistake(struct reader *r, const struct yaml_node *at, const char *field, int code,
                    const struct err *err);
void fields_unknown(struct reader *r, const struct yaml_node *key, const struct field *fields);

/* Values. -EINVAL with "expected `what`, this is ...". */
int fields_scalar(const struct yaml_node *n, const char *what, struct err *err);
int fields_duration(const struct yaml_node *n, int64_t least_ms, int64_t most_ms, uint32_t *ret_ms,
                    struct err *err);
/* Names of sites and owners: at most `most` bytes, no control character, no
 * space at either end, and not only digits. Borrowed from the tree. */
int fields_name(const struct yaml_node *n, size_t most, const char **ret, struct err *err);

const char *fields_kind_words(const struct yaml_node *n); /* "a list" */
bool fields_has_control(const char *s);

#endif
