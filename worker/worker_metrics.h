/* worker_metrics.h - a worker's numbers for whoever watches: each lane puts its own, which are added up, and
 * the main thread what is the process'. */
#ifndef WORKER_WORKER_METRICS_H
#define WORKER_WORKER_METRICS_H

#include "common/board.h"
#include "common/result.h"
#include "common/spread.h"
#include "worker/intake.h"
#include "worker/limits.h"
#include "worker/line.h"
#include "worker/machine.h"
#include "worker/probe.h"

extern const struct metric_table worker_metrics;

/* What a lane counts. Begin with all zero. */
struct lane_counts {
    uint64_t jobs[INTAKE_STALE + 1];
    uint64_t looks[VERDICT_COUNT][CAUSE_END];
    struct spread took[VERDICT_COUNT];
};
void lane_counts_look(struct lane_counts *c, const struct result *r); /* one that has ended */

/* A lane as it is now. */
struct lane_view {
    const struct lane_counts *counts;
    bool draining;
    size_t unrecorded;
    size_t outbox_left; /* for so many more results, those of looks under way not counted */
    const struct probes *probes;
    struct line *const *line;
    unsigned n_lines;
};
/* ... and whether it can look; if not, `why_not` (of `size` bytes) says why. */
enum board_word worker_metrics_lane(const struct lane_view *v, struct sheet *sheet, char *why_not,
                                    size_t size);

const char *lane_name(unsigned number, char buf[16]); /* "lane 0": its thread's name at the board */

/* What the process as a whole is, and what room its host leaves. */
struct worker_view {
    const char *name, *location;
    const struct limits *limits; /* as reckoned at the start */
    const struct machine_room *room;
};
void worker_metrics_process(const struct worker_view *v, struct sheet *sheet);

#endif
