/* Whose name is it? */
#include "collector/passports.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S NS_PER_S

static void names_belong_to_keys(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        mono_ns at;
        char does; /* may, told */
        const char *worker;
        uint64_t key;
        bool want;
    } story[] = {
        {"nobody's yet",                  0,                     'm', "w1",    7, true },
        { "its own again",                S,                     'm', "w1",    7, true },
        { "another's",                    S,                     'm', "w1",    8, false},
        { "by the cluster's own key",     S,                     'm', "w1",    0, false},
        { "another name",                 S,                     'm', "w2",    8, true },
        { "the coordinator knows better", 2 * S,                 't', "w2",    9, true },
        { "who had it first",             2 * S,                 'm', "w2",    8, false},
        { "who has it",                   2 * S,                 'm', "w2",    9, true },
        { "one without a key",            3 * S,                 't', "local", 0, true },
        { "taken by nobody",              3 * S,                 'm', "local", 7, false},
        { "an hour later it is free",     S + PASSPORTS_KEEP_NS, 'm', "w1",    8, true },
        { "and is another's",             S + PASSPORTS_KEEP_NS, 'm', "w1",    7, false},
    };
    scoped(passports) struct passports *p = NULL;
    assert_int_equal(passports_new(&p), 0);
    for (size_t i = 0; i < sizeof story / sizeof *story; i++) {
        bool may = true;
        if (story[i].does == 't')
            passports_told(p, story[i].worker, story[i].key, story[i].at);
        else
            may = passports_may(p, story[i].worker, story[i].key, story[i].at);
        if (may != story[i].want)
            fail_msg("%s", story[i].what);
    }
}

static void a_revoked_keys_names_are_free(void **state)
{
    (void)state;
    scoped(passports) struct passports *p = NULL;
    scoped(access_list) struct access_list *left = NULL;
    struct access_key k = { .id = 8, .public = "x", .role = ACCESS_WORKER, .location = "eu" };
    assert_int_equal(passports_new(&p), 0);
    assert_int_equal(access_list_new(&left), 0);
    assert_int_equal(access_list_add(left, &k, 0), 0);
    assert_true(passports_may(p, "w7", 7, 0) && passports_may(p, "w8", 8, 0) &&
                passports_may(p, "local", 0, 0));
    passports_revoke(p, left);
    assert_int_equal(passports_count(p), 2);
    assert_true(passports_may(p, "w7", 8, 0));
    assert_false(passports_may(p, "w8", 7, 0));
    assert_false(passports_may(p, "local", 8, 0));
}

static void there_is_a_ceiling(void **state)
{
    (void)state;
    scoped(passports) struct passports *p = NULL;
    char name[WORKER_NAME_SIZE];
    assert_int_equal(passports_new(&p), 0);
    for (unsigned i = 0; i < PASSPORTS_MAX; i++) {
        snprintf(name, sizeof name, "w%u", i);
        assert_true(passports_may(p, name, 7, 0));
    }
    assert_true(passports_may(p, "one-more", 7, S)); /* not kept */
    assert_true(passports_may(p, "one-more", 8, S));
    assert_int_equal(passports_count(p), PASSPORTS_MAX);
    assert_false(passports_may(p, "w0", 8, S));
    assert_true(passports_may(p, "much-later", 7, PASSPORTS_KEEP_NS)); /* those of then make room */
    assert_int_equal(passports_count(p), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_belong_to_keys),
        cmocka_unit_test(a_revoked_keys_names_are_free),
        cmocka_unit_test(there_is_a_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
