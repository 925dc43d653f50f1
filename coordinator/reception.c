#include "coordinator/reception.h"

#include "common/array.h"
#include "common/complaint.h"
#include "common/daemon.h"
#include "common/endpoint.h"
#include "common/log.h"
#include "coordinator/gather.h"
#include "proto/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGES_A_TURN = 256 };
#define COUNT_LANES_NS NS_PER_S

/* Ids that a lane is to be told. */
struct news {
    uint64_t *ids;
    size_t n, room;
};

struct reception {
    struct parts *parts;
    const struct dispatch *dispatch;
    void *socket;
    struct guarded *guarded; /* the socket's */
    bool keyed;              /* whoever speaks has proved by which key */
    struct wire_arena *arena;
    struct gather *gather;
    struct news news[ROSTER_MAX_LANES];
    int dirty[ROSTER_MAX_LANES]; /* lanes with news */
    size_t n_dirty;
    uint32_t lanes; /* that there are, as counted last; until then that is good enough */
    mono_ns lanes_until;
    struct complaint *malformed;
    struct log_gate refused_gate;
    const struct bus_message *message; /* the one being dealt with */
    uint8_t bytes[WIRE_MAX_BYTES];
};

/* ── Answering ─────────────────────────────────────────────────────────── */

/* -EHOSTUNREACH when the peer is gone. Who is gone or does not drain will ask again. */
static int send_to(struct reception *r, const uint8_t *peer, size_t peer_len, struct control *c)
{
    c->nonce = r->parts->nonce;
    c->epoch = r->parts->epoch;
    c->stamp_ms = loop_now(r->parts->loop) / NS_PER_MS;
    int len = wire_pack_control(c, r->bytes, sizeof r->bytes);
    return len > 0 ? bus_send_to(r->socket, peer, peer_len, r->bytes, (size_t)len) : len;
}

static struct control reply_to(const struct control *c, enum control_kind kind)
{
    struct control reply = { .kind = kind, .lane = c->lane };
    memcpy(reply.worker, c->worker, sizeof reply.worker);
    return reply;
}

static void answer(struct reception *r, struct control *c)
{
    send_to(r, r->message->peer, r->message->peer_len, c);
}

/* It is always told; we write it down once a minute, since a stray worker that is
 * started again and again asks as often. */
static void refuse(struct reception *r, const struct control *c, const char *why)
{
    struct control reply = reply_to(c, CONTROL_REFUSED);
    uint64_t held;
    snprintf(reply.text, sizeof reply.text, "%.*s", (int)sizeof reply.text - 1, why);
    answer(r, &reply);
    if (log_gate_open(&r->refused_gate, loop_now(r->parts->loop), &held))
        log_warn("worker.refused", "worker=%s lane=%u held_back=%llu: %s", c->worker, c->lane,
                 (unsigned long long)held, why);
}

/* ── What lanes say ────────────────────────────────────────────────────── */

static void lane_lost(struct reception *r, int lane)
{
    lease_lane_lost(r->parts->lease, lane, loop_now(r->parts->loop));
    arrears_lane_lost(r->parts->arrears, lane);
    gather_forget(r->gather, lane);
    r->news[lane].n = 0;
}

static uint64_t key_of(const struct reception *r)
{
    return r->message->user.id;
}

/* What listens everywhere is reached at the host that the settings name. Without one
 * the worker tries that at which it found us; so does one of this host. */
static void advertise(const struct reception *r, char endpoint[ENDPOINT_SIZE])
{
    const char *host = r->parts->config->endpoint.advertise;
    char at[ENDPOINT_SIZE];
    if (*host && endpoint_is_everywhere(endpoint) && endpoint_at(endpoint, host, at, sizeof at) == 0)
        memcpy(endpoint, at, sizeof at);
}

static void fill_welcome(const struct reception *r, unsigned location, uint64_t key, struct control *reply)
{
    memcpy(reply->jobs, dispatch_endpoint(r->dispatch, location), sizeof reply->jobs);
    memcpy(reply->results, r->parts->results, sizeof reply->results);
    memcpy(reply->location, r->parts->location[location], sizeof reply->location);
    snprintf(reply->software, sizeof reply->software, "%s", daemon_software());
    reply->shard = (uint16_t)r->parts->config->shard;
    reply->shards = (uint16_t)r->parts->config->shards;
    reply->key = r->keyed ? 1 + key : 0;
    if (key == 0)
        return;
    advertise(r, reply->jobs);
    advertise(r, reply->results);
}

static void welcome(struct reception *r, const struct control *c, unsigned location)
{
    struct control reply = reply_to(c, CONTROL_WELCOME);
    fill_welcome(r, location, key_of(r), &reply);
    answer(r, &reply);
}

void reception_welcome_all(struct reception *r)
{
    for (int i = 0; (size_t)i < roster_end(r->parts->roster); i++) {
        const struct roster_lane *l = roster_lane(r->parts->roster, i);
        if (!l || l->health == WORKER_GONE || l->health == WORKER_DEAD)
            continue;
        struct control c = { .kind = CONTROL_WELCOME, .lane = l->number };
        memcpy(c.worker, l->worker, sizeof c.worker);
        fill_welcome(r, l->location, r->parts->lane_key[i], &c);
        send_to(r, l->peer, l->peer_len, &c); /* who is gone says hello again */
    }
}

/* A process of that name which is there: heard lately, and at the other end of its
 * connection. The kernel ends a connection with its process, so a worker that was
 * killed and started again gets its name back at once. */
static bool name_is_taken(struct reception *r, const struct control *c)
{
    const struct roster *roster = r->parts->roster;
    for (int i = 0; (size_t)i < roster_end(roster); i++) {
        if (!roster_holds(roster, i, c->worker, c->nonce, loop_now(r->parts->loop)))
            continue;
        const struct roster_lane *l = roster_lane(roster, i);
        struct control beat = { .kind = CONTROL_BEAT, .lane = l->number };
        memcpy(beat.worker, l->worker, sizeof beat.worker);
        if (send_to(r, l->peer, l->peer_len, &beat) != -EHOSTUNREACH)
            return true;
    }
    return false;
}

/* ── Who says it ───────────────────────────────────────────────────────── */

/* It is counted as what is malformed is. */
static void drop(struct reception *r, const char *why)
{
    r->parts->dropped++;
    complaint_note(r->malformed, bus_message_from(r->message), why);
}

/* A name is the key's that it came in by, for as long as a lane of it is there. */
static bool name_is_anothers(const struct reception *r, const struct control *c)
{
    const struct parts *p = r->parts;
    for (int i = 0; (size_t)i < roster_end(p->roster); i++) {
        const struct roster_lane *l = roster_lane(p->roster, i);
        if (l && l->health != WORKER_DEAD && l->health != WORKER_GONE && p->lane_key[i] != key_of(r) &&
            strcmp(l->worker, c->worker) == 0)
            return true;
    }
    return false;
}

/* What its key does not allow a hello to say; NULL. */
static const char *unfit_hello(const struct reception *r, const struct control *c)
{
    const struct access_user *u = &r->message->user;
    if (!r->keyed)
        return NULL;
    if (u->role != ACCESS_WORKER && u->role != ACCESS_SELF)
        return "its key is not a worker's";
    if (u->role == ACCESS_WORKER && strcmp(u->location, c->location) != 0)
        return "its key is for another location";
    if (name_is_anothers(r, c))
        return "another key's worker has this name; each needs one of its own (setting worker.name)";
    return NULL;
}

/* ── Hello ─────────────────────────────────────────────────────────────── */

static const char name_taken[] = "another worker that is running has this name; each needs one of its own "
                                 "(setting worker.name)";

static void on_hello(struct reception *r, const struct control *c)
{
    struct parts *p = r->parts;
    int location = parts_location(p, c->location);
    const char *unfit = unfit_hello(r, c);
    if (unfit) {
        drop(r, unfit);
        refuse(r, c, unfit);
        return;
    }
    if (location < 0) {
        refuse(r, c, "the coordinator has no such location; its setting is 'locations'");
        return;
    }
    if (name_is_taken(r, c)) {
        refuse(r, c, name_taken);
        return;
    }
    enum roster_welcome how;
    int lane = roster_hello(p->roster, c, (unsigned)location, loop_now(p->loop), loop_wall(p->loop), &how);
    if (lane < 0) {
        refuse(r, c, "the coordinator knows as many workers as it can");
        return;
    }
    p->lane_key[lane] = key_of(r);
    lease_lane_at(p->lease, lane, (unsigned)location);
    if (how != ROSTER_AGAIN) {
        lane_lost(r, lane);
        r->lanes_until = 0;
    }
    if (how == ROSTER_RESTARTED)
        log_info("worker.restarted", "worker=%s lane=%u", c->worker, c->lane);
    roster_heard(p->roster, lane, c->nonce, r->message->peer, r->message->peer_len, loop_now(p->loop),
                 loop_wall(p->loop));
    welcome(r, c, (unsigned)location);
}

static void on_taken(struct reception *r, const struct control *c, int lane)
{
    struct parts *p = r->parts;
    struct lease_run run;
    for (size_t i = 0; i < c->n_ids; i++) {
        if (!lease_taken(p->lease, c->ids[i], lane, loop_now(p->loop), &run))
            continue;
        roster_taken(p->roster, lane);
        if (run.look > 0)
            continue;
        lateness_add(&p->lateness, loop_now(p->loop), p->grid.at - run.slot_us);
        spread_add(&p->late, p->grid.at - run.slot_us);
        turns_begun(p->turns, run.site_id, run.slot_us, run.location, loop_now(p->loop));
    }
}

static void on_busy(struct reception *r, const struct control *c, int lane)
{
    bool full = false;
    struct lease *l = r->parts->lease;
    for (size_t i = 0; i < c->n_ids; i++)
        if (lease_heeds(l, c->ids[i], lane))
            full |= lease_busy(l, c->ids[i], loop_now(r->parts->loop)) == LEASE_FULL;
    if (full)
        roster_busy(r->parts->roster, lane);
}

/* Counted once a second, since each of them asks as often. */
static uint32_t count_lanes(struct reception *r)
{
    mono_ns now = loop_now(r->parts->loop);
    if (now >= r->lanes_until) {
        r->lanes = roster_present(r->parts->roster);
        r->lanes_until = now + COUNT_LANES_NS;
    }
    return r->lanes;
}

static void on_heartbeat(struct reception *r, const struct control *c, int lane)
{
    struct parts *p = r->parts;
    struct control beat = reply_to(c, CONTROL_BEAT);
    mono_ns now = loop_now(p->loop);
    const uint64_t *ids;
    size_t n;
    roster_heartbeat(p->roster, lane, c);
    if (gather_heard(r->gather, lane, c, now, &ids, &n)) {
        lease_holds(p->lease, lane, ids, n, now);
        arrears_in_hand(p->arrears, lane, ids, n, now);
    }
    beat.rest = roster_may_rest(p->roster, lane);
    beat.lanes = count_lanes(r);
    answer(r, &beat);
}

static void on_draining(struct reception *r, const struct control *c, int lane)
{
    (void)c;
    roster_draining(r->parts->roster, lane);
}

static void on_goodbye(struct reception *r, const struct control *c, int lane)
{
    (void)c;
    roster_goodbye(r->parts->roster, lane);
    lane_lost(r, lane);
}

static void (*const handlers[CONTROL_KIND_END])(struct reception *r, const struct control *c, int lane) = {
    [CONTROL_TAKEN] = on_taken,       [CONTROL_BUSY] = on_busy,       [CONTROL_HEARTBEAT] = on_heartbeat,
    [CONTROL_DRAINING] = on_draining, [CONTROL_GOODBYE] = on_goodbye,
};

/* A message of a lane that is not the one we know under that name. */
static void on_stranger(struct reception *r, const struct control *c, int lane)
{
    const struct roster_lane *known = roster_lane(r->parts->roster, lane);
    if (known && known->nonce_before == c->nonce && c->kind == CONTROL_HEARTBEAT) {
        refuse(r, c, name_taken);
        return;
    }
    struct control beat = reply_to(c, CONTROL_BEAT);
    answer(r, &beat);
}

static void deal_with(struct reception *r, const struct control *c)
{
    struct parts *p = r->parts;
    if (c->kind == CONTROL_HELLO) {
        on_hello(r, c);
        return;
    }
    if (!handlers[c->kind])
        return; /* such as only we say */
    int lane = roster_find(p->roster, c->worker, c->lane);
    if (r->keyed && lane >= 0 && p->lane_key[lane] != key_of(r)) {
        drop(r, "it speaks for a worker that came in by another key");
        return;
    }
    if (r->keyed && lane >= 0 && !lease_may_speak(p->lease, lane, c->ids, c->n_ids)) {
        drop(r, "it speaks of jobs of another location");
        return;
    }
    if (lane >= 0 && roster_heard(p->roster, lane, c->nonce, r->message->peer, r->message->peer_len,
                                  loop_now(p->loop), loop_wall(p->loop)))
        handlers[c->kind](r, c, lane);
    else
        on_stranger(r, c, lane);
}

void reception_each_dropped(const struct reception *r, dropped_fn *fn, void *arg)
{
    complaint_each(r->malformed, fn, arg);
}

/* ── Receiving ─────────────────────────────────────────────────────────── */

static void on_malformed(struct reception *r, const struct bus_message *m, int code, const char *why)
{
    r->parts->dropped++;
    if (code == -EPROTO) {
        struct control reply = { .kind = CONTROL_REFUSED };
        snprintf(reply.text, sizeof reply.text, "%.*s", (int)sizeof reply.text - 1, why);
        send_to(r, m->peer, m->peer_len, &reply);
    }
    complaint_note(r->malformed, bus_message_from(m), why);
}

static void on_readable(void *arg)
{
    struct reception *r = arg;
    struct bus_message m;
    struct control c;

    for (int i = 0; i < MESSAGES_A_TURN; i++) {
        struct err err = { 0 };
        int got = bus_take(r->socket, &m);
        if (got == -EBADMSG) {
            on_malformed(r, &m, got, BUS_NO_MESSAGE);
            continue;
        }
        if (got <= 0)
            return;
        r->message = &m;
        int e = wire_unpack_control(r->arena, m.bytes, m.len, &c, &err);
        if (e < 0)
            on_malformed(r, &m, e, err.text);
        else
            deal_with(r, &c);
        bus_message_done(&m);
    }
}

/* ── Recorded ──────────────────────────────────────────────────────────── */

static void tell(struct reception *r, int lane)
{
    const struct roster_lane *l = roster_lane(r->parts->roster, lane);
    struct news *n = &r->news[lane];
    for (size_t at = 0; l && at < n->n; at += CONTROL_MAX_IDS) {
        size_t left = n->n - at;
        struct control c = {
            .kind = CONTROL_RECORDED,
            .lane = l->number,
            .ids = n->ids + at,
            .n_ids = left < CONTROL_MAX_IDS ? left : CONTROL_MAX_IDS,
        };
        memcpy(c.worker, l->worker, sizeof c.worker);
        send_to(r, l->peer, l->peer_len, &c);
    }
    n->n = 0;
}

/* What is forgotten here for want of memory is asked for again: the worker sends
 * its result once more. */
void reception_recorded(struct reception *r, int lane, uint64_t job_id)
{
    struct news *n = &r->news[lane];
    if (array_room(n->ids, n->n, n->room) < 0)
        return;
    if (n->n == 0 && r->n_dirty < ROSTER_MAX_LANES)
        r->dirty[r->n_dirty++] = lane;
    n->ids[n->n++] = job_id;
}

void reception_flush(struct reception *r)
{
    while (r->n_dirty > 0)
        tell(r, r->dirty[--r->n_dirty]);
}

/* What came was more than is let in. */
static void on_cut(void *arg, const char *peer, const char *why)
{
    struct reception *r = arg;
    r->parts->dropped++;
    complaint_note(r->malformed, peer, why);
}

/* ── Life ──────────────────────────────────────────────────────────────── */

int reception_new(struct reception **ret, struct bus *bus, struct parts *parts,
                  const struct dispatch *dispatch, struct err *err)
{
    scoped(reception) struct reception *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->parts = parts;
    r->dispatch = dispatch;
    r->keyed = bus_is_keyed(bus, parts->config->endpoint.control);
    int e = wire_arena_new(&r->arena);
    if (e == 0)
        e = complaint_new(&r->malformed, parts->loop, "control.malformed");
    if (e == 0)
        e = gather_new(&r->gather, ROSTER_MAX_LANES);
    if (e == 0)
        e = bus_open_guarded(bus, LANE_CONTROL, SIDE_TO, parts->config->endpoint.control,
                             &(struct bus_witness){ parts->loop, on_cut, r }, &r->socket, &r->guarded, err);
    if (e == 0)
        e = loop_watch(parts->loop, r->socket, on_readable, r);
    if (e < 0)
        return e;
    *ret = moved(r);
    return 0;
}

int reception_revoke(struct reception *r, const struct access_list *let_in, struct err *err)
{
    struct parts *p = r->parts;
    if (!r->keyed)
        return 0;
    for (int i = 0; (size_t)i < roster_end(p->roster); i++) {
        if (!roster_lane(p->roster, i) || p->lane_key[i] == 0 || access_list_has(let_in, p->lane_key[i]))
            continue;
        roster_goodbye(p->roster, i);
        lane_lost(r, i);
    }
    return bus_rebind(r->socket, r->guarded, err);
}

void reception_free(struct reception *r)
{
    if (!r)
        return;
    if (r->socket)
        loop_unwatch(r->parts->loop, r->socket);
    guarded_free(r->guarded);
    bus_close(r->socket);
    wire_arena_free(r->arena);
    complaint_free(r->malformed);
    gather_free(r->gather);
    for (size_t i = 0; i < ROSTER_MAX_LANES; i++)
        free(r->news[i].ids);
    free(r);
}
