/* Columns: aligned, also with wide characters, and plain where nobody has a terminal. */
#include "cli/table.h"

#include <locale.h>

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
        {"SITE",        TABLE_LONG },
        { "TIME",            TABLE_NUMBER },
        { "CAUSE",TABLE_TEXT },
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
                                        cmocka_unit_test(a_file_gets_no_colours) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
