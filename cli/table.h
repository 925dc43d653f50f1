/* table.h - columns for people.
 *
 * libsmartcols does the widths (also of wide characters). Where standard output is
 * a terminal, columns that can be spared are left out and words are shortened to
 * fit, with "…"; a line below names what was left out. Colours only on a
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
    TABLE_NAME,   /* says which row it is: shortened only when nothing else helps */
    TABLE_WORDS,  /* explains: shortened first, the last one first */
};

struct table_column {
    const char *title;
    enum table_column_kind kind;
    unsigned spare; /* 1 is left out first where the terminal is too narrow; 0 never */
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

/* Makes columns and the gaps between them fit into `room`: spares some (width 0),
 * shortens words, and at last names and other text, to no less than TABLE_MARKED.
 * Numbers are never shortened: a wrong number is worse than a broken line (pure). */
#define TABLE_MARKED 4
struct table_fit {
    size_t width; /* the widest cell or title; then what it gets */
    enum table_column_kind kind;
    unsigned spare;
};
void table_fit(struct table_fit *columns, size_t n, size_t room);

size_t table_rows(const struct table *t);
int table_print(struct table *t); /* -errno */

/* For lines that are no tables: the sequence that begins a hue, and the one that
 * ends it (HUE_NONE); "" where `out` takes no colours. */
const char *table_paint(FILE *out, enum hue hue);

#endif
