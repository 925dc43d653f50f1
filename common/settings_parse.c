/* One value of the table: from what a person wrote into its member of struct config. */
#include "common/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int parse_text(const struct setting *s, char *to, const char *text, struct err *err)
{
    size_t len = strlen(text);
    if (len >= s->size)
        return err_set(err, -EINVAL, "%zu bytes are too long, at most %zu fit", len, s->size - 1);
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return err_set(err, -EINVAL, "a control character is not allowed");
    int r = s->check ? s->check(text, err) : 0;
    if (r == 0)
        memcpy(to, text, len + 1);
    return r;
}

static int parse_duration(const struct setting *s, int64_t *to, const char *text, struct err *err)
{
    int64_t us;
    char limit[32];
    int r = duration_parse(text, &us, err);
    if (r < 0)
        return r;
    if (us < s->least)
        return err_set(err, -EINVAL, "'%.40s' is below %s", text,
                       duration_format(limit, sizeof limit, s->least));
    if (us > s->most)
        return err_set(err, -EINVAL, "'%.40s' is above %s", text,
                       duration_format(limit, sizeof limit, s->most));
    *to = us;
    return 0;
}

static int parse_count(const struct setting *s, uint32_t *to, const char *text, struct err *err)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || text[digits])
        return err_set(err, -EINVAL, "'%.40s' is not a whole number", text);
    int64_t n = digits > 12 ? INT64_MAX : strtoll(text, NULL, 10);
    if (n < s->least)
        return err_set(err, -EINVAL, "'%.40s' is below %" PRId64, text, s->least);
    if (n > s->most)
        return err_set(err, -EINVAL, "'%.40s' is above %" PRId64, text, s->most);
    *to = (uint32_t)n;
    return 0;
}

static int parse_bool(bool *to, const char *text, struct err *err)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {
        {"true",   true },
        { "yes",   true },
        { "on",    true },
        { "false", false},
        { "no",    false},
        { "off",   false}
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i].word) == 0) {
            *to = words[i].value;
            return 0;
        }
    return err_set(err, -EINVAL, "'%.40s' is neither true nor false", text);
}

static int parse_level(enum log_level *to, const char *text, struct err *err)
{
    static const char *const names[] = { [LOG_DEBUG] = "debug",
                                         [LOG_INFO] = "info",
                                         [LOG_WARN] = "warn",
                                         [LOG_ERROR] = "error",
                                         [LOG_OFF] = "off" };
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            *to = (enum log_level)i;
            return 0;
        }
    return err_set(err, -EINVAL, "'%.40s' is not one of debug, info, warn, error, off", text);
}

int setting_parse(const struct setting *s, struct config *c, const char *text, struct err *err)
{
    void *to = (char *)c + s->offset;
    switch (s->kind) {
    case SETTING_TEXT:
    case SETTING_LIST:
    case SETTING_SECRET: return parse_text(s, to, text, err);
    case SETTING_DURATION: return parse_duration(s, to, text, err);
    case SETTING_COUNT: return parse_count(s, to, text, err);
    case SETTING_BOOL: return parse_bool(to, text, err);
    case SETTING_LEVEL: return parse_level(to, text, err);
    }
    return err_set(err, -EINVAL, "a setting of no kind");
}

int setting_check(const struct setting *s, const struct config *c, struct err *err)
{
    return s->check ? s->check((const char *)c + s->offset, err) : 0;
}
