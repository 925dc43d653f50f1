/* Contracts of the keys that are let in. */
#include "tests/unit/common/stores.h"

static struct access_key a_key(const char *name, enum access_role role, const char *location)
{
    struct access_key k = { .role = role, .made_us = NOON };
    struct key_pair pair;
    assert_int_equal(key_pair_make(&pair, NULL), 0);
    strcpy(k.public, pair.public);
    snprintf(k.name, sizeof k.name, "%s", name);
    snprintf(k.location, sizeof k.location, "%s", location);
    return k;
}

static int write_key(void *arg, const struct access_key *k)
{
    text_addf(arg, "%llu:%s:%s:%s%s ", (unsigned long long)k->id, k->name, access_role_name(k->role),
              k->location, k->revoked_us ? "(revoked)" : "");
    return 0;
}

static uint64_t change_of(struct store *s)
{
    uint64_t n = 0;
    OK(store_keys_change(s, &n, &err));
    return n;
}

CONTRACT(keys_come_and_stay)
{
    struct access_key w = a_key("rack7", ACCESS_WORKER, "eu"), v = a_key("", ACCESS_READ, "");
    uint64_t id = 0, at = change_of(s);
    WALK("", store_each_key(s, write_key, &seen, &err));
    OK(store_add_key(s, &w, &id, &err));
    assert_int_equal(id, 1);
    assert_true(change_of(s) != at);
    OK(store_add_key(s, &v, NULL, &err));
    WALK("1:rack7:worker:eu 2::operator-read: ", store_each_key(s, write_key, &seen, &err));

    at = change_of(s);
    assert_int_equal(change_of(s), at); /* asking is no change */
    REFUSED(store_add_key(s, &w, &id, &err), -EEXIST, "already");
    assert_int_equal(change_of(s), at);
}

CONTRACT(a_revoked_key_stays_revoked)
{
    struct access_key w = a_key("rack7", ACCESS_WORKER, "eu"), v = a_key("rack7", ACCESS_WORKER, "us");
    uint64_t id = 0, at;
    OK(store_add_key(s, &w, &id, &err));
    OK(store_add_key(s, &v, NULL, &err));
    at = change_of(s);
    OK(store_revoke_key(s, id, NOON + 5, &err));
    assert_true(change_of(s) != at);
    WALK("1:rack7:worker:eu(revoked) 2:rack7:worker:us ", store_each_key(s, write_key, &seen, &err));

    at = change_of(s);
    OK(store_revoke_key(s, id, NOON + 9, &err)); /* a second time: nothing */
    assert_int_equal(change_of(s), at);
    REFUSED(store_revoke_key(s, 77, NOON, &err), -ENOENT, "77");
    REFUSED(store_add_key(s, &w, NULL, &err), -EEXIST, "already"); /* not let in by the back door */
}

static int read_first(void *arg, const struct access_key *k)
{
    *(struct access_key *)arg = *k;
    return 7;
}

CONTRACT(every_member_comes_back)
{
    struct access_key w = a_key("a.name_with-all", ACCESS_WORKER, "eu-west"), back = { .id = 0 };
    w.expires_us = NOON + 86400 * US_PER_S;
    OK(store_add_key(s, &w, NULL, &err));
    OK(store_revoke_key(s, 1, NOON + 5, &err));
    assert_int_equal(store_each_key(s, read_first, &back, NULL), 7);
    assert_int_equal(back.id, 1);
    assert_string_equal(back.public, w.public);
    assert_string_equal(back.name, w.name);
    assert_int_equal(back.role, ACCESS_WORKER);
    assert_string_equal(back.location, "eu-west");
    assert_int_equal(back.made_us, NOON);
    assert_int_equal(back.revoked_us, NOON + 5);
    assert_int_equal(back.expires_us, w.expires_us);
}

CONTRACT(what_is_no_key_is_refused)
{
    struct access_key k = a_key("x", ACCESS_WORKER, "");
    uint64_t at = change_of(s);
    REFUSED(store_add_key(s, &k, NULL, &err), -EINVAL, "location");
    k = a_key("x", ACCESS_SELF, "");
    REFUSED(store_add_key(s, &k, NULL, &err), -EINVAL, "no key");
    k = a_key("x", ACCESS_READ, "");
    k.expires_us = k.made_us;
    REFUSED(store_add_key(s, &k, NULL, &err), -EINVAL, "over before it begins");
    k = a_key("x", ACCESS_READ, "");
    strcpy(k.public, "short");
    REFUSED(store_add_key(s, &k, NULL, &err), -EINVAL, "no key");
    assert_int_equal(change_of(s), at);
    WALK("", store_each_key(s, write_key, &seen, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_come_and_stay),
        cmocka_unit_test(test_a_revoked_key_stays_revoked),
        cmocka_unit_test(test_every_member_comes_back),
        cmocka_unit_test(test_what_is_no_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
