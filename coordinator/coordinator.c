/* How a turn goes
 *
 * The loop has read the sockets: workers' words are in the roster and the lease,
 * the collector's in the lease and the accounts. What time itself brings is done
 * here, in the order in which one step feeds the next: silent workers give their
 * runs back, overdue runs are judged, slots that have come become runs, runs
 * become jobs, ends become reports. Each step is bounded, so that with a backlog
 * the sockets are still read; what is left over makes the next turn begin at once.
 */
#include "coordinator/coordinator.h"

#include "common/desk.h"
#include "common/doors.h"
#include "common/gate.h"
#include "common/log.h"
#include "coordinator/attendance.h"
#include "coordinator/coordinator_metrics.h"
#include "coordinator/debts.h"
#include "coordinator/dispatch.h"
#include "coordinator/edits.h"
#include "coordinator/parts.h"
#include "coordinator/reception.h"
#include "coordinator/reporter.h"
#include "coordinator/returns.h"
#include "coordinator/slots.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    SLOTS_A_TURN = 4096,
    JOBS_A_TURN = 4096,
    ARREARS_A_TURN = 256, /* slots; each costs a question to the store, 10 us */
    ARREARS_BESIDE = 512, /* runs that wait to be sent: with more of them, arrears rest */
};
#define LEAVE_NS (NS_PER_S / 2)
/* Slots that come so soon after others wait for the next ones, so that many go out
 * together: each time costs several processes a turn. It is what a look may be late
 * by, and little beside the 100 ms that it should not be. */
#define GATHER_NS (10 * NS_PER_MS)
/* After a start, the slots of the present are not to queue behind those of the past.
 * Where workers can hardly keep up that has an end; most arrears are too old by then. */
#define ASIDE_NS (5 * 60 * NS_PER_S)

struct coordinator {
    struct parts parts;
    struct store *store;
    struct edits *edits;
    struct dispatch *dispatch;
    struct reception *reception;
    struct returns *returns;
    struct reporter *reporter;
    struct desk *desk;
    struct gate *gate;
    struct tenure *tenure;
    struct loop_timer alarm;
    bool alarm_made;
    mono_ns slots_at;   /* no slots are handed out before that */
    mono_ns arrears_at; /* nor those of the past */
    mono_ns aside_until;
    mono_ns turned; /* when the last turn was */
    struct attendance attendance;
};

/* ── Slots from before we were there ───────────────────────────────────── */

static bool crowded(const struct coordinator *c, mono_ns now)
{
    struct lease_numbers n = lease_numbers(c->parts.lease);
    return n.waiting > ARREARS_BESIDE && n.in_flight > 0 && now < c->aside_until;
}

static bool settle_arrears(struct coordinator *c, mono_ns now)
{
    if (now < c->arrears_at || arrears_next(c->parts.arrears, now) > now)
        return false;
    if (crowded(c, now)) {
        c->arrears_at = now + GATHER_NS;
        return false;
    }
    for (uint32_t n = 0; n < ARREARS_A_TURN;) {
        struct arrears_due due = arrears_take(c->parts.arrears, now, c->parts.grid.at);
        if (due.what == ARREARS_NOTHING)
            return false;
        n += due.count < DEBTS_AT_ONCE ? due.count : DEBTS_AT_ONCE;
        if (due.what == ARREARS_LOOK)
            debts_look(&c->parts, c->store, &due);
        else
            debts_report(&c->parts, c->store, &due);
    }
    return true;
}

/* ── A turn ────────────────────────────────────────────────────────────── */

/* The vitals alone make a turn every second. When one comes much later, we were
 * stopped, or had no CPU: then nobody else was silent, and nothing is overdue. */
static void excuse_silence(struct coordinator *c, mono_ns now)
{
    struct parts *p = &c->parts;
    mono_ns gap = c->turned ? now - c->turned : 0; /* reading the store is before the first turn */
    c->turned = now;
    if (gap < REPORTER_VITALS_NS + p->config->coordinator.suspect_after_us * NS_PER_US / 2)
        return;
    log_warn("coordinator.was_away", "gap_ms=%lld: this process was not running; nobody is blamed",
             (long long)(gap / NS_PER_MS));
    roster_excuse(p->roster, gap);
    lease_excuse(p->lease, gap);
}

static mono_ns sooner(mono_ns a, mono_ns b)
{
    return a < b ? a : b;
}

static bool begin_slots(struct coordinator *c, mono_ns now)
{
    struct parts *p = &c->parts;
    if (now < c->slots_at || schedule_next(p->schedule) > p->grid.at)
        return false;
    bool more = slots_begin(p, SLOTS_A_TURN, now);
    if (!more)
        c->slots_at = now + GATHER_NS;
    return more;
}

static bool leads(const struct coordinator *c)
{
    return !c->tenure || tenure_leads(c->tenure, clock_mono());
}

/* Of what only whoever acts does. */
static mono_ns next_act(const struct coordinator *c, mono_ns now)
{
    const struct parts *p = &c->parts;
    mono_ns at = grid_reaches(&p->grid, schedule_next(p->schedule));
    if (at < c->slots_at)
        at = c->slots_at;
    mono_ns arrears = arrears_next(p->arrears, now);
    at = sooner(at, arrears < c->arrears_at ? c->arrears_at : arrears);
    at = sooner(at, reporter_next(c->reporter));
    at = sooner(at, dispatch_next(c->dispatch));
    return sooner(at, turns_next(p->turns));
}

static void set_alarm(struct coordinator *c, bool acts, bool more, mono_ns now)
{
    const struct parts *p = &c->parts;
    mono_ns at = sooner(lease_next(p->lease), roster_next(p->roster));
    at = sooner(at, edits_next(c->edits));
    if (acts)
        at = sooner(at, next_act(c, now));
    loop_timer_at(&c->alarm, more ? now : at);
}

/* Slots become runs, runs become jobs, ends become reports. Who may not act does none of it: somebody else
 * may be at it, who has looked where we would report that nobody did. Should it be us again, the schedule
 * tells which slots have passed. */
static bool act(struct coordinator *c, mono_ns now)
{
    struct parts *p = &c->parts;
    bool more = settle_arrears(c, now);
    more |= slots_turns(p, SLOTS_A_TURN, now);
    more |= begin_slots(c, now);
    more |= dispatch_step(c->dispatch, JOBS_A_TURN, now) >= JOBS_A_TURN;
    slots_end(p);
    reporter_step(c->reporter, now);
    return more;
}

static void turn(void *arg)
{
    struct coordinator *c = arg;
    struct parts *p = &c->parts;
    mono_ns now = loop_now(p->loop);

    int64_t stepped = grid_step(&p->grid, now, loop_wall(p->loop));
    if (stepped)
        log_warn("clock.stepped", "by_ms=%lld ahead_ms=%lld", (long long)(stepped / US_PER_MS),
                 (long long)(p->grid.lead_us / US_PER_MS));
    excuse_silence(c, now);
    attendance_follow(&c->attendance, p, now);
    edits_step(c->edits, now);
    lease_step(p->lease, now);
    bool acts = leads(c), more = acts && act(c, now);
    reception_flush(c->reception);
    set_alarm(c, acts, more, now);
}

static void on_alarm(void *arg)
{
    (void)arg; /* the turn that it woke the loop for follows */
}

/* That it has read the sites and listens is so from its beginning. While the store is away it goes on with
 * what it knows, for as long as nobody else may have come. */
static enum board_word on_desk(void *arg, struct sheet *sheet, char why_not[DESK_WHY_SIZE])
{
    struct coordinator *c = arg;
    const struct coordinator_sources from = { &c->parts, c->dispatch, c->reception, c->returns,
                                              edits_store_away(c->edits) };
    coordinator_metrics_put(&from, sheet);
    return c->tenure ? tenure_put(c->tenure, sheet, why_not) : BOARD_CAN;
}

/* ── Keys ──────────────────────────────────────────────────────────────── */

/* All sessions end, and those that may come back in a moment. Deaf at one of our
 * doors, we are of no use. */
static void on_revoked(void *arg, const struct access_list *let_in, size_t revoked)
{
    struct coordinator *c = arg;
    struct err err = { 0 };
    log_warn("keys.revoked", "keys=%zu left=%zu: their sessions end", revoked, access_list_count(let_in));
    int r = reception_revoke(c->reception, let_in, &err);
    if (r == 0)
        r = dispatch_rebind(c->dispatch, &err);
    if (r == 0)
        r = returns_rebind(c->returns, &err);
    if (r == 0)
        return;
    log_error("keys.deaf", "code=%d: %s", r, err.text);
    loop_stop(c->parts.loop, 1);
}

/* ── Life ──────────────────────────────────────────────────────────────── */

static int name_locations(struct parts *p, struct err *err)
{
    while (p->n_locations < CONFIG_MAX_LOCATIONS &&
           config_location(p->config, p->n_locations, p->location[p->n_locations], LOCATION_SIZE))
        p->n_locations++;
    p->n_named = p->n_locations;
    return p->n_locations ? 0 : err_set(err, -EINVAL, "the setting 'locations' names none");
}

/* A domain's sites are in all shards, whose coordinators do not know of each other: each
 * has its part of a ceiling, and 1 at least. 0, which is no ceiling, stays. */
static uint32_t part_of(uint32_t ceiling, uint32_t shards)
{
    uint32_t part = shards > 1 ? ceiling / shards : ceiling;
    return ceiling > 0 && part == 0 ? 1 : part;
}

static int make_parts(struct parts *p, struct err *err)
{
    const struct config *config = p->config;
    mono_ns now = loop_now(p->loop);
    const struct roster_rules roster = {
        .suspect_after = config->coordinator.suspect_after_us * NS_PER_US,
        .dead_after = config->coordinator.dead_after_us * NS_PER_US,
        .window = config->coordinator.window,
    };
    const struct lease_rules lease = {
        .taken_within = config->coordinator.taken_within_us * NS_PER_US,
        /* A look's time stands still while it waits for its turn. */
        .grace = (config->coordinator.grace_us + config->polite.wait_us) * NS_PER_US,
        .breaker = config->coordinator.breaker_us * NS_PER_US,
        .attempts = config->coordinator.attempts,
        .again_percent = config->coordinator.again_percent,
    };
    const struct turns_rules turns = {
        .at_once = part_of(config->polite.domain_at_once, config->shards),
        .per_s = part_of(config->polite.domain_per_s, config->shards),
    };
    lateness_init(&p->lateness, now);
    int r = getrandom(&p->nonce, sizeof p->nonce, 0) == sizeof p->nonce ? 0 : -errno;
    if (r == 0)
        r = catalog_new(&p->catalog);
    if (r == 0)
        catalog_only(p->catalog, config_shard(config));
    if (r == 0)
        r = schedule_new(&p->schedule);
    if (r == 0)
        r = roster_new(&p->roster, &roster);
    if (r == 0)
        r = lease_new(&p->lease, &lease, p->epoch, now);
    if (r == 0)
        r = arrears_new(&p->arrears, p->epoch, now, roster.dead_after);
    if (r == 0)
        r = accounts_new(&p->accounts);
    if (r == 0)
        r = domains_new(&p->domains);
    if (r == 0)
        r = turns_new(&p->turns, &turns);
    if (r == 0)
        r = patience_new(&p->patience);
    return r < 0 ? err_set(err, r, "cannot begin: %s", strerror(-r)) : name_locations(p, err);
}

static void free_parts(struct parts *p)
{
    patience_free(p->patience);
    turns_free(p->turns);
    domains_free(p->domains);
    accounts_free(p->accounts);
    arrears_free(p->arrears);
    lease_free(p->lease);
    roster_free(p->roster);
    schedule_free(p->schedule);
    catalog_free(p->catalog);
}

static int open_sockets(struct coordinator *c, struct bus *bus, struct err *err)
{
    int r = gate_new(&c->gate, c->parts.loop, bus, c->parts.config->store, on_revoked, c, err);
    if (r == 0)
        r = dispatch_new(&c->dispatch, bus, &c->parts, err);
    if (r == 0)
        r = reception_new(&c->reception, bus, &c->parts, c->dispatch, err);
    if (r == 0)
        r = returns_new(&c->returns, bus, &c->parts, c->reception, err);
    if (r == 0)
        r = reporter_new(&c->reporter, bus, &c->parts, err);
    return r;
}

int coordinator_new(struct coordinator **ret, const struct config *config, struct loop *loop, struct bus *bus,
                    struct store *store, struct board *board, struct tenure *tenure, uint32_t epoch,
                    struct err *err)
{
    scoped(coordinator) struct coordinator *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    c->parts =
        (struct parts){ .config = config, .loop = loop, .epoch = epoch, .started_us = loop_wall(loop) };
    bus_seal_key(bus, &c->parts.seal);
    c->store = store;
    c->tenure = tenure;
    snprintf(c->parts.results, sizeof c->parts.results, "%s", config->endpoint.results);
    c->aside_until = loop_now(loop) + ASIDE_NS;
    int r = make_parts(&c->parts, err);
    if (r == 0)
        r = edits_new(&c->edits, &c->parts, store, err);
    if (r == 0)
        r = open_sockets(c, bus, err);
    if (r == 0)
        r = loop_after_turn(loop, turn, c);
    if (r == 0)
        r = desk_open(&c->desk, board, loop, "coordinator", on_desk, c);
    if (r < 0)
        return r;
    log_info("coordinator.started", "epoch=%u sites=%zu in_arrears=%zu ahead_ms=%lld", epoch,
             catalog_watched(c->parts.catalog), arrears_slots(c->parts.arrears),
             (long long)(c->parts.grid.lead_us / US_PER_MS));
    loop_timer_init(loop, &c->alarm, on_alarm, c);
    c->alarm_made = true;
    loop_timer_at(&c->alarm, loop_now(loop)); /* the first turn is now */
    *ret = moved(c);
    return 0;
}

void coordinator_meet(void *coordinator, const char *doors)
{
    struct coordinator *c = coordinator;
    const struct config *config = c->parts.config;
    struct err err = { 0 };
    char results[ENDPOINT_SIZE];
    if (!doors_find_from(doors, "results", config->endpoint.results, config->endpoint.advertise, results) ||
        strcmp(results, c->parts.results) == 0)
        return;
    log_info("collector.moved", "results=%s before=%s: workers are told", results, c->parts.results);
    memcpy(c->parts.results, results, sizeof results);
    if (reporter_connect(c->reporter, &err) < 0)
        log_error("collector.unreachable", "%s", err.text);
    reception_welcome_all(c->reception);
}

void coordinator_leave(struct coordinator *c)
{
    struct parts *p = &c->parts;
    mono_ns end = loop_now(p->loop) + LEAVE_NS;
    if (!leads(c))
        return; /* it is another one's to tell */
    accounts_hurry(p->accounts, loop_now(p->loop));
    while (accounts_next(p->accounts) <= loop_now(p->loop) && loop_now(p->loop) < end) {
        mono_ns before = accounts_next(p->accounts);
        reporter_step(c->reporter, loop_now(p->loop));
        if (accounts_next(p->accounts) <= before)
            break; /* nothing goes out any more */
    }
    reporter_vitals(c->reporter);
}

void coordinator_free(struct coordinator *c)
{
    if (!c)
        return;
    gate_free(c->gate);
    desk_close(c->desk);
    if (c->alarm_made) {
        loop_timer_done(&c->alarm);
        uv_run(loop_uv(c->parts.loop), UV_RUN_NOWAIT); /* libuv lets go of the alarm's memory */
    }
    reporter_free(c->reporter);
    returns_free(c->returns);
    reception_free(c->reception);
    dispatch_free(c->dispatch);
    edits_free(c->edits);
    free_parts(&c->parts);
    free(c);
}
