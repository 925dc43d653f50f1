/* print.h - what several commands print: JSON lines, times, numbers.
 *
 * JSON is one object a line, its members in the order in which they were put,
 * so that a stream of them can be read as it comes. Points in time are RFC 3339
 * in UTC, null where there is none; durations have their unit in the name.
 */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include "common/clock.h"
#include "common/health.h"
#include "common/incident.h"
#include "common/owner.h"
#include "common/result.h"
#include "common/site.h"
#include "common/vitals.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* The object and a newline, in one piece; the object is released. -ENOMEM for
 * NULL, -EIO. */
int print_json(FILE *out, json_t *object);

json_t *print_json_wall(wall_us at);
json_t *print_json_text(const char *s); /* never fails for its encoding: what is no UTF-8 becomes '?' */
json_t *print_json_ms(int64_t us);      /* milliseconds with three decimals */

/* One look: what `vedette check --json` promises, with url as given. */
json_t *print_json_look(const char *url, const struct result *r);
/* A look as the ledger knows it: the above without url, and its run and witness. */
json_t *print_json_result(const struct result *r);

/* For people. All return buf. */
char *print_ms(char *buf, size_t size, int64_t us);                  /* "0.4 ms", "12 ms", "1.25 s" */
char *print_count(char *buf, size_t size, uint64_t n);               /* "1,234,567" */
char *print_ago(char *buf, size_t size, wall_us at, wall_us now);    /* "3s ago", "-" for 0 */
char *print_clock(char *buf, size_t size, wall_us at);               /* "09:30:00.125" in local time */
char *print_moment(char *buf, size_t size, wall_us at, wall_us now); /* "09:30:00", or with the day */
char *print_saw(char *buf, size_t size, const struct result *r);     /* "HTTP 503 in 12 ms", in words */

/* "1 site", "2 sites"; s may be irregular: print_plural(n, "look is", "looks are"). */
const char *print_plural(uint64_t n, const char *one, const char *many);

/* A worker's health as it is now: "silent" where its newest word, which the
 * coordinator wrote down, is so old that it would count as dead, and nobody was
 * there to say so. */
#define PRINT_SILENT_AFTER (10 * US_PER_S)
bool print_is_silent(const struct worker_vitals *w, wall_us now);
const char *print_worker_health(const struct worker_vitals *w, wall_us now);

/* A channel as it may be shown: kind and address or host, without what could be
 * a secret in a webhook's path. */
char *print_channel(char *buf, size_t size, const char *channel);

#endif
