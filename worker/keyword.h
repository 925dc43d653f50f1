/* keyword.h - looks for a keyword in a body that arrives in pieces.
 *
 * Bytes are compared as they are: no case folding, no character sets. What is
 * remembered between pieces is one byte less than the keyword, so that it is
 * found wherever the pieces are cut. Pure.
 */
#ifndef WORKER_KEYWORD_H
#define WORKER_KEYWORD_H

#include "common/expect.h"

#define KEYWORD_MAX_BODY (256 * 1024) /* bytes looked at, after decompression; the rest is not read */

struct keyword {
    const char *text; /* borrowed as long as this is used; "" is found at once */
    size_t len;
    bool found;
    size_t seen;                       /* bytes so far */
    size_t n_tail;                     /* private: the last bytes of what came before */
    char tail[EXPECT_MAX_KEYWORD * 2]; /* private; room for a piece's beginning as well */
};

void keyword_init(struct keyword *k, const char *text);

/* Whether more is wanted: false when it is found or the ceiling is reached. */
bool keyword_feed(struct keyword *k, const char *bytes, size_t len);

#endif
