/* clock.h - the two kinds of time, and durations as people write them.
 *
 * mono_ns is for waiting: it never jumps and means nothing to a person.
 * wall_us is for people and for the grid of due times: microseconds since
 * 1970-01-01 UTC, and it may be stepped under our feet.
 *
 * Only the loop (once a turn) and the edges where a person's timestamp is made
 * call clock_mono and clock_wall. Everything that decides is handed `now`.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

typedef int64_t mono_ns;
typedef int64_t wall_us;

#define MONO_NEVER INT64_MAX
#define WALL_NEVER INT64_MAX
#define WALL_MAX                                                                              \
    INT64_C(253402300799999999) /* the end of the year 9999, the last that RFC 3339 can write \
                                 */

#define NS_PER_US   INT64_C(1000)
#define NS_PER_MS   INT64_C(1000000)
#define NS_PER_S    INT64_C(1000000000)
#define US_PER_MS   INT64_C(1000)
#define US_PER_S    INT64_C(1000000)
#define US_PER_HOUR (INT64_C(3600) * US_PER_S)
#define US_PER_DAY  (INT64_C(86400) * US_PER_S)

mono_ns clock_mono(void); /* CLOCK_MONOTONIC */
wall_us clock_wall(void); /* CLOCK_REALTIME */

/* "250ms", "30s", "5m", "6h", "14d" to microseconds; whole numbers with
 * exactly one unit, at most ten years. -EINVAL with a sentence otherwise. */
int duration_parse(const char *text, int64_t *ret_us, struct err *err);

/* The shortest exact writing in one unit: 90 s is "90s", 120 s is "2m". What
 * is no whole number of milliseconds is rounded down to one. Returns buf. */
char *duration_format(char *buf, size_t size, int64_t us);

/* For sentences: "4.2s", "3m 20s", "2h 5m", "3d 4h". Returns buf. */
char *duration_words(char *buf, size_t size, int64_t us);

/* RFC 3339 in UTC with milliseconds: "2026-03-01T09:30:00.125Z". `size` of 32
 * is enough. WALL_NEVER and 0 become "-". Returns buf. */
char *wall_format(char *buf, size_t size, wall_us at);

#endif
