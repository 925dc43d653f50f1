#include "coordinator/dispatch.h"

#include "common/log.h"
#include "coordinator/bundle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_NS (50 * NS_PER_MS) /* a lane is ready and its link is not there yet */

struct dispatch {
    struct parts *parts;
    struct {
        void *socket;
        char endpoint[ENDPOINT_SIZE];
        bool keyed;
    } at[CONFIG_MAX_LOCATIONS];
    mono_ns retry;
    uint64_t told; /* of those that were refused */
    struct log_gate gate;

    struct bundle bundle; /* that is being filled */
};

static int open_location(struct dispatch *d, struct bus *bus, unsigned i, struct err *err)
{
    char endpoint[ENDPOINT_SIZE];
    int r = config_jobs_endpoint(d->parts->config, i, endpoint, sizeof endpoint, err);
    if (r == 0)
        r = bus_open_jobs(bus, endpoint, d->parts->location[i], &d->at[i].socket, err);
    d->at[i].keyed = r == 0 && bus_is_keyed(bus, endpoint);
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

int dispatch_rebind(struct dispatch *d, struct err *err)
{
    int r = 0;
    for (unsigned i = 0; r == 0 && i < d->parts->n_locations; i++)
        r = d->at[i].keyed ? bus_rebind(d->at[i].socket, NULL, err) : 0;
    return r;
}

/* ── Sending ───────────────────────────────────────────────────────────── */

static int send_jobs(struct dispatch *d, unsigned location, size_t first, size_t n, mono_ns now)
{
    int len = bundle_pack(&d->bundle, d->parts, first, n, now);
    return len < 0 ? len : bus_send(d->at[location].socket, d->bundle.bytes, (size_t)len);
}

/* One of them cannot be written: find out which by sending each alone. */
static int send_singly(struct dispatch *d, unsigned location, mono_ns now)
{
    for (size_t i = 0; i < d->bundle.n; i++) {
        int r = send_jobs(d, location, i, 1, now);
        if (r == -EINVAL || r == -EMSGSIZE) {
            bundle_refuse(&d->bundle, d->parts, i);
        } else if (r < 0) {
            bundle_unsend(&d->bundle, d->parts, i);
            return r;
        }
    }
    return 0;
}

static int send_bundle(struct dispatch *d, unsigned location, mono_ns now)
{
    int r = send_jobs(d, location, 0, d->bundle.n, now);
    if (r == 0)
        return 0;
    if (r == -EINVAL || r == -EMSGSIZE)
        return send_singly(d, location, now);
    bundle_unsend(&d->bundle, d->parts, 0);
    return r;
}

static void tell_refused(struct dispatch *d, mono_ns now)
{
    uint64_t held;
    if (d->bundle.refused == d->told || !log_gate_open(&d->gate, now, &held))
        return;
    log_error("dispatch.refused", "site=%llu jobs=%llu: a job for it cannot be written",
              (unsigned long long)d->bundle.refused_site, (unsigned long long)(d->bundle.refused - d->told));
    d->told = d->bundle.refused;
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
        bundle_fill(&d->bundle, p, location, smaller((n + lanes - 1) / lanes, BUNDLE_JOBS), now);
        if (d->bundle.n == 0)
            continue; /* all of them were refused */
        if (send_bundle(d, location, now) < 0) {
            d->retry = now + RETRY_NS;
            break;
        }
        sent += d->bundle.n;
    }
    return sent;
}

size_t dispatch_step(struct dispatch *d, size_t most, mono_ns now)
{
    size_t sent = 0;
    d->retry = MONO_NEVER;
    for (unsigned i = 0; i < d->parts->n_locations && sent < most; i++)
        sent += step_location(d, i, most - sent, now);
    tell_refused(d, now);
    return sent;
}

mono_ns dispatch_next(const struct dispatch *d)
{
    return d->retry;
}

uint64_t dispatch_refused(const struct dispatch *d)
{
    return d->bundle.refused;
}
