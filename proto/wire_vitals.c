#include "proto/wire_inside.h"

#include <errno.h>

void wire_worker_out(Vedette__V1__WorkerVitals *to, const struct worker_vitals *from)
{
    vedette__v1__worker_vitals__init(to);
    to->worker = wire_lend(from->worker);
    to->lane = from->lane;
    to->location = wire_lend(from->location);
    to->software = wire_lend(from->software);
    to->health = (Vedette__V1__WorkerHealth)from->health;
    to->doubts = from->doubts;
    to->reason = wire_lend(from->reason);
    to->joined_us = from->joined_us;
    to->heard_us = from->heard_us;
    to->slots = from->slots;
    to->in_hand = from->in_hand;
    to->descriptors = from->descriptors;
    to->descriptors_most = from->descriptors_most;
    to->done = from->done;
    to->key = from->key;
}

int wire_worker_in(struct worker_vitals *to, const Vedette__V1__WorkerVitals *from, struct err *err)
{
    if (from->lane > UINT16_MAX)
        return err_set(err, -EBADMSG, "lane %u is too high", from->lane);
    *to = (struct worker_vitals){
        .lane = (uint16_t)from->lane,
        .health = (enum worker_health)from->health,
        .doubts = from->doubts,
        .joined_us = from->joined_us,
        .heard_us = from->heard_us,
        .slots = from->slots,
        .in_hand = from->in_hand,
        .descriptors = from->descriptors,
        .descriptors_most = from->descriptors_most,
        .done = from->done,
        .key = from->key,
    };
    int r = wire_name(to->worker, sizeof to->worker, from->worker, "worker's name", err);
    if (r == 0)
        r = wire_name(to->location, sizeof to->location, from->location, "location", err);
    if (r == 0)
        r = wire_text(to->software, sizeof to->software, from->software, "software", err);
    if (r == 0)
        r = wire_text(to->reason, sizeof to->reason, from->reason, "reason", err);
    return r;
}

static int check_counts(const struct vitals *v, struct err *err)
{
    const struct {
        uint64_t n;
        const char *what;
    } rows[] = {
        {v->sites,       "sites"           },
        { v->scheduled,  "scheduled looks" },
        { v->concluded,  "concluded looks" },
        { v->missed,     "missed looks"    },
        { v->confirming, "confirming looks"},
        { v->again,      "repeated jobs"   },
        { v->in_flight,  "looks out"       },
        { v->waiting,    "waiting looks"   },
    };
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof rows / sizeof *rows; i++)
        r = wire_check_number(rows[i].n, VITALS_MAX_COUNT, rows[i].what, err);
    return r;
}

static int check_vitals(const struct vitals *v, struct err *err)
{
    if (v->n_workers > VITALS_MAX_WORKERS)
        return err_set(err, -EBADMSG, "%zu workers are more than %d", v->n_workers, VITALS_MAX_WORKERS);
    if (v->n_vacant > VITALS_MAX_VACANT)
        return err_set(err, -EBADMSG, "%u locations are more than %d", v->n_vacant, VITALS_MAX_VACANT);
    if (v->epoch > WIRE_MAX_EPOCH)
        return err_set(err, -EBADMSG, "epoch %u is more than %d", v->epoch, WIRE_MAX_EPOCH);
    if (v->part > 0 && v->part >= v->parts)
        return err_set(err, -EBADMSG, "part %u of %u, which are counted from 0", v->part, v->parts);
    int r = wire_check_instant(v->at_us, "the time", err);
    if (r == 0)
        r = wire_check_instant(v->started_us, "the start", err);
    if (r == 0)
        r = wire_check_instant(v->settled_us, "the instant before which all is settled", err);
    if (r == 0)
        r = check_counts(v, err);
    for (unsigned i = 0; r == 0 && i < v->n_vacant; i++)
        r = wire_check_location(v->vacant[i], "", err);
    for (size_t i = 0; r == 0 && i < v->n_workers; i++) {
        r = wire_check_worker_vitals(&v->workers[i], err);
        if (r < 0)
            err_where(err, r, "worker %zu", i);
    }
    return r;
}

static void numbers_out(Vedette__V1__Vitals *to, const struct vitals *v)
{
    vedette__v1__vitals__init(to);
    to->epoch = v->epoch;
    to->at_us = v->at_us;
    to->started_us = v->started_us;
    to->sites = v->sites;
    to->scheduled = v->scheduled;
    to->concluded = v->concluded;
    to->missed = v->missed;
    to->confirming = v->confirming;
    to->again = v->again;
    to->in_flight = v->in_flight;
    to->waiting = v->waiting;
    to->late_p50_us = v->late_p50_us;
    to->late_p99_us = v->late_p99_us;
    to->late_max_us = v->late_max_us;
    to->part = v->part;
    to->parts = v->parts;
    to->dropped = v->dropped;
    to->settled_us = v->settled_us;
}

int wire_pack_vitals(const struct vitals *v, struct wire_out *o)
{
    if (check_vitals(v, NULL) < 0)
        return -EINVAL;

    Vedette__V1__Vitals numbers;
    Vedette__V1__Report piece = VEDETTE__V1__REPORT__INIT;
    char *vacant[VITALS_MAX_VACANT];
    numbers_out(&numbers, v);
    for (unsigned i = 0; i < v->n_vacant; i++)
        vacant[i] = wire_lend(v->vacant[i]);
    numbers.vacant = vacant;
    numbers.n_vacant = v->n_vacant;
    piece.vitals = &numbers;
    wire_put(o, &piece.base);

    piece.vitals = NULL;
    for (size_t i = 0; i < v->n_workers; i++) {
        Vedette__V1__WorkerVitals worker, *one = &worker;
        wire_worker_out(&worker, &v->workers[i]);
        piece.n_workers = 1;
        piece.workers = &one;
        wire_put(o, &piece.base);
    }
    return 0;
}

static int workers_in(struct wire_arena *a, struct vitals *to, const Vedette__V1__Report *from,
                      struct err *err)
{
    if (from->n_workers > VITALS_MAX_WORKERS)
        return err_set(err, -EBADMSG, "%zu workers are more than %d", from->n_workers, VITALS_MAX_WORKERS);
    struct worker_vitals *workers = NULL;
    int r = wire_array(a, from->n_workers, sizeof *workers, &workers, err);
    for (size_t i = 0; r == 0 && i < from->n_workers; i++) {
        r = wire_worker_in(&workers[i], from->workers[i], err);
        if (r < 0)
            err_where(err, r, "worker %zu", i);
    }
    to->workers = workers;
    to->n_workers = from->n_workers;
    return r;
}

static int vacant_in(struct vitals *to, const Vedette__V1__Vitals *from, struct err *err)
{
    if (from->n_vacant > VITALS_MAX_VACANT)
        return err_set(err, -EBADMSG, "%zu locations are more than %d", from->n_vacant, VITALS_MAX_VACANT);
    int r = 0;
    for (; r == 0 && to->n_vacant < from->n_vacant; to->n_vacant++)
        r = wire_name(to->vacant[to->n_vacant], LOCATION_SIZE, from->vacant[to->n_vacant], "location", err);
    return r;
}

int wire_vitals_in(struct wire_arena *a, struct vitals *to, const Vedette__V1__Report *m, struct err *err)
{
    const Vedette__V1__Vitals *from = m->vitals;
    if (!from)
        return err_set(err, -EBADMSG, "the vitals are missing");
    struct vitals v = {
        .epoch = from->epoch,
        .at_us = from->at_us,
        .started_us = from->started_us,
        .sites = from->sites,
        .scheduled = from->scheduled,
        .concluded = from->concluded,
        .missed = from->missed,
        .confirming = from->confirming,
        .again = from->again,
        .in_flight = from->in_flight,
        .waiting = from->waiting,
        .late_p50_us = from->late_p50_us,
        .late_p99_us = from->late_p99_us,
        .late_max_us = from->late_max_us,
        .part = from->part,
        .parts = from->parts,
        .dropped = from->dropped,
        .settled_us = from->settled_us,
    };
    int r = workers_in(a, &v, m, err);
    if (r == 0)
        r = vacant_in(&v, from, err);
    if (r == 0)
        r = check_vitals(&v, err);
    if (r == 0)
        *to = v;
    return r;
}
