/* message.h - a notice's facts as words (pure).
 *
 * What notices.h wrote down as JSON becomes a subject, a text and one line for
 * a console. Times are in UTC and say so. A payload that is not what notices.h
 * writes is refused with -EBADMSG.
 */
#ifndef COLLECTOR_MESSAGE_H
#define COLLECTOR_MESSAGE_H

#include "common/err.h"
#include "common/text.h"

#include <stdbool.h>

#define MESSAGE_LINE_SIZE    1024 /* of a console line, with its newline; below PIPE_BUF */
#define MESSAGE_SUBJECT_SIZE 256

/* "[down] shop: HTTP 503" */
int message_subject(const char *payload, char *buf, size_t size, struct err *err);

/* Some paragraphs, lines ending in \n. */
int message_body(const char *payload, struct text *ret, struct err *err);

/* "DOWN  shop  https://... since 14:02:11 UTC: HTTP 503 (seen first by w1 and confirmed by 2 looks from w2,
 * w1)" */
int message_line(const char *payload, char *buf, size_t size, struct err *err);

#endif
