/* utf8.h - text of strangers that goes where only UTF-8 may (RFC 3629). Pure. */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stddef.h>

/* How many bytes the character at `s` has, of which `len` are there: 1 to 4, or 0 when it is none: cut off,
 * too long for what it says, a surrogate, or beyond U+10FFFF. */
size_t utf8_length(const char *s, size_t len);

#endif
