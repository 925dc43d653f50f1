/* mistakes.h - what is wrong with a file, all of it, as lines of text.
 *
 * Whoever reads a list goes on after a mistake, so that a person is told of
 * twenty at once and not of one twenty times.
 */
#ifndef CLI_MISTAKES_H
#define CLI_MISTAKES_H

#include "common/err.h"
#include "common/text.h"

#include <stdbool.h>

#define MISTAKES_MAX 20

/* The mistakes of one file, as lines of text. */
struct mistakes {
    const char *path;
    struct text *text;
    unsigned count;
    bool note_twice; /* what is there already is a note, and no mistake */
    int fatal;       /* -ENOMEM or -ENOSPC: no use going on */
};

/* "path:line: field: what err says". */
void mistakes_add(struct mistakes *m, unsigned line, const char *field, int code, const struct err *err);
/* Whether to go on reading: few mistakes yet, and nothing fatal. */
bool mistakes_room(const struct mistakes *m);

#endif
