/* workernote.h - what the operator is told about a worker, or a location where nobody is, in words: message.h
 * for notices of the kinds in_doubt and doubt_over.
 *
 *   { "version": 1, "kind": "in_doubt", "number": 3, "key": "...", "thread": "...",
 *     "owner": "operator", "site": null, "incident": 0, "worker": "w1",
 *     "location": null, "episode": 3, "began": "2026-...Z", "ended": null, "lasted_ms": 0, "end": "open",
 * "reason": "..." }
 *
 * One of worker and location is null. Pure.
 */
#ifndef COLLECTOR_WORKERNOTE_H
#define COLLECTOR_WORKERNOTE_H

#include "common/err.h"
#include "common/text.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether these facts are about a worker or a location. */
bool workernote_is(const char *payload);

/* As message_subject, message_line and message_body. */
int workernote_subject(const char *payload, char *buf, size_t size, struct err *err);
int workernote_line(const char *payload, char *buf, size_t size, struct err *err);
int workernote_body(const char *payload, struct text *ret, struct err *err);

#endif
