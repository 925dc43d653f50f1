/* siteread.h - what a YAML site list says, field by field.
 *
 * A part of sitelist; nobody else needs it. It goes through all of the file and
 * collects mistakes instead of ending at the first.
 */
#ifndef CLI_SITEREAD_H
#define CLI_SITEREAD_H

#include "cli/sitelist.h"
#include "common/yaml.h"

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

/* Reads the tree into the list; see m for what was wrong with it. */
void siteread_yaml(struct sitelist *l, const struct yaml *y, struct mistakes *m);

#endif
