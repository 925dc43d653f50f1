#include "coordinator/attendance.h"

#include "common/log.h"

#define VACANCY_EVERY_NS NS_PER_S

static const char *event_of(const struct roster_change *x)
{
    static const char *const names[] = {
        [WORKER_READY] = "worker.ready",       [WORKER_SUSPECT] = "worker.suspect",
        [WORKER_DRAINING] = "worker.draining", [WORKER_DEAD] = "worker.dead",
        [WORKER_GONE] = "worker.gone",
    };
    return x->from == WORKER_GONE && x->to == WORKER_READY ? "worker.joined" : names[x->to];
}

static void follow_roster(struct parts *p, mono_ns now)
{
    struct roster_change x;
    while (roster_take_change(p->roster, now, &x)) {
        const struct roster_lane *l = roster_lane(p->roster, x.lane);
        log_line(x.to == WORKER_DEAD || x.to == WORKER_SUSPECT ? LOG_WARN : LOG_INFO, event_of(&x),
                 "worker=%s lane=%u location=%s slots=%u in_hand=%u doubts=%d accused=%d: %s", l->worker,
                 l->number, p->location[l->location], l->slots, lease_in_hand(p->lease, x.lane), l->doubts,
                 now < l->accused_until, l->reason);
        if (x.to == WORKER_DEAD || x.to == WORKER_GONE) {
            lease_lane_lost(p->lease, x.lane, now);
            arrears_lane_lost(p->arrears, x.lane);
        }
    }
}

/* Where nobody is, looks are missed, and their sites are unknown from there. */
static void follow_vacancy(struct attendance *a, struct parts *p, mono_ns now)
{
    if (now < a->vacancy_at)
        return;
    a->vacancy_at = now + VACANCY_EVERY_NS;
    for (unsigned i = 0; i < p->n_named; i++) {
        unsigned ready = i < p->n_locations ? roster_ready(p->roster, i) : 0;
        enum vacancy_word word = vacancy_step(&p->vacancy, i, p->asked >> i & 1, ready, now);
        if (word == VACANCY_NOBODY)
            log_warn("location.nobody",
                     "location=%s: no worker is ready there%s; what it should look at is missed",
                     p->location[i],
                     i < p->n_locations ? "" : ", and the setting 'locations' does not name it");
        else if (word == VACANCY_MANNED)
            log_info("location.manned", "location=%s lanes=%u", p->location[i], ready);
    }
}

void attendance_follow(struct attendance *a, struct parts *p, mono_ns now)
{
    follow_roster(p, now);
    follow_vacancy(a, p, now);
}
