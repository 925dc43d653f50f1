#include "common/log.h"

#include "common/clock.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GATE_NS (60 * NS_PER_S)

/* Set once at start, before there are threads; read from all of them. */
static const char *program_name = "vedette";
static _Atomic int least_level = LOG_INFO;
static _Atomic int log_form = LOG_PLAIN;
static atomic_uint_fast64_t written_lines[LOG_OFF];

void log_setup(const char *program, enum log_level least)
{
    program_name = program;
    atomic_store(&least_level, (int)least);
}

void log_set_form(enum log_form form)
{
    atomic_store(&log_form, (int)form);
}

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = { "debug", "info", "warn", "error", "off" };
    return (unsigned)level <= LOG_OFF ? names[level] : "?";
}

uint64_t log_lines(enum log_level level)
{
    return atomic_load_explicit(&written_lines[level], memory_order_relaxed);
}

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
    if ((int)level < atomic_load_explicit(&least_level, memory_order_relaxed) || level >= LOG_OFF)
        return;

    char message[LOGLINE_MAX_MESSAGE + 1], when[32], line[LOGLINE_SIZE];
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(message, sizeof message, fmt, ap) < 0)
        message[0] = '\0';
    va_end(ap);
    wall_format(when, sizeof when, clock_wall());
    const struct logline parts = { when, log_level_name(level), program_name, event, message };
    size_t len =
        logline_write((enum log_form)atomic_load_explicit(&log_form, memory_order_relaxed), &parts, line);

    atomic_fetch_add_explicit(&written_lines[level], 1, memory_order_relaxed);
    /* One write: whole lines, whoever else writes. Nobody to tell if it fails. */
    ssize_t written = write(STDERR_FILENO, line, len);
    (void)written;
}

bool log_gate_open(struct log_gate *g, int64_t now_ns, uint64_t *ret_held)
{
    if (g->next_ns && now_ns < g->next_ns) {
        g->held++;
        return false;
    }
    *ret_held = g->held;
    g->held = 0;
    g->next_ns = now_ns + GATE_NS;
    return true;
}
