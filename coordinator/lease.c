/* How the lease decides
 *
 * A run has one timer, and its state says what the timer means: sent, nobody has
 * taken it; taken, its result is overdue; resting, it may be sent again; queued,
 * it is too late to send it. So the life of a run is in three functions: `again`
 * (what to do with one that did not come back), `end_run` (it is over; its heir,
 * if there is one, begins), and `on_timer` (which of these).
 *
 * The one thing that is not seen from a single run is why results are missing.
 * A worker that lists a job as in its hand keeps the result until it is
 * recorded and sends it again by itself, so looking again would gain nothing;
 * and when everybody's results are missing it is the collector that is away.
 * `may_still_come` is where both are judged.
 */
#include "coordinator/lease_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BREAKER_LEAST = 8 }; /* that few overdue results say nothing about the collector */

#define LISTED_FRESH_NS  (7 * NS_PER_S)  /* full lists come every 5 s */
#define REPEATED_NS      (70 * NS_PER_S) /* a worker repeats an unrecorded result after 60 s at most */
#define ON_ITS_WAY_NS    (5 * NS_PER_S)  /* in queues between us, from a worker that is gone */
#define OVERDUE_FIRST_NS (250 * NS_PER_MS)
#define OVERDUE_AGAIN_NS NS_PER_S /* how often an overdue run is judged anew */
#define REST_FIRST_NS    (50 * NS_PER_MS)
#define REST_MOST_NS     (2 * NS_PER_S)
#define FREE_BOUNCES     2 /* answered busy that often, it goes on at once */
#define MOST_DOUBLED     5 /* times that the rest is doubled: it is REST_MOST_NS by then */

/* PUSH does not let us say to whom: with two workers every second job or so comes to
 * the one that it avoids. */
static unsigned choosy(const struct leased *r)
{
    return r->choosy > LEASE_CHOOSY ? r->choosy : LEASE_CHOOSY;
}

static bool has_heir(const struct leased *r)
{
    return r->heir.site_id != 0;
}

static void set_heir(struct lease *l, struct leased *r, const struct lease_run *heir)
{
    if (has_heir(r) && !heir)
        l->numbers.heirs--;
    if (!has_heir(r) && heir)
        l->numbers.heirs++;
    r->heir = heir ? *heir : (struct lease_run){ 0 };
}

/* Of a taken run: its worker has given up on the site by then. */
static mono_ns over_at(const struct leased *r)
{
    return r->since + (mono_ns)r->run.timeout_ms * NS_PER_MS;
}

/* Queued runs that were never sent wait for as long as it takes: the next slot
 * ends them. Others must be sent by a certain time. */
static mono_ns patience(const struct leased *r)
{
    return r->run.look > 0 || r->attempts > 0 ? r->run.until : MONO_NEVER;
}

static void queue_up(struct lease *l, struct leased *r)
{
    lease_enter_queue(l, r,
                      r->attempts > 0   ? QUEUE_AGAIN
                      : r->run.look > 0 ? QUEUE_CONFIRM
                                        : QUEUE_FRESH,
                      patience(r));
}

/* Make the struct anew for another slot of the same site. */
static void begin_anew(struct lease *l, struct leased *r, const struct lease_run *run)
{
    lease_set_job(l, r, 0);
    r->run = *run;
    r->attempts = r->bounces = 0;
    r->forgotten = r->was_taken = r->avoiding = false;
    r->last_lane = -1;
    r->listed = 0;
}

/* It is over; CAUSE_NONE: without words. */
static void end_run(struct lease *l, struct leased *r, enum cause cause)
{
    if (cause != CAUSE_NONE && !r->forgotten)
        lease_put_end(l, &r->run, r, cause);
    if (!has_heir(r)) {
        lease_remove(l, r);
        return;
    }
    struct lease_run heir = r->heir;
    set_heir(l, r, NULL);
    lease_enter(l, r, RUN_NEW, MONO_NEVER);
    begin_anew(l, r, &heir);
    queue_up(l, r);
}

/* The look is over and only its record is missing: whoever waits may go. */
static int succeed(struct lease *l, struct leased *r, const struct lease_run *next)
{
    lease_retire(l, r);
    struct leased *heir = lease_add(l, next);
    if (!heir)
        return -ENOMEM;
    queue_up(l, heir);
    return 0;
}

static void hand_over(struct lease *l, struct leased *r)
{
    struct lease_run heir = r->heir;
    set_heir(l, r, NULL);
    if (lease_reserve_ends(l) < 0 || succeed(l, r, &heir) < 0)
        lease_put_end(l, &heir, r, CAUSE_MISSED);
}

/* ── Runs begin ────────────────────────────────────────────────────────── */

/* A run of an earlier slot that is not out now gives way to the new slot, in the
 * same place of the queue: the site has waited that long. */
static void give_way(struct lease *l, struct leased *r, const struct lease_run *run)
{
    if (!r->forgotten)
        lease_put_end(l, &r->run, r, r->attempts > 0 ? CAUSE_LOST : CAUSE_MISSED);
    if (has_heir(r))
        lease_put_end(l, &r->heir, r, CAUSE_MISSED);
    set_heir(l, r, NULL);
    bool waits_its_turn = r->state == RUN_QUEUED && r->queue == QUEUE_FRESH;
    begin_anew(l, r, run);
    if (waits_its_turn)
        return; /* no timer: never sent, see patience */
    queue_up(l, r);
}

int lease_due(struct lease *l, const struct lease_run *run, mono_ns now)
{
    if (run->location >= CONFIG_MAX_LOCATIONS || run->look != 0)
        return -EINVAL;
    int e = lease_reserve_ends(l);
    if (e < 0)
        return e;

    struct leased *r = lease_find(l, run->site_id, 0, 0, run->location);
    if (!r) {
        r = lease_add(l, run);
        if (!r)
            return -ENOMEM;
        queue_up(l, r);
        return 0;
    }
    if (r->state == RUN_QUEUED || r->state == RUN_RESTING) {
        give_way(l, r, run);
        return 0;
    }
    if (r->state == RUN_TAKEN && !has_heir(r) && now >= over_at(r))
        return succeed(l, r, run);
    if (has_heir(r))
        lease_put_end(l, &r->heir, r, CAUSE_MISSED);
    set_heir(l, r, run);
    if (r->state == RUN_TAKEN)
        heap_set(&l->timers, &r->timer, over_at(r));
    return 0;
}

int lease_confirm(struct lease *l, const struct lease_run *run, const char *avoid, mono_ns now)
{
    (void)now;
    if (run->location >= CONFIG_MAX_LOCATIONS || run->look == 0 || run->look > LEASE_MAX_LOOK)
        return -EINVAL;
    if (l->numbers.confirming_runs >= LEASE_MAX_CONFIRMING)
        return -ENOSPC;
    int e = lease_reserve_ends(l);
    if (e < 0)
        return e;

    if (lease_find(l, run->site_id, run->slot_us, run->look, run->location))
        return -EALREADY;

    char *copy = *avoid ? strdup(avoid) : NULL;
    if (*avoid && !copy)
        return -ENOMEM;
    struct leased *r = lease_add(l, run);
    if (!r) {
        free(copy);
        return -ENOMEM;
    }
    r->avoid = copy;
    queue_up(l, r);
    return 0;
}

static void forget(struct lease *l, struct leased *r)
{
    set_heir(l, r, NULL);
    r->forgotten = true;
    if (r->state == RUN_QUEUED || r->state == RUN_RESTING)
        end_run(l, r, CAUSE_NONE);
}

void lease_only(struct lease *l, uint64_t site_id, uint32_t locations)
{
    for (unsigned location = 0; location < CONFIG_MAX_LOCATIONS; location++) {
        bool stays = locations >> location & 1;
        struct leased *r = stays ? NULL : lease_find(l, site_id, 0, 0, location);
        if (r)
            forget(l, r);
    }
}

void lease_forget(struct lease *l, uint64_t site_id)
{
    struct leased *r, *tmp;
    lease_only(l, site_id, 0);
    DL_FOREACH_SAFE2(l->confirming, r, tmp, next_look)
    if (r->run.site_id == site_id)
        forget(l, r);
    DL_FOREACH2(l->retired, r, next_look)
    if (r->run.site_id == site_id)
        r->forgotten = true;
}

/* ── Jobs go out ───────────────────────────────────────────────────────── */

size_t lease_ready(struct lease *l, unsigned location, mono_ns now)
{
    const struct lease_location *at = &l->at[location];
    size_t again = at->queued[QUEUE_AGAIN], tokens = purse_count(&l->purse, now);
    return at->queued[QUEUE_CONFIRM] + (again < tokens ? again : tokens) + at->queued[QUEUE_FRESH];
}

static struct leased *pick(struct lease *l, unsigned location, mono_ns now)
{
    struct lease_location *at = &l->at[location];
    if (at->queue[QUEUE_CONFIRM])
        return at->queue[QUEUE_CONFIRM];
    if (at->queue[QUEUE_AGAIN] && purse_pay(&l->purse, now))
        return at->queue[QUEUE_AGAIN];
    return at->queue[QUEUE_FRESH];
}

/* One that a worker handed back unopened, being full or to be avoided, was not
 * lost: it is sent on, and that is no repeat. */
static void count_sent(struct lease *l, const struct leased *r, int by)
{
    if (r->attempts > 1)
        l->numbers.again += (uint64_t)(int64_t)by;
    else if (r->bounces > 0)
        l->numbers.sent_on += (uint64_t)(int64_t)by;
    else if (r->run.look > 0)
        l->numbers.confirming += (uint64_t)(int64_t)by;
}

bool lease_take(struct lease *l, unsigned location, mono_ns now, struct lease_order *ret)
{
    struct leased *r = pick(l, location, now);
    if (!r)
        return false;

    lease_set_job(l, r, lease_next_job_id(l));
    r->attempts++;
    r->was_taken = r->avoiding = false;
    r->since = now;
    r->listed = 0;
    lease_enter(l, r, RUN_SENT, now + lease_taken_within(l));
    count_sent(l, r, 1);
    pace_sent(&l->at[location].pace, now);
    *ret = (struct lease_order){
        .job_id = r->job_id,
        .run = r->run,
        .attempt = r->attempts,
        .anybody = r->attempts >= l->rules.attempts || r->bounces > choosy(r),
        .avoid = r->avoid ? r->avoid : "",
        .avoid_lane = r->last_lane,
    };
    return true;
}

void lease_mark_avoiding(struct lease *l, uint64_t job_id, unsigned choosy)
{
    struct leased *r = lease_find_job(l, job_id);
    if (!r)
        return;
    r->avoiding = true;
    r->choosy = (uint8_t)(choosy < LEASE_MOST_CHOOSY ? choosy : LEASE_MOST_CHOOSY);
}

void lease_unsend(struct lease *l, uint64_t job_id)
{
    struct leased *r = lease_find_job(l, job_id);
    if (!r || r->state != RUN_SENT)
        return;
    count_sent(l, r, -1);
    if (r->queue == QUEUE_AGAIN)
        purse_refund(&l->purse);
    r->attempts--;
    lease_enter_head(l, r, patience(r));
}

void lease_refuse(struct lease *l, uint64_t job_id)
{
    struct leased *r = lease_find_job(l, job_id);
    if (r)
        end_run(l, r, CAUSE_LOST);
}

/* ── Workers speak ─────────────────────────────────────────────────────── */

static void hold(struct lease *l, struct leased *r, int lane, mono_ns now)
{
    r->holder = lane + 1;
    r->was_taken = true;
    r->since = now;
    r->late_at = now + (mono_ns)r->run.timeout_ms * NS_PER_MS + l->rules.grace;
    lease_enter(l, r, RUN_TAKEN, has_heir(r) ? over_at(r) : r->late_at);
}

/* Late is better than not at all: a job that is about to be repeated, because
 * nobody seemed to have taken it, need not be. */
bool lease_taken(struct lease *l, uint64_t job_id, int lane, mono_ns now, struct lease_run *ret)
{
    struct leased *r = lease_find_job(l, job_id);
    if (!r || r->was_taken || !lease_is_there(l, r, lane))
        return false;
    pace_taken(&l->at[r->key.location].pace, now - r->since, now);
    purse_earn(&l->purse);
    hold(l, r, lane, now);
    *ret = r->run;
    return true;
}

enum lease_bounce lease_busy(struct lease *l, uint64_t job_id, mono_ns now)
{
    struct leased *r = lease_find_job(l, job_id);
    if (!r || (r->state != RUN_SENT && r->state != RUN_TAKEN))
        return LEASE_NOT_OUT;
    enum lease_bounce why = r->avoiding ? LEASE_AVOIDED : LEASE_FULL;
    if (r->forgotten || r->retired || r->bounces >= choosy(r) + LEASE_MORE_BOUNCES || now >= r->run.until) {
        end_run(l, r, CAUSE_LOST);
        return why;
    }
    r->attempts--;
    r->bounces++;
    r->was_taken = true; /* whatever is still said about this job is no news */
    if (r->bounces <= FREE_BOUNCES || (why == LEASE_AVOIDED && r->bounces <= choosy(r))) {
        queue_up(l, r);
        return why;
    }
    int doubled = r->bounces - FREE_BOUNCES - 1;
    mono_ns rest = REST_FIRST_NS << (doubled < MOST_DOUBLED ? doubled : MOST_DOUBLED);
    lease_enter(l, r, RUN_RESTING, now + (rest < REST_MOST_NS ? rest : REST_MOST_NS));
    return why;
}

/* It did not come back. */
static void again(struct lease *l, struct leased *r, mono_ns now)
{
    if (r->attempts >= l->rules.attempts || now >= r->run.until || r->forgotten || r->retired) {
        end_run(l, r, CAUSE_LOST);
        return;
    }
    if (r->state == RUN_TAKEN && r->holder != LEASE_NOBODY)
        r->last_lane = r->holder - 1;
    queue_up(l, r);
}

void lease_holds(struct lease *l, int lane, const uint64_t *ids, size_t n, mono_ns now)
{
    for (size_t i = 0; i < n; i++) {
        struct leased *r = lease_find_job(l, ids[i]);
        if (!r)
            continue;
        if (!r->was_taken && lease_is_there(l, r, lane))
            hold(l, r, lane, now);
        if (r->state == RUN_TAKEN && r->holder == lane + 1)
            r->listed = now;
    }
    struct leased *r, *tmp;
    DL_FOREACH_SAFE (l->held[lane + 1], r, tmp)
        if (r->listed != now && now - r->since >= LEASE_HEARTBEAT_NS && !lease_breaker_open(l, now))
            again(l, r, now);
}

void lease_lane_lost(struct lease *l, int lane, mono_ns now)
{
    struct leased *r, *tmp;
    DL_FOREACH_SAFE (l->held[lane + 1], r, tmp) {
        r->last_lane = lane;
        r->listed = 0;
        lease_set_holder(l, r, LEASE_NOBODY);
        heap_set(&l->timers, &r->timer, now + LEASE_SETTLE_NS);
    }
}

bool lease_recorded(struct lease *l, uint64_t site_id, wall_us slot_us, uint16_t look, unsigned location,
                    mono_ns now)
{
    if (lease_breaker_open(l, now))
        l->closed_at = now;
    l->recorded_at = now;
    struct leased *r = lease_find(l, site_id, slot_us, look, location);
    if (!r || r->run.slot_us != slot_us)
        r = look == 0 ? lease_find_retired(l, site_id, slot_us, location) : NULL;
    if (!r)
        return false;
    bool counts = !r->forgotten;
    end_run(l, r, CAUSE_NONE);
    return counts;
}

/* ── Time passes ───────────────────────────────────────────────────────── */

bool lease_breaker_open(const struct lease *l, mono_ns now)
{
    return l->numbers.overdue >= BREAKER_LEAST && now - l->recorded_at >= l->rules.breaker;
}

static bool may_still_come(const struct lease *l, const struct leased *r, mono_ns now)
{
    if (r->listed && now - r->listed < LISTED_FRESH_NS) {
        bool silence = l->recorded_at <= r->since; /* nobody's result was recorded since it was taken */
        if (silence || now < r->late_at + REPEATED_NS)
            return true;
    }
    if (lease_breaker_open(l, now))
        return true;
    /* Nobody waits for one that retired: its worker is heard before it is given up. */
    if (r->retired && !r->listed && r->holder != LEASE_NOBODY && now < r->late_at + LISTED_FRESH_NS)
        return true;
    /* When the breaker has closed, the workers are still sending what they kept. */
    mono_ns more = r->holder == LEASE_NOBODY ? ON_ITS_WAY_NS : REPEATED_NS;
    return l->closed_at && now < l->closed_at + more;
}

static void on_timer(struct lease *l, struct leased *r, mono_ns now)
{
    switch (r->state) {
    case RUN_NEW: break;
    case RUN_QUEUED: end_run(l, r, CAUSE_LOST); break;
    case RUN_RESTING:
        if (now >= patience(r))
            end_run(l, r, CAUSE_LOST);
        else
            queue_up(l, r);
        break;
    case RUN_SENT: again(l, r, now); break;
    case RUN_TAKEN:
        if (has_heir(r) && now >= over_at(r))
            hand_over(l, r);
        if (now < r->late_at && r->holder != LEASE_NOBODY) {
            heap_set(&l->timers, &r->timer, r->late_at);
            break;
        }
        /* Counted first and judged a moment later: a hundred that fall overdue
         * together must be seen together. */
        if (!r->overdue) {
            lease_set_overdue(l, r, true);
            heap_set(&l->timers, &r->timer, now + OVERDUE_FIRST_NS);
        } else if (may_still_come(l, r, now)) {
            heap_set(&l->timers, &r->timer, now + OVERDUE_AGAIN_NS);
        } else {
            again(l, r, now);
        }
        break;
    }
}

void lease_step(struct lease *l, mono_ns now)
{
    while (heap_first_key(&l->timers) <= now)
        on_timer(l, heap_owner(heap_first(&l->timers), struct leased, timer), now);
}

mono_ns lease_next(const struct lease *l)
{
    return heap_first_key(&l->timers);
}

void lease_excuse(struct lease *l, mono_ns gap)
{
    struct leased *r, *tmp;
    heap_shift(&l->timers, gap);
    HASH_ITER (hh_key, l->by_key, r, tmp) {
        r->late_at += gap;
        if (r->listed)
            r->listed += gap;
    }
    l->recorded_at += gap;
}
