/* Tokens: whole, cut, mistyped, of another version. */
#include "common/token.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct token usual(void)
{
    struct token t = { .role = ACCESS_WORKER, .location = "eu-west", .n_addresses = 1 };
    struct key_pair k;
    assert_int_equal(key_pair_make(&k, NULL), 0);
    memcpy(t.server, k.public, sizeof t.server);
    assert_int_equal(key_pair_make(&k, NULL), 0);
    memcpy(t.secret, k.secret, sizeof t.secret);
    strcpy(t.address[0], "control.example.com:7711");
    return t;
}

static void same(const struct token *a, const struct token *b)
{
    assert_int_equal(a->role, b->role);
    assert_string_equal(a->server, b->server);
    assert_string_equal(a->secret, b->secret);
    assert_string_equal(a->location, b->location);
    assert_int_equal(a->n_addresses, b->n_addresses);
    for (unsigned i = 0; i < a->n_addresses; i++)
        assert_string_equal(a->address[i], b->address[i]);
    assert_int_equal(a->expires_us, b->expires_us);
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    struct token rows[] = { usual(), usual(), usual(), usual() }, back;
    char text[TOKEN_SIZE];
    strcpy(rows[1].address[0], "[2001:db8::1]:7711");
    rows[1].expires_us = 1780000000123456;
    rows[2].expires_us = 1;
    rows[3].expires_us = INT64_MAX;
    rows[2].role = ACCESS_READ;
    rows[2].location[0] = '\0';
    rows[3].n_addresses = TOKEN_MAX_ADDRESSES; /* the longest */
    memset(rows[3].location, 'a', LOCATION_SIZE - 1);
    for (unsigned i = 0; i < TOKEN_MAX_ADDRESSES; i++)
        snprintf(rows[3].address[i], TOKEN_ADDRESS_SIZE, "%0*d:65535", 127, 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = { 0 };
        if (token_write(&rows[i], text, &err) < 0 || token_read(text, &back, &err) < 0)
            fail_msg("row %zu: %s", i, err.text);
        same(&rows[i], &back);
        assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
                         strlen(text));
        assert_int_equal(token_check(text, NULL), 0);
    }
    assert_int_equal(token_check("", NULL), 0);
}

/* Whatever letter changes, and wherever it is cut. */
static void damage_is_told(void **state)
{
    (void)state;
    struct token t = usual(), back;
    char text[TOKEN_SIZE], bad[TOKEN_SIZE + 1];
    assert_int_equal(token_write(&t, text, NULL), 0);
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        struct err err = { 0 };
        strcpy(bad, text);
        bad[i] = bad[i] == 'A' ? 'B' : 'A';
        int r = token_read(bad, &back, &err);
        assert_true(r == -EINVAL && *err.text);
        snprintf(bad, sizeof bad, "%.*s", (int)i, text);
        assert_int_equal(token_read(bad, &back, &err), -EINVAL);
        assert_null(strstr(err.text, text + len / 2)); /* nothing of it is quoted */
    }
    static const char *const others[] = { "A", "!", "not a token at all", "====", "\xc3\xa9" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(token_read(others[i], &back, NULL), -EINVAL);
    snprintf(bad, sizeof bad, "%s%s", text, "A");
    assert_int_equal(token_read(bad, &back, NULL), -EINVAL);
    memset(bad, 'A', TOKEN_SIZE);
    bad[TOKEN_SIZE] = '\0';
    assert_int_equal(token_read(bad, &back, NULL), -EINVAL);
}

/* The bytes of a token with another one in them, and the sum made right again. */
static int read_changed(const char *text, size_t at, uint8_t to, struct err *err)
{
    uint8_t bytes[TOKEN_SIZE], whole[crypto_generichash_BYTES_MIN];
    char changed[TOKEN_SIZE + 8];
    struct token back;
    size_t n = 0;
    assert_int_equal(sodium_base642bin(bytes, sizeof bytes, text, strlen(text), NULL, &n, NULL,
                                       sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                     0);
    bytes[at] = to;
    crypto_generichash(whole, sizeof whole, bytes, n - 8, NULL, 0);
    memcpy(bytes + n - 8, whole, 8);
    sodium_bin2base64(changed, sizeof changed, bytes, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return token_read(changed, &back, err);
}

static void a_right_sum_proves_nothing(void **state)
{
    (void)state;
    struct token t = usual();
    char text[TOKEN_SIZE];
    assert_int_equal(token_write(&t, text, NULL), 0);
    static const struct {
        size_t at;
        uint8_t to;
        int want;
        const char *words;
    } rows[] = {
        {0,    1,           0,       ""                               },
        { 0,   2,           -EPROTO, "newer"                          },
        { 1,   0,           -EINVAL, "nothing that this version knows"},
        { 1,   200,         -EINVAL, "nothing that this version knows"},
        { 1,   ACCESS_READ, -EINVAL, "location"                       },
        { 66,  255,         -EINVAL, "no sense"                       }, /* the location's length */
        { 67,  'E',         -EINVAL, "location"                       },
        { 74,  0,           -EINVAL, "no sense"                       }, /* how many addresses */
        { 74,  2,           -EINVAL, "no sense"                       },
        { 74,  200,         -EINVAL, "no sense"                       },
        { 76,  '*',         -EINVAL, "address"                        },
        { 76,  '/',         -EINVAL, "address"                        },
        { 76,  0,           -EINVAL, "no sense"                       },
        { 100, 0x80,        -EINVAL, "end"                            },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = { 0 };
        int r = read_changed(text, rows[i].at, rows[i].to, &err);
        if (r != rows[i].want || !strstr(err.text, rows[i].words))
            fail_msg("%zu to %u: %d (%s)", rows[i].at, rows[i].to, r, err.text);
    }
}

static void what_no_token_may_have(void **state)
{
    (void)state;
    struct token rows[7];
    char text[TOKEN_SIZE];
    for (size_t i = 0; i < 7; i++)
        rows[i] = usual();
    rows[0].role = ACCESS_SELF;
    rows[1].location[0] = '\0';
    rows[2].n_addresses = 0;
    rows[3].n_addresses = TOKEN_MAX_ADDRESSES + 1;
    strcpy(rows[4].address[0], "no port");
    strcpy(rows[5].server, "short");
    rows[6].expires_us = -1;
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(token_write(&rows[i], text, NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(damage_is_told),
        cmocka_unit_test(a_right_sum_proves_nothing),
        cmocka_unit_test(what_no_token_may_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
