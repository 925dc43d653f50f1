/* settings.h - the table of settings behind config.h, row by row.
 *
 * Others use config.h. A new setting is a member there, a row in settings.c and
 * a line in deploy/config/vedette.yaml (a test compares them).
 */
#ifndef COMMON_SETTINGS_H
#define COMMON_SETTINGS_H

#include "common/config.h"

enum setting_kind {
    SETTING_TEXT,
    SETTING_LIST,   /* a text of comma-separated words; a list in YAML is joined */
    SETTING_SECRET, /* a text that is never shown; <name>_file reads it from a file */
    SETTING_DURATION,
    SETTING_COUNT,
    SETTING_BOOL,
    SETTING_LEVEL,
};

typedef int setting_check_fn(const char *text, struct err *err);

struct setting {
    const char *name; /* "worker.slots" */
    enum setting_kind kind;
    size_t offset, size; /* of the member in struct config */
    const char *fallback;
    int64_t least, most;     /* of durations (microseconds) and counts, inclusive */
    setting_check_fn *check; /* of texts; may be NULL */
    const char *about;       /* one sentence */
};

extern const struct setting settings[];
extern const size_t n_settings;

#define SETTINGS_MAX     128 /* rows, at most */
#define SETTING_NAME_MAX 63

const struct setting *setting_find(const char *name); /* NULL: there is none */
/* Whether some setting begins with "<name>.". */
bool setting_is_section(const char *name);
/* A setting or section whose name is like this one, for "did you mean"; NULL. */
const char *setting_near(const char *name, char buf[SETTING_NAME_MAX + 1]);

/* Read `text` into the setting's member; on failure nothing is changed, and the
 * sentence does not name the setting. */
int setting_parse(const struct setting *s, struct config *c, const char *text, struct err *err);
/* Ask a text's check again, for what was not set through setting_parse. */
int setting_check(const struct setting *s, const struct config *c, struct err *err);

#endif
