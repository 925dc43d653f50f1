/* Columns: aligned, also with wide characters, and plain where nobody has a terminal. */
#include "cli/table.h"

#include <locale.h>
#include <pty.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void columns_are_aligned(void **state)
{
    static const struct table_column columns[] = {
        {"SITE",  TABLE_NAME, 0 },
        { "TIME",      TABLE_NUMBER, 0 },
        { "CAUSE", TABLE_TEXT, 0 },
        { 0     }
    };
    char *text = NULL;
    size_t size = 0;
    (void)state;
    setlocale(LC_CTYPE, "C.UTF-8");
    FILE *f = open_memstream(&text, &size);
    {
        /* libsmartcols asks the stream's descriptor what it is; a memory stream has none. */
        FILE *out = tmpfile();
        scoped(table) struct table *t = NULL;
        assert_int_equal(table_new(&t, columns, out), 0);
        static const char *const sites[] = { "shop", "\xe9\x86\x85\xe9\x86\x85", "d\xc3\xbcrfen" };
        for (size_t i = 0; i < 3; i++) {
            table_row(t);
            table_set(t, 0, sites[i]);
            table_setf(t, 1, "%zu ms", i * 100);
            table_set(t, 2, "x");
            table_hue(t, 0, HUE_BAD);
        }
        assert_int_equal(table_rows(t), 3);
        assert_int_equal(table_print(t), 0);
        rewind(out);
        for (int c; (c = getc(out)) != EOF;)
            putc(c, f);
        fclose(out);
    }
    fclose(f);
    assert_string_equal(text, "SITE      TIME  CAUSE\n"
                              "shop      0 ms  x\n"
                              "\xe9\x86\x85\xe9\x86\x85    100 ms  x\n"
                              "d\xc3\xbcrfen  200 ms  x\n");
    free(text);
}

static void a_screen_is_fitted(void **state)
{
    static const struct {
        const char *name;
        size_t room;
        struct table_fit is[4];
        size_t want[4];
    } rows[] = {
        {"what fits is left alone",
         80, { { 7, TABLE_TEXT, 0 }, { 30, TABLE_NAME, 0 }, { 7, TABLE_NUMBER, 1 }, { 30, TABLE_WORDS, 2 } },
         { 7, 30, 7, 30 } },
        { "words give first",
         80, { { 7, TABLE_TEXT, 0 }, { 30, TABLE_NAME, 0 }, { 7, TABLE_NUMBER, 1 }, { 90, TABLE_WORDS, 2 } },
         { 7, 30, 7, 30 } },
        { "the last words first",
         80, { { 30, TABLE_NAME, 0 }, { 20, TABLE_WORDS, 0 }, { 40, TABLE_WORDS, 0 }, { 0 } },
         { 30, 20, 26, 0 }},
        { "then a column is left out",
         60, { { 7, TABLE_TEXT, 0 }, { 35, TABLE_NAME, 0 }, { 7, TABLE_NUMBER, 1 }, { 90, TABLE_WORDS, 2 } },
         { 7, 35, 0, 14 } },
        { "the one that can best be spared",
         44, { { 7, TABLE_NUMBER, 2 }, { 20, TABLE_NAME, 0 }, { 7, TABLE_NUMBER, 1 }, { 20, TABLE_WORDS, 3 } },
         { 7, 20, 0, 13 } },
        { "a short name is never cut for words",
         40, { { 7, TABLE_TEXT, 0 }, { 20, TABLE_NAME, 0 }, { 7, TABLE_NUMBER, 1 }, { 14, TABLE_WORDS, 2 } },
         { 7, 20, 0, 0 }  },
        { "a long name keeps half of the room at least",
         80, { { 7, TABLE_TEXT, 0 }, { 200, TABLE_NAME, 0 }, { 7, TABLE_NUMBER, 1 }, { 90, TABLE_WORDS, 2 } },
         { 7, 48, 7, 12 } },
        { "what must stay is shortened at last",
         40, { { 30, TABLE_NAME, 0 }, { 30, TABLE_TEXT, 0 }, { 30, TABLE_WORDS, 0 }, { 0 } },
         { 4, 28, 4, 0 }  },
        { "numbers never",
         10, { { 20, TABLE_NUMBER, 0 }, { 20, TABLE_NAME, 0 }, { 0 }, { 0 } },
         { 20, 4, 0, 0 }  },
        { "all that can be spared goes before that",
         20, { { 20, TABLE_NAME, 0 }, { 9, TABLE_TEXT, 3 }, { 9, TABLE_NUMBER, 2 }, { 9, TABLE_WORDS, 1 } },
         { 20, 0, 0, 0 }  },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct table_fit c[4];
        memcpy(c, rows[i].is, sizeof c);
        table_fit(c, 4, rows[i].room);
        for (size_t k = 0; k < 4; k++)
            if (c[k].width != rows[i].want[k])
                fail_msg("%s: %zu %zu %zu %zu", rows[i].name, c[0].width, c[1].width, c[2].width, c[3].width);
    }
}

/* The URL says which row it is: on a screen of 80 columns it stays, the cause is cut. */
static void a_narrow_terminal_keeps_the_names(void **state)
{
    static const struct table_column columns[] = {
        {"URL",    TABLE_NAME, 0 },
        { "CAUSE",       TABLE_WORDS, 0 },
        { 0}
    };
    const struct winsize size = { .ws_row = 24, .ws_col = 60 };
    int ends[2];
    char text[400] = "";
    (void)state;
    setlocale(LC_CTYPE, "C.UTF-8");
    unsetenv("COLUMNS");
    if (openpty(&ends[0], &ends[1], NULL, NULL, &size) < 0)
        skip();
    FILE *out = fdopen(ends[1], "w");
    {
        scoped(table) struct table *t = NULL;
        assert_int_equal(table_new(&t, columns, out), 0);
        table_row(t);
        table_set(t, 0, "http://shop.example.com/health");
        table_set(t, 1, "the connection was refused (Failed to connect to shop.example.com)");
        assert_int_equal(table_print(t), 0);
    }
    fflush(out);
    for (size_t n = 0; !strstr(text, "…") && n + 1 < sizeof text;) {
        ssize_t got = read(ends[0], text + n, sizeof text - 1 - n);
        assert_true(got > 0);
        n += (size_t)got;
        text[n] = '\0';
    }
    fclose(out);
    close(ends[0]);
    if (!strstr(text, "http://shop.example.com/health  the connection was refused…"))
        fail_msg("%s", text);
}

static void a_file_gets_no_colours(void **state)
{
    FILE *out = tmpfile();
    (void)state;
    assert_string_equal(table_paint(out, HUE_BAD), "");
    fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(columns_are_aligned),
                                        cmocka_unit_test(a_screen_is_fitted),
                                        cmocka_unit_test(a_narrow_terminal_keeps_the_names),
                                        cmocka_unit_test(a_file_gets_no_colours) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
