/* text.h - a growing string with a ceiling.
 *
 *     scoped(text) struct text body = TEXT_UP_TO(16 * 1024);
 *     text_addf(&body, "%s is down", site);
 *     if (body.failed) return err_set(err, body.failed, "the message grew too large");
 *
 * The first failure (-ENOMEM, -EMSGSIZE at the ceiling) is kept in `failed`
 * and later appends do nothing, so that a dozen appends need one question at
 * the end. What did fit stays readable and terminated.
 */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include "common/scope.h"

#include <stddef.h>

struct text {
    char *at;       /* terminated; NULL while nothing was added: see text_str */
    size_t len;     /* bytes before the terminator */
    size_t size;    /* private: allocated */
    size_t ceiling; /* most bytes it may hold */
    int failed;     /* 0, or the first failure */
};

#define TEXT_UP_TO(n)  \
    {                  \
        .ceiling = (n) \
    }

void text_add(struct text *t, const char *s);
void text_add_bytes(struct text *t, const void *bytes, size_t len);
void text_addf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const char *text_str(const struct text *t); /* never NULL; borrowed until the next append */
void text_clear(struct text *t);            /* empty and reusable, memory kept, failure forgotten */
void text_cut(struct text *t, size_t len);  /* back to its first len bytes; a failure is forgotten */
void text_done(struct text *t);

static inline void scope_end_text(struct text *t)
{
    text_done(t);
}

#endif
