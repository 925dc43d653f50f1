/* yaml.h - a YAML file as a tree whose every node knows its line.
 *
 * libyaml does the parsing; this is only the reading of what it made, with
 * errors that name the file, the line and the field: "sites.yaml:12: every: '5'
 * is not a duration like 250ms, 30s, 5m, 6h or 14d". Anchors work (a node may
 * then be reached by several ways, never from inside itself); a key given twice
 * is an error that names both lines; so are a second document in the file, a
 * zero byte in a text, and more than the ceilings below. Not for several threads.
 */
#ifndef COMMON_YAML_H
#define COMMON_YAML_H

#include "common/err.h"
#include "common/scope.h"

#include <stddef.h>

#define YAML_MAX_BYTES (256u << 20)
#define YAML_MAX_DEPTH 32
#define YAML_MAX_NODES (64u << 20)

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml;      /* the whole file */
struct yaml_node; /* borrowed from it */

int yaml_load(struct yaml **ret, const char *path, struct err *err);
/* From memory; `name` stands where the path would in messages. */
int yaml_load_bytes(struct yaml **ret, const char *name, const void *bytes, size_t len, struct err *err);
void yaml_tree_free(struct yaml *y);
/* NULL is fine. Not a function of its own name in the program: libyaml exports a
 * yaml_free, and would call ours in place of its own. */
static inline void yaml_free(struct yaml *y)
{
    yaml_tree_free(y);
}
DEFINE_SCOPED(yaml, struct yaml *, yaml_free)

const struct yaml_node *yaml_root(const struct yaml *y); /* NULL: the file is empty */

enum yaml_kind yaml_kind(const struct yaml_node *n);
const char *yaml_text(const struct yaml_node *n); /* of a scalar; of others "" */
unsigned yaml_line(const struct yaml_node *n);
size_t yaml_count(const struct yaml_node *n); /* members of a list or map */

const struct yaml_node *yaml_item(const struct yaml_node *list, size_t i);
const struct yaml_node *yaml_key(const struct yaml_node *map, size_t i);
const struct yaml_node *yaml_value(const struct yaml_node *map, size_t i);
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key); /* NULL: not there */

/* Put "path:line: field" in front of what err says. */
int yaml_where(const struct yaml *y, const struct yaml_node *n, const char *field, int code, struct err *err);

#endif
