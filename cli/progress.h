/* progress.h - how far along, how fast, how long still.
 *
 *     [============            ]  480/1,000   48%  118/s  4s left
 *
 * The line is pure; drawing it is for standard error, when that is a terminal.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "common/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    uint64_t done, total;
    mono_ns began;
    /* private */
    mono_ns next_draw;
    bool shown;
};

/* The line for now, at most `width` columns of plain ASCII. Returns buf. */
char *progress_line(char *buf, size_t size, const struct progress *p, mono_ns now, unsigned width);

/* Draws it, at most ten times a second; nothing when standard error is no
 * terminal, nor in the first 300 ms: what is that quick needs no bar. */
void progress_draw(struct progress *p, mono_ns now);
void progress_wipe(struct progress *p); /* before anything else is written there */

#endif
