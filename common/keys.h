/* keys.h - pairs of keys for links that leave this host (CURVE: curvezmq.org,
 * zmq_curve(7)), and the files that hold them.
 *
 * A key is text: 40 characters of Z85 (ZeroMQ's RFC 32). Who has the secret half
 * is who the public half says, so a file with one is for its owner alone: mode
 * 0600 or less, refused otherwise. A secret is never logged, and wiped from memory
 * where it is needed no more.
 */
#ifndef COMMON_KEYS_H
#define COMMON_KEYS_H

#include "common/err.h"
#include "common/scope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_SIZE  41 /* as text, with terminator */
#define KEY_BYTES 32

struct key_pair {
    char public[KEY_SIZE], secret[KEY_SIZE];
};

int key_pair_make(struct key_pair *ret, struct err *err); /* -ENOTSUP where libzmq has no CURVE */
void key_pair_wipe(struct key_pair *k);                   /* as scoped(key_pair): at the end of its scope */
static inline void scope_end_key_pair(struct key_pair *k)
{
    key_pair_wipe(k);
}

/* A new file. -EEXIST: one that is there is never written over. The folder must
 * exist. What is written has reached the disk. */
int key_pair_write(const struct key_pair *k, const char *path, struct err *err);
/* -ENOENT, -EACCES (open to others; the sentence says what to do), -EINVAL (is none). */
int key_pair_read(struct key_pair *ret, const char *path, struct err *err);

/* Whether it is a key, as text. */
bool key_valid(const char *text);
/* Between text and bytes; key_valid before. */
void key_to_bytes(const char *text, uint8_t ret[KEY_BYTES]);
void key_from_bytes(const uint8_t bytes[KEY_BYTES], char ret[KEY_SIZE]);
/* The public half of a secret one. */
int key_public_of(const char *secret, char ret[KEY_SIZE]);

#endif
