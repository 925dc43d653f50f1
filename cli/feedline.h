/* feedline.h - an event of the feed as one line, for people or for programs.
 *
 * For people: when, what kind, whom it is about, what happened:
 *     09:30:05.310  down      shop  HTTP 503 in 12 ms, seen first at 09:30:01
 */
#ifndef CLI_FEEDLINE_H
#define CLI_FEEDLINE_H

#include "cli/table.h"
#include "common/event.h"
#include "common/text.h"

#include <jansson.h>

/* One line without its end. Returns the hue that it deserves. */
enum hue feedline_write(struct text *t, const struct event *e);

/* "event", "seq", "at", then what the kind has. NULL when memory is short. */
json_t *feedline_json(const struct event *e);

/* A pulse as the numbers of one line: "33 sites: 29 up 1 down 3 unknown | ...".
 * looks_per_s below 0: not known yet. Returns buf. */
char *feedline_pulse(char *buf, size_t size, const struct pulse *p, double looks_per_s);

/* concluded / (concluded + missed) as "100 %", "99.97 %"; never 100 while one
 * is missed; "-" for none. Returns buf. */
char *feedline_coverage(char *buf, size_t size, uint64_t concluded, uint64_t missed);

#endif
