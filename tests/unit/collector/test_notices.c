#include "collector/notices.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct incident incident = { .id = 12,
                                          .site_id = 7,
                                          .began_us = 1000,
                                          .confirmed_us = 6000000,
                                          .cause = CAUSE_CONTENT,
                                          .detail = "caf\xe9" };

/* Each differs from the first in one thing, and must have another key. */
static const struct {
    const char *name;
    uint64_t id, site_id;
    wall_us began_us;
    enum notice_kind kind;
    uint32_t number;
    uint64_t owner_id;
    const char *channel;
} keys[] = {
    {"the first",                    12,         7, 1000, NOTICE_DOWN,       0,          3, "console:"      },
    { "another incident",            13,         7, 1000, NOTICE_DOWN,       0,          3, "console:"      },
    { "another store's incident 12", 12,         7, 2000, NOTICE_DOWN,       0,          3, "console:"      },
    { "another site",                12,         8, 1000, NOTICE_DOWN,       0,          3, "console:"      },
    { "another kind",                12,         7, 1000, NOTICE_BACK,       0,          3, "console:"      },
    { "another number",              12,         7, 1000, NOTICE_DOWN,       1,          3, "console:"      },
    { "another owner",               12,         7, 1000, NOTICE_DOWN,       0,          4, "console:"      },
    { "another channel",             12,         7, 1000, NOTICE_DOWN,       0,          3, "exec:/bin/true"},
    { "the longest",                 UINT64_MAX, 7, 1000, NOTICE_STILL_DOWN, UINT32_MAX, 3, "console:"      },
};
enum { KEYS = sizeof keys / sizeof *keys };

static void test_every_notice_has_a_key_of_its_own(void **state)
{
    (void)state;
    char key[KEYS][NOTICE_KEY_SIZE], again[NOTICE_KEY_SIZE];
    for (size_t i = 0; i < KEYS; i++) {
        struct incident x = { .id = keys[i].id, .site_id = keys[i].site_id, .began_us = keys[i].began_us };
        notice_key(key[i], &x, keys[i].kind, keys[i].number, keys[i].owner_id, keys[i].channel);
        notice_key(again, &x, keys[i].kind, keys[i].number, keys[i].owner_id, keys[i].channel);
        assert_string_equal(key[i], again);
        for (size_t k = 0; k < i; k++)
            if (strcmp(key[i], key[k]) == 0)
                fail_msg("'%s' and '%s' have the key %s", keys[i].name, keys[k].name, key[i]);
        assert_int_equal(strspn(key[i], "abcdefghijklmnopqrstuvwxyz0123456789-_"), strlen(key[i]));
        /* The hash is whole even in the longest. */
        const char *hash = strrchr(key[i], '-');
        assert_int_equal(strlen(hash), 13);
    }
    assert_memory_equal(key[0], "vedette-12-down-0-", 18);
}

/* Keys were told to receivers: they must not change between versions. */
static void test_the_key_is_stable(void **state)
{
    (void)state;
    char key[NOTICE_KEY_SIZE];
    notice_key(key, &incident, NOTICE_DOWN, 0, 3, "console:");
    assert_string_equal(key, "vedette-12-down-0-637c263d15ff");
}

static void test_the_facts(void **state)
{
    (void)state;
    const struct site_kept site = { .id = 7, .name = "caf\xe9", .url = "https://x.example/", .tags = "a,b" };
    const struct owner owner = { .id = 3, .name = "team" };
    struct result look = {
        .run = {.look = 1, .location = "local"},
        .worker = "w1",
        .verdict = VERDICT_DOWN,
        .cause = CAUSE_CONTENT,
        .status = 200,
        .took_us = 4200
    };
    struct notice_facts f = { .kind = NOTICE_BACK,
                              .number = 0,
                              .incident = &incident,
                              .site = &site,
                              .owner = &owner,
                              .looks = &look,
                              .n_looks = 1,
                              .reason = "",
                              .now = 9001000 };
    struct notice *n = notice_make(44, &f, "mailto:a@example.com");
    assert_int_equal(n->id, 44);
    assert_int_equal(n->state, NOTICE_PENDING);
    assert_int_equal(n->next_try_us, 9001000);
    assert_string_equal(n->channel, "mailto:a@example.com");

    json_t *json = json_loads(n->payload, 0, NULL);
    assert_non_null(json); /* also when a name is no UTF-8 */
    char thread[NOTICE_KEY_SIZE];
    notice_key(thread, &incident, NOTICE_DOWN, 0, 3, "mailto:a@example.com");
    assert_string_equal(json_string_value(json_object_get(json, "key")), n->key);
    assert_string_equal(json_string_value(json_object_get(json, "thread")), thread);
    assert_string_equal(json_string_value(json_object_get(json, "kind")), "back");
    assert_string_equal(json_string_value(json_object_get(json, "began")), "1970-01-01T00:00:00.001Z");
    assert_true(json_is_null(json_object_get(json, "ended")));
    assert_int_equal(json_integer_value(json_object_get(json, "lasted_ms")), 9000);
    assert_string_equal(json_string_value(json_object_get(json, "detail")), "caf?");
    assert_string_equal(json_string_value(json_object_get(json_object_get(json, "site"), "name")), "caf?");
    const json_t *first = json_array_get(json_object_get(json, "looks"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "cause")), "content");
    assert_int_equal(json_integer_value(json_object_get(first, "took_ms")), 4);
    json_decref(json);

    struct notice *copy = notice_copy(n);
    assert_string_equal(copy->payload, n->payload);
    assert_ptr_not_equal(copy->payload, n->payload);
    notice_free(n);
    notice_free(copy);
    notice_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_notice_has_a_key_of_its_own),
        cmocka_unit_test(test_the_key_is_stable),
        cmocka_unit_test(test_the_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
