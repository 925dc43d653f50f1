/* What is a character of UTF-8, and what only looks like one. */
#include "common/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void lengths(void **state)
{
    (void)state;
    static const struct {
        const char *name, *bytes;
        size_t length;
    } rows[] = {
        {"a letter",                     "a",                    1},
        { "delete",                      "\x7f",                 1},
        { "two bytes",                   "\xc3\xbc",             2},
        { "three bytes",                 "\xe2\x82\xac",         3},
        { "four bytes",                  "\xf0\x9f\x90\xb4",     4},
        { "the last one",                "\xf4\x8f\xbf\xbf",     4},
        { "with something behind",       "\xc3\xbcx",            2},
        { "a second byte alone",         "\xbc",                 0},
        { "cut off after one of two",    "\xc3",                 0},
        { "cut off after two of three",  "\xe2\x82",             0},
        { "a letter where one must not", "\xc3x",                0},
        { "longer than it need be",      "\xc0\xaf",             0},
        { "three bytes for two",         "\xe0\x80\xaf",         0},
        { "four bytes for three",        "\xf0\x82\x82\xac",     0},
        { "a surrogate",                 "\xed\xa0\x80",         0},
        { "beyond the last",             "\xf4\x90\x80\x80",     0},
        { "five bytes",                  "\xf8\x88\x80\x80\x80", 0},
        { "never a byte",                "\xff",                 0},
        { "nothing",                     "",                     0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = utf8_length(rows[i].bytes, strlen(rows[i].bytes));
        if (n != rows[i].length)
            fail_msg("%s: %zu", rows[i].name, n);
    }
    assert_int_equal(utf8_length("\0", 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(lengths) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
