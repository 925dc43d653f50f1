/* bytes.h - numbers as few bytes, and back: what the packed forms in this folder share (pure).
 *
 * A number is 7 bits a byte, the lowest first, with the eighth bit on all but the
 * last. One with a sign is folded first, so that small ones are short either way.
 */
#ifndef COMMON_STORE_BYTES_H
#define COMMON_STORE_BYTES_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BYTES_NUMBER 10 /* a number takes at most */

static inline uint64_t bytes_zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static inline int64_t bytes_unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* Of numbers that may be anything, where a piece is damaged; they wrap, and the way back does, too. */
static inline int64_t bytes_difference(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static inline int64_t bytes_sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* *to moves behind what was written. */
static inline void bytes_put(uint8_t **to, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *(*to)++ = (uint8_t)(v | 0x80);
    *(*to)++ = (uint8_t)v;
}

static inline void bytes_put_signed(uint8_t **to, int64_t v)
{
    bytes_put(to, bytes_zigzag(v));
}

/* Reading beyond the end gives zeros, and `broken` is -EBADMSG from then on. */
struct bytes_reader {
    const uint8_t *at, *end;
    int broken;
};

static inline uint8_t bytes_get_byte(struct bytes_reader *r)
{
    if (r->at < r->end)
        return *r->at++;
    r->broken = -EBADMSG;
    return 0;
}

static inline uint64_t bytes_get(struct bytes_reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = bytes_get_byte(r);
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    r->broken = -EBADMSG;
    return v;
}

static inline int64_t bytes_get_signed(struct bytes_reader *r)
{
    return bytes_unzigzag(bytes_get(r));
}

static inline void bytes_copy(struct bytes_reader *r, void *to, size_t len)
{
    if ((size_t)(r->end - r->at) < len) {
        r->broken = -EBADMSG;
        return;
    }
    memcpy(to, r->at, len);
    r->at += len;
}

#endif
