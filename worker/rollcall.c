#include "worker/rollcall.h"

#include "common/complaint.h"
#include "common/daemon.h"
#include "common/endpoint.h"
#include "worker/presence.h"
#include "worker/wakeup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MESSAGES_A_TURN = 64,
    MOST_IDS = CONTROL_MAX_PARTS * CONTROL_MAX_IDS, /* of a full list */
};

struct words { /* ids to be said together */
    size_t n;
    uint64_t id[CONTROL_MAX_IDS];
};

struct rollcall {
    struct loop *loop;
    struct bus *bus;
    struct rollcall_self self;
    const struct rollcall_events *events;
    void *arg;
    void *socket;
    struct guarded *guarded; /* the socket's */
    struct presence presence;
    uint64_t key; /* by which we were welcomed */
    bool refused; /* the socket is to be closed for a while */
    struct exclusion exclusion;
    mono_ns shut_until; /* no socket before that; 0: there is one */
    struct wakeup *wakeup;
    struct wire_arena *arena;
    struct complaint *malformed;
    struct log_gate socket_gate;
    struct words taken, busy;
    uint64_t *all; /* a full list; grows to what was needed so far */
    size_t room;
    uint8_t bytes[WIRE_MAX_BYTES];
};

/* ── Saying ────────────────────────────────────────────────────────────── */

static struct control new_message(const struct rollcall *r, enum control_kind kind)
{
    struct control c = { .kind = kind, .lane = r->self.lane, .nonce = r->self.nonce };
    snprintf(c.worker, sizeof c.worker, "%s", r->self.worker);
    return c;
}

static bool say(struct rollcall *r, const struct control *c)
{
    int len = wire_pack_control(c, r->bytes, sizeof r->bytes);
    return len > 0 && r->socket && bus_send(r->socket, r->bytes, (size_t)len) == 0;
}

static void say_hello(struct rollcall *r)
{
    struct control c = new_message(r, CONTROL_HELLO);
    memcpy(c.location, r->self.config->worker.location, sizeof c.location);
    snprintf(c.software, sizeof c.software, "%s", daemon_software());
    c.slots = r->self.config->worker.slots;
    say(r, &c);
}

/* False when they are too many to be told, or there is no memory for them. */
static bool list_all(struct rollcall *r, size_t *n)
{
    *n = r->events->list(r->arg, r->all, r->room);
    if (*n <= r->room || *n > MOST_IDS)
        return *n <= r->room;
    size_t room = (*n + CONTROL_MAX_IDS - 1) / CONTROL_MAX_IDS * CONTROL_MAX_IDS;
    uint64_t *all = realloc(r->all, room * sizeof *all);
    if (!all)
        return false;
    r->all = all;
    r->room = room;
    *n = r->events->list(r->arg, r->all, r->room);
    return *n <= r->room;
}

/* Stops at a part that cannot be sent, so that those which arrive are those from
 * the first on: see gather.h of the coordinator. */
static void say_parts(struct rollcall *r, struct control *c, size_t n)
{
    c->parts = (uint32_t)((n + CONTROL_MAX_IDS - 1) / CONTROL_MAX_IDS);
    for (c->part = 0; c->part < c->parts; c->part++) {
        size_t from = (size_t)c->part * CONTROL_MAX_IDS, left = n - from;
        c->ids = r->all + from;
        c->n_ids = left < CONTROL_MAX_IDS ? left : CONTROL_MAX_IDS;
        if (!say(r, c))
            return;
    }
}

static void say_heartbeat(struct rollcall *r, bool full)
{
    struct control c = new_message(r, CONTROL_HEARTBEAT);
    size_t n = 0;
    r->events->beat(r->arg, &c);
    bool listed = full && list_all(r, &n);
    if (listed && n > CONTROL_MAX_IDS) {
        say_parts(r, &c, n);
        return;
    }
    c.all_ids = listed;
    c.ids = r->all;
    c.n_ids = listed ? n : 0;
    say(r, &c);
}

static void say_words(struct rollcall *r, struct words *w, enum control_kind kind)
{
    if (w->n == 0)
        return;
    struct control c = new_message(r, kind);
    c.ids = w->id;
    c.n_ids = w->n;
    say(r, &c);
    w->n = 0;
}

static void add_word(struct rollcall *r, struct words *w, enum control_kind kind, uint64_t job_id)
{
    w->id[w->n++] = job_id;
    if (w->n == CONTROL_MAX_IDS)
        say_words(r, w, kind);
}

void rollcall_taken(struct rollcall *r, uint64_t job_id)
{
    add_word(r, &r->taken, CONTROL_TAKEN, job_id);
}

void rollcall_busy(struct rollcall *r, uint64_t job_id)
{
    add_word(r, &r->busy, CONTROL_BUSY, job_id);
}

void rollcall_flush(struct rollcall *r)
{
    say_words(r, &r->taken, CONTROL_TAKEN);
    say_words(r, &r->busy, CONTROL_BUSY);
}

bool rollcall_welcomed(const struct rollcall *r)
{
    return r->presence.welcomed;
}

uint64_t rollcall_key(const struct rollcall *r)
{
    return r->key;
}

void rollcall_each_dropped(const struct rollcall *r, dropped_fn *fn, void *arg)
{
    complaint_each(r->malformed, fn, arg);
}

void rollcall_draining(struct rollcall *r)
{
    struct control c = new_message(r, CONTROL_DRAINING);
    say(r, &c);
}

void rollcall_goodbye(struct rollcall *r, const char *why)
{
    struct control c = new_message(r, CONTROL_GOODBYE);
    snprintf(c.text, sizeof c.text, "%s", why);
    say(r, &c);
}

/* ── Hearing ───────────────────────────────────────────────────────────── */

/* A coordinator that listens everywhere does not know by which address of its we came. */
static void at_our_host(const struct rollcall *r, char endpoint[ENDPOINT_SIZE])
{
    char host[ENDPOINT_SIZE], at[ENDPOINT_SIZE];
    endpoint_host(r->self.where, host, sizeof host);
    if (*host && strcmp(host, "*") != 0 && endpoint_is_everywhere(endpoint) &&
        endpoint_at(endpoint, host, at, sizeof at) == 0)
        memcpy(endpoint, at, sizeof at);
}

static void hear_welcome(struct rollcall *r, const struct control *c, mono_ns now)
{
    struct control told = *c;
    at_our_host(r, told.jobs);
    at_our_host(r, told.results);
    exclusion_over(&r->exclusion);
    r->key = c->key;
    if (r->events->welcomed(r->arg, &told))
        presence_welcomed(&r->presence, c->nonce, now);
    else
        presence_standby(&r->presence, now);
}

void rollcall_set_aside(struct rollcall *r)
{
    presence_standby(&r->presence, loop_now(r->loop));
}

/* The socket is closed in on_step, since this is called while it is read. */
static void hear_refused(struct rollcall *r, const char *why)
{
    r->refused = true;
    r->events->refused(r->arg, why);
}

static void hear(struct rollcall *r, const struct control *c)
{
    mono_ns now = loop_now(r->loop);

    switch (c->kind) {
    case CONTROL_WELCOME: hear_welcome(r, c, now); return;
    case CONTROL_REFUSED: hear_refused(r, c->text); return;
    case CONTROL_STANDBY:
        presence_standby(&r->presence, now);
        r->events->standby(r->arg);
        return;
    case CONTROL_RECORDED: r->events->recorded(r->arg, c->ids, c->n_ids); break;
    case CONTROL_DRAIN: r->events->drain(r->arg); break;
    case CONTROL_BEAT: r->events->beaten(r->arg, c); break;
    default: /* what only we say, which harms nobody */ break;
    }
    presence_heard(&r->presence, c->nonce, now);
}

static void on_step(void *arg);

static void on_readable(void *arg)
{
    struct rollcall *r = arg;
    struct bus_message m;

    for (int i = 0; i < MESSAGES_A_TURN && !r->refused; i++) {
        struct control c;
        struct err err = { 0 };
        int got = bus_take(r->socket, &m);
        if (got == -EBADMSG) {
            complaint_note(r->malformed, bus_message_from(&m), BUS_NO_MESSAGE);
            continue;
        }
        if (got <= 0)
            break;
        if (wire_unpack_control(r->arena, m.bytes, m.len, &c, &err) < 0)
            complaint_note(r->malformed, bus_message_from(&m), err.text);
        else
            hear(r, &c);
        bus_message_done(&m);
    }
    wakeup_at(r->wakeup, r->refused ? 0 : presence_next(&r->presence));
}

/* ZeroMQ does not connect it again: the silence that follows does, see presence.h. */
static void on_cut(void *arg, const char *peer, const char *why)
{
    struct rollcall *r = arg;
    complaint_note(r->malformed, peer, why);
}

/* ── Times and sockets ─────────────────────────────────────────────────── */

static int connect_socket(struct rollcall *r, struct err *err)
{
    int rc = bus_open_guarded(r->bus, LANE_CONTROL, SIDE_FROM, r->self.where,
                              &(struct bus_witness){ r->loop, on_cut, r }, &r->socket, &r->guarded, err);
    if (rc == 0)
        rc = loop_watch(r->loop, r->socket, on_readable, r);
    return rc;
}

static void disconnect(struct rollcall *r)
{
    if (!r->socket)
        return;
    loop_unwatch(r->loop, r->socket);
    guarded_free(moved(r->guarded));
    bus_close(moved(r->socket));
}

/* Without a socket nothing is said, and the next silence tries again. */
static void connect_again(struct rollcall *r)
{
    struct err err = { 0 };
    if (connect_socket(r, &err) < 0) {
        uint64_t held;
        if (log_gate_open(&r->socket_gate, loop_now(r->loop), &held))
            log_warn("control.no_socket", "lane=%u held_back=%llu: %s", r->self.lane,
                     (unsigned long long)held, err.text);
        disconnect(r);
    }
}

static void stay_away(struct rollcall *r, bool stranger)
{
    char why[160];
    r->shut_until = exclusion_begin(&r->exclusion, loop_now(r->loop), r->self.nonce);
    exclusion_words(stranger, r->self.config->worker.join_ends_us, loop_wall(r->loop), why, sizeof why);
    r->events->turned_away(r->arg, r->self.where, why);
}

static void reconnect(struct rollcall *r)
{
    bool turned_away = r->guarded && guarded_turned_away(r->guarded) > 0;
    bool stranger = turned_away && guarded_met_stranger(r->guarded);
    disconnect(r);
    if (turned_away) {
        stay_away(r, stranger);
        return;
    }
    connect_again(r);
    r->events->reconnect(r->arg);
}

static bool is_shut(struct rollcall *r)
{
    mono_ns now = loop_now(r->loop);
    if (r->refused) {
        disconnect(r);
        r->refused = false;
        r->shut_until = now + ROLLCALL_MOST_PAUSE_NS;
    }
    if (r->shut_until == 0)
        return false;
    if (now < r->shut_until) {
        wakeup_at(r->wakeup, r->shut_until);
        return true;
    }
    r->shut_until = 0;
    presence_init(&r->presence, now);
    connect_again(r);
    return false;
}

static void on_step(void *arg)
{
    struct rollcall *r = arg;
    if (is_shut(r))
        return;
    unsigned acts = presence_step(&r->presence, loop_now(r->loop));
    if (acts & PRESENCE_RECONNECT)
        reconnect(r);
    if (acts & PRESENCE_HELLO)
        say_hello(r);
    if (acts & PRESENCE_BEAT)
        say_heartbeat(r, acts & PRESENCE_FULL_BEAT);
    wakeup_at(r->wakeup, r->shut_until ? r->shut_until : presence_next(&r->presence));
}

int rollcall_new(struct rollcall **ret, struct loop *l, struct bus *bus, const struct rollcall_self *self,
                 const struct rollcall_events *events, void *arg, struct err *err)
{
    scoped(rollcall) struct rollcall *r = calloc(1, sizeof *r);
    if (!r)
        return err_set(err, -ENOMEM, "no memory for the control lane");
    r->loop = l;
    r->bus = bus;
    r->self = *self;
    r->events = events;
    r->arg = arg;
    presence_init(&r->presence, loop_now(l));
    int rc = wire_arena_new(&r->arena);
    if (rc == 0)
        rc = complaint_new(&r->malformed, l, "control.malformed");
    if (rc == 0)
        rc = wakeup_new(&r->wakeup, l, on_step, r);
    if (rc < 0)
        return err_set(err, rc, "no memory for the control lane");
    rc = connect_socket(r, err);
    if (rc < 0)
        return rc;
    wakeup_at(r->wakeup, 0);
    *ret = moved(r);
    return 0;
}

void rollcall_free(struct rollcall *r)
{
    if (!r)
        return;
    disconnect(r);
    wakeup_free(r->wakeup);
    wire_arena_free(r->arena);
    complaint_free(r->malformed);
    free(r->all);
    free(r);
}
