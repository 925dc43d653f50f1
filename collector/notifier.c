#include "collector/notifier.h"
#include "collector/alarms.h"
#include "collector/notices.h"
#include "collector/retry.h"
#include "common/log.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

/* How deliveries are put in order
 *
 * Notices of one incident and channel form a thread, in order; only its first
 * one is tried. A thread sleeps (its alarm is set) until its first notice is
 * due. A reminder that is still waiting when a newer notice of its thread comes
 * is not sent any more: a channel that was away gets the newest word and not a
 * pile of old ones. A thread that is due queues at its channel's counter. Counters with something in
 * their queue stand in a ring, one ring for each kind of channel; whenever the
 * kind has a delivery to spare, the ring is turned to the next counter that may
 * begin another one. So a channel with ten thousand notices and one with a
 * single notice are served in turns, and one that never answers blocks no more
 * than its share.
 *
 * Deliveries are begun only in the hook after a turn of the loop: an end that
 * comes from within channel_begin then meets no half-changed lists.
 */

#define SHUT_NS (200 * NS_PER_MS) /* how often is looked whether the gate is open again */

struct entry {             /* one notice */
    struct notice *notice; /* owned */
    struct entry *prev, *next;
};

struct counter { /* one channel */
    char *channel;
    struct ring *ring;
    struct thread *queue; /* threads that are due, first come first served */
    unsigned under_way, threads;
    bool in_ring;
    struct counter *prev, *next;
    UT_hash_handle hh;
};

struct thread { /* one incident through one channel */
    struct {
        uint64_t incident_id;
        struct counter *counter;
    } key;
    struct notifier *owner;
    struct entry *entries;
    struct alarm alarm;
    bool queued, under_way;
    mono_ns begun;
    struct thread *prev, *next;
    UT_hash_handle hh;
};

struct ring { /* one kind */
    struct counter *counters;
    unsigned under_way;
    struct notifier_counts counts; /* those that only grow */
};

struct untold {
    struct told told;
    struct untold *prev, *next;
};

struct notifier {
    struct loop *loop;
    const struct config *config;
    struct channels *channels;
    notifier_told_fn *told;
    void *arg;
    struct counter *counters;
    struct thread *threads;
    struct ring ring[CHANNEL_KIND_COUNT];
    struct alarms alarms;
    struct loop_timer timer;
    struct untold *untold;
    size_t n_untold, under_way;
    bool stopped;
    const struct tenure *gate;
};

/* ── Threads and counters ──────────────────────────────────────────────── */

static struct counter *counter_for(struct notifier *n, const char *channel)
{
    struct counter *c = NULL;
    HASH_FIND_STR(n->counters, channel, c);
    if (c)
        return c;
    enum channel_kind kind = CHANNEL_CONSOLE; /* what no kind knows is refused at once, anywhere */
    const char *target;
    channel_parse(channel, &kind, &target, NULL);
    c = calloc(1, sizeof *c);
    char *copy = strdup(channel);
    if (!c || !copy) {
        free(c);
        free(copy);
        return NULL;
    }
    c->channel = copy;
    c->ring = &n->ring[kind];
    HASH_ADD_KEYPTR(hh, n->counters, c->channel, strlen(c->channel), c);
    return c;
}

static void counter_drop(struct notifier *n, struct counter *c)
{
    if (c->in_ring)
        DL_DELETE(c->ring->counters, c);
    HASH_DEL(n->counters, c);
    free(c->channel);
    free(c);
}

static struct thread *thread_for(struct notifier *n, uint64_t incident_id, struct counter *c)
{
    struct thread *t = NULL, *fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return NULL;
    fresh->key.incident_id = incident_id;
    fresh->key.counter = c;
    HASH_FIND(hh, n->threads, &fresh->key, sizeof fresh->key, t);
    if (t) {
        free(fresh);
        return t;
    }
    fresh->owner = n;
    c->threads++;
    HASH_ADD(hh, n->threads, key, sizeof fresh->key, fresh);
    return fresh;
}

/* A thread without notices goes, and its counter with the last thread. */
static void thread_drop(struct notifier *n, struct thread *t)
{
    struct counter *c = t->key.counter;
    alarms_drop(&n->alarms, &t->alarm);
    HASH_DEL(n->threads, t);
    free(t);
    if (--c->threads == 0)
        counter_drop(n, c);
}

/* notices carry wall time, waiting is on the clock that does not jump. */
static void sleep_until(struct notifier *n, struct thread *t, wall_us at)
{
    int64_t wait_us = at - loop_wall(n->loop);
    mono_ns due = loop_now(n->loop) + (wait_us > 0 ? wait_us * NS_PER_US : 0);
    if (alarms_set(&n->alarms, &t->alarm, due) < 0)
        log_error("notifier.memory", "a notice waits for the next start: out of memory");
}

/* ── Outcomes ──────────────────────────────────────────────────────────── */

static void tell(struct notifier *n, const struct told *t)
{
    if (!n->untold && n->told(n->arg, t))
        return;
    struct untold *u = t->state == NOTICE_PENDING ? NULL : malloc(sizeof *u);
    if (!u)
        return; /* of a pending one only the news is lost */
    u->told = *t;
    DL_APPEND(n->untold, u);
    n->n_untold++;
}

void notifier_offer(struct notifier *n)
{
    struct untold *u;
    while ((u = n->untold) && n->told(n->arg, &u->told)) {
        DL_DELETE(n->untold, u);
        n->n_untold--;
        free(u);
    }
}

static struct told outcome(struct notifier *n, const struct notice *notice, const struct delivery_end *end)
{
    struct told t = {
        .notice_id = notice->id,
        .incident_id = notice->incident_id,
        .site_id = notice->site_id,
        .kind = notice->kind,
        .attempts = notice->attempts + 1,
    };
    wall_us now = loop_wall(n->loop);
    channel_label(notice->channel, t.channel, sizeof t.channel);
    if (end->word == DELIVERY_DONE) {
        t.state = NOTICE_SENT;
        t.sent_us = now;
        return t;
    }
    memcpy(t.trouble, end->trouble, sizeof t.trouble);
    struct retry_rule rule = { n->config->notify.retry_first_us, n->config->notify.retry_most_us,
                               n->config->notify.give_up_us };
    wall_us again =
        retry_next(&rule, t.attempts, notice->created_us, now, end->retry_after_us, randombytes_random());
    t.state = end->word == DELIVERY_REFUSED || again == WALL_NEVER ? NOTICE_FAILED : NOTICE_PENDING;
    t.next_try_us = t.state == NOTICE_PENDING ? again : 0;
    return t;
}

/* A newer notice says all that this one would have said. */
static void supersede(struct notifier *n, struct thread *t, struct entry *e)
{
    struct told told = {
        .notice_id = e->notice->id,
        .incident_id = e->notice->incident_id,
        .site_id = e->notice->site_id,
        .kind = e->notice->kind,
        .state = NOTICE_SUPERSEDED,
        .attempts = e->notice->attempts,
    };
    channel_label(e->notice->channel, told.channel, sizeof told.channel);
    tell(n, &told);
    t->key.counter->ring->counts.superseded++;
    DL_DELETE(t->entries, e);
    notice_free(e->notice);
    free(e);
}

/* Reminders with something after them, but for one that is being delivered. */
static void drop_old_reminders(struct notifier *n, struct thread *t)
{
    struct entry *e, *next;
    DL_FOREACH_SAFE (t->entries, e, next)
        if (next && e->notice->kind == NOTICE_STILL_DOWN && !(t->under_way && e == t->entries))
            supersede(n, t, e);
}

static void log_outcome(const struct told *t, int64_t took_ms)
{
    const char *word = t->state == NOTICE_SENT ? "sent" : t->state == NOTICE_FAILED ? "failed" : "again";
    log_line(t->state == NOTICE_SENT ? LOG_INFO : LOG_WARN, "notifier.told",
             "notice=%llu incident=%llu kind=%s channel=%s outcome=%s attempts=%u took_ms=%lld: %s",
             (unsigned long long)t->notice_id, (unsigned long long)t->incident_id, notice_kind_name(t->kind),
             t->channel, word, t->attempts, (long long)took_ms, t->trouble[0] ? t->trouble : "delivered");
}

static void count_attempt(struct notifier_counts *c, enum notice_state state, mono_ns took)
{
    *(state == NOTICE_SENT ? &c->sent : state == NOTICE_FAILED ? &c->failed : &c->again) += 1;
    spread_add(&c->took, took / NS_PER_US);
}

static void on_done(void *arg, const struct delivery_end *end)
{
    struct thread *t = arg;
    struct notifier *n = t->owner;
    struct counter *c = t->key.counter;
    struct entry *e = t->entries;
    t->under_way = false;
    n->under_way--;
    c->under_way--;
    c->ring->under_way--;

    struct told told = outcome(n, e->notice, end);
    mono_ns took = clock_mono() - t->begun;
    log_outcome(&told, took / NS_PER_MS);
    count_attempt(&c->ring->counts, told.state, took);
    tell(n, &told);
    if (told.state == NOTICE_PENDING) {
        e->notice->attempts = told.attempts;
        e->notice->next_try_us = told.next_try_us;
        drop_old_reminders(n, t);
        sleep_until(n, t, t->entries->notice->next_try_us);
        return;
    }
    DL_DELETE(t->entries, e);
    notice_free(e->notice);
    free(e);
    if (t->entries)
        sleep_until(n, t, t->entries->notice->next_try_us);
    else
        thread_drop(n, t);
}

/* ── Beginning deliveries ──────────────────────────────────────────────── */

static void queue_up(struct thread *t)
{
    struct counter *c = t->key.counter;
    DL_APPEND(c->queue, t);
    t->queued = true;
    if (!c->in_ring) {
        DL_APPEND(c->ring->counters, c);
        c->in_ring = true;
    }
}

static unsigned share(const struct notifier *n)
{
    unsigned half = n->config->notify.at_once / 2;
    return half ? half : 1;
}

/* The next counter that may begin one, moved to the end of the ring. */
static struct counter *turn_ring(const struct notifier *n, struct ring *r)
{
    struct counter *c;
    DL_FOREACH (r->counters, c) {
        if (c->under_way >= share(n))
            continue;
        DL_DELETE(r->counters, c);
        DL_APPEND(r->counters, c);
        return c;
    }
    return NULL;
}

static bool begin_one(struct notifier *n, struct ring *r)
{
    struct counter *c = r->under_way < n->config->notify.at_once ? turn_ring(n, r) : NULL;
    if (!c)
        return false;
    struct thread *t = c->queue;
    DL_DELETE(c->queue, t);
    if (!c->queue) {
        DL_DELETE(r->counters, c);
        c->in_ring = false;
    }
    t->queued = false;
    t->under_way = true;
    t->begun = clock_mono();
    n->under_way++;
    c->under_way++;
    r->under_way++;
    channel_begin(n->channels, t->entries->notice, on_done, t); /* t and c may be gone now */
    return true;
}

/* Another one may deliver the same, once our lease has ended. */
static bool is_shut(const struct notifier *n)
{
    return n->gate && !tenure_leads(n->gate, clock_mono());
}

static void after_turn(void *arg)
{
    struct notifier *n = arg;
    bool shut = is_shut(n), begun = !n->stopped && !shut;
    while (begun) {
        struct alarm *a;
        while ((a = alarms_take(&n->alarms, loop_now(n->loop))))
            queue_up((struct thread *)((char *)a - offsetof(struct thread, alarm)));
        begun = false;
        for (unsigned i = 0; i < CHANNEL_KIND_COUNT; i++)
            begun |= begin_one(n, &n->ring[i]);
    }
    loop_timer_at(&n->timer, n->stopped ? MONO_NEVER
                             : shut     ? loop_now(n->loop) + SHUT_NS
                                        : alarms_next(&n->alarms));
}

static void on_timer(void *arg)
{
    (void)arg; /* the turn's end does the work */
}

void notifier_take(struct notifier *n, struct notice *take)
{
    struct counter *c = counter_for(n, take->channel);
    struct thread *t = c ? thread_for(n, take->incident_id, c) : NULL;
    struct entry *e = t ? calloc(1, sizeof *e) : NULL;
    if (!e) {
        log_error("notifier.memory", "notice=%llu waits for the next start: out of memory",
                  (unsigned long long)take->id);
        notice_free(take);
        if (t && !t->entries)
            thread_drop(n, t);
        else if (c && c->threads == 0)
            counter_drop(n, c);
        return;
    }
    e->notice = take;
    DL_APPEND(t->entries, e);
    drop_old_reminders(n, t);
    if (t->entries == e && !t->queued)
        sleep_until(n, t, take->next_try_us);
}

/* ── A life ────────────────────────────────────────────────────────────── */

int notifier_new(struct notifier **ret, struct loop *l, const struct config *config, notifier_told_fn *told,
                 void *arg, struct err *err)
{
    if (sodium_init() < 0)
        return err_set(err, -EIO, "libsodium does not work here");
    struct notifier *n = calloc(1, sizeof *n);
    if (!n)
        return err_set(err, -ENOMEM, "out of memory");
    n->loop = l;
    n->config = config;
    n->told = told;
    n->arg = arg;
    loop_timer_init(l, &n->timer, on_timer, n);
    int r = channels_new(&n->channels, l, config, err);
    if (r == 0 && loop_after_turn(l, after_turn, n) < 0)
        r = err_set(err, -ENOSPC, "too many hooks on one loop");
    if (r < 0) {
        notifier_free(n);
        return r;
    }
    *ret = n;
    return 0;
}

static void count_notice(struct notifier_counts *c, int64_t age_us)
{
    static const int64_t most[AGE_OLDER] = { 60 * US_PER_S, 600 * US_PER_S, US_PER_HOUR };
    unsigned age = 0;
    while (age < AGE_OLDER && age_us > most[age])
        age++;
    c->pending[age]++;
    if (age_us > c->oldest_us)
        c->oldest_us = age_us;
}

void notifier_counts(const struct notifier *n, enum channel_kind kind, wall_us now,
                     struct notifier_counts *ret)
{
    const struct ring *ring = &n->ring[kind];
    *ret = ring->counts;
    ret->under_way = ring->under_way;
    for (const struct thread *t = n->threads; t; t = t->hh.next)
        if (t->key.counter->ring == ring)
            for (const struct entry *e = t->entries; e; e = e->next)
                count_notice(ret, now - e->notice->created_us);
}

void notifier_set_gate(struct notifier *n, const struct tenure *tenure)
{
    n->gate = tenure;
}

void notifier_stop(struct notifier *n)
{
    n->stopped = true;
}

size_t notifier_under_way(const struct notifier *n)
{
    return n->under_way;
}

size_t notifier_untold(const struct notifier *n)
{
    return n->n_untold;
}

void notifier_free(struct notifier *n)
{
    if (!n)
        return;
    n->stopped = true;
    channels_free(n->channels);
    struct thread *t, *next;
    HASH_ITER (hh, n->threads, t, next) {
        struct entry *e, *other;
        DL_FOREACH_SAFE (t->entries, e, other) {
            notice_free(e->notice);
            free(e);
        }
        thread_drop(n, t);
    }
    while (n->untold) {
        struct untold *u = n->untold;
        DL_DELETE(n->untold, u);
        free(u);
    }
    alarms_done(&n->alarms);
    loop_timer_done(&n->timer);
    loop_turn(n->loop, 0); /* the timer is part of us */
    free(n);
}
