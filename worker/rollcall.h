/* rollcall.h - a lane's conversation with one coordinator (common/control.h):
 * hello, heartbeats, what was taken or refused, what is recorded, goodbye.
 *
 * When to say something is decided in presence.h; here is the socket. Words
 * about jobs are gathered and sent together at the end of a turn. Nothing that
 * is said is kept when it cannot be sent: everything has a timeout behind it at
 * the other end, and the full heartbeat puts right what was lost.
 *
 * Endpoints of a welcome that listen everywhere (tcp://0.0.0.0:7720) are told to the
 * lane with the host at which the coordinator was found.
 */
#ifndef WORKER_ROLLCALL_H
#define WORKER_ROLLCALL_H

#include "common/bus.h"
#include "common/config.h"
#include "common/dropped.h"
#include "common/loop.h"
#include "proto/wire.h"
#include "worker/exclusion.h"

#define ROLLCALL_MOST_PAUSE_NS EXCLUSION_MOST_NS

struct rollcall;

/* Who speaks, and with whom. Borrowed, but for the members themselves. */
struct rollcall_self {
    const struct config *config;
    const char *where; /* the coordinator's control endpoint; "": none, and nothing is said */
    const char *worker;
    uint16_t lane;
    uint64_t nonce;
};

/* What the lane is told, from within the loop. What is pointed to is borrowed
 * for the call. */
struct rollcall_events {
    /* Also when it is not the first time. False: it is not believed, and asked again later. */
    bool (*welcomed)(void *arg, const struct control *c);
    void (*standby)(void *arg); /* it says that another one acts; asked again every second */
    void (*recorded)(void *arg, const uint64_t *ids, size_t n);
    void (*drain)(void *arg);
    void (*refused)(void *arg, const char *why); /* tried again after ROLLCALL_MOST_PAUSE_NS */
    void (*beaten)(void *arg,
                   const struct control *beat); /* its answer: whether to rest, and who else is there */
    /* Somebody answers, and does not let our key in; `why` is a sentence (exclusion.h). Tried again after a
     * while, of up to ROLLCALL_MOST_PAUSE_NS. */
    void (*turned_away)(void *arg, const char *where, const char *why);
    void (*reconnect)(void *arg); /* the coordinator is silent: its control socket has been made anew */

    void (*beat)(void *arg, struct control *c); /* fill in free_slots, unrecorded, lag_us, suspect and text */
    /* The ids of all jobs in hand or unrecorded: their number; when that is more
     * than max, nothing is written. */
    size_t (*list)(void *arg, uint64_t *ids, size_t max);
};

int rollcall_new(struct rollcall **ret, struct loop *l, struct bus *bus, const struct rollcall_self *self,
                 const struct rollcall_events *events, void *arg, struct err *err);
void rollcall_free(struct rollcall *r); /* NULL is fine */
DEFINE_SCOPED(rollcall, struct rollcall *, rollcall_free)

/* Gathered until rollcall_flush, which the lane calls at the end of each turn. */
void rollcall_taken(struct rollcall *r, uint64_t job_id);
void rollcall_busy(struct rollcall *r, uint64_t job_id);
void rollcall_flush(struct rollcall *r);

uint64_t rollcall_key(const struct rollcall *r);  /* by which we were welcomed; 0: none, or not yet */
void rollcall_set_aside(struct rollcall *r);      /* as if it had said that it stands by */
bool rollcall_welcomed(const struct rollcall *r); /* and the coordinator not silent since */
/* Who sent what was dropped, see dropped_each. */
void rollcall_each_dropped(const struct rollcall *r, dropped_fn *fn, void *arg);

void rollcall_draining(struct rollcall *r);
void rollcall_goodbye(struct rollcall *r, const char *why);

#endif
