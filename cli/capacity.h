/* capacity.h - what so many sites need: threads, slots, descriptors, memory, disk, bandwidth.
 *
 * Arithmetic on what one check costs. Those figures are stated in capacity.c,
 * with where they were measured, or measured on this machine (measure.h). They
 * are averages: what is asked for has room for twice the looks in hand, and for
 * threads that are busy to CAPACITY_BUSY_PERCENT, beyond which lateness grows. Pure.
 */
#ifndef CLI_CAPACITY_H
#define CLI_CAPACITY_H

#include "common/clock.h"

#include <stdbool.h>
#include <stdint.h>

#define CAPACITY_BUSY_PERCENT 60
#define CAPACITY_SPARE        2    /* slots for each look in hand on average */
#define CAPACITY_MAX_SLOTS    8192 /* of one thread: more threads rather than more slots */
#define CAPACITY_PPM          1000000u

/* What one check costs, and what is kept for a site. */
struct figures {
    double http_us, https_us, resumed_us; /* CPU of the worker for one look, name and result included */
    double coordinator_us, collector_us;  /* CPU of each for one check */
    uint32_t http_slot, https_slot;       /* bytes of a look in hand */
    uint32_t process;                     /* bytes of each process with nothing to do */
    uint32_t worker_site, coordinator_site, collector_site; /* bytes in memory for each site */
    uint32_t worker_sites;                                  /* that a worker's thread remembers at most */
    uint32_t view, view_row; /* bytes of what one location sees of a site: in the collector, on disk */
    uint32_t session;        /* bytes of a TLS session kept */
    uint32_t look_row, hour_row, site_rows; /* bytes on disk */
    uint32_t fresh_row,
        fresh_hour; /* ... of a look for its first hour and a half, of an hour for its first day */
    uint32_t http_wire, https_wire, resumed_wire; /* bytes there and back, frames and names included */
};

/* Measured on a virtual machine with 2 cores; see capacity.c. */
extern const struct figures figures_stated;

/* The same costs on a machine that needs that much CPU for the worker's looks: what
 * was not measured there is stretched by as much as HTTP looks were. */
struct figures figures_scaled(const struct figures *f, double http_us, double https_us, double resumed_us);

struct capacity_wish {
    uint64_t sites;
    uint32_t locations; /* that each is looked at from; 0: one */
    int64_t every_us, timeout_us;
    int64_t look_us;      /* that a look takes when the site answers */
    uint32_t failing_ppm; /* of the sites: as if each hung until its timeout, the worst of failures */
    uint32_t https_ppm;
    uint32_t resumed_ppm;                   /* of the HTTPS looks */
    int64_t keep_results_us, keep_hours_us; /* as configured: collector.keep_results, keep_rollups */
    uint32_t sessions;                      /* worker.tls_sessions */
};

struct capacity {
    double looks_per_s, https_per_s;
    double in_hand;                                          /* looks at once, on average */
    double worker_cores, coordinator_cores, collector_cores; /* of CPU, busy */
    uint32_t threads, slots;               /* of workers, of all locations; of each thread */
    uint64_t descriptors;                  /* of one worker process with all threads */
    uint32_t cores;                        /* that the machine, or machines together, should have */
    bool coordinator_full, collector_full; /* busier than one thread should be */
    uint64_t worker_bytes, coordinator_bytes, collector_bytes, memory_bytes;
    uint64_t disk_day_bytes, disk_bytes; /* new each day; in all, with what is kept as configured */
    double wire_bits_per_s, questions_per_s;
};

void capacity_reckon(const struct capacity_wish *w, const struct figures *f, struct capacity *ret);

#endif
