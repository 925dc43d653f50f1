/* screen.h - lines that come and go above one status line that stays.
 *
 * On a terminal the status line is rewritten in place. Elsewhere it is an
 * ordinary line, written at most every SCREEN_STATUS_EVERY.
 */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include "cli/table.h"
#include "common/clock.h"

#include <stdbool.h>
#include <stdio.h>

#define SCREEN_STATUS_EVERY (10 * NS_PER_S)

struct screen { /* private; begin with { 0 } and screen_init */
    bool terminal, shown;
    mono_ns next_status;
    char status[400];
};

void screen_init(struct screen *s);

/* One line to standard output or standard error, the status line kept below. */
void screen_line(struct screen *s, FILE *to, enum hue hue, const char *text);
void screen_status(struct screen *s, const char *text, mono_ns now);
/* How much of a status line fits: cut between two of its parts, which " | " keeps
 * apart, rather than within one (pure). */
int screen_cut(const char *line, int width);
void screen_done(struct screen *s); /* the status line goes away */

#endif
