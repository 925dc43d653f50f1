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
        assert_int_equal(access_list_add(l, &k, 0), 0);
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
    assert_int_equal(access_list_add(l, &more, 0), 0);
    assert_int_equal(access_list_lost(l, before), 0);
    assert_int_equal(access_list_lost(before, l), 1);
    assert_int_equal(access_list_lost(empty, before), 99);
    assert_int_equal(access_list_lost(l, NULL), 0);
}

static void why_a_key_is_not_let_in(void **state)
{
    (void)state;
    static const struct {
        wall_us revoked_us, expires_us;
        const char *why; /* at the time 100; NULL: it is */
    } rows[] = {
        {0,   0,   NULL                  },
        { 0,  101, NULL                  },
        { 0,  100, "this key has expired"},
        { 0,  1,   "this key has expired"},
        { 50, 0,   "this key was revoked"},
        { 50, 101, "this key was revoked"},
        { 50, 60,  "this key was revoked"},
        { 0,  900, NULL                  },
    };
    enum { ROWS = sizeof rows / sizeof *rows };
    scoped(access_list) struct access_list *l = NULL, *copy = NULL;
    char public[KEY_SIZE];
    assert_int_equal(access_list_new(&l), 0);
    assert_int_equal(access_list_end(l), WALL_NEVER);
    for (size_t i = 0; i < ROWS; i++) {
        snprintf(public, sizeof public, "key-%zu", i);
        struct access_key k = key(i + 1, public);
        k.revoked_us = rows[i].revoked_us;
        k.expires_us = rows[i].expires_us;
        assert_int_equal(access_list_add(l, &k, 100), 0);
    }
    assert_int_equal(access_list_copy(&copy, l), 0);
    const struct access_list *both[] = { l, copy };
    for (size_t n = 0; n < 2; n++) {
        assert_int_equal(access_list_count(both[n]), 3);
        assert_int_equal(access_list_end(both[n]), 101); /* of those that are let in */
        for (size_t i = 0; i < ROWS; i++) {
            snprintf(public, sizeof public, "key-%zu", i);
            const char *why = access_list_why(both[n], public);
            assert_int_equal(access_list_find(both[n], public) != NULL, !rows[i].why);
            assert_int_equal(access_list_has(both[n], i + 1), !rows[i].why);
            assert_true(rows[i].why ? why && strcmp(why, rows[i].why) == 0 : !why);
        }
    }
    assert_null(access_list_why(l, "stranger"));
    assert_null(access_list_why(NULL, "stranger"));
    assert_int_equal(access_list_lost(l, copy), 0); /* those that were out before are not lost */
}

/* What was revoked takes the room of nobody who is let in. */
static void the_revoked_take_no_ones_room(void **state)
{
    (void)state;
    scoped(access_list) struct access_list *l = NULL;
    char public[KEY_SIZE];
    assert_int_equal(access_list_new(&l), 0);
    for (unsigned i = 0; i < ACCESS_MAX_KEYS + ACCESS_MAX_REFUSED + 10; i++) {
        snprintf(public, sizeof public, "key-%06u", i);
        struct access_key k = key(i + 1, public);
        k.revoked_us = i < ACCESS_MAX_REFUSED + 10;
        assert_int_equal(access_list_add(l, &k, 0), 0);
    }
    assert_int_equal(access_list_count(l), ACCESS_MAX_KEYS);
    assert_string_equal(access_list_why(l, "key-000000"), "this key was revoked");
    snprintf(public, sizeof public, "key-%06u", ACCESS_MAX_REFUSED + 5);
    assert_null(access_list_why(l, public)); /* only unknown */
    struct access_key more = key(1, "one-more");
    assert_int_equal(access_list_add(l, &more, 0), -ENOSPC);
    more.revoked_us = 1;
    assert_int_equal(access_list_add(l, &more, 0), 0);
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
        cmocka_unit_test(each_role_has_its_doors),       cmocka_unit_test(roles_have_names),
        cmocka_unit_test(a_list_finds_who_is_let_in),    cmocka_unit_test(why_a_key_is_not_let_in),
        cmocka_unit_test(the_revoked_take_no_ones_room), cmocka_unit_test(a_user_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
