/* log.h - one event, one line: time, level, a stable name, key=value, a sentence. Written plainly, as logfmt
 * or as JSON: see logline.h.
 *
 *     log_warn("ingest.store_away", "results=%zu retry_s=%u: %s", n, wait, err.text);
 *     2026-03-01T09:30:00.125Z warn collector ingest.store_away results=12 retry_s=2: the disk is full
 *
 * Names are for machines and do not change when somebody improves the wording.
 * Only daemons' own files log; modules in common/ and those that decide return.
 * Lines go to standard error, whole, from any thread. Control characters in
 * what a peer sent are written as '?'.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include "common/logline.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

/* `program` is borrowed for ever. Before this, lines are from "vedette". */
void log_setup(const char *program, enum log_level least);
void log_set_form(enum log_form form); /* plain unless told */

const char *log_level_name(enum log_level level); /* "warn" */
uint64_t log_lines(enum log_level level);         /* written so far */

void log_line(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)

/* For what a stranger can cause as often as they like: true at most once a
 * minute for each gate, and then *ret_held says how many were held back since
 * the last time. Not shared between threads. */
struct log_gate {
    int64_t next_ns; /* private; start with { 0 } */
    uint64_t held;
};
bool log_gate_open(struct log_gate *g, int64_t now_ns, uint64_t *ret_held);

#endif
