#include "cli/table.h"

#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_COLUMNS 16

static const char *const sequence[] = {
    [HUE_NONE] = "\033[0m",   [HUE_GOOD] = "\033[32m", [HUE_BAD] = "\033[1;31m",
    [HUE_DOUBT] = "\033[33m", [HUE_FAINT] = "\033[2m",
};
_Static_assert(sizeof sequence / sizeof *sequence == HUE_COUNT, "every hue has a sequence");

struct table {
    struct libscols_table *scols;
    struct libscols_line *line;
    int failed;
};

static bool takes_colours(FILE *out)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fileno(out)) && !(no && no[0]) && !(term && term[0] == 'd' && term[1] == 'u');
}

const char *table_paint(FILE *out, enum hue hue)
{
    return takes_colours(out) ? sequence[hue] : "";
}

int table_new(struct table **ret, const struct table_column *columns, FILE *out)
{
    static const int flags[] = {
        [TABLE_TEXT] = 0, [TABLE_NUMBER] = SCOLS_FL_RIGHT, [TABLE_LONG] = SCOLS_FL_TRUNC
    };
    scoped(table) struct table *t = calloc(1, sizeof *t);
    if (!t || !(t->scols = scols_new_table()))
        return -ENOMEM;

    bool terminal = isatty(fileno(out));
    scols_table_set_stream(t->scols, out);
    scols_table_enable_colors(t->scols, takes_colours(out));
    scols_table_set_column_separator(t->scols, "  ");
    /* In a file or pipe nothing is shortened. */
    scols_table_set_termforce(t->scols, terminal ? SCOLS_TERMFORCE_AUTO : SCOLS_TERMFORCE_NEVER);
    for (size_t i = 0; i < MAX_COLUMNS && columns[i].title; i++)
        if (!scols_table_new_column(t->scols, columns[i].title, 0, flags[columns[i].kind]))
            return -ENOMEM;
    *ret = moved(t);
    return 0;
}

void table_free(struct table *t)
{
    if (!t)
        return;
    scols_unref_table(t->scols);
    free(t);
}

void table_row(struct table *t)
{
    t->line = scols_table_new_line(t->scols, NULL);
    if (!t->line)
        t->failed = -ENOMEM;
}

void table_set(struct table *t, unsigned column, const char *text)
{
    if (!t->failed)
        t->failed = scols_line_set_data(t->line, column, text);
}

void table_setf(struct table *t, unsigned column, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL;
    va_end(ap);
    if (!t->failed)
        t->failed = text ? scols_line_refer_data(t->line, column, text) : -ENOMEM;
    else
        free(text);
}

void table_hue(struct table *t, unsigned column, enum hue hue)
{
    struct libscols_cell *c = t->failed || hue == HUE_NONE ? NULL : scols_line_get_cell(t->line, column);
    if (c)
        scols_cell_set_color(c, sequence[hue]);
}

size_t table_rows(const struct table *t)
{
    return scols_table_get_nlines(t->scols);
}

int table_print(struct table *t)
{
    return t->failed ? t->failed : scols_print_table(t->scols);
}
