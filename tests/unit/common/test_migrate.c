/* Steps of a layout, with a database that only remembers what it was asked. */
#include "common/store/migrate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fake {
    unsigned version, next_version;
    const char *fails_at;    /* the call that fails: "2" a step's SQL, "begin", "commit", "set" */
    unsigned taken_by_other; /* somebody else takes the steps up to here at our first begin */
    char log[128];
};

static int say(struct fake *f, const char *what, struct err *err)
{
    strcat(f->log, what);
    strcat(f->log, " ");
    return f->fails_at && strcmp(f->fails_at, what) == 0 ? err_set(err, -EIO, "no") : 0;
}

static int version(void *arg, unsigned *ret, struct err *err)
{
    (void)err;
    *ret = ((struct fake *)arg)->version;
    return 0;
}

static int begin(void *arg, struct err *err)
{
    struct fake *f = arg;
    if (f->taken_by_other > f->version)
        f->version = f->taken_by_other;
    f->next_version = f->version;
    return say(f, "begin", err);
}

static int run(void *arg, const char *sql, struct err *err)
{
    return say(arg, sql, err);
}

static int set_version(void *arg, unsigned v, struct err *err)
{
    ((struct fake *)arg)->next_version = v;
    return say(arg, "set", err);
}

static int commit(void *arg, struct err *err)
{
    struct fake *f = arg;
    int r = say(f, "commit", err);
    if (r == 0)
        f->version = f->next_version;
    return r;
}

static void rollback(void *arg)
{
    (void)say(arg, "rollback", NULL);
}

static const struct migrate_how how = { version, begin, run, set_version, commit, rollback };
static const struct migrate_step steps[] = {
    {1,  "1"},
    { 2, "2"},
    { 3, "3"}
};

static void test_steps(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct fake fake;
        int r;
        unsigned version;
        const char *log;
    } rows[] = {
        {"from nothing",                { 0 },                                  0,       3, "begin 1 set commit begin 2 set commit begin 3 set commit "},
        { "from the middle",            { .version = 2 },                       0,       3, "begin 3 set commit "                                      },
        { "nothing to do",              { .version = 3 },                       0,       3, ""                                                         },
        { "too new",                    { .version = 4 },                       -EPROTO, 4, ""                                                         },
        { "a step fails",               { .fails_at = "2" },                    -EIO,    1, "begin 1 set commit begin 2 rollback "                     },
        { "writing the number fails",   { .version = 2, .fails_at = "set" },    -EIO,    2, "begin 3 set rollback "                                    },
        { "a commit fails",             { .version = 2, .fails_at = "commit" }, -EIO,    2, "begin 3 set commit rollback "                             },
        { "locked",                     { .version = 2, .fails_at = "begin" },  -EIO,    2, "begin "                                                   },
        { "another process was faster",
         { .taken_by_other = 2 },
         0,                                                                              3,
         "begin commit begin commit begin 3 set commit "                                                                                               },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fake f = rows[i].fake;
        struct err err = { 0 };
        int r = migrate(&how, &f, steps, 3, &err);
        if (r != rows[i].r || f.version != rows[i].version || strcmp(f.log, rows[i].log) != 0)
            fail_msg("%s: %d, version %u, %s", rows[i].name, r, f.version, f.log);
        if (r < 0)
            assert_int_equal(err.code, r);
    }
}

static void test_versions(void **state)
{
    (void)state;
    struct err err = { 0 };
    assert_int_equal(migrate_check_version(0, 3, &err), 0);
    assert_int_equal(migrate_check_version(3, 3, &err), 0);
    assert_int_equal(migrate_check_version(17, 3, &err), -EPROTO);
    assert_non_null(strstr(err.text, "17"));
    assert_non_null(strstr(err.text, "3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_versions),
    };
    return cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
}
