/* hours.h - the hourly roll-ups of one site and day, packed into bytes and back (pure).
 *
 * Each hour says what is different from the one before it at the same location. A
 * usual one takes 8 or 9 bytes. Nothing is rounded.
 *
 *     byte    1: this layout
 *     hour*   flags and the lengths of three numbers; the location and the hour, where
 *             it is not the next one; the counts, where they are others; the numbers:
 *             the shortest look against that of the hour before, what the sum has beyond
 *             so many of the shortest, the longest against the shortest
 */
#ifndef COMMON_STORE_HOURS_H
#define COMMON_STORE_HOURS_H

#include <stddef.h>
#include <stdint.h>

/* As in the table `rollup`, without the site. */
struct hour {
    int64_t hour; /* since 1970 */
    uint32_t location_id;
    uint32_t up, down, unknown;
    uint64_t took_sum_us;
    uint32_t took_min_us, took_max_us;
};

/* By hour, then by location, as they are told; or the other way round, as they are packed. */
int hours_compare(const void *a, const void *b);
int hours_compare_packed(const void *a, const void *b);

#define HOURS_HEAD 1
#define HOURS_MOST 64 /* an hour takes at most */

/* What an hour is told apart from: begin with the day (since 1970). */
void hours_begin(struct hour *before, int64_t day);
void hours_head(uint8_t *to);
/* One hour behind what is there, in the order of hours_compare_packed; its length. */
size_t hours_put(uint8_t *to, struct hour *before, const struct hour *h);

struct hours_cursor {
    const uint8_t *at, *end;
    struct hour before;
};
/* -EBADMSG when it is not of this layout. */
int hours_open(struct hours_cursor *c, int64_t day, const void *bytes, size_t len);
/* 1: *ret is the next hour; 0: no more; -EBADMSG: damaged. */
int hours_next(struct hours_cursor *c, struct hour *ret);

/* Add what `more` has to the same hour and location. */
void hours_add(struct hour *to, const struct hour *more);

#endif
