#include "common/log.h"

#include "common/clock.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_LINE 1024
#define GATE_NS  (60 * NS_PER_S)

/* Set once at start, before there are threads; read from all of them. */
static const char *program_name = "vedette";
static _Atomic int least_level = LOG_INFO;

void log_setup(const char *program, enum log_level least)
{
    program_name = program;
    atomic_store(&least_level, (int)least);
}

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    if ((int)level < atomic_load_explicit(&least_level, memory_order_relaxed) || level >= LOG_OFF)
        return;

    char line[MAX_LINE], when[32];
    int n = snprintf(line, sizeof line, "%s %s %s %s ", wall_format(when, sizeof when, clock_wall()),
                     names[level], program_name, event);
    va_list ap;
    va_start(ap, fmt);
    int m = vsnprintf(line + n, sizeof line - (size_t)n, fmt, ap);
    va_end(ap);

    size_t len = (size_t)n + (m > 0 ? (size_t)m : 0);
    if (len > sizeof line - 2)
        len = sizeof line - 2;
    for (size_t i = 0; i < len; i++) /* a peer's text must not forge lines */
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    line[len++] = '\n';
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
