#include "proto/control.pb-c.h"
#include "proto/wire_inside.h"

#include <errno.h>
#include <string.h>

/* What each kind must have. Whatever else is in a message is bounded alike. */
enum {
    FROM_WORKER = 1, /* a worker's name */
    PLACE = 2,       /* a location, and slots */
    WELCOME = 4,     /* endpoints */
    IDS = 8,         /* may have ids */
};
static const uint8_t needs[CONTROL_KIND_END] = {
    [CONTROL_HELLO] = FROM_WORKER | PLACE, [CONTROL_WELCOME] = WELCOME,
    [CONTROL_TAKEN] = FROM_WORKER | IDS,   [CONTROL_BUSY] = FROM_WORKER | IDS,
    [CONTROL_HEARTBEAT] = FROM_WORKER,     [CONTROL_RECORDED] = IDS,
    [CONTROL_DRAINING] = FROM_WORKER,      [CONTROL_GOODBYE] = FROM_WORKER,
};

static int check_ids(const struct control *c, struct err *err)
{
    bool may = needs[c->kind] & IDS || (c->kind == CONTROL_HEARTBEAT && (c->all_ids || c->parts > 1));
    if (c->n_ids > CONTROL_MAX_IDS)
        return err_set(err, -EBADMSG, "%zu ids are more than %d", c->n_ids, CONTROL_MAX_IDS);
    if (c->n_ids > 0 && !may)
        return err_set(err, -EBADMSG, "such a message has no ids");
    for (size_t i = 0; i < c->n_ids; i++)
        if (c->ids[i] == 0)
            return err_set(err, -EBADMSG, "id %zu is 0", i);
    return 0;
}

static int check_parts(const struct control *c, struct err *err)
{
    if (c->parts > CONTROL_MAX_PARTS)
        return err_set(err, -EBADMSG, "%u parts are more than %d", c->parts, CONTROL_MAX_PARTS);
    if (c->part > 0 && c->part >= c->parts)
        return err_set(err, -EBADMSG, "there is no part %u of %u", c->part, c->parts);
    if (c->parts > 1 && (c->kind != CONTROL_HEARTBEAT || c->all_ids))
        return err_set(err, -EBADMSG, "such a message has no parts");
    return 0;
}

static int check_amounts(const struct control *c, struct err *err)
{
    int r = wire_check_number(c->slots, CONTROL_MAX_SLOTS, "slots", err);
    if (r == 0)
        r = wire_check_number(c->free_slots, CONTROL_MAX_SLOTS, "free slots", err);
    if (r == 0)
        r = wire_check_number(c->unrecorded, CONTROL_MAX_UNRECORDED, "unrecorded results", err);
    if (r == 0)
        r = wire_check_number(c->descriptors, CONTROL_MAX_DESCRIPTORS, "descriptors", err);
    if (r == 0)
        r = wire_check_number(c->descriptors_most, CONTROL_MAX_DESCRIPTORS, "descriptors at most", err);
    if (r == 0)
        r = wire_check_number(c->lanes, CONTROL_MAX_LANES, "lanes", err);
    if (r == 0)
        r = wire_check_number(c->shards, CONTROL_MAX_SHARDS, "shards", err);
    if (r == 0)
        r = wire_check_number((uint64_t)c->stamp_ms, CONTROL_MAX_STAMP_MS, "milliseconds of a clock", err);
    if (r == 0 && c->shard > 0 && c->shard >= c->shards)
        r = err_set(err, -EBADMSG, "there is no shard %u of %u", c->shard, c->shards);
    if (r == 0)
        r = wire_check_number(c->lag_us, CONTROL_MAX_LAG_US, "microseconds of lag", err);
    return r;
}

static int check_ends(const struct control *c, struct err *err)
{
    bool ended = wire_ended(c->worker, sizeof c->worker) && wire_ended(c->location, sizeof c->location) &&
                 wire_ended(c->software, sizeof c->software) && wire_ended(c->jobs, sizeof c->jobs) &&
                 wire_ended(c->results, sizeof c->results) && wire_ended(c->text, sizeof c->text);
    return ended ? 0 : err_set(err, -EBADMSG, "a text does not end");
}

static int check_control(const struct control *c, struct err *err)
{
    if (c->kind < CONTROL_HELLO || c->kind >= CONTROL_KIND_END)
        return err_set(err, -EBADMSG, "%u is no kind of control message", (unsigned)c->kind);
    unsigned need = needs[c->kind];
    int r = check_ends(c, err);
    if (r == 0 && (need & FROM_WORKER || c->worker[0]))
        r = wire_check_worker(c->worker, "", err);
    if (r == 0 && (need & PLACE || c->location[0]))
        r = wire_check_location(c->location, "", err);
    if (r == 0 && need & PLACE && c->slots == 0)
        r = err_set(err, -EBADMSG, "a lane without slots");
    if (r == 0 && need & WELCOME && (!c->jobs[0] || !c->results[0]))
        r = err_set(err, -EBADMSG, "an endpoint is missing");
    if (r == 0 && c->epoch > WIRE_MAX_EPOCH)
        r = err_set(err, -EBADMSG, "epoch %u is more than %d", c->epoch, WIRE_MAX_EPOCH);
    if (r == 0)
        r = check_amounts(c, err);
    if (r == 0)
        r = check_parts(c, err);
    if (r == 0)
        r = check_ids(c, err);
    return r < 0 ? err_where(err, r, "%s", control_kind_name(c->kind)) : 0;
}

int wire_pack_control(const struct control *c, uint8_t *buf, size_t size)
{
    int64_t delta[CONTROL_MAX_IDS];
    if (check_control(c, NULL) < 0)
        return -EINVAL;

    uint64_t before = 0;
    for (size_t i = 0; i < c->n_ids; before = c->ids[i++])
        delta[i] = (int64_t)(c->ids[i] - before);

    struct wire_out out;
    wire_out_init(&out, buf, size);
    Vedette__V1__Control m = VEDETTE__V1__CONTROL__INIT;
    m.major = WIRE_MAJOR;
    m.minor = WIRE_MINOR;
    m.kind = (Vedette__V1__ControlKind)c->kind;
    m.worker = wire_lend(c->worker);
    m.lane = c->lane;
    m.nonce = c->nonce;
    m.n_ids = c->n_ids;
    m.ids = delta;
    m.location = wire_lend(c->location);
    m.software = wire_lend(c->software);
    m.slots = c->slots;
    m.free_slots = c->free_slots;
    m.unrecorded = c->unrecorded;
    m.lag_us = c->lag_us;
    m.descriptors = c->descriptors;
    m.descriptors_most = c->descriptors_most;
    m.suspect = c->suspect;
    m.all_ids = c->all_ids;
    m.part = c->part;
    m.parts = c->parts;
    m.epoch = c->epoch;
    m.jobs = wire_lend(c->jobs);
    m.results = wire_lend(c->results);
    m.rest = c->rest;
    m.lanes = c->lanes;
    m.key = c->key;
    m.shard = c->shard;
    m.shards = c->shards;
    m.stamp_ms = c->stamp_ms;
    m.text = wire_lend(c->text);
    wire_put(&out, &m.base);
    return wire_out_done(&out);
}

/* Differences become ids where they lie: the signed and the unsigned of one
 * width may stand for each other. */
static const uint64_t *ids_in(const Vedette__V1__Control *m)
{
    uint64_t *ids = (uint64_t *)m->ids;
    for (size_t i = 1; i < m->n_ids; i++)
        ids[i] += ids[i - 1];
    return ids;
}

static int texts_in(struct control *c, const Vedette__V1__Control *m, struct err *err)
{
    int r = wire_name(c->worker, sizeof c->worker, m->worker, "worker's name", err);
    if (r == 0)
        r = wire_name(c->location, sizeof c->location, m->location, "location", err);
    if (r == 0)
        r = wire_text(c->software, sizeof c->software, m->software, "software", err);
    if (r == 0)
        r = wire_text(c->jobs, sizeof c->jobs, m->jobs, "jobs endpoint", err);
    if (r == 0)
        r = wire_text(c->results, sizeof c->results, m->results, "results endpoint", err);
    if (r == 0)
        r = wire_text(c->text, sizeof c->text, m->text, "text", err);
    return r;
}

int wire_unpack_control(struct wire_arena *a, const void *bytes, size_t len, struct control *ret,
                        struct err *err)
{
    ProtobufCMessage *message = NULL;
    int r = wire_take(a, &vedette__v1__control__descriptor, bytes, len, &message, err);
    if (r < 0)
        return r;

    const Vedette__V1__Control *m = (const Vedette__V1__Control *)message;
    if (m->lane > UINT16_MAX)
        return err_set(err, -EBADMSG, "lane %u is too high", m->lane);
    if (m->shard > UINT16_MAX || m->shards > UINT16_MAX)
        return err_set(err, -EBADMSG, "shard %u of %u is too high", m->shard, m->shards);
    struct control c = {
        .kind = (enum control_kind)m->kind,
        .lane = (uint16_t)m->lane,
        .nonce = m->nonce,
        .slots = m->slots,
        .free_slots = m->free_slots,
        .unrecorded = m->unrecorded,
        .lag_us = m->lag_us,
        .descriptors = m->descriptors,
        .descriptors_most = m->descriptors_most,
        .suspect = m->suspect,
        .all_ids = m->all_ids,
        .part = m->part,
        .parts = m->parts,
        .ids = ids_in(m),
        .n_ids = m->n_ids,
        .epoch = m->epoch,
        .rest = m->rest,
        .lanes = m->lanes,
        .key = m->key,
        .shard = (uint16_t)m->shard,
        .shards = (uint16_t)m->shards,
        .stamp_ms = m->stamp_ms,
    };
    r = texts_in(&c, m, err);
    if (r == 0)
        r = check_control(&c, err);
    if (r == 0)
        *ret = c;
    return r;
}
