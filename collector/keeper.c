#include "collector/keeper.h"
#include "collector/books.h"
#include "collector/episodes.h"
#include "collector/fleet.h"
#include "collector/hearing.h"
#include "collector/housekeeping.h"
#include "common/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How a batch lives
 *
 * What arrives is judged at once into the batch under way, which moves the
 * memory. The batch is committed when it is full or its first entry has waited
 * for batch_wait, and what follows from it is handed out then, and not before.
 * When the store is away the batch is held: nothing further is judged, so that
 * memory never runs more than one batch ahead of the store, and the very same
 * batch is committed later. If we die in between, nobody has been told of it:
 * workers send their results again, and the next process judges them from what
 * the store says.
 */

enum {
    FOLLOW_MS = 100,     /* how often the store is asked for edits, when no result comes */
    TICK_MS = 1000,      /* pulse, reminders, vitals */
    HOLD_FIRST_MS = 100, /* patience with a store that is away */
    HOLD_MOST_MS = 5000,
    SAY_AWAY_S = 60, /* how often it is said that the store is away */
};

struct keeper {
    struct store *store; /* borrowed */
    const struct config *config;
    struct keeper_ports ports;

    struct books books;
    struct batch batch;
    struct fleet *fleet;
    struct episodes *episodes;
    struct postbox *postbox;
    struct housekeeping housekeeping;

    bool waiting;     /* the batch has something in it ... */
    mono_ns since;    /* ... since then */
    int64_t hold_ms;  /* 0: not held */
    mono_ns retry_at; /* held: when to commit again */
    mono_ns held_since, said_at;
    int held_by;                                 /* the failure that holds it */
    char trouble[sizeof((struct err *)0)->text]; /* ... in words */
    mono_ns follow_at, tick_at;
    uint64_t seq; /* of the feed */
    struct keeper_counts counts;
    struct log_gate side_gate; /* for failures of what is only looked after */
};

/* ── What leaves ───────────────────────────────────────────────────────── */

static void publish(void *arg, const struct event *e)
{
    struct keeper *k = arg;
    struct event numbered = *e;
    numbered.seq = ++k->seq;
    k->ports.publish(k->ports.arg, &numbered);
}

static void publish_result(struct keeper *k, const struct result *r, wall_us now)
{
    const struct watched *w = sites_find(k->books.judge.sites, r->run.site_id);
    struct event e = {
        .kind = EVENT_RESULT,
        .at_us = now,
        .site_id = r->run.site_id,
        .site = w ? w->site.name : "",
        .url = w ? w->site.url : "",
        .channel = "",
        .text = "",
        .result = *r,
    };
    publish(k, &e);
}

static void publish_told(struct keeper *k, const struct told *t, wall_us now)
{
    const struct watched *w = sites_find(k->books.judge.sites, t->site_id);
    struct event e = {
        .kind = EVENT_NOTICE,
        .at_us = now,
        .site_id = t->site_id,
        .site = w ? w->site.name : "",
        .url = w ? w->site.url : "",
        .incident_id = t->incident_id,
        .notice = t->kind,
        .notice_state = t->state,
        .channel = t->channel,
        .text = t->trouble,
    };
    publish(k, &e);
}

static void acknowledge(struct keeper *k)
{
    const struct batch *b = &k->batch;
    struct recorded recorded[WIRE_MAX_FEEDBACK];
    size_t i = 0, asked = 0;
    while (i < b->n_results || asked < b->n_asks) {
        struct feedback f = { .recorded = recorded, .again = b->asks + asked };
        for (; i < b->n_results && f.n_recorded < WIRE_MAX_FEEDBACK; i++) {
            const struct result *r = &b->results[i];
            struct recorded *to = &recorded[f.n_recorded++];
            *to = (struct recorded){
                .job_id = r->job_id,
                .lane = r->lane,
                .run = r->run,
                .patience_s = r->patience_s,
                .held_back = r->cause == CAUSE_HELD_BACK,
            };
            memcpy(to->worker, r->worker, sizeof to->worker);
        }
        f.n_again = b->n_asks - asked < WIRE_MAX_FEEDBACK ? b->n_asks - asked : WIRE_MAX_FEEDBACK;
        asked += f.n_again;
        k->ports.feedback(k->ports.arg, &f);
    }
}

/* Those that nobody made did not end, and had no worker's clock. */
static void count_look(struct keeper *k, const struct result *r, wall_us now)
{
    k->counts.looks[r->run.look > 0][r->verdict] += r->span;
    if (r->cause != CAUSE_MISSED && r->cause != CAUSE_LOST)
        spread_add(&k->counts.recorded, now - r->at_us - r->took_us);
}

/* The batch is in the store: now everybody may know. */
static void hand_out(struct keeper *k, wall_us now)
{
    struct batch *b = &k->batch;
    acknowledge(k);
    for (size_t i = 0; i < b->n_results; i++) {
        k->counts.results += b->fresh[i];
        k->counts.duplicates += !b->fresh[i];
        if (b->fresh[i])
            count_look(k, &b->results[i], now);
        if (k->config->collector.feed_results && b->fresh[i])
            publish_result(k, &b->results[i], now);
    }
    for (size_t i = 0; i < b->n_news; i++)
        publish(k, &b->news[i].event);
    for (size_t i = 0; i < b->n_tolds; i++) {
        postbox_told(k->postbox, &b->tolds[i]);
        publish_told(k, &b->tolds[i], now);
    }
    for (size_t i = 0; i < b->n_notices; i++)
        postbox_put(k->postbox, moved(b->notices[i]));
    b->n_notices = 0;
    k->counts.batches++;
    batch_clear(b);
}

/* ── The transaction ───────────────────────────────────────────────────── */

static bool passes(int r)
{
    return r == -ENOSPC || r == -EBUSY || r == -EIO;
}

static void hold(struct keeper *k, mono_ns now, int r, const struct err *err)
{
    if (k->hold_ms == 0)
        k->held_since = now;
    if (k->hold_ms == 0 || now - k->said_at >= SAY_AWAY_S * NS_PER_S) {
        log_warn("keeper.store_away", "results=%zu for_s=%lld: keeping them and trying again: %s",
                 k->batch.n_results, (long long)((now - k->held_since) / NS_PER_S), err->text);
        k->said_at = now;
    }
    k->held_by = r;
    snprintf(k->trouble, sizeof k->trouble, "%s", err->text);
    k->counts.store_failures++;
    k->hold_ms = k->hold_ms ? k->hold_ms * 2 : HOLD_FIRST_MS;
    if (k->hold_ms > HOLD_MOST_MS)
        k->hold_ms = HOLD_MOST_MS;
    k->retry_at = now + k->hold_ms * NS_PER_MS;
}

static int commit(struct keeper *k, struct instant now, struct err *err)
{
    struct err why = { 0 };
    mono_ns began = clock_mono();
    int r = batch_commit(&k->batch, k->store, &why);
    spread_add(&k->counts.commits, (clock_mono() - began) / NS_PER_US);
    if (r < 0 && passes(r)) {
        hold(k, now.mono, r, &why);
        return 0;
    }
    if (r < 0)
        return err_set(err, r, "%s", why.text);
    if (k->hold_ms > 0)
        log_info("keeper.store_back", "results=%zu attempts=%llu", k->batch.n_results,
                 (unsigned long long)k->counts.store_failures);
    k->hold_ms = 0;
    k->waiting = false;
    hand_out(k, now.wall);
    return 0;
}

/* Things that are in the batch now have waited since now. */
static void note_waiting(struct keeper *k, mono_ns now)
{
    if (k->waiting || batch_empty(&k->batch))
        return;
    k->waiting = true;
    k->since = now;
}

static mono_ns commit_at(const struct keeper *k)
{
    if (k->hold_ms > 0)
        return k->retry_at;
    if (!k->waiting)
        return MONO_NEVER;
    if (k->batch.failed || k->batch.n_results >= k->config->collector.batch)
        return k->since;
    return k->since + k->config->collector.batch_wait_us * NS_PER_US;
}

/* ── What arrives ──────────────────────────────────────────────────────── */

bool keeper_has_room(const struct keeper *k)
{
    return k->hold_ms == 0 && !k->batch.failed && k->batch.n_results < k->config->collector.batch;
}

static int side_failure(struct keeper *k, const char *what, int r, mono_ns now, struct err *err)
{
    uint64_t held = 0;
    if (!passes(r))
        return r;
    k->counts.store_failures++;
    if (log_gate_open(&k->side_gate, now, &held))
        log_warn("keeper.store_slow", "what=%s held_back=%llu: %s", what, (unsigned long long)held,
                 err->text);
    return 0;
}

static int follow(struct keeper *k, struct instant now, struct err *err)
{
    k->follow_at = now.mono + FOLLOW_MS * NS_PER_MS;
    int r = books_follow(&k->books, k->store, &k->batch, now, err);
    return r < 0 ? side_failure(k, "follow", r, now.mono, err) : 0;
}

/* A look may be of a site as it was edited a moment ago. The coordinator gives out
 * what the store says, so whoever asks the store now knows the edit before judging:
 * otherwise the new URL's good answer would end the old one's outage. */
static void follow_first(struct keeper *k, struct instant now)
{
    struct err err = { 0 };
    if (k->hold_ms == 0)
        follow(k, now, &err); /* a failure shows again at the next turn */
}

void keeper_take(struct keeper *k, const struct parcel *p, struct instant now)
{
    if (p->kind == REPORT_VITALS) {
        if (fleet_take(k->fleet, &p->vitals) < 0)
            k->batch.failed = -ENOMEM;
        return;
    }
    if (p->n_results > 0)
        follow_first(k, now);
    for (size_t i = 0; i < p->n_results; i++)
        judge_result(&k->books.judge, &k->batch, &p->results[i], now);
    note_waiting(k, now.mono);
}

void keeper_told(struct keeper *k, const struct told *t, struct instant now)
{
    batch_told(&k->batch, t);
    note_waiting(k, now.mono);
}

/* ── One turn ──────────────────────────────────────────────────────────── */

static void own_pulse(const struct keeper *k, mono_ns now, struct pulse *p)
{
    sites_count(k->books.judge.sites, p);
    p->incidents_open = incidents_open_count(k->books.judge.incidents);
    p->notices_pending = postbox_pending(k->postbox);
    p->results = k->counts.results;
    p->shard = k->config->shard;
    p->shards = k->config->shards;
    if (k->hold_ms > 0) /* a whole second at least: 0 says that all is well */
        p->store_away_s = (uint64_t)((now - k->held_since) / NS_PER_S + 1);
}

static void pulse(struct keeper *k, struct instant now)
{
    struct event e = {
        .kind = EVENT_PULSE, .at_us = now.wall, .site = "", .url = "", .channel = "", .text = ""
    };
    own_pulse(k, now.mono, &e.pulse);
    fleet_count(k->fleet, &e.pulse);
    publish(k, &e);
}

static void write_state(void *arg, struct watched *w)
{
    batch_state(arg, w);
}

/* The states that nobody was in a hurry to write. */
static void sweep(struct keeper *k, wall_us now)
{
    wall_us states_us = 0;
    sites_sweep(k->books.judge.sites, now, write_state, &k->batch, &states_us);
    if (states_us)
        k->batch.states_us = states_us;
}

/* What is done once for all shards, the first one's collector does: roll-ups, packing and
 * forgetting, and telling the operator of a worker in doubt, which all of them see. */
static bool does_chores(const struct keeper *k)
{
    return k->config->shard == 0;
}

static void look_at_workers(struct keeper *k, struct instant now)
{
    struct hearing h;
    hearing_hold(&h, k->fleet, &k->books.judge, does_chores(k) ? k->episodes : NULL, now);
    if (h.n > 0) {
        const struct feedback f = { .accused = h.accused, .n_accused = h.n };
        k->ports.feedback(k->ports.arg, &f);
    }
    if (does_chores(k))
        episodes_step(k->episodes, &k->batch, k->books.judge.incidents, now.wall);
}

static int tick(struct keeper *k, struct instant now, struct err *err)
{
    if (now.mono < k->tick_at)
        return 0;
    k->tick_at = now.mono + TICK_MS * NS_PER_MS;
    pulse(k, now);
    if (k->hold_ms > 0)
        return 0;
    int kept = store_keep_claim(k->store, err);
    if (kept < 0)
        return side_failure(k, "claim", kept, now.mono, err);
    sweep(k, now.wall);
    incidents_remind(k->books.judge.incidents, &k->batch, k->books.judge.sites, now.wall);
    look_at_workers(k, now);
    if (k->ports.dropped)
        fleet_dropped(k->fleet, k->ports.dropped(k->ports.arg));
    int r = fleet_put(k->fleet, k->store, now.wall, publish, k, err);
    return r < 0 ? side_failure(k, "vitals", r, now.mono, err) : 0;
}

/* What is only looked after, when there is nothing better to do. */
static int spare_time(struct keeper *k, struct instant now, struct err *err)
{
    int r = postbox_fill(k->postbox, k->store, err);
    if (r == 0 && !k->waiting && does_chores(k))
        r = housekeeping_turn(&k->housekeeping, k->store, k->config, now, err);
    return r < 0 ? side_failure(k, "housekeeping", r, now.mono, err) : 0;
}

int keeper_turn(struct keeper *k, struct instant now, struct err *err)
{
    int r = tick(k, now, err);
    if (r == 0 && k->hold_ms == 0) {
        if (now.mono >= k->follow_at)
            r = follow(k, now, err);
        judge_due(&k->books.judge, &k->batch, now);
        note_waiting(k, now.mono);
    }
    if (r == 0 && now.mono >= commit_at(k))
        r = commit(k, now, err);
    if (r == 0 && k->hold_ms == 0)
        r = spare_time(k, now, err);
    return r;
}

static void sooner(mono_ns *next, mono_ns at)
{
    if (at < *next)
        *next = at;
}

mono_ns keeper_next(const struct keeper *k)
{
    mono_ns next = k->tick_at;
    sooner(&next, commit_at(k));
    if (k->hold_ms > 0)
        return next;
    sooner(&next, k->follow_at);
    sooner(&next, rounds_next(k->books.judge.rounds));
    if (does_chores(k))
        sooner(&next, housekeeping_next(&k->housekeeping));
    return next;
}

bool keeper_flush(struct keeper *k, struct instant now, int *ret_failure, struct err *err)
{
    *ret_failure = 0;
    if (batch_empty(&k->batch))
        return true;
    *ret_failure = commit(k, now, err);
    return *ret_failure == 0 && k->hold_ms == 0;
}

size_t keeper_unrecorded(const struct keeper *k, int *ret_why)
{
    *ret_why = k->hold_ms > 0 ? k->held_by : 0;
    return k->batch.n_results;
}

struct keeper_counts keeper_counts(const struct keeper *k)
{
    return k->counts;
}

struct keeper_state keeper_state(const struct keeper *k, mono_ns now)
{
    struct keeper_state s = {
        .rounds = k->books.judge.counts,
        .rounds_open = rounds_count(k->books.judge.rounds),
        .unrecorded = k->batch.n_results,
        .away = k->hold_ms > 0 ? now - k->held_since : 0,
        .trouble = k->hold_ms > 0 ? k->trouble : "",
    };
    own_pulse(k, now, &s.pulse);
    return s;
}

/* ── Making one ────────────────────────────────────────────────────────── */

struct loading {
    struct keeper *keeper;
    wall_us now;
};

static int on_episode(void *arg, const struct episode *e)
{
    struct loading *l = arg;
    return episodes_load(l->keeper->episodes, e, l->now);
}

/* Those that are open, and the newest for its id. */
static int load_episodes(struct keeper *k, wall_us now, struct err *err)
{
    struct loading l = { k, now };
    const struct episode_filter newest = { .max = 1 }, open = { .open_only = true };
    int r = store_each_episode(k->store, &newest, on_episode, &l, err);
    return r == 0 ? store_each_episode(k->store, &open, on_episode, &l, err) : r;
}

int keeper_new(struct keeper **ret, struct store *store, const struct config *config,
               const struct keeper_ports *ports, struct instant now, struct err *err)
{
    scoped(keeper) struct keeper *k = calloc(1, sizeof *k);
    if (!k)
        return err_set(err, -ENOMEM, "out of memory");
    k->store = store;
    k->config = config;
    k->ports = *ports;
    k->tick_at = k->follow_at = now.mono;
    housekeeping_init(&k->housekeeping, now);
    if (fleet_new(&k->fleet) < 0 ||
        postbox_new(&k->postbox, config_shard(config), ports->deliver, ports->arg) < 0)
        return err_set(err, -ENOMEM, "out of memory");
    int r = episodes_new(&k->episodes, config->operator.notify, config->operator.settled_us, err);
    if (r == 0)
        r = load_episodes(k, now.wall, err);
    if (r == 0)
        r = books_open(&k->books, config_shard(config), store, &k->batch, now, err);
    if (r < 0)
        return r;
    note_waiting(k, now.mono);
    *ret = moved(k);
    return 0;
}

void keeper_free(struct keeper *k)
{
    if (!k)
        return;
    batch_done(&k->batch); /* before the books: it points into them */
    books_close(&k->books);
    postbox_free(k->postbox);
    fleet_free(k->fleet);
    episodes_free(k->episodes);
    free(k);
}
