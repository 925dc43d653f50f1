#include "proto/event.pb-c.h"
#include "proto/wire_inside.h"

#include "common/owner.h"

#include <errno.h>
#include <string.h>

/* Which members a kind has. The others are neither sent nor read, and unpack to
 * nothing. */
enum {
    SITE = 1,
    RESULT = 2,       /* with the look that it tells of */
    MAYBE_RESULT = 4, /* when a look is behind it */
    CHANGE = 8,       /* health from, to */
    INCIDENT = 16,
    NOTICE = 32,
    WORKER = 64,
    PULSE = 128,
};
static const uint8_t kinds[EVENT_KIND_END] = {
    [EVENT_RESULT] = SITE | RESULT,
    [EVENT_HEALTH] = SITE | MAYBE_RESULT | CHANGE,
    [EVENT_INCIDENT] = SITE | MAYBE_RESULT | CHANGE | INCIDENT,
    [EVENT_NOTICE] = SITE | INCIDENT | NOTICE,
    [EVENT_WORKER] = WORKER,
    [EVENT_PULSE] = PULSE,
    [EVENT_VIEW] = SITE | RESULT | CHANGE,
};

/* An event says all of its look by itself. */
static const struct wire_said nothing_said = { .worker = "", .location = "" };

static unsigned members(enum event_kind k)
{
    return k >= EVENT_RESULT && k < EVENT_KIND_END ? kinds[k] : 0;
}

/* No look has this name: an event without one has it empty. */
static bool has_look(const struct event *e)
{
    return members(e->kind) & RESULT || (members(e->kind) & MAYBE_RESULT && e->result.worker[0]);
}

static int check_words(const char *s, size_t max, const char *what, struct err *err)
{
    if (s && strnlen(s, max + 1) > max)
        return err_set(err, -EBADMSG, "the %s has more than %zu bytes", what, max);
    return 0;
}

static int check_numbers(const struct event *e, unsigned set, struct err *err)
{
    bool of_worker = set & NOTICE && (e->notice == NOTICE_IN_DOUBT || e->notice == NOTICE_DOUBT_OVER);
    if (set & SITE && e->site_id == 0 && !of_worker)
        return err_set(err, -EBADMSG, "the site's id is 0");
    if (set & CHANGE && ((unsigned)e->health_from >= HEALTH_COUNT || (unsigned)e->health_to >= HEALTH_COUNT))
        return err_set(err, -EBADMSG, "%u or %u is no health", (unsigned)e->health_from,
                       (unsigned)e->health_to);
    if (set & INCIDENT && e->incident_id == 0 && !of_worker)
        return err_set(err, -EBADMSG, "the incident's id is 0");
    if (set & INCIDENT && (unsigned)e->end >= INCIDENT_END_COUNT)
        return err_set(err, -EBADMSG, "%u is no end of an incident", (unsigned)e->end);
    if (set & NOTICE &&
        ((unsigned)e->notice >= NOTICE_KIND_COUNT || (unsigned)e->notice_state >= NOTICE_STATE_COUNT))
        return err_set(err, -EBADMSG, "%u or %u is no kind or state of a notice", (unsigned)e->notice,
                       (unsigned)e->notice_state);
    int r = wire_check_instant(e->at_us, "the time", err);
    if (r == 0 && set & INCIDENT)
        r = wire_check_instant(e->began_us, "the incident's beginning", err);
    if (r == 0 && set & INCIDENT)
        r = wire_check_instant(e->ended_us, "the incident's end", err);
    return r;
}

static int check_pulse(const struct pulse *p, struct err *err)
{
    const uint64_t counts[] = { p->up,       p->down,      p->unknown,        p->suspected,
                                p->fresh,    p->paused,    p->incidents_open, p->notices_pending,
                                p->results,  p->scheduled, p->concluded,      p->missed,
                                p->in_flight };
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof counts / sizeof *counts; i++)
        r = wire_check_number(counts[i], VITALS_MAX_COUNT, "counted in a pulse", err);
    if (r == 0 && (p->shards > CONTROL_MAX_SHARDS || (p->shard > 0 && p->shard >= p->shards)))
        r = err_set(err, -EBADMSG, "there is no part %u of %u", p->shard, p->shards);
    return r;
}

static int check_event(const struct event *e, struct err *err)
{
    unsigned set = members(e->kind);
    if (!set)
        return err_set(err, -EBADMSG, "%u is no kind of event", (unsigned)e->kind);
    int r = check_numbers(e, set, err);
    if (r == 0)
        r = check_words(e->site, SITE_MAX_NAME, "site's name", err);
    if (r == 0 && e->url && *e->url)
        r = wire_check_url(e->url, err);
    if (r == 0)
        r = check_words(e->channel, CHANNEL_MAX_TEXT, "channel", err);
    if (r == 0)
        r = check_words(e->text, WIRE_MAX_TEXT, "text", err);
    if (r == 0 && has_look(e))
        r = wire_check_result(&e->result, "", "", err);
    if (r == 0 && set & WORKER)
        r = wire_check_worker_vitals(&e->worker, err);
    if (r == 0 && e->kind == EVENT_PULSE)
        r = check_pulse(&e->pulse, err);
    return r < 0 ? err_where(err, r, "%s", event_kind_name(e->kind)) : 0;
}

/* --- packing --- */

static void pulse_out(Vedette__V1__Pulse *to, const struct pulse *p)
{
    vedette__v1__pulse__init(to);
    to->up = p->up;
    to->down = p->down;
    to->unknown = p->unknown;
    to->suspected = p->suspected;
    to->fresh = p->fresh;
    to->paused = p->paused;
    to->incidents_open = p->incidents_open;
    to->notices_pending = p->notices_pending;
    to->results = p->results;
    to->scheduled = p->scheduled;
    to->concluded = p->concluded;
    to->missed = p->missed;
    to->in_flight = p->in_flight;
    to->late_p50_us = p->late_p50_us;
    to->late_p99_us = p->late_p99_us;
    to->workers_ready = p->workers_ready;
    to->workers_all = p->workers_all;
    to->store_away_s = p->store_away_s;
    to->shard = p->shard;
    to->shards = p->shards;
}

static void numbers_out(Vedette__V1__Event *m, const struct event *e, unsigned set)
{
    if (set & SITE) {
        m->site_id = e->site_id;
        m->site = wire_lend(e->site);
        m->url = wire_lend(e->url);
    }
    if (set & CHANGE) {
        m->health_from = (Vedette__V1__Health)e->health_from;
        m->health_to = (Vedette__V1__Health)e->health_to;
    }
    if (set & INCIDENT) {
        m->incident_id = e->incident_id;
        m->began_us = e->began_us;
        m->ended_us = e->ended_us;
        m->end = (Vedette__V1__IncidentEnd)e->end;
    }
    if (set & NOTICE) {
        m->notice = (Vedette__V1__NoticeKind)e->notice;
        m->notice_state = (Vedette__V1__NoticeState)e->notice_state;
        m->channel = wire_lend(e->channel);
    }
}

int wire_pack_event(const struct event *e, uint8_t *buf, size_t size)
{
    if (check_event(e, NULL) < 0)
        return -EINVAL;

    Vedette__V1__Run run;
    Vedette__V1__Result result;
    Vedette__V1__WorkerVitals worker;
    Vedette__V1__Pulse pulse;
    Vedette__V1__Event m = VEDETTE__V1__EVENT__INIT;
    unsigned set = members(e->kind);

    m.major = WIRE_MAJOR;
    m.minor = WIRE_MINOR;
    m.kind = (Vedette__V1__EventKind)e->kind;
    m.seq = e->seq;
    m.at_us = e->at_us;
    m.text = wire_lend(e->text);
    numbers_out(&m, e, set);
    if (has_look(e)) {
        m.result = &result;
        wire_result_out(&result, &run, &e->result, &nothing_said);
    }
    if (set & WORKER) {
        m.worker = &worker;
        wire_worker_out(&worker, &e->worker);
    }
    if (set & PULSE) {
        m.pulse = &pulse;
        pulse_out(&pulse, &e->pulse);
    }

    struct wire_out out;
    wire_out_init(&out, buf, size);
    wire_put(&out, &m.base);
    return wire_out_done(&out);
}

/* --- unpacking --- */

static void pulse_in(struct pulse *to, const Vedette__V1__Pulse *m)
{
    *to = (struct pulse){
        .up = m->up,
        .down = m->down,
        .unknown = m->unknown,
        .suspected = m->suspected,
        .fresh = m->fresh,
        .paused = m->paused,
        .incidents_open = m->incidents_open,
        .notices_pending = m->notices_pending,
        .results = m->results,
        .scheduled = m->scheduled,
        .concluded = m->concluded,
        .missed = m->missed,
        .in_flight = m->in_flight,
        .late_p50_us = m->late_p50_us,
        .late_p99_us = m->late_p99_us,
        .workers_ready = m->workers_ready,
        .workers_all = m->workers_all,
        .store_away_s = m->store_away_s,
        .shard = m->shard,
        .shards = m->shards,
    };
}

static void numbers_in(struct event *e, const Vedette__V1__Event *m, unsigned set)
{
    if (set & SITE)
        e->site_id = m->site_id;
    if (set & CHANGE) {
        e->health_from = (enum health)m->health_from;
        e->health_to = (enum health)m->health_to;
    }
    if (set & INCIDENT) {
        e->incident_id = m->incident_id;
        e->began_us = m->began_us;
        e->ended_us = m->ended_us;
        e->end = (enum incident_end)m->end;
    }
    if (set & NOTICE) {
        e->notice = (enum notice_kind)m->notice;
        e->notice_state = (enum notice_state)m->notice_state;
    }
}

static int texts_in(struct event *e, const Vedette__V1__Event *m, unsigned set, struct err *err)
{
    int r = wire_words(&e->text, m->text, WIRE_MAX_TEXT, "text", err);
    if (r == 0 && set & SITE)
        r = wire_words(&e->site, m->site, SITE_MAX_NAME, "site's name", err);
    if (r == 0 && set & SITE)
        r = wire_borrow(&e->url, m->url, SITE_MAX_URL, "URL", err);
    if (r == 0 && set & NOTICE)
        r = wire_words(&e->channel, m->channel, CHANNEL_MAX_TEXT, "channel", err);
    return r;
}

static int parts_in(struct event *e, const Vedette__V1__Event *m, unsigned set, struct err *err)
{
    if ((set & RESULT && !m->result) || (set & WORKER && !m->worker) || (set & PULSE && !m->pulse))
        return err_set(err, -EBADMSG, "the %s itself is missing", event_kind_name(e->kind));
    int r = 0;
    if (set & (RESULT | MAYBE_RESULT) && m->result) {
        r = wire_result_in(&e->result, m->result, &nothing_said, err);
        if (r == 0)
            r = wire_check_result(&e->result, "", "", err);
    }
    if (r == 0 && set & WORKER)
        r = wire_worker_in(&e->worker, m->worker, err);
    if (r == 0 && set & PULSE)
        pulse_in(&e->pulse, m->pulse);
    return r;
}

int wire_unpack_event(struct wire_arena *a, const void *bytes, size_t len, struct event *ret, struct err *err)
{
    ProtobufCMessage *message = NULL;
    int r = wire_take(a, &vedette__v1__event__descriptor, bytes, len, &message, err);
    if (r < 0)
        return r;

    const Vedette__V1__Event *m = (const Vedette__V1__Event *)message;
    struct event e = {
        .kind = (enum event_kind)m->kind,
        .seq = m->seq,
        .at_us = m->at_us,
        .site = "",
        .url = "",
        .channel = "",
        .text = "",
    };
    unsigned set = members(e.kind);
    numbers_in(&e, m, set);
    r = texts_in(&e, m, set, err);
    if (r == 0)
        r = parts_in(&e, m, set, err);
    if (r == 0)
        r = check_event(&e, err);
    if (r == 0)
        *ret = e;
    return r;
}
