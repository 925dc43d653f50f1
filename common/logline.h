/* logline.h - one line of the log, in the form that its reader wants.
 *
 *   plain   2026-03-01T09:30:00.125Z warn collector ingest.store_away results=12 retry_s=2: the disk is full
 *   logfmt  time=2026-03-01T09:30:00.125Z level=warn program=collector event=ingest.store_away results=12
 *           retry_s=2 msg="the disk is full"   (in one line)
 *   json {"time":"2026-03-01T09:30:00.125Z","level":"warn","program":"collector","event":"ingest.store_away",
 *           "results":12,"retry_s":2,"msg":"the disk is full"}   (RFC 8259, in one line)
 *
 * A message is "key=value key=value: a sentence", each part of which may be missing. What does not look like
 * a pair belongs to the sentence. In JSON whole numbers are numbers and all else is text; keys that stand for
 * the line itself (time, level, program, event, msg) are never a message's: it gets them with a '_' behind.
 *
 * Control characters become '?', and so does, in logfmt and json, what is no UTF-8: whoever sends us text
 * cannot forge lines or members with it.
 *
 * logfmt has no standard; this is what https://pkg.go.dev/github.com/kr/logfmt reads. Pure.
 */
#ifndef COMMON_LOGLINE_H
#define COMMON_LOGLINE_H

#include <stddef.h>

enum log_form { LOG_PLAIN, LOG_LOGFMT, LOG_JSON, LOG_FORM_COUNT };
const char *log_form_name(enum log_form f);
int log_form_parse(const char *name, enum log_form *ret); /* -EINVAL */

#define LOGLINE_MAX_MESSAGE 900                       /* a longer one is cut */
#define LOGLINE_SIZE        (LOGLINE_MAX_MESSAGE * 8) /* enough for any line */

struct logline {
    const char *time, *level, *program, *event, *message;
};

/* With a newline, and without a terminator. Its length. */
size_t logline_write(enum log_form form, const struct logline *l, char buf[LOGLINE_SIZE]);

#endif
