#include "common/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int make_room(struct text *t, size_t more)
{
    if (t->failed)
        return t->failed;
    if (more > t->ceiling || t->len > t->ceiling - more)
        return t->failed = -EMSGSIZE;
    if (t->len + more < t->size)
        return 0;

    size_t size = t->size ? t->size : 64;
    while (size <= t->len + more)
        size *= 2;
    char *at = realloc(t->at, size);
    if (!at)
        return t->failed = -ENOMEM;
    t->at = at;
    t->size = size;
    return 0;
}

void text_add_bytes(struct text *t, const void *bytes, size_t len)
{
    if (make_room(t, len) < 0)
        return;
    if (len)
        memcpy(t->at + t->len, bytes, len);
    t->len += len;
    t->at[t->len] = '\0';
}

void text_add(struct text *t, const char *s)
{
    text_add_bytes(t, s, strlen(s));
}

void text_addf(struct text *t, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        t->failed = t->failed ? t->failed : -EINVAL;
    else if (make_room(t, (size_t)n) == 0) {
        vsnprintf(t->at + t->len, (size_t)n + 1, fmt, again);
        t->len += (size_t)n;
    }
    va_end(again);
}

const char *text_str(const struct text *t)
{
    return t->at ? t->at : "";
}

void text_clear(struct text *t)
{
    t->len = 0;
    t->failed = 0;
    if (t->at)
        t->at[0] = '\0';
}

void text_cut(struct text *t, size_t len)
{
    if (len >= t->len && !t->failed)
        return;
    t->failed = 0;
    t->len = len < t->len ? len : t->len;
    if (t->at)
        t->at[t->len] = '\0';
}

void text_done(struct text *t)
{
    free(t->at);
    *t = (struct text){ .ceiling = t->ceiling };
}
