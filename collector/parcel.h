/* parcel.h - one report as it goes from the thread that reads the network to
 * the thread that owns the store: a copy that owns all of it. */
#ifndef COLLECTOR_PARCEL_H
#define COLLECTOR_PARCEL_H

#include "proto/wire.h"

struct parcel {
    enum report_kind kind;
    struct vitals vitals; /* vitals: its workers are in `workers` */
    struct worker_vitals *workers;
    size_t n_results;
    struct result results[];
};

struct parcel *parcel_make(const struct report *r); /* NULL: memory was short */
void parcel_free(void *parcel);                     /* NULL is fine */

#endif
