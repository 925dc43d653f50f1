#include "common/board.h"

#include "common/daemon.h"
#include "common/log.h"
#include "common/usage.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whose a sheet is
 *
 * A place has one sheet pinned up, and its desk has another in hand that it fills in. Readers take the one
 * that is up in hand as well, and count themselves on it. When a new one goes up while the old one is being
 * read, the old one is the last reader's to throw away, and the desk gets a fresh one. So there is one more
 * sheet than there are readers, at most.
 */

struct leaf { /* a sheet that is, or was, pinned up */
    struct sheet *sheet;
    unsigned readers;
    bool down; /* not pinned up any more */
};

struct board_place {
    struct board *board;
    char thread[32];
    struct leaf *up; /* NULL before the first */
    mono_ns patience, pinned;
    enum board_word word;
    char why_not[300];
    struct board_place *next;
};

struct board {
    const char *program;
    struct metric_table own;
    enum board_rule rule;
    wall_us started;
    pthread_mutex_t lock; /* of all that follows */
    struct board_place *first;
    unsigned n;
    bool leaving;
};

/* Names that begin with process_ are those that Prometheus' own libraries use,
 * https://prometheus.io/docs/instrumenting/writing_clientlibs/ */
const struct metric_row board_rows[BOARD_METRICS] = {
    [BOARD_BUILD_INFO] = {"vedette_build_info",                 METRIC_GAUGE,   "program,version",
                          "Always 1: what runs here"                                                                                       },
    [BOARD_READY] = { "vedette_ready",                     METRIC_GAUGE,   "",                "1 when it can do its job, see /-/ready"},
    [BOARD_LOOP_SILENCE] = { "vedette_loop_silence_seconds",      METRIC_GAUGE,   "thread",
                          "Since a thread's loop last came round; about 1 at most"                                                         },
    [BOARD_LOOP_TURNS] = { "vedette_loop_turns_total",          METRIC_COUNTER, "thread",          "Turns of a thread's loop"              },
    [BOARD_LOOP_BUSY] = { "vedette_loop_busy_seconds_total",   METRIC_COUNTER, "thread",
                          "Time that a thread's loop did not wait"                                                                         },
    [BOARD_LOOP_LONGEST] = { "vedette_loop_longest_turn_seconds", METRIC_GAUGE,   "thread",
                          "The longest turn of a thread's loop within the last minute"                                                     },
    [BOARD_LOG_LINES] = { "vedette_log_lines_total",           METRIC_COUNTER, "level",           "Lines written to the log"              },
    [BOARD_LEFT_OUT] = { "vedette_metrics_left_out",          METRIC_GAUGE,   "",
                          "Numbers that are missing on this page, because they are too many"                                               },
    [BOARD_CPU] = { "process_cpu_seconds_total",         METRIC_COUNTER, "",                "CPU time, user and system"             },
    [BOARD_RESIDENT] = { "process_resident_memory_bytes",     METRIC_GAUGE,   "",                "Memory that is resident"               },
    [BOARD_VIRTUAL] = { "process_virtual_memory_bytes",      METRIC_GAUGE,   "",                "Memory that is mapped"                 },
    [BOARD_DESCRIPTORS] = { "process_open_fds",                  METRIC_GAUGE,   "",                "Descriptors that are open"             },
    [BOARD_DESCRIPTORS_MOST] = { "process_max_fds",                   METRIC_GAUGE,   "",                "Descriptors that may be open"          },
    [BOARD_THREADS] = { "process_threads",                   METRIC_GAUGE,   "",                "Threads"                               },
    [BOARD_STARTED] = { "process_start_time_seconds",        METRIC_GAUGE,   "",                "When it was started, in Unix time"     },
};

static const struct metric_table shared = { board_rows, BOARD_METRICS };

int board_new(struct board **ret, const char *program, const struct metric_table *own, enum board_rule rule,
              struct err *err)
{
    int r = metrics_check(&shared, err);
    if (r == 0)
        r = metrics_check(own, err);
    if (r < 0)
        return r;
    struct board *b = calloc(1, sizeof *b);
    if (!b)
        return err_set(err, -ENOMEM, "out of memory");
    *b = (struct board){ .program = program, .own = *own, .rule = rule, .started = clock_wall() };
    pthread_mutex_init(&b->lock, NULL);
    *ret = b;
    return 0;
}

void board_free(struct board *b)
{
    if (!b)
        return;
    while (b->first)
        board_leave_place(b->first);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

void board_leaving(struct board *b)
{
    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    b->leaving = true;
    pthread_mutex_unlock(&b->lock);
}

/* ── Places ────────────────────────────────────────────────────────────── */

int board_take_place(struct board *b, const char *thread, mono_ns patience, mono_ns now,
                     struct board_place **ret)
{
    struct board_place *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    *p = (struct board_place){ .board = b, .patience = patience, .pinned = now, .word = BOARD_CANNOT };
    snprintf(p->why_not, sizeof p->why_not, "it has only just begun");
    snprintf(p->thread, sizeof p->thread, "%s", thread);

    pthread_mutex_lock(&b->lock);
    int r = b->n < BOARD_MAX_PLACES ? 0 : -ENOSPC;
    if (r == 0) {
        struct board_place **at = &b->first;
        while (*at)
            at = &(*at)->next;
        *at = p;
        b->n++;
    }
    pthread_mutex_unlock(&b->lock);
    if (r < 0)
        free(p);
    else
        *ret = p;
    return r;
}

static void leaf_free(struct leaf *l)
{
    sheet_free(l->sheet);
    free(l);
}

/* Under the lock. What nobody reads is the caller's. */
static struct leaf *take_down(struct board_place *p)
{
    struct leaf *l = moved(p->up);
    if (!l || l->readers == 0)
        return l;
    l->down = true;
    return NULL;
}

void board_leave_place(struct board_place *p)
{
    if (!p)
        return;
    struct board *b = p->board;
    pthread_mutex_lock(&b->lock);
    for (struct board_place **at = &b->first; *at; at = &(*at)->next)
        if (*at == p) {
            *at = p->next;
            b->n--;
            break;
        }
    struct leaf *old = take_down(p);
    pthread_mutex_unlock(&b->lock);
    if (old)
        leaf_free(old);
    free(p);
}

/* Without memory for a new one, this one stays in hand and the old one up; but it is known that the loop
 * turns. */
void board_pin(struct board_place *p, struct sheet **sheet, enum board_word word, const char *why_not,
               mono_ns now)
{
    struct leaf *fresh = calloc(1, sizeof *fresh), *old = NULL;
    struct sheet *next = NULL;
    if (fresh && sheet_new(&next) < 0) {
        free(fresh);
        fresh = NULL;
    }
    pthread_mutex_lock(&p->board->lock);
    p->pinned = now;
    p->word = word;
    snprintf(p->why_not, sizeof p->why_not, "%s", why_not);
    if (fresh) {
        old = take_down(p);
        fresh->sheet = *sheet;
        p->up = fresh;
    }
    pthread_mutex_unlock(&p->board->lock);
    if (old) { /* its memory is used again */
        sheet_free(next);
        next = moved(old->sheet);
        leaf_free(old);
    }
    if (next) {
        sheet_clear(next);
        *sheet = next;
    }
}

/* ── Healthy and ready ─────────────────────────────────────────────────── */

static bool all_turn(const struct board *b, bool patiently, mono_ns now, struct text *why)
{
    bool all = true;
    for (const struct board_place *p = b->first; p; p = p->next)
        if (now - p->pinned > (patiently ? p->patience : BOARD_SILENCE_NS)) {
            text_addf(why, "%s: its loop has not come round for %.1f s\n", p->thread,
                      (double)(now - p->pinned) / 1e9);
            all = false;
        }
    return all;
}

bool board_healthy(struct board *b, mono_ns now, struct text *why)
{
    pthread_mutex_lock(&b->lock);
    bool healthy = all_turn(b, true, now, why);
    pthread_mutex_unlock(&b->lock);
    return healthy;
}

static bool places_ready(const struct board *b, struct text *why)
{
    unsigned n[BOARD_ASIDE + 1] = { 0 };
    for (const struct board_place *p = b->first; p; p = p->next)
        n[p->word]++;
    if (n[BOARD_CAN] > 0 && (b->rule == BOARD_ANY_READY || n[BOARD_CANNOT] == 0))
        return true;
    for (const struct board_place *p = b->first; p; p = p->next)
        if (p->word == BOARD_CANNOT)
            text_addf(why, "%s: %s\n", p->thread, p->why_not);
    if (n[BOARD_CAN] + n[BOARD_CANNOT] == 0)
        text_add(why, "none of its threads runs\n");
    return false;
}

bool board_ready(struct board *b, mono_ns now, struct text *why)
{
    pthread_mutex_lock(&b->lock);
    bool ready = all_turn(b, false, now, why);
    ready &= places_ready(b, why);
    if (b->leaving) {
        text_add(why, "it is about to end\n");
        ready = false;
    }
    pthread_mutex_unlock(&b->lock);
    return ready;
}

/* ── Numbers ───────────────────────────────────────────────────────────── */

static void put_usage(struct sheet *s)
{
    struct usage u;
    usage_read(&u);
    const struct {
        enum board_metric metric;
        double value;
    } rows[] = {
        {BOARD_CPU,               (double)u.cpu_us / 1e6    },
        { BOARD_RESIDENT,         (double)u.resident_bytes  },
        { BOARD_VIRTUAL,          (double)u.virtual_bytes   },
        { BOARD_DESCRIPTORS,      (double)u.descriptors     },
        { BOARD_DESCRIPTORS_MOST, (double)u.descriptors_most},
        { BOARD_THREADS,          (double)u.threads         },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        sheet_put(s, &board_rows[rows[i].metric], rows[i].value);
}

static void put_log(struct sheet *s)
{
    for (int level = LOG_DEBUG; level < LOG_OFF; level++)
        sheet_put_of(s, &board_rows[BOARD_LOG_LINES], log_level_name((enum log_level)level),
                     (double)log_lines((enum log_level)level));
}

/* What the board itself knows. */
static void put_own(struct board *b, mono_ns now, bool ready, size_t left_out, struct sheet *s)
{
    sheet_put_of2(s, &board_rows[BOARD_BUILD_INFO], b->program, VEDETTE_VERSION, 1);
    sheet_put(s, &board_rows[BOARD_READY], ready);
    sheet_put(s, &board_rows[BOARD_LEFT_OUT], (double)left_out);
    sheet_put(s, &board_rows[BOARD_STARTED], (double)b->started / 1e6);
    put_log(s);
    put_usage(s);
    pthread_mutex_lock(&b->lock);
    for (const struct board_place *p = b->first; p; p = p->next)
        sheet_put_of(s, &board_rows[BOARD_LOOP_SILENCE], p->thread, (double)(now - p->pinned) / 1e9);
    pthread_mutex_unlock(&b->lock);
}

static size_t take_in_hand(struct board *b, struct leaf *leaves[BOARD_MAX_PLACES])
{
    size_t n = 0;
    pthread_mutex_lock(&b->lock);
    for (struct board_place *p = b->first; p; p = p->next)
        if (p->up) {
            p->up->readers++;
            leaves[n++] = p->up;
        }
    pthread_mutex_unlock(&b->lock);
    return n;
}

static void put_back(struct board *b, struct leaf *leaves[], size_t n)
{
    pthread_mutex_lock(&b->lock);
    for (size_t i = 0; i < n; i++)
        if (--leaves[i]->readers > 0 || !leaves[i]->down)
            leaves[i] = NULL; /* somebody else's still */
    pthread_mutex_unlock(&b->lock);
    for (size_t i = 0; i < n; i++)
        if (leaves[i])
            leaf_free(leaves[i]);
}

void board_write(struct board *b, mono_ns now, struct text *out)
{
    struct leaf *leaves[BOARD_MAX_PLACES];
    const struct sheet *sheets[BOARD_MAX_PLACES + 1];
    scoped(text) struct text why = TEXT_UP_TO(8192);
    struct sheet *own = NULL;
    size_t left_out = 0;
    if (sheet_new(&own) < 0) {
        out->failed = -ENOMEM;
        return;
    }
    bool ready = board_ready(b, now, &why);
    size_t n = take_in_hand(b, leaves);
    for (size_t i = 0; i < n; i++) {
        sheets[i] = leaves[i]->sheet;
        left_out += sheet_left_out(sheets[i]);
    }
    put_own(b, now, ready, left_out, own);
    sheets[n] = own;
    metrics_write(&shared, sheets, n + 1, out);
    metrics_write(&b->own, sheets, n + 1, out);
    put_back(b, leaves, n);
    sheet_free(own);
}
