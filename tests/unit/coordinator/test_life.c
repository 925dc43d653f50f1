/* Schedule, roster and lease together, with workers that lose things.
 *
 * A seeded model: lanes crash, hang and come back, every message may be lost or
 * be late, the collector goes away and returns, sites are paused and resumed.
 * Whatever happens:
 *
 *   - every slot that came ends exactly once: concluded, lost, missed, or
 *     withdrawn with its site
 *   - of the scheduled runs of a site at most one is out
 *   - no run is sent more often than its attempts and bounces allow
 *   - repeats are within their share
 *   - once the faults are over, everything is looked at again, on time
 *
 * VEDETTE_TEST_SEEDS=n runs more of them.
 */
#include "tests/unit/coordinator/lossy.h"

/* ── The coordinator's side ────────────────────────────────────────────── */

static void hello(int lane)
{
    struct model_lane *m = &w.lane[lane];
    struct control c = { .kind = CONTROL_HELLO, .lane = m->number, .nonce = m->nonce, .slots = SLOTS };
    enum roster_welcome how;
    strcpy(c.worker, m->worker);
    m->index = roster_hello(w.roster, &c, 0, w.now, wall_now(), &how);
    assert_true(m->index >= 0);
    if (how != ROSTER_AGAIN)
        lease_lane_lost(w.lease, m->index, w.now);
}

static void hears(struct event *e)
{
    struct model_lane *m = &w.lane[e->lane];
    struct control c = { .free_slots = e->free_slots, .unrecorded = e->unrecorded };
    struct lease_run run;
    if (e->kind == BEAT && (m->index < 0 || roster_lane(w.roster, m->index)->nonce != e->nonce) &&
        e->nonce == m->nonce)
        hello(e->lane);
    if (m->index < 0 ||
        !roster_heard(w.roster, m->index, e->nonce, (const uint8_t *)"p", 1, w.now, wall_now()))
        return;
    if (e->kind == TAKEN && lease_taken(w.lease, e->job_id, m->index, w.now, &run))
        roster_taken(w.roster, m->index);
    if (e->kind == BUSY && lease_busy(w.lease, e->job_id, w.now) == LEASE_FULL)
        roster_busy(w.roster, m->index);
    if (e->kind != BEAT)
        return;
    roster_heartbeat(w.roster, m->index, &c);
    if (e->full_list)
        lease_holds(w.lease, m->index, e->ids, e->n_ids, w.now);
}

static void is_told(struct event *e)
{
    bool concluded = lease_recorded(w.lease, e->run.site_id, e->run.slot_us, e->run.look, 0, w.now);
    if (w.lane[e->lane].index >= 0)
        roster_recorded(w.roster, w.lane[e->lane].index);
    if (concluded)
        slot_ended(e->run.site_id, e->run.slot_us, e->run.look, CONCLUDED);
    post_job_word(FORWARD, e->lane, e->job_id, &e->run);
    /* as when a look failed: another one is asked for */
    if (e->run.look == 0 && w.watched[e->run.site_id] && one_in(15)) {
        struct lease_run run = e->run;
        run.look = 1;
        run.until = w.now + 15 * S;
        struct tale *t = tale_of(run.site_id, run.slot_us, 1);
        if (!t && lease_confirm(w.lease, &run, w.lane[e->lane].worker, w.now) == 0)
            slot_came(run.site_id, run.slot_us, 1);
    }
}

static void happens(struct event *e)
{
    struct model_lane *m = &w.lane[e->lane];
    bool awake = m->up && w.now >= m->hung_until && m->nonce == e->nonce;
    switch (e->kind) {
    case JOB:
        if (m->up && m->nonce == e->nonce && w.now < m->hung_until) /* waits in its socket */
            heap_set(&w.events, &e->node, m->hung_until);
        else if (awake)
            lane_gets_job(e->lane, e);
        break;
    case TAKEN:
    case BUSY:
    case BEAT: hears(e); break;
    case RESULT:
        if (w.now >= w.collector_down_until)
            post_job_word(RECORDED, e->lane, e->job_id, &e->run);
        break;
    case RECORDED: is_told(e); break;
    case FORWARD:
        if (awake)
            lane_forgets(e->lane, e->job_id);
        break;
    }
}

static void deliver(void)
{
    while (heap_first_key(&w.events) <= w.now) {
        struct event *e = heap_owner(heap_first(&w.events), struct event, node);
        heap_drop(&w.events, &e->node);
        happens(e);
        if (heap_has(&e->node))
            continue;
        free(e->ids);
        free(e);
    }
}

static void begin_runs(bool new_slots)
{
    struct schedule_due d;
    while (new_slots && schedule_take(w.schedule, wall_now(), &d)) {
        for (uint32_t i = 0; i < d.missed; i++) {
            slot_came(d.site_id, d.missed_us + (int64_t)i * d.every_ms * US_PER_MS, 0);
            slot_ended(d.site_id, d.missed_us + (int64_t)i * d.every_ms * US_PER_MS, 0, MISSED);
        }
        slot_came(d.site_id, d.slot_us, 0);
        struct lease_run run = {
            .site_id = d.site_id,
            .slot_us = d.slot_us,
            .timeout_ms = timeout_ms_of(d.site_id),
            .every_ms = d.every_ms,
            .until = w.now + (d.next_us - wall_now()) * NS_PER_US,
        };
        assert_int_equal(lease_due(w.lease, &run, w.now), 0);
    }
}

static void send_order(const struct lease_order *o)
{
    struct tale *t = tale_of(o->run.site_id, o->run.slot_us, o->run.look);
    assert_non_null(t);
    assert_int_equal(t->fate, OPEN);
    assert_true(++t->sent <= (int)lease_rules.attempts + LEASE_MAX_BOUNCES);
    t->job = o->job_id;
    t->looked = 0;
    w.sent++;
    w.again += t->sent > 1 && o->attempt > 1;
    /* An earlier scheduled run of the site has ended, or at least its look is over, before this one goes out.
     */
    if (o->run.look == 0)
        for (int i = 1; i <= 40; i++) {
            struct tale *before =
                tale_of(o->run.site_id, o->run.slot_us - (int64_t)i * o->run.every_ms * US_PER_MS, 0);
            bool over = before && before->looked && w.now >= before->looked + (mono_ns)o->run.timeout_ms * MS;
            if (before && before->fate == OPEN && !over)
                fail_msg("site %d has two scheduled looks out at %d ms: of slots %lld (came %d ms) and %lld",
                         (int)o->run.site_id, (int)(w.now / MS), (long long)before->key.slot - WALL,
                         (int)(before->came / MS), (long long)o->run.slot_us - WALL);
        }
    /* To the lanes in turn, whoever is connected. */
    for (int i = 0; i < LANES; i++) {
        w.next_lane = (w.next_lane + 1) % LANES;
        if (w.lane[w.next_lane].up)
            break;
    }
    post_job_word(JOB, w.next_lane, o->job_id, &o->run);
}

static void end_runs(void)
{
    struct lease_end e;
    while (lease_take_end(w.lease, &e))
        slot_ended(e.run.site_id, e.run.slot_us, e.run.look, e.cause == CAUSE_LOST ? LOST : MISSED);
}

static void coordinator_turn(bool new_slots)
{
    struct roster_change x;
    struct lease_order o;
    while (roster_take_change(w.roster, w.now, &x))
        if (x.to == WORKER_DEAD || x.to == WORKER_GONE)
            lease_lane_lost(w.lease, x.lane, w.now);
    lease_step(w.lease, w.now);
    assert_true(lease_next(w.lease) > w.now);
    begin_runs(new_slots);
    end_runs();
    uint32_t window = roster_window(w.roster, 0, lease_untaken(w.lease, 0), lease_pipeline(w.lease, 0));
    while (window-- > 0 && lease_take(w.lease, 0, w.now, &o))
        send_order(&o);
}

/* ── A life ────────────────────────────────────────────────────────────── */

static void begin(uint64_t number)
{
    memset(&w, 0, sizeof w);
    seed = number * UINT64_C(0x9e3779b97f4a7c15) + 1;
    w.loss = number % 4 == 0 ? 0 : 20 << (number % 4);
    w.faults = true;
    heap_init(&w.events);
    assert_int_equal(schedule_new(&w.schedule), 0);
    assert_int_equal(lease_new(&w.lease, &lease_rules, (uint32_t)number, 0), 0);
    assert_int_equal(roster_new(&w.roster, &roster_rules), 0);
    for (uint64_t site = 1; site <= SITES; site++) {
        w.watched[site] = true;
        schedule_set(w.schedule, site, every_ms_of(site), WALL);
    }
    for (int i = 0; i < LANES; i++) {
        struct model_lane *m = &w.lane[i];
        m->index = -1;
        m->number = (uint16_t)(i % 2);
        snprintf(m->worker, sizeof m->worker, "w%d", i / 2);
    }
}

static void end(void)
{
    while (heap_first(&w.events)) {
        struct event *e = heap_owner(heap_first(&w.events), struct event, node);
        heap_drop(&w.events, &e->node);
        free(e->ids);
        free(e);
    }
    struct tale *t, *tmp;
    HASH_ITER (hh, w.tales, t, tmp) {
        HASH_DEL(w.tales, t);
        free(t);
    }
    heap_done(&w.events);
    schedule_free(w.schedule);
    lease_free(w.lease);
    roster_free(w.roster);
}

static void live(mono_ns until, bool new_slots)
{
    for (; w.now < until; w.now += STEP_MS * MS) {
        if (w.faults)
            mischief();
        deliver();
        for (int i = 0; i < LANES; i++)
            lane_step(i);
        coordinator_turn(new_slots);
    }
}

/* Of the slots that came in the second half of the calm, how many were not looked at. */
static unsigned unseen_in_calm(void)
{
    unsigned n = 0;
    struct tale *t, *tmp;
    HASH_ITER (hh, w.tales, t, tmp) {
        bool unseen = t->came >= (FAULTS_S + CALM_S / 2) * S && t->fate != CONCLUDED;
        if (unseen)
            print_message("site %d, look %d, came at %d s, fate %d, sent %d times\n", (int)t->key.site_id,
                          (int)t->key.look, (int)(t->came / S), t->fate, t->sent);
        n += unseen;
    }
    return n;
}

static void one_life(uint64_t number)
{
    begin(number);
    live(FAULTS_S * S, true);
    w.faults = false;
    w.collector_down_until = 0;
    for (int i = 0; i < LANES; i++)
        w.lane[i].hung_until = w.lane[i].down_until = w.now;
    live((FAULTS_S + CALM_S) * S, true);
    live((FAULTS_S + CALM_S + DRAIN_S) * S, false);

    struct lease_numbers n = lease_numbers(w.lease);
    assert_int_equal(n.runs, 0);
    assert_int_equal(n.in_flight + n.waiting + n.heirs + n.overdue + n.confirming_runs, 0);
    assert_int_equal(lease_untaken(w.lease, 0), 0);
    assert_int_equal(w.fates[OPEN], 0);
    assert_true(w.fates[CONCLUDED] > 1000);
    assert_int_equal(unseen_in_calm(), 0);
    uint64_t seconds = FAULTS_S + CALM_S + DRAIN_S;
    if (w.again > LEASE_BURST + seconds + w.sent / 10)
        fail_msg("%d of %d were repeats", (int)w.again, (int)w.sent);
    print_message("life %2d: %5d concluded, %4d lost, %5d missed, %4d withdrawn; %d sent, %d repeats\n",
                  (int)number, (int)w.fates[CONCLUDED], (int)w.fates[LOST], (int)w.fates[MISSED],
                  (int)w.fates[WITHDRAWN], (int)w.sent, (int)w.again);
    end();
}

static void test_lives(void **state)
{
    (void)state;
    const char *wanted = getenv("VEDETTE_TEST_SEEDS");
    uint64_t seeds = wanted ? strtoull(wanted, NULL, 10) : 12;
    for (uint64_t number = 1; number <= seeds; number++)
        one_life(number);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_lives) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
