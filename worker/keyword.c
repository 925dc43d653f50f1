#include "worker/keyword.h"

#include <string.h>

void keyword_init(struct keyword *k, const char *text)
{
    size_t len = strlen(text);
    *k = (struct keyword){
        .text = text,
        .len = len < EXPECT_MAX_KEYWORD ? len : EXPECT_MAX_KEYWORD,
        .found = len == 0,
    };
}

/* Across the cut: the tail of what came before with the beginning of this. */
static bool across(struct keyword *k, const char *bytes, size_t len)
{
    size_t some = len < k->len - 1 ? len : k->len - 1;
    memcpy(k->tail + k->n_tail, bytes, some);
    k->n_tail += some;
    return memmem(k->tail, k->n_tail, k->text, k->len) != NULL;
}

static void keep_tail(struct keyword *k, const char *bytes, size_t len)
{
    size_t keep = k->len - 1;
    if (len >= keep) {
        memcpy(k->tail, bytes + len - keep, keep);
        k->n_tail = keep;
    } else if (k->n_tail > keep) { /* `across` has put all of these bytes behind it */
        memmove(k->tail, k->tail + k->n_tail - keep, keep);
        k->n_tail = keep;
    }
}

bool keyword_feed(struct keyword *k, const char *bytes, size_t len)
{
    if (k->found || k->seen >= KEYWORD_MAX_BODY)
        return false;
    if (len > KEYWORD_MAX_BODY - k->seen)
        len = KEYWORD_MAX_BODY - k->seen;
    k->seen += len;

    k->found = across(k, bytes, len) || memmem(bytes, len, k->text, k->len) != NULL;
    keep_tail(k, bytes, len);
    return !k->found && k->seen < KEYWORD_MAX_BODY;
}
