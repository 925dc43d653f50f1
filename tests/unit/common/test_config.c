/* Settings: the files of tests/data/config, the environment, the command line. */
#include "common/config.h"
#include "common/settings.h"
#include "common/text.h"
#include "common/yaml.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* The first setting in which two configurations differ; NULL when none does. */
static const char *difference(const struct config *a, const struct config *b)
{
    for (size_t i = 0; i < n_settings; i++) {
        const char *x = (const char *)a + settings[i].offset, *y = (const char *)b + settings[i].offset;
        bool text = settings[i].kind <= SETTING_SECRET;
        if (text ? strcmp(x, y) != 0 : memcmp(x, y, settings[i].size) != 0)
            return settings[i].name;
    }
    return NULL;
}

static int load(struct config *c, const char *path, char *const *env, struct err *err)
{
    config_init(c);
    int r = config_load(c, path, env, err);
    return r < 0 ? r : config_check(c, err);
}

/* ── The table ─────────────────────────────────────────────────────────── */

static void test_every_default_fits(void **state)
{
    (void)state;
    struct config c;
    struct err err = { 0 };
    config_init(&c);
    for (size_t i = 0; i < n_settings; i++)
        if (setting_parse(&settings[i], &c, settings[i].fallback, &err) < 0)
            fail_msg("%s: %s", settings[i].name, err.text);
    if (config_check(&c, &err) < 0)
        fail_msg("%s", err.text);

    assert_string_equal(c.store, "sqlite:vedette.db");
    assert_int_equal(c.coordinator.taken_within_us, 2000000);
    assert_int_equal(c.worker.slots, 2048);
    assert_int_equal(c.worker.dns_max_us, 300000000);
    assert_int_equal(c.collector.keep_results_us, 7 * US_PER_DAY);
    assert_true(c.collector.feed_results);
    assert_int_equal(c.log.level, LOG_INFO);
}

static void test_rows_are_sound(void **state)
{
    (void)state;
    static const size_t sizes[] = { [SETTING_DURATION] = sizeof(int64_t),
                                    [SETTING_COUNT] = sizeof(uint32_t),
                                    [SETTING_BOOL] = sizeof(bool),
                                    [SETTING_LEVEL] = sizeof(enum log_level) };
    for (size_t i = 0; i < n_settings; i++) {
        const struct setting *s = &settings[i];
        if (s->kind > SETTING_SECRET && s->size != sizes[s->kind])
            fail_msg("%s: its member has %zu bytes", s->name, s->size);
        if (strlen(s->name) > SETTING_NAME_MAX || !s->about || s->about[strlen(s->about) - 1] == '.')
            fail_msg("%s: name or sentence", s->name);
        for (size_t k = 0; k < i; k++) {
            if (strcmp(s->name, settings[k].name) == 0)
                fail_msg("%s is there twice", s->name);
            if (s->offset < settings[k].offset + settings[k].size && settings[k].offset < s->offset + s->size)
                fail_msg("%s and %s share a member", s->name, settings[k].name);
        }
    }
}

static void test_near_names(void **state)
{
    (void)state;
    static const struct {
        const char *name, *near;
    } rows[] = {
        {"worker.slot",                  "worker.slots"    },
        { "worker.slotss",               "worker.slots"    },
        { "wroker.slots",                "worker.slots"    },
        { "workers.slots",               "worker.slots"    },
        { "slots",                       "worker.slots"    },
        { "stor",                        "store"           },
        { "location",                    "locations"       },
        { "workers",                     "worker"          },
        { "colector",                    "collector"       },
        { "worker.dns_mn",               "worker.dns_min"  },
        { "endpoint.result",             "endpoint.results"},
        { "colour",                      NULL              },
        { "x",                           NULL              },
        { "",                            NULL              },
        { "worker.completely_different", NULL              },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char buf[SETTING_NAME_MAX + 1];
        const char *near = setting_near(rows[i].name, buf);
        if (!near != !rows[i].near || (near && strcmp(near, rows[i].near) != 0))
            fail_msg("'%s': near is '%s'", rows[i].name, near ? near : "nothing");
    }
}

/* ── Files ─────────────────────────────────────────────────────────────── */

static void test_the_example_is_complete_and_says_the_defaults(void **state)
{
    (void)state;
    struct config defaults, c;
    struct err err = { 0 };
    config_init(&defaults);
    memset(&c, 0, sizeof c); /* so that a setting that is missing there is noticed */
    if (config_load(&c, "deploy/config/vedette.yaml", NULL, &err) < 0)
        fail_msg("%s", err.text);
    const char *differs = difference(&c, &defaults);
    if (differs)
        fail_msg("%s is not the default", differs);

    scoped(yaml) struct yaml *y = NULL;
    assert_int_equal(yaml_load(&y, "deploy/config/vedette.yaml", NULL), 0);
    for (size_t i = 0; i < n_settings; i++) { /* those that are empty or zero would not be */
        char section[SETTING_NAME_MAX + 1];
        snprintf(section, sizeof section, "%s", settings[i].name);
        char *member = strchr(section, '.');
        if (member)
            *member++ = '\0';
        const struct yaml_node *n = yaml_get(yaml_root(y), section);
        if (!n || (member && !yaml_get(n, member)))
            fail_msg("%s is not in the example", settings[i].name);
    }
}

enum { MAX_EXPECTED = 8 };

/* The lines "# expect: ..." at a file's beginning. */
static size_t expectations(const char *path, char expected[MAX_EXPECTED][256])
{
    size_t n = 0;
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (n < MAX_EXPECTED && fgets(expected[n], sizeof expected[n], f) &&
           strncmp(expected[n], "# expect: ", 10) == 0) {
        expected[n][strcspn(expected[n], "\n")] = '\0';
        memmove(expected[n], expected[n] + 10, strlen(expected[n]) - 9);
        n++;
    }
    fclose(f);
    return n;
}

static unsigned each_file(const char *folder, void (*fn)(const char *path))
{
    unsigned n = 0;
    struct dirent *e;
    DIR *d = opendir(folder);
    if (!d)
        fail_msg("%s: this test is started in the project's folder", folder);
    while ((e = readdir(d))) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.')
            n++, fn(path);
    }
    closedir(d);
    return n;
}

static void good_file(const char *path)
{
    char expected[MAX_EXPECTED][256];
    struct config c, set;
    struct err err = { 0 };
    if (load(&c, path, NULL, &err) < 0)
        fail_msg("%s: %s", path, err.text);

    set = c;
    size_t n = expectations(path, expected);
    for (size_t i = 0; i < n; i++)
        if (config_set(&set, expected[i], &err) < 0)
            fail_msg("%s: %s", path, err.text);
    const char *differs = difference(&c, &set);
    if (differs)
        fail_msg("%s: %s is not what is expected", path, differs);
}

static void bad_file(const char *path)
{
    char expected[MAX_EXPECTED][256];
    struct config c, before;
    struct err err = { 0 };
    config_init(&c);
    before = c;
    if (expectations(path, expected) != 1)
        fail_msg("%s does not say what is expected", path);

    int r = config_load(&c, path, NULL, &err);
    if (r < 0 && memcmp(&c, &before, sizeof c) != 0)
        fail_msg("%s: something was changed", path);
    if (r == 0)
        r = config_check(&c, &err);
    if (r >= 0)
        fail_msg("%s was accepted", path);
    if (err.code != r || !strstr(err.text, expected[0]))
        fail_msg("%s: '%s', not '%s'", path, err.text, expected[0]);
    assert_null(strpbrk(err.text, "\r\n"));
}

static void test_good_files(void **state)
{
    (void)state;
    assert_true(each_file("tests/data/config/good", good_file) >= 13);
}

static void test_bad_files(void **state)
{
    (void)state;
    assert_true(each_file("tests/data/config/bad", bad_file) >= 60);
}

static void test_no_file(void **state)
{
    (void)state;
    struct config c;
    struct err err = { 0 };
    assert_int_equal(load(&c, "/nowhere/vedette.yaml", NULL, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/nowhere/vedette.yaml"));
    assert_int_equal(load(&c, NULL, NULL, &err), 0);
}

/* ── The environment ───────────────────────────────────────────────────── */

static const struct {
    const char *name;
    const char *env[3];
    const char *set; /* what that is the same as; NULL: refused */
    const char *why;
} environments[] = {
    {"nothing",                { NULL },                                     "worker.slots=2048",     NULL                                                                                              },
    { "a setting",             { "VEDETTE_WORKER_SLOTS=7" },                 "worker.slots=7",        NULL                                                                                              },
    { "one without a section", { "VEDETTE_STORE=sqlite:x.db" },              "store=sqlite:x.db",     NULL                                                                                              },
    { "one with a line",       { "VEDETTE_WORKER_DNS_MIN=1s" },              "worker.dns_min=1s",     NULL                                                                                              },
    { "an equals sign inside", { "VEDETTE_WORKER_USER_AGENT=a=b" },          "worker.user_agent=a=b", NULL                                                                                              },
    { "an empty text",         { "VEDETTE_WORKER_USER_AGENT=" },             "worker.user_agent=",    NULL                                                                                              },
    { "somebody else's",       { "PATH=/bin", "VEDETTA_X=1", "VEDETTE=1" },  "worker.slots=2048",     NULL                                                                                              },
    { "for others",            { "VEDETTE_PARENT=1", "VEDETTE_READY_FD=3" }, "worker.slots=2048",     NULL                                                                                              },
    { "for others too",
     { "VEDETTE_CONFIG=x.yaml", "VEDETTE_BIN=/x", "VEDETTE_TEST_X=1" },
     "worker.slots=2048",                                                                             NULL                                                                                              },
    { "a wrong name",
     { "VEDETTE_WORKER_SLOT=7" },
     NULL,                                                                                            "the environment has VEDETTE_WORKER_SLOT, which is no setting: did you mean VEDETTE_WORKER_SLOTS?"},
    { "a name of nothing",
     { "VEDETTE_COLOUR=blue" },
     NULL,                                                                                            "the environment has VEDETTE_COLOUR, which is no setting"                                         },
    { "a section",             { "VEDETTE_WORKER=5" },                       NULL,                    "the environment has VEDETTE_WORKER, which is no setting"                                         },
    { "almost for others",     { "VEDETTE_PARENTS=1" },                      NULL,                    "VEDETTE_PARENTS, which is no setting"                                                            },
    { "a wrong value",
     { "VEDETTE_WORKER_SLOTS=many" },
     NULL,                                                                                            "the environment's VEDETTE_WORKER_SLOTS: worker.slots: 'many' is not a whole number"              },
    { "an empty number",       { "VEDETTE_WORKER_SLOTS=" },                  NULL,                    "worker.slots: '' is not a whole number"                                                          },
    { "a secret twice",
     { "VEDETTE_MAIL_PASSWORD=x", "VEDETTE_MAIL_PASSWORD_FILE=/nowhere/x" },
     NULL,                                                                                            "the environment's VEDETTE_MAIL_PASSWORD_FILE: mail.password: it is given twice"                  },
    { "a secret's file",
     { "VEDETTE_WEBHOOK_SECRET_FILE=/nowhere/x" },
     NULL,                                                                                            "webhook.secret_file: cannot open /nowhere/x"                                                     },
};

static void test_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(environments); i++) {
        struct config c, set;
        struct err err = { 0 };
        const char *env[4] = { environments[i].env[0], environments[i].env[1], environments[i].env[2], NULL };
        config_init(&c);
        set = c;
        int r = config_load(&c, NULL, (char *const *)env, &err);
        if (environments[i].why) {
            if (r >= 0 || !strstr(err.text, environments[i].why))
                fail_msg("%s: %d '%s'", environments[i].name, r, err.text);
        } else {
            if (r < 0)
                fail_msg("%s: %s", environments[i].name, err.text);
            assert_int_equal(config_set(&set, environments[i].set, &err), 0);
        }
        const char *differs = difference(&c, &set);
        if (differs)
            fail_msg("%s: %s is different", environments[i].name, differs);
    }
}

static void test_every_setting_has_its_variable(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_settings; i++) {
        char variable[256] = "VEDETTE_";
        char *to = variable + strlen(variable);
        for (const char *p = settings[i].name; *p; p++)
            *to++ = *p == '.' ? '_' : *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
        snprintf(to, sizeof variable - (size_t)(to - variable), "=%s", settings[i].fallback);

        struct config c = { 0 }, one = { 0 };
        struct err err = { 0 };
        if (config_load(&c, NULL, (char *[]){ variable, NULL }, &err) < 0)
            fail_msg("%s: %s", variable, err.text);
        assert_int_equal(setting_parse(&settings[i], &one, settings[i].fallback, &err), 0);
        if (difference(&c, &one))
            fail_msg("%s sets %s", variable, difference(&c, &one));
    }
}

/* ── Over one another ──────────────────────────────────────────────────── */

static void test_later_over_earlier(void **state)
{
    (void)state;
    const char *env[] = { "VEDETTE_WORKER_SLOTS=50", "VEDETTE_WORKER_OUTBOX=51", NULL };
    struct config c;
    struct err err = { 0 };
    assert_int_equal(load(&c, "tests/data/config/good/nested.yaml", (char *const *)env, &err), 0);
    assert_int_equal(c.worker.slots, 50);                  /* environment over file */
    assert_int_equal(c.worker.outbox, 51);                 /* environment over default */
    assert_int_equal(c.worker.dns_max_us, 600 * US_PER_S); /* file over default */
    assert_int_equal(c.worker.threads, 0);                 /* default */
    assert_int_equal(config_set(&c, "worker.slots=60", &err), 0);
    assert_int_equal(c.worker.slots, 60);
}

static void test_assignments(void **state)
{
    (void)state;
    static const struct {
        const char *assignment, *why; /* NULL: fine */
    } rows[] = {
        {"worker.slots=1",                 NULL                                                             },
        { "mail.user=",                    NULL                                                             },
        { "webhook.secret=a=b",            NULL                                                             },
        { "worker.slots",                  "'worker.slots' is not like worker.slots=100"                    },
        { "=5",                            "'=5' is not like"                                               },
        { "",                              "'' is not like"                                                 },
        { "worker.slots=",                 "worker.slots: '' is not a whole number"                         },
        { "worker.slot=5",                 "there is no setting 'worker.slot': did you mean 'worker.slots'?"},
        { "worker=5",                      "there is no setting 'worker'"                                   },
        { "worker.slots =5",               "there is no setting 'worker.slots '"                            },
        { "worker.slots_file=/etc/passwd", "there is no setting 'worker.slots_file'"                        },
        { "_file=/etc/passwd",             "there is no setting '_file'"                                    },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config c, before;
        struct err err = { 0 };
        config_init(&c);
        before = c;
        int r = config_set(&c, rows[i].assignment, &err);
        if (!rows[i].why != (r == 0) || (r < 0 && !strstr(err.text, rows[i].why)))
            fail_msg("'%s': %d '%s'", rows[i].assignment, r, err.text);
        if (r < 0)
            assert_memory_equal(&c, &before, sizeof c);
    }
    char longest[512];
    struct config c;
    memset(longest, 'a', sizeof longest);
    strcpy(longest + sizeof longest - 3, "=1");
    config_init(&c);
    assert_int_equal(config_set(&c, longest, NULL), -EINVAL);
}

/* ── Secrets ───────────────────────────────────────────────────────────── */

static void test_secrets_from_files(void **state)
{
    (void)state;
    static const struct {
        const char *name, *content;
        mode_t mode;
        const char *secret, *why;
    } rows[] = {
        {"one line",               "hunter2\n",          0600, "hunter2", NULL                                         },
        { "no line end",           "hunter2",            0400, "hunter2", NULL                                         },
        { "Windows' line end",     "hunter2\r\n",        0600, "hunter2", NULL                                         },
        { "only the first line",   "hunter2\nhunter3\n", 0600, "hunter2", NULL                                         },
        { "spaces are part of it", " a b \n",            0600, " a b ",   NULL                                         },
        { "group may read",        "hunter2\n",          0640, NULL,      "is open to others than its owner: chmod 600"},
        { "others may read",       "hunter2\n",          0604, NULL,      "is open to others than its owner: chmod 600"},
        { "group may write",       "hunter2\n",          0620, NULL,      "is open to others than its owner: chmod 600"},
        { "empty",                 "",                   0600, NULL,      "is empty"                                   },
        { "an empty first line",   "\nhunter2\n",        0600, NULL,      "is empty"                                   },
    };
    char folder[] = "/tmp/vedette-test-config-XXXXXX", path[64], assignment[128];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/secret", folder);
    snprintf(assignment, sizeof assignment, "mail.password_file=%s", path);

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct config c;
        struct err err = { 0 };
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(rows[i].content, f);
        fclose(f);
        assert_int_equal(chmod(path, rows[i].mode), 0);
        config_init(&c);
        int r = config_set(&c, assignment, &err);
        unlink(path);
        if (rows[i].secret ? r != 0 || strcmp(c.mail.password, rows[i].secret) != 0
                           : r >= 0 || !strstr(err.text, rows[i].why))
            fail_msg("%s: %d '%s' '%s'", rows[i].name, r, c.mail.password, err.text);
        assert_null(strstr(err.text, "hunter2"));
    }

    struct config c;
    struct err err = { 0 };
    config_init(&c);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(config_set(&c, assignment, &err), -EINVAL);
    assert_non_null(strstr(err.text, "is not a file"));
    rmdir(path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < TOKEN_SIZE + 1; i++)
        fputc('x', f);
    fclose(f);
    chmod(path, 0600);
    assert_int_equal(config_set(&c, assignment, &err), -EINVAL);
    assert_non_null(strstr(err.text, "longer than any secret"));
    unlink(path);
    rmdir(folder);
}

static void test_description(void **state)
{
    (void)state;
    char *all = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&all, &len);
    assert_non_null(f);
    config_describe(f);
    fclose(f);
    for (size_t i = 0; i < n_settings; i++) {
        char line[SETTING_NAME_MAX + 3];
        snprintf(line, sizeof line, "%s\n", settings[i].name);
        if (!strstr(all, line) || !strstr(all, settings[i].about))
            fail_msg("%s is not described", settings[i].name);
    }
    assert_non_null(strstr(all, "default: 2048   from 1 to 65536   environment: VEDETTE_WORKER_SLOTS\n"));
    assert_non_null(strstr(all, "from a file: mail.password_file\n"));
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_default_fits),
        cmocka_unit_test(test_rows_are_sound),
        cmocka_unit_test(test_near_names),
        cmocka_unit_test(test_the_example_is_complete_and_says_the_defaults),
        cmocka_unit_test(test_good_files),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_every_setting_has_its_variable),
        cmocka_unit_test(test_later_over_earlier),
        cmocka_unit_test(test_assignments),
        cmocka_unit_test(test_secrets_from_files),
        cmocka_unit_test(test_description),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
