/* lines.h - lines of the ledger of one site, packed into bytes and back (pure).
 *
 * What a site's lines have in common is written once: each line says what is
 * different from the one before it, and its times take as many bytes as they need.
 * A usual line takes 12 to 20 bytes. Nothing is rounded.
 *
 *     byte    1: this layout
 *     line*   flags, then what they announce, in the order of the flags; then the
 *             numbers: two bytes with the length of each (2 bits), and their bytes
 *
 * Numbers are little-endian; those behind flags are varints of 7 bits a byte.
 */
#ifndef COMMON_STORE_LINES_H
#define COMMON_STORE_LINES_H

#include "common/result.h"

#include <stddef.h>
#include <stdint.h>

/* As in the table `look`; names are numbers. */
struct line {
    wall_us slot_us;
    uint64_t job_id;
    int64_t late_us; /* from the slot to the beginning of the look */
    uint32_t look, location_id, span, worker_id, lane;
    uint32_t took_us;
    struct phases phases;
    int64_t tls_expires_s;
    uint16_t status;
    uint8_t verdict, cause, method, redirects, suspect;
    uint8_t address_len, address_text; /* 0: none; 4, 16: bytes; otherwise, or with address_text, text */
    uint8_t address[ADDRESS_SIZE];
    uint8_t detail_len;
    const char *detail; /* no terminator; borrowed: in what was read, or from whoever made the line */
};

/* What a line is told apart from, the former one; start with lines_begin. */
struct lines_before {
    struct line line;
    int64_t step_us;   /* between the last two slots */
    uint64_t job_step; /* ... and the jobs of their first looks: a round of the cluster */
};
void lines_begin(struct lines_before *b);

#define LINES_HEAD 1   /* bytes before the first line: lines_head writes them */
#define LINES_MOST 512 /* a line takes at most */
void lines_head(uint8_t *to);
/* One line behind what is there; returns its length. */
size_t lines_put(uint8_t *to, struct lines_before *before, const struct line *line);

/* Walks what was packed. */
struct lines_cursor {
    const uint8_t *at, *end;
    struct lines_before before;
};
/* -EBADMSG when it is not of this layout. */
int lines_open(struct lines_cursor *c, const void *bytes, size_t len);
/* 1: *ret is the next line; 0: no more; -EBADMSG: damaged. */
int lines_next(struct lines_cursor *c, struct line *ret);

/* The order of a site's lines: slot, look, location. */
int lines_compare(const struct line *a, const struct line *b);

#endif
