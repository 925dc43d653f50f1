/* pieces.h - messages made byte by byte, by the rules of the encoding and not
 * by our code: what a peer of another version or with bad intentions sends.
 *
 * A message is told as its members, one call each. A story names one member
 * and what stands there instead of the usual, or that it is left out.
 * Encoding: https://protobuf.dev/programming-guides/encoding/
 */
#ifndef TESTS_UNIT_PROTO_PIECES_H
#define TESTS_UNIT_PROTO_PIECES_H

#include "proto/wire.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define PIECE_SIZE (WIRE_MAX_BYTES + 1024)

struct piece {
    uint8_t bytes[PIECE_SIZE];
    size_t len;
};

/* What stands in a member's place: text when it has one, else the number. */
struct instead {
    const char *member;
    uint64_t number;
    const char *text;
    size_t text_len; /* 0: strlen(text) */
    bool out;        /* the member is not there */
};

/* Stories in one word. */
#define AS_USUAL       \
    {                  \
        .member = NULL \
    }
#define WITHOUT(m)                 \
    {                              \
        .member = (m), .out = true \
    }
#define NUMBER(m, n)                 \
    {                                \
        .member = (m), .number = (n) \
    }
#define TEXT(m, t)                 \
    {                              \
        .member = (m), .text = (t) \
    }
#define BYTES(m, t, len)                              \
    {                                                 \
        .member = (m), .text = (t), .text_len = (len) \
    }

static inline void piece_varint(struct piece *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        p->bytes[p->len++] = (uint8_t)(v | 0x80);
    p->bytes[p->len++] = (uint8_t)v;
    assert(p->len < PIECE_SIZE - 16);
}

static inline void piece_bytes(struct piece *p, unsigned id, const void *bytes, size_t len)
{
    assert(p->len + len + 16 < PIECE_SIZE);
    piece_varint(p, id << 3 | 2);
    piece_varint(p, len);
    memcpy(p->bytes + p->len, bytes, len);
    p->len += len;
}

static inline void piece_number(struct piece *p, unsigned id, uint64_t v)
{
    piece_varint(p, id << 3);
    piece_varint(p, v);
}

/* A member as the story wants it: number, text, or a message inside. */
static inline bool piece_instead(struct piece *p, const struct instead *story, const char *member,
                                 unsigned id)
{
    if (!story || !story->member || strcmp(story->member, member) != 0)
        return false;
    if (story->text)
        piece_bytes(p, id, story->text, story->text_len ? story->text_len : strlen(story->text));
    else if (!story->out)
        piece_number(p, id, story->number);
    return true;
}

static inline void tell_number(struct piece *p, const struct instead *story, const char *member, unsigned id,
                               uint64_t usual)
{
    if (!piece_instead(p, story, member, id))
        piece_number(p, id, usual);
}

/* 64 bits as they are. */
static inline void tell_fixed(struct piece *p, const struct instead *story, const char *member, unsigned id,
                              uint64_t usual)
{
    if (piece_instead(p, story, member, id))
        return;
    piece_varint(p, id << 3 | 1);
    for (int i = 0; i < 8; i++)
        p->bytes[p->len++] = (uint8_t)(usual >> 8 * i);
    assert(p->len < PIECE_SIZE - 16);
}

static inline void tell_text(struct piece *p, const struct instead *story, const char *member, unsigned id,
                             const char *usual)
{
    if (!piece_instead(p, story, member, id))
        piece_bytes(p, id, usual, strlen(usual));
}

static inline void tell_inner(struct piece *p, const struct instead *story, const char *member, unsigned id,
                              const struct piece *inner)
{
    if (!piece_instead(p, story, member, id))
        piece_bytes(p, id, inner->bytes, inner->len);
}

static inline void tell_version(struct piece *p, const struct instead *story)
{
    p->len = 0;
    tell_number(p, story, "major", 1, WIRE_MAJOR);
    tell_number(p, story, "minor", 2, WIRE_MINOR);
}

static inline void tell_run(struct piece *p, const struct instead *story)
{
    p->len = 0;
    tell_number(p, story, "site_id", 1, 77);
    tell_number(p, story, "slot_us", 2, 1772357400000000);
    tell_number(p, story, "look", 3, 1);
    tell_text(p, story, "run.location", 4, "berlin-2");
}

/* Strings of exactly so many bytes, in static memory: one for each use. */
static inline const char *long_text(char *buf, size_t size, const char *begin, char fill, size_t len)
{
    assert(len < size && strlen(begin) <= len);
    memset(buf, fill, len);
    memcpy(buf, begin, strlen(begin));
    buf[len] = '\0';
    return buf;
}

#endif
