/* Site lists: the files of tests/data/sites, each with what must come of it in
 * its first lines, and what no file can show. */
#include "cli/mistakes.h"
#include "cli/sitelist.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER "tests/data/sites/"

static int load(struct sitelist **ret, const char *name, const char *bytes, enum sitelist_twice twice,
                struct text *mistakes, struct err *err)
{
    return sitelist_load_bytes(ret, name, bytes, strlen(bytes), twice, mistakes, err);
}

/* ── Files ─────────────────────────────────────────────────────────────── */

#define MAX_EXPECTED 8

struct expected {
    char line[MAX_EXPECTED][4096];
    size_t n;
};

static void read_expected(const char *path, struct expected *e)
{
    static const char mark[] = "# expect: ";
    char line[4096];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    e->n = 0;
    while (fgets(line, sizeof line, f) && strncmp(line, mark, sizeof mark - 1) == 0) {
        line[strcspn(line, "\n")] = '\0';
        assert_true(e->n < MAX_EXPECTED);
        snprintf(e->line[e->n++], sizeof e->line[0], "%s", line + sizeof mark - 1);
    }
    fclose(f);
}

static size_t each_file(const char *folder, void (*fn)(const char *path, const struct expected *e))
{
    DIR *d = opendir(folder);
    if (!d)
        fail_msg("%s: %s (tests run in the repository's folder)", folder, strerror(errno));
    size_t n = 0;
    for (struct dirent *at; (at = readdir(d));) {
        char path[600];
        struct expected e;
        if (at->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, at->d_name);
        read_expected(path, &e);
        fn(path, &e);
        n++;
    }
    closedir(d);
    return n;
}

static void bad_file(const char *path, const struct expected *e)
{
    struct sitelist *l = NULL;
    struct err err = { 0 };
    scoped(text) struct text mistakes = TEXT_UP_TO(1 << 20);
    int r = sitelist_load(&l, path, SITELIST_REFUSE_TWICE, &mistakes, &err);
    if (r >= 0)
        fail_msg("%s was accepted", path);
    assert_null(l);
    assert_true(err.text[0]);
    for (size_t i = 0; i < e->n; i++)
        if (!strstr(text_str(&mistakes), e->line[i]) && !strstr(err.text, e->line[i]))
            fail_msg("%s: expected '%s', not:\n%s%s", path, e->line[i], text_str(&mistakes), err.text);

    /* One line for each mistake and no other: every line that was expected. */
    size_t lines = 0;
    for (const char *p = text_str(&mistakes); (p = strchr(p, '\n')); p++)
        lines++;
    if (lines > 0 && lines != e->n && !strstr(path, "unknown_top"))
        fail_msg("%s: %zu mistakes, expected %zu:\n%s", path, lines, e->n, text_str(&mistakes));
    if (strstr(text_str(&mistakes), "secret"))
        fail_msg("%s: a secret is repeated: %s", path, text_str(&mistakes));
}

static void every_rule_has_a_file_that_breaks_it(void **state)
{
    (void)state;
    assert_true(each_file(FOLDER "bad", bad_file) >= 60);
}

static void describe(const struct sitelist_site *s, char *buf, size_t size)
{
    char every[24], timeout[24], within[24], status[EXPECT_STATUS_SIZE];
    snprintf(buf, size, "%s | %s | %s | %s %s | %s %s '%s' | %u %s | [%s] | %s", s->site.name, s->site.url,
             s->owner, duration_format(every, sizeof every, s->site.every_ms * US_PER_MS),
             duration_format(timeout, sizeof timeout, s->site.timeout_ms * US_PER_MS),
             method_name(s->site.method), status_set_format(status, sizeof status, &s->site.status),
             s->site.contains, s->site.confirm.looks,
             duration_format(within, sizeof within, s->site.confirm.within_ms * US_PER_MS), s->site.tags,
             s->site.paused ? "paused" : "watched");
    size_t len = strlen(buf);
    if (s->site.locations[0] || s->site.confirm_from)
        snprintf(buf + len, size - len, " | from %u of %s", s->site.confirm_from, s->site.locations);
}

static void good_file(const char *path, const struct expected *e)
{
    scoped(sitelist) struct sitelist *l = NULL;
    struct err err = { 0 };
    scoped(text) struct text mistakes = TEXT_UP_TO(1 << 20);
    if (sitelist_load(&l, path, SITELIST_REFUSE_TWICE, &mistakes, &err) < 0)
        fail_msg("%s: %s\n%s", path, err.text, text_str(&mistakes));
    assert_int_equal(sitelist_count(l), e->n);
    for (size_t i = 0; i < e->n; i++) {
        char got[6000];
        const struct sitelist_site *s = sitelist_at(l, i);
        describe(s, got, sizeof got);
        if (strcmp(got, e->line[i]) != 0)
            fail_msg("%s:\n  expected %s\n  got      %s", path, e->line[i], got);
        assert_ptr_equal(sitelist_find(l, s->site.name), s);
        assert_non_null(sitelist_find_owner(l, s->owner));
    }
}

static void good_files_say_what_they_mean(void **state)
{
    (void)state;
    assert_true(each_file(FOLDER "good", good_file) >= 11);
}

static void the_annotated_example_is_good(void **state)
{
    scoped(sitelist) struct sitelist *l = NULL;
    struct err err = { 0 };
    scoped(text) struct text mistakes = TEXT_UP_TO(1 << 20);
    (void)state;
    if (sitelist_load(&l, "deploy/config/sites.yaml", SITELIST_REFUSE_TWICE, &mistakes, &err) < 0)
        fail_msg("%s\n%s", err.text, text_str(&mistakes));
    assert_true(sitelist_count(l) >= 4);
    assert_int_equal(sitelist_owners(l), 2);
}

/* ── Owners ────────────────────────────────────────────────────────────── */

static void owners_come_with_their_channels(void **state)
{
    scoped(sitelist) struct sitelist *l = NULL;
    scoped(text) struct text mistakes = TEXT_UP_TO(1 << 20);
    (void)state;
    assert_int_equal(load(&l, "x.yaml",
                          "owners:\n"
                          "  - {name: us, notify: ['mailto:a@example.com', 'exec:/bin/tell'], remind: 90s}\n"
                          "  - {name: them, notify: 'console:'}\n"
                          "sites: [http://a.test]\n",
                          SITELIST_REFUSE_TWICE, &mistakes, NULL),
                     0);
    assert_int_equal(sitelist_owners(l), 3);
    const struct sitelist_owner *us = sitelist_owner_at(l, 0), *made = sitelist_find_owner(l, "default");
    assert_string_equal(us->owner.name, "us");
    assert_int_equal(us->owner.n_channels, 2);
    assert_string_equal(us->owner.channel[1], "exec:/bin/tell");
    assert_int_equal(us->owner.remind_s, 90);
    assert_int_equal(us->line, 2);
    assert_false(us->implied);
    assert_true(made->implied);
    assert_int_equal(made->owner.n_channels, 1);
    assert_string_equal(made->owner.channel[0], "console:");
    assert_null(sitelist_find_owner(l, "nobody"));
}

/* ── What kind of list ─────────────────────────────────────────────────── */

static void tells_plain_from_yaml(void **state)
{
    static const struct {
        const char *name, *bytes;
        bool plain;
    } rows[] = {
        {"a.txt",   "http://a.test\n",                       true },
        { "a",      "\n# sites: none\nhttp://a.test:80/x\n", true },
        { "a",      "https://a.test # sites: x\n",           true },
        { "a",      "a.test\n",                              true },
        { "a",      "sites:\n  - http://a.test\n",           false},
        { "a",      "sites: [http://a.test]",                false},
        { "a",      "# c\n\ndefaults: {every: 1m}\n",        false},
        { "a",      "---\nsites: []\n",                      false},
        { "a",      "- http://a.test\n",                     false},
        { "a",      "{sites: []}",                           false},
        { "a",      "",                                      false},
        { "a",      "# only a comment",                      false},
        { "a.yaml", "http://a.test\n",                       false},
        { "a.yml",  "http://a.test\n",                       false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (sitelist_is_plain(rows[i].name, rows[i].bytes, strlen(rows[i].bytes)) != rows[i].plain)
            fail_msg("row %zu: '%s'", i, rows[i].bytes);
}

/* ── Duplicates ────────────────────────────────────────────────────────── */

static void notes_duplicates_where_that_is_enough(void **state)
{
    scoped(sitelist) struct sitelist *l = NULL;
    scoped(text) struct text notes = TEXT_UP_TO(1 << 20);
    (void)state;
    assert_int_equal(load(&l, "list.txt", "http://a.test\nhttp://b.test\nhttp://A.test/\n",
                          SITELIST_NOTE_TWICE, &notes, NULL),
                     0);
    assert_int_equal(sitelist_count(l), 2);
    assert_non_null(strstr(text_str(&notes), "list.txt:3: url: http://a.test/ is on line 1 already"));
}

static void urls_come_one_by_one(void **state)
{
    scoped(sitelist) struct sitelist *l = NULL, *more = NULL;
    struct err err = { 0 };
    (void)state;
    assert_int_equal(sitelist_new(&l), 0);
    assert_int_equal(sitelist_new(&more), 0);
    assert_int_equal(sitelist_add_url(l, "http://a.test", 0, &err), 0);
    assert_int_equal(sitelist_add_url(l, "http://a.test/", 0, &err), -EEXIST);
    assert_int_equal(sitelist_add_url(l, "gopher://a.test/", 0, &err), -EINVAL);
    assert_int_equal(sitelist_add_url(more, "http://a.test/", 0, &err), 0);
    assert_int_equal(sitelist_add_url(more, "http://b.test/", 0, &err), 0);
    assert_int_equal(sitelist_add_all(l, more), 0);
    assert_int_equal(sitelist_count(l), 2);
    assert_string_equal(sitelist_at(l, 1)->site.url, "http://b.test/");
}

/* ── Much ──────────────────────────────────────────────────────────────── */

static void tells_twenty_mistakes_and_no_more(void **state)
{
    scoped(text) struct text bytes = TEXT_UP_TO(1 << 20), mistakes = TEXT_UP_TO(1 << 20);
    struct sitelist *l = NULL;
    struct err err = { 0 };
    (void)state;
    text_add(&bytes, "sites:\n");
    for (int i = 0; i < 50; i++)
        text_addf(&bytes, "  - ftp://%d.test/\n", i);
    assert_int_equal(load(&l, "x.yaml", text_str(&bytes), SITELIST_REFUSE_TWICE, &mistakes, &err), -EINVAL);
    size_t lines = 0;
    for (const char *p = text_str(&mistakes); (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, MISTAKES_MAX);
    assert_non_null(strstr(err.text, "20 mistakes"));
    assert_non_null(strstr(err.text, "perhaps more"));
}

static void a_long_list_keeps_its_order(void **state)
{
    scoped(text) struct text bytes = TEXT_UP_TO(16 << 20), mistakes = TEXT_UP_TO(1 << 20);
    scoped(sitelist) struct sitelist *l = NULL;
    char url[80];
    (void)state;
    text_add(&bytes, "sites:\n");
    for (int i = 0; i < 20000; i++)
        text_addf(&bytes, "  - {url: 'http://site-%d.test/', name: s%d, tags: [t%d]}\n", i, i, i % 10);
    assert_int_equal(load(&l, "x.yaml", text_str(&bytes), SITELIST_REFUSE_TWICE, &mistakes, NULL), 0);
    assert_int_equal(sitelist_count(l), 20000);
    for (size_t i = 0; i < 20000; i += 1999) {
        snprintf(url, sizeof url, "http://site-%zu.test/", i);
        assert_string_equal(sitelist_at(l, i)->site.url, url);
        assert_int_equal(sitelist_at(l, i)->line, i + 2);
    }
}

/* Some editors put a byte order mark in front of what they save as UTF-8. */
static void a_byte_order_mark_is_skipped(void **state)
{
    static const char *const files[] = { "\xef\xbb\xbfhttp://a.test/\n",
                                         "\xef\xbb\xbf# shops\nhttp://a.test/",
                                         "\xef\xbb\xbfsites:\n  - http://a.test/\n" };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        scoped(text) struct text mistakes = TEXT_UP_TO(4096);
        scoped(sitelist) struct sitelist *l = NULL;
        struct err err = { 0 };
        if (sitelist_load_bytes(&l, "list", files[i], strlen(files[i]), SITELIST_REFUSE_TWICE, &mistakes,
                                &err) < 0)
            fail_msg("%s: %s %s", files[i], err.text, text_str(&mistakes));
        assert_int_equal(sitelist_count(l), 1);
        assert_string_equal(sitelist_at(l, 0)->site.url, "http://a.test/");
    }
}

static void a_list_that_says_nothing_is_a_mistake(void **state)
{
    static const char *const files[] = { "", "\n\n", "# http://a.test/", "  # one\n\t# two\r\n",
                                         "\xef\xbb\xbf" };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        scoped(text) struct text mistakes = TEXT_UP_TO(4096);
        struct sitelist *l = NULL;
        struct err err = { 0 };
        assert_int_equal(sitelist_load_bytes(&l, "list", files[i], strlen(files[i]), SITELIST_REFUSE_TWICE,
                                             &mistakes, &err),
                         -EINVAL);
        assert_string_equal(err.text, "list has no URL in it");
    }
}

static void what_cannot_be_read_is_said(void **state)
{
    struct sitelist *l = NULL;
    struct err err = { 0 };
    scoped(text) struct text mistakes = TEXT_UP_TO(1 << 20);
    (void)state;
    assert_int_equal(sitelist_load(&l, "/no/such/file.yaml", SITELIST_REFUSE_TWICE, &mistakes, &err),
                     -ENOENT);
    assert_non_null(strstr(err.text, "/no/such/file.yaml"));
    assert_int_equal(sitelist_load(&l, "/", SITELIST_REFUSE_TWICE, &mistakes, &err), -EISDIR);
    assert_int_equal(sitelist_load_bytes(&l, "x.txt", "http://a.test\nhttp://b\0c.test\n", 30,
                                         SITELIST_REFUSE_TWICE, &mistakes, &err),
                     -EINVAL);
    assert_non_null(strstr(text_str(&mistakes), "x.txt:2: url: it has a NUL byte"));
    assert_null(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_has_a_file_that_breaks_it),
        cmocka_unit_test(good_files_say_what_they_mean),
        cmocka_unit_test(the_annotated_example_is_good),
        cmocka_unit_test(owners_come_with_their_channels),
        cmocka_unit_test(tells_plain_from_yaml),
        cmocka_unit_test(notes_duplicates_where_that_is_enough),
        cmocka_unit_test(urls_come_one_by_one),
        cmocka_unit_test(tells_twenty_mistakes_and_no_more),
        cmocka_unit_test(a_long_list_keeps_its_order),
        cmocka_unit_test(a_byte_order_mark_is_skipped),
        cmocka_unit_test(a_list_that_says_nothing_is_a_mistake),
        cmocka_unit_test(what_cannot_be_read_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
