#include "cli/capacity.h"

#include "worker/limits.h"

#include <math.h>

/* All on one virtual machine: 2 cores of an AMD EPYC, Debian 12, OpenSSL 3.0, November 2026, release
 * build, other work beside it (CPU times are up to half higher than alone). Servers and names by
 * vedette-loadgen.
 *
 * http_us: a worker in `vedette up`, 2,000 checks a second of 60,000 sites for 40 s; of it 87 for the look
 *   alone (bench_looks, one thread, 64 in hand).
 * https_us: bench_engine (750 to 760; P-256 keys, a chain of two). resumed_us: bench_looks (300), and for job
 *   and result what HTTP has.
 * coordinator_us, collector_us: in the same 40 s, 14 and 18. With few checks a second the collector's
 *   transactions have few results each, and one costs up to 80.
 * http_slot, https_slot: bench_engine, 4,000 looks that hang.
 * view: of its struct in collector/views.h, and what malloc adds. view_row: as a state, see
 * common/store/README.md. memory of sites: resident memory with 30,000, 60,000 and 1,000,000 sites; where
 * that differed, the larger. A worker's are names, of which it keeps 65,536, and 8 to 16 bytes for each site.
 * disk: bench_store, see common/store/README.md.
 * http_wire, https_wire: counters of lo in a network namespace for 2,000 looks (978 and 3,904 bytes in 12 and
 *   21.5 packets), 18 bytes of Ethernet for each packet. RSA certificates, as many sites show, add some 2 kB.
 * session: 131,072 of them in worker/tickets.c, with origins of 28 bytes. nginx and OpenSSL give 350 to 370
 *   bytes (TLS 1.2 and 1.3, without the certificate), 170 where they keep sessions themselves.
 * resumed_wire: reckoned from the handshake's parts, not measured. */
const struct figures figures_stated = {
    .http_us = 130,
    .https_us = 800,
    .resumed_us = 345,
    .coordinator_us = 15,
    .collector_us = 20,
    .http_slot = 18000,
    .https_slot = 65000,
    .process = 20000000,
    .worker_site = 400,
    .worker_sites = 65536,
    .coordinator_site = 260,
    .collector_site = 570,
    .view = 152,
    .view_row = 60,
    .session = 520,
    .look_row = 24,
    .hour_row = 10,
    .site_rows = 300,
    .fresh_row = 79,
    .fresh_hour = 32,
    .http_wire = 1194,
    .https_wire = 4291,
    .resumed_wire = 2500,
};

struct figures figures_scaled(const struct figures *f, double http_us, double https_us, double resumed_us)
{
    struct figures s = *f;
    double times = http_us / f->http_us;
    s.http_us = http_us;
    s.https_us = https_us;
    s.resumed_us = resumed_us;
    s.coordinator_us *= times;
    s.collector_us *= times;
    return s;
}

/* What looks are made of. */
struct mix {
    double http, full, resumed; /* a second */
};

/* Beyond any store and any memory; a number larger than its type would be undefined. */
static uint64_t whole(double n)
{
    return n < 1e18 ? (uint64_t)n : (uint64_t)1e18;
}

static double share(uint32_t ppm)
{
    return (double)ppm / CAPACITY_PPM;
}

static unsigned places(const struct capacity_wish *w)
{
    return w->locations ? w->locations : 1;
}

static struct mix mix_of(const struct capacity_wish *w)
{
    double all = (double)w->sites * places(w) * US_PER_S / (double)w->every_us,
           https = all * share(w->https_ppm);
    return (struct mix){ .http = all - https,
                         .full = https * (1 - share(w->resumed_ppm)),
                         .resumed = https * share(w->resumed_ppm) };
}

static void reckon_work(const struct capacity_wish *w, const struct figures *f, const struct mix *m,
                        struct capacity *c)
{
    const double busy = CAPACITY_BUSY_PERCENT / 100.0;
    double failing = share(w->failing_ppm);
    c->looks_per_s = m->http + m->full + m->resumed;
    c->https_per_s = m->full + m->resumed;
    c->in_hand =
        c->looks_per_s * (failing * (double)w->timeout_us + (1 - failing) * (double)w->look_us) / US_PER_S;
    c->worker_cores = (m->http * f->http_us + m->full * f->https_us + m->resumed * f->resumed_us) / US_PER_S;
    c->coordinator_cores = c->looks_per_s * f->coordinator_us / US_PER_S;
    c->collector_cores = c->looks_per_s * f->collector_us / US_PER_S;
    c->coordinator_full = c->coordinator_cores > busy;
    c->collector_full = c->collector_cores > busy;
    c->cores = (uint32_t)ceil((c->worker_cores + c->coordinator_cores + c->collector_cores) / busy);

    /* Each location has a share of its own. */
    double slots = c->in_hand * CAPACITY_SPARE, n = places(w);
    c->threads =
        (uint32_t)(n * fmax(1, fmax(ceil(c->worker_cores / n / busy), ceil(slots / n / CAPACITY_MAX_SLOTS))));
    c->slots = (uint32_t)fmax(64, ceil(slots / c->threads / 64) * 64);
    c->descriptors = limits_descriptors(c->threads, c->slots);
}

/* A site that is looked at from one place has none: what is seen there is its state. */
static double views(const struct capacity_wish *w)
{
    return places(w) > 1 ? places(w) : 0;
}

static void reckon_memory(const struct capacity_wish *w, const struct figures *f, struct capacity *c)
{
    double https = share(w->https_ppm), sites = (double)w->sites;
    double look = f->http_slot * (1 - https) + f->https_slot * https;
    double sessions = fmin(sites * https, (double)w->sessions * c->threads);
    double known = fmin(sites, f->worker_sites) * c->threads;
    c->worker_bytes = whole(f->process + known * f->worker_site + sessions * f->session +
                            c->in_hand * CAPACITY_SPARE * look);
    c->coordinator_bytes = whole(f->process + sites * f->coordinator_site);
    c->collector_bytes = whole(f->process + sites * (f->collector_site + views(w) * f->view));
    c->memory_bytes = c->worker_bytes + c->coordinator_bytes + c->collector_bytes;
}

static void reckon_disk(const struct capacity_wish *w, const struct figures *f, struct capacity *c)
{
    double looks_day = c->looks_per_s * 86400, hours_day = (double)w->sites * places(w) * 24;
    double keep_days = (double)w->keep_results_us / US_PER_DAY,
           hour_days = (double)w->keep_hours_us / US_PER_DAY;
    c->disk_day_bytes = whole(looks_day * f->look_row + hours_day * f->hour_row);
    c->disk_bytes = whole((double)w->sites * (f->site_rows + views(w) * f->view_row) +
                          looks_day / 16 * f->fresh_row + looks_day * keep_days * f->look_row +
                          hours_day * f->fresh_hour + hours_day * hour_days * f->hour_row);
}

void capacity_reckon(const struct capacity_wish *w, const struct figures *f, struct capacity *ret)
{
    struct mix m = mix_of(w);
    *ret = (struct capacity){ 0 };
    reckon_work(w, f, &m, ret);
    reckon_memory(w, f, ret);
    reckon_disk(w, f, ret);
    ret->wire_bits_per_s = 8 * (m.http * f->http_wire + m.full * f->https_wire + m.resumed * f->resumed_wire);
    ret->questions_per_s = ret->looks_per_s; /* each look at worst: names that may not be believed for long */
}
