/* lane.h - one thread of a worker: a loop, sockets of its own to coordinator and
 * collector, and its own looks, names, certificates and results.
 *
 * Lanes share nothing but the process. To the coordinator each is a peer with a
 * number; all lanes of a worker count as one witness.
 */
#ifndef WORKER_LANE_H
#define WORKER_LANE_H

#include "common/board.h"
#include "common/bus.h"
#include "common/config.h"
#include "common/loop.h"

#include <stdatomic.h>

struct lane_setup {
    const struct config *config; /* borrowed for the lane's life, as is the bus */
    struct bus *bus;
    const char *worker;        /* name */
    uint16_t number;           /* from 0 */
    uint64_t nonce;            /* of this process */
    uint32_t descriptors_most; /* that the process may have; 0: not known */
    struct loop_bell *ended;   /* rung when the lane has ended by itself */
    struct board *board;       /* where its numbers are shown; NULL: nowhere */
};

struct thread_lane;

/* Starts the thread and waits until its parts are made; a failure is theirs. */
int lane_start(struct thread_lane **ret, const struct lane_setup *setup, struct err *err);

/* From another thread: take no more, tell what is known, hand back what is not
 * begun to answer within two seconds, wait some seconds for results to be
 * recorded, say goodbye, end. A second time: end at once. */
void lane_drain(struct thread_lane *l);

bool lane_has_ended(const struct thread_lane *l);
mono_ns lane_turned(const struct thread_lane *l); /* when its loop last came round */

/* Waits for the end, and frees. 0, or why it ended by itself. NULL is fine. */
int lane_join(struct thread_lane *l, struct err *err);

#endif
