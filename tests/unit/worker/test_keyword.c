#include "worker/keyword.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *name, *keyword;
    const char *pieces[6]; /* ended by NULL */
    bool found;
} stories[] = {
    {"whole",                            "needle",   { "hay needle hay" },       true },
    { "at the very beginning",           "needle",   { "needle hay" },           true },
    { "at the very end",                 "needle",   { "hay needle" },           true },
    { "nothing but",                     "needle",   { "needle" },               true },
    { "not there",                       "needle",   { "hay", "hay", "hay" },    false},
    { "empty body",                      "needle",   { "" },                     false},
    { "no body",                         "needle",   { NULL },                   false},
    { "cut in two",                      "needle",   { "hay nee", "dle hay" },   true },
    { "cut in three",                    "needle",   { "nee", "d", "le" },       true },
    { "a false start before the cut",    "needle",   { "neneed", "le" },         true },
    { "a false start across the cut",    "aab",      { "a", "aa", "b" },         true },
    { "nearly",                          "needle",   { "needl", "x", "needl" },  false},
    { "one letter",                      "x",        { "abc", "x" },             true },
    { "one letter, not there",           "x",        { "abc", "def" },           false},
    { "pieces shorter than the keyword", "abcdefgh", { "ab", "cd", "ef", "gh" }, true },
    { "pieces in another order",         "abcdefgh", { "cd", "ab", "ef", "gh" }, false},
    { "an empty piece between",          "needle",   { "nee", "", "dle" },       true },
    { "case counts",                     "needle",   { "NEEDLE" },               false},
    { "no keyword",                      "",         { "anything" },             true },
};

static void keywords_are_found_wherever_the_body_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof stories / sizeof *stories; i++) {
        struct keyword k;
        keyword_init(&k, stories[i].keyword);
        for (int p = 0; p < 6 && stories[i].pieces[p]; p++)
            keyword_feed(&k, stories[i].pieces[p], strlen(stories[i].pieces[p]));
        if (k.found != stories[i].found)
            fail_msg("%s", stories[i].name);
    }
}

/* Every cut of a text in three, against what strstr says of the whole. */
static void all_cuts_agree(void **state)
{
    (void)state;
    const char *text = "abababcababcabc",
               *words[] = { "abc", "ababc", "babab", "cc", "abababcababcabc", "bcd" };
    size_t len = strlen(text);
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
        for (size_t a = 0; a <= len; a++)
            for (size_t b = a; b <= len; b++) {
                struct keyword k;
                keyword_init(&k, words[w]);
                keyword_feed(&k, text, a);
                keyword_feed(&k, text + a, b - a);
                keyword_feed(&k, text + b, len - b);
                if (k.found != (strstr(text, words[w]) != NULL))
                    fail_msg("'%s' cut at %zu and %zu", words[w], a, b);
            }
}

static void the_longest_keyword_fits(void **state)
{
    (void)state;
    char word[EXPECT_MAX_KEYWORD + 1];
    memset(word, 'a', EXPECT_MAX_KEYWORD);
    word[EXPECT_MAX_KEYWORD] = '\0';
    for (size_t piece = 1; piece < 600; piece += 7) {
        struct keyword k;
        char bytes[600];
        memset(bytes, 'a', sizeof bytes);
        keyword_init(&k, word);
        for (size_t sent = 0; sent < EXPECT_MAX_KEYWORD - 1; sent += piece) {
            size_t n = EXPECT_MAX_KEYWORD - 1 - sent < piece ? EXPECT_MAX_KEYWORD - 1 - sent : piece;
            assert_true(keyword_feed(&k, bytes, n));
        }
        assert_false(k.found);
        assert_false(keyword_feed(&k, "a", 1));
        assert_true(k.found);
    }
}

static void the_ceiling_ends_the_search(void **state)
{
    (void)state;
    char *bytes = calloc(1, KEYWORD_MAX_BODY + 10);
    struct keyword k;

    memcpy(bytes + KEYWORD_MAX_BODY - 6, "needle", 6); /* the last bytes that count */
    keyword_init(&k, "needle");
    assert_false(keyword_feed(&k, bytes, KEYWORD_MAX_BODY));
    assert_true(k.found);

    memset(bytes, 0, KEYWORD_MAX_BODY);
    memcpy(bytes + KEYWORD_MAX_BODY - 5, "needle", 6); /* one too far */
    keyword_init(&k, "needle");
    assert_false(keyword_feed(&k, bytes, KEYWORD_MAX_BODY + 10));
    assert_false(k.found);
    assert_int_equal(k.seen, KEYWORD_MAX_BODY);
    assert_false(keyword_feed(&k, "needle", 6));
    assert_false(k.found);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keywords_are_found_wherever_the_body_is_cut),
        cmocka_unit_test(all_cuts_agree),
        cmocka_unit_test(the_longest_keyword_fits),
        cmocka_unit_test(the_ceiling_ends_the_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
