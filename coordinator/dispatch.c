#include "coordinator/dispatch.h"

#include "common/log.h"
#include "proto/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_NS    (50 * NS_PER_MS) /* a lane is ready and its link is not there yet */
#define BATCH_BYTES (WIRE_MAX_BYTES - 1024)

struct dispatch {
    struct parts *parts;
    struct {
        void *socket;
        char endpoint[ENDPOINT_SIZE];
    } at[CONFIG_MAX_LOCATIONS];
    mono_ns retry;
    uint64_t refused;
    struct log_gate gate;

    /* the batch that is being filled */
    struct job job[DISPATCH_BATCH];
    char avoid[DISPATCH_BATCH][WORKER_NAME_SIZE];
    size_t n;
    uint8_t bytes[WIRE_MAX_BYTES];
};

static int open_location(struct dispatch *d, struct bus *bus, unsigned i, struct err *err)
{
    char endpoint[ENDPOINT_SIZE];
    int r = config_jobs_endpoint(d->parts->config, i, endpoint, sizeof endpoint, err);
    if (r == 0)
        r = bus_open(bus, LANE_JOBS, SIDE_FROM, endpoint, &d->at[i].socket, err);
    if (r == 0)
        r = bus_endpoint(d->at[i].socket, d->at[i].endpoint, sizeof d->at[i].endpoint);
    return r;
}

int dispatch_new(struct dispatch **ret, struct bus *bus, struct parts *parts, struct err *err)
{
    scoped(dispatch) struct dispatch *d = calloc(1, sizeof *d);
    if (!d)
        return -ENOMEM;
    d->parts = parts;
    d->retry = MONO_NEVER;
    for (unsigned i = 0; i < parts->n_locations; i++) {
        int r = open_location(d, bus, i, err);
        if (r < 0)
            return r;
    }
    *ret = moved(d);
    return 0;
}

void dispatch_free(struct dispatch *d)
{
    if (!d)
        return;
    for (unsigned i = 0; i < CONFIG_MAX_LOCATIONS; i++)
        bus_close(d->at[i].socket);
    free(d);
}

const char *dispatch_endpoint(const struct dispatch *d, unsigned location)
{
    return d->at[location].endpoint;
}

/* ── A batch ───────────────────────────────────────────────────────────── */

/* Whom a job is to avoid: as asked, or who had it and did not bring it back; and
 * only when somebody else is there, and it is not the last chance. */
static void choose_avoid(struct dispatch *d, const struct lease_order *o, char *avoid)
{
    const struct roster_lane *last = roster_lane(d->parts->roster, o->avoid_lane);
    const char *name = *o->avoid ? o->avoid : last ? last->worker : "";
    avoid[0] = '\0';
    if (*name && !o->anybody && roster_has_other(d->parts->roster, o->run.location, name)) {
        snprintf(avoid, WORKER_NAME_SIZE, "%.*s", WORKER_NAME_SIZE - 1, name);
        lease_mark_avoiding(d->parts->lease, o->job_id);
    }
}

static void refuse(struct dispatch *d, uint64_t job_id, uint64_t site_id, mono_ns now)
{
    uint64_t held;
    d->refused++;
    lease_refuse(d->parts->lease, job_id);
    if (log_gate_open(&d->gate, now, &held))
        log_error("dispatch.refused", "site=%llu held_back=%llu: a job for it cannot be written",
                  (unsigned long long)site_id, (unsigned long long)held);
}

static bool add_job(struct dispatch *d, const struct lease_order *o, mono_ns now)
{
    const struct watched *site = catalog_find(d->parts->catalog, o->run.site_id);
    if (!site) { /* cannot be: what is no longer watched was forgotten */
        refuse(d, o->job_id, o->run.site_id, now);
        return false;
    }
    char *avoid = d->avoid[d->n];
    choose_avoid(d, o, avoid);
    struct job *j = &d->job[d->n++];
    *j = (struct job){
        .id = o->job_id,
        .run = {.site_id = site->id, .slot_us = o->run.slot_us, .look = o->run.look},
        .attempt = o->attempt,
        .url = site->url,
        .method = site->manner->method,
        .timeout_ms = site->manner->timeout_ms,
        .start_by_ms = (uint32_t)(lease_taken_within(d->parts->lease) / NS_PER_MS),
        .status = site->manner->status,
        .contains = site->manner->contains,
        .full_handshake = site->manner->full_handshake,
        .avoid = avoid,
    };
    memcpy(j->run.location, d->parts->location[o->run.location], LOCATION_SIZE);
    return true;
}

static void fill(struct dispatch *d, unsigned location, size_t most, mono_ns now)
{
    struct lease_order o;
    size_t bytes = 0;

    d->n = 0;
    while (d->n < most && lease_take(d->parts->lease, location, now, &o)) {
        if (!add_job(d, &o, now))
            continue;
        bytes += wire_job_size(&d->job[d->n - 1]);
        if (bytes > BATCH_BYTES && d->n > 1) {
            d->n--;
            lease_unsend(d->parts->lease, o.job_id);
            break;
        }
    }
}

static int send_jobs(struct dispatch *d, unsigned location, const struct job *jobs, size_t n, mono_ns now)
{
    struct job_batch batch = {
        .epoch = d->parts->epoch,
        .stamp_ms = now / NS_PER_MS,
        .jobs = jobs,
        .n_jobs = n,
    };
    int len = wire_pack_jobs(&batch, d->bytes, sizeof d->bytes);
    return len < 0 ? len : bus_send(d->at[location].socket, d->bytes, (size_t)len);
}

/* Back into the queue, the last one first, so that the order stays. */
static void unsend(struct dispatch *d, size_t from)
{
    for (size_t i = d->n; i-- > from;)
        lease_unsend(d->parts->lease, d->job[i].id);
}

/* One of them cannot be written: find out which by sending each alone. */
static int send_singly(struct dispatch *d, unsigned location, mono_ns now)
{
    for (size_t i = 0; i < d->n; i++) {
        int r = send_jobs(d, location, &d->job[i], 1, now);
        if (r == -EINVAL || r == -EMSGSIZE) {
            refuse(d, d->job[i].id, d->job[i].run.site_id, now);
        } else if (r < 0) {
            unsend(d, i);
            return r;
        }
    }
    return 0;
}

static int send_batch(struct dispatch *d, unsigned location, mono_ns now)
{
    int r = send_jobs(d, location, d->job, d->n, now);
    if (r == 0)
        return 0;
    if (r == -EINVAL || r == -EMSGSIZE)
        return send_singly(d, location, now);
    unsend(d, 0);
    return r;
}

/* ── A step ────────────────────────────────────────────────────────────── */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t step_location(struct dispatch *d, unsigned location, size_t most, mono_ns now)
{
    struct parts *p = d->parts;
    size_t sent = 0;
    unsigned lanes = roster_ready(p->roster, location);

    while (lanes > 0 && sent < most) {
        uint32_t window = roster_window(p->roster, location, lease_untaken(p->lease, location),
                                        lease_pipeline(p->lease, location));
        size_t n = smaller(smaller(lease_ready(p->lease, location, now), window), most - sent);
        if (n == 0)
            break;
        fill(d, location, smaller((n + lanes - 1) / lanes, DISPATCH_BATCH), now);
        if (d->n == 0)
            continue; /* all of them were refused */
        if (send_batch(d, location, now) < 0) {
            d->retry = now + RETRY_NS;
            break;
        }
        sent += d->n;
    }
    return sent;
}

size_t dispatch_step(struct dispatch *d, size_t most, mono_ns now)
{
    size_t sent = 0;
    d->retry = MONO_NEVER;
    for (unsigned i = 0; i < d->parts->n_locations && sent < most; i++)
        sent += step_location(d, i, most - sent, now);
    return sent;
}

mono_ns dispatch_next(const struct dispatch *d)
{
    return d->retry;
}

uint64_t dispatch_refused(const struct dispatch *d)
{
    return d->refused;
}
