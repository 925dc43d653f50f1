#include "cli/table.h"

#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define MAX_COLUMNS 16
#define GAP         2 /* between columns */

static const char *const sequence[] = {
    [HUE_NONE] = "\033[0m",   [HUE_GOOD] = "\033[32m", [HUE_BAD] = "\033[1;31m",
    [HUE_DOUBT] = "\033[33m", [HUE_FAINT] = "\033[2m",
};
_Static_assert(sizeof sequence / sizeof *sequence == HUE_COUNT, "every hue has a sequence");

struct table {
    struct libscols_table *scols;
    struct libscols_line *line;
    bool elastic[MAX_COLUMNS];
    size_t n_columns;
    bool terminal;
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

    t->terminal = isatty(fileno(out));
    scols_table_set_stream(t->scols, out);
    scols_table_enable_colors(t->scols, takes_colours(out));
    scols_table_set_column_separator(t->scols, "  ");
    /* In a file or pipe nothing is shortened. */
    scols_table_set_termforce(t->scols, t->terminal ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
    /* libsmartcols measures standard output, which is not always where the table goes. */
    struct winsize size;
    if (t->terminal && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        scols_table_set_termwidth(t->scols, size.ws_col);
    for (size_t i = 0; i < MAX_COLUMNS && columns[i].title; i++) {
        if (!scols_table_new_column(t->scols, columns[i].title, 0, flags[columns[i].kind]))
            return -ENOMEM;
        t->elastic[t->n_columns++] = columns[i].kind == TABLE_LONG;
    }
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

/* ── Fitting a terminal ────────────────────────────────────────────────────
 *
 * libsmartcols alone takes from the widest column, which may be the one that says
 * which row is whose, and cuts without a mark. So what is too long is shortened
 * before it sees it: first the last long column, which explains, and only then
 * those before it, which name. */

void table_fit(size_t *widths, const bool *elastic, size_t n, size_t room)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += widths[i];
    for (size_t i = n; i-- > 0 && sum > room;) {
        if (!elastic[i] || widths[i] <= TABLE_LEAST)
            continue;
        size_t spare = widths[i] - TABLE_LEAST, over = sum - room;
        size_t less = spare < over ? spare : over;
        widths[i] -= less;
        sum -= less;
    }
}

/* Width on a screen of the first `bytes` of a text; what is no character counts
 * as its bytes do. Ends early, at *ret_bytes, where `most` would be passed. */
static size_t width_of(const char *s, size_t most, size_t *ret_bytes)
{
    mbstate_t state = { 0 };
    size_t width = 0, at = 0, left = strlen(s);
    while (left > 0) {
        wchar_t c;
        size_t bytes = mbrtowc(&c, s + at, left, &state);
        int w = 1;
        if (bytes == (size_t)-1 || bytes == (size_t)-2 || bytes == 0) {
            bytes = 1;
            memset(&state, 0, sizeof state);
        } else if ((w = wcwidth(c)) < 0)
            w = 1;
        if (width + (size_t)w > most)
            break;
        width += (size_t)w;
        at += bytes;
        left -= bytes;
    }
    *ret_bytes = at;
    return width;
}

static size_t natural_width(struct table *t, size_t column)
{
    size_t bytes, widest = 0;
    struct libscols_cell *head = scols_column_get_header(scols_table_get_column(t->scols, column));
    const char *title = head ? scols_cell_get_data(head) : NULL;
    if (title)
        widest = width_of(title, SIZE_MAX, &bytes);
    for (size_t i = 0; i < table_rows(t); i++) {
        struct libscols_cell *c = scols_line_get_cell(scols_table_get_line(t->scols, i), column);
        const char *text = c ? scols_cell_get_data(c) : NULL;
        size_t w = text ? width_of(text, SIZE_MAX, &bytes) : 0;
        widest = w > widest ? w : widest;
    }
    return widest;
}

static int shorten_column(struct table *t, size_t column, size_t width)
{
    for (size_t i = 0; i < table_rows(t); i++) {
        struct libscols_line *line = scols_table_get_line(t->scols, i);
        struct libscols_cell *c = scols_line_get_cell(line, column);
        const char *text = c ? scols_cell_get_data(c) : NULL;
        size_t bytes;
        char *shorter;
        if (!text || width_of(text, SIZE_MAX, &bytes) <= width)
            continue;
        width_of(text, width - 1, &bytes);
        while (bytes > 0 && text[bytes - 1] == ' ')
            bytes--;
        if (asprintf(&shorter, "%.*s%s", (int)bytes, text, MB_CUR_MAX > 1 ? "…" : ">") < 0)
            return -ENOMEM;
        int r = scols_line_refer_data(line, column, shorter);
        if (r < 0)
            return r;
    }
    return 0;
}

static int fit(struct table *t)
{
    size_t was[MAX_COLUMNS] = { 0 }, is[MAX_COLUMNS] = { 0 },
           gaps = t->n_columns ? (t->n_columns - 1) * GAP : 0;
    size_t room = scols_table_get_termwidth(t->scols);
    for (size_t i = 0; i < t->n_columns; i++)
        was[i] = is[i] = natural_width(t, i);
    table_fit(is, t->elastic, t->n_columns, room > gaps ? room - gaps : 0);
    int r = 0;
    for (size_t i = 0; i < t->n_columns && r == 0; i++)
        if (is[i] < was[i])
            r = shorten_column(t, i, is[i]);
    return r;
}

int table_print(struct table *t)
{
    if (!t->failed && t->terminal)
        t->failed = fit(t);
    return t->failed ? t->failed : scols_print_table(t->scols);
}
