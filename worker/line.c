#include "worker/line.h"

#include "common/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
    struct line_setup setup;
    const struct line_events *events;
    void *lane;
    struct rollcall *rollcall;
    struct inlet *inlet; /* of jobs; closed while it does not act, and while it rests */
    struct wire_arena *arena;
    struct intake intake;
    struct docket *docket; /* whose jobs come over it; NULL: it does not act */
    char jobs[ENDPOINT_SIZE];
    bool resting, standby, refused;
    bool told_silent; /* that nobody answers; until somebody does */
    uint32_t lanes;
    uint64_t stale;
    struct log_gate stale_gate;
};

const char *line_state_name(enum line_state s)
{
    static const char *const names[] = { [LINE_WAITS] = "waits",
                                         [LINE_ACTS] = "acts",
                                         [LINE_RESTS] = "rests",
                                         [LINE_STANDBY] = "standby",
                                         [LINE_REFUSED] = "refused" };
    _Static_assert(sizeof names / sizeof *names == LINE_STATE_COUNT, "every state has a name");
    return (unsigned)s < LINE_STATE_COUNT ? names[s] : "?";
}

enum line_state line_state(const struct line *l)
{
    if (l->docket)
        return l->resting ? LINE_RESTS : LINE_ACTS;
    return l->refused ? LINE_REFUSED : l->standby ? LINE_STANDBY : LINE_WAITS;
}

/* ── Jobs ──────────────────────────────────────────────────────────────── */

static void tell_stale(struct line *l, int64_t age_ms)
{
    uint64_t held;
    if (log_gate_open(&l->stale_gate, loop_now(l->setup.loop), &held))
        log_warn("jobs.stale", "lane=%u dropped=%llu age_ms=%lld: they came too late to be begun",
                 l->setup.self.lane, (unsigned long long)l->stale, (long long)age_ms);
}

static int on_jobs(void *arg, const struct bus_message *m, struct err *err)
{
    struct line *l = arg;
    struct job_batch b;
    int r = wire_unpack_jobs(l->arena, m->bytes, m->len, &b, err);
    if (r < 0 || !l->docket)
        return r;
    uint64_t before = l->stale;
    int64_t age_ms = intake_age_ms(&l->intake, b.epoch, b.stamp_ms, loop_now(l->setup.loop));
    if (b.epoch < l->docket->epoch) /* of one whom another has succeeded */
        age_ms = -1;
    for (size_t i = 0; i < b.n_jobs; i++) {
        enum intake_word word = l->events->job(l->lane, l->docket, &b.jobs[i], age_ms);
        if (word == INTAKE_STALE)
            l->stale++;
        else
            (word == INTAKE_TAKEN ? rollcall_taken : rollcall_busy)(l->rollcall, b.jobs[i].id);
    }
    if (l->stale != before)
        tell_stale(l, age_ms);
    return 0;
}

/* ── What the coordinator says ─────────────────────────────────────────── */

static void stop_acting(struct line *l)
{
    inlet_close(l->inlet);
    l->resting = false; /* whoever welcomes us next will say */
    l->lanes = 0;
    if (l->docket) {
        l->events->left(l->lane, l);
        l->docket = NULL;
    }
}

static void open_inlet(struct line *l)
{
    struct err err = { 0 };
    int r = inlet_open(l->inlet, l->jobs, &err);
    if (r < 0)
        l->events->failed(l->lane, r, err.text);
}

static void tell_welcome(const struct line *l, const struct control *c)
{
    const struct line_setup *s = &l->setup;
    if (s->alone)
        log_info("lane.welcomed", "lane=%u jobs=%s results=%s", s->self.lane, c->jobs, c->results);
    else
        log_info("lane.welcomed", "lane=%u jobs=%s results=%s coordinator=%s shard=%u epoch=%u", s->self.lane,
                 c->jobs, c->results, s->self.where, c->shard, c->epoch);
}

/* So that the first jobs that we read tell how long they have lain: we may have been stopped since. */
static void compare_clocks(struct line *l, const struct control *c)
{
    if (c->stamp_ms)
        (void)intake_age_ms(&l->intake, c->epoch, c->stamp_ms, loop_now(l->setup.loop));
}

static bool on_welcomed(void *arg, const struct control *c)
{
    struct line *l = arg;
    struct docket *d = l->events->welcomed(l->lane, l, c);
    bool first = l->docket != d;
    l->refused = l->told_silent = false;
    l->standby = !d;
    if (!d) {
        stop_acting(l);
        return false;
    }
    l->resting &= !first;
    l->docket = d;
    compare_clocks(l, c);
    snprintf(l->jobs, sizeof l->jobs, "%s", c->jobs);
    if (!l->resting)
        open_inlet(l);
    if (first)
        tell_welcome(l, c);
    return true;
}

static void on_standby(void *arg)
{
    struct line *l = arg;
    if (!l->standby)
        log_info("lane.standby", "lane=%u coordinator=%s: it stands by", l->setup.self.lane,
                 l->setup.self.where);
    l->standby = true;
    l->refused = l->told_silent = false;
    stop_acting(l);
}

void line_set_aside(struct line *l)
{
    l->docket = NULL;
    l->standby = true;
    stop_acting(l);
    rollcall_set_aside(l->rollcall);
}

static void on_recorded(void *arg, const uint64_t *ids, size_t n)
{
    struct line *l = arg;
    if (l->docket)
        shipment_recorded(l->docket->shipment, ids, n);
}

/* Jobs that are here already go back; one that is still on its way is missed by
 * the coordinator after a while and goes out again. */
static void begin_resting(struct line *l)
{
    l->resting = true;
    inlet_drain(l->inlet);
    inlet_close(l->inlet);
    log_info("lane.rests", "lane=%u: others do its work", l->setup.self.lane);
}

static void on_beaten(void *arg, const struct control *beat)
{
    struct line *l = arg;
    l->lanes = beat->lanes ? beat->lanes : l->lanes;
    if (l->docket)
        compare_clocks(l, beat);
    l->events->beaten(l->lane);
    if (beat->rest == l->resting || !l->docket)
        return;
    if (beat->rest) {
        begin_resting(l);
        return;
    }
    l->resting = false;
    log_info("lane.works", "lane=%u: has rested", l->setup.self.lane);
    open_inlet(l);
}

static void on_drain(void *arg)
{
    const struct line *l = arg;
    l->events->drain(l->lane);
}

static void on_refused(void *arg, const char *why)
{
    struct line *l = arg;
    l->refused = true;
    l->standby = false;
    stop_acting(l);
    l->events->refused(l->lane, l, why);
}

/* Results need no coordinator, only a collector: that way is made anew at once. Who
 * is not there for long is told of once. */
static void on_reconnect(void *arg)
{
    struct line *l = arg;
    struct docket *d = l->docket;
    struct err err = { 0 };
    if (!l->told_silent)
        log_warn("lane.silence",
                 "lane=%u coordinator=%s unrecorded=%zu: the coordinator is silent, connecting anew",
                 l->setup.self.lane, l->setup.self.where, d ? docket_unrecorded(d) : 0);
    l->told_silent = true;
    l->standby = l->refused = false;
    stop_acting(l);
    if (d && shipment_reconnect(d->shipment, &err) < 0)
        log_warn("lane.results", "lane=%u: %s", l->setup.self.lane, err.text);
}

static void on_turned_away(void *arg, const char *where, const char *why)
{
    struct line *l = arg;
    struct docket *d = l->docket;
    log_warn("lane.turned_away", "lane=%u unrecorded=%zu: of the coordinator at %s: %s", l->setup.self.lane,
             d ? docket_unrecorded(d) : 0, where, why);
    l->standby = l->refused = false;
    stop_acting(l);
    if (d)
        shipment_disconnect(d->shipment);
}

static void on_beat(void *arg, struct control *c)
{
    struct line *l = arg;
    if (l->docket)
        l->events->beat(l->lane, l->docket, c);
}

static size_t on_list(void *arg, uint64_t *ids, size_t max)
{
    const struct line *l = arg;
    return l->docket ? docket_list(l->docket, ids, max) : 0;
}

static const struct rollcall_events rollcall_events = {
    .welcomed = on_welcomed,
    .standby = on_standby,
    .recorded = on_recorded,
    .drain = on_drain,
    .refused = on_refused,
    .beaten = on_beaten,
    .turned_away = on_turned_away,
    .reconnect = on_reconnect,
    .beat = on_beat,
    .list = on_list,
};

/* ── Asking ────────────────────────────────────────────────────────────── */

const char *line_where(const struct line *l)
{
    return l->setup.self.where;
}

uint32_t line_lanes(const struct line *l)
{
    return l->lanes;
}

struct rollcall *line_rollcall(struct line *l)
{
    return l->rollcall;
}

const struct inlet *line_inlet(const struct line *l)
{
    return l->inlet;
}

/* ── Life ──────────────────────────────────────────────────────────────── */

int line_new(struct line **ret, const struct line_setup *setup, const struct line_events *events, void *lane,
             struct err *err)
{
    scoped(line) struct line *l = calloc(1, sizeof *l);
    if (!l)
        return err_set(err, -ENOMEM, "no memory for a line");
    l->setup = *setup;
    l->events = events;
    l->lane = lane;
    int r = wire_arena_new(&l->arena);
    if (r == 0)
        r = inlet_new(&l->inlet, setup->loop, setup->bus, on_jobs, l);
    if (r < 0)
        return err_set(err, r, "no memory for a line");
    r = rollcall_new(&l->rollcall, setup->loop, setup->bus, &setup->self, &rollcall_events, l, err);
    if (r == 0)
        *ret = moved(l);
    return r;
}

void line_free(struct line *l)
{
    if (!l)
        return;
    rollcall_free(l->rollcall);
    inlet_free(l->inlet);
    wire_arena_free(l->arena);
    free(l);
}
