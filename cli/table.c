#include "cli/table.h"

#include "common/text.h"

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

static const char *const sequence[] = {
    [HUE_NONE] = "\033[0m",   [HUE_GOOD] = "\033[32m", [HUE_BAD] = "\033[1;31m",
    [HUE_DOUBT] = "\033[33m", [HUE_FAINT] = "\033[2m",
};
_Static_assert(sizeof sequence / sizeof *sequence == HUE_COUNT, "every hue has a sequence");

struct table {
    struct libscols_table *scols;
    struct libscols_line *line;
    struct table_column columns[MAX_COLUMNS];
    size_t n_columns;
    FILE *out;
    bool terminal;
    struct text left_out; /* titles, for want of width */
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
    static const int flags[] = { [TABLE_TEXT] = 0,
                                 [TABLE_NUMBER] = SCOLS_FL_RIGHT,
                                 [TABLE_NAME] = SCOLS_FL_TRUNC,
                                 [TABLE_WORDS] = SCOLS_FL_TRUNC };
    scoped(table) struct table *t = calloc(1, sizeof *t);
    if (!t || !(t->scols = scols_new_table()))
        return -ENOMEM;

    t->out = out;
    t->left_out = (struct text)TEXT_UP_TO(400);
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
        t->columns[t->n_columns++] = columns[i];
    }
    *ret = moved(t);
    return 0;
}

void table_free(struct table *t)
{
    if (!t)
        return;
    scols_unref_table(t->scols);
    text_done(&t->left_out);
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
 * which row is whose, and cuts without a mark. So it gets nothing that is too wide:
 * columns that can be spared are left out, in their order, until the rest fits
 * with its words shortened; names give way last. */

#define GAP         2
#define NAME_LEAST  24 /* so much of a name stays, or half of the room where that is more */
#define WORDS_LEAST 12

static size_t least(const struct table_fit *c, size_t room)
{
    size_t name = room / 2 > NAME_LEAST ? room / 2 : NAME_LEAST;
    size_t keep = c->kind == TABLE_NAME ? name : c->kind == TABLE_WORDS ? WORDS_LEAST : c->width;
    return c->width < keep ? c->width : keep;
}

/* All that is not left out, at its full width or at its least. */
static size_t sum_of(const struct table_fit *c, size_t n, size_t room, bool at_least)
{
    size_t sum = 0, kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (c[i].width == 0)
            continue;
        sum += at_least ? least(&c[i], room) : c[i].width;
        kept++;
    }
    return sum + (kept ? (kept - 1) * GAP : 0);
}

static struct table_fit *next_to_spare(struct table_fit *c, size_t n)
{
    struct table_fit *first = NULL;
    for (size_t i = 0; i < n; i++)
        if (c[i].width && c[i].spare && (!first || c[i].spare < first->spare))
            first = &c[i];
    return first;
}

/* Takes what is over from the columns of one kind, the last one first. */
static void shrink(struct table_fit *c, size_t n, size_t room, enum table_column_kind kind, size_t floor)
{
    for (size_t i = n; i-- > 0;) {
        size_t sum = sum_of(c, n, room, false), over = sum > room ? sum - room : 0;
        size_t keep = floor ? floor : least(&c[i], room);
        if (c[i].kind != kind || c[i].width <= keep)
            continue;
        size_t spare = c[i].width - keep;
        c[i].width -= spare < over ? spare : over;
    }
}

void table_fit(struct table_fit *columns, size_t n, size_t room)
{
    struct table_fit *spared;
    while (sum_of(columns, n, room, true) > room && (spared = next_to_spare(columns, n)))
        spared->width = 0;
    shrink(columns, n, room, TABLE_WORDS, 0);
    shrink(columns, n, room, TABLE_NAME, 0);
    shrink(columns, n, room, TABLE_NAME, TABLE_MARKED); /* narrower than anybody's terminal */
    shrink(columns, n, room, TABLE_WORDS, TABLE_MARKED);
    shrink(columns, n, room, TABLE_TEXT, TABLE_MARKED);
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

static void leave_out(struct table *t, size_t column)
{
    struct libscols_column *c = scols_table_get_column(t->scols, column);
    const char *title = scols_cell_get_data(scols_column_get_header(c));
    scols_column_set_flags(c, scols_column_get_flags(c) | SCOLS_FL_HIDDEN);
    text_addf(&t->left_out, "%s%s", t->left_out.len ? ", " : "", title);
}

static int fit(struct table *t)
{
    struct table_fit is[MAX_COLUMNS];
    size_t was[MAX_COLUMNS];
    for (size_t i = 0; i < t->n_columns; i++) {
        was[i] = natural_width(t, i);
        is[i] = (struct table_fit){ was[i], t->columns[i].kind, t->columns[i].spare };
    }
    table_fit(is, t->n_columns, scols_table_get_termwidth(t->scols));
    int r = 0;
    for (size_t i = 0; i < t->n_columns && r == 0; i++) {
        if (is[i].width == 0)
            leave_out(t, i);
        else if (is[i].width < was[i])
            r = shorten_column(t, i, is[i].width);
    }
    return r;
}

int table_print(struct table *t)
{
    if (!t->failed && t->terminal)
        t->failed = fit(t);
    int r = t->failed ? t->failed : scols_print_table(t->scols);
    if (r == 0 && t->left_out.len > 0)
        fprintf(t->out, "%sno room for: %s%s\n", table_paint(t->out, HUE_FAINT), text_str(&t->left_out),
                table_paint(t->out, HUE_NONE));
    return r;
}
