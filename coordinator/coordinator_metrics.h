/* coordinator_metrics.h - the coordinator's numbers for whoever watches. */
#ifndef COORDINATOR_COORDINATOR_METRICS_H
#define COORDINATOR_COORDINATOR_METRICS_H

#include "common/metrics.h"
#include "common/tenure.h"
#include "coordinator/dispatch.h"
#include "coordinator/parts.h"
#include "coordinator/reception.h"
#include "coordinator/returns.h"

extern const struct metric_table coordinator_metrics;
extern const struct tenure_rows coordinator_tenure_rows; /* of these */

/* Where they come from. */
struct coordinator_sources {
    const struct parts *parts;
    const struct dispatch *dispatch;
    const struct reception *reception;
    const struct returns *returns;
    bool store_away;
};
void coordinator_metrics_put(const struct coordinator_sources *from, struct sheet *sheet);

#endif
