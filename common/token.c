#include "common/token.h"

#include "common/endpoint.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { VERSION = 1, SUM_BYTES = 8, END_BYTES = 8, MOST_BYTES = 2320 };
_Static_assert(2 + 2 * KEY_BYTES + 2 + LOCATION_SIZE + TOKEN_MAX_ADDRESSES * TOKEN_ADDRESS_SIZE + END_BYTES +
                       SUM_BYTES <=
                   MOST_BYTES,
               "the longest fits");
_Static_assert((MOST_BYTES + 2) / 3 * 4 < TOKEN_SIZE, "... and as text");

void token_wipe(struct token *t)
{
    sodium_memzero(t, sizeof *t);
}

static void sum(const uint8_t *bytes, size_t len, uint8_t ret[SUM_BYTES])
{
    uint8_t whole[crypto_generichash_BYTES_MIN];
    crypto_generichash(whole, sizeof whole, bytes, len, NULL, 0);
    memcpy(ret, whole, SUM_BYTES);
}

static bool address_valid(const char *address)
{
    char endpoint[TOKEN_ADDRESS_SIZE + 8];
    snprintf(endpoint, sizeof endpoint, "tcp://%s", address);
    return *address && strchr(address, '*') == NULL && endpoint_check(endpoint, NULL) == 0;
}

static int check(const struct token *t, struct err *err)
{
    bool worker = t->role == ACCESS_WORKER;
    if (t->role < ACCESS_WORKER || t->role >= ACCESS_ROLE_END)
        return err_set(err, -EINVAL, "this token is for nothing that this version knows");
    if (!key_valid(t->server) || !key_valid(t->secret))
        return err_set(err, -EINVAL, "this token has no keys");
    if (worker ? !location_valid(t->location) : *t->location)
        return err_set(err, -EINVAL, "this token's location is none");
    if (t->n_addresses < 1 || t->n_addresses > TOKEN_MAX_ADDRESSES)
        return err_set(err, -EINVAL, "a token has 1 to %d addresses", TOKEN_MAX_ADDRESSES);
    for (unsigned i = 0; i < t->n_addresses; i++)
        if (!address_valid(t->address[i]))
            return err_set(err, -EINVAL, "this token's address is not like control.example.com:7711");
    if (t->expires_us < 0)
        return err_set(err, -EINVAL, "this token's end is none");
    return 0;
}

/* ── Writing ───────────────────────────────────────────────────────────── */

struct bytes {
    uint8_t at[MOST_BYTES];
    size_t n;
};

static void put(struct bytes *b, const void *bytes, size_t len)
{
    memcpy(b->at + b->n, bytes, len);
    b->n += len;
}

static void put_byte(struct bytes *b, size_t v)
{
    b->at[b->n++] = (uint8_t)v;
}

static void put_key(struct bytes *b, const char *key)
{
    key_to_bytes(key, b->at + b->n);
    b->n += KEY_BYTES;
}

static void put_text(struct bytes *b, const char *text)
{
    put_byte(b, strlen(text));
    put(b, text, strlen(text));
}

static void put_time(struct bytes *b, wall_us at)
{
    for (int i = END_BYTES - 1; i >= 0; i--)
        put_byte(b, (size_t)(uint8_t)((uint64_t)at >> (8 * i)));
}

int token_write(const struct token *t, char buf[TOKEN_SIZE], struct err *err)
{
    struct bytes b = { .n = 0 };
    uint8_t check_sum[SUM_BYTES];
    int r = check(t, err);
    if (r < 0)
        return r;
    put_byte(&b, VERSION);
    put_byte(&b, t->role);
    put_key(&b, t->server);
    put_key(&b, t->secret);
    put_text(&b, t->location);
    put_byte(&b, t->n_addresses);
    for (unsigned i = 0; i < t->n_addresses; i++)
        put_text(&b, t->address[i]);
    put_time(&b, t->expires_us);
    sum(b.at, b.n, check_sum);
    put(&b, check_sum, sizeof check_sum);
    sodium_bin2base64(buf, TOKEN_SIZE, b.at, b.n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(&b, sizeof b);
    return 0;
}

/* ── Reading ───────────────────────────────────────────────────────────── */

struct reader {
    const uint8_t *at;
    size_t left;
    bool failed;
};

static const uint8_t *take(struct reader *r, size_t n)
{
    const uint8_t *at = r->at;
    if (r->failed || n > r->left) {
        r->failed = true;
        return NULL;
    }
    r->at += n;
    r->left -= n;
    return at;
}

static uint8_t take_byte(struct reader *r)
{
    const uint8_t *at = take(r, 1);
    return at ? *at : 0;
}

static void take_key(struct reader *r, char ret[KEY_SIZE])
{
    const uint8_t *at = take(r, KEY_BYTES);
    if (at)
        key_from_bytes(at, ret);
}

static void take_text(struct reader *r, char *buf, size_t size)
{
    size_t len = take_byte(r);
    const uint8_t *at = take(r, len);
    if (!at || len >= size || memchr(at, '\0', len)) {
        r->failed = true;
        return;
    }
    memcpy(buf, at, len);
    buf[len] = '\0';
}

static wall_us take_time(struct reader *r)
{
    uint64_t at = 0;
    for (int i = 0; i < END_BYTES; i++)
        at = at << 8 | take_byte(r);
    return (wall_us)at;
}

static void take_members(struct reader *r, struct token *t)
{
    t->role = (enum access_role)take_byte(r);
    take_key(r, t->server);
    take_key(r, t->secret);
    take_text(r, t->location, sizeof t->location);
    t->n_addresses = take_byte(r);
    for (unsigned i = 0; i < t->n_addresses && i < TOKEN_MAX_ADDRESSES; i++)
        take_text(r, t->address[i], sizeof t->address[i]);
    t->expires_us = take_time(r);
}

static int read_bytes(const struct bytes *b, struct token *ret, struct err *err)
{
    uint8_t right[SUM_BYTES];
    if (b->n < 1 + SUM_BYTES)
        return err_set(err, -EINVAL, "this is not a whole token: it is too short");
    sum(b->at, b->n - SUM_BYTES, right);
    if (sodium_memcmp(right, b->at + b->n - SUM_BYTES, SUM_BYTES) != 0)
        return err_set(err, -EINVAL, "this is not a whole token: it was cut or mistyped");
    if (b->at[0] != VERSION)
        return err_set(err, -EPROTO, "this token was made by a newer Vedette (version %u, here %d)", b->at[0],
                       VERSION);
    struct reader r = { .at = b->at + 1, .left = b->n - 1 - SUM_BYTES };
    take_members(&r, ret);
    if (r.failed || r.left > 0)
        return err_set(err, -EINVAL, "this token makes no sense");
    return check(ret, err);
}

int token_read(const char *text, struct token *ret, struct err *err)
{
    struct bytes b = { .n = 0 };
    scoped(token) struct token t = { .n_addresses = 0 };
    if (sodium_base642bin(b.at, sizeof b.at, text, strlen(text), NULL, &b.n, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) < 0)
        return err_set(err, -EINVAL,
                       "this is no token: those that `vedette token` prints are of a-z, A-Z, "
                       "0-9, '-' and '_'");
    int r = read_bytes(&b, &t, err);
    sodium_memzero(&b, sizeof b);
    if (r == 0)
        *ret = t;
    return r;
}

int token_check(const char *text, struct err *err)
{
    scoped(token) struct token t = { .n_addresses = 0 };
    return *text ? token_read(text, &t, err) : 0;
}
