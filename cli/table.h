/* table.h - columns for people.
 *
 * libsmartcols does the widths (also of wide characters). Where standard output is
 * a terminal, long columns are shortened to fit, with "…". Colours only on a
 * terminal, and never with NO_COLOR in the environment (no-color.org).
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "common/scope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table;

enum table_column_kind {
    TABLE_TEXT,
    TABLE_NUMBER, /* to the right */
    TABLE_LONG,   /* shortened when the terminal is too narrow, the last one first */
};

struct table_column {
    const char *title;
    enum table_column_kind kind;
};

enum hue { HUE_NONE, HUE_GOOD, HUE_BAD, HUE_DOUBT, HUE_FAINT, HUE_COUNT };

/* `columns` ends with a title of NULL. -ENOMEM. */
int table_new(struct table **ret, const struct table_column *columns, FILE *out);
void table_free(struct table *t); /* NULL is fine */
DEFINE_SCOPED(table, struct table *, table_free)

/* The next row; what follows fills its cells. A failure is kept and comes out of
 * table_print. */
void table_row(struct table *t);
void table_set(struct table *t, unsigned column, const char *text);
void table_setf(struct table *t, unsigned column, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void table_hue(struct table *t, unsigned column, enum hue hue);

/* Makes `n` columns fit into `room` (what their separators leave of it): takes
 * from those that are `elastic`, first from the last one, and leaves each at
 * least TABLE_LEAST. What still does not fit is left to libsmartcols (pure). */
#define TABLE_LEAST 24
void table_fit(size_t *widths, const bool *elastic, size_t n, size_t room);

size_t table_rows(const struct table *t);
int table_print(struct table *t); /* -errno */

/* For lines that are no tables: the sequence that begins a hue, and the one that
 * ends it (HUE_NONE); "" where `out` takes no colours. */
const char *table_paint(FILE *out, enum hue hue);

#endif
