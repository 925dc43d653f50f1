#include "coordinator/reporter.h"

#include "common/log.h"
#include "coordinator/returns.h"
#include "proto/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum {
    MESSAGES_A_TURN = 8,
    LINES_A_MESSAGE = 128, /* 250 bytes each at most */
};
#define RETRY_NS (200 * NS_PER_MS)
#define AWAY_NS  (3 * NS_PER_S) /* nothing goes out for that long: worth a line in the log */
#define LEAVE_MS 500            /* for what is still queued when we end */

struct reporter {
    struct parts *parts;
    struct bus *bus;
    void *socket;
    mono_ns vitals_at;
    mono_ns lines_at; /* after a failure, not before this */
    mono_ns away;     /* since when nothing could be sent; 0: it could */
    bool told_away;
    uint64_t given_up; /* as was said last */
    struct log_gate given_up_gate, refused_gate;
    struct result result[LINES_A_MESSAGE];
    struct worker_vitals worker[VITALS_MAX_WORKERS];
    uint8_t bytes[WIRE_MAX_BYTES];
};

/* ── Sending ───────────────────────────────────────────────────────────── */

static void note_away(struct reporter *r, bool away, mono_ns now)
{
    if (!away && r->told_away)
        log_info("collector.back", "unreported=%zu", accounts_count(r->parts->accounts));
    if (!away) {
        r->away = 0;
        r->told_away = false;
        return;
    }
    if (!r->away)
        r->away = now;
    if (!r->told_away && now - r->away >= AWAY_NS) {
        r->told_away = true;
        log_warn("collector.away",
                 "unreported=%zu: nothing can be sent to it, keeping what there is to report",
                 accounts_count(r->parts->accounts));
    }
}

static int send_report(struct reporter *r, const struct report *report)
{
    int len = wire_pack_report(report, r->bytes, sizeof r->bytes);
    int e = len < 0 ? len : bus_send(r->socket, r->bytes, (size_t)len);
    note_away(r, e == -EAGAIN, loop_now(r->parts->loop));
    return e;
}

/* ── Runs that nobody saw ──────────────────────────────────────────────── */

static void describe(struct result *x, const struct account *line)
{
    if (line->cause == CAUSE_MISSED)
        snprintf(x->detail, sizeof x->detail, "no worker was free, or nobody was there, before the next one");
    else if (line->cause == CAUSE_HELD_BACK)
        snprintf(x->detail, sizeof x->detail, "its domain's turn did not come before the next one was due");
    else if (line->attempts == 0)
        snprintf(x->detail, sizeof x->detail, "no worker could begin it in time");
    else
        snprintf(x->detail, sizeof x->detail, "given out %u times", line->attempts);
}

static void result_of(const struct reporter *r, const struct account *line, struct result *x)
{
    *x = (struct result){
        .job_id = line->job_id,
        .run = {.site_id = line->site_id, .slot_us = line->slot_us, .look = line->look},
        .span = line->span,
        .verdict = VERDICT_UNKNOWN,
        .cause = line->cause,
        .at_us = line->cause == CAUSE_MISSED ? line->slot_us : line->at_us,
        .worker = COORDINATOR_NAME,
    };
    memcpy(x->run.location, r->parts->location[line->location], LOCATION_SIZE);
    describe(x, line);
}

static int send_results(struct reporter *r, size_t from, size_t n)
{
    struct report report = { .kind = REPORT_RESULTS, .results = r->result + from, .n_results = n };
    return send_report(r, &report);
}

static bool cannot_be_written(int code)
{
    return code == -EINVAL || code == -EMSGSIZE;
}

/* It would be refused for ever: nothing else may wait for it. */
static void refuse(struct reporter *r, const struct account *line, int code, mono_ns now)
{
    uint64_t held;
    accounts_give_up(r->parts->accounts, line);
    r->given_up += line->span; /* said here */
    if (log_gate_open(&r->refused_gate, now, &held))
        log_error("report.refused",
                  "site=%llu slots=%u cause=%s code=%d held_back=%llu: it cannot be written",
                  (unsigned long long)line->site_id, line->span, cause_name(line->cause), code,
                  (unsigned long long)held);
}

/* One of them cannot be written: find out which by sending each alone. How many
 * are dealt with, all unless the socket takes no more. */
static size_t send_singly(struct reporter *r, const struct account *line, size_t n, int *code, mono_ns now)
{
    for (size_t i = 0; i < n; i++) {
        *code = send_results(r, i, 1);
        if (cannot_be_written(*code))
            refuse(r, &line[i], *code, now);
        else if (*code < 0)
            return i;
    }
    *code = 0;
    return n;
}

/* One message of them; false when there are no more, or none can be sent. */
static bool send_lines(struct reporter *r, mono_ns now)
{
    struct account line[LINES_A_MESSAGE];
    size_t n = 0, done = 0;
    while (n < LINES_A_MESSAGE && accounts_take(r->parts->accounts, now, &line[n])) {
        result_of(r, &line[n], &r->result[n]);
        n++;
    }
    if (n == 0)
        return false;
    int e = send_results(r, 0, n);
    if (cannot_be_written(e))
        done = send_singly(r, line, n, &e, now);
    if (e == 0)
        return n == LINES_A_MESSAGE;
    if (e != -EAGAIN)
        log_error("report.failed", "lines=%zu code=%d: cannot be sent", n - done, e);
    r->lines_at = now + RETRY_NS;
    for (size_t i = done; i < n; i++)
        accounts_unsend(r->parts->accounts, &line[i], now + RETRY_NS);
    return false;
}

/* ── Vitals ────────────────────────────────────────────────────────────── */

static void worker_of(const struct parts *p, int lane, const struct roster_lane *l, struct worker_vitals *w)
{
    *w = (struct worker_vitals){
        .lane = l->number,
        .health = l->health,
        .doubts = l->doubts,
        .joined_us = l->joined_us,
        .heard_us = l->heard_us,
        .slots = l->slots,
        .descriptors = l->descriptors,
        .descriptors_most = l->descriptors_most,
        .in_hand = lease_in_hand(p->lease, lane),
        .done = l->done,
        .key = p->lane_key[lane],
    };
    memcpy(w->worker, l->worker, sizeof w->worker);
    memcpy(w->location, p->location[l->location], sizeof w->location);
    memcpy(w->software, l->software, sizeof w->software);
    memcpy(w->reason, l->reason, sizeof w->reason);
}

static struct vitals numbers(struct parts *p)
{
    struct lease_numbers n = lease_numbers(p->lease);
    struct lateness_summary late = lateness_summary(&p->lateness, loop_now(p->loop));
    return (struct vitals){
        .epoch = p->epoch,
        .at_us = loop_wall(p->loop),
        .started_us = p->started_us,
        .sites = catalog_watched(p->catalog),
        .scheduled = p->scheduled,
        .concluded = p->concluded,
        .missed = p->missed,
        .dropped = p->dropped,
        .confirming = n.confirming,
        .again = n.again,
        .in_flight = n.in_flight,
        .waiting = n.waiting,
        .late_p50_us = late.p50_us,
        .late_p99_us = late.p99_us,
        .late_max_us = late.max_us,
        .settled_us = parts_settled(p),
    };
}

static void put_vacant(const struct parts *p, struct vitals *v)
{
    _Static_assert(VITALS_MAX_VACANT >= CONFIG_MAX_LOCATIONS, "all may be");
    for (unsigned i = 0; i < p->n_named; i++)
        if (vacancy_told(&p->vacancy, i))
            memcpy(v->vacant[v->n_vacant++], p->location[i], LOCATION_SIZE);
}

void reporter_vitals(struct reporter *r)
{
    struct parts *p = r->parts;
    struct report report = { .kind = REPORT_VITALS, .vitals = numbers(p) };
    struct vitals *v = &report.vitals;
    size_t lanes = 0;
    put_vacant(p, v);
    for (size_t i = 0; i < roster_end(p->roster); i++)
        lanes += roster_lane(p->roster, (int)i) != NULL;
    v->parts = (uint32_t)(lanes / VITALS_MAX_WORKERS + 1);
    v->workers = r->worker;

    size_t lane = 0;
    for (v->part = 0; v->part < v->parts; v->part++) {
        v->n_workers = 0;
        for (; lane < roster_end(p->roster) && v->n_workers < VITALS_MAX_WORKERS; lane++) {
            const struct roster_lane *l = roster_lane(p->roster, (int)lane);
            if (l)
                worker_of(p, (int)lane, l, &r->worker[v->n_workers++]);
        }
        int e = send_report(r, &report);
        if (e < 0 && e != -EAGAIN)
            log_error("report.failed", "part=%u code=%d: vitals cannot be sent", v->part, e);
    }
}

/* ── Steps ─────────────────────────────────────────────────────────────── */

static void note_given_up(struct reporter *r, mono_ns now)
{
    uint64_t held, all = accounts_given_up(r->parts->accounts);
    if (all == r->given_up || !log_gate_open(&r->given_up_gate, now, &held))
        return;
    log_error("report.given_up", "slots=%llu kept=%zu: more is unreported than there is room for",
              (unsigned long long)(all - r->given_up), accounts_count(r->parts->accounts));
    r->given_up = all;
}

void reporter_step(struct reporter *r, mono_ns now)
{
    note_given_up(r, now);
    for (int i = 0; now >= r->lines_at && i < MESSAGES_A_TURN; i++)
        if (!send_lines(r, now))
            break;
    if (now >= r->vitals_at) {
        reporter_vitals(r);
        r->vitals_at = now + REPORTER_VITALS_NS;
    }
}

mono_ns reporter_next(const struct reporter *r)
{
    mono_ns lines = accounts_next(r->parts->accounts);
    if (lines < r->lines_at)
        lines = r->lines_at;
    return lines < r->vitals_at ? lines : r->vitals_at;
}

/* ── Life ──────────────────────────────────────────────────────────────── */

int reporter_new(struct reporter **ret, struct bus *bus, struct parts *parts, struct err *err)
{
    scoped(reporter) struct reporter *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->parts = parts;
    r->bus = bus;
    int e = reporter_connect(r, err);
    if (e < 0)
        return e;
    *ret = moved(r);
    return 0;
}

int reporter_connect(struct reporter *r, struct err *err)
{
    void *socket = NULL;
    int e = bus_open(r->bus, LANE_RESULTS, SIDE_FROM, r->parts->results, &socket, err);
    if (e < 0)
        return e;
    bus_close(r->socket);
    r->socket = socket;
    return 0;
}

/* Less linger than a worker's results have: what we report can be found out
 * again from the store, and we are to end within two seconds. */
void reporter_free(struct reporter *r)
{
    if (!r)
        return;
    int linger = LEAVE_MS;
    if (r->socket)
        zmq_setsockopt(r->socket, ZMQ_LINGER, &linger, sizeof linger);
    bus_close(r->socket);
    free(r);
}
