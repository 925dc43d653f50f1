/* mime.h - the parts of a mail that must be written just so (pure).
 *
 * Header lines by RFC 5322, other characters than ASCII in them by RFC 2047,
 * the text as quoted-printable by RFC 2045. All lines end in CRLF, none is
 * longer than 76 bytes but for single words that cannot be broken.
 */
#ifndef COLLECTOR_MIME_H
#define COLLECTOR_MIME_H

#include "common/clock.h"
#include "common/text.h"

/* "Subject: [down] shop: HTTP 503\r\n", folded and encoded where it must be.
 * A control character in `value` becomes a space: no value makes a second line. */
void mime_header(struct text *t, const char *name, const char *value);

/* "Date: Sun, 01 Mar 2026 14:02:11 +0000\r\n" (RFC 5322 section 3.3). */
void mime_date(struct text *t, wall_us at);

/* The body, from lines that end in \n, UTF-8. */
void mime_quoted_printable(struct text *t, const char *body);

#endif
