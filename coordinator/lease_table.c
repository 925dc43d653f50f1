#include "coordinator/lease_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int lease_new(struct lease **ret, const struct lease_rules *rules, uint32_t epoch, mono_ns now)
{
    struct lease *l = calloc(1, sizeof *l);
    if (!l)
        return -ENOMEM;
    l->rules = *rules;
    l->epoch = epoch;
    l->recorded_at = now;
    pool_init(&l->runs, sizeof(struct leased));
    heap_init(&l->timers);
    purse_init(&l->purse, rules->again_percent, LEASE_BURST, now);
    for (unsigned i = 0; i < CONFIG_MAX_LOCATIONS; i++)
        pace_init(&l->at[i].pace, now);
    *ret = l;
    return 0;
}

void lease_free(struct lease *l)
{
    if (!l)
        return;
    struct leased *r, *tmp;
    HASH_ITER (hh_key, l->by_key, r, tmp)
        lease_remove(l, r);
    heap_done(&l->timers);
    pool_done(&l->runs);
    free(l->end);
    free(l);
}

/* ── Finding ───────────────────────────────────────────────────────────── */

static struct run_key key_of(uint64_t site_id, wall_us slot_us, uint32_t look, uint32_t location)
{
    return (struct run_key){ site_id, look > 0 ? slot_us : 0, look, location };
}

struct leased *lease_find(const struct lease *l, uint64_t site_id, wall_us slot_us, uint32_t look,
                          uint32_t location)
{
    struct run_key key = key_of(site_id, slot_us, look, location);
    struct leased *r;
    HASH_FIND(hh_key, l->by_key, &key, sizeof key, r);
    return r;
}

struct leased *lease_find_retired(const struct lease *l, uint64_t site_id, wall_us slot_us, uint32_t location)
{
    struct run_key key = { site_id, slot_us, 0, location };
    struct leased *r;
    HASH_FIND(hh_key, l->by_key, &key, sizeof key, r);
    return r;
}

struct leased *lease_find_job(const struct lease *l, uint64_t job_id)
{
    struct leased *r;
    HASH_FIND(hh_id, l->by_id, &job_id, sizeof job_id, r);
    return r;
}

/* ── Who may speak ─────────────────────────────────────────────────────── */

void lease_lane_at(struct lease *l, int lane, unsigned location)
{
    l->place[lane] = (uint8_t)(location + 1);
}

bool lease_is_there(const struct lease *l, const struct leased *r, int lane)
{
    return l->place[lane] == 0 || l->place[lane] == r->key.location + 1;
}

bool lease_heeds(const struct lease *l, uint64_t job_id, int lane)
{
    const struct leased *r = lease_find_job(l, job_id);
    if (!r || !lease_is_there(l, r, lane))
        return false;
    if (r->state != RUN_TAKEN || r->holder == lane + 1)
        return true;
    return r->holder == LEASE_NOBODY && r->last_lane == lane;
}

bool lease_may_speak(const struct lease *l, int lane, const uint64_t *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct leased *r = lease_find_job(l, ids[i]);
        if (r && !lease_is_there(l, r, lane))
            return false;
    }
    return true;
}

struct leased *lease_add(struct lease *l, const struct lease_run *run)
{
    struct leased *r = pool_take(&l->runs);
    if (!r)
        return NULL;
    /* With a place in the heap from the start, setting the timer cannot fail later. */
    if (heap_set(&l->timers, &r->timer, MONO_NEVER) < 0) {
        pool_give(&l->runs, r);
        return NULL;
    }
    r->key = key_of(run->site_id, run->slot_us, run->look, run->location);
    r->run = *run;
    r->last_lane = -1;
    HASH_ADD(hh_key, l->by_key, key, sizeof r->key, r);
    l->numbers.runs++;
    if (run->look > 0) {
        DL_APPEND2(l->confirming, r, prev_look, next_look);
        l->numbers.confirming_runs++;
    }
    return r;
}

void lease_retire(struct lease *l, struct leased *r)
{
    HASH_DELETE(hh_key, l->by_key, r);
    r->key.slot_us = r->run.slot_us;
    HASH_ADD(hh_key, l->by_key, key, sizeof r->key, r);
    r->retired = true;
    DL_APPEND2(l->retired, r, prev_look, next_look);
    l->numbers.retired++;
}

/* ── States ────────────────────────────────────────────────────────────── */

static void leave(struct lease *l, struct leased *r)
{
    struct lease_location *at = &l->at[r->key.location];
    switch (r->state) {
    case RUN_NEW: break;
    case RUN_QUEUED:
        DL_DELETE(at->queue[r->queue], r);
        at->queued[r->queue]--;
        l->numbers.waiting--;
        break;
    case RUN_RESTING: l->numbers.waiting--; break;
    case RUN_SENT:
        at->untaken--;
        l->numbers.in_flight--;
        break;
    case RUN_TAKEN:
        DL_DELETE(l->held[r->holder], r);
        l->in_hand[r->holder]--;
        l->numbers.in_flight--;
        lease_set_overdue(l, r, false);
        break;
    }
    r->state = RUN_NEW;
}

static void enter(struct lease *l, struct leased *r, enum run_state state, mono_ns at_time, bool first)
{
    struct lease_location *at = &l->at[r->key.location];
    leave(l, r);
    r->state = state;
    heap_set(&l->timers, &r->timer, at_time);
    switch (state) {
    case RUN_NEW: break;
    case RUN_QUEUED:
        if (first)
            DL_PREPEND(at->queue[r->queue], r);
        else
            DL_APPEND(at->queue[r->queue], r);
        at->queued[r->queue]++;
        l->numbers.waiting++;
        break;
    case RUN_RESTING: l->numbers.waiting++; break;
    case RUN_SENT:
        at->untaken++;
        l->numbers.in_flight++;
        break;
    case RUN_TAKEN:
        DL_APPEND(l->held[r->holder], r);
        l->in_hand[r->holder]++;
        l->numbers.in_flight++;
        break;
    }
}

void lease_enter(struct lease *l, struct leased *r, enum run_state state, mono_ns at)
{
    enter(l, r, state, at, false);
}

void lease_enter_queue(struct lease *l, struct leased *r, enum queue queue, mono_ns at)
{
    leave(l, r); /* the queue that it is in, before it forgets which */
    r->queue = queue;
    enter(l, r, RUN_QUEUED, at, false);
}

void lease_enter_head(struct lease *l, struct leased *r, mono_ns at)
{
    enter(l, r, RUN_QUEUED, at, true);
}

void lease_set_job(struct lease *l, struct leased *r, uint64_t job_id)
{
    if (r->job_id)
        HASH_DELETE(hh_id, l->by_id, r);
    r->job_id = job_id;
    if (job_id)
        HASH_ADD(hh_id, l->by_id, job_id, sizeof r->job_id, r);
}

void lease_set_holder(struct lease *l, struct leased *r, int holder)
{
    DL_DELETE(l->held[r->holder], r);
    l->in_hand[r->holder]--;
    r->holder = holder;
    DL_APPEND(l->held[r->holder], r);
    l->in_hand[r->holder]++;
}

void lease_set_overdue(struct lease *l, struct leased *r, bool overdue)
{
    if (r->overdue == overdue)
        return;
    r->overdue = overdue;
    if (overdue)
        l->numbers.overdue++;
    else
        l->numbers.overdue--;
}

void lease_remove(struct lease *l, struct leased *r)
{
    leave(l, r);
    heap_drop(&l->timers, &r->timer);
    lease_set_job(l, r, 0);
    if (r->heir.site_id)
        l->numbers.heirs--;
    HASH_DELETE(hh_key, l->by_key, r);
    l->numbers.runs--;
    if (r->run.look > 0) {
        DL_DELETE2(l->confirming, r, prev_look, next_look);
        l->numbers.confirming_runs--;
    }
    if (r->retired) {
        DL_DELETE2(l->retired, r, prev_look, next_look);
        l->numbers.retired--;
    }
    free(r->avoid);
    pool_give(&l->runs, r);
}

/* ── Ends ──────────────────────────────────────────────────────────────── */

/* Room for every run and heir to end, those of one more run among them, so that
 * an end itself never fails. */
int lease_reserve_ends(struct lease *l)
{
    size_t need = l->end_count + 2 * (l->numbers.runs + 1) + 2;
    if (need <= l->end_room)
        return 0;
    size_t room = need < 64 ? 64 : need * 2;
    struct lease_end *end = malloc(room * sizeof *end);
    if (!end)
        return -ENOMEM;
    for (size_t i = 0; i < l->end_count; i++)
        end[i] = l->end[(l->end_first + i) % l->end_room];
    free(l->end);
    l->end = end;
    l->end_room = room;
    l->end_first = 0;
    return 0;
}

/* `run` is the leased one's own, or its heir. */
void lease_put_end(struct lease *l, const struct lease_run *run, const struct leased *r, enum cause cause)
{
    bool own = run == &r->run;
    l->end[(l->end_first + l->end_count++) % l->end_room] = (struct lease_end){
        .run = *run,
        .job_id = own ? r->job_id : 0,
        .cause = cause,
        .attempts = own ? r->attempts : 0,
    };
}

bool lease_take_end(struct lease *l, struct lease_end *ret)
{
    if (l->end_count == 0)
        return false;
    *ret = l->end[l->end_first];
    l->end_first = (l->end_first + 1) % l->end_room;
    l->end_count--;
    return true;
}

/* ── Numbers ───────────────────────────────────────────────────────────── */

struct lease_numbers lease_numbers(const struct lease *l)
{
    return l->numbers;
}

static wall_us older(wall_us a, const struct lease_run *run)
{
    return run->site_id && run->look == 0 && run->slot_us < a ? run->slot_us : a;
}

wall_us lease_oldest_slot(const struct lease *l)
{
    wall_us oldest = WALL_NEVER;
    for (const struct leased *r = l->by_key; r; r = r->hh_key.next) {
        if (!r->forgotten)
            oldest = older(oldest, &r->run);
        oldest = older(oldest, &r->heir);
    }
    for (size_t i = 0; i < l->end_count; i++)
        oldest = older(oldest, &l->end[(l->end_first + i) % l->end_room].run);
    return oldest;
}

uint32_t lease_untaken(const struct lease *l, unsigned location)
{
    return l->at[location].untaken;
}

uint32_t lease_in_hand(const struct lease *l, int lane)
{
    return l->in_hand[lane + 1];
}

uint32_t lease_pipeline(const struct lease *l, unsigned location)
{
    const struct pace *p = &l->at[location].pace;
    double jobs = 2 * p->rate * (double)p->p99 / (double)NS_PER_S;
    return jobs < 65536 ? (uint32_t)jobs : 65536;
}

/* Stretched by what was measured, but to no more than four times the rule:
 * otherwise slow answers would allow still slower ones, without end. */
mono_ns lease_taken_within(const struct lease *l)
{
    mono_ns worst = 0;
    for (unsigned i = 0; i < CONFIG_MAX_LOCATIONS; i++)
        if (l->at[i].pace.p99 > worst)
            worst = l->at[i].pace.p99;
    mono_ns stretched = 4 * worst, most = 4 * l->rules.taken_within;
    if (stretched > most)
        stretched = most;
    return stretched > l->rules.taken_within ? stretched : l->rules.taken_within;
}

uint64_t lease_next_job_id(struct lease *l)
{
    return job_id_make(l->epoch, ++l->counter);
}
