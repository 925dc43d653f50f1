#include "coordinator/returns.h"

#include "common/complaint.h"
#include "common/log.h"
#include "proto/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGES_A_TURN = 64 };

struct returns {
    struct parts *parts;
    struct reception *reception;
    void *socket;
    struct guarded *guarded; /* the socket's */
    bool keyed;
    struct wire_arena *arena;
    struct complaint *malformed;
    struct log_gate refused_gate;
};

/* ── Recorded ──────────────────────────────────────────────────────────── */

/* Whichever worker was told: all of them wait. */
static void note_patience(struct returns *r, const struct recorded *x)
{
    mono_ns now = loop_now(r->parts->loop);
    if (x->patience_s == 0 || !catalog_find(r->parts->catalog, x->run.site_id))
        return;
    (void)patience_asked(r->parts->patience, x->run.site_id, x->patience_s, now); /* else: asked again */
    log_info("site.patience", "site=%llu for_s=%u sites=%zu: it asks to be left alone",
             (unsigned long long)x->run.site_id, x->patience_s, patience_count(r->parts->patience));
}

/* Whether that is all that is owed of a slot from before we were there. With several locations
 * it is not: debts.h asks the store who has looked. */
static bool settles(struct parts *p, const struct recorded *x)
{
    const struct watched *site = catalog_find(p->catalog, x->run.site_id);
    if (!site || !strchr(site->manner->locations, ','))
        return arrears_recorded(p->arrears, x->job_id, x->run.site_id, x->run.slot_us);
    arrears_brought(p->arrears, x->job_id);
    return false;
}

static void conclude(struct returns *r, const struct recorded *x)
{
    struct parts *p = r->parts;
    int location = parts_named(p, x->run.location);
    uint64_t *count = x->held_back ? &p->missed : &p->concluded;
    if (x->run.look == 0)
        catalog_looked(p->catalog, x->run.site_id, x->run.slot_us);
    if (x->run.look == 0 && location >= 0)
        turns_over(p->turns, x->run.site_id, x->run.slot_us, (unsigned)location, loop_now(p->loop));
    if (x->run.look == 0 && settles(p, x))
        (*count)++;
    if (location >= 0 && lease_recorded(p->lease, x->run.site_id, x->run.slot_us, x->run.look,
                                        (unsigned)location, loop_now(p->loop)))
        *count += x->run.look == 0;
}

static void on_recorded(struct returns *r, const struct recorded *x)
{
    struct parts *p = r->parts;
    if (strcmp(x->worker, COORDINATOR_NAME) == 0) {
        int location = parts_named(p, x->run.location);
        if (location >= 0)
            accounts_recorded(p->accounts, x->run.site_id, x->run.slot_us, x->run.look, (unsigned)location);
        return;
    }
    int lane = roster_find(p->roster, x->worker, x->lane);
    if (lane >= 0 && x->job_id) {
        roster_recorded(p->roster, lane);
        reception_recorded(r->reception, lane, x->job_id);
    }
    conclude(r, x);
    note_patience(r, x);
}

/* ── Look again ────────────────────────────────────────────────────────── */

static void cannot(struct returns *r, const struct lease_run *run)
{
    struct account line = {
        .site_id = run->site_id,
        .slot_us = run->slot_us,
        .span = 1,
        .every_ms = run->every_ms,
        .look = run->look,
        .location = (uint16_t)run->location,
        .cause = CAUSE_LOST,
        .job_id = lease_next_job_id(r->parts->lease),
        .at_us = loop_wall(r->parts->loop),
    };
    parts_unseen(r->parts, &line);
}

static void on_look_again(struct returns *r, const struct look_again *x)
{
    struct parts *p = r->parts;
    const struct watched *site = catalog_find(p->catalog, x->run.site_id);
    int location = parts_named(p, x->run.location);
    uint64_t held;
    if (!site)
        return; /* paused or removed meanwhile: nobody wants to know any more */
    if (location < 0) {
        if (log_gate_open(&r->refused_gate, loop_now(p->loop), &held))
            log_warn("returns.no_location",
                     "location=%s held_back=%llu: a look is asked for there, and there is "
                     "no such location",
                     x->run.location, (unsigned long long)held);
        return;
    }
    struct lease_run run = {
        .site_id = site->id,
        .slot_us = x->run.slot_us,
        .look = x->run.look,
        .location = (unsigned)location,
        .timeout_ms = site->manner->timeout_ms,
        .every_ms = site->every_ms,
        .until = loop_now(p->loop) + (mono_ns)x->within_ms * NS_PER_MS,
    };
    if (turns_matter(p->turns))
        turns_push_in(p->turns, catalog_domain(site, p->domains), loop_now(p->loop));
    int e = lease_confirm(p->lease, &run, x->avoid, loop_now(p->loop));
    if (e < 0 && e != -EALREADY)
        cannot(r, &run);
}

/* ── Accused ───────────────────────────────────────────────────────────── */

static void on_accused(struct returns *r, const struct accused *x)
{
    mono_ns now = loop_now(r->parts->loop);
    roster_accuse(r->parts->roster, x->worker, now + (mono_ns)x->for_ms * NS_PER_MS, now);
}

void returns_each_dropped(const struct returns *r, dropped_fn *fn, void *arg)
{
    complaint_each(r->malformed, fn, arg);
}

/* ── Receiving ─────────────────────────────────────────────────────────── */

static void on_malformed(struct returns *r, const struct bus_message *m, const char *why)
{
    r->parts->dropped++;
    complaint_note(r->malformed, bus_message_from(m), why);
}

static void on_message(struct returns *r, const struct bus_message *m)
{
    struct feedback f;
    struct err err = { 0 };
    if (wire_unpack_feedback(r->arena, m->bytes, m->len, &f, &err) < 0) {
        on_malformed(r, m, err.text);
        return;
    }
    for (int step = 0; step < 2; step++)
        for (size_t i = 0; i < f.n_recorded; i++)
            catalog_fetch(r->parts->catalog, f.recorded[i].run.site_id, step);
    for (size_t i = 0; i < f.n_recorded; i++)
        on_recorded(r, &f.recorded[i]);
    for (size_t i = 0; i < f.n_again; i++)
        on_look_again(r, &f.again[i]);
    for (size_t i = 0; i < f.n_accused; i++)
        on_accused(r, &f.accused[i]);
}

static void on_readable(void *arg)
{
    struct returns *r = arg;
    struct bus_message m;
    for (int i = 0; i < MESSAGES_A_TURN; i++) {
        int got = bus_take(r->socket, &m);
        if (got == -EBADMSG) {
            on_malformed(r, &m, BUS_NO_MESSAGE);
            continue;
        }
        if (got <= 0)
            return;
        on_message(r, &m);
        bus_message_done(&m);
    }
}

/* What came was more than is let in. */
static void on_cut(void *arg, const char *peer, const char *why)
{
    struct returns *r = arg;
    r->parts->dropped++;
    complaint_note(r->malformed, peer, why);
}

/* ── Life ──────────────────────────────────────────────────────────────── */

int returns_new(struct returns **ret, struct bus *bus, struct parts *parts, struct reception *reception,
                struct err *err)
{
    scoped(returns) struct returns *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->parts = parts;
    r->reception = reception;
    r->keyed = bus_is_keyed(bus, parts->config->endpoint.feedback);
    int e = wire_arena_new(&r->arena);
    if (e == 0)
        e = complaint_new(&r->malformed, parts->loop, "feedback.malformed");
    if (e == 0)
        e = bus_open_guarded(bus, LANE_FEEDBACK, SIDE_TO, parts->config->endpoint.feedback,
                             &(struct bus_witness){ parts->loop, on_cut, r }, &r->socket, &r->guarded, err);
    if (e == 0)
        e = loop_watch(parts->loop, r->socket, on_readable, r);
    if (e < 0)
        return e;
    *ret = moved(r);
    return 0;
}

int returns_rebind(struct returns *r, struct err *err)
{
    return r->keyed ? bus_rebind(r->socket, r->guarded, err) : 0;
}

void returns_free(struct returns *r)
{
    if (!r)
        return;
    if (r->socket)
        loop_unwatch(r->parts->loop, r->socket);
    guarded_free(r->guarded);
    bus_close(r->socket);
    wire_arena_free(r->arena);
    complaint_free(r->malformed);
    free(r);
}
