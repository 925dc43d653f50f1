/* What of the daemons' surroundings has no part in the play: the log, the service manager, the board of
 * numbers, the keys, the host. */
#include "collector/collector_metrics.h"
#include "common/complaint.h"
#include "common/daemon.h"
#include "common/desk.h"
#include "common/gate.h"
#include "common/log.h"
#include "tests/sim/world.h"
#include "worker/machine.h"
#include "worker/worker_metrics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ── Log ───────────────────────────────────────────────────────────────── */

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
    char text[600];
    va_list args;
    if (!world.trace || (world.self && world.self->dead))
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    trace("%-8s %s %s %s", world.self ? world.self->name : "", log_level_name(level), event, text);
}

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = { "debug", "info", "warn", "error", "off" };
    return names[level];
}

uint64_t log_lines(enum log_level level)
{
    (void)level;
    return 0;
}

void log_setup(const char *program, enum log_level least)
{
    (void)program;
    (void)least;
}

void log_set_form(enum log_form form)
{
    (void)form;
}

bool log_gate_open(struct log_gate *g, int64_t now_ns, uint64_t *ret_held)
{
    *ret_held = g->held;
    if (now_ns < g->next_ns) {
        g->held++;
        return false;
    }
    g->next_ns = now_ns + 60 * NS_PER_S;
    g->held = 0;
    return true;
}

/* ── Daemon ────────────────────────────────────────────────────────────── */

const char *daemon_software(void)
{
    return "vedette 0";
}

void daemon_ready(void)
{
}

void daemon_leaving(void)
{
}

void daemon_status(const char *fmt, ...)
{
    (void)fmt;
}

bool daemon_is_ending(void)
{
    return world.self->leaving || world.self->dead;
}

/* ── Desks, gates, complaints ──────────────────────────────────────────── */

int desk_open(struct desk **ret, struct board *board, struct loop *l, const char *thread, desk_fn *fn,
              void *arg)
{
    (void)board;
    (void)l;
    (void)thread;
    (void)fn;
    (void)arg;
    *ret = NULL;
    return 0;
}

int desk_open_patient(struct desk **ret, struct board *board, struct loop *l, const char *thread,
                      mono_ns patience, desk_fn *fn, void *arg)
{
    (void)patience;
    return desk_open(ret, board, l, thread, fn, arg);
}

void desk_close(struct desk *d)
{
    (void)d;
}

int gate_new(struct gate **ret, struct loop *l, struct bus *b, const char *store_url, gate_fn *fn, void *arg,
             struct err *err)
{
    (void)l;
    (void)b;
    (void)store_url;
    (void)fn;
    (void)arg;
    (void)err;
    *ret = NULL;
    return 0;
}

void gate_free(struct gate *g)
{
    (void)g;
}

struct complaint {
    uint64_t total;
};

int complaint_new(struct complaint **ret, struct loop *l, const char *event)
{
    (void)l;
    (void)event;
    *ret = calloc(1, sizeof **ret);
    return *ret ? 0 : -ENOMEM;
}

void complaint_free(struct complaint *c)
{
    free(c);
}

/* In this world all messages are ours. */
void complaint_note(struct complaint *c, const char *peer, const char *why)
{
    (void)peer;
    c->total++;
    broken("a message was refused: %s", why);
}

uint64_t complaint_total(const struct complaint *c)
{
    return c->total;
}

void complaint_each(const struct complaint *c, dropped_fn *fn, void *arg)
{
    (void)c;
    (void)fn;
    (void)arg;
}

/* ── Guards of sockets ─────────────────────────────────────────────────── */

void guarded_free(struct guarded *w)
{
    (void)w;
}

size_t guarded_peers(const struct guarded *w)
{
    (void)w;
    return 0;
}

unsigned guarded_turned_away(const struct guarded *w)
{
    (void)w;
    return 0;
}

bool guarded_met_stranger(const struct guarded *w)
{
    (void)w;
    return false;
}

/* ── A worker's host ───────────────────────────────────────────────────── */

const struct metric_table worker_metrics;

void machine_read(struct limits_host *ret)
{
    *ret = (struct limits_host){ .descriptors = 65536 };
}

void machine_look(struct machine_room *m, mono_ns now)
{
    (void)m;
    (void)now;
}

uint32_t machine_descriptors(struct machine_count *c, mono_ns now)
{
    (void)c;
    (void)now;
    return 0;
}

void lane_counts_look(struct lane_counts *c, const struct result *r)
{
    c->looks[r->verdict][r->cause]++;
}

enum board_word worker_metrics_lane(const struct lane_view *v, struct sheet *sheet, char *why_not,
                                    size_t size)
{
    (void)v;
    (void)sheet;
    (void)why_not;
    (void)size;
    return BOARD_CAN;
}

void worker_metrics_process(const struct worker_view *v, struct sheet *sheet)
{
    (void)v;
    (void)sheet;
}

const char *lane_name(unsigned number, char buf[16])
{
    snprintf(buf, 16, "lane %u", number);
    return buf;
}
