/* collector_metrics.h - the collector's numbers for whoever watches: each thread puts its own. */
#ifndef COLLECTOR_COLLECTOR_METRICS_H
#define COLLECTOR_COLLECTOR_METRICS_H

#include "collector/ingest.h"
#include "collector/keeper.h"
#include "collector/notifier.h"
#include "common/board.h"
#include "common/tenure.h"

extern const struct metric_table collector_metrics;
extern const struct tenure_rows collector_tenure_rows; /* of these */

/* ... and says whether it can do its job; `why_not` has `size` bytes. */
enum board_word collector_metrics_network(const struct ingest *i, mono_ns now, struct sheet *sheet,
                                          char *why_not, size_t size);
enum board_word collector_metrics_keeper(const struct keeper *k, mono_ns now, struct sheet *sheet,
                                         char *why_not, size_t size);
enum board_word collector_metrics_notifier(const struct notifier *n, wall_us now, struct sheet *sheet);

#endif
