/* YAML as a tree whose nodes know their lines. A tree is written here as a
 * line: a text is 'x'@line, a list [..]@line, a map {'k'@line:..}@line. */
#include "common/text.h"
#include "common/yaml.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void write_node(struct text *t, const struct yaml_node *n)
{
    static const char *const brackets[] = { [YAML_LIST] = "[]", [YAML_MAP] = "{}" };
    if (yaml_kind(n) == YAML_SCALAR) {
        text_addf(t, "'%s'", yaml_text(n));
    } else {
        text_addf(t, "%c", brackets[yaml_kind(n)][0]);
        for (size_t i = 0; i < yaml_count(n); i++) {
            text_add(t, i ? " " : "");
            if (yaml_kind(n) == YAML_MAP) {
                write_node(t, yaml_key(n, i));
                text_add(t, ":");
            }
            write_node(t, yaml_kind(n) == YAML_MAP ? yaml_value(n, i) : yaml_item(n, i));
        }
        text_addf(t, "%c", brackets[yaml_kind(n)][1]);
    }
    text_addf(t, "@%u", yaml_line(n));
}

static const struct {
    const char *name, *yaml, *tree; /* NULL: empty */
} trees[] = {
    {"nothing",                          "",                                             NULL                                                 },
    { "spaces",                          "  \n\n",                                       NULL                                                 },
    { "a comment",                       "# nothing yet\n",                              NULL                                                 },
    { "a document of nothing",           "---\n",                                        NULL                                                 },
    { "a document of nothing that ends", "---\n...\n",                                   NULL                                                 },
    { "a text",                          "hello\n",                                      "'hello'@1"                                          },
    { "a map",                           "a: 1\nb: 2\n",                                 "{'a'@1:'1'@1 'b'@2:'2'@2}@1"                        },
    { "a list",                          "- a\n- b\n\n- c\n",                            "['a'@1 'b'@2 'c'@4]@1"                              },
    { "nested",                          "a:\n  - b: 1\n    c: [x, y]\n",                "{'a'@1:[{'b'@2:'1'@2 'c'@3:['x'@3 'y'@3]@3}@2]@2}@1"},
    { "flow",                            "{a: {b: [ ]}, c: {}}",                         "{'a'@1:{'b'@1:[]@1}@1 'c'@1:{}@1}@1"                },
    { "no value",                        "a:\nb: ''\n",                                  "{'a'@1:''@1 'b'@2:''@2}@1"                          },
    { "quotes",                          "a: \"x\\ty\"\nb: 'it''s'\n",                   "{'a'@1:'x\ty'@1 'b'@2:'it's'@2}@1"                  },
    { "a block of text",                 "a: |\n  one\n  two\nb: >-\n  three\n  four\n",
     "{'a'@1:'one\ntwo\n'@1 'b'@4:'three four'@4}@1"                                                                                          },
    { "an alias",                        "a: &x {k: v}\nb: *x\n",                        "{'a'@1:{'k'@1:'v'@1}@1 'b'@2:{'k'@1:'v'@1}@1}@1"    },
    { "an alias of a text, as key too",  "a: &x b\n*x : 1\n",                            "{'a'@1:'b'@1 'b'@1:'1'@2}@1"                        },
    { "a later anchor counts",           "- &x 1\n- *x\n- &x 2\n- *x\n",                 "['1'@1 '1'@1 '2'@3 '2'@3]@1"                        },
    { "an alias inside a later anchor",  "- &a [1]\n- &b [*a, *a]\n- *b\n",
     "[['1'@1]@1 [['1'@1]@1 ['1'@1]@1]@2 [['1'@1]@1 ['1'@1]@1]@2]@1"                                                                          },
    { "UTF-8",                           "ü: ☃\n",                                    "{'ü'@1:'☃'@1}@1"                                 },
    { "a byte order mark",
     "\xef\xbb\xbf"
      "a: 1\n",                                                                          "{'a'@1:'1'@1}@1"                                    },
    { "Windows' line ends",              "a: 1\r\nb: 2\r\n",                             "{'a'@1:'1'@1 'b'@2:'2'@2}@1"                        },
    { "numbers stay as written",         "a: 0x10\nb: 1e3\nc: ~\nd: yes\n",
     "{'a'@1:'0x10'@1 'b'@2:'1e3'@2 'c'@3:'~'@3 'd'@4:'yes'@4}@1"                                                                             },
    { "keys alike but for case",         "a: 1\nA: 2\n",                                 "{'a'@1:'1'@1 'A'@2:'2'@2}@1"                        },
    { "one key in two maps",             "a: {k: 1}\nb: {k: 2}\n",                       "{'a'@1:{'k'@1:'1'@1}@1 'b'@2:{'k'@2:'2'@2}@2}@1"    },
};

static void test_trees(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(trees); i++) {
        scoped(yaml) struct yaml *y = NULL;
        struct err err = { 0 };
        if (yaml_load_bytes(&y, "x.yaml", trees[i].yaml, strlen(trees[i].yaml), &err) != 0)
            fail_msg("%s: %s", trees[i].name, err.text);
        scoped(text) struct text t = TEXT_UP_TO(4096);
        if (yaml_root(y))
            write_node(&t, yaml_root(y));
        if (!trees[i].tree != !yaml_root(y) || (trees[i].tree && strcmp(text_str(&t), trees[i].tree) != 0))
            fail_msg("%s: %s", trees[i].name, text_str(&t));
    }
}

static const struct {
    const char *name, *yaml, *why;
} refused[] = {
    {"a key twice",                     "a: 1\nb: 2\na: 3\n",       "x.yaml:3: 'a' is given twice, first in line 1"                   },
    { "a key twice in the depth",       "s:\n  - a: 1\n    a: 1\n",
     "x.yaml:3: 'a' is given twice, first in line 2"                                                                                  },
    { "a key twice by alias",           "&k a: 1\n*k : 2\n",        "'a' is given twice"                                              },
    { "two documents",                  "a: 1\n---\nb: 2\n",        "x.yaml:2: a second document begins"                              },
    { "two documents, the first empty", "---\n---\nb: 2\n",         "x.yaml:2: a second document begins"                              },
    { "an alias of nothing",            "a: 1\nb: *c\n",            "x.yaml:2: *c stands for nothing that was finished before it"     },
    { "a list inside itself",           "&a [ *a ]\n",              "x.yaml:1: *a stands for nothing"                                 },
    { "a map inside itself",            "a: &a\n  b: *a\n",         "x.yaml:2: *a stands for nothing"                                 },
    { "a list as key",                  "? [a]\n: b\n",             "x.yaml:1: a list or map stands where the name of a field must be"},
    { "a map as key",                   "x: 1\n{a: b}: c\n",        "x.yaml:2: a list or map stands where"                            },
    { "a zero byte",                    "a: 1\nb: \"\\0\"\n",       "x.yaml:2: a text has a zero byte"                                },
    { "a tab that indents",             "a:\n\t- b\n",
     "x.yaml:2: a tab stands where the line begins: YAML is indented with spaces"                                                     },
    { "a quote that does not end",      "a: 'b\n\n",                "x.yaml:"                                                         },
    { "a bracket that does not end",    "a: [b\n",                  "x.yaml:"                                                         },
    { "two colons",                     "a: b\nc: d: e\n",          "x.yaml:2: mapping values are not allowed in this context"        },
    { "no UTF-8",                       "a: \xc3\x28\n",            "x.yaml:1: invalid trailing UTF-8 octet"                          },
    { "a control character",            "a: 1\nb: \x07\n",          "x.yaml:"                                                         },
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct yaml *y = NULL;
        struct err err = { 0 };
        int r = yaml_load_bytes(&y, "x.yaml", refused[i].yaml, strlen(refused[i].yaml), &err);
        if (r != -EINVAL || strncmp(err.text, "x.yaml:", 7) != 0 || !strstr(err.text, refused[i].why))
            fail_msg("%s: %d, '%s', not '%s'", refused[i].name, r, err.text, refused[i].why);
        assert_null(y);
        assert_int_equal(yaml_load_bytes(&y, "x.yaml", refused[i].yaml, strlen(refused[i].yaml), NULL), r);
    }
}

static void test_depth(void **state)
{
    (void)state;
    for (unsigned depth = YAML_MAX_DEPTH; depth <= YAML_MAX_DEPTH + 1; depth++) {
        char deep[2 * YAML_MAX_DEPTH + 3] = "";
        memset(deep, '[', depth);
        memset(deep + depth, ']', depth);
        scoped(yaml) struct yaml *y = NULL;
        struct err err = { 0 };
        int r = yaml_load_bytes(&y, "x.yaml", deep, strlen(deep), &err);
        assert_int_equal(r, depth > YAML_MAX_DEPTH ? -EINVAL : 0);
        if (r < 0)
            assert_string_equal(err.text, "x.yaml:1: lists and maps are nested too deeply");
    }
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* What is meant to exhaust a reader is over at once. */
static void test_traps(void **state)
{
    (void)state;
    enum { MANY = 200000 };
    char *brackets = malloc(MANY);
    memset(brackets, '[', MANY);
    scoped(text) struct text laughs = TEXT_UP_TO(1 << 20); /* a thousand million laughs */
    text_add(&laughs, "- &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for (int i = 1; i < 10; i++) {
        text_addf(&laughs, "- &a%d [", i);
        for (int k = 0; k < 10; k++)
            text_addf(&laughs, "%s*a%d", k ? ", " : "", i - 1);
        text_add(&laughs, "]\n");
    }
    double began = seconds();
    scoped(yaml) struct yaml *y = NULL;
    struct err err = { 0 };
    assert_int_equal(yaml_load_bytes(&y, "x.yaml", brackets, MANY, &err), -EINVAL);
    assert_int_equal(yaml_load_bytes(&y, "x.yaml", text_str(&laughs), laughs.len, &err), 0);
    assert_int_equal(yaml_count(yaml_root(y)), 10);
    assert_true(seconds() - began < 1);
    free(brackets);
}

static void test_a_hundred_thousand_sites(void **state)
{
    (void)state;
    enum { SITES = 100000 };
    scoped(text) struct text all = TEXT_UP_TO(64 << 20);
    text_add(&all, "sites:\n");
    for (int i = 0; i < SITES; i++)
        text_addf(&all, "  - {url: http://s%d.example/, name: s%d, every: 1m}\n", i, i);
    text_add(&all, "map:\n"); /* and as many keys in one map, the last one twice */
    for (int i = 0; i < SITES; i++)
        text_addf(&all, "  k%d: %d\n", i, i);
    size_t good = all.len;
    text_addf(&all, "  k%d: again\n", SITES - 1);

    double began = seconds();
    scoped(yaml) struct yaml *y = NULL;
    struct err err = { 0 };
    assert_int_equal(yaml_load_bytes(&y, "x.yaml", text_str(&all), good, &err), 0);
    const struct yaml_node *sites = yaml_get(yaml_root(y), "sites");
    assert_int_equal(yaml_count(sites), SITES);
    const struct yaml_node *last = yaml_item(sites, SITES - 1);
    assert_int_equal(yaml_line(last), SITES + 1);
    assert_string_equal(yaml_text(yaml_get(last, "name")), "s99999");

    struct yaml *none = NULL;
    assert_int_equal(yaml_load_bytes(&none, "x.yaml", text_str(&all), all.len, &err), -EINVAL);
    assert_string_equal(err.text, "x.yaml:200003: 'k99999' is given twice, first in line 200002");
    assert_true(seconds() - began < 20); /* 1 s; under sanitizers more */
}

/* The line of what cannot be a character is found although the reader is ahead. */
static void test_where_the_bytes_are_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *name, *bytes, *says;
    } rows[] = {
        {"a control character",       "a: 1\nb: 2\nc: \"x\x07\"\nd: 4\n",
         "x.yaml:3: control characters are not allowed (0x07)"                                                          },
        { "UTF-8 that ends too soon", "a: 1\nb: \xc3(\n",                 "x.yaml:2: "                                  },
        { "Latin-1",
         "# x\n\n\nname: l\xe4"
          "den\n",                                                        "x.yaml:4: "                                  },
        { "a tab indents",            "a:\n\tb: 1\n",                     "x.yaml:2: a tab stands where the line begins"},
        { "spaces and a tab",         "a:\n  b: 1\n  \tc: 2\n",           "x.yaml:3: a tab stands where the line begins"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct yaml *y = NULL;
        struct err err = { 0 };
        assert_int_equal(yaml_load_bytes(&y, "x.yaml", rows[i].bytes, strlen(rows[i].bytes), &err), -EINVAL);
        if (strncmp(err.text, rows[i].says, strlen(rows[i].says)) != 0)
            fail_msg("%s: %s", rows[i].name, err.text);
    }
}

static void test_asking_for_what_is_not_there(void **state)
{
    (void)state;
    static const char bytes[] = "a: [x]\nb: t\n";
    scoped(yaml) struct yaml *y = NULL;
    assert_int_equal(yaml_load_bytes(&y, "x.yaml", bytes, strlen(bytes), NULL), 0);
    const struct yaml_node *root = yaml_root(y), *list = yaml_get(root, "a"), *text = yaml_get(root, "b");
    assert_null(yaml_get(root, "c"));
    assert_null(yaml_get(list, "x"));
    assert_null(yaml_get(text, "t"));
    assert_null(yaml_item(list, 1));
    assert_null(yaml_item(root, 0));
    assert_null(yaml_key(root, 2));
    assert_null(yaml_value(root, 2));
    assert_null(yaml_key(list, 0));
    assert_string_equal(yaml_text(list), "");
    assert_string_equal(yaml_text(root), "");
    assert_int_equal(yaml_count(text), 0);
}

static void test_where(void **state)
{
    (void)state;
    static const char bytes[] = "a: 1\nevery: 5\n";
    scoped(yaml) struct yaml *y = NULL;
    assert_int_equal(yaml_load_bytes(&y, "x.yaml", bytes, strlen(bytes), NULL), 0);
    const struct yaml_node *every = yaml_get(yaml_root(y), "every");

    struct err err = { .code = -EINVAL, .text = "'5' is no duration" };
    assert_int_equal(yaml_where(y, every, "every", -EINVAL, &err), -EINVAL);
    assert_string_equal(err.text, "x.yaml:2: every: '5' is no duration");

    err = (struct err){ .text = "that is wrong" };
    assert_int_equal(yaml_where(y, every, NULL, -ERANGE, &err), -ERANGE);
    assert_string_equal(err.text, "x.yaml:2: that is wrong");
    assert_int_equal(err.code, -ERANGE);

    err = (struct err){ .text = "nothing is there" };
    yaml_where(y, NULL, NULL, -EINVAL, &err);
    assert_string_equal(err.text, "x.yaml: nothing is there");
    assert_int_equal(yaml_where(y, every, "every", -EINVAL, NULL), -EINVAL);
}

static void test_files(void **state)
{
    (void)state;
    char folder[] = "/tmp/vedette-test-yaml-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/x.yaml", folder);
    scoped(yaml) struct yaml *y = NULL;
    struct err err = { 0 };

    assert_int_equal(yaml_load(&y, path, &err), -ENOENT);
    assert_non_null(strstr(err.text, "cannot open"));
    assert_non_null(strstr(err.text, path));
    assert_int_equal(yaml_load(&y, folder, &err), -EISDIR);

    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 50000; i++) /* more than one block */
        fprintf(f, "- text number %d\n", i);
    fclose(f);
    assert_int_equal(yaml_load(&y, path, &err), 0);
    assert_int_equal(yaml_count(yaml_root(y)), 50000);
    assert_string_equal(yaml_text(yaml_item(yaml_root(y), 49999)), "text number 49999");

    assert_int_equal(truncate(path, (off_t)YAML_MAX_BYTES + 1), 0); /* a hole: takes no room */
    struct yaml *none = NULL;
    assert_int_equal(yaml_load(&none, path, &err), -EFBIG);
    assert_non_null(strstr(err.text, "more than 256 MiB"));
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_traps),
        cmocka_unit_test(test_a_hundred_thousand_sites),
        cmocka_unit_test(test_where_the_bytes_are_wrong),
        cmocka_unit_test(test_asking_for_what_is_not_there),
        cmocka_unit_test(test_where),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
