/* Which key goes through which door. */
#include "common/access.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void each_role_has_its_doors(void **state)
{
    (void)state;
    static const char *const doors[] = { "control", "results", "feedback", "feed",   "jobs/eu",
                                         "jobs/us", "",        "jobs/",    "vedette" };
    static const struct {
        enum access_role role;
        const char *location;
        const char *may; /* one letter for each door */
    } rows[] = {
        {ACCESS_WORKER,         "eu", "yy--y----"},
        { ACCESS_WORKER,        "us", "yy---y---"},
        { ACCESS_READ,          "",   "---y-----"},
        { ACCESS_WRITE,         "",   "---y-----"},
        { ACCESS_PEER,          "",   "-yyy-----"},
        { ACCESS_SELF,          "",   "yyyyyy-y-"},
        { ACCESS_ROLE_END,      "",   "---------"},
        { (enum access_role)0,  "eu", "---------"},
        { (enum access_role)99, "eu", "---------"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t k = 0; k < sizeof doors / sizeof *doors; k++)
            if (access_may(rows[i].role, rows[i].location, doors[k]) != (rows[i].may[k] == 'y'))
                fail_msg("%s of '%s' at '%s'", access_role_name(rows[i].role), rows[i].location, doors[k]);
}

static void roles_have_names(void **state)
{
    (void)state;
    for (enum access_role r = ACCESS_WORKER; r < ACCESS_ROLE_END; r++)
        assert_int_equal(access_role_find(access_role_name(r)), r);
    assert_int_equal(access_role_find("self"), 0); /* never given away */
    assert_int_equal(access_role_find("root"), 0);
}

static struct access_key key(uint64_t id, const char *public)
{
    struct access_key k = { .id = id, .role = ACCESS_WORKER, .location = "eu" };
    snprintf(k.public, sizeof k.public, "%s", public);
    return k;
}

static void a_list_finds_who_is_let_in(void **state)
{
    (void)state;
    scoped(access_list) struct access_list *l = NULL, *before = NULL, *empty = NULL;
    assert_int_equal(access_list_new(&l), 0);
    assert_int_equal(access_list_new(&empty), 0);
    for (uint64_t i = 1; i <= 100; i++) { /* neither in order nor all of them */
        char public[KEY_SIZE];
        snprintf(public, sizeof public, "key-%03u", (unsigned)(i * 37 % 101));
        struct access_key k = key(i, public);
        k.revoked_us = i == 50 ? 1 : 0;
        assert_int_equal(access_list_add(l, &k), 0);
    }
    assert_int_equal(access_list_count(l), 99);
    for (uint64_t i = 1; i <= 100; i++) {
        char public[KEY_SIZE];
        snprintf(public, sizeof public, "key-%03u", (unsigned)(i * 37 % 101));
        const struct access_key *k = access_list_find(l, public);
        assert_true(i == 50 ? !k : k && k->id == i);
        assert_int_equal(access_list_has(l, i), i != 50);
    }
    assert_null(access_list_find(l, "key-000"));
    assert_null(access_list_find(NULL, "key-001"));
    assert_int_equal(access_list_count(NULL), 0);

    assert_int_equal(access_list_copy(&before, l), 0);
    assert_int_equal(access_list_count(before), 99);
    assert_int_equal(access_list_lost(l, before), 0);
    struct access_key more = key(101, "another");
    assert_int_equal(access_list_add(l, &more), 0);
    assert_int_equal(access_list_lost(l, before), 0);
    assert_int_equal(access_list_lost(before, l), 1);
    assert_int_equal(access_list_lost(empty, before), 99);
    assert_int_equal(access_list_lost(l, NULL), 0);
}

static void a_user_is_read_back(void **state)
{
    (void)state;
    static const struct access_user users[] = {
        {ACCESS_WORKER,  7,          "eu-west"                        },
        { ACCESS_SELF,   0,          ""                               },
        { ACCESS_READ,   UINT64_MAX, ""                               },
        { ACCESS_WORKER, 1,          "location-of-thirty-one-letters-"},
    };
    char text[ACCESS_USER_SIZE];
    struct access_user u;
    for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
        access_user_write(&users[i], text);
        access_user_read(text, &u);
        assert_int_equal(u.role, users[i].role);
        assert_int_equal(u.id, users[i].id);
        assert_string_equal(u.location, users[i].location);
    }
    static const char *const bad[] = { NULL,           "",
                                       "worker",       "worker/7",
                                       "nobody/7/eu",  "/7/eu",
                                       "workers/7/eu", "worker/7/a-location-that-is-longer-than-any-may-be" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        access_user_read(bad[i], &u);
        assert_int_equal(u.role, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_role_has_its_doors),
        cmocka_unit_test(roles_have_names),
        cmocka_unit_test(a_list_finds_who_is_let_in),
        cmocka_unit_test(a_user_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
