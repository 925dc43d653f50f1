/* line.h - a lane's connections with one coordinator: the conversation (rollcall.h) and
 * where its jobs come in (inlet.h).
 *
 * A lane has a line to each coordinator that the settings name. One that is away, or
 * only stands by, costs a hello a second; when it welcomes the lane, the lane says
 * whether it believes that (of two for one shard the newer one acts). While a line
 * acts, jobs come over it, and it is told of all that its docket holds.
 *
 * Resting: while the lane is in doubt of itself and others are there, a coordinator
 * tells it to rest. A line that rests has no connection for jobs, so that none is sent
 * to it.
 */
#ifndef WORKER_LINE_H
#define WORKER_LINE_H

#include "worker/docket.h"
#include "worker/inlet.h"
#include "worker/intake.h"
#include "worker/rollcall.h"

struct line;

enum line_state {
    LINE_WAITS,   /* nobody answers, or has not yet */
    LINE_ACTS,    /* jobs come over it */
    LINE_RESTS,   /* ... would, but others do the lane's work */
    LINE_STANDBY, /* another coordinator acts for its shard */
    LINE_REFUSED, /* for a while, see ROLLCALL_MOST_PAUSE_NS */
    LINE_STATE_COUNT,
};
const char *line_state_name(enum line_state s); /* "waits" */

/* What the lane is asked and told, from within the loop. */
struct line_events {
    /* A coordinator acts for that shard from now on, if it is believed: the docket, or
     * NULL. What follows from it for other lines and dockets is the lane's to do. */
    struct docket *(*welcomed)(void *lane, struct line *l, const struct control *c);
    void (*left)(void *lane, struct line *l); /* it does not act any more; its docket is still there */
    enum intake_word (*job)(void *lane, struct docket *d, const struct job *j, int64_t age_ms);
    void (*refused)(void *lane, struct line *l, const char *why);
    void (*drain)(void *lane);
    void (*beaten)(void *lane); /* an answer to a heartbeat: lanes may have changed */
    void (*beat)(void *lane, struct docket *d, struct control *c); /* what a heartbeat says */
    void (*failed)(void *lane, int code, const char *why);         /* no socket for jobs or results */
};

struct line_setup {
    struct loop *loop;
    struct bus *bus;
    struct rollcall_self self;
    bool alone; /* it is the only one: what it says of itself names no coordinator */
};

/* `setup` is copied, but for the strings in it. */
int line_new(struct line **ret, const struct line_setup *setup, const struct line_events *events, void *lane,
             struct err *err);
void line_free(struct line *l); /* NULL is fine */
DEFINE_SCOPED(line, struct line *, line_free)

enum line_state line_state(const struct line *l);
const char *line_where(const struct line *l);   /* the coordinator's control endpoint */
uint32_t line_lanes(const struct line *l);      /* of the cluster, as it said; 0: not known */
struct rollcall *line_rollcall(struct line *l); /* to say something */

const struct inlet *line_inlet(const struct line *l);

/* Another one acts: close for jobs, and ask again every second. The lane is not told. */
void line_set_aside(struct line *l);

#endif
